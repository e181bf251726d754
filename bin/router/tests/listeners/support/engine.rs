use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, watch};
use usher_core::{Call, Facet, Fault, Hold, LimitState, Limiter, Permit, Refusal, SubjectKey};
use usher_engine::{
    Act, Answer, BreakerView, CheckedHolder, Delivery, HoldingCheck, OperateError, Preview, Repeated, Reply,
    Stand, Standing,
};
use usher_journal::{
    AnswerState, Arrival, Contents, Filter, Holding, HoldingsFilter, HoldingsPage, Journal, JournalError,
    Ledger, MemoryJournal, Moment, Page, Pause, Prunable, Prune, Record, Request, RequestId, Stamp, Stored,
    Telling,
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

/// What a plan shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Foreseen {
    pub(crate) holds: BTreeMap<Facet, Hold>,
    pub(crate) repeats: Option<Repeated>,
    pub(crate) would: Vec<String>,
    pub(crate) mailed: Option<(String, jiff::Timestamp)>,
    pub(crate) refused: Vec<(BTreeSet<Facet>, Refusal)>,
    pub(crate) stand: Option<Stand>,
    pub(crate) fault: Option<Fault>,
}

/// Does as it is told, and keeps what it was given.
pub(crate) struct ScriptedEngine {
    behaviour: Mutex<Behaviour>,
    deliveries: Mutex<Vec<Delivery>>,
    begun: watch::Sender<usize>,
    given_up: Arc<watch::Sender<usize>>,
    pub(crate) acts: Mutex<Vec<(RequestId, Act, String, String)>>,
    pub(crate) refuses: Mutex<Option<OperateError>>,
    pub(crate) foresees: Mutex<Foreseen>,
    /// What requests came to that were replayed with today's mapping.
    pub(crate) todays: Mutex<Vec<Option<Request>>>,
    /// What the vendor shows of everything that somebody holds.
    pub(crate) shows: Mutex<Result<Hold, Fault>>,
    /// How the circuits stand.
    pub(crate) breakers: Mutex<BTreeMap<String, BreakerView>>,
    /// How the limit of the connection stands.
    pub(crate) limit: Mutex<Option<LimitState>>,
    pub(crate) journal: MemoryJournal,
}

#[async_trait]
impl Limiter for ScriptedEngine {
    async fn permit(&self, _key: &str, _call: &Call) -> Result<Box<dyn Permit>, Duration> {
        Err(Duration::MAX)
    }

    fn state(&self) -> Option<LimitState> {
        *self.limit.lock().unwrap()
    }
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
            given_up: Arc::new(watch::Sender::new(0)),
            acts: Mutex::default(),
            refuses: Mutex::default(),
            foresees: Mutex::default(),
            todays: Mutex::default(),
            shows: Mutex::new(Ok(Hold::Present)),
            breakers: Mutex::default(),
            limit: Mutex::default(),
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

    /// Until nobody waits any more for so many that were not finished.
    pub(crate) async fn given_up(&self, count: usize) {
        self.given_up.subscribe().wait_for(|given_up| *given_up >= count).await.unwrap();
    }

    /// Puts a request into the journal as it is.
    pub(crate) async fn keeps(&self, request: Request, body: &[u8]) {
        let at = Moment { wall: request.received, stamp: Stamp { boot: 1, ticks: Duration::ZERO } };
        self.journal.accept(Arrival { request, body: body.to_vec() }, at).await.unwrap();
    }

    /// Prunes the payload of a request that it keeps, at this time.
    pub(crate) async fn prunes_payloads_of(&self, name: &str, now: jiff::Timestamp) {
        let id = RequestId(name.to_owned());
        let at = Moment {
            wall: self.journal.find(&id).await.unwrap().unwrap().request.received,
            stamp: Stamp { boot: 1, ticks: Duration::ZERO },
        };
        let answered = Record::Answered(AnswerState::Negative { reason: "no".to_owned() });
        self.journal.commit(&id, vec![answered], at).await.unwrap();
        let prune = Prune { what: Prunable::Payloads, before: now, after: None, limit: 0 };
        assert_eq!(self.journal.prune(&prune, now).await.unwrap().requests, 1);
    }

