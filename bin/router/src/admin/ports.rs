use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use async_trait::async_trait;
use usher_core::SubjectKey;
use usher_engine::{Act, BreakerView, Engine, HoldingCheck, OperateError, Preview};
use usher_journal::{
    Contents, Filter, Holding, HoldingsFilter, HoldingsPage, JournalError, Ledger, Page, Pause, Request,
    RequestId, Stored,
};

use crate::edge::Deliver;

/// What operators reach. The engine and its journal, or scripted ones in tests.
#[async_trait]
pub trait Operate: fmt::Debug + Send + Sync + 'static {
    /// Some requests, newest first.
    async fn list(&self, filter: &Filter) -> Result<Page, JournalError>;

    /// One request with its history.
    async fn find(&self, request: &RequestId) -> Result<Option<Stored>, JournalError>;

    /// All that is known of a person at a connection.
    async fn ledger(&self, connection: &str, subject: &SubjectKey) -> Result<Ledger, JournalError>;

    /// Runs a request again as it is, or ends it.
    async fn operate(
        &self,
        request: &RequestId,
        act: Act,
        by: &str,
        reason: &str,
    ) -> Result<Request, OperateError>;

    /// Runs a request again; `today`: what its body comes to with today's configuration, for one that was not mapped.
    async fn replay(
        &self,
        request: &RequestId,
        today: Option<Request>,
        by: &str,
        reason: &str,
    ) -> Result<Request, OperateError>;

    /// Who holds what, by the ledger.
    async fn holdings(&self, filter: &HoldingsFilter) -> Result<HoldingsPage, JournalError>;

    /// How that stands at the vendor now.
    async fn check_holdings(&self, holding: Holding) -> HoldingCheck;

    /// What a request would do; `None` where its connection is not there.
    async fn preview(&self, request: Request) -> Option<Preview>;

    /// Pauses a connection, or lets it go on.
    async fn pause(&self, connection: &str, pause: Option<Pause>) -> Result<(), JournalError>;

    /// What is paused.
    async fn pauses(&self) -> BTreeMap<String, Pause>;

    /// The circuit breakers of the connections that have one.
    async fn breakers(&self) -> BTreeMap<String, BreakerView>;

    /// Writes a copy of the journal into a new file.
    async fn backup(&self, to: &Path) -> Result<Contents, JournalError>;

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

    async fn ledger(&self, connection: &str, subject: &SubjectKey) -> Result<Ledger, JournalError> {
        self.journal().ledger(connection, subject).await
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

    async fn replay(
        &self,
        request: &RequestId,
        today: Option<Request>,
        by: &str,
        reason: &str,
    ) -> Result<Request, OperateError> {
        Self::replay(self, request, today, by, reason).await
    }

    async fn holdings(&self, filter: &HoldingsFilter) -> Result<HoldingsPage, JournalError> {
        self.journal().holdings(filter).await
    }

    async fn check_holdings(&self, holding: Holding) -> HoldingCheck {
        Self::check_holdings(self, holding).await
    }

    async fn preview(&self, request: Request) -> Option<Preview> {
        Self::preview(self, request).await
    }

    async fn pause(&self, connection: &str, pause: Option<Pause>) -> Result<(), JournalError> {
        Self::pause(self, connection, pause).await
    }

    async fn pauses(&self) -> BTreeMap<String, Pause> {
        Self::pauses(self)
    }

    async fn breakers(&self) -> BTreeMap<String, BreakerView> {
        Self::breakers(self)
    }

    async fn backup(&self, to: &Path) -> Result<Contents, JournalError> {
        self.journal().backup(to).await
    }

    async fn is_ready(&self) -> bool {
        Deliver::is_ready(self).await
    }
}
