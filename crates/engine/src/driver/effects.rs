//! The effects that take time, as futures: each ends in what it brought.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use usher_core::{Action, Direction, Facet};

use super::perform::{Ahead, Sending};
use super::run::{Driver, Happened, Pending};
use super::until;
use crate::decide::{Event, Mode};
use crate::lane::Ticket;
use crate::lumos::Lumos;

/// How long Lumos may take to say how an access request stands: others of the same person wait meanwhile.
const LUMOS_WITHIN: Duration = Duration::from_secs(3);

impl Happened {
    fn event(event: Event) -> Self {
        Self::Event(Box::new(event))
    }
}

impl Driver {
    /// Waits for the turn of a run that has entered its lane.
    pub(super) fn turn(&self, mut ticket: Ticket) -> Pending {
        let direction = self.run.request.direction;
        let recovering = self.run.deadline.is_none().then(|| self.inner.recovering.of(direction));
        Box::pin(async move {
            ticket.turn().await;
            // Whoever holds one of these has its turn already: nobody waits for a turn with one in hand.
            let permit = match recovering {
                Some(recovering) => recovering.acquire_owned().await.ok(),
                None => None,
            };
            Happened::Turn { ticket, permit, first: Box::new(Event::Started) }
        })
    }

    /// Sleeps without a turn, and then waits for one.
    pub(super) fn turn_at(&self, wake: Instant, first: Event) -> Pending {
        let inner = self.inner.clone();
        let place = (self.run.request.connection.clone(), self.run.request.subject_key.clone());
        let (seq, direction) = (self.run.request.seq, self.run.request.direction);
        let resumed = self.inner.resumed(&place.0);
        Box::pin(async move {
            tokio::select! {
                () = until(wake) => {}
                () = resumed => {}
            }
            // Before the turn, so that nobody who is awaited waits behind it for a permit.
            let permit = inner.background.of(direction).acquire_owned().await.ok();
            let mut ticket = inner.lanes.enter(&place, seq);
            ticket.turn().await;
            Happened::Turn { ticket, permit, first: Box::new(first) }
        })
    }

    /// Reads the ledger for an event: it may have moved while others had their turn.
    pub(super) fn read(&self, event: Event, pause: Duration) -> Pending {
        let inner = self.inner.clone();
        let wake = inner.instant(inner.moment().ticks().saturating_add(pause));
        let (connection, subject) =
            (self.run.request.connection.clone(), self.run.request.subject_key.clone());
        Box::pin(async move {
            if !pause.is_zero() {
                until(wake).await;
            }
            let ledger = inner.heard(inner.journal.ledger(&connection, &subject).await);
            Happened::Read { event: Box::new(event), ledger }
        })
    }

    /// Whom to ask how the access request stands, before an attempt that nobody waits for (rule 26).
    pub(super) fn asks_lumos(&self) -> Option<Arc<dyn Lumos>> {
        let request = &self.run.request;
        let is_background_grant = self.run.mode == Mode::Drive
            && !self.run.is_awaited()
            && self.run.end.is_none()
            && request.direction == Direction::Provision
            && request.lumos_request.is_some()
            && !request.dry_run;
        self.inner.lumos.clone().filter(|_| is_background_grant)
    }

    pub(super) fn ask_lumos(&self, lumos: Arc<dyn Lumos>, first: Event) -> Pending {
        let request = self.run.request.clone();
        Box::pin(async move {
            let asked = timeout(LUMOS_WITHIN, lumos.access_request(&request)).await;
            let seen = match asked {
                Ok(seen) => seen.map_err(|fault| fault.why().to_owned()),
                Err(_) => Err("Lumos has not said in time how the access request stands".to_owned()),
            };
            Happened::Approval { seen, first: Box::new(first) }
        })
    }

    pub(super) fn observe(&mut self, of: BTreeSet<Facet>) -> Pending {
        let inner = self.inner.clone();
        let (connection, subject) =
            (self.run.request.connection.clone(), self.run.request.subject_key.clone());
        let reading = self.reading(of);
        Box::pin(async move {
            let event = reading.await;
            // After the reading: what was accepted meanwhile counts.
            let ledger = inner.heard(inner.journal.ledger(&connection, &subject).await);
            Happened::Read { event: Box::new(event), ledger }
        })
    }

    fn reading(&mut self, of: BTreeSet<Facet>) -> impl Future<Output = Event> + Send + use<> {
        let ahead = self.ahead.take();
        let changes_ahead = !self.changed && self.run.mode == Mode::Drive;
        let part = (&self.way, changes_ahead);
        let fresh = self.inner.observe(&self.run.request, &self.ledger, of, self.answer_by(), part);
        async move {
            let (reading, version) = match ahead {
                Some(Ahead { version, mut reading }) => match (&mut reading.0).await {
                    Ok(reading) => (reading, Some(version)),
                    // The task is gone, and only a defect of ours does that: read again.
                    Err(_) => (fresh.await, None),
                },
                None => (fresh.await, None),
            };
            Event::Seen {
                begun: reading.begun,
                took: reading.took,
                ahead: version,
                watched: reading.watched,
                result: reading.result,
                foreign: reading.foreign,
            }
        }
    }

    /// By when the answer is due, if somebody waits for it.
    fn answer_by(&self) -> Option<Instant> {
        self.run.is_awaited().then(|| self.inner.instant(self.run.deadline.unwrap_or_default()))
    }

    pub(super) fn commit(&self, pause: Duration) -> Pending {
        let inner = self.inner.clone();
        let id = self.run.request.id.clone();
        let records = self.committing.clone();
        let wake = inner.instant(inner.moment().ticks().saturating_add(pause));
        Box::pin(async move {
            if !pause.is_zero() {
                until(wake).await;
            }
            let at = inner.moment();
            match inner.heard(inner.journal.commit(&id, records, at).await) {
                Ok(committed) => Happened::Committed(Box::new(committed)),
                Err(error) => Happened::NotCommitted(error),
            }
        })
    }

    pub(super) fn apply(&self, intent: u64, action: Action, first: u64) -> Option<Pending> {
        let sending = Sending {
            seen: self.run.seen.clone()?,
            asked: self.run.request.asked(self.inner.clock.now()),
            action,
            key: format!("{}-{first}", self.run.request.id),
            answer_by: self.answer_by(),
            way: self.way.clone(),
        };
        let call = self.inner.apply(&self.run.request, sending);
        Some(Box::pin(async move { Happened::event(Event::Applied { intent, result: call.await }) }))
    }

    pub(super) fn sleep(&mut self, wake: Option<Duration>, keep_turn: bool) -> Pending {
        let wake = self.inner.instant(wake.unwrap_or(Duration::MAX));
        if keep_turn {
            return Box::pin(async move {
                until(wake).await;
                Happened::event(Event::Woken)
            });
        }
        self.ticket = None;
        self.permit = None;
        self.way.rest();
        self.changed = false;
        self.idle = true;
        if let Some(own) = &self.registered {
            self.inner.set_parked(own);
        }
        self.turn_at(wake, Event::Woken)
    }
}
