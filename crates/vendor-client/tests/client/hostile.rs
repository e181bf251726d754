//! Values that want to be something else.

use usher_core::{Remedy, Sent};
use usher_vendor_client::{Auth, FailureKind, VendorRequest};

use crate::support::{Script, answer, client, soon};

const BASE: &str = "http://vendor.test/zendesk";

async fn sent(request: VendorRequest) -> Result<String, String> {
    let script = Script::new(|_, _| Ok(answer(200, "{}")));
    match client(script.clone(), BASE, Auth::None).send(&soon(), request).await {
        Ok(_) => Ok(script.seen().pop().unwrap().url.as_str().strip_prefix(BASE).unwrap().to_owned()),
        Err(failure) => {
            assert!(script.seen().is_empty());
            assert_eq!((failure.sent, failure.kind), (Sent::No, FailureKind::Request));
            let message = failure.message.clone();
            assert!(matches!(failure.into_fault("find user", "/x").remedy, Remedy::Refused(_)));
            Err(message)
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_path_parameter_stays_one_segment() {
    for (value, path) in [
        ("42", "/users/42/groups"),
        ("a/b", "/users/a%2Fb/groups"),
        ("a\\b", "/users/a%5Cb/groups"),
        ("?admin=true", "/users/%3Fadmin%3Dtrue/groups"),
        ("#part", "/users/%23part/groups"),
        ("100%", "/users/100%25/groups"),
        ("%2e%2e", "/users/%252e%252e/groups"),
        ("..%2f..", "/users/..%252f../groups"),
        ("a;b", "/users/a%3Bb/groups"),
        ("a@b.example", "/users/a%40b.example/groups"),
        ("http://elsewhere.example/", "/users/http%3A%2F%2Felsewhere.example%2F/groups"),
        ("ü ñ", "/users/%C3%BC%20%C3%B1/groups"),
        ("...", "/users/.../groups"),
        ("{id}", "/users/%7Bid%7D/groups"),
        ("\u{202e}x", "/users/%E2%80%AEx/groups"),
    ] {
        assert_eq!(sent(VendorRequest::get("/users/{id}/groups").param("id", value)).await.unwrap(), path);
    }
}

#[tokio::test(start_paused = true)]
async fn a_path_parameter_that_would_leave_its_segment_is_refused_and_not_repeated() {
    for value in
        ["", ".", "..", "../admin", "a/../b", "..\\admin", "a/.", "x\0y", "x\r\ny", "x\ty", "x\u{85}y"]
    {
        let message = sent(VendorRequest::get("/users/{id}/groups").param("id", value)).await.unwrap_err();
        assert!(message.contains("\"id\""), "{message}");
        assert!(value.len() < 3 || !message.contains(value), "{message}");
    }
    // Parts of a segment together must not make a dot segment either.
    assert!(sent(VendorRequest::get("/users/{a}{b}").param("a", ".").param("b", ".")).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_path_parameter_that_is_missing_left_over_or_given_twice_is_a_mistake() {
    for request in [
        VendorRequest::get("/users/{id}"),
        VendorRequest::get("/users").param("id", 1),
        VendorRequest::get("/users/{id}").param("id", 1).param("other", 2),
        VendorRequest::get("/users/{id}").param("id", 1).param("id", 2),
        VendorRequest::get("/users/{id").param("id", 1),
        VendorRequest::get("/users/id}"),
        VendorRequest::get("/users/{}"),
    ] {
        sent(request).await.unwrap_err();
    }
    let twice = VendorRequest::get("/a/{id}/b/{id}").param("id", 1);
    assert_eq!(sent(twice).await.unwrap(), "/a/1/b/1");
}

#[tokio::test(start_paused = true)]
async fn a_path_template_that_is_more_than_a_path_is_a_mistake() {
    for template in [
        "",
        "users",
        "//elsewhere.example/",
        "/users?admin=true",
        "/users#part",
        "/../admin",
        "/./users",
        "/users/..",
        "/a\\b",
        "/a b",
        "/a%2e%2e/b",
        "/a\nb",
        "/a\"b",
        "/ü",
        "http://elsewhere.example/",
        "@elsewhere.example/",
    ] {
        assert!(sent(VendorRequest::get(template.to_owned())).await.is_err(), "{template:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_value_stays_one_value() {
    for (value, query) in [
        ("a&b=c", "a%26b%3Dc"),
        ("a#b", "a%23b"),
        ("a b", "a+b"),
        ("email:\"x@y.example\" OR *", "email%3A%22x%40y.example%22+OR+*"),
        ("x\r\nHost: elsewhere", "x%0D%0AHost%3A+elsewhere"),
        ("", ""),
    ] {
        let path = sent(VendorRequest::get("/search").query("query", value)).await.unwrap();
        assert_eq!(path, format!("/search?query={query}"));
    }
    let long = "x".repeat(10_000);
    assert!(sent(VendorRequest::get("/search").query("query", &long)).await.unwrap_err().contains("longer"));
}

#[tokio::test(start_paused = true)]
async fn a_header_cannot_split_a_request_or_move_the_credential() {
    for (name, value) in [
        ("x-note", "a\r\nauthorization: Bearer x"),
        ("x-note", "a\nb"),
        ("x-note", "a\0b"),
        ("x note", "a"),
        ("", "a"),
        ("x-note\r\n", "a"),
        ("Authorization", "Bearer other"),
        ("Host", "elsewhere.example"),
        ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("Cookie", "a=b"),
        ("Proxy-Authorization", "Basic x"),
    ] {
        let message = sent(VendorRequest::get("/users").header(name, value)).await.unwrap_err();
        assert!(!message.contains("Bearer") && !message.contains("elsewhere"), "{message}");
    }
    sent(VendorRequest::get("/users").header("x-note", "plain, and with ümlaut")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_or_no_json_is_a_mistake() {
    let large = "x".repeat(2 * 1024 * 1024);
    assert!(sent(VendorRequest::post("/users").json(&large)).await.unwrap_err().contains("larger"));
    let no_json = std::collections::HashMap::from([((1, 2), 3)]);
    assert!(sent(VendorRequest::post("/users").json(&no_json)).await.unwrap_err().contains("JSON"));
}
