//! Tokens that are signed here: shown to the vendor themselves, or to an endpoint that gives others for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use jsonwebtoken::{DecodingKey, Validation, decode};
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;
use tokio::time::advance;
use url::Url;
use usher_core::{HttpRequest, HttpResponse, Remedy, Sent};
use usher_vendor_client::{
    Auth, ClientSettings, FailureKind, JwtAlgorithm, JwtExchange, JwtSettings, VendorClient, VendorRequest,
    throttled_like_github,
};

use crate::support::{Script, answer, answer_with, client, ports, soon};

const BASE: &str = "http://vendor.test/api/v3";
const TOKEN_PATH: &str = "/api/v3/app/installations/678/access_tokens";
/// The tests' clock begins at 08:00.
const START: i64 = 1_795_507_200;

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<String> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

/// For each family: a private key as it is configured, and the key that the vendor checks with.
fn keys() -> Vec<(&'static [&'static str], String, DecodingKey)> {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let rsa_der: Pkcs8V1Der<'_> = rsa.as_der().unwrap();
    let ec = |algorithm| {
        let der = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, der.as_ref()).unwrap();
        (pem(der.as_ref()), DecodingKey::from_ec_der(key.public_key().as_ref()))
    };
    let (p256, p256_public) = ec(&ECDSA_P256_SHA256_FIXED_SIGNING);
    let (p384, p384_public) = ec(&ECDSA_P384_SHA384_FIXED_SIGNING);
    let ed = Ed25519KeyPair::generate().unwrap();
    let ed_der = ed.to_pkcs8v1().unwrap();
    let secret = "s3cret that both sides know";
    vec![
        (&["HS256", "HS384", "HS512"], secret.to_owned(), DecodingKey::from_secret(secret.as_bytes())),
        (
            &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
            pem(rsa_der.as_ref()),
            DecodingKey::from_rsa_der(rsa.public_key().as_ref()),
        ),
        (&["ES256"], p256, p256_public),
        (&["ES384"], p384, p384_public),
        (&["EdDSA"], pem(ed_der.as_ref()), DecodingKey::from_ed_der(ed.public_key().as_ref())),
    ]
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("an object: {value}") };
    object
}

fn settings(algorithm: JwtAlgorithm, key: &str) -> JwtSettings {
    JwtSettings {
        algorithm,
        key: key.into(),
        header: object(json!({"kid": "key-7", "x-tenant": "acme"})),
        claims: object(json!({"iss": 12345, "scope": ["users"]})),
        ttl: Duration::from_mins(8),
        issued_back: Duration::from_secs(60),
    }
}

fn shared() -> JwtSettings {
    settings(JwtAlgorithm::HS256, "s3cret that both sides know")
}

