//! `usher check --live`.

use serde_json::json;
use usher_core::Facet;

use crate::support::world::Instead;
use crate::support::{Github, role, team};

async fn found(github: &Github, named: &[Facet]) -> Vec<(bool, String)> {
    let health = github.check(named).await.unwrap();
    health
        .findings
        .into_iter()
        .map(|finding| (finding.fatal, format!("{}: {}", finding.what, finding.remedy)))
        .collect()
}

fn only(found: &[(bool, String)], fatal: bool, text: &str) {
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].0 == fatal && found[0].1.contains(text), "{text} is not in {found:?}");
}

#[tokio::test]
async fn a_good_connection_has_no_findings_and_tells_the_seats_that_are_left() {
    let github = Github::start().await;
    github.world().seats = Some(10);
    let health = github.check(&[role("member"), role("admin"), team("engineering")]).await.unwrap();
    assert_eq!((health.findings, health.seats_left), (vec![], Some(9)));
    assert_eq!(github.changes(), [""; 0], "a check never writes");
    github.world().seats = None;
    assert_eq!(github.check(&[]).await.unwrap().seats_left, None);
}

#[tokio::test]
async fn a_wrong_credential_is_told_once() {
    let github = Github::with(json!({"token": {"env": "WRONG"}})).await;
    only(&found(&github, &[team("nothing")]).await, true, "GitHub does not accept the credential");
    let app = json!({"id": 12345, "installation_id": 678, "private_key": {"env": "OTHER_KEY"}});
    let github = Github::with(json!({ "app": app })).await;
    only(&found(&github, &[]).await, true, "GitHub does not accept the credential");
}

#[tokio::test]
async fn an_installation_that_may_not_or_is_elsewhere_is_told() {
    let github = Github::start().await;
    github.world().permissions = json!({"members": "read"});
    only(&found(&github, &[]).await, true, "Members: read and write");
    github.world().permissions = json!({"members": "write"});
    github.world().suspended = true;
    only(&found(&github, &[]).await, true, "suspended");
    let github = Github::with(json!({"org": "another"})).await;
    let findings = found(&github, &[]).await;
    assert!(
        findings.iter().any(|(_, text)| text.contains("not on the organisation another")),
        "{findings:?}"
    );
    assert!(findings.iter().any(|(_, text)| text.contains("shows no organisation another")), "{findings:?}");
    let app = json!({"id": 12345, "installation_id": 1, "private_key": {"env": "PRIVATE_KEY"}});
    let github = Github::with(json!({ "app": app })).await;
    let findings = found(&github, &[]).await;
    assert!(findings[0].0 && findings[0].1.contains("no such installation"), "{findings:?}");
}

#[tokio::test]
async fn a_classic_token_without_the_scope_is_told() {
    let github = Github::with(json!({"token": {"env": "TOKEN"}})).await;
    github.world().scopes = Some("repo, read:org".to_owned());
    only(&found(&github, &[]).await, true, "admin:org");
    for scopes in [Some("repo, admin:org".to_owned()), Some(String::new()), None] {
        github.world().scopes = scopes;
        assert_eq!(found(&github, &[]).await, []);
    }
}

#[tokio::test]
async fn teams_that_the_configuration_names_and_github_has_not_are_told() {
    let github = Github::start().await;
    let findings = found(&github, &[team("engineering"), team("nothing"), team("nowhere")]).await;
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(findings[0].1.contains("no team nothing") && findings[1].1.contains("no team nowhere"));
}

#[tokio::test]
async fn saml_that_cannot_be_read_is_told_and_is_fatal_where_it_is_the_only_way() {
    let github = Github::start().await;
    github.world().has_saml = false;
    only(&found(&github, &[]).await, false, "classic token of an enterprise owner");
    github.world().shows_saml = false;
    only(&found(&github, &[]).await, true, "may not read the organisation's SAML identities");
    let github = Github::with(json!({"identify_by": ["saml"]})).await;
    only(&found(&github, &[]).await, true, "classic token of an enterprise owner");
}

#[tokio::test]
async fn ways_that_cannot_do_what_is_named_are_told() {
    let github = Github::with(json!({"identify_by": ["custom_fields.github"]})).await;
    assert_eq!(found(&github, &[role("member")]).await, []);
    only(&found(&github, &[role("admin")]).await, true, "nobody is made an owner by a typed login");
    let github = Github::with(json!({"managed_users": true})).await;
    only(&found(&github, &[]).await, true, "nobody can be invited here");
    let github =
        Github::at("/api/v3", json!({"identify_by": ["custom_fields.github", "invite-by-email"]})).await;
    only(&found(&github, &[]).await, false, "nobody can be invited here");
}

#[tokio::test]
async fn invitations_that_may_not_be_read_are_told_and_a_failing_github_is_a_fault() {
    let github = Github::start().await;
    github.world().instead("GET /orgs/acme/invitations", Instead::Answer(403, json!({"message": "no"})));
    only(&found(&github, &[]).await, true, "may not read the organisation's invitations");
    for _ in 0..3 {
        github.world().instead("GET /orgs/acme", Instead::Answer(503, json!({})));
    }
    github.check(&[]).await.unwrap_err();
}
