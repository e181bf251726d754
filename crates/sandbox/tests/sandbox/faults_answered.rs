//! Faults that the caller gets an answer to.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use usher_sandbox::zendesk::UserSeed;
use usher_sandbox::{Fault, Matcher, Operation, RetryAfter, Role, Rule, Vendor};

use crate::desk::Desk;

const ANN: &str = "ann@example.com";

fn update_of_ann() -> Matcher {
    Matcher::operation(Operation::UpdateUser).about(ANN)
}

/// Ann, whose next update meets the fault.
async fn with(fault: Fault) -> (Desk, u64) {
    let desk = Desk::start().await;
    let id = desk.seed(UserSeed::end_user(ANN));
    desk.sandbox.fault(Rule::once(update_of_ann(), fault)).unwrap();
    (desk, id)
}

fn is_agent(desk: &Desk) -> bool {
    desk.sandbox.user(ANN).unwrap().role == Role::Agent
}

#[tokio::test]
async fn an_error_before_applying_changes_nothing() {
    let (desk, id) = with(Fault::ErrorBefore { status: 500 }).await;
    assert_eq!(desk.update(id, json!({"role": "agent"})).await.status, 500);
    assert!(!is_agent(&desk) && desk.sandbox.effects().is_empty());
    assert_eq!(desk.update(id, json!({"role": "agent"})).await.status, 200, "once only");
}

#[tokio::test]
async fn an_error_after_applying_hides_a_change_that_happened() {
    let (desk, id) = with(Fault::ErrorAfter { status: 502 }).await;
    assert_eq!(desk.update(id, json!({"role": "agent"})).await.status, 502);
    assert!(is_agent(&desk));
    let effects = desk.sandbox.effects();
    assert_eq!((effects.len(), effects[0].call), (1, desk.sandbox.calls()[0].n));
}

#[tokio::test]
async fn a_throttle_says_when_to_come_back_in_seconds_as_a_date_or_not_at_all() {
    // The clock stands at 1,000 seconds after nine o'clock.
    for (retry_after, said) in [
        (RetryAfter::None, None),
        (RetryAfter::Seconds(30), Some("30")),
        (RetryAfter::DateIn(19), Some("Mon, 02 Mar 2026 09:17:00 GMT")),
    ] {
        let (desk, id) = with(Fault::Throttle { retry_after }).await;
        let refused = desk.update(id, json!({"role": "agent"})).await;
        assert_eq!((refused.status, refused.retry_after.as_deref()), (429, said));
        assert!(desk.sandbox.effects().is_empty());
    }
}

#[tokio::test]
async fn an_error_in_a_200_changes_nothing() {
    let (desk, id) = with(Fault::ErrorBody).await;
    let answer = desk.update(id, json!({"role": "agent"})).await;
    assert_eq!((answer.status, answer.body["error"].is_string()), (200, true));
    assert!(desk.sandbox.effects().is_empty());
}

#[tokio::test]
async fn garbage_is_200_and_no_json_and_applied_if_asked_for() {
    for apply in [false, true] {
        let (desk, id) = with(Fault::Garbage { apply }).await;
        let sent = desk.request(Method::PUT, &format!("/api/v2/users/{id}"));
        let answer = sent.json(&json!({"user": {"role": "agent"}})).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"].to_str().unwrap()[..16]),
            (200, "application/json")
        );
        assert!(serde_json::from_slice::<serde_json::Value>(&answer.bytes().await.unwrap()).is_err());
        assert_eq!(is_agent(&desk), apply);
    }
}

#[tokio::test]
async fn unauthorized_and_forbidden_meet_good_credentials() {
    let (desk, id) = with(Fault::Unauthorized { revoke_tokens: false }).await;
    assert_eq!(desk.update(id, json!({"role": "agent"})).await.status, 401);
    let (desk, id) = with(Fault::Forbidden).await;
    assert_eq!(desk.update(id, json!({"role": "agent"})).await.status, 403);
    assert!(desk.sandbox.effects().is_empty());
}

