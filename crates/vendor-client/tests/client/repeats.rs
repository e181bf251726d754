//! What is sent again, and what is not.

use std::time::Duration;

use http::Method;
use url::Url;
use usher_core::{HttpFailureKind, HttpRequest, Sent};
use usher_vendor_client::{
    Auth, ClientSettings, FailureKind, VendorClient, VendorRequest, throttled_like_github,
};

use crate::support::{
    RawServer, Script, answer, answer_with, call, client, failed, ports, socket_client, soon, wire,
};

const BASE: &str = "http://vendor.test/zendesk";

fn read() -> VendorRequest {
    VendorRequest::get("/users/{id}").param("id", 7)
}

fn change() -> VendorRequest {
    VendorRequest::put("/users/{id}").param("id", 7).json(&serde_json::json!({"role": "agent"}))
}

#[tokio::test(start_paused = true)]
async fn rule_05_a_change_is_sent_again_only_where_it_was_surely_not_sent() {
    use HttpFailureKind::{BodyTooLarge, Broken, Connect, Dns, PrivateAddress, TimedOut};
    let table = [
        (Sent::No, Connect, 3),
        (Sent::No, Dns, 3),
        (Sent::No, PrivateAddress, 1),
        (Sent::Maybe, TimedOut, 1),
        (Sent::Maybe, Broken, 1),
        (Sent::Yes, BodyTooLarge, 1),
    ];
    for (sent, kind, times) in table {
        let script = Script::new(move |_, _| Err(failed(sent, kind)));
        let failure = client(script.clone(), BASE, Auth::None).send(&soon(), change()).await.unwrap_err();
        assert_eq!((failure.sent, failure.kind, failure.changes), (sent, kind.into(), true));
        assert_eq!(script.seen().len(), times, "{sent:?} {kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_was_not_sent_at_first_succeeds_later() {
    let script = Script::new(|number, _| match number {
        1 => Err(failed(Sent::No, HttpFailureKind::Connect)),
        _ => Ok(answer(200, "{}")),
    });
    let response = client(script.clone(), BASE, Auth::None).send(&soon(), change()).await.unwrap();
    assert_eq!((response.status.as_u16(), script.seen().len()), (200, 2));
}

#[tokio::test(start_paused = true)]
async fn rule_05_no_status_makes_a_change_be_sent_again() {
    for status in [200, 202, 302, 307, 400, 401, 403, 404, 408, 409, 422, 500, 502, 503, 504] {
        let script = Script::new(move |_, _| Ok(answer_with(status, &[("location", "/other")], "")));
        let response = client(script.clone(), BASE, Auth::None).send(&soon(), change()).await.unwrap();
        assert_eq!((response.status.as_u16(), script.seen().len()), (status, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn rule_05_a_get_that_changes_something_is_treated_as_a_change() {
    let script = Script::new(|_, _| Err(failed(Sent::Maybe, HttpFailureKind::Broken)));
    let client = client(script.clone(), BASE, Auth::None);
    client.send(&soon(), read().changes(true)).await.unwrap_err();
    assert_eq!(script.seen().len(), 1);
    client.send(&soon(), change().changes(false)).await.unwrap_err();
    assert_eq!(script.seen().len(), 1 + 3);
}

#[tokio::test(start_paused = true)]
async fn a_read_is_sent_again_a_few_times_after_what_may_pass() {
    for status in [502, 503, 504] {
        let script = Script::new(move |_, _| Ok(answer(status, "")));
        let response = client(script.clone(), BASE, Auth::None).send(&soon(), read()).await.unwrap();
        assert_eq!((response.status.as_u16(), script.seen().len()), (status, 3));
    }
    for kind in [HttpFailureKind::Broken, HttpFailureKind::TimedOut] {
        let script = Script::new(move |number, _| match number {
            1 => Err(failed(Sent::Maybe, kind)),
            _ => Ok(answer(200, "{}")),
        });
        client(script.clone(), BASE, Auth::None).send(&soon(), read()).await.unwrap();
        assert_eq!(script.seen().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_is_not_sent_again_where_the_deadline_leaves_no_time() {
    let script = Script::new(|_, _| Ok(answer(503, "")));
    let call = call(Duration::from_millis(400));
    let response = client(script.clone(), BASE, Auth::None).send(&call, read()).await.unwrap();
    assert_eq!((response.status.as_u16(), script.seen().len()), (503, 2));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_ends_with_its_own_time_out_or_the_call_whichever_is_first() {
    let script = Script::new(|_, _| Ok(answer(200, "")));
    let client = client(script.clone(), BASE, Auth::None);
    for (within, own, expected) in
        [(10_000, None, 5_000), (10_000, Some(1_000), 1_000), (700, Some(1_000), 700)]
    {
        let request = match own {
            Some(own) => read().timeout(Duration::from_millis(own)),
            None => read(),
        };
        client.send(&call(Duration::from_millis(within)), request).await.unwrap();
        let (at, request) = (*script.times().last().unwrap(), script.seen().pop().unwrap());
        assert_eq!(request.deadline - at, Duration::from_millis(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_is_over_sends_nothing() {
    let script = Script::new(|_, _| Ok(answer(200, "")));
    let client = client(script.clone(), BASE, Auth::None);
    let failure = client.send(&call(Duration::ZERO), change()).await.unwrap_err();
    assert_eq!((failure.sent, failure.kind), (Sent::No, FailureKind::NoTime));
    assert!(script.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_throttled_change_is_told_at_once_with_the_time_that_the_vendor_names() {
    for (value, seconds) in [
        ("7", Some(7)),
        // The clock stands at 08:00:00; the answer comes 20 ms later.
        ("Tue, 24 Nov 2026 08:00:30 GMT", Some(29)),
        ("Tue, 24 Nov 2026 07:00:00 GMT", Some(0)),
        ("9999999", Some(86_400)),
        ("99999999999999999999999", Some(86_400)),
        ("Wed, 24 Nov 2027 08:00:00 GMT", Some(86_400)),
        ("soon", None),
        ("-5", None),
    ] {
        let script = Script::new(move |_, _| Ok(answer_with(429, &[("retry-after", value)], "")));
        let failure = client(script.clone(), BASE, Auth::None).send(&soon(), change()).await.unwrap_err();
        assert_eq!((failure.sent, failure.kind), (Sent::Yes, FailureKind::Throttled));
        assert_eq!(failure.after.map(|after| after.as_secs()), seconds, "{value}");
        assert_eq!(script.seen().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_read_waits_where_the_wait_fits_into_the_call() {
    let answers = |number, _: &_| match number {
        1 => Ok(answer_with(429, &[("retry-after", "3")], "")),
        _ => Ok(answer(200, "")),
    };
    let script = Script::new(answers);
    client(script.clone(), BASE, Auth::None).send(&soon(), read()).await.unwrap();
    let times = script.times();
    assert!(times[1] - times[0] >= Duration::from_secs(3));

    let script = Script::new(answers);
    let call = call(Duration::from_secs(2));
    let failure = client(script.clone(), BASE, Auth::None).send(&call, read()).await.unwrap_err();
    assert_eq!((failure.kind, failure.after), (FailureKind::Throttled, Some(Duration::from_secs(3))));
    assert_eq!(script.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn githubs_rate_limit_is_known_by_its_headers_or_by_its_words() {
    // Ten seconds after `now`.
    const RESET: &str = "1795507210";
    const SECONDARY: &str = r#"{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}"#;
    const BACKED: &str = r#"{"message":"This team is an external group backed team and cannot be edited."}"#;
    const RIGHTS: &str = r#"{"message":"Resource not accessible by integration"}"#;
    type Headers = &'static [(&'static str, &'static str)];
    let table: [(u16, Headers, &str, Option<u64>); 11] = [
        (403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", RESET)], "", Some(10)),
        (403, &[("retry-after", "5"), ("x-ratelimit-remaining", "0")], "", Some(5)),
        (429, &[], "", Some(60)),
        (429, &[("x-ratelimit-remaining", "0")], "", Some(60)),
        (403, &[("x-ratelimit-remaining", "17"), ("x-ratelimit-reset", RESET)], "", None),
        (200, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", RESET)], "", None),
        (403, &[], SECONDARY, Some(60)),
        (403, &[("x-ratelimit-remaining", "4999")], SECONDARY, Some(60)),
        (403, &[], BACKED, None),
        (403, &[], RIGHTS, None),
        (422, &[], SECONDARY, None),
    ];
    let now = "2026-11-24T08:00:00Z".parse().unwrap();
    for (status, headers, body, seconds) in table {
        let answer = answer_with(status, headers, body);
        let told = throttled_like_github(answer.status, &answer.headers, &answer.body, now);
        let expected = seconds.map(|seconds| Some(Duration::from_secs(seconds)));
        assert_eq!(told, expected, "{status} {headers:?} {body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttle_rule_sees_the_beginning_of_the_body() {
    let answers = |_, _: &HttpRequest| {
        Ok(answer(403, &format!("You have exceeded a secondary rate limit.{}", "x".repeat(100_000))))
    };
    let script = Script::new(answers);
    let mut settings = ClientSettings::new(Url::parse(BASE).unwrap(), Auth::None);
    settings.throttled = |status, headers, body, now| {
        assert!(body.len() <= 4096, "{}", body.len());
        throttled_like_github(status, headers, body, now)
    };
    let client = VendorClient::new(ports(script.clone()), settings).unwrap();
    let failure = client.send(&soon(), change()).await.unwrap_err();
    assert_eq!((failure.kind, failure.after), (FailureKind::Throttled, Some(Duration::from_mins(1))));
    assert_eq!(script.seen().len(), 1);
}

#[tokio::test]
async fn rule_05_on_raw_sockets_a_change_in_doubt_arrives_once_and_a_read_three_times() {
    for (method, times) in [(Method::PUT, 1), (Method::GET, 3)] {
        let server = RawServer::start(|_, mut connection| async move {
            connection.request().await;
        })
        .await;
        let client = socket_client(&server.url(""), Auth::None);
        let failure = client.send(&soon(), VendorRequest::new(method, "/users")).await.unwrap_err();
        assert_eq!((failure.sent, failure.kind), (Sent::Maybe, FailureKind::Broken));
        assert_eq!(server.requests().len(), times);
    }
}

#[tokio::test]
async fn a_request_bears_what_it_was_given_and_who_we_are() {
    let server = RawServer::answering(wire(200, "", "{}")).await;
    let client = socket_client(
        &server.url("/prefix/"),
        Auth::ApiKey { header: "x-api-key".parse().unwrap(), key: "key-in-a-header".into() },
    );
    let request = change().query("async", "a b&c").header("x-extra", "yes");
    client.send(&soon(), request).await.unwrap();
    let sent = server.requests().pop().unwrap();
    assert!(sent.starts_with("PUT /prefix/users/7?async=a+b%26c HTTP/1.1\r\n"), "{sent}");
    assert!(sent.ends_with("\r\n\r\n{\"role\":\"agent\"}"), "{sent}");
    for header in [
        "x-api-key: key-in-a-header",
        "x-extra: yes",
        "content-type: application/json",
        "user-agent: usher/0.",
    ] {
        assert!(sent.contains(header), "{header} in {sent}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_limiter_is_asked_for_every_attempt_and_its_no_is_told_at_once() {
    #[derive(Debug)]
    struct Never;
    #[async_trait::async_trait]
    impl usher_core::Limiter for Never {
        async fn permit(
            &self,
            key: &str,
            _: &usher_core::Call,
        ) -> Result<Box<dyn usher_core::Permit>, Duration> {
            assert_eq!(key, "vendor-main");
            Err(Duration::from_secs(30))
        }
    }
    let script = Script::new(|_, _| Ok(answer(200, "")));
    let ports = usher_core::Ports { limiter: std::sync::Arc::new(Never), ..ports(script.clone()) };
    let settings = ClientSettings::new(BASE.parse().unwrap(), Auth::None);
    let client = VendorClient::new(ports, settings).unwrap();
    let failure = client.send(&soon(), read()).await.unwrap_err();
    assert_eq!((failure.sent, failure.kind), (Sent::No, FailureKind::OwnLimit));
    assert_eq!(failure.after, Some(Duration::from_secs(30)));
    assert!(script.seen().is_empty());
}
