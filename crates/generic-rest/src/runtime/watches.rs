//! Changes that the vendor accepted and has not finished (202): how they are followed, and what became of them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use usher_core::{Evidence, Refusal, RefusalKind, Watch, WatchState};
use usher_vendor_client::VendorResponse;

use super::answer;
use super::calls::ask;
use super::error::Operation;
use super::lookups::{Reading, Stopped};
use super::references::{mentioned, of_poll, of_request};
use super::scope;
use crate::definition::{Poll, Step};
use crate::expression::Scope;

/// Roots that every reading has anew.
const OF_READING: [&str; 4] = ["user", "vars", "tables", "known"];

/// What a watch has to remember: the step, and as much of the scope of its 202 as the poll mentions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Followed {
    step: String,
    scope: Map<String, Value>,
}

impl Followed {
    /// After a 202, whose names stand in `scope`.
    pub(crate) fn new(step: &Step, poll: &Poll, scope: &Scope) -> Self {
        // Of the 202 itself, what the poll's request needs: its answers are read later, under the same names.
        let mut kept = mentioned(&of_request(&poll.request), scope, &OF_READING);
        kept.retain(|root, _| scope::OF_ANSWER.contains(&root.as_str()));
        let without = [OF_READING.as_slice(), scope::OF_ANSWER.as_slice()].concat();
        kept.extend(mentioned(&of_poll(poll, &step.answer), scope, &without));
        Self { step: step.id.clone(), scope: kept }
    }

    /// The scope in which the poll's request is written.
    pub(crate) fn asking(&self, reading: &Scope) -> Scope {
        let mut scope = reading.clone();
        scope.0.extend(self.scope.clone());
        scope
    }

    /// The scope in which the poll's answer is read.
    fn reading(&self, reading: &Scope, response: &VendorResponse) -> Scope {
        let mut scope = self.asking(reading);
        scope::answer(&mut scope, response);
        scope
    }

    pub(crate) fn to_value(&self) -> Value {
        // Texts and JSON always are JSON; were they not, the change would be followed no more, and looked for.
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

impl Reading<'_> {
    /// What became of each.
    pub(crate) async fn watches(&mut self, watches: &[Watch]) -> Result<Vec<WatchState>, Stopped> {
        let mut states = Vec::with_capacity(watches.len());
        for watch in watches {
            states.push(self.watch(watch).await?);
        }
        Ok(states)
    }

    async fn watch(&mut self, watch: &Watch) -> Result<WatchState, Stopped> {
        let followed = Followed::deserialize(&watch.args).ok();
        let found = followed.as_ref().and_then(|followed| {
            let step = self.connection.definition.steps.iter().find(|step| step.id == followed.step)?;
            Some((followed, step, step.poll.as_ref()?))
        });
        let Some((followed, step, poll)) = found else {
            // Another definition by now. The look-ups say what is so.
            return Ok(WatchState::Failed(Refusal::new(
                RefusalKind::Other,
                "The definition no longer says how this change is followed: look at the person in the application, then replay the request.",
            )));
        };
        let operation = Operation::read(format!("poll of “{}”", step.id), &poll.request);
        let asking = followed.asking(&self.scope);
        let response = ask(self.connection, self.call, &operation, &poll.request, &asking, None).await?;
        let scope = followed.reading(&self.scope, &response);
        let state = state(&operation, step, poll, &scope, &response)?;
        if state == WatchState::Done {
            let kept =
                answer::kept(&step.answer, &scope).map_err(|why| operation.unreadable(&response, why))?;
            self.keep(kept);
        }
        let shows = match &state {
            WatchState::Running => "not finished",
            WatchState::Done => "finished",
            WatchState::Failed(_) => "failed",
        };
        self.evidence.push(Evidence { call: operation.call, shows: shows.to_owned() });
        Ok(state)
    }
}

fn state(
    operation: &Operation,
    step: &Step,
    poll: &Poll,
    scope: &Scope,
    response: &VendorResponse,
) -> Result<WatchState, Stopped> {
    let status = response.status.as_u16();
    let missing = matches!(status, 404 | 410);
    if !response.status.is_success() && !missing {
        return Err(operation.unexpected(response).into());
    }
    let is = |expression: &crate::expression::Expression| match expression.truth(scope) {
        // Not listed yet, or not any more: within the poll's time, the look-ups say what came of it.
        Err(_) if missing => Ok(false),
        Err(error) => Err(Stopped::by(&error, || operation.unreadable(response, &error))),
        Ok(truth) => Ok(truth),
    };
    if let Some(failed) = &poll.failed
        && is(failed)?
    {
        let sentence = format!(
            "The application gave up the step “{}”: see there why, then replay the request.",
            step.id
        );
        return Ok(WatchState::Failed(Refusal::new(RefusalKind::Other, sentence)));
    }
    Ok(if is(&poll.until)? { WatchState::Done } else { WatchState::Running })
}
