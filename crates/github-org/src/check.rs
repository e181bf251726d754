//! Whether requests would work: the credential, its rights, and what the configuration names. Never writes.

use std::collections::BTreeSet;

use usher_core::{Call, Facet, Fault, Finding, Health, Remedy};
use usher_vendor_client::VendorClient;

use crate::api::{self, Organisation, SamlIdentities};
use crate::config::{Credentials, IdentifyBy};
use crate::entitlement::{ORG_ROLE, TEAM};
use crate::provisioner::GithubConnection;
use crate::role::Role;

/// A name that no identity has: the check wants to know whether identities can be read, and about nobody.
const NOBODY: &str = "usher-check@invalid";

/// Checks a connection.
pub(crate) async fn check(
    connection: &GithubConnection,
    call: &Call,
    named: &BTreeSet<Facet>,
) -> Result<Health, Fault> {
    let mut health = Health { findings: contradictions(connection, named), ..Health::default() };
    if let (Some(client), Credentials::App { installation_id, .. }) =
        (&connection.app, &connection.settings.credentials)
    {
        match installation(connection, client, call, *installation_id).await {
            Ok(findings) => health.findings.extend(findings),
            Err(fault) if fault.remedy == Remedy::Person => {
                health.findings.push(wrong_credential(connection));
                return Ok(health);
            }
            Err(fault) => return Err(fault),
        }
    }
    match connection.api.organisation(call).await {
        Ok((organisation, scopes)) => {
            health.seats_left = seats_left(&organisation);
            health.findings.extend(scopes.as_deref().and_then(too_narrow));
        }
        Err(fault) if fault.remedy == Remedy::Person => {
            health.findings.push(wrong_credential(connection));
            return Ok(health);
        }
        Err(fault) if matches!(fault.remedy, Remedy::Refused(_)) => {
            health.findings.push(not_visible(connection));
            return Ok(health);
        }
        Err(fault) => return Err(fault),
    }
    if connection.platform.invites() {
        health.findings.extend(refusal_of(connection.api.invitations(call).await, || {
            fatal(
                "the credential may not read the organisation's invitations",
                "give the App the organisation permission Members: read and write, or use a token of an owner (admin:org)",
            )
        })?);
    }
    for facet in named.iter().filter(|facet| facet.slot == TEAM) {
        if connection.api.team(call, &facet.value).await?.is_none() {
            health.findings.push(fatal(
                format!("GitHub has no team {}", facet.value),
                "create it, or correct the slug: it stands at the end of the team's address",
            ));
        }
    }
    if connection.settings.identify_by.contains(&IdentifyBy::Saml) {
        health.findings.extend(saml(connection, call).await?);
    }
    Ok(health)
}

/// What the settings alone cannot do for what the configuration names.
fn contradictions(connection: &GithubConnection, named: &BTreeSet<Facet>) -> Vec<Finding> {
    let ways = &connection.settings.identify_by;
    let mut findings = Vec::new();
    let typed = ways.iter().all(|way| matches!(way, IdentifyBy::CustomField(_)));
    if typed && named.contains(&Facet::new(ORG_ROLE, Role::Admin.as_str())) {
        findings.push(fatal(
            "a permission makes owners, and people are identified by what the requester types alone",
            "add \"saml\" or \"invite-by-email\" to identify_by: nobody is made an owner by a typed login",
        ));
    }
    let invites_nobody = !connection.platform.invites() || connection.settings.managed_users;
    if invites_nobody && ways.contains(&IdentifyBy::InviteByEmail) {
        let finding = Finding {
            fatal: ways.len() == 1,
            what: "nobody can be invited here: it is Enterprise Server, or its accounts are managed users"
                .to_owned(),
            remedy: "identify people by \"saml\" or by \"custom_fields.NAME\"".to_owned(),
        };
        findings.push(finding);
    }
    findings
}

