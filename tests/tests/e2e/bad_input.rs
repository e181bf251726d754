//! What is refused before a vendor hears of it.

use serde_json::{Value, json};

use crate::support::{Answer, Config, DANA, HOOK_KEY, KEY, Payload, Raw, Sandbox, Usher, world};

const GOOD: [(&str, &str); 1] = [("X-Usher-Key", KEY)];

/// A payload that would be granted, as JSON to be spoiled.
fn good() -> Value {
    Payload::grant("ann@example.com", &["agent"]).json()
}

async fn post(usher: &Usher, body: &Value) -> Answer {
    usher.post_with("/webhooks/provision", &GOOD, body.to_string().into_bytes()).await
}

#[tokio::test]
async fn no_or_a_wrong_credential_is_401_on_every_kind_of_path_and_nothing_is_journaled() {
    let (sandbox, usher) = world().await;
    let wrong: [&[(&str, &str)]; 7] = [
        &[],
        &[("X-Usher-Key", "")],
        &[("X-Usher-Key", "wrong")],
        &[("X-Usher-Key", DANA)],
        &[("X-Usher-Key", KEY), ("X-Usher-Key", KEY)],
        &[("X-Other-Key", KEY)],
        &[("Authorization", "Bearer webhook-key-5f1d0c7a9b3e4d2f8a6c")],
    ];
    let paths = [
        "/webhooks/provision",
        "/webhooks/deprovision",
        "/webhooks/zendesk/agent/provision",
        "/webhooks/zendesk/agent/deprovision",
        "/webhooks/light/provision",
        "/webhooks/nobody/provision",
        "/webhooks/zendesk/nothing/deprovision",
    ];
    for path in paths {
        for headers in wrong {
            for body in [good().to_string().into_bytes(), b"no JSON".to_vec(), Vec::new()] {
                let answer = usher.post_with(path, headers, body).await;
                assert_eq!(answer.status, 401, "{path} {headers:?}");
                assert_eq!(answer.id, "", "{path}: what is not journaled has no page");
            }
        }
    }
    assert!(usher.rows().await.is_empty());
    assert_eq!(sandbox.calls().await, []);
}

#[tokio::test]
async fn malformed_json_and_wrong_types_are_400_and_the_field_is_named() {
    let (sandbox, usher) = world().await;
    let mut cases: Vec<(Vec<u8>, &str)> = vec![
        (b"{\"application\": {".to_vec(), "line 1"),
        (b"\xff\xfe".to_vec(), "UTF-8"),
        (b"[]".to_vec(), "the body"),
        (b"null".to_vec(), "the body"),
        (b"{}".to_vec(), "application"),
    ];
    let mut spoil = |pointer: &str, value: Value, field: &'static str| {
        let mut payload = good();
        *payload.pointer_mut(pointer).unwrap() = value;
        cases.push((payload.to_string().into_bytes(), field));
    };
    spoil("/application", json!("zendesk"), "application");
    spoil("/application/app_id", json!(12), "application.app_id");
    spoil("/permissions", json!({"value": "agent"}), "permissions");
    spoil("/permissions/0", json!("agent"), "permissions[0]");
    spoil("/permissions/0/value", json!(["agent"]), "permissions[0].value");
    spoil("/target_user", json!(null), "target_user");
    spoil("/target_user/email", json!(null), "target_user.email");
    spoil("/target_user/email", json!("  "), "target_user.email");
    spoil("/target_user/email", json!("ann"), "target_user.email");
    spoil("/target_user/email", json!({"value": "ann@example.com"}), "target_user.email");
    spoil("/access_length", json!("a while"), "access_length");
    spoil("/access_length", json!(-1), "access_length");
    for (body, field) in cases {
        let shown = String::from_utf8_lossy(&body).into_owned();
        let answer = usher.post_with("/webhooks/provision", &GOOD, body).await;
        assert_eq!(answer.said(), (400, "NO_PROVISIONING_ACTION"), "{shown}");
        assert!(answer.message().contains(field), "{field}: {} of {shown}", answer.message());
    }
    assert_eq!(sandbox.calls().await, []);
}

