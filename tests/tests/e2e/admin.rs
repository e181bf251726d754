//! The admin listener, as the console and scripts use it.

use reqwest::Method;
use serde_json::json;

use crate::support::{AUDIT, DANA, Payload, client, world};

#[tokio::test]
async fn health_is_told_without_a_token_on_both_listeners_and_nothing_else_is() {
    let (_sandbox, usher) = world().await;
    let client = client();
    for listener in [&usher.webhooks, &usher.admin] {
        for probe in ["livez", "readyz"] {
            let answer = client.get(format!("{listener}/{probe}")).send().await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "ok\n"));
        }
    }
    for path in ["/api/v1/requests", "/api/v1/connections", "/api/v1/requests/1"] {
        let answer = client.get(format!("{}{path}", usher.admin)).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{path}");
    }
}

#[tokio::test]
async fn roles_are_kept_apart_whatever_the_call() {
    let (sandbox, usher) = world().await;
    sandbox.end_users(&["ann@example.com"]).await;
    let id = usher.send(&Payload::grant("ann@example.com", &["agent"])).await.id;
    let reason = || Some(json!({ "reason": "to see whether it is allowed" }));
    let acts = [
        format!("/api/v1/requests/{id}/replay"),
        format!("/api/v1/requests/{id}/close"),
        "/api/v1/connections/zendesk/pause".to_owned(),
        "/api/v1/connections/zendesk/resume".to_owned(),
    ];
    for path in &acts {
        let (status, said) = usher.api_as("wrong", Method::POST, path, reason()).await;
        assert_eq!(status, 401, "{path}: {said}");
        let (status, said) = usher.api_as(AUDIT, Method::POST, path, reason()).await;
        assert_eq!(status, 403, "{path}: {said}");
        let (status, said) = usher.api_as(DANA, Method::POST, path, Some(json!({ "reason": " " }))).await;
        assert_eq!(status, 400, "{path}: {said}");
    }
    let (status, connections) = usher.api_as(AUDIT, Method::GET, "/api/v1/connections", None).await;
    assert_eq!((status, &connections["connections"][0]["paused"]), (200, &json!(null)));
}

#[tokio::test]
async fn a_request_s_page_tells_what_was_asked_what_was_done_and_what_it_rests_on() {
    let (sandbox, usher) = world().await;
    sandbox.end_users(&["ann@example.com"]).await;
    let id = usher.send(&Payload::grant("ann@example.com", &["support_agent"])).await.id;
    let page = usher.page(&id).await;
    assert_eq!(page["request"]["permissions"], json!(["support_agent"]));
    assert_eq!(page["request"]["subject"], "ann@example.com");
    assert_eq!(page["comment"], "for the end-to-end tests");
    assert!(page["task_link"].as_str().unwrap().starts_with("https://app.lumosidentity.com/tasks?"));
    let history = usher.history(&id).await.join("\n");
    for told in [
        "Arrived by /webhooks/provision.",
        "give the user the role agent",
        "add the user to the group Tier 1",
        "was answered by the vendor",
        "Granted, and read back",
    ] {
        assert!(history.contains(told), "{told}: {history}");
    }
    let evidence = page["history"].to_string();
    assert!(evidence.contains("/api/v2/users/{id}"), "path templates, and no addresses in them: {evidence}");
    assert!(!evidence.contains("ann@example.com"), "{evidence}");
}

#[tokio::test]
async fn what_is_not_there_and_what_is_asked_wrongly_is_said() {
    let (_sandbox, usher) = world().await;
    for (path, status) in [
        ("/api/v1/requests/nothing", 404),
        ("/api/v1/nothing", 404),
        ("/api/v1/requests?limit=0", 400),
        ("/api/v1/requests?limit=many", 400),
        ("/api/v1/requests?word=done", 400),
        ("/api/v1/requests?colour=red", 400),
    ] {
        let (answered, said) = usher.api_as(DANA, Method::GET, path, None).await;
        assert_eq!(answered, status, "{path}: {said}");
        assert!(said["error"].as_str().is_some_and(|sentence| !sentence.is_empty()), "{path}: {said}");
    }
    let path = "/api/v1/connections/nothing/pause";
    let (status, said) = usher.api_as(DANA, Method::POST, path, Some(json!({ "reason": "x" }))).await;
    assert_eq!(status, 404);
    assert!(said["error"].as_str().unwrap().contains("zendesk"), "{said}");
}