async fn installation(
    connection: &GithubConnection,
    client: &VendorClient,
    call: &Call,
    id: u64,
) -> Result<Vec<Finding>, Fault> {
    let Some(found) = api::installation(client, call, id).await? else {
        return Ok(vec![fatal(
            "the App has no such installation",
            "correct app.installation_id: it is the number at the end of the address of the installation's page in the organisation's settings",
        )]);
    };
    let mut findings = Vec::new();
    let owner = found.account.and_then(|account| account.login).unwrap_or_default();
    if !owner.eq_ignore_ascii_case(&connection.settings.org) {
        findings.push(fatal(
            format!("the installation is not on the organisation {}", connection.settings.org),
            "correct app.installation_id or org",
        ));
    }
    if found.suspended_at.is_some() {
        findings.push(fatal(
            "the App's installation is suspended",
            "unsuspend it in the organisation's settings",
        ));
    }
    if found.permissions.get("members").map(String::as_str) != Some("write") {
        findings.push(fatal(
            "the App may not change members",
            "give it the organisation permission Members: read and write, and accept that in the organisation's settings",
        ));
    }
    Ok(findings)
}

async fn saml(connection: &GithubConnection, call: &Call) -> Result<Option<Finding>, Fault> {
    let is_only_way = connection.settings.identify_by.len() == 1;
    match connection.api.identities_named(call, NOBODY).await {
        Ok(SamlIdentities::Found(_)) => Ok(None),
        Ok(SamlIdentities::Unavailable) => Ok(Some(Finding {
            fatal: is_only_way,
            what: "GitHub shows no SAML identities of the organisation".to_owned(),
            remedy: "single sign-on is off, or sits on the enterprise, which an App's installation token cannot read there (a classic token of an enterprise owner can): take \"saml\" out of identify_by, or use such a token".to_owned(),
        })),
        Err(fault) if matches!(fault.remedy, Remedy::Person | Remedy::Refused(_)) => Ok(Some(fatal(
            "the credential may not read the organisation's SAML identities",
            "give the App the organisation permission Members: read and write (reading alone is not enough), or take \"saml\" out of identify_by",
        ))),
        Err(fault) => Err(fault),
    }
}

/// The finding of a reading that was refused; other faults stay faults.
fn refusal_of<T>(
    read: Result<T, Fault>,
    finding: impl FnOnce() -> Finding,
) -> Result<Option<Finding>, Fault> {
    match read {
        Ok(_) => Ok(None),
        Err(fault) if matches!(fault.remedy, Remedy::Person | Remedy::Refused(_)) => Ok(Some(finding())),
        Err(fault) => Err(fault),
    }
}

/// A classic token names its scopes; others name none.
fn too_narrow(scopes: &str) -> Option<Finding> {
    let has = scopes.split(',').any(|scope| scope.trim() == "admin:org");
    (!has && !scopes.trim().is_empty()).then(|| {
        fatal("the token has not the scope admin:org", "make a token of an owner with the scope admin:org")
    })
}

/// What the plan shows, where the credential may see it.
fn seats_left(organisation: &Organisation) -> Option<u32> {
    let plan = organisation.plan.as_ref()?;
    Some(plan.seats?.saturating_sub(plan.filled_seats?))
}

fn wrong_credential(connection: &GithubConnection) -> Finding {
    let remedy = match connection.settings.credentials {
        Credentials::App { .. } => {
            "see that app.id is the App's, that the private key is one of its keys, that it is installed on the organisation, and that this machine's clock is right"
        }
        Credentials::Token(_) => "make a new token: this one is wrong, revoked, or over",
    };
    fatal("GitHub does not accept the credential", remedy)
}

fn not_visible(connection: &GithubConnection) -> Finding {
    fatal(
        format!("GitHub shows no organisation {} to the credential", connection.settings.org),
        "correct org, install the App on it, or authorise the token for its single sign-on",
    )
}

fn fatal(what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { fatal: true, what: what.into(), remedy: remedy.into() }
}