#[tokio::test]
async fn what_is_too_large_is_413_whether_its_size_was_declared_or_not() {
    let sandbox = Sandbox::start().await;
    let usher = Usher::start(&Config::new(&sandbox).server("max_body = \"8 KiB\"")).await;
    let mut payload = good();
    payload["request_comment"] = "x".repeat(9_000).into();
    assert_eq!(post(&usher, &payload).await.said(), (413, "NO_PROVISIONING_ACTION"));

    let head = format!("POST /webhooks/provision HTTP/1.1\r\nHost: usher\r\nX-Usher-Key: {KEY}\r\n");
    // Declared: the answer comes before a byte of it has been sent.
    let mut declared = Raw::connect(&usher.webhooks).await;
    declared.send(&format!("{head}Content-Length: 9000000000\r\n\r\n")).await;
    let (status, text) = declared.answer().await;
    assert!(status == 413 && text.contains("NO_PROVISIONING_ACTION"), "{text}");
    // Not declared: in pieces, until it has had enough.
    let mut chunked = Raw::connect(&usher.webhooks).await;
    chunked.send(&format!("{head}Transfer-Encoding: chunked\r\n\r\n")).await;
    for _ in 0..12 {
        chunked.send_if_heard(&format!("400\r\n{}\r\n", "x".repeat(1024))).await;
    }
    assert_eq!(chunked.answer().await.0, 413);
    assert_eq!(sandbox.calls().await, []);
}

#[tokio::test]
async fn half_a_request_is_408_when_its_time_is_over_and_others_are_served_meanwhile() {
    let sandbox = Sandbox::start().await;
    sandbox.end_users(&["ben@example.com"]).await;
    let usher = Usher::start(&Config::new(&sandbox).server("request_timeout = \"1s\"")).await;
    let head = "POST /webhooks/provision HTTP/1.1\r\nHost: usher\r\n";
    let half = [
        // Half of its head.
        head.to_owned(),
        // Half of its body, with a good credential.
        format!("{head}X-Usher-Key: {KEY}\r\nContent-Length: 500\r\n\r\n{{\"application\":"),
        // In pieces, of which the last never comes.
        format!("{head}X-Usher-Key: {KEY}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{ \r\n"),
    ];
    let mut slow = Vec::new();
    for text in half {
        let mut raw = Raw::connect(&usher.webhooks).await;
        raw.send(&text).await;
        slow.push(raw.answer());
    }
    let honest = Payload::grant("ben@example.com", &["agent"]);
    let (honest, slow) = tokio::join!(usher.send(&honest), futures_util::future::join_all(slow));
    assert!(honest.is_positive(), "{honest:?}");
    for (status, text) in slow {
        assert!(status == 408 && text.contains("NO_PROVISIONING_ACTION"), "{text}");
    }
    let about_others = sandbox.calls().await.into_iter().filter_map(|call| call.subject);
    assert!(about_others.into_iter().all(|subject| subject == "ben@example.com"));
}

#[tokio::test]
async fn what_is_not_mapped_is_refused_whole_and_no_vendor_hears_of_it() {
    let (sandbox, usher) = world().await;
    sandbox.end_users(&["ann@example.com"]).await;
    for payload in [
        Payload::grant("ann@example.com", &["agent"]).app("salesforce"),
        Payload::grant("ann@example.com", &["talk_supervisor"]),
        // One that is mapped does not carry one that is not.
        Payload::grant("ann@example.com", &["agent", "talk_supervisor"]),
        // Upper case is another value.
        Payload::grant("ann@example.com", &["Agent"]),
        // No permission, and no default.
        Payload::grant("ann@example.com", &[]),
        // Two roles at once.
        Payload::grant("ann@example.com", &["agent", "reader"]),
        // Addresses of others.
        Payload::grant("ann@elsewhere.com", &["agent"]),
        Payload::grant("ann@example.com.elsewhere.com", &["agent"]),
        Payload::grant("ann@sub.example.com", &["agent"]),
    ] {
        let answer = usher.send(&payload).await;
        assert!(answer.is_no(), "{payload:?}: {answer:?}");
        let row = usher.row(&answer.id).await;
        assert_eq!(row.word(), "refused", "{payload:?}");
        assert!(!row.reason().is_empty(), "{payload:?}");
    }
    let unknown = Payload::removal("ann@example.com", &["agent"]).app("salesforce");
    assert_eq!(usher.send(&unknown).await.said(), (502, "NO_PROVISIONING_ACTION"));
    assert_eq!(sandbox.calls().await, []);
}

