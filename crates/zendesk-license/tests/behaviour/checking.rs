//! `usher check --live`, the factory, and what two connections must not share.

use serde_json::json;
use usher_core::{Arity, Connector};
use usher_zendesk_license::ZendeskLicense;

use crate::support::world::{Instead, OWNER};
use crate::support::{Zendesk, group, ports, role, settings};

async fn findings(zendesk: &Zendesk, named: &[usher_core::Facet]) -> Vec<(bool, String, String)> {
    let health = zendesk.check(named).await.unwrap();
    assert_eq!(health.seats_left, None, "Zendesk's API does not tell");
    health.findings.into_iter().map(|finding| (finding.fatal, finding.what, finding.remedy)).collect()
}

#[tokio::test]
async fn a_connection_of_which_everything_is_there_has_no_findings() {
    let zendesk = Zendesk::with(json!({"reassign_to": OWNER})).await;
    assert_eq!(findings(&zendesk, &[role("agent"), role("light-agent"), group("Tier 1")]).await, []);
}

#[tokio::test]
async fn a_bare_agent_on_an_account_with_custom_roles_is_fatal_and_the_roles_are_listed() {
    let zendesk = Zendesk::start().await;
    zendesk.world().with_custom_role();
    let found = findings(&zendesk, &[role("agent"), role("Team lead")]).await;
    assert_eq!(found.len(), 1);
    assert!(found[0].0);
    assert!(found[0].2.contains("Team lead"), "{found:?}");
}

#[tokio::test]
async fn roles_and_groups_that_are_not_there_are_fatal_each() {
    let zendesk = Zendesk::start().await;
    zendesk.world().groups.push((9, "Tier 1".to_owned()));
    let named = [role("Chef"), role("Administrator"), group("Tier 1"), group("Tier 9")];
    let found = findings(&zendesk, &named).await;
    let what: Vec<&str> = found.iter().map(|(_, what, _)| what.as_str()).collect();
    assert_eq!(
        what,
        [
            "Administrator is an administrator's role",
            "Zendesk has no role Chef",
            "Zendesk has several groups named Tier 1",
            "Zendesk has no group named Tier 9",
        ]
    );
    assert!(found.iter().all(|(fatal, _, _)| *fatal));
}

#[tokio::test]
async fn a_credential_that_is_no_administrators_is_fatal() {
    let zendesk = Zendesk::start().await;
    zendesk.world().user_mut(OWNER).role = "agent".to_owned();
    let found = findings(&zendesk, &[]).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1, "the credential's user is not an administrator");
}

#[tokio::test]
async fn a_credential_that_gets_no_token_is_a_finding_too() {
    let wrong = json!({"oauth": {"client_id": "usher", "client_secret": {"env": "WRONG"}}});
    let found = findings(&Zendesk::with(wrong).await, &[role("agent")]).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1, "Zendesk does not accept the credential");
}

#[tokio::test]
async fn who_is_to_get_the_tickets_has_to_be_an_active_agent() {
    let zendesk = Zendesk::with(json!({"reassign_to": 5})).await;
    assert_eq!(findings(&zendesk, &[]).await.len(), 1, "there is no such user");
    zendesk.world().put(5, "queue@example.com", "end-user", None);
    assert_eq!(findings(&zendesk, &[]).await.len(), 1, "an end-user has no tickets");
    zendesk.world().user_mut(5).role = "agent".to_owned();
    assert_eq!(findings(&zendesk, &[]).await, []);
}

#[tokio::test]
async fn an_api_token_is_warned_of_until_the_day_on_which_all_of_them_stop() {
    let token = json!({"api_token": {"email": "admin@acme.example", "token": {"env": "API_TOKEN"}}});
    for (now, fatal) in [("2026-11-24T00:00:00Z", false), ("2027-04-30T00:00:00Z", true)] {
        let found = findings(&Zendesk::at(token.clone(), now).await, &[]).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, fatal);
        assert!(found[0].1.contains("30 April 2027"), "{found:?}");
    }
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_check_is_a_fault_and_no_finding() {
    let zendesk = Zendesk::start().await;
    zendesk.world().instead("GET /api/v2/users/me", Instead::Answer(500, json!({})));
    assert!(zendesk.check(&[]).await.is_err());
}

#[tokio::test]
async fn the_tenant_is_the_address_whatever_its_case_and_the_slots_are_role_and_group() {
    let zendesk = Zendesk::start().await;
    assert_eq!(zendesk.connection.tenant(), zendesk.uri());
    let slots = zendesk.connection.slots();
    assert_eq!(slots["role"], Arity::One { baseline: Some("end-user".to_owned()) });
    assert_eq!(slots["group"], Arity::Many);

    let mut ports = ports("http://127.0.0.1:1", "2026-11-24T00:00:00Z");
    ports.base_url = None;
    let connection = ZendeskLicense.build(settings(&json!({"subdomain": "Acme"})), ports).unwrap();
    assert_eq!(connection.tenant(), "https://acme.zendesk.com");
}

#[test]
fn a_secret_that_cannot_be_read_is_told_with_its_path() {
    let missing = json!({"oauth": {"client_id": "usher", "client_secret": {"env": "NOWHERE"}}});
    let errors =
        ZendeskLicense.build(settings(&missing), ports("http://127.0.0.1:1", "2026-11-24T00:00:00Z"));
    let errors = errors.unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].path, ["oauth", "client_secret"]);
}

#[test]
fn the_factory_says_what_it_can_do() {
    assert_eq!(ZendeskLicense.kind(), "zendesk-license");
    let able = ZendeskLicense.capabilities();
    assert!(able.removes_account && !able.invites);
}
