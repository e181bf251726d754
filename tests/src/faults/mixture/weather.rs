//! What goes wrong, drawn from a seed.

use usher_sandbox::{Fault, Matcher, Operation, RetryAfter, Rule, Vendor};

use super::super::three::Person;
use crate::support::{Numbers, about};

/// How long a fault waits for a call that it can meet.
const WAITS_MS: u64 = 12_000;

/// All that the sandbox can do wrong, as its calls name it.
pub(super) const KINDS: [&str; 19] = [
    "hang",
    "delay",
    "reset_before",
    "reset_after",
    "apply_then_hang",
    "apply_late",
    "close_mid_answer",
    "slow_drip",
    "garbage",
    "error_before",
    "error_after",
    "throttle",
    "primary_limit",
    "secondary_limit",
    "error_body",
    "unauthorized",
    "forbidden",
    "stale",
    "hold",
];

/// The fault that is set when this person's request is sent, if any.
///
/// `first`: nothing was ever given to them and taken again, so that no earlier state of the vendor shows what is asked for. Only
/// then are readings stale: one that is older than the connection's `lag` may show anything, and nobody promises to see through it.
pub(super) fn drawn(numbers: &mut Numbers, person: &Person, first: bool) -> Option<Rule> {
    let vendor = match person.kind.app() {
        "zendesk" => Vendor::Zendesk,
        "github" => Vendor::Github,
        _ => Vendor::Directory,
    };
    let (skip, matcher, fault) = match numbers.below(100) {
        0..35 => return None,
        // Some call about them, a reading mostly.
        35..55 => (numbers.below(8), of_person(person), of_one_call(numbers)),
        // The next change of one kind.
        55..80 => {
            let operation = *numbers.one(changes(vendor));
            (0, about(operation, &person.email), of_one_call(numbers))
        }
        80..84 if first => (numbers.below(4), of_person(person), Fault::Stale { behind_ms: stale(numbers) }),
        // Some call to this vendor, whoever it is about: tokens and lists of groups as well.
        80..92 => (numbers.below(5), of_vendor(vendor), of_one_call(numbers)),
        92..96 => (numbers.below(5), of_vendor(vendor), of_credential(numbers)),
        _ => (numbers.below(5), of_vendor(vendor), limit(numbers, vendor)),
    };
    let skip = u64::try_from(skip).unwrap();
    Some(Rule { skip, for_ms: Some(WAITS_MS), ..Rule::once(matcher, fault) })
}

fn of_person(person: &Person) -> Matcher {
    Matcher { subject: Some(person.email.clone()), ..Matcher::default() }
}

fn of_vendor(vendor: Vendor) -> Matcher {
    Matcher { vendor: Some(vendor), ..Matcher::default() }
}

fn changes(vendor: Vendor) -> &'static [Operation] {
    match vendor {
        Vendor::Zendesk => &[Operation::UpdateUser, Operation::CreateUser, Operation::CreateMembership],
        Vendor::Github => &[
            Operation::CreateInvitation,
            Operation::SetTeamMembership,
            Operation::RemoveOrgMembership,
            Operation::RemoveTeamMembership,
            Operation::CancelInvitation,
        ],
        _ => &[Operation::CreatePerson, Operation::ReplaceRoles, Operation::ShowOperation],
    }
}

fn stale(numbers: &mut Numbers) -> Option<u64> {
    *numbers.one(&[None, Some(2_000), Some(600_000)])
}

/// Faults of one call, which touch nobody else.
fn of_one_call(numbers: &mut Numbers) -> Fault {
    let ms = u64::try_from(100 + numbers.below(8_000)).unwrap();
    let status = *numbers.one(&[500, 502, 503, 504]);
    let either = numbers.below(2) == 0;
    match numbers.below(15) {
        0 => Fault::Hang,
        1 => Fault::Delay { ms, after_applying: either },
        2 => Fault::ResetBefore,
        3 => Fault::ResetAfter,
        4 => Fault::ApplyThenHang,
        // Without a time: when everything is let go, which happens every now and then.
        5 => Fault::ApplyLate { after_ms: either.then_some(ms) },
        6 => Fault::CloseMidAnswer,
        7 => Fault::SlowDrip { every_ms: 20 + ms / 20, bytes: 1 + numbers.below(40) },
        8 => Fault::Garbage { apply: either },
        9 => Fault::ErrorBefore { status },
        10 => Fault::ErrorAfter { status },
        11 => Fault::ErrorBody,
        12 => Fault::Forbidden,
        13 => Fault::Hold { after_applying: either },
        _ => Fault::Delay { ms: ms / 8, after_applying: either },
    }
}

fn of_credential(numbers: &mut Numbers) -> Fault {
    Fault::Unauthorized { revoke_tokens: numbers.below(2) == 0 }
}

/// After these a connector is careful with the whole connection for a while.
fn limit(numbers: &mut Numbers, vendor: Vendor) -> Fault {
    let retry_after = *numbers.one(&[RetryAfter::None, RetryAfter::Seconds(1), RetryAfter::DateIn(2)]);
    match numbers.below(3) {
        0 if vendor == Vendor::Github => Fault::PrimaryLimit { reset_in_s: 2 },
        1 if vendor == Vendor::Github => Fault::SecondaryLimit { retry_after },
        _ => Fault::Throttle { retry_after },
    }
}
