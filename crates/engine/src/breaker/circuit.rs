//! The state machine: no clock, no I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use usher_core::SubjectKey;

use super::verdict::Verdict;
use super::{BreakerSettings, BreakerState};

/// How long those that are refused while a probe is under way are sent away for.
const BRIEFLY: Duration = Duration::from_secs(1);
/// Between two that were refused one after the other and come back.
const APART: Duration = Duration::from_millis(50);
/// So many come back one after the other, before the row begins anew.
const ROW: u32 = 100;
/// A failure that no other one has followed for so long has had its own reason.
const FORGOTTEN: Duration = Duration::from_mins(15);
/// How long after its deadline a probe still keeps its place: whoever runs it ends it by then.
const GRACE: Duration = Duration::from_secs(1);

/// What a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A reading for a request: may be a probe once one is due.
    Reading,
    /// An operator's: may be a probe before one is due, though not more often than the first comes.
    Look,
    /// A change: never a probe.
    Change,
}

/// What a call that was let through brings back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass {
    /// How often the circuit had closed when the call began.
    closings: u64,
    probe: Option<u64>,
}

impl Pass {
    #[cfg(test)]
    pub(super) fn is_probe(self) -> bool {
        self.probe.is_some()
    }
}

/// A call that was not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// When to come back.
    pub(super) after: Duration,
    /// When the next probe is due; `None` while one is under way.
    pub(super) probe_in: Option<Duration>,
    /// The first failure since the last good answer.
    pub(super) since: Instant,
}

/// What an end has brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turned {
    Opened,
    Closed {
        /// It was open for so long.
        after: Duration,
    },
}

#[derive(Debug)]
struct Open {
    opened: Instant,
    /// The latest failure that it goes by.
    tried: Instant,
    /// From the latest probe to the next.
    pause: Duration,
    next: Instant,
    probe: Option<Probe>,
    /// Whose reading the latest probe was, if the vendor was reached and still failed.
    failed_for: Option<SubjectKey>,
    /// Since the latest probe ended.
    refused: u32,
}

#[derive(Debug)]
struct Probe {
    number: u64,
    /// Its place is somebody else's from then on.
    until: Instant,
    /// An operator's, before its time.
    early: bool,
}

/// Failures since the last good answer.
#[derive(Debug, Default)]
struct Streak {
    since: Option<Instant>,
    latest: Option<Instant>,
    out_of_reach: u32,
    /// By person; as many people at the most as failures open the circuit.
    broken: BTreeMap<SubjectKey, u32>,
}

impl Streak {
    fn add(&mut self, now: Instant, failed: Option<SubjectKey>, most_of_one: u32) {
        let is_forgotten = |latest: Instant| now.saturating_duration_since(latest) > FORGOTTEN;
        if self.latest.is_some_and(is_forgotten) {
            *self = Self::default();
        }
        self.since.get_or_insert(now);
        self.latest = Some(now);
        let count = match failed {
            Some(who) => self.broken.entry(who).or_default(),
            None => &mut self.out_of_reach,
        };
        *count = count.saturating_add(1);
        if let Some(own) = self.broken.values_mut().find(|own| **own > most_of_one) {
            *own = most_of_one;
        }
    }

    fn count(&self) -> u32 {
        self.broken.values().fold(self.out_of_reach, |sum, own| sum.saturating_add(*own))
    }
}

/// The circuit of one connection.
#[derive(Debug)]
pub(super) struct Circuit {
    settings: BreakerSettings,
    streak: Streak,
    open: Option<Open>,
    closings: u64,
    probes: u64,
    last_fault: Option<String>,
}

impl Circuit {
    pub(super) fn new(settings: BreakerSettings) -> Self {
        Self {
            // One person's failures alone never open it, and with one failure they would.
            settings: BreakerSettings { failures: settings.failures.max(2), ..settings },
            streak: Streak::default(),
            open: None,
            closings: 0,
            probes: 0,
            last_fault: None,
        }
    }

