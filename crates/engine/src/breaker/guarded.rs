//! What stands between the engine and a connector.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::time::Instant;
use usher_core::{
    Action, Asked, Call, Capabilities, Clock, ConfigError, Facet, Fault, Goal, Health, Known, Plan, Planner,
    Priority, Provisioner, Receipt, Slots, Snapshot, Subject, SubjectKey, Way,
};

use super::circuit::{Kind, Pass};
use super::verdict::{Lasted, Verdict};
use super::{Breaker, BreakerSettings};

/// A connector's connection behind a circuit breaker of its own.
pub(crate) fn guard(
    connection: String,
    inner: Arc<dyn Provisioner>,
    clock: Arc<dyn Clock>,
    settings: BreakerSettings,
) -> (Arc<dyn Provisioner>, Arc<Breaker>) {
    let breaker = Arc::new(Breaker::new(connection, clock, settings));
    (Arc::new(Guarded { inner, breaker: Arc::clone(&breaker) }), breaker)
}

#[derive(Debug)]
struct Guarded {
    inner: Arc<dyn Provisioner>,
    breaker: Arc<Breaker>,
}

/// A call that was let through. What is dropped before its end is told of as well.
struct Watched<'b> {
    breaker: &'b Breaker,
    who: SubjectKey,
    begun: Instant,
    deadline: Instant,
    /// Its request's way, and how long that had waited for leave of our own limits when it began.
    way: Option<(Way, Duration)>,
    pass: Option<Pass>,
}

impl Watched<'_> {
    fn lasted(&self) -> Lasted {
        let now = self.breaker.clock.instant();
        let waited = self.way.as_ref().map(|(way, before)| way.waited(now).saturating_sub(*before));
        let took = now.saturating_duration_since(self.begun).saturating_sub(waited.unwrap_or_default());
        Lasted { took, out_of_time: now >= self.deadline }
    }

    fn ended<T>(mut self, result: &Result<T, Fault>) {
        let Some(pass) = self.pass.take() else { return };
        let fault = result.as_ref().err();
        let verdict =
            fault.map_or(Verdict::Answers, |fault| Verdict::of_fault(fault, &self.who, self.lasted()));
        self.breaker.end(pass, verdict, fault);
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if let Some(pass) = self.pass.take() {
            self.breaker.end(pass, Verdict::of_drop(&self.who, self.lasted()), None);
        }
    }
}

impl Guarded {
    fn admit(&self, kind: Kind, call: &Call, who: &Subject) -> Result<Watched<'_>, Fault> {
        let who = who.key();
        let pass = self.breaker.admit(kind, &who, call.deadline).map_err(|fault| *fault)?;
        let begun = self.breaker.clock.instant();
        Ok(Watched {
            breaker: &self.breaker,
            who,
            begun,
            deadline: call.deadline,
            way: call.part.as_ref().map(|part| (part.way.clone(), part.way.waited(begun))),
            pass: Some(pass),
        })
    }
}

impl Planner for Guarded {
    fn slots(&self) -> &Slots {
        self.inner.slots()
    }

    fn implied(&self, facets: &BTreeSet<Facet>) -> BTreeSet<Facet> {
        self.inner.implied(facets)
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn tenant(&self) -> String {
        self.inner.tenant()
    }

    fn compile(&self, permission: &str, entry: &Value) -> Result<BTreeSet<Facet>, Vec<ConfigError>> {
        self.inner.compile(permission, entry)
    }

    fn plan(&self, who: &Subject, asked: &Asked, seen: &Snapshot, goal: &Goal) -> Plan {
        self.inner.plan(who, asked, seen, goal)
    }
}

#[async_trait]
impl Provisioner for Guarded {
    async fn observe(
        &self,
        call: &Call,
        who: &Subject,
        known: &Known,
        of: &BTreeSet<Facet>,
    ) -> Result<Snapshot, Fault> {
        // Nobody's access waits for it: an operator looks.
        let kind = if call.priority == Priority::Report { Kind::Look } else { Kind::Reading };
        let watched = self.admit(kind, call, who)?;
        let result = self.inner.observe(call, who, known, of).await;
        watched.ended(&result);
        result
    }

    async fn apply(
        &self,
        call: &Call,
        who: &Subject,
        asked: &Asked,
        seen: &Snapshot,
        action: &Action,
    ) -> Result<Receipt, Fault> {
        let watched = self.admit(Kind::Change, call, who)?;
        let result = self.inner.apply(call, who, asked, seen, action).await;
        watched.ended(&result);
        result
    }

    /// The engine never checks: whoever does wants to know how it is now.
    async fn check(&self, call: &Call, named: &BTreeSet<Facet>) -> Result<Health, Fault> {
        self.inner.check(call, named).await
    }
}
