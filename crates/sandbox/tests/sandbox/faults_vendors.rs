//! The fault switch at GitHub and the directory: the same rules, and the limits in GitHub's manner.

use reqwest::Method;
use serde_json::{Value, json};
use usher_sandbox::directory::PersonSeed;
use usher_sandbox::github::AccountSeed;
use usher_sandbox::{CallEnd, Fault, Matcher, Operation, RetryAfter, Rule, Vendor};

use crate::desk::{Answer, Desk, SOON};

const ANN: &str = "ann@example.com";

async fn set_role(desk: &Desk, role: &str) -> Answer {
    desk.github(Method::PUT, "/orgs/acme/memberships/ann", Some(json!({"role": role}))).await
}

async fn with(fault: Fault) -> Desk {
    let desk = Desk::start().await;
    desk.sandbox.seed_account(AccountSeed::member("ann", ANN)).unwrap();
    let matcher = Matcher::operation(Operation::SetOrgMembership).about(ANN);
    desk.sandbox.fault(Rule::once(matcher, fault)).unwrap();
    desk
}

#[tokio::test]
async fn a_primary_limit_is_403_with_nothing_remaining_and_a_reset() {
    let desk = with(Fault::PrimaryLimit { reset_in_s: 30 }).await;
    let refused = set_role(&desk, "admin").await;
    assert_eq!((refused.status, refused.header("x-ratelimit-remaining")), (403, Some("0")));
    let reset = desk.sandbox.clock().wall().as_second() + 30;
    assert_eq!(refused.header("x-ratelimit-reset"), Some(reset.to_string().as_str()));
    assert!(desk.sandbox.effects().is_empty());
    assert_eq!(set_role(&desk, "admin").await.status, 200);
}

#[tokio::test]
async fn a_secondary_limit_may_say_in_its_body_alone_that_it_is_one() {
    for (retry_after, said) in [(RetryAfter::None, None), (RetryAfter::Seconds(7), Some("7"))] {
        let desk = with(Fault::SecondaryLimit { retry_after }).await;
        let refused = set_role(&desk, "admin").await;
        assert_eq!((refused.status, refused.retry_after.as_deref()), (403, said));
        assert_eq!(refused.header("x-ratelimit-remaining"), None);
        assert!(refused.body["message"].as_str().unwrap().contains("secondary rate limit"));
        assert!(desk.sandbox.effects().is_empty());
    }
    let desk = with(Fault::Throttle { retry_after: RetryAfter::Seconds(7) }).await;
    let refused = set_role(&desk, "admin").await;
    assert_eq!((refused.status, refused.retry_after.as_deref()), (429, Some("7")));
}

#[tokio::test]
async fn an_error_after_applying_hides_a_change_and_its_effect_is_there() {
    let desk = with(Fault::ErrorAfter { status: 502 }).await;
    assert_eq!(set_role(&desk, "admin").await.status, 502);
    assert_eq!(desk.happened(), ["role member -> admin"]);
}

#[tokio::test]
async fn a_refusal_is_in_the_vendors_manner() {
    let desk = Desk::start().await;
    desk.sandbox.fault(Rule::always(Matcher::default(), Fault::Forbidden)).unwrap();
    assert!(desk.github(Method::GET, "/orgs/acme", None).await.body["message"].is_string());
    let url = format!("{}/api/users", desk.sandbox.directory_url());
    let refused = crate::desk::answer(desk.http.get(url)).await;
    assert_eq!((refused.status, refused.body["error"]["message"].is_string()), (403, true));
}

#[tokio::test]
async fn a_rule_for_one_vendor_leaves_the_others_alone() {
    let desk = Desk::start().await;
    let github = Matcher { vendor: Some(Vendor::Github), ..Matcher::default() };
    desk.sandbox.fault(Rule::always(github, Fault::ErrorBefore { status: 500 })).unwrap();
    assert_eq!(desk.github(Method::GET, "/orgs/acme", None).await.status, 500);
    assert_eq!(desk.get("/api/v2/groups").await.status, 200);
    assert_eq!(desk.directory(Method::GET, "/api/users", None).await.status, 200);
}

#[tokio::test]
async fn a_held_invitation_is_made_when_it_is_released() {
    let desk = Desk::start().await;
    let invitations = Matcher::operation(Operation::CreateInvitation).about(ANN);
    desk.sandbox.fault(Rule::once(invitations.clone(), Fault::Hold { after_applying: false })).unwrap();
    let driver = async {
        desk.sandbox.wait_for_calls(&invitations, 1, SOON).await.unwrap();
        assert!(desk.sandbox.invitations().is_empty());
        assert_eq!(desk.sandbox.release(None), 1);
        desk.sandbox.wait_for_ends(&invitations, CallEnd::Answered, 1, SOON).await.unwrap();
    };
    let invite = desk.github(Method::POST, "/orgs/acme/invitations", Some(json!({"email": ANN})));
    let (made, ()) = tokio::join!(invite, driver);
    assert_eq!((made.status, desk.sandbox.pending_invitations(ANN).len()), (201, 1));
}

