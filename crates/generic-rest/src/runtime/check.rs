//! Whether requests would work: the credential, and the look-ups with an address that nobody has. Never writes.

use std::collections::{BTreeMap, BTreeSet};

use usher_core::{Account, Call, Facet, Fault, Finding, Health, Known, Remedy, Subject};

use super::connection::GenericRestConnection;
use super::entitlement::ACCOUNT;
use super::observe::observe;

/// Nobody's: no host can have this name (RFC 2606, 2).
const NOBODY: &str = "usher-check@invalid.example";
/// Values that one finding names.
const MOST_NAMED: usize = 20;

/// Checks a connection.
pub(crate) async fn check(
    connection: &GenericRestConnection,
    call: &Call,
    named: &BTreeSet<Facet>,
) -> Result<Health, Fault> {
    let mut health = Health::default();
    match observe(connection, call, &nobody(), &Known::default(), &BTreeSet::new()).await {
        Ok(seen) => health.findings.extend(found_nobody(&seen.account)),
        // Nothing about the connection is wrong: it could not be checked now.
        Err(fault)
            if matches!(fault.remedy, Remedy::Throttled { .. } | Remedy::Retry { .. } | Remedy::ReadBack) =>
        {
            return Err(fault);
        }
        Err(fault) => health.findings.push(failed(&fault)),
    }
    health.findings.extend(not_checked(named));
    Ok(health)
}

fn nobody() -> Subject {
    Subject {
        email: NOBODY.to_owned(),
        given_name: Some("Usher".to_owned()),
        family_name: Some("Check".to_owned()),
        custom_fields: BTreeMap::new(),
    }
}

fn found_nobody(account: &Account) -> Option<Finding> {
    let finds = match account {
        Account::Absent => return None,
        Account::Found { .. } | Account::Protected { .. } => "somebody",
        Account::Invited => "an invitation",
        Account::Ambiguous { .. } => "several accounts",
    };
    Some(fatal(
        format!("the look-ups find {finds} for {NOBODY}, an address that nobody has"),
        "compare the address in the definition: capture.hit = \"items | where('email', user.email) | one_or_none\"",
    ))
}

fn failed(fault: &Fault) -> Finding {
    let pair =
        |name: &str| fault.context.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let status = pair("status").map(|status| format!(", answered {status}")).unwrap_or_default();
    let source = fault.source.as_ref().map(|source| format!(" ({source})")).unwrap_or_default();
    let call = pair("path").map(|path| format!(", path {path}")).unwrap_or_default();
    let what = format!("{} does not work{call}{status}{source}", fault.operation);
    let remedy = match (pair("status"), pair("failure")) {
        (Some("401" | "403"), _) | (_, Some("credential")) => {
            "see that the secrets of the connection are the right ones and have not run out, and that the credential may read what the definition looks up"
        }
        (_, Some("private-address")) => {
            "write allow_private = true at the connection if the application stands in your own network"
        }
        (Some("404"), _) => {
            "see that base_url and the path of the look-up are right, or expect 404 where it means that there is nobody"
        }
        _ => "correct the definition, run its tests, and check again",
    };
    fatal(what, remedy)
}

/// What the configuration names, whoever knows whether it is there.
fn not_checked(named: &BTreeSet<Facet>) -> Option<Finding> {
    let named: Vec<String> =
        named.iter().filter(|facet| facet.slot != ACCOUNT).map(Facet::to_string).collect();
    if named.is_empty() {
        return None;
    }
    let more = named.len().saturating_sub(MOST_NAMED);
    let mut listed = named.into_iter().take(MOST_NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 {
        listed.push_str(&format!(" and {more} more"));
    }
    Some(Finding {
        fatal: false,
        what: format!("whether the application knows {listed} cannot be checked"),
        remedy: "see that they are spelled as the application spells them".to_owned(),
    })
}

fn fatal(what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { fatal: true, what: what.into(), remedy: remedy.into() }
}
