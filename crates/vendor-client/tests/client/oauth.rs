//! Tokens: fetched once, renewed early, replaced after a 401.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::{Instant, advance};
use url::Url;
use usher_core::{HttpFailureKind, HttpRequest, HttpResponse, Ports, Remedy, Sent};
use usher_vendor_client::{
    Auth, ClientSettings, FailureKind, OAuthClientCredentials, SecretBy, Token, TokenBody, TokenSource,
    VendorClient, VendorFailure, VendorRequest,
};

use crate::support::{Script, answer, answer_with, call, client, failed, ports, soon};

const BASE: &str = "http://vendor.test/zendesk";
const TOKEN_PATH: &str = "/zendesk/oauth/tokens";
const SECRET: &str = "s3cret & more";

fn credentials() -> OAuthClientCredentials {
    OAuthClientCredentials {
        token_url: "/oauth/tokens".into(),
        client_id: "usher".into(),
        client_secret: SECRET.into(),
        scopes: vec!["users:read".into(), "users:write".into()],
        secret_by: SecretBy::Body,
        body: TokenBody::Form,
        extra: vec![("audience".into(), "api".into())],
    }
}

fn token(number: usize, expires_in: Option<u64>) -> HttpResponse {
    let life = expires_in.map(|expires_in| format!(r#","expires_in":{expires_in}"#)).unwrap_or_default();
    answer(200, &format!(r#"{{"access_token":"token-{number}","token_type":"bearer"{life}}}"#))
}

/// A vendor whose *n*th token is `token-n`.
fn vendor(expires_in: Option<u64>) -> Arc<Script> {
    let issued = AtomicUsize::new(0);
    Script::new(move |_, request| {
        if request.url.path() == TOKEN_PATH {
            return Ok(token(issued.fetch_add(1, Ordering::SeqCst) + 1, expires_in));
        }
        Ok(answer(200, "{}"))
    })
}

fn oauth_client(script: &Arc<Script>) -> VendorClient {
    client(script.clone(), BASE, Auth::OAuth(credentials()))
}

fn get() -> VendorRequest {
    VendorRequest::get("/users")
}

fn put() -> VendorRequest {
    VendorRequest::put("/users")
}

fn bearer_of(request: &HttpRequest) -> String {
    let value = request.headers.get(AUTHORIZATION).unwrap();
    assert!(value.is_sensitive());
    value.to_str().unwrap().to_owned()
}

fn last_bearer(script: &Script) -> String {
    bearer_of(script.seen().last().unwrap())
}

#[tokio::test(start_paused = true)]
async fn fifty_calls_at_once_make_one_token_request() {
    let script = vendor(Some(3600));
    let client = Arc::new(oauth_client(&script));
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let client = client.clone();
        calls.spawn(async move { client.send(&soon(), get()).await.unwrap() });
    }
    assert_eq!(calls.join_all().await.len(), 50);
    assert_eq!((script.count(TOKEN_PATH), script.count("/zendesk/users")), (1, 50));
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_before_it_ends() {
    // A minute before, or a tenth of its life before.
    for (life, kept) in [(3600, 3530), (600, 535), (100, 85)] {
        let script = vendor(Some(life));
        let client = oauth_client(&script);
        client.send(&soon(), get()).await.unwrap();
        advance(Duration::from_secs(kept)).await;
        client.send(&soon(), get()).await.unwrap();
        assert_eq!((script.count(TOKEN_PATH), last_bearer(&script)), (1, "Bearer token-1".into()), "{life}");
        advance(Duration::from_secs(10)).await;
        client.send(&soon(), get()).await.unwrap();
        assert_eq!((script.count(TOKEN_PATH), last_bearer(&script)), (2, "Bearer token-2".into()), "{life}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_nobody_limits_is_used_until_it_is_rejected() {
    let script = vendor(None);
    let client = oauth_client(&script);
    client.send(&soon(), get()).await.unwrap();
    advance(Duration::from_hours(24 * 90)).await;
    client.send(&soon(), get()).await.unwrap();
    assert_eq!(script.count(TOKEN_PATH), 1);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_leaves_the_token_that_is_still_good() {
    let issued = AtomicUsize::new(0);
    let script = Script::new(move |_, request| match request.url.path() {
        TOKEN_PATH if issued.fetch_add(1, Ordering::SeqCst) == 0 => Ok(token(1, Some(600))),
        TOKEN_PATH => Ok(answer(503, "")),
        _ => Ok(answer(200, "{}")),
    });
    let client = oauth_client(&script);
    client.send(&soon(), get()).await.unwrap();
    advance(Duration::from_secs(570)).await;
    client.send(&soon(), put()).await.unwrap();
    assert_eq!((script.count(TOKEN_PATH), last_bearer(&script)), (2, "Bearer token-1".into()));
    advance(Duration::from_secs(40)).await;
    let failure = client.send(&soon(), put()).await.unwrap_err();
    assert_eq!((failure.sent, failure.kind), (Sent::No, FailureKind::TokenUnavailable));
}

#[tokio::test(start_paused = true)]
async fn rule_05_a_401_is_followed_by_exactly_one_more_with_a_fresh_token() {
    for request in [get(), put()] {
        let issued = AtomicUsize::new(0);
        let script = Script::new(move |_, request| match request.url.path() {
            TOKEN_PATH => Ok(token(issued.fetch_add(1, Ordering::SeqCst) + 1, Some(3600))),
            _ if bearer_of(request) == "Bearer token-1" => Ok(answer(401, "")),
            _ => Ok(answer(200, "{}")),
        });
        let response = oauth_client(&script).send(&soon(), request).await.unwrap();
        assert_eq!(response.status, 200);
        assert_eq!((script.count(TOKEN_PATH), script.count("/zendesk/users")), (2, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn rule_05_a_second_401_is_an_answer() {
    for request in [get(), put()] {
        let script = Script::new(|number, request| match request.url.path() {
            TOKEN_PATH => Ok(token(number, Some(3600))),
            _ => Ok(answer(401, "")),
        });
        let response = oauth_client(&script).send(&soon(), request).await.unwrap();
        assert_eq!(response.status, 401);
        assert_eq!((script.count(TOKEN_PATH), script.count("/zendesk/users")), (2, 2));
        assert_eq!(response.fault("read users", "/users").remedy, Remedy::Person);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_rejected_in_many_calls_at_once_is_replaced_once() {
    let issued = AtomicUsize::new(0);
    let script = Script::new(move |_, request| match request.url.path() {
        TOKEN_PATH => Ok(token(issued.fetch_add(1, Ordering::SeqCst) + 1, None)),
        _ if bearer_of(request) == "Bearer token-1" => Ok(answer(401, "")),
        _ => Ok(answer(200, "{}")),
    });
    let client = Arc::new(oauth_client(&script));
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let client = client.clone();
        calls.spawn(async move { client.send(&soon(), put()).await.unwrap().status });
    }
    assert!(calls.join_all().await.iter().all(|status| *status == 200));
    assert_eq!((script.count(TOKEN_PATH), script.count("/zendesk/users")), (2, 100));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_needs_a_person_and_nothing_is_sent() {
    let described = r#"{"error":"invalid_client","error_description":"secret s3cret & more is wrong"}"#;
    for (status, body) in [
        (400, described),
        (401, described),
        (401, "<html>s3cret & more</html>"),
        (403, ""),
        (400, r#"{"error":"s3cret & more"}"#),
        (400, r#"{"error":"invalid_scope"}"#),
        (404, "Not found"),
    ] {
        let script = Script::new(move |_, _| Ok(answer(status, body)));
        let failure = oauth_client(&script).send(&soon(), put()).await.unwrap_err();
        assert_eq!((failure.sent, failure.kind), (Sent::No, FailureKind::Credential), "{status} {body}");
        assert_eq!((script.count(TOKEN_PATH), script.seen().len()), (1, 1));
        let fault = failure.into_fault("update user", "/users");
        assert_eq!((fault.sent, &fault.remedy), (Sent::No, &Remedy::Person));
        assert!(!format!("{fault} {fault:?}").contains("s3cret"), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_is_tried_once_for_all_who_wait() {
    let script = Script::new(|_, _| Ok(answer(401, r#"{"error":"invalid_client"}"#)));
    let client = Arc::new(oauth_client(&script));
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let client = client.clone();
        calls.spawn(async move { client.send(&soon(), get()).await.unwrap_err().kind });
    }
    assert!(calls.join_all().await.iter().all(|kind| *kind == FailureKind::Credential));
    assert_eq!(script.seen().len(), 1);
    // Whoever comes later may find it mended.
    client.send(&soon(), get()).await.unwrap_err();
    assert_eq!(script.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_fails_is_asked_again_and_the_call_was_not_sent() {
    type Answer = fn() -> Result<HttpResponse, usher_core::HttpFailure>;
    let table: [(Answer, FailureKind, usize); 7] = [
        (|| Ok(answer(500, "")), FailureKind::TokenUnavailable, 3),
        (|| Ok(answer(200, "<html>")), FailureKind::TokenUnavailable, 3),
        (|| Ok(answer(200, r#"{"access_token":"a\nb","token_type":"bearer"}"#)), FailureKind::Unreadable, 1),
        (|| Ok(answer_with(429, &[("retry-after", "9")], "")), FailureKind::Throttled, 1),
        (|| Ok(answer_with(302, &[("location", "/login")], "")), FailureKind::Redirect, 1),
        (|| Err(failed(Sent::Maybe, HttpFailureKind::TimedOut)), FailureKind::TimedOut, 3),
        (|| Err(failed(Sent::No, HttpFailureKind::Connect)), FailureKind::Connect, 3),
    ];
    for (answer, kind, times) in table {
        let script = Script::new(move |_, _| answer());
        let failure = oauth_client(&script).send(&soon(), put()).await.unwrap_err();
        assert_eq!((failure.sent, failure.kind, script.seen().len()), (Sent::No, kind, times));
        assert_eq!(script.count(TOKEN_PATH), times);
        let fault = failure.into_fault("update user", "/users");
        assert!(!matches!(fault.remedy, Remedy::ReadBack), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_token_goes_on_after_the_one_who_asked_has_given_up() {
    let script = Script::new(|number, request| match request.url.path() {
        TOKEN_PATH => Ok(token(number, Some(3600))),
        _ => Ok(answer(200, "{}")),
    });
    let client = Arc::new(oauth_client(&script));
    let first = tokio::spawn({
        let client = client.clone();
        async move { client.send(&soon(), get()).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(script.count(TOKEN_PATH), 1);
    first.abort();
    client.send(&soon(), get()).await.unwrap();
    assert_eq!((script.count(TOKEN_PATH), script.count("/zendesk/users")), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_token_request_ends_with_the_call() {
    let script = vendor(Some(3600));
    oauth_client(&script).send(&call(Duration::from_secs(2)), get()).await.unwrap();
    let request = script.seen().remove(0);
    assert_eq!(request.deadline - script.times()[0], Duration::from_secs(2));
    assert!(request.allow_private);
}

#[tokio::test(start_paused = true)]
async fn the_secret_is_shown_as_the_vendor_wants_it() {
    let form = "grant_type=client_credentials&scope=users%3Aread+users%3Awrite&client_id=usher&client_secret=s3cret+%26+more";
    for (secret_by, body) in [
        (SecretBy::Body, TokenBody::Form),
        (SecretBy::Body, TokenBody::Json),
        (SecretBy::Basic, TokenBody::Form),
    ] {
        let script = vendor(Some(3600));
        let auth = Auth::OAuth(OAuthClientCredentials { secret_by, body, ..credentials() });
        client(script.clone(), BASE, auth).send(&soon(), get()).await.unwrap();
        let request = script.seen().remove(0);
        let text = String::from_utf8(request.body.to_vec()).unwrap();
        let content_type = request.headers["content-type"].to_str().unwrap();
        match (secret_by, body) {
            (SecretBy::Basic, _) => {
                // RFC 6749, 2.3.1: both are form-encoded first.
                assert_eq!(bearer_of(&request), "Basic dXNoZXI6czNjcmV0KyUyNittb3Jl");
                assert!(!text.contains("client_secret") && text.contains("audience=api"), "{text}");
            }
            (SecretBy::Body, TokenBody::Form) => {
                assert_eq!(content_type, "application/x-www-form-urlencoded");
                let mut sent: Vec<_> = text.split('&').collect();
                let mut expected: Vec<_> = form.split('&').chain(["audience=api"]).collect();
                sent.sort_unstable();
                expected.sort_unstable();
                assert_eq!(sent, expected);
            }
            (SecretBy::Body, TokenBody::Json) => {
                assert_eq!(content_type, "application/json");
                let sent: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert_eq!(
                    sent,
                    serde_json::json!({
                        "grant_type": "client_credentials", "scope": "users:read users:write", "client_id": "usher",
                        "client_secret": SECRET, "audience": "api",
                    })
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_may_stand_elsewhere_but_not_in_the_clear() {
    let script = vendor(Some(3600));
    let build = |token_url: &str, allow_private| {
        let auth = Auth::OAuth(OAuthClientCredentials { token_url: token_url.into(), ..credentials() });
        let ports = Ports { allow_private, ..ports(script.clone()) };
        VendorClient::new(ports, ClientSettings::new(Url::parse("https://vendor.test").unwrap(), auth))
    };
    build("https://login.vendor.test/token?tenant=1", false).unwrap();
    for token_url in
        ["http://login.vendor.test/token", "https://user:pw@login.vendor.test/", "token", "file:///token", ""]
    {
        let error = build(token_url, false).unwrap_err();
        assert_eq!(error.path, ["token_url"], "{token_url}");
        assert!(!error.to_string().contains("pw"));
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_may_come_from_elsewhere() {
    #[derive(Debug, Default)]
    struct Installation(AtomicUsize);
    #[async_trait]
    impl TokenSource for Installation {
        async fn fetch(&self, _: Instant) -> Result<Token, VendorFailure> {
            let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
            let expires: Timestamp = "2026-11-24T09:00:00Z".parse().unwrap();
            Ok(Token { secret: format!("installation-{number}").into(), expires: Some(expires) })
        }
    }
    let script = vendor(None);
    let client = client(script.clone(), BASE, Auth::Tokens(Arc::new(Installation::default())));
    client.send(&soon(), get()).await.unwrap();
    advance(Duration::from_mins(58)).await;
    client.send(&soon(), get()).await.unwrap();
    assert_eq!(last_bearer(&script), "Bearer installation-1");
    advance(Duration::from_mins(1)).await;
    client.send(&soon(), get()).await.unwrap();
    assert_eq!(last_bearer(&script), "Bearer installation-2");
}
