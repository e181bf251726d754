//! Requests as a definition says them.

use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::json;
use usher_generic_rest::definition::Request;
use usher_generic_rest::expression::Scope;
use usher_generic_rest::sinks::{self, Filled};
use usher_vendor_client::{CallTrace, Recorder, record_calls};

use crate::support::{Vendor, body, get, headers, link, query, request, scope};

#[tokio::test]
async fn a_request_goes_out_as_it_is_written() {
    let vendor = Vendor::start().await;
    let asked = headers(
        query(
            body(
                request(Method::PATCH, "/api/v1/users/{{ v.id }}:activate"),
                &json!({ "roles": "{{ v.roles }}", "note": "{{ v.note | default(omit) }}" }),
            ),
            &[
                ("size", "{{ v.size }}"),
                ("page", "1"),
                ("none", "{{ omit }}"),
                ("no_one", "{{ [] }}"),
                ("role", "{{ v.roles }}"),
                ("fixed", "a b"),
            ],
        ),
        &[
            ("accept", "application/scim+json"),
            ("x-trace", "{{ v.note | default(omit) }}"),
            ("content-type", "application/scim+json"),
        ],
    );
    let scope = scope(json!({ "id": 7, "roles": ["a", "b"], "note": null, "size": 100 }));
    let arrived = vendor.send(&asked, &scope).await.unwrap();
    assert_eq!(arrived.method, "PATCH");
    assert_eq!(arrived.segments, ["api", "v1", "users", "7:activate"]);
    let pairs: Vec<_> = arrived.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(pairs, [("size", "100"), ("page", "1"), ("role", "a"), ("role", "b"), ("fixed", "a b")]);
    assert_eq!(arrived.json(), json!({ "roles": ["a", "b"] }));
    assert_eq!(arrived.header("accept"), ["application/scim+json"]);
    assert_eq!(arrived.header("content-type"), ["application/scim+json"]);
    assert!(arrived.header("x-trace").is_empty());
}

#[tokio::test]
async fn a_body_that_is_omitted_is_none() {
    let vendor = Vendor::start().await;
    let arrived =
        vendor.send(&body(request(Method::POST, "/x"), &json!("{{ omit }}")), &scope(1)).await.unwrap();
    assert_eq!((arrived.body.as_str(), arrived.header("content-type").len()), ("", 0));
}

/// What a trace says of the paths.
#[derive(Debug, Default)]
struct Traces(Mutex<Vec<String>>);

impl Recorder for Traces {
    fn record(&self, trace: CallTrace) {
        self.0.lock().unwrap().push(format!("{trace:?}"));
    }
}

#[tokio::test]
async fn a_trace_shows_the_names_in_a_path_and_no_value() {
    let vendor = Vendor::start().await;
    let traces = Arc::new(Traces::default());
    let path = "/u/{{ v.id }}/{{ v['x y'] | lower }}/{{ v.id }}/{{ v['x z'] | lower }}/{{v.id}}";
    let asked = query(get(path), &[("q", "{{ v.id }}")]);
    let scope = scope(json!({ "id": "value-1", "x y": "value-2", "x z": "value-3" }));
    let recorder: Arc<dyn Recorder> = Arc::<Traces>::clone(&traces);
    let arrived = record_calls(recorder, vendor.send(&asked, &scope)).await.unwrap();
    assert_eq!(arrived.segments, ["u", "value-1", "value-2", "value-1", "value-3", "value-1"]);
    let traces = traces.0.lock().unwrap().join("\n");
    assert!(traces.contains("\"/u/{v.id}/{v_x_y_|_lower}/{v.id}/{v_x_z_|_lower}/{v.id}\""), "{traces}");
    assert!(!traces.contains("value-"), "{traces}");
}

#[test]
fn expressions_that_look_alike_in_a_trace_are_two_parameters_all_the_same() {
    let scope = scope(json!({ "a": "1", "b": "2" }));
    let Ok(Filled::Request(filled)) =
        sinks::request(&get("/{{ v['a'] }}/{{ v[\"a\"] }}/{{ v ['a'] }}"), &scope)
    else {
        panic!("it can be filled in");
    };
    assert!(format!("{filled:?}").contains("\"/{v_a_}/{v_a__2}/{v_a__3}\""), "{filled:?}");
}

#[test]
fn an_error_names_the_place_and_the_expression() {
    let message = |request: &Request| sinks::request(request, &Scope::default()).unwrap_err().message;
    assert_eq!(
        message(&get("/users/{{ person.hit.id }}")),
        "the path: `person.hit.id`: `person` is not there"
    );
    assert_eq!(
        message(&query(get("/users"), &[("q", "{{ none }}")])),
        "query parameter \"q\": `none`: the value is null; a text takes texts, whole numbers and booleans"
    );
    assert_eq!(
        message(&headers(get("/users"), &[("x-user", "a{{ '\\n' }}b")])),
        "header x-user: `a{{ '\\n' }}b`: the value has line breaks or other control characters, which no header can carry"
    );
    assert_eq!(
        message(&body(get("/users"), &json!({ "a": ["{{ who }}"] }))),
        "the JSON body: `who`: `who` is not there"
    );
    assert_eq!(message(&link("next")), "the link: `next`: `next` is not there");
    let more = query(link("'/x'"), &[("page", "1")]);
    assert_eq!(
        message(&more),
        "the link: `'/x'`: a link is followed as it is, by a GET without query, headers and body of its own"
    );
}

#[test]
fn the_text_of_a_path_is_a_path_or_nothing_is_sent() {
    let filled = |path: &str| sinks::request(&get(path), &scope("x"));
    for path in [
        "/",
        "/a",
        "/a/{{ v }}",
        "/a.b/{{ v }}:y/~c!$&'()*+,;=@",
        "/{{ v }}",
        "/.well-known/x",
        "/a/.{{ v }}",
    ] {
        assert!(filled(path).is_ok(), "{path}");
    }
    for (path, says) in [
        ("", "a path begins with one `/`"),
        ("a", "a path begins with one `/`"),
        ("//evil.example/", "a path begins with one `/`"),
        ("{{ v }}/a", "a path begins with one `/`"),
        ("https://evil.example/{{ v }}", "a path begins with one `/`"),
        ("/a?b={{ v }}", "has characters that no path may have"),
        ("/a#b", "has characters that no path may have"),
        ("/a b", "has characters that no path may have"),
        ("/a%20b", "has characters that no path may have"),
        ("/a\\b", "has characters that no path may have"),
        ("/ü", "has characters that no path may have"),
        ("/{id}", "has characters that no path may have"),
        ("/a/../{{ v }}", "a path has no `.` and no `..`"),
        ("/./{{ v }}", "a path has no `.` and no `..`"),
    ] {
        let message = filled(path).unwrap_err().message;
        assert!(message.starts_with("the path: ") && message.contains(says), "{path}: {message}");
    }
}
