//! GitHub: the App's JWT, installation tokens, the personal token, and what they may do.

use std::collections::BTreeMap;
use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};
use usher_sandbox::github::{APP_CLIENT_ID, APP_ID, AppKey, INSTALLATION_ID, PERSONAL_TOKEN};

use crate::desk::{Answer, Desk};

/// The desk's clock stands here.
const NOW: i64 = 1_772_443_000;

fn jwt_with(key: &AppKey, algorithm: Algorithm, claims: &Value) -> String {
    let key = EncodingKey::from_rsa_pem(key.private_pem().as_bytes()).unwrap();
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
}

fn jwt(claims: &Value) -> String {
    jwt_with(AppKey::shared().unwrap(), Algorithm::RS256, claims)
}

fn good() -> Value {
    json!({"iss": APP_ID, "iat": NOW - 60, "exp": NOW + 540})
}

async fn ask_token(desk: &Desk, jwt: &str, body: Option<Value>) -> Answer {
    let path = format!("/app/installations/{INSTALLATION_ID}/access_tokens");
    desk.github_as(jwt, Method::POST, &path, body).await
}

#[tokio::test]
async fn the_apps_jwt_gets_a_token_of_an_hour() {
    let desk = Desk::start().await;
    assert_eq!(desk.sandbox.clock().wall().as_second(), NOW);
    let given = ask_token(&desk, &jwt(&good()), None).await;
    assert_eq!(given.status, 201, "{}", given.body);
    assert_eq!(given.body["expires_at"], json!("2026-03-02T10:16:40Z"));
    assert_eq!(given.body["permissions"]["members"], json!("write"));
    let token = given.body["token"].as_str().unwrap();
    let org = async || desk.github_as(token, Method::GET, "/orgs/acme", None).await.status;
    assert_eq!(org().await, 200);
    desk.sandbox.clock().advance(Duration::from_secs(3_599));
    assert_eq!(org().await, 200);
    desk.sandbox.clock().advance(Duration::from_secs(1));
    assert_eq!(org().await, 401);
}

#[tokio::test]
async fn the_client_id_and_the_id_as_text_are_good_issuers_too() {
    let desk = Desk::start().await;
    for issuer in [json!(APP_CLIENT_ID), json!(APP_ID.to_string())] {
        let claims = json!({"iss": issuer, "iat": NOW, "exp": NOW + 60});
        assert_eq!(ask_token(&desk, &jwt(&claims), None).await.status, 201);
    }
}

#[tokio::test]
async fn a_jwt_with_wrong_times_or_issuer_is_refused() {
    let desk = Desk::start().await;
    for (claims, status, reason) in [
        (json!({"iss": APP_ID, "iat": NOW + 1, "exp": NOW + 60}), 401, "iat"),
        (json!({"iss": APP_ID, "iat": NOW - 700, "exp": NOW}), 401, "future time"),
        (json!({"iss": APP_ID, "iat": NOW, "exp": NOW + 600}), 401, "too far in the future"),
        (json!({"iss": APP_ID, "exp": NOW + 60}), 401, "could not be decoded"),
        (json!({"iss": 1, "iat": NOW, "exp": NOW + 60}), 404, "Integration not found"),
    ] {
        let refused = ask_token(&desk, &jwt(&claims), None).await;
        assert_eq!(refused.status, status, "{claims}");
        assert!(refused.body["message"].as_str().unwrap().contains(reason), "{}", refused.body);
    }
}

#[tokio::test]
async fn a_jwt_of_another_key_or_algorithm_is_refused() {
    let desk = Desk::start().await;
    let other = AppKey::generate().unwrap();
    for jwt in [
        jwt_with(&other, Algorithm::RS256, &good()),
        jwt_with(AppKey::shared().unwrap(), Algorithm::RS512, &good()),
        "no.jwt.at-all".to_owned(),
    ] {
        assert_eq!(ask_token(&desk, &jwt, None).await.status, 401);
    }
    desk.sandbox.configure_github(|settings| settings.app_public_key = Some(other.public_pem().to_owned()));
    assert_eq!(ask_token(&desk, &jwt_with(&other, Algorithm::RS256, &good()), None).await.status, 201);
}

#[tokio::test]
async fn a_token_has_no_more_than_was_asked_for_and_is_granted() {
    let desk = Desk::start().await;
    let asked = json!({"permissions": {"members": "read"}});
    let given = ask_token(&desk, &jwt(&good()), Some(asked)).await;
    assert_eq!((given.status, &given.body["permissions"]), (201, &json!({"members": "read"})));
    let asked = json!({"permissions": {"administration": "write"}});
    assert_eq!(ask_token(&desk, &jwt(&good()), Some(asked)).await.status, 422);
    let path = "/app/installations/1/access_tokens";
    assert_eq!(desk.github_as(&jwt(&good()), Method::POST, path, None).await.status, 404);
}

