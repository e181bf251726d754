mod restart;
mod seats;
mod sending;
mod shutdown;
mod wire;
mod wording;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;
use tokio::sync::watch;
use usher_core::{
    App, Direction, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse, Sent, Subject, SystemClock,
};
use usher_engine::{About, AlertKind};
use usher_journal::{
    AnswerState, Arrival, AskedPermission, Execution, MemoryJournal, Moment, Record, Request, RequestId,
    Stamp, Telling,
};

use super::*;

/// 32 bytes.
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const SLACK: &str = "https://hooks.slack.example/services/T0/B0/topsecret-of-slack";
const SENTENCE: &str = "no paid seat is left";

fn slack() -> Receiver {
    Receiver::Slack(Address::parse(SLACK, false).unwrap())
}

fn webhook() -> Receiver {
    let address = Address::parse("https://alerts.example/usher?key=topsecret-of-a-query", false).unwrap();
    Receiver::Webhook(address, SigningSecret::parse(SECRET).unwrap())
}

fn alert(sentence: &str) -> Alert {
    Alert {
        about: About::Request {
            request: RequestId("r1".to_owned()),
            attempt: 1,
            app: "desk".to_owned(),
            subject: subject(),
        },
        connection: "zendesk".to_owned(),
        kind: AlertKind::NoSeat,
        sentence: sentence.to_owned(),
    }
}

fn subject() -> Subject {
    let email = "ann@example.com".to_owned();
    Subject { email, given_name: None, family_name: None, custom_fields: std::collections::BTreeMap::new() }
}

fn request(id: &str, execution: Execution) -> Request {
    let now = SystemClock.now();
    Request {
        id: RequestId(id.to_owned()),
        seq: 0,
        attempt: 1,
        received: now,
        updated: now,
        direction: Direction::Provision,
        route: "/webhooks/provision".to_owned(),
        connection: "zendesk".to_owned(),
        app_key: "desk".to_owned(),
        app: App { id: "desk".to_owned(), instance: None, label: None },
        permissions: vec![AskedPermission { name: "agent".to_owned(), facets: None }],
        all: false,
        subject: subject(),
        subject_key: subject().key(),
        lumos_request: None,
        task_url: None,
        comment: None,
        until: None,
        config: "hash".to_owned(),
        dry_run: false,
        execution,
        reason: None,
        answer: AnswerState::None,
        telling: Telling::None,
        next_at: None,
    }
}

fn moment() -> Moment {
    Moment { wall: SystemClock.now(), stamp: Stamp { boot: 1, ticks: Duration::ZERO } }
}

async fn accept(journal: &MemoryJournal, id: &str, execution: Execution) {
    let arrival = Arrival { request: request(id, execution), body: Vec::new() };
    journal.accept(arrival, moment()).await.unwrap();
}

async fn commit(journal: &MemoryJournal, id: &str, record: Record) {
    journal.commit(&RequestId(id.to_owned()), vec![record], moment()).await.unwrap();
}

/// To whom the alerts of a request were sent, as its history has it.
async fn sent_to(journal: &MemoryJournal, id: &str) -> Vec<String> {
    let stored = journal.find(&RequestId(id.to_owned())).await.unwrap().unwrap();
    let sent = stored.history.into_iter().filter_map(|entry| match entry.record {
        Record::AlertSent { to, .. } => Some(to),
        _ => None,
    });
    sent.collect()
}

/// What the other side does with one request.
#[derive(Clone, Debug)]
enum Does {
    Answer(u16),
    RetryAfter(u16, &'static str),
    Break,
    Hang,
}

/// Answers as it is told, then with 200, and keeps what came.
#[derive(Debug)]
struct Script {
    does: Mutex<VecDeque<Does>>,
    came: watch::Sender<Vec<(Instant, HttpRequest)>>,
}

impl Script {
    fn new(does: impl IntoIterator<Item = Does>) -> Arc<Self> {
        Arc::new(Self { does: Mutex::new(does.into_iter().collect()), came: watch::Sender::new(Vec::new()) })
    }

    /// Waits until so many requests have come.
    async fn requests(&self, count: usize) -> Vec<HttpRequest> {
        let mut came = self.came.subscribe();
        let came = came.wait_for(|came| came.len() >= count).await.unwrap();
        came.iter().map(|(_, request)| request.clone()).collect()
    }

    /// Seconds between one request and the next.
    fn pauses(&self) -> Vec<u64> {
        let came = self.came.borrow();
        came.windows(2).map(|two| (two[1].0 - two[0].0).as_secs()).collect()
    }

    fn count(&self) -> usize {
        self.came.borrow().len()
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let deadline = request.deadline;
        self.came.send_modify(|came| came.push((SystemClock.instant(), request)));
        let does = self.does.lock().unwrap().pop_front().unwrap_or(Does::Answer(200));
        let failure = |kind, message: &str| HttpFailure { sent: Sent::Maybe, kind, message: message.into() };
        let (status, mut headers) = match does {
            Does::Answer(status) => (status, HeaderMap::new()),
            Does::RetryAfter(status, after) => {
                let mut headers = HeaderMap::new();
                headers.insert("retry-after", HeaderValue::from_static(after));
                (status, headers)
            }
            Does::Break => return Err(failure(HttpFailureKind::Broken, "the connection broke")),
            Does::Hang => {
                tokio::time::sleep_until(deadline).await;
                return Err(failure(HttpFailureKind::TimedOut, "no whole answer came in time"));
            }
        };
        headers.insert("content-type", HeaderValue::from_static("text/plain"));
        Ok(HttpResponse { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::from("ok") })
    }
}

fn senders(receivers: Vec<Receiver>, transport: Arc<dyn Transport>, journal: &Arc<MemoryJournal>) -> Senders {
    Senders::start(Sending {
        receivers,
        subjects: false,
        transport,
        clock: Arc::new(SystemClock),
        journal: journal.clone(),
        boot: 1,
    })
}

/// A journal with the request `r1` in it.
async fn journal() -> Arc<MemoryJournal> {
    let journal = Arc::new(MemoryJournal::new());
    accept(&journal, "r1", Execution::Accepted).await;
    journal
}

fn json(request: &HttpRequest) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

/// Lets everything that can go on do so, in paused time.
async fn settle() {
    tokio::time::sleep_until(SystemClock.instant() + Duration::from_millis(1)).await;
}