fn bearer_of(request: &HttpRequest) -> String {
    let value = request.headers.get(AUTHORIZATION).unwrap();
    assert!(value.is_sensitive());
    value.to_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_token_is_signed_by_any_algorithm_and_bears_what_it_is_given() {
    for (algorithms, private, public) in keys() {
        for name in algorithms {
            let algorithm: JwtAlgorithm = name.parse().unwrap();
            let script = Script::new(|_, _| Ok(answer(200, "{}")));
            let client = client(script.clone(), BASE, Auth::Jwt(settings(algorithm, &private)));
            client.send(&soon(), VendorRequest::get("/users")).await.unwrap();
            let mut check = Validation::new(algorithm);
            // It looks at the machine's clock.
            check.validate_exp = false;
            let token = decode::<Value>(bearer_of(&script.seen()[0]), &public, &check).unwrap();
            assert_eq!(token.claims["iss"], 12345, "{name}");
            assert_eq!(token.claims["scope"], json!(["users"]));
            assert_eq!(token.claims["iat"], START - 60, "{name}");
            assert_eq!(token.claims["exp"], START + 480);
            assert_eq!(
                (token.header.kid.as_deref(), token.header.typ.as_deref()),
                (Some("key-7"), Some("JWT"))
            );
            assert_eq!(token.header.extras.inner()["x-tenant"], "acme");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_made_anew_for_each_call_and_a_401_is_an_answer() {
    let script = Script::new(|_, _| Ok(answer(401, "")));
    let client = client(script.clone(), BASE, Auth::Jwt(shared()));
    for _ in 0..2 {
        let response = client.send(&soon(), VendorRequest::put("/users")).await.unwrap();
        assert_eq!(response.fault("update user", "/users").remedy, Remedy::Person);
        advance(Duration::from_secs(10)).await;
    }
    let seen = script.seen();
    assert_eq!(seen.len(), 2);
    assert_ne!(bearer_of(&seen[0]), bearer_of(&seen[1]));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_sign_is_told_at_once_and_not_shown() {
    let keys = keys();
    let (rsa, p256) = (&keys[1].1, &keys[2].1);
    let public = "-----BEGIN PUBLIC KEY-----\nczNjcmV0\n-----END PUBLIC KEY-----\n";
    let one_line = rsa.replace('\n', "\\n");
    for (algorithm, key) in [
        ("HS256", ""),
        ("RS256", "s3cret"),
        ("RS256", ""),
        ("RS256", public),
        ("RS256", p256),
        ("RS256", &one_line),
        ("PS512", "-----BEGIN PRIVATE KEY-----\nczNjcmV0\n-----END PRIVATE KEY-----\n"),
        ("ES256", rsa),
        ("ES384", p256),
        ("EdDSA", p256),
    ] {
        let build = |auth| {
            let script = Script::new(|_, _| Ok(answer(200, "{}")));
            VendorClient::new(ports(script), ClientSettings::new(Url::parse(BASE).unwrap(), auth))
        };
        let jwt = settings(algorithm.parse().unwrap(), key);
        let exchanged = exchange(jwt.clone());
        for auth in [Auth::Jwt(jwt), exchanged] {
            let error = build(auth).unwrap_err();
            assert_eq!(error.path, ["key"], "{algorithm}");
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(algorithm) && error.hint.is_some(), "{shown}");
            let line = key.lines().nth(1).unwrap_or("s3cret");
            assert!(!shown.contains(line) && !shown.contains("s3cret"), "{shown}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_set_for_each_token_cannot_be_given() {
    let wrong = [
        ("claims", JwtSettings { claims: object(json!({"exp": 1})), ..shared() }),
        ("claims", JwtSettings { claims: object(json!({"iat": 1})), ..shared() }),
        ("header", JwtSettings { header: object(json!({"alg": "none"})), ..shared() }),
        ("header", JwtSettings { header: object(json!({"kid": 7})), ..shared() }),
        ("ttl", JwtSettings { ttl: Duration::from_millis(999), ..shared() }),
        ("ttl", JwtSettings { ttl: Duration::from_hours(25), ..shared() }),
    ];
    for (path, jwt) in wrong {
        let script = Script::new(|_, _| Ok(answer(200, "{}")));
        let settings = ClientSettings::new(Url::parse(BASE).unwrap(), Auth::Jwt(jwt));
        assert_eq!(VendorClient::new(ports(script), settings).unwrap_err().path[0], path);
    }
}

fn exchange(jwt: JwtSettings) -> Auth {
    let token_url = "/app/installations/678/access_tokens".to_owned();
    Auth::TokensForJwt(JwtExchange {
        token_url,
        jwt,
        body: Some(json!({"permissions": {"members": "write"}})),
    })
}

fn given(number: usize, expires: &str) -> HttpResponse {
    answer(
        201,
        &format!(r#"{{"token":"installation-{number}","expires_at":"{expires}","permissions":{{}}}}"#),
    )
}

/// A vendor whose *n*th token is `installation-n`, good for an hour by its own clock, which is `late` behind ours.
fn vendor(late: i64) -> Arc<Script> {
    let issued = AtomicUsize::new(0);
    Script::new(move |_, request| {
        if request.url.path() != TOKEN_PATH {
            return Ok(answer(200, "{}"));
        }
        let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
        let now = jiff::Timestamp::from_second(START - late).unwrap();
        let mut answer = given(number, &(now + Duration::from_hours(1)).to_string());
        let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        answer.headers.insert("date", date.parse().unwrap());
        Ok(answer)
    })
}

fn get() -> VendorRequest {
    VendorRequest::get("/users")
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_given_for_a_signed_one_is_fetched_once_and_renewed_early() {
    let script = vendor(0);
    let mut settings = ClientSettings::new(Url::parse(BASE).unwrap(), exchange(shared()));
    settings.headers.insert("x-api-version", "2022-11-28".parse().unwrap());
    let client = Arc::new(VendorClient::new(ports(script.clone()), settings).unwrap());
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let client = client.clone();
        calls.spawn(async move { client.send(&soon(), get()).await.unwrap() });
    }
    calls.join_all().await;
    assert_eq!((script.count(TOKEN_PATH), script.seen().len()), (1, 51));
    let first = script.seen().remove(0);
    assert_eq!(
        (first.method.as_str(), first.body.as_ref()),
        ("POST", &br#"{"permissions":{"members":"write"}}"#[..])
    );
    assert_eq!(first.headers["x-api-version"], "2022-11-28");
    assert!(first.headers["user-agent"].to_str().unwrap().starts_with("usher/"));
    assert_eq!(bearer_of(&first).split('.').count(), 3);
    advance(Duration::from_mins(58)).await;
    client.send(&soon(), get()).await.unwrap();
    assert_eq!(bearer_of(script.seen().last().unwrap()), "installation-1");
    advance(Duration::from_mins(1)).await;
    client.send(&soon(), get()).await.unwrap();
    assert_eq!(bearer_of(script.seen().last().unwrap()), "installation-2");
}

#[tokio::test(start_paused = true)]
async fn a_vendors_clock_that_is_late_does_not_make_its_tokens_seem_old() {
    let script = vendor(2 * 3600);
    let client = client(script.clone(), BASE, exchange(shared()));
    client.send(&soon(), get()).await.unwrap();
    advance(Duration::from_mins(30)).await;
    client.send(&soon(), get()).await.unwrap();
    assert_eq!(script.count(TOKEN_PATH), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_05_a_given_token_that_is_not_accepted_is_replaced_once() {
    let issued = AtomicUsize::new(0);
    let script = Script::new(move |_, request| match request.url.path() {
        TOKEN_PATH => Ok(given(issued.fetch_add(1, Ordering::SeqCst) + 1, "2026-11-24T09:00:00Z")),
        _ if bearer_of(request) == "installation-1" => Ok(answer(401, "")),
        _ => Ok(answer(200, "{}")),
    });
    let client = client(script.clone(), BASE, exchange(shared()));
    let response = client.send(&soon(), VendorRequest::put("/users")).await.unwrap();
    assert_eq!((response.status.as_u16(), script.count(TOKEN_PATH), script.seen().len()), (200, 2, 4));
}

#[tokio::test(start_paused = true)]
async fn what_the_endpoint_says_instead_of_a_token_is_told_by_its_class() {
    let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
    let table: [(HttpResponse, FailureKind, usize); 9] = [
        (answer(401, r#"{"message":"s3cret could not be decoded"}"#), FailureKind::Credential, 1),
        (answer(404, r#"{"message":"Not Found"}"#), FailureKind::Credential, 1),
        (answer(403, r#"{"message":"This installation has been suspended"}"#), FailureKind::Credential, 1),
        (answer(403, secondary), FailureKind::Throttled, 1),
        (answer_with(429, &[("retry-after", "9")], ""), FailureKind::Throttled, 1),
        (answer_with(302, &[("location", "/login")], ""), FailureKind::Redirect, 1),
        (answer(503, ""), FailureKind::TokenUnavailable, 3),
        (
            answer(201, r#"{"token":"","expires_at":"2026-11-24T09:00:00Z"}"#),
            FailureKind::TokenUnavailable,
            3,
        ),
        (answer(201, r#"{"token":"s3cret","expires_at":"tomorrow"}"#), FailureKind::TokenUnavailable, 3),
    ];
    for (given, kind, times) in table {
        let status = given.status;
        let script = Script::new(move |_, _| Ok(given.clone()));
        let mut settings = ClientSettings::new(Url::parse(BASE).unwrap(), exchange(shared()));
        settings.throttled = throttled_like_github;
        let client = VendorClient::new(ports(script.clone()), settings).unwrap();
        let failure = client.send(&soon(), VendorRequest::put("/users")).await.unwrap_err();
        assert_eq!((failure.sent, failure.kind), (Sent::No, kind), "{status}");
        assert_eq!((script.count(TOKEN_PATH), script.seen().len()), (times, times), "{status}");
        let fault = failure.into_fault("update user", "/users");
        assert!(!format!("{fault} {fault:?}").contains("s3cret"), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_signed_token_is_not_posted_in_the_clear() {
    let script = vendor(0);
    for token_url in ["http://login.vendor.test/token", "token", "//elsewhere.test/token"] {
        let auth = Auth::TokensForJwt(JwtExchange { token_url: token_url.into(), jwt: shared(), body: None });
        let ports = usher_core::Ports { allow_private: false, ..ports(script.clone()) };
        let settings = ClientSettings::new(Url::parse("https://vendor.test").unwrap(), auth);
        assert_eq!(VendorClient::new(ports, settings).unwrap_err().path, ["token_url"], "{token_url}");
    }
}