#[tokio::test]
async fn a_stale_reading_shows_members_invitations_and_people_as_they_were() {
    let desk = Desk::start().await;
    desk.sandbox.seed_account(AccountSeed::outside("ann", ANN)).unwrap();
    desk.sandbox.seed_person(PersonSeed::with_roles(ANN, &["viewer"])).unwrap();
    set_role(&desk, "member").await;
    desk.sandbox.accept_invitation("ann").unwrap();
    let path = format!("/api/users/{}", desk.sandbox.person(ANN).unwrap().id);
    desk.directory(Method::DELETE, &path, None).await;
    desk.sandbox.fault(Rule::always(Matcher::default(), Fault::Stale { behind_ms: None })).unwrap();
    let membership = async || desk.github(Method::GET, "/orgs/acme/memberships/ann", None).await.body;
    assert_eq!(membership().await["state"], json!("pending"), "before it was accepted");
    let open = desk.github(Method::GET, "/orgs/acme/invitations", None).await.body;
    assert_eq!(open.as_array().map(Vec::len), Some(1));
    let found = desk.directory(Method::GET, "/api/users?search=ann", None).await.body;
    assert_eq!(found["users"][0]["email"], json!(ANN));
    desk.sandbox.clear_faults();
    assert_eq!(membership().await["state"], json!("active"));
    let found = desk.directory(Method::GET, "/api/users?search=ann", None).await.body;
    assert_eq!(found["users"], json!([]));
}

#[tokio::test]
async fn a_stale_reading_meets_a_graphql_query_though_it_is_a_post() {
    let desk = Desk::start().await;
    desk.sandbox.fault(Rule::always(Matcher::default(), Fault::Stale { behind_ms: None })).unwrap();
    let query = json!({"query": "{ organization(login: \"acme\") { login } }"});
    desk.github(Method::POST, "/graphql", Some(query)).await;
    assert_eq!(desk.sandbox.faults()[0].met, 1);
}

#[tokio::test]
async fn an_error_in_a_200_is_in_the_vendors_manner() {
    let desk = Desk::start().await;
    desk.sandbox.fault(Rule::always(Matcher::default(), Fault::ErrorBody)).unwrap();
    let query = json!({"query": "{ organization(login: \"acme\") { login } }"});
    let told = desk.github(Method::POST, "/graphql", Some(query)).await;
    assert_eq!((told.status, told.body["errors"][0]["message"].is_string()), (200, true));
    let told = desk.github(Method::GET, "/orgs/acme", None).await;
    assert_eq!((told.status, told.body["message"].is_string()), (200, true));
}

#[tokio::test]
async fn tokens_are_revoked_of_the_vendor_that_was_met() {
    let desk = Desk::start().await;
    let token = desk.directory_token().await;
    let url = format!("{}/api/users", desk.sandbox.directory_url());
    let people = async || crate::desk::answer(desk.http.get(&url).bearer_auth(&token)).await.status;
    let revoke = |vendor| {
        let matcher = Matcher { vendor: Some(vendor), ..Matcher::default() };
        desk.sandbox.fault(Rule::once(matcher, Fault::Unauthorized { revoke_tokens: true })).unwrap()
    };
    revoke(Vendor::Github);
    assert_eq!(desk.github(Method::GET, "/orgs/acme", None).await.status, 401);
    assert_eq!(people().await, 200);
    revoke(Vendor::Directory);
    assert_eq!(people().await, 401);
    assert_eq!(people().await, 401, "the token has ended");
}

#[tokio::test]
async fn an_operation_of_the_directory_is_met_by_whom_it_is_about() {
    let desk = Desk::start().await;
    let asked = Matcher::operation(Operation::ShowOperation).about(ANN);
    desk.sandbox.fault(Rule::once(asked, Fault::ErrorBefore { status: 503 })).unwrap();
    let body = json!({"email": ANN, "roles": []});
    let made = desk.directory(Method::POST, "/api/users", Some(body)).await;
    let path =
        made.header("location").unwrap().strip_prefix(&desk.sandbox.directory_url()).unwrap().to_owned();
    assert_eq!(desk.directory(Method::GET, &path, None).await.status, 503);
    let shown = desk.directory(Method::GET, &path, None).await.body;
    assert_eq!(shown["state"], json!("done"), "an error was no poll");
    let subjects: Vec<Value> = desk.sandbox.calls().into_iter().map(|call| json!(call.subject)).collect();
    assert_eq!(subjects.iter().filter(|subject| **subject == json!(ANN)).count(), 3);
}
