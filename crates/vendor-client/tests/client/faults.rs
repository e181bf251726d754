//! What a failure, or an answer, means to the engine.

use std::time::Duration;

use http::StatusCode;
use usher_core::{RefusalKind, Remedy, Sent};
use usher_vendor_client::{Auth, FailureKind, VendorFailure, VendorRequest};

use crate::support::{Script, answer, answer_with, client, soon};

const BASE: &str = "http://vendor.test";
const AFTER: Option<Duration> = Some(Duration::from_secs(9));

fn failure(sent: Sent, kind: FailureKind, changes: bool) -> VendorFailure {
    VendorFailure { sent, kind, after: AFTER, status: None, changes, message: "what happened".into() }
}

#[test]
fn every_failure_says_what_may_be_done() {
    use FailureKind as K;
    let retry = Remedy::Retry { after: AFTER };
    let throttled = Remedy::Throttled { after: AFTER };
    let table = [
        (Sent::No, K::NoTime, retry.clone(), retry.clone()),
        (Sent::No, K::Dns, retry.clone(), retry.clone()),
        (Sent::No, K::Connect, retry.clone(), retry.clone()),
        (Sent::No, K::TimedOut, retry.clone(), retry.clone()),
        (Sent::No, K::TokenUnavailable, retry.clone(), retry.clone()),
        (Sent::No, K::PrivateAddress, Remedy::Person, Remedy::Person),
        (Sent::No, K::Credential, Remedy::Person, Remedy::Person),
        (Sent::No, K::OwnLimit, throttled.clone(), throttled.clone()),
        (Sent::Yes, K::Throttled, throttled.clone(), throttled),
        (Sent::Maybe, K::TimedOut, retry.clone(), Remedy::ReadBack),
        (Sent::Maybe, K::Broken, retry.clone(), Remedy::ReadBack),
        (Sent::Yes, K::BodyTooLarge, Remedy::Person, Remedy::ReadBack),
        (Sent::Yes, K::Unreadable, retry, Remedy::ReadBack),
        (Sent::Yes, K::Redirect, Remedy::Person, Remedy::ReadBack),
    ];
    for (sent, kind, read, change) in table {
        for (changes, remedy) in [(false, read), (true, change)] {
            let fault = failure(sent, kind, changes).into_fault("update user", "/users/{id}");
            assert_eq!((fault.sent, fault.remedy), (sent, remedy), "{kind:?} changes: {changes}");
            assert_eq!(fault.context[0], ("path".to_owned(), "/users/{id}".to_owned()));
            assert_eq!(fault.source.as_deref(), Some("what happened"));
        }
    }
}

#[test]
fn a_request_that_is_wrong_in_itself_is_refused() {
    let fault = failure(Sent::No, FailureKind::Request, true).into_fault("update user", "/users/{id}");
    let Remedy::Refused(refusal) = fault.remedy else { panic!("{fault}") };
    assert_eq!((refusal.kind, refusal.sentence.as_str()), (RefusalKind::Invalid, "what happened"));
}

#[tokio::test(start_paused = true)]
async fn rule_05_a_server_error_after_a_change_leaves_it_in_doubt() {
    for status in [500, 502, 503, 504, 408] {
        let script = Script::new(move |_, _| Ok(answer_with(status, &[("retry-after", "1")], "oops")));
        let client = client(script, BASE, Auth::None);
        let change = client.send(&soon(), VendorRequest::post("/users")).await.unwrap();
        let fault = change.success("create user", "/users").unwrap_err();
        assert_eq!((fault.sent, &fault.remedy), (Sent::Maybe, &Remedy::ReadBack), "{status}");
        let read = client.send(&soon(), VendorRequest::get("/users")).await.unwrap();
        let remedy = read.fault("read users", "/users").remedy;
        assert_eq!(remedy, Remedy::Retry { after: Some(Duration::from_secs(1)) });
        assert!(!format!("{fault} {fault:?}").contains("oops"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_error_is_a_definite_no() {
    for (status, kind) in [
        (400, RefusalKind::Invalid),
        (403, RefusalKind::Forbidden),
        (404, RefusalKind::Invalid),
        (409, RefusalKind::Invalid),
        (422, RefusalKind::Invalid),
    ] {
        let script = Script::new(move |_, _| Ok(answer(status, "why")));
        let change =
            client(script, BASE, Auth::None).send(&soon(), VendorRequest::post("/users")).await.unwrap();
        let fault = change.fault("create user", "/users");
        let Remedy::Refused(refusal) = &fault.remedy else { panic!("{fault}") };
        assert_eq!((fault.sent, refusal.kind), (Sent::Yes, kind));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_another_form_is_told_without_its_text() {
    #[derive(Debug, serde::Deserialize)]
    struct User {
        #[expect(dead_code, reason = "never read: it never parses")]
        id: u64,
    }
    for body in
        ["<html>private</html>", r#"{"id": "private"}"#, "", "{\"id\":", "[\"private\"]", "\u{feff}{}"]
    {
        let script = Script::new(move |_, _| Ok(answer(200, body)));
        let client = client(script, BASE, Auth::None);
        let response = client.send(&soon(), VendorRequest::put("/users")).await.unwrap();
        let failure = response.json::<User>().unwrap_err();
        assert_eq!((failure.sent, failure.kind), (Sent::Yes, FailureKind::Unreadable));
        assert_eq!(failure.status, Some(StatusCode::OK));
        assert!(!format!("{failure} {failure:?} {response:?}").contains("private"));
        assert_eq!(failure.into_fault("update user", "/users").remedy, Remedy::ReadBack);
    }
}

#[tokio::test(start_paused = true)]
async fn an_errors_name_is_found_in_a_body_of_any_form() {
    for (body, found) in [
        (r#"{"error":"MaxAgentExceeded"}"#, true),
        (r#"{"details":{"role":[{"description":"x MaxAgentExceeded y"}]}}"#, true),
        ("MaxAgent Exceeded", false),
        ("", false),
    ] {
        let script = Script::new(move |_, _| Ok(answer(422, body)));
        let response =
            client(script, BASE, Auth::None).send(&soon(), VendorRequest::put("/u")).await.unwrap();
        assert_eq!(response.text_contains("MaxAgentExceeded"), found);
    }
}
