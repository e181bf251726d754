//! The script in the place of the vendor: every exchange of a test, in order.

use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::json;
use tokio::sync::Notify;
use url::Url;
use usher_core::{HttpFailure, HttpFailureKind, HttpRequest, HttpResponse, Sent as Reached, Transport};
use usher_generic_rest::definition::{TestExchange, TestFault};

use crate::Failure;
use crate::show::{Sent, differences, expected};

/// How to tell requests for tokens, and what is a key in the others.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) base: Url,
    /// Where tokens are asked for, if anywhere.
    pub(crate) tokens: Option<Url>,
    /// The name of the pair of each query that is a key.
    pub(crate) key: Option<String>,
    /// The whole test, for what none of its exchanges says.
    pub(crate) span: std::ops::Range<usize>,
}

/// Plays the exchanges.
#[derive(Debug)]
pub(crate) struct Script {
    exchanges: Vec<TestExchange>,
    with: Surroundings,
    state: Mutex<State>,
    broke: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The exchange that is next.
    next: usize,
    /// How often that one has happened.
    times: u32,
    failure: Option<Failure>,
}

impl Script {
    pub(crate) fn new(exchanges: Vec<TestExchange>, with: Surroundings) -> Self {
        Self { exchanges, with, state: Mutex::default(), broke: Notify::new() }
    }

    /// Resolves when a request came that no exchange says.
    pub(crate) async fn broken(&self) {
        self.broke.notified().await;
    }

    /// Whether every exchange has happened.
    pub(crate) fn is_over(&self) -> bool {
        self.lock().next >= self.exchanges.len()
    }

    /// What went wrong: a request that no exchange says.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.lock().failure.clone()
    }

    /// Exchanges that have not happened.
    pub(crate) fn missing(&self) -> Vec<Failure> {
        let (next, times) = {
            let state = self.lock();
            (state.next, state.times)
        };
        let left = self.exchanges.iter().enumerate().skip(next);
        let missing = left.map(|(index, exchange)| {
            let happened = if index == next { times } else { 0 };
            let message = match exchange.times {
                1 => format!("exchange {} did not happen", index + 1),
                wanted => format!("exchange {} happened {happened} of {wanted} times", index + 1),
            };
            Failure { span: exchange.span.clone(), message, expected: Some(expected(exchange)), found: None }
        });
        missing.collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The exchange that a request is; `None` where it is none, which is noted.
    fn take(&self, request: &HttpRequest) -> Option<TestExchange> {
        let sent = Sent::of(request, &self.with.base, self.with.key.as_deref());
        let mut state = self.lock();
        if state.failure.is_some() {
            return None;
        }
        let number = state.next + 1;
        let failure = match self.exchanges.get(state.next) {
            None => Failure {
                span: self.with.span.clone(),
                message: format!("one request too many: the test has {} exchanges", self.exchanges.len()),
                expected: None,
                found: Some(sent.show(None)),
            },
            Some(exchange) => {
                let differences = differences(&sent, exchange);
                if differences.is_empty() {
                    state.times += 1;
                    if state.times >= exchange.times {
                        state.next += 1;
                        state.times = 0;
                    }
                    return Some(exchange.clone());
                }
                Failure {
                    span: exchange.span.clone(),
                    message: format!("exchange {number} is another request: {}", differences.join(", ")),
                    expected: Some(expected(exchange)),
                    found: Some(sent.show(Some(exchange))),
                }
            }
        };
        state.failure = Some(failure);
        self.broke.notify_one();
        None
    }

    fn is_for_a_token(&self, request: &HttpRequest) -> bool {
        let asked = |tokens: &Url| request.method == Method::POST && request.url == *tokens;
        self.with.tokens.as_ref().is_some_and(asked)
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        if self.is_for_a_token(&request) {
            let token =
                json!({"access_token": "a-token-of-no-worth", "token_type": "bearer", "expires_in": 3600});
            return Ok(answer(StatusCode::OK, HeaderMap::new(), json_body(token.to_string())));
        }
        let Some(exchange) = self.take(&request) else {
            // The test has failed: nobody waits for this any more.
            return pending().await;
        };
        let failed = |sent, kind| HttpFailure { sent, kind, message: "as the test says".to_owned() };
        match exchange.fault {
            None => scripted(&exchange),
            Some(TestFault::Timeout) => {
                tokio::time::sleep_until(request.deadline).await;
                Err(failed(Reached::Maybe, HttpFailureKind::TimedOut))
            }
            // Nobody on this side can tell the two apart.
            Some(TestFault::ResetBefore | TestFault::ResetAfter) => {
                Err(failed(Reached::Maybe, HttpFailureKind::Broken))
            }
            Some(TestFault::Refused) => Err(failed(Reached::No, HttpFailureKind::Connect)),
        }
    }
}

fn scripted(exchange: &TestExchange) -> Result<HttpResponse, HttpFailure> {
    let unwritable = |what: &str| HttpFailure {
        sent: Reached::Yes,
        kind: HttpFailureKind::Broken,
        message: format!("the test's answer has {what} that no answer can have"),
    };
    let status = StatusCode::from_u16(exchange.status).map_err(|_| unwritable("a status"))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &exchange.answer_headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unwritable("a header"))?;
        headers.append(name, HeaderValue::from_str(value).map_err(|_| unwritable("a header"))?);
    }
    let body = match (&exchange.answer_json, &exchange.answer_text) {
        (Some(json), _) => json_body(json.to_string()),
        (None, Some(text)) => (Bytes::from(text.clone()), None),
        (None, None) => (Bytes::new(), None),
    };
    Ok(answer(status, headers, body))
}

type Typed = (Bytes, Option<HeaderValue>);

fn json_body(text: String) -> Typed {
    (Bytes::from(text), Some(HeaderValue::from_static("application/json")))
}

fn answer(status: StatusCode, mut headers: HeaderMap, (body, kind): Typed) -> HttpResponse {
    if let Some(kind) = kind {
        headers.entry(CONTENT_TYPE).or_insert(kind);
    }
    HttpResponse { status, headers, body }
}
