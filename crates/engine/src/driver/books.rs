//! Which runs this process has, and how others reach them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use usher_journal::{Execution, Request, RequestId};

use super::Inner;
use crate::Answer;
use crate::decide::Event;

/// A run in this process, for others.
#[derive(Clone, Debug)]
pub(crate) struct Active {
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) result: watch::Receiver<Option<Answer>>,
    /// Ends the task where it has no turn: a replay takes over.
    retire: CancellationToken,
    /// It has no turn, and may be retired. Changed only under the books' lock.
    parked: Arc<AtomicBool>,
}

/// The run's own ends of [`Active`]. Dropping it takes the run out of the books.
pub(super) struct Registered {
    id: RequestId,
    inner: Arc<Inner>,
    pub(super) events: mpsc::Receiver<Event>,
    result: watch::Sender<Option<Answer>>,
    pub(super) retire: CancellationToken,
    parked: Arc<AtomicBool>,
}

impl Registered {
    /// Tells duplicates how it came out. The first result stays.
    pub(super) fn publish(&self, answer: Answer) {
        self.result.send_if_modified(|result| {
            let first = result.is_none();
            result.get_or_insert(answer);
            first
        });
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut active = self.inner.active.lock().unwrap_or_else(PoisonError::into_inner);
        // A later attempt on the same row may have its own entry by now.
        if active.get(&self.id).is_some_and(|entry| Arc::ptr_eq(&entry.parked, &self.parked)) {
            active.remove(&self.id);
        }
    }
}

/// Whether a run could be taken out of the way.
pub(super) enum Retired {
    /// There was none, or it is gone.
    Yes,
    /// It has its turn.
    Running,
}

impl Inner {
    pub(super) fn register(self: &Arc<Self>, id: &RequestId, parked: bool) -> Registered {
        let (sender, events) = mpsc::channel(16);
        let (result, receiver) = watch::channel(None);
        let (retire, parked) = (CancellationToken::new(), Arc::new(AtomicBool::new(parked)));
        let active =
            Active { events: sender, result: receiver, retire: retire.clone(), parked: parked.clone() };
        self.lock_active().insert(id.clone(), active);
        Registered { id: id.clone(), inner: self.clone(), events, result, retire, parked }
    }

    pub(super) fn set_parked(&self, own: &Registered) {
        let _books = self.lock_active();
        own.parked.store(true, Ordering::SeqCst);
    }

    /// False: a replay has taken over. From here on none can, until it is parked again.
    pub(super) fn is_still_mine(&self, own: &Registered) -> bool {
        let _books = self.lock_active();
        own.parked.store(false, Ordering::SeqCst);
        !own.retire.is_cancelled()
    }

    /// Takes a run without a turn out of the way.
    pub(super) fn retire(&self, id: &RequestId) -> Retired {
        let mut active = self.lock_active();
        match active.get(id) {
            None => Retired::Yes,
            Some(run) if !run.parked.load(Ordering::SeqCst) => Retired::Running,
            Some(run) => {
                run.retire.cancel();
                active.remove(id);
                Retired::Yes
            }
        }
    }

    /// A run that the next process takes up.
    pub(super) fn leave_to_journal(&self, own: Registered) {
        self.left.fetch_add(1, Ordering::SeqCst);
        drop(own);
    }
}

/// What a request that has come to rest tells whoever waits for its result.
pub(super) fn result(request: &Request) -> Answer {
    if request.execution == Execution::Confirmed && request.reason.is_none() {
        return Answer::Positive;
    }
    Answer::negative(request.reason.clone().unwrap_or_else(|| "not done yet".to_owned()))
}