#[tokio::test]
async fn the_installation_says_on_whom_it_is_and_what_it_may_do() {
    let desk = Desk::start().await;
    let jwt = jwt(&good());
    for path in [format!("/app/installations/{INSTALLATION_ID}"), "/orgs/acme/installation".to_owned()] {
        let shown = desk.github_as(&jwt, Method::GET, &path, None).await;
        assert_eq!((shown.status, &shown.body["account"]["login"]), (200, &json!("acme")));
        assert_eq!(shown.body["permissions"]["members"], json!("write"));
        assert_eq!(desk.github(Method::GET, &path, None).await.status, 401, "no token opens it");
    }
    assert_eq!(desk.github_as(&jwt, Method::GET, "/app", None).await.body["id"], json!(APP_ID));
    assert_eq!(
        desk.github_as(&jwt, Method::GET, "/orgs/acme", None).await.status,
        401,
        "nor does a JWT the rest"
    );
}

#[tokio::test]
async fn an_installation_that_may_only_read_is_refused_with_403() {
    let desk = Desk::start().await;
    let read = BTreeMap::from([("members".to_owned(), "read".to_owned())]);
    desk.sandbox.configure_github(|settings| settings.permissions = read);
    let given = ask_token(&desk, &jwt(&good()), None).await;
    let token = given.body["token"].as_str().unwrap();
    assert_eq!(desk.github_as(token, Method::GET, "/orgs/acme/members", None).await.status, 200);
    let path = "/orgs/acme/memberships/olive-owner";
    let refused = desk.github_as(token, Method::PUT, path, Some(json!({"role": "admin"}))).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.body["message"], json!("Resource not accessible by integration"));
    let org = desk.github_as(token, Method::GET, "/orgs/acme", None).await;
    assert_eq!((org.status, &org.body["plan"]), (200, &Value::Null), "the plan is for whoever may see it");
    assert!(desk.sandbox.effects().is_empty());
}

#[tokio::test]
async fn a_personal_token_is_the_owners_and_says_its_scopes() {
    let desk = Desk::start().await;
    let me = desk.github(Method::GET, "/user", None).await;
    assert_eq!((&me.body["login"], me.header("x-oauth-scopes")), (&json!("olive-owner"), Some("admin:org")));
    let url = format!("{}/user", desk.sandbox.github_url());
    let old = desk.http.get(&url).header("authorization", format!("token {PERSONAL_TOKEN}"));
    assert_eq!(crate::desk::answer(old.header("user-agent", "a test")).await.status, 200);
    desk.sandbox.configure_github(|settings| settings.personal_token = None);
    assert_eq!(desk.github(Method::GET, "/user", None).await.status, 401);
}

#[tokio::test]
async fn a_request_without_a_user_agent_or_with_an_unknown_version_is_refused() {
    let desk = Desk::start().await;
    let url = format!("{}/orgs/acme", desk.sandbox.github_url());
    let bare = desk.http.get(&url).bearer_auth(PERSONAL_TOKEN);
    assert_eq!(crate::desk::answer(bare.try_clone().unwrap()).await.status, 403);
    let named = bare.header("user-agent", "a test");
    for (version, status) in [("2022-11-28", 200), ("1999-01-01", 400)] {
        let sent = named.try_clone().unwrap().header("x-github-api-version", version);
        assert_eq!(crate::desk::answer(sent).await.status, status);
    }
}

#[tokio::test]
async fn the_hours_requests_are_counted_and_the_headers_say_so() {
    let desk = Desk::start().await;
    desk.sandbox.configure_github(|settings| settings.requests_per_hour = Some(2));
    let ask = async || desk.github(Method::GET, "/orgs/acme", None).await;
    let first = ask().await;
    assert_eq!((first.status, first.header("x-ratelimit-remaining")), (200, Some("1")));
    assert_eq!(ask().await.status, 200);
    let refused = ask().await;
    assert_eq!((refused.status, refused.header("x-ratelimit-remaining")), (403, Some("0")));
    let reset: i64 = refused.header("x-ratelimit-reset").unwrap().parse().unwrap();
    assert!(reset > NOW && reset <= NOW + 3_600, "{reset}");
    desk.sandbox.clock().advance(Duration::from_hours(1));
    assert_eq!(ask().await.status, 200);
}

#[test]
fn a_key_pair_is_new_each_time_and_never_shown_by_debug() {
    let (one, other) = (AppKey::generate().unwrap(), AppKey::generate().unwrap());
    assert_ne!(one.private_pem(), other.private_pem());
    assert!(one.private_pem().starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    assert_eq!(format!("{one:?}"), "AppKey { .. }");
}
