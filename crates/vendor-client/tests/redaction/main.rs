//! No secret and no personal data in a trace, an error or a Debug, at the highest level of detail.
//! A program of its own, since what is captured is the whole process's.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "the other tests use the rest")]
#[path = "../support/mod.rs"]
mod support;

use std::fmt::Debug;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;
use url::Url;
use usher_vendor_client::{
    Auth, CallOutcome, CallTrace, ClientSettings, JwtAlgorithm, JwtExchange, JwtSettings,
    OAuthClientCredentials, Recorder, SecretBy, TokenBody, VendorClient, VendorRequest, record_calls,
};

use support::{RawServer, call, ports, reqwest_transport, soon, wire};

/// What must be seen nowhere: secrets, and what tells of a person.
const HIDDEN: [&str; 11] = [
    "s3cret-query",
    "s3cret-shared",
    "s3cret-client",
    "s3cret-token",
    "s3cret-header",
    "s3cret-password",
    "czNjcmV0",
    "ada@example.org",
    "ada%40example.org",
    "s3cret-answer",
    "s3cret-hook",
];

#[derive(Clone, Debug, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[derive(Debug, Default)]
struct Page(Mutex<Vec<CallTrace>>);

impl Recorder for Page {
    fn record(&self, trace: CallTrace) {
        self.0.lock().unwrap().push(trace);
    }
}

