//! A dry run: what would become of a request, without changing anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use usher_core::{
    Action, Direction, Facet, Fault, Plan, Planner, Priority, Refusal, RefusalKind, Remedy, Sent, Snapshot,
};
use usher_journal::{Filter, JournalError, Ledger, Request, arrive};

use super::admit::interest_ahead;
use super::perform::Terms;
use super::{Engine, Inner};
use crate::decide::identity;
use crate::goal::{Targets, goal};
use crate::stands::stands;
use crate::{Connection, Preview, Repeated};

impl Engine {
    /// What a request would do: observe and plan, nothing else. `None` where its connection is not there.
    pub async fn preview(&self, request: Request) -> Option<Preview> {
        let connection = self.inner.connections.get(&request.connection)?;
        let mut preview = Preview {
            request: request.clone(),
            repeats: None,
            holds: BTreeMap::new(),
            would: Vec::new(),
            mailed: None,
            refused: Vec::new(),
            stand: None,
            fault: None,
        };
        let ledger = match self.inner.known_of(&request).await {
            Ok((ledger, repeats)) => {
                preview.repeats = repeats;
                ledger
            }
            Err(error) => {
                let fault = Fault::new("read the journal", Sent::No, Remedy::Retry { after: None });
                preview.fault = Some(fault.because(error));
                return Some(preview);
            }
        };
        // An operator's look: it comes after everybody else, and through to a vendor that has failed.
        let terms = Terms { deadline: None, priority: Priority::Report, part: None };
        let reading =
            self.inner.observe_at(&request, &ledger, interest_ahead(&request, &ledger), terms).await;
        match reading.result {
            Ok(seen) => {
                let now = self.inner.clock.now();
                foresee(&mut preview, connection, &ledger, seen, reading.foreign, now);
            }
            Err(fault) => preview.fault = Some(fault),
        }
        Some(preview)
    }
}

impl Inner {
    /// The ledger, and the request of which this one would be a repetition (rule 10).
    async fn known_of(
        self: &Arc<Self>,
        request: &Request,
    ) -> Result<(Ledger, Option<Repeated>), JournalError> {
        let ledger = self.heard(self.journal.ledger(&request.connection, &request.subject_key).await)?;
        let Some(key) = request.delivery_key() else { return Ok((ledger, None)) };
        let filter = Filter {
            direction: Some(request.direction),
            app: Some(request.app_key.clone()),
            connection: Some(request.connection.clone()),
            subject: Some(request.subject_key.clone()),
            limit: 1_000,
            ..Filter::default()
        };
        let page = self.heard(self.journal.list(&filter).await)?;
        let same = page.requests.into_iter().find(|other| other.delivery_key().as_ref() == Some(&key));
        let repeats = same.map(|of| {
            let (arrived, ..) =
                arrive(Some(of.clone()), &mut ledger.clone(), request.clone(), u64::MAX, &self.moment());
            Repeated { of: of.id.clone(), word: of.word(), arrived }
        });
        Ok((ledger, repeats))
    }
}

fn foresee(
    preview: &mut Preview,
    connection: &Connection,
    ledger: &Ledger,
    seen: Snapshot,
    foreign: bool,
    now: Timestamp,
) {
    let request = preview.request.clone();
    // As if it were accepted now: after everything else.
    let asked_now = Request { seq: u64::MAX, ..request.clone() };
    let planner: &dyn Planner = connection.provisioner.as_ref();
    let targets = goal(&asked_now, ledger, &connection.apps, planner, Some(&seen), now);
    let plan = planner.plan(&request.subject, &request.asked(now), &seen, &targets.goal);
    let is_grant = request.direction == Direction::Provision;
    let counts_invited =
        is_grant && connection.apps.get(&request.app_key).is_some_and(|policy| policy.counts_invited);
    preview.stand = Some(stands(&seen, &targets.goal, &plan, &[], counts_invited));
    preview.refused = refused(&targets, &plan);
    let mut actions = plan.actions;
    preview.mailed = actions.iter().find_map(|action| mailed(action, ledger, now));
    if preview.mailed.is_some() {
        // What comes before it is sent, and it is where the plan stops.
        let stops = actions.iter().position(|action| mailed(action, ledger, now).is_some());
        actions.truncate(stops.unwrap_or_default());
    }
    preview.would = actions.into_iter().map(|action| action.summary).collect();
    if let Some(refusal) = identity(&request, ledger, &seen, foreign) {
        let goal = targets.goal;
        preview.refused.push((goal.hold.into_iter().chain(goal.release).collect(), refusal));
        preview.would.clear();
    }
    // A grant with any refusal stops before anything is sent; an order does what it can.
    if is_grant && !preview.refused.is_empty() {
        preview.would.clear();
    }
    preview.holds = seen.facets;
}

fn refused(targets: &Targets, plan: &Plan) -> Vec<(BTreeSet<Facet>, Refusal)> {
    let mut refused = plan.refused.clone();
    if let Some(slot) = &targets.contradicts {
        let sentence = format!("the permissions want different values of {slot}, which holds one");
        let of = targets.goal.hold.iter().filter(|facet| facet.slot == *slot).cloned().collect();
        refused.push((of, Refusal::new(RefusalKind::Invalid, sentence)));
    }
    refused
}

/// What is not sent since it sends the person mail, and did within a day (rule 24), and when.
fn mailed(action: &Action, ledger: &Ledger, now: Timestamp) -> Option<(String, Timestamp)> {
    let at = ledger.mailed(&action.name, now).filter(|_| action.notifies_person)?;
    Some((action.summary.clone(), at))
}