    /// Has a request confirmed that it keeps.
    pub(crate) async fn confirms(&self, request: &Request) {
        let at = Moment { wall: request.received, stamp: Stamp { boot: 1, ticks: Duration::ZERO } };
        let confirmed = Record::Confirmed {
            held: request.permissions.iter().map(|permission| permission.name.clone()).collect(),
            released: BTreeSet::new(),
            handles: BTreeMap::new(),
            account: None,
            reason: None,
            telling: Telling::None,
        };
        self.journal.commit(&request.id, vec![confirmed], at).await.unwrap();
    }
}

/// Says so when it is dropped before the end.
struct Waiting(Option<Arc<watch::Sender<usize>>>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(given_up) = self.0.take() {
            given_up.send_modify(|given_up| *given_up += 1);
        }
    }
}

#[async_trait]
impl Deliver for ScriptedEngine {
    async fn deliver(&self, delivery: Delivery) -> Reply {
        let request = delivery.arrival.request.id.clone();
        self.deliveries.lock().unwrap().push(delivery);
        self.begun.send_modify(|begun| *begun += 1);
        let mut waiting = Waiting(Some(Arc::clone(&self.given_up)));
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
        waiting.0 = None;
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

    async fn ledger(&self, connection: &str, subject: &SubjectKey) -> Result<Ledger, JournalError> {
        self.journal.ledger(connection, subject).await
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

    async fn replay(
        &self,
        request: &RequestId,
        today: Option<Request>,
        by: &str,
        reason: &str,
    ) -> Result<Request, OperateError> {
        self.todays.lock().unwrap().push(today);
        self.operate(request, Act::Replay, by, reason).await
    }

    async fn holdings(&self, filter: &HoldingsFilter) -> Result<HoldingsPage, JournalError> {
        self.journal.holdings(filter).await
    }

    async fn check_holdings(&self, holding: Holding) -> HoldingCheck {
        let (hold, fault) = match self.shows.lock().unwrap().clone() {
            Ok(hold) => (hold, None),
            Err(fault) => (Hold::Unreadable, Some(fault)),
        };
        let standing = match hold {
            Hold::Present => Standing::There,
            Hold::Pending { .. } => Standing::Pending,
            Hold::Absent => Standing::Missing,
            Hold::Unreadable => Standing::Unreadable,
        };
        let checked = holding.ledger.holders.iter().map(|holder| CheckedHolder {
            holder: holder.clone(),
            standing,
            facets: holder.facets.iter().map(|facet| (facet.clone(), hold.clone())).collect(),
            outranked: Default::default(),
        });
        HoldingCheck { holders: checked.collect(), fault, holding }
    }

    async fn preview(&self, request: Request) -> Option<Preview> {
        let Foreseen { holds, repeats, would, mailed, refused, stand, fault } =
            self.foresees.lock().unwrap().clone();
        Some(Preview { request, repeats, holds, would, mailed, refused, stand, fault })
    }

    async fn pause(&self, connection: &str, pause: Option<Pause>) -> Result<(), JournalError> {
        self.journal.pause(connection, pause).await
    }

    async fn pauses(&self) -> BTreeMap<String, Pause> {
        self.journal.pauses().await.unwrap()
    }

    async fn breakers(&self) -> BTreeMap<String, BreakerView> {
        self.breakers.lock().unwrap().clone()
    }

    async fn backup(&self, to: &Path) -> Result<Contents, JournalError> {
        self.journal.backup(to).await
    }

    async fn is_ready(&self) -> bool {
        self.journal.ready().await.is_ok()
    }
}
