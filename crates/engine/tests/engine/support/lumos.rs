//! Lumos's own API as a test scripts it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use usher_core::Sent;
use usher_engine::{AccessRequest, Lumos, LumosFault, Progress, Task};
use usher_journal::{Request, Stored};

/// What the next calls of a kind come to; without a script, what is so.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Fails(LumosFault),
    /// It takes place, and its answer never comes.
    Hangs,
    /// It is answered when released.
    Held,
}

#[derive(Debug, Default)]
struct State {
    tasks: Vec<Task>,
    status: Option<(String, Progress)>,
    finding: VecDeque<Asked>,
    commenting: VecDeque<Asked>,
    completing: VecDeque<Asked>,
    showing: VecDeque<Asked>,
    comments: Vec<String>,
    completed: Vec<String>,
    calls: Vec<&'static str>,
    completes: bool,
    listed: Option<BTreeSet<String>>,
}

/// Tasks and access requests. There is no task at first, and every access request is open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Desk {
    state: Arc<Mutex<State>>,
    release: Arc<Notify>,
    arrived: Arc<Notify>,
}

pub(crate) fn out_of_reach(sent: Sent) -> Asked {
    Asked::Fails(LumosFault::OutOfReach { sent, after: None, why: "Lumos is not there".to_owned() })
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn opens(&self, id: &str) -> &Self {
        self.opens_task(Task { id: id.to_owned(), manual_steps: false })
    }

    pub(crate) fn opens_task(&self, task: Task) -> &Self {
        self.lock().tasks.push(task);
        self
    }

    pub(crate) fn is(&self, status: &str, progress: Progress) -> &Self {
        self.lock().status = Some((status.to_owned(), progress));
        self
    }

    /// `on_late_success = "complete"`, and what every payload lists.
    pub(crate) fn completes(&self, listed: Option<&[&str]>) -> &Self {
        let mut state = self.lock();
        state.completes = true;
        state.listed = listed.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        drop(state);
        self
    }

    pub(crate) fn finding(&self, script: impl IntoIterator<Item = Asked>) -> &Self {
        self.lock().finding.extend(script);
        self
    }

    pub(crate) fn commenting(&self, script: impl IntoIterator<Item = Asked>) -> &Self {
        self.lock().commenting.extend(script);
        self
    }

    pub(crate) fn completing(&self, script: impl IntoIterator<Item = Asked>) -> &Self {
        self.lock().completing.extend(script);
        self
    }

    pub(crate) fn showing(&self, script: impl IntoIterator<Item = Asked>) -> &Self {
        self.lock().showing.extend(script);
        self
    }

    pub(crate) fn comments(&self) -> Vec<String> {
        self.lock().comments.clone()
    }

    pub(crate) fn completed(&self) -> Vec<String> {
        self.lock().completed.clone()
    }

    /// How often a kind of call came: `show`, `find`, `comment`, `complete`.
    pub(crate) fn calls(&self, kind: &str) -> usize {
        self.lock().calls.iter().filter(|call| **call == kind).count()
    }

    pub(crate) fn release(&self) {
        self.release.notify_one();
    }

    /// Returns once a call of this kind has come.
    pub(crate) async fn arrival(&self, kind: &str) {
        loop {
            let arrived = self.arrived.notified();
            if self.calls(kind) > 0 {
                return;
            }
            arrived.await;
        }
    }

    async fn called(
        &self,
        kind: &'static str,
        script: impl FnOnce(&mut State) -> Option<Asked> + Send,
        effect: impl FnOnce(&mut State) + Send,
    ) -> Result<(), LumosFault> {
        let asked = {
            let mut state = self.lock();
            state.calls.push(kind);
            script(&mut state)
        };
        self.arrived.notify_waiters();
        match asked {
            Some(Asked::Fails(fault)) => return Err(fault),
            Some(Asked::Hangs) => {
                effect(&mut self.lock());
                let () = std::future::pending().await;
            }
            Some(Asked::Held) => {
                self.release.notified().await;
                effect(&mut self.lock());
            }
            None => effect(&mut self.lock()),
        }
        Ok(())
    }
}

#[async_trait]
impl Lumos for Desk {
    async fn access_request(&self, _: &Request) -> Result<AccessRequest, LumosFault> {
        self.called("show", |state| state.showing.pop_front(), |_| ()).await?;
        let status = self.lock().status.clone();
        let (status, progress) = status.unwrap_or(("PENDING_MANUAL_PROVISIONING".to_owned(), Progress::Open));
        Ok(AccessRequest { status, progress })
    }

    async fn task(&self, _: &Request) -> Result<Option<Task>, LumosFault> {
        self.called("find", |state| state.finding.pop_front(), |_| ()).await?;
        let state = self.lock();
        if state.tasks.len() > 1 {
            return Err(LumosFault::No(format!("{} tasks wait", state.tasks.len())));
        }
        Ok(state.tasks.first().cloned())
    }

    async fn comment(&self, task: &str, text: &str) -> Result<(), LumosFault> {
        let comment = format!("{task}: {text}");
        self.called("comment", |state| state.commenting.pop_front(), |state| state.comments.push(comment))
            .await
    }

    async fn complete(&self, task: &str) -> Result<(), LumosFault> {
        let effect = |state: &mut State| {
            state.tasks.retain(|open| open.id != task);
            state.completed.push(task.to_owned());
        };
        self.called("complete", |state| state.completing.pop_front(), effect).await
    }

    fn completes(&self) -> bool {
        self.lock().completes
    }

    fn listed(&self, _: &Stored) -> Option<BTreeSet<String>> {
        self.lock().listed.clone()
    }
}

/// Longer than the pauses between looks while Lumos is out of reach.
pub(crate) const A_WHILE: Duration = Duration::from_secs(120);
