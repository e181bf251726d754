//! Whether requests would work: the credential, and what the configuration names. Never writes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use usher_core::{Call, Facet, Fault, Finding, Health, Remedy};

use crate::api::{Group, User};
use crate::config::Credentials;
use crate::entitlement::{GROUP, ROLE};
use crate::provisioner::ZendeskConnection;
use crate::roles::{ADMIN, AGENT, Catalogue, END_USER, Unresolved};

/// When the last API token stops: 2027-04-30T00:00:00Z
/// (<https://developer.zendesk.com/documentation/api-basics/authentication/oauth-migration/>).
const TOKENS_STOP: i64 = 1_809_043_200;

/// Checks a connection.
pub(crate) async fn check(
    connection: &ZendeskConnection,
    call: &Call,
    named: &BTreeSet<Facet>,
) -> Result<Health, Fault> {
    let mut health = Health::default();
    if let Credentials::ApiToken { .. } = connection.settings.credentials {
        health.findings.push(token_ends(connection.ports.clock.now()));
    }
    match connection.api.me(call).await {
        Ok(me) => health.findings.extend(who_asks(&me)),
        Err(fault) if fault.remedy == Remedy::Person => {
            health.findings.push(wrong_credential());
        }
        Err(fault) => return Err(fault),
    }
    // With a wrong credential everything else would fail for the same reason.
    if health.findings.iter().any(|finding| finding.what == wrong_credential().what) {
        return Ok(health);
    }
    if named.iter().any(|facet| facet.slot == ROLE) {
        let catalogue = connection.api.custom_roles(call).await?;
        health.findings.extend(roles(&catalogue, named));
    }
    if named.iter().any(|facet| facet.slot == GROUP) {
        let listed = connection.api.groups(call).await?;
        health.findings.extend(groups(&listed, named));
    }
    if let Some(id) = connection.settings.reassign_to {
        let user = connection.api.user(call, &id.to_string()).await?;
        health.findings.extend(heir(id, user.as_ref()));
    }
    Ok(health)
}

fn wrong_credential() -> Finding {
    fatal(
        "Zendesk does not accept the credential",
        "see that the subdomain is right, that the OAuth client exists there and is confidential, and that its secret is the one that Zendesk showed when it was created",
    )
}

/// A wrong credential may get 200 and the anonymous user, whose id is null.
fn who_asks(me: &User) -> Option<Finding> {
    match (me.id, me.role.as_deref()) {
        (None, _) => Some(wrong_credential()),
        (Some(_), Some(ADMIN)) => None,
        (Some(_), _) => Some(fatal(
            "the credential's user is not an administrator",
            "create the OAuth client, or the token, as an administrator: only they may change roles and groups",
        )),
    }
}

fn token_ends(now: Timestamp) -> Finding {
    let remedy =
        "create a confidential OAuth client in Admin Center and write oauth = { client_id, client_secret }";
    if now.as_second() >= TOKENS_STOP {
        return fatal("API tokens stopped on 30 April 2027", remedy);
    }
    let what = "API tokens stop on 30 April 2027; one that is not used for 30 days is switched off before, and since 27 October 2026 no new one can be made";
    Finding { fatal: false, what: what.to_owned(), remedy: remedy.to_owned() }
}

fn roles(catalogue: &Catalogue, named: &BTreeSet<Facet>) -> Vec<Finding> {
    let words = named.iter().filter(|facet| facet.slot == ROLE && facet.value != END_USER);
    words.filter_map(|facet| role(catalogue, &facet.value)).collect()
}

fn role(catalogue: &Catalogue, word: &str) -> Option<Finding> {
    let custom = catalogue.custom_names();
    let listed = || {
        let names: Vec<&str> = catalogue.roles.iter().map(|role| role.name.as_str()).collect();
        if names.is_empty() { "it lists none".to_owned() } else { format!("it lists {}", names.join(", ")) }
    };
    match catalogue.target(word) {
        Ok(_) if word == AGENT && !custom.is_empty() => Some(fatal(
            "the account has custom roles, where a bare \"agent\" makes a legacy agent",
            format!("name one of them instead: {}", custom.join(", ")),
        )),
        Ok(_) => None,
        Err(Unresolved::Missing) => {
            Some(fatal(format!("Zendesk has no role {word}"), format!("correct the name: {}", listed())))
        }
        Err(Unresolved::Several) => {
            Some(fatal(format!("Zendesk has several roles named {word}"), "rename one of them in Zendesk"))
        }
        Err(Unresolved::Protected) => Some(fatal(
            format!("{word} is an administrator's role"),
            "write role = \"admin\" if administrators are to be made",
        )),
    }
}

fn groups(listed: &[Group], named: &BTreeSet<Facet>) -> Vec<Finding> {
    let names = named.iter().filter(|facet| facet.slot == GROUP).map(|facet| facet.value.as_str());
    names
        .filter_map(|name| match listed.iter().filter(|group| group.name == name).count() {
            0 => Some(fatal(
                format!("Zendesk has no group named {name}"),
                "create it in Zendesk, or correct the name: it is compared exactly",
            )),
            1 => None,
            _ => Some(fatal(
                format!("Zendesk has several groups named {name}"),
                "rename one of them in Zendesk",
            )),
        })
        .collect()
}

/// Whoever gets the tickets has to be able to.
fn heir(id: u64, user: Option<&User>) -> Option<Finding> {
    let able = user.is_some_and(|user| {
        !user.is_deleted()
            && user.suspended != Some(true)
            && user.role.as_deref().is_some_and(|role| role != END_USER)
    });
    (!able).then(|| {
        fatal(
            format!("reassign_to names user {id}, who is no active agent"),
            "write the id of an agent who may have the tickets of whoever loses the licence",
        )
    })
}

fn fatal(what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { fatal: true, what: what.into(), remedy: remedy.into() }
}
