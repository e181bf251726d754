//! A key that a vendor takes in the query alone.

use usher_vendor_client::{Auth, ClientSettings, FailureKind, VendorClient, VendorRequest};

use crate::support::{Script, answer, answer_with, client, ports, soon};
use url::Url;

const BASE: &str = "http://vendor.test/api";
const KEY: &str = "s3cret & more=?#";
const ENCODED: &str = "s3cret+%26+more%3D%3F%23";

fn by_query() -> Auth {
    Auth::ApiKeyQuery { name: "api key".into(), key: KEY.into() }
}

#[tokio::test(start_paused = true)]
async fn the_key_goes_into_the_query_of_every_request() {
    let script = Script::new(|_, _| Ok(answer(200, "{}")));
    let client = client(script.clone(), BASE, by_query());
    client.send(&soon(), VendorRequest::get("/users").query("q", "a b")).await.unwrap();
    client.send(&soon(), VendorRequest::post("/users")).await.unwrap();
    let urls: Vec<_> = script.seen().iter().map(|request| request.url.to_string()).collect();
    assert_eq!(
        urls,
        [format!("{BASE}/users?q=a+b&api+key={ENCODED}"), format!("{BASE}/users?api+key={ENCODED}")]
    );
    assert!(script.seen().iter().all(|request| !request.headers.contains_key("authorization")));
}

#[tokio::test(start_paused = true)]
async fn a_link_or_redirect_that_repeats_the_key_bears_it_once_and_no_other() {
    let script = Script::new(|number, _| match number {
        1 => Ok(answer_with(302, &[("location", "/api/people?api+key=another&page=1&api+key=more")], "")),
        _ => Ok(answer(200, "{}")),
    });
    let client = client(script.clone(), BASE, by_query());
    client.send(&soon(), VendorRequest::get("/users")).await.unwrap();
    client.get_link(&soon(), "http://vendor.test/api/users?page=2&api%20key=another").await.unwrap();
    let urls: Vec<_> = script.seen().iter().skip(1).map(|request| request.url.to_string()).collect();
    assert_eq!(
        urls,
        [format!("{BASE}/people?page=1&api+key={ENCODED}"), format!("{BASE}/users?page=2&api+key={ENCODED}")]
    );
}

#[tokio::test(start_paused = true)]
async fn the_key_goes_to_no_other_origin() {
    let script =
        Script::new(|_, _| Ok(answer_with(302, &[("location", "http://elsewhere.test/?page=2")], "")));
    let client = client(script.clone(), BASE, by_query());
    let failure = client.send(&soon(), VendorRequest::get("/users")).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Redirect);
    let failure = client.get_link(&soon(), "http://elsewhere.test/?page=2").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Request);
    assert_eq!(script.seen().len(), 1);
    assert!(!format!("{failure:?} {client:?}").contains("s3cret"));
}

#[test]
fn a_key_or_name_that_no_query_should_bear_is_told_and_not_shown() {
    let long = "s3cret".repeat(1000);
    for (name, key) in [("", "s3cret"), ("a\nb", "s3cret"), ("key", "s3cret\n"), ("key", &long)] {
        let auth = Auth::ApiKeyQuery { name: name.into(), key: key.into() };
        let settings = ClientSettings::new(Url::parse(BASE).unwrap(), auth);
        let script = Script::new(|_, _| Ok(answer(200, "{}")));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let error = runtime.block_on(async { VendorClient::new(ports(script), settings) }).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }
}