async fn vendor() -> RawServer {
    RawServer::start(|_, mut connection| async move {
        while let Some(request) = connection.request().await {
            let path = request.split([' ', '?']).nth(1).unwrap().to_owned();
            let answer = match path.as_str() {
                "/oauth/tokens" => {
                    wire(200, "", r#"{"access_token":"s3cret-token","token_type":"bearer","expires_in":600}"#)
                }
                "/given" => wire(201, "", r#"{"token":"s3cret-token","expires_at":"2026-11-24T09:00:00Z"}"#),
                "/moved" => wire(302, "location: /users/ada%40example.org?key=s3cret-answer\r\n", ""),
                "/closed" => return,
                "/away" => wire(302, "location: http://elsewhere.invalid/s3cret-answer\r\n", ""),
                "/large" => "HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\ns3cret-answer".to_owned(),
                _ => wire(200, "set-cookie: s3cret-answer\r\n", r#"{"id": "s3cret-answer"}"#),
            };
            connection.write(&answer).await;
        }
    })
    .await
}

fn jwt() -> JwtSettings {
    JwtSettings {
        algorithm: JwtAlgorithm::HS256,
        key: "s3cret-shared".into(),
        header: serde_json::Map::new(),
        claims: serde_json::Map::from_iter([("sub".to_owned(), "ada@example.org".into())]),
        ttl: Duration::from_mins(8),
        issued_back: Duration::ZERO,
    }
}

fn credentials() -> [Auth; 7] {
    [
        Auth::OAuth(OAuthClientCredentials {
            token_url: "/oauth/tokens".into(),
            client_id: "usher".into(),
            client_secret: "s3cret-client".into(),
            scopes: Vec::new(),
            secret_by: SecretBy::Basic,
            body: TokenBody::Form,
            extra: vec![("assertion".into(), "s3cret-client".into())],
        }),
        Auth::Bearer("s3cret-token".into()),
        Auth::Basic { username: "usher".into(), password: "s3cret-password".into() },
        Auth::ApiKey { header: "x-api-key".parse().unwrap(), key: "s3cret-header".into() },
        Auth::ApiKeyQuery { name: "api_key".into(), key: "s3cret-query".into() },
        Auth::Jwt(jwt()),
        Auth::TokensForJwt(JwtExchange { token_url: "/given".into(), jwt: jwt(), body: None }),
    ]
}

fn requests() -> Vec<VendorRequest> {
    vec![
        VendorRequest::get("/users/{email}").param("email", "ada@example.org").query("q", "ada@example.org"),
        VendorRequest::post("/users").json(&"ada@example.org").header("x-note", "s3cret-header"),
        VendorRequest::get("/moved"),
        VendorRequest::put("/closed").json(&"ada@example.org"),
        VendorRequest::get("/away"),
        VendorRequest::get("/large"),
        VendorRequest::post("/hooks/s3cret-hook").sensitive_url(),
        VendorRequest::get("/users/{email}").param("email", "ada@example.org/.."),
        VendorRequest::get("/users").header("x-note", "s3cret-header\r\n"),
    ]
}

#[tokio::test]
async fn nothing_secret_or_personal_is_seen_in_traces_errors_and_debug() {
    let captured = Captured::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(captured.clone())
        .finish()
        .try_init()
        .unwrap();
    let server = vendor().await;
    let mut shown = String::new();
    let mut show = |what: &dyn Debug| shown.push_str(&format!("{what:?}\n"));
    for auth in credentials() {
        show(&auth);
        let settings = ClientSettings::new(Url::parse(&server.url("")).unwrap(), auth);
        show(&settings);
        let client = VendorClient::new(ports(Arc::new(reqwest_transport())), settings).unwrap();
        for request in requests() {
            show(&request);
            match client.send(&soon(), request).await {
                Ok(response) => {
                    show(&(&response, response.json::<u64>().map_err(|failure| failure.to_string())));
                }
                Err(failure) => {
                    show(&(failure.to_string(), &failure));
                    let fault = failure.into_fault("update user", "/users/{email}");
                    show(&(fault.to_string(), fault));
                }
            }
        }
        show(&client.get_link(&soon(), "/users?key=s3cret-answer").await.unwrap());
        show(&client);
    }
    let logged = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    // The capture works: our event is in it, and so is what lies below.
    assert!(logged.contains("vendor.path=\"/users/{email}\""), "{logged}");
    assert!(logged.contains("hyper_util::client"), "{logged}");
    for hidden in HIDDEN {
        for (text, name) in [(&shown, "Debug or error"), (&logged, "trace")] {
            let line = text.lines().find(|line| line.contains(hidden));
            assert_eq!(line, None, "{hidden} in a {name}");
        }
    }
}

#[tokio::test]
async fn every_attempt_is_recorded_for_the_requests_page() {
    let server = vendor().await;
    let [oauth, ..] = credentials();
    let (own, page) = (Arc::new(Page::default()), Arc::new(Page::default()));
    let settings = ClientSettings::new(Url::parse(&server.url("")).unwrap(), oauth);
    let client =
        VendorClient::with_recorder(ports(Arc::new(reqwest_transport())), settings, own.clone()).unwrap();
    record_calls(page.clone(), async {
        client.send(&soon(), requests().remove(0)).await.unwrap();
        client.send(&soon(), VendorRequest::get("/closed")).await.unwrap_err();
        client.send(&soon(), requests().remove(6)).await.unwrap();
    })
    .await;
    // Outside of the scope, only the client's own recorder hears of it.
    client.get_link(&call(Duration::from_secs(5)), "?page=2").await.unwrap();
    let seen: Vec<_> = own.0.lock().unwrap().iter().map(shown).collect();
    assert_eq!(
        seen,
        [
            (Method::POST, "(token)".to_owned(), 1, "200".to_owned()),
            (Method::GET, "/users/{email}".to_owned(), 1, "200".to_owned()),
            (Method::GET, "/closed".to_owned(), 1, "broken".to_owned()),
            (Method::GET, "/closed".to_owned(), 2, "broken".to_owned()),
            (Method::GET, "/closed".to_owned(), 3, "broken".to_owned()),
            (Method::POST, "(hidden)".to_owned(), 1, "200".to_owned()),
            (Method::GET, "(link)".to_owned(), 1, "200".to_owned()),
        ]
    );
    let on_the_page: Vec<_> = page.0.lock().unwrap().iter().map(shown).collect();
    assert_eq!(on_the_page, seen[..6]);
}

fn shown(trace: &CallTrace) -> (Method, String, u32, String) {
    let outcome = match trace.outcome {
        CallOutcome::Status(status) => status.to_string(),
        CallOutcome::Failed(kind) => kind.as_str().to_owned(),
    };
    (trace.method.clone(), trace.path.clone(), trace.attempt, outcome)
}