    /// Lets a call about somebody through that has to be over by `deadline`, or says when to come back.
    pub(super) fn admit(
        &mut self,
        now: Instant,
        kind: Kind,
        who: &SubjectKey,
        deadline: Instant,
    ) -> Result<Pass, Refused> {
        let closings = self.closings;
        let Some(open) = &mut self.open else { return Ok(Pass { closings, probe: None }) };
        let is_probed = open.is_probed(now);
        let next = open.next_for(who);
        let looks_from = later(open.tried, self.settings.first_pause()).min(open.next);
        let is_due = match kind {
            Kind::Reading => now >= next,
            Kind::Look => now >= looks_from,
            Kind::Change => false,
        };
        if is_due && !is_probed {
            self.probes = self.probes.wrapping_add(1);
            let number = self.probes;
            let until = later(deadline.max(now), GRACE);
            open.probe = Some(Probe { number, until, early: now < open.next });
            return Ok(Pass { closings, probe: Some(number) });
        }
        // Come back one after the other: the vendor is not to be met by everybody at once.
        let place = APART.saturating_mul(open.refused.checked_rem(ROW).unwrap_or_default());
        open.refused = open.refused.wrapping_add(1);
        let left = next.saturating_duration_since(now);
        let wait = if is_probed { left.max(BRIEFLY) } else { left };
        let probe_in = if is_probed { None } else { Some(left) };
        let since = self.streak.since.unwrap_or(open.opened);
        Err(Refused { after: wait.saturating_add(place), probe_in, since })
    }

    /// A call that was let through has ended. `why`: what it failed with.
    pub(super) fn end(
        &mut self,
        now: Instant,
        pass: Pass,
        verdict: Verdict,
        why: impl FnOnce() -> String,
    ) -> Option<Turned> {
        let failed = match verdict {
            Verdict::Unclear => {
                self.give_back(pass);
                return None;
            }
            Verdict::Answers => return self.close(now),
            Verdict::Broken(who) => Some(who),
            Verdict::OutOfReach => None,
        };
        // What began before the vendor was found well again tells of the time before.
        if pass.closings != self.closings {
            return None;
        }
        self.last_fault = Some(why());
        let longest = self.settings.longest;
        if let Some(open) = &mut self.open {
            open.failed(now, pass, failed, longest);
            return None;
        }
        self.streak.add(now, failed, self.settings.failures.div_ceil(2));
        if self.streak.count() < self.settings.failures {
            return None;
        }
        let pause = self.settings.first_pause();
        let next = later(now, pause);
        self.open =
            Some(Open { opened: now, tried: now, pause, next, probe: None, failed_for: None, refused: 0 });
        Some(Turned::Opened)
    }

    fn close(&mut self, now: Instant) -> Option<Turned> {
        self.streak = Streak::default();
        let open = self.open.take()?;
        self.closings = self.closings.wrapping_add(1);
        Some(Turned::Closed { after: now.saturating_duration_since(open.opened) })
    }

    /// A probe that tells nothing leaves its place to the next reading.
    fn give_back(&mut self, pass: Pass) {
        if let Some(open) = &mut self.open {
            open.probe.take_if(|probe| Some(probe.number) == pass.probe);
        }
    }

    pub(super) fn state(&self, now: Instant) -> BreakerState {
        match &self.open {
            None => BreakerState::Closed,
            Some(open) if open.is_probed(now) => BreakerState::HalfOpen,
            Some(_) => BreakerState::Open,
        }
    }

    pub(super) fn failing_since(&self) -> Option<Instant> {
        self.streak.since
    }

    pub(super) fn failures(&self) -> u32 {
        self.streak.count()
    }

    pub(super) fn next_probe(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.next)
    }

    pub(super) fn last_fault(&self) -> Option<&str> {
        self.last_fault.as_deref()
    }
}

impl Open {
    fn is_probed(&self, now: Instant) -> bool {
        self.probe.as_ref().is_some_and(|probe| now < probe.until)
    }

    /// When somebody's reading may be the next probe. Whoever's failed last leaves the others a moment, lest it is on account of
    /// this one person's record.
    fn next_for(&self, who: &SubjectKey) -> Instant {
        if self.failed_for.as_ref() == Some(who) { later(self.next, BRIEFLY) } else { self.next }
    }

    /// A call failed. Only its probe moves an open circuit.
    fn failed(&mut self, now: Instant, pass: Pass, failed_for: Option<SubjectKey>, longest: Duration) {
        let Some(probe) = self.probe.take_if(|probe| Some(probe.number) == pass.probe) else { return };
        self.tried = now;
        self.failed_for = failed_for;
        if probe.early {
            return;
        }
        self.pause = self.pause.saturating_mul(2).min(longest);
        self.next = later(now, self.pause);
        self.refused = 0;
    }
}

fn later(moment: Instant, by: Duration) -> Instant {
    moment.checked_add(by).unwrap_or(moment)
}

#[cfg(test)]
mod tests;
