//! What the sandbox writes down: every call, and, apart from them, every effect that really happened.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::operation::{Operation, Vendor};

/// Calls kept; the oldest go first.
const CALLS_KEPT: usize = 100_000;
/// Effects kept. They are never dropped: a sandbox that is full refuses further changes with 507.
const EFFECTS_KEPT: usize = 1_000_000;

/// One change that really happened at a vendor. What was sent and changed nothing is a [`Call`] alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Counts from 1 since the start or the last reset.
    pub n: u64,
    /// Milliseconds on the sandbox's clock.
    pub at_ms: u64,
    /// At which vendor.
    pub vendor: Vendor,
    /// Whom or what it changed, in lower case: a person's primary address (at GitHub the login where the account has none),
    /// or `task ID`.
    pub key: String,
    /// What changed, for people: "role end-user -> agent; group +Support".
    pub what: String,
    /// The same, one change each.
    pub changes: Vec<String>,
    /// Which operation did it.
    pub operation: Operation,
    /// The request's method; empty where no request did it.
    pub method: String,
    /// The request's path below the vendor's prefix, without its query.
    pub path: String,
    /// The [`Call::n`] of the request that did it, which may have ended long before; 0 where no request did it, but an
    /// invitee or the course of time.
    pub call: u64,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallEnd {
    /// An answer was handed to the connection.
    Answered,
    /// The sandbox ended the connection without a whole answer.
    Cut,
    /// The caller went away first.
    CallerLeft,
}

/// One request that arrived at a vendor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Counts from 1 since the start or the last reset, in the order of arrival.
    pub n: u64,
    /// When it arrived, in milliseconds on the sandbox's clock.
    pub at_ms: u64,
    /// At which vendor.
    pub vendor: Vendor,
    /// Which operation it asked for.
    pub operation: Operation,
    /// Its method.
    pub method: String,
    /// Its path below the vendor's prefix, without its query.
    pub path: String,
    /// The names of its query's parameters; values are not kept.
    pub query: Vec<String>,
    /// Whom or what it was about, where that can be told, named as in [`Effect::key`].
    pub subject: Option<String>,
    /// The fault that met it, if any.
    pub fault: Option<String>,
    /// The status it was answered with, if it was.
    pub status: Option<u16>,
    /// How it ended; `None` while it runs.
    pub end: Option<CallEnd>,
}

/// What is told of a call when it arrives.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) vendor: Vendor,
    pub(crate) operation: Operation,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Vec<String>,
    pub(crate) subject: Option<String>,
    pub(crate) fault: Option<String>,
}

/// Calls and effects since the start or the last reset.
#[derive(Debug, Default)]
pub(crate) struct Records {
    effects: Vec<Effect>,
    calls: VecDeque<Call>,
    arrived: u64,
    /// Counts the resets, so that a call from before one cannot end a call of the same number after it.
    era: u64,
}

/// Names a call across resets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallId {
    era: u64,
    pub(crate) n: u64,
}

impl Records {
    pub(crate) fn after_reset(&self) -> Self {
        Self { era: self.era + 1, ..Self::default() }
    }

    pub(crate) fn arrive(&mut self, now: Duration, arrival: Arrival) -> CallId {
        self.arrived += 1;
        if self.calls.len() >= CALLS_KEPT {
            self.calls.pop_front();
        }
        let Arrival { vendor, operation, method, path, query, subject, fault } = arrival;
        let (n, at_ms) = (self.arrived, millis(now));
        let (status, end) = (None, None);
        self.calls.push_back(Call {
            n,
            at_ms,
            vendor,
            operation,
            method,
            path,
            query,
            subject,
            fault,
            status,
            end,
        });
        CallId { era: self.era, n }
    }

    pub(crate) fn end(&mut self, id: CallId, end: CallEnd, status: Option<u16>) {
        if !self.is_of_now(id) {
            return;
        }
        if let Some(call) = self.calls.iter_mut().rev().find(|call| call.n == id.n)
            && call.end.is_none()
        {
            call.end = Some(end);
            call.status = status;
        }
    }

    /// Whether the call arrived since the last reset.
    pub(crate) fn is_of_now(&self, id: CallId) -> bool {
        id.era == self.era
    }

    pub(crate) fn is_full(&self) -> bool {
        self.effects.len() >= EFFECTS_KEPT
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        let n = self.effects.last().map_or(0, |last| last.n) + 1;
        self.effects.push(Effect { n, ..effect });
    }

    /// Writes down what no request did.
    pub(crate) fn happened(
        &mut self,
        now: Duration,
        vendor: Vendor,
        operation: Operation,
        key: String,
        changes: Vec<String>,
    ) {
        self.effect(Effect {
            n: 0,
            at_ms: millis(now),
            vendor,
            key,
            what: changes.join("; "),
            changes,
            operation,
            method: String::new(),
            path: String::new(),
            call: 0,
        });
    }

    pub(crate) fn effects(&self) -> &[Effect] {
        &self.effects
    }

    pub(crate) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter()
    }
}

/// Whole milliseconds, as the records show time.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
