use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, watch};
use usher_engine::{Act, Answer, Delivery, OperateError, Reply};
use usher_journal::{
    Arrival, Filter, Journal, JournalError, MemoryJournal, Moment, Page, Pause, Request, RequestId, Stamp,
    Stored,
};
use usher_router::admin::Operate;
use usher_router::edge::Deliver;

/// What the engine does with a webhook.
#[derive(Clone, Debug)]
pub(crate) enum Behaviour {
    /// Answers.
    Says(Answer),
    /// Answers as one that was delivered before, under that id.
    Knows(RequestId, Answer),
    /// Has a defect.
    Panics,
    /// Answers when it is told to.
    Waits(Arc<Notify>, Answer),
    /// Never answers.
    Hangs,
}

/// Does as it is told, and keeps what it was given.
pub(crate) struct ScriptedEngine {
    behaviour: Mutex<Behaviour>,
    deliveries: Mutex<Vec<Delivery>>,
    begun: watch::Sender<usize>,
    finished: watch::Sender<usize>,
    pub(crate) acts: Mutex<Vec<(RequestId, Act, String, String)>>,
    pub(crate) refuses: Mutex<Option<OperateError>>,
    pub(crate) journal: MemoryJournal,
}

impl fmt::Debug for ScriptedEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScriptedEngine")
    }
}

impl ScriptedEngine {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            behaviour: Mutex::new(Behaviour::Says(Answer::Positive)),
            deliveries: Mutex::default(),
            begun: watch::Sender::new(0),
            finished: watch::Sender::new(0),
            acts: Mutex::default(),
            refuses: Mutex::default(),
            journal: MemoryJournal::new(),
        })
    }

    pub(crate) fn behaves(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }

    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.deliveries.lock().unwrap().clone()
    }

    pub(crate) async fn begun(&self, count: usize) {
        self.begun.subscribe().wait_for(|begun| *begun >= count).await.unwrap();
    }

    pub(crate) async fn finished(&self, count: usize) {
        self.finished.subscribe().wait_for(|finished| *finished >= count).await.unwrap();
    }

    /// Puts a request into the journal as it is.
    pub(crate) async fn keeps(&self, request: Request, body: &[u8]) {
        let at = Moment { wall: request.received, stamp: Stamp { boot: 1, ticks: Duration::ZERO } };
        self.journal.accept(Arrival { request, body: body.to_vec() }, at).await.unwrap();
    }
}

#[async_trait]
impl Deliver for ScriptedEngine {
    async fn deliver(&self, delivery: Delivery) -> Reply {
        let request = delivery.arrival.request.id.clone();
        self.deliveries.lock().unwrap().push(delivery);
        self.begun.send_modify(|begun| *begun += 1);
        let behaviour = self.behaviour.lock().unwrap().clone();
        let reply = match behaviour {
            Behaviour::Says(answer) => Reply { request, answer },
            Behaviour::Knows(request, answer) => Reply { request, answer },
            Behaviour::Panics => panic!("a defect"),
            Behaviour::Waits(told, answer) => {
                told.notified().await;
                Reply { request, answer }
            }
            Behaviour::Hangs => std::future::pending().await,
        };
        self.finished.send_modify(|finished| *finished += 1);
        reply
    }

    async fn is_ready(&self) -> bool {
        self.journal.ready().await.is_ok()
    }
}

#[async_trait]
impl Operate for ScriptedEngine {
    async fn list(&self, filter: &Filter) -> Result<Page, JournalError> {
        self.journal.list(filter).await
    }

    async fn find(&self, request: &RequestId) -> Result<Option<Stored>, JournalError> {
        self.journal.find(request).await
    }

    async fn operate(
        &self,
        request: &RequestId,
        act: Act,
        by: &str,
        reason: &str,
    ) -> Result<Request, OperateError> {
        if let Some(error) = self.refuses.lock().unwrap().clone() {
            return Err(error);
        }
        let stored =
            self.journal.find(request).await?.ok_or_else(|| OperateError::NotFound(request.clone()))?;
        self.acts.lock().unwrap().push((request.clone(), act, by.to_owned(), reason.to_owned()));
        Ok(stored.request)
    }

    async fn pause(&self, connection: &str, pause: Option<Pause>) -> Result<(), JournalError> {
        self.journal.pause(connection, pause).await
    }

    async fn pauses(&self) -> BTreeMap<String, Pause> {
        self.journal.pauses().await.unwrap()
    }

    async fn is_ready(&self) -> bool {
        self.journal.ready().await.is_ok()
    }
}
