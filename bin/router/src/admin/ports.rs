use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use usher_engine::{Act, Engine, OperateError};
use usher_journal::{Filter, JournalError, Page, Pause, Request, RequestId, Stored};

use crate::edge::Deliver;

/// What operators reach. The engine and its journal, or scripted ones in tests.
#[async_trait]
pub trait Operate: fmt::Debug + Send + Sync + 'static {
    /// Some requests, newest first.
    async fn list(&self, filter: &Filter) -> Result<Page, JournalError>;

    /// One request with its history.
    async fn find(&self, request: &RequestId) -> Result<Option<Stored>, JournalError>;

    /// Runs a request again, or ends it.
    async fn operate(
        &self,
        request: &RequestId,
        act: Act,
        by: &str,
        reason: &str,
    ) -> Result<Request, OperateError>;

    /// Pauses a connection, or lets it go on.
    async fn pause(&self, connection: &str, pause: Option<Pause>) -> Result<(), JournalError>;

    /// What is paused.
    async fn pauses(&self) -> BTreeMap<String, Pause>;

    /// Whether webhooks can be taken.
    async fn is_ready(&self) -> bool;
}

#[async_trait]
impl Operate for Engine {
    async fn list(&self, filter: &Filter) -> Result<Page, JournalError> {
        self.journal().list(filter).await
    }

    async fn find(&self, request: &RequestId) -> Result<Option<Stored>, JournalError> {
        self.journal().find(request).await
    }

    async fn operate(
        &self,
        request: &RequestId,
        act: Act,
        by: &str,
        reason: &str,
    ) -> Result<Request, OperateError> {
        Self::operate(self, request, act, by, reason).await
    }

    async fn pause(&self, connection: &str, pause: Option<Pause>) -> Result<(), JournalError> {
        Self::pause(self, connection, pause).await
    }

    async fn pauses(&self) -> BTreeMap<String, Pause> {
        Self::pauses(self)
    }

    async fn is_ready(&self) -> bool {
        Deliver::is_ready(self).await
    }
}
