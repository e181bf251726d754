//! One sandbox and one service that many senders share, and what came of each person's requests.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::RwLock;

use super::super::three::{self, Kind, Person};
use super::Size;
use crate::support::{Answer, Payload, Row, Sandbox, Usher};

/// How often what the sandbox holds is let go: sooner than an unanswered change is taken for over.
const LETS_GO: Duration = Duration::from_secs(2);

/// By then what arrived before its sender hung up is in the journal.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(3);

pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    /// Behind a lock for whoever kills it.
    usher: RwLock<Usher>,
    size: Size,
    sent: AtomicUsize,
    people: AtomicUsize,
    /// How often it was killed.
    kills: AtomicUsize,
    /// By kind, and the number of the last call that was looked at.
    faults: Mutex<(BTreeMap<String, usize>, u64)>,
}

/// What came of one delivery.
#[derive(Debug)]
pub(super) enum Outcome {
    Answered {
        answer: Answer,
        /// A yes that the vendor shows at that moment, or a no.
        is_true: bool,
    },
    HungUp,
    /// The service was killed meanwhile.
    CutOff,
    /// The connection ended, and nobody knows why.
    Unanswered,
}

/// What came of one person's requests.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) person: Person,
    pub(super) grants: usize,
    pub(super) removals: usize,
    /// With the direction that was asked for.
    pub(super) heard: Vec<(&'static str, Answer)>,
    pub(super) false_positives: Vec<String>,
    pub(super) hung_up: usize,
    pub(super) cut_off: usize,
    pub(super) unanswered: usize,
    pub(super) accepted: usize,
    /// Whether some delivery of the last step was not answered.
    pub(super) in_doubt: bool,
}

impl Played {
    pub(super) fn of(person: Person, steps: &[Payload]) -> Self {
        let grants = steps.iter().filter(|step| step.direction() == "provision").count();
        Self {
            person,
            grants,
            removals: steps.len() - grants,
            heard: Vec::new(),
            false_positives: Vec::new(),
            hung_up: 0,
            cut_off: 0,
            unanswered: 0,
            accepted: 0,
            in_doubt: false,
        }
    }

    pub(super) fn hear(&mut self, direction: &'static str, outcomes: Vec<Outcome>) {
        self.in_doubt = false;
        for outcome in outcomes {
            self.in_doubt |= !matches!(outcome, Outcome::Answered { .. });
            match outcome {
                Outcome::Answered { answer, is_true } => {
                    if !is_true {
                        self.false_positives.push(format!("{direction} {answer:?}"));
                    }
                    self.heard.push((direction, answer));
                }
                Outcome::HungUp => self.hung_up += 1,
                Outcome::CutOff => self.cut_off += 1,
                Outcome::Unanswered => self.unanswered += 1,
            }
        }
    }

    /// Whether the last word was that an invitation to their account is out. Which account has accepted one that went to an address
    /// alone nobody can tell, so that those stay open.
    pub(super) fn is_invited(&self) -> bool {
        let last = self.heard.last();
        self.person.kind == Kind::GithubAccount
            && last.is_some_and(|(direction, answer)| *direction == "provision" && answer.is_positive())
    }
}

impl Stage {
    pub(super) async fn start(size: Size) -> Self {
        let sandbox = three::sandbox().await;
        let usher = Usher::start_quietly(&three::config_at(&sandbox, &sandbox.url).await).await;
        Self {
            sandbox,
            usher: RwLock::new(usher),
            size,
            sent: AtomicUsize::new(0),
            people: AtomicUsize::new(0),
            kills: AtomicUsize::new(0),
            faults: Mutex::default(),
        }
    }

    /// The next person, until enough was sent.
    pub(super) fn next_person(&self) -> Option<usize> {
        (self.sent() < self.size.requests).then(|| self.people.fetch_add(1, Ordering::SeqCst))
    }

    pub(super) fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }

    pub(super) fn kills(&self) -> usize {
        self.kills.load(Ordering::SeqCst)
    }

    pub(super) fn faults_of(&self, kind: &str) -> usize {
        self.faults.lock().unwrap().0.get(kind).copied().unwrap_or_default()
    }

    /// Lets go what is held, and counts what went wrong before the sandbox forgets it; until it is aborted.
    pub(super) async fn attend(&self) {
        let mut ticks = tokio::time::interval(LETS_GO);
        loop {
            ticks.tick().await;
            self.sandbox.release_all().await;
            self.count_faults().await;
        }
    }

    pub(super) async fn count_faults(&self) {
        let after = self.faults.lock().unwrap().1;
        let calls = self.sandbox.calls_after(after).await;
        let mut faults = self.faults.lock().unwrap();
        faults.1 = calls.last().map_or(after, |call| call.n);
        for kind in calls.into_iter().filter_map(|call| call.fault) {
            *faults.0.entry(kind).or_default() += 1;
        }
    }

    /// Sends it, and looks at the vendor at once where the answer is yes.
    pub(super) async fn send(
        &self,
        person: &Person,
        payload: &Payload,
        hang_up: Option<Duration>,
    ) -> Outcome {
        self.sent.fetch_add(1, Ordering::SeqCst);
        let (sending, kills) = {
            let usher = self.usher.read().await;
            (usher.try_send(payload), self.kills())
        };
        let answer = match hang_up {
            Some(after) => match tokio::time::timeout(after, sending).await {
                Ok(answer) => answer,
                Err(_) => return Outcome::HungUp,
            },
            None => sending.await,
        };
        match answer {
            Some(answer) => {
                let wanted = payload.direction() == "provision";
                let is_true = !answer.is_positive() || person.has_it(&self.sandbox).await == wanted;
                Outcome::Answered { answer, is_true }
            }
            None if self.kills() > kills => Outcome::CutOff,
            None => Outcome::Unanswered,
        }
    }

    /// Until the journal has so many requests about them, which it need not have.
    pub(super) async fn wait_for_rows(&self, email: &str, count: usize) {
        let mut looks = tokio::time::interval(Duration::from_millis(100));
        let seen = async {
            loop {
                looks.tick().await;
                let rows = self.usher.read().await.rows_about(email).await;
                if rows.is_ok_and(|rows| rows.len() >= count) {
                    return;
                }
            }
        };
        let _never_arrived = tokio::time::timeout(ACCEPTED_WITHIN, seen).await;
    }

    /// Kills it and starts it again, evenly spread over all that is sent.
    pub(super) async fn kill_if_due(&self) {
        let due = |kills: usize| {
            kills < self.size.kills && self.sent() > (kills + 1) * self.size.requests / (self.size.kills + 1)
        };
        if !due(self.kills()) {
            return;
        }
        let mut usher = self.usher.write().await;
        // Somebody else may have been here first.
        if due(self.kills()) {
            self.kills.fetch_add(1, Ordering::SeqCst);
            usher.kill_9();
            usher.restart().await;
        }
    }

    pub(super) async fn all_ended(&self, within: Duration) -> Vec<Row> {
        self.usher.read().await.all_ended_within(within).await
    }

    /// What happened with each of these requests, one sentence each.
    pub(super) async fn histories(&self, rows: &[&Row]) -> Vec<Vec<String>> {
        let usher = self.usher.read().await;
        join_all(rows.iter().map(|row| usher.history(row.id()))).await
    }
}