#[tokio::test]
async fn unauthorized_can_revoke_the_tokens_as_well() {
    use usher_sandbox::zendesk::{CLIENT_ID, CLIENT_SECRET};
    let desk = Desk::start().await;
    let wanted =
        json!({"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET});
    let given = desk.post("/oauth/tokens", wanted).await.body;
    let token = given["access_token"].as_str().unwrap();
    let groups = || {
        let url = format!("{}/api/v2/groups", desk.sandbox.zendesk_url());
        crate::desk::answer(desk.http.get(url).bearer_auth(token))
    };
    assert_eq!(groups().await.status, 200);
    let fault = Fault::Unauthorized { revoke_tokens: true };
    desk.sandbox.fault(Rule::once(Matcher::operation(Operation::ListGroups), fault)).unwrap();
    assert_eq!(groups().await.status, 401);
    assert_eq!(groups().await.status, 401, "the token has ended");
}

#[tokio::test]
async fn a_stale_reading_shows_the_state_before_the_last_change() {
    let desk = Desk::start().await;
    let id = desk.seed(UserSeed::end_user(ANN));
    let show = Matcher::operation(Operation::ShowUser);
    let stale = Rule { times: Some(1), ..Rule::always(show, Fault::Stale { behind_ms: None }) };
    desk.update(id, json!({"role": "agent"})).await;
    let any = Rule::once(Matcher::default(), Fault::Stale { behind_ms: None });
    desk.sandbox.fault(any).unwrap();
    desk.update(id, json!({"suspended": true})).await;
    assert_eq!(desk.sandbox.faults()[0].met, 0, "a write is not counted");
    desk.sandbox.clear_faults();
    desk.sandbox.fault(stale).unwrap();
    let path = format!("/api/v2/users/{id}");
    let seen = desk.get(&path).await.body["user"].clone();
    assert_eq!((&seen["role"], &seen["suspended"]), (&json!("agent"), &json!(false)));
    assert_eq!(desk.get(&path).await.body["user"]["suspended"], json!(true), "one reading only");
}

#[tokio::test]
async fn a_stale_reading_can_lie_a_time_back_and_last_for_a_time() {
    let desk = Desk::start().await;
    let id = desk.seed(UserSeed::end_user(ANN));
    let rule = Rule {
        for_ms: Some(60_000),
        ..Rule::always(
            Matcher { vendor: Some(Vendor::Zendesk), ..Matcher::default() },
            Fault::Stale { behind_ms: Some(30_000) },
        )
    };
    desk.sandbox.fault(rule).unwrap();
    assert_eq!(desk.update(id, json!({"role": "agent"})).await.status, 200, "writes are not met");
    let path = format!("/api/v2/users/{id}");
    let role = async || desk.get(&path).await.body["user"]["role"].clone();
    desk.sandbox.clock().advance(Duration::from_secs(29));
    assert_eq!(role().await, json!("end-user"));
    desk.sandbox.clock().advance(Duration::from_secs(1));
    assert_eq!(role().await, json!("agent"));
    desk.update(id, json!({"role": "admin"})).await;
    assert_eq!(role().await, json!("agent"));
    assert_eq!(desk.search("email:ann@example.com").await[0]["role"], json!("agent"));
    desk.sandbox.clock().advance(Duration::from_secs(30));
    assert_eq!(role().await, json!("admin"));
}

#[tokio::test]
async fn a_user_who_was_just_created_is_not_there_for_a_stale_reading() {
    let desk = Desk::start().await;
    let body = json!({"user": {"name": "Ann", "email": ANN}});
    let id = desk.post("/api/v2/users", body).await.body["user"]["id"].as_u64().unwrap();
    desk.sandbox.fault(Rule::always(Matcher::default(), Fault::Stale { behind_ms: None })).unwrap();
    assert_eq!(desk.get(&format!("/api/v2/users/{id}")).await.status, 404);
    assert!(desk.search("email:ann@example.com").await.is_empty());
    desk.sandbox.clear_faults();
    assert_eq!(desk.get(&format!("/api/v2/users/{id}")).await.status, 200);
}

#[tokio::test]
async fn a_rule_meets_what_fits_after_what_it_skips_and_so_often_as_it_says() {
    let desk = Desk::start().await;
    let (ann, ben) = (desk.seed(UserSeed::end_user(ANN)), desk.seed(UserSeed::end_user("ben@example.com")));
    let rule = Rule {
        skip: 1,
        times: Some(2),
        ..Rule::always(Matcher::path("GET", "/api/v2/users/*").about("Ann@Example.com"), Fault::Forbidden)
    };
    let number = desk.sandbox.fault(rule).unwrap();
    let mut seen = Vec::new();
    for id in [ann, ann, ben, ann, ann] {
        seen.push(desk.get(&format!("/api/v2/users/{id}.json")).await.status);
        seen.push(desk.get(&format!("/api/v2/users/{id}/identities")).await.status);
    }
    assert_eq!(seen, [200, 200, 403, 200, 200, 200, 403, 200, 200, 200]);
    let state = desk.sandbox.faults().remove(0);
    assert_eq!((state.id, state.met, state.spent), (number, 2, true));
    let faults: Vec<_> = desk.sandbox.calls().into_iter().filter_map(|call| call.fault).collect();
    assert_eq!(faults, ["forbidden", "forbidden"]);
}

#[tokio::test]
async fn the_first_rule_that_fits_meets_a_request_and_a_wild_end_fits_all_that_follows() {
    let desk = Desk::start().await;
    let id = desk.seed(UserSeed::end_user(ANN));
    let users = Matcher { path: Some("/api/v2/users/**".to_owned()), ..Matcher::default() };
    desk.sandbox.fault(Rule::always(users, Fault::Forbidden)).unwrap();
    desk.sandbox.fault(Rule::always(Matcher::default(), Fault::ErrorBefore { status: 503 })).unwrap();
    assert_eq!(desk.get(&format!("/api/v2/users/{id}/identities")).await.status, 403);
    assert_eq!(desk.get("/api/v2/groups").await.status, 503);
    assert_eq!(desk.control(Method::GET, "/effects", None).await.status, 200, "control is never met");
}

#[tokio::test]
async fn a_rule_that_makes_no_sense_is_refused() {
    let desk = Desk::start().await;
    for fault in [Fault::ErrorBefore { status: 200 }, Fault::SlowDrip { every_ms: 1, bytes: 0 }] {
        assert!(desk.sandbox.fault(Rule::always(Matcher::default(), fault)).is_err());
    }
    assert!(desk.sandbox.faults().is_empty());
}