#[tokio::test]
async fn a_webhook_that_is_not_there_is_refused_with_those_that_are() {
    let (sandbox, usher) = world().await;
    for path in ["/webhooks/nobody/provision", "/webhooks/zendesk/nothing/provision"] {
        let answer = usher.post(path, &Payload::grant("ann@example.com", &["agent"])).await;
        assert!(answer.is_no(), "{path}: {answer:?}");
        let row = usher.row(&answer.id).await;
        assert!(row.reason().contains("/webhooks/zendesk/agent"), "{}", row.reason());
    }
    let payload = Payload::grant("ann@example.com", &["agent"]);
    assert_eq!(usher.post("/webhooks", &payload).await.status, 404);
    assert_eq!(usher.post("/provision", &payload).await.status, 404);
    let url = format!("{}/webhooks/provision", usher.webhooks);
    let get = crate::support::client().get(url).header("X-Usher-Key", KEY).send().await.unwrap();
    assert_eq!(get.status(), 405);
    assert_eq!(sandbox.calls().await, []);
}

#[tokio::test]
async fn a_payload_that_tries_to_steer_a_search_or_a_path_finds_nobody_else() {
    let (sandbox, usher) = world().await;
    sandbox.end_users(&["ann@example.com", "victim@example.com"]).await;
    for email in [
        "x\\\" OR email:victim@example.com",
        "victim*@example.com",
        "*@example.com",
        "../users/1@example.com",
        "victim@example.com&query=ann@example.com",
        "victim@example.com,ann@example.com",
        "\"a b\"@example.com",
    ] {
        let mut payload = good();
        payload["target_user"]["email"] = email.into();
        let answer = post(&usher, &payload).await;
        assert!(!answer.is_positive() || sandbox.role(email).await == "agent", "{email}: {answer:?}");
    }
    for email in ["ann@example.com", "victim@example.com"] {
        assert_eq!(sandbox.changes_of(email).await, Vec::<String>::new());
        assert_eq!(sandbox.role(email).await, "end-user");
    }
}

#[tokio::test]
async fn the_secrets_of_one_door_open_no_other() {
    let (sandbox, usher) = world().await;
    let get = reqwest::Method::GET;
    for token in [KEY, HOOK_KEY, "", "wrong"] {
        let (status, _) = usher.api_as(token, get.clone(), "/api/v1/requests", None).await;
        assert_eq!(status, 401);
    }
    // Nor is the admin API on the public listener, or webhooks on the other.
    let client = crate::support::client();
    let url = format!("{}/api/v1/requests", usher.webhooks);
    assert_eq!(client.get(url).bearer_auth(DANA).send().await.unwrap().status(), 404);
    let url = format!("{}/webhooks/provision", usher.admin);
    let posted = client.post(url).header("X-Usher-Key", KEY).bearer_auth(DANA).json(&good()).send().await;
    assert_eq!(posted.unwrap().status(), 404);
    assert_eq!(sandbox.calls().await, []);
}

#[tokio::test]
async fn one_connection_too_many_is_503_with_retry_after_and_those_that_are_open_are_served() {
    let sandbox = Sandbox::start().await;
    sandbox.end_users(&["ann@example.com"]).await;
    let usher = Usher::start(&Config::new(&sandbox).server("max_connections = 2")).await;
    let body = good().to_string();
    let head = format!(
        "POST /webhooks/provision HTTP/1.1\r\nHost: usher\r\nX-Usher-Key: {KEY}\r\nConnection: close\r\n"
    );
    let mut idle = Raw::connect(&usher.webhooks).await;
    let mut open = Raw::connect(&usher.webhooks).await;
    idle.send("GET /livez HTTP/1.1\r\n").await;
    open.send(&format!("{head}Content-Length: {}\r\n\r\n", body.len())).await;
    let (status, text) = Raw::connect(&usher.webhooks).await.answer().await;
    assert_eq!(status, 503, "{text}");
    assert!(
        text.to_lowercase().contains("retry-after: ") && text.contains("NO_PROVISIONING_ACTION"),
        "{text}"
    );
    open.send(&body).await;
    let (status, text) = open.answer().await;
    assert!(status == 200 && text.contains("\"PROVISIONED_USER\""), "{text}");
    assert_eq!(sandbox.role("ann@example.com").await, "agent");
}
