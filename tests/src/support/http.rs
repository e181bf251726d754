//! Calls of the public listener, as Lumos and as others make them.

use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back from a webhook.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// `Null` where there is no body.
    pub body: Value,
    /// `Usher-Request-Id`, or nothing.
    pub id: String,
    pub took: Duration,
}

impl Answer {
    /// What Lumos takes for done, in either direction.
    pub fn is_positive(&self) -> bool {
        let said = self.body["response"].as_str();
        self.status == 204
            || (self.status == 200 && matches!(said, Some("PROVISIONED_USER" | "DEPROVISIONED_USER")))
    }

    /// The answer of a grant that was not made.
    pub fn is_no(&self) -> bool {
        (self.status, &self.body) == (200, &serde_json::json!({ "response": "NO_PROVISIONING_ACTION" }))
    }

    /// `(status, response)`.
    pub fn said(&self) -> (u16, &str) {
        (self.status, self.body["response"].as_str().unwrap_or_default())
    }

    /// The sentence beside a body that is not a success.
    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }
}

#[expect(clippy::disallowed_methods, reason = "plays Lumos and the operators, and calls no vendor")]
pub fn client() -> Client {
    // Connections are not kept: a service that is killed and comes back must be called anew.
    Client::builder().pool_max_idle_per_host(0).timeout(Duration::from_secs(180)).build().unwrap()
}

/// Posts, and takes the time; an error where the connection ends without an answer.
pub(super) async fn post(
    client: &Client,
    url: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Result<Answer, reqwest::Error> {
    let mut request = client.post(url).header("content-type", "application/json").body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let began = now();
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let id = answer.headers().get("usher-request-id").map(|id| id.to_str().unwrap().to_owned());
    let bytes = answer.bytes().await?;
    let took = now() - began;
    let body = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into())
    };
    Ok(Answer { status, body, id: id.unwrap_or_default(), took })
}

#[expect(clippy::disallowed_methods, reason = "measures what a sender measures: real time")]
pub fn now() -> Instant {
    Instant::now()
}

/// For how long a fault lasts: nothing that a test waits for is waited for like this.
#[expect(clippy::disallowed_methods, reason = "a fault takes real time, and nothing tells of its end")]
pub async fn lasts(time: Duration) {
    tokio::time::sleep(time).await;
}

/// A socket on which anything can be written.
#[derive(Debug)]
pub struct Raw(TcpStream);

impl Raw {
    /// `url`: `http://127.0.0.1:1234`.
    pub async fn connect(url: &str) -> Self {
        let address = url.strip_prefix("http://").unwrap();
        Self(TcpStream::connect(address).await.unwrap())
    }

    pub async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// The same, where the other side may have hung up already.
    pub async fn send_if_heard(&mut self, text: &str) {
        let _hung_up = self.0.write_all(text.as_bytes()).await;
    }

    /// The status of the answer, and everything that came with it until the other side hangs up.
    pub async fn answer(mut self) -> (u16, String) {
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(20), self.0.read_to_end(&mut bytes));
        read.await.expect("it hangs up in the end").unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        (status.unwrap_or_else(|| panic!("no answer: {text:?}")).parse().unwrap(), text)
    }
}
