//! What a definition makes of an answer.

use jiff::Timestamp;
use serde_json::{Map, Value};
use usher_core::{Fault, Handles};
use usher_vendor_client::VendorResponse;

use super::error::Operation;
use super::scope;
use crate::definition::Answer;
use crate::expression::{EvalError, Expression, Scope};

/// Of an answer that is no fault: whether what it is about is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As expected.
    Good,
    /// It is not there (any more).
    Gone,
}

/// `classify`, then `expect`. The answer's names stand in `scope`.
///
/// # Errors
/// What the answer means instead.
pub(crate) fn judge(
    operation: &Operation,
    answer: &Answer,
    scope: &Scope,
    response: &VendorResponse,
    now: Timestamp,
) -> Result<Verdict, Fault> {
    let mut doubt: Option<EvalError> = None;
    for (when, class) in &answer.classify {
        match when.truth(scope) {
            Ok(true) => {
                return operation.classified(*class, response, now).map_or(Ok(Verdict::Gone), Err);
            }
            Ok(false) => {}
            // Written with another answer in mind: of one that is not expected anyway, the status decides.
            Err(error) => {
                doubt.get_or_insert(error);
            }
        }
    }
    if !is_expected(answer, response) {
        let fault = operation.unexpected(response);
        return Err(match doubt {
            Some(error) => fault.because(error),
            None => fault,
        });
    }
    if let Some(error) = doubt {
        return Err(operation.unreadable(response, error));
    }
    match answer.that.as_ref().map(|that| that.truth(scope)) {
        None | Some(Ok(true)) => Ok(Verdict::Good),
        Some(Ok(false)) => Err(operation.unexpected(response)),
        Some(Err(error)) => Err(operation.unreadable(response, error)),
    }
}

fn is_expected(answer: &Answer, response: &VendorResponse) -> bool {
    if answer.statuses.is_empty() {
        response.status.is_success()
    } else {
        answer.statuses.contains(&response.status.as_u16())
    }
}

/// The values of named expressions.
pub(crate) fn evaluate(
    named: &[(String, Expression)],
    scope: &Scope,
) -> Result<Map<String, Value>, EvalError> {
    named.iter().map(|(name, expression)| Ok((name.clone(), expression.evaluate(scope)?))).collect()
}

/// What an answer is kept for, by name; what is null is known no longer.
///
/// # Errors
/// Why something cannot be kept, without the value.
pub(crate) fn kept(answer: &Answer, scope: &Scope) -> Result<Map<String, Value>, String> {
    let kept = evaluate(&answer.keep, scope).map_err(|error| error.to_string())?;
    for (name, value) in &kept {
        scope::keep(name, value).map_err(|why| format!("keep.{name} {why}"))?;
    }
    Ok(kept)
}

/// The handles of what an answer is kept for.
///
/// # Errors
/// As [`kept`].
pub(crate) fn handles(answer: &Answer, scope: &Scope) -> Result<Handles, String> {
    kept(answer, scope).map(|kept| scope::handles(&kept))
}
