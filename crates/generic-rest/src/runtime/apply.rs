//! One changing call.

use serde::Deserialize;
use usher_core::{
    Action, Asked, Call, Fault, Handles, Receipt, Refusal, RefusalKind, Remedy, Sent, Snapshot, Subject,
    Watch,
};
use usher_vendor_client::{VendorRequest, VendorResponse};

use super::answer::{Verdict, handles, judge};
use super::change::{Change, TIMEOUT};
use super::connection::GenericRestConnection;
use super::error::Operation;
use super::facts::Facts;
use super::scope;
use super::watches::Followed;
use crate::definition::{Poll, Request, Step};
use crate::expression::{EvalError, Scope};
use crate::sinks::{self, Filled};

/// Bytes of what is remembered of a 202 at the most: it stands in the journal until the change is over.
const MOST_FOLLOWED: usize = 64 << 10;

/// Makes the call that an action stands for. What it answers proves nothing: only the next reading does.
pub(crate) async fn apply(
    connection: &GenericRestConnection,
    call: &Call,
    (who, asked): (&Subject, &Asked),
    seen: &Snapshot,
    action: &Action,
) -> Result<Receipt, Fault> {
    let definition = &connection.definition;
    let change = Change::deserialize(&action.args).map_err(|_| unknown(action))?;
    let facts = Facts::of(seen).map_err(|_| unknown(action))?;
    let step = definition.steps.iter().find(|step| step.id == change.step).ok_or_else(|| unknown(action))?;
    let operation = Operation::change(&step.id, &step.request);
    let facets = (&action.gives, &action.takes);
    let mut scope = change.scope(definition, &connection.constants, (who, asked), &facts, facets);
    let request = fill(&step.request, &scope, call).map_err(|error| operation.unwritable(&error))?;
    let answered = connection.client.send(call, request.changes(true).timeout(TIMEOUT)).await;
    let response = answered.map_err(|failure| operation.unanswered(failure))?;
    scope::answer(&mut scope, &response);
    match judge(&operation, &step.answer, &scope, &response, connection.clock.now())? {
        // Of what is not there (any more) there is nothing to remember; the reading says whether that will do.
        Verdict::Gone => Ok(Receipt::default()),
        Verdict::Good => receipt(connection, step, &operation, &scope, &response, action),
    }
}

/// The request, with the engine's key where the step has one: the same for every sending of the same change.
fn fill(request: &Request, scope: &Scope, call: &Call) -> Result<VendorRequest, EvalError> {
    let (Some(header), Some(key)) = (&request.idempotency_key, &call.idempotency_key) else {
        return only_request(sinks::request(request, scope)?);
    };
    let keyless = Request { idempotency_key: None, ..request.clone() };
    Ok(only_request(sinks::request(&keyless, scope)?)?.header(header.as_str(), key))
}

fn only_request(filled: Filled) -> Result<VendorRequest, EvalError> {
    match filled {
        Filled::Request(request) => Ok(request),
        Filled::Link(_) => Err(EvalError::other("a change does not follow a link")),
    }
}

fn receipt(
    connection: &GenericRestConnection,
    step: &Step,
    operation: &Operation,
    scope: &Scope,
    response: &VendorResponse,
    action: &Action,
) -> Result<Receipt, Fault> {
    if response.status != http::StatusCode::ACCEPTED {
        let handles = handles(&step.answer, scope).map_err(|why| operation.unreadable(response, why))?;
        return Ok(Receipt { handles, watch: None });
    }
    // A 202 is no answer (rule 7).
    let Some(poll) = &step.poll else {
        return Err(operation.unfinished("the vendor has accepted the change and not finished it"));
    };
    let followed = Followed::new(step, poll, scope);
    can_be_asked(connection, poll, &followed, scope).map_err(|why| operation.unfinished(why))?;
    let facets = action.gives.union(&action.takes).cloned().collect();
    let watch = Watch { facets, args: followed.to_value(), every: poll.every, within: poll.within };
    Ok(Receipt { handles: Handles::new(), watch: Some(watch) })
}

/// Whether the poll can be written from what is remembered, and stays with the vendor: told with the 202 in hand rather than later.
fn can_be_asked(
    connection: &GenericRestConnection,
    poll: &Poll,
    followed: &Followed,
    scope: &Scope,
) -> Result<(), String> {
    if followed.to_value().to_string().len() > MOST_FOLLOWED {
        return Err(format!("what the poll needs of the 202 is more than {MOST_FOLLOWED} bytes"));
    }
    let filled = sinks::request(&poll.request, &followed.asking(scope))
        .map_err(|error| format!("the poll: {error}"))?;
    let Filled::Link(link) = filled else { return Ok(()) };
    match connection.base_url.join(&link) {
        Ok(url) if url.origin() == connection.base_url.origin() => Ok(()),
        Ok(_) => Err("the poll's link leads to another origin".to_owned()),
        Err(_) => Err("the poll's link is not a URL".to_owned()),
    }
}

/// An action of another definition, or of another version of Usher.
fn unknown(action: &Action) -> Fault {
    let sentence =
        "The definition has no such step any more: run the request again, so that it is planned anew.";
    let refusal = Refusal::new(RefusalKind::Other, sentence);
    Fault::new("apply", Sent::No, Remedy::Refused(refusal)).with("action", action.name.clone())
}
