//! What the tests share: a clock on tokio's time, a scripted transport, and servers on raw sockets.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use url::Url;
use usher_core::{
    Call, Clock, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse, Limiter, Ports, Priority, Sent,
    Transport,
};
use usher_vendor_client::{
    Auth, ClientSettings, EnvAndFileSecrets, LimitSettings, Limits, ReqwestTransport, TransportSettings,
    VendorClient,
};

/// A clock whose wall time runs along with tokio's, which a test can stop and advance.
#[derive(Debug)]
pub(crate) struct TokioClock {
    wall: Timestamp,
    start: Instant,
}

impl TokioClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { wall: "2026-11-24T08:00:00Z".parse().unwrap(), start: instant() })
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        self.wall + self.start.elapsed()
    }

    fn instant(&self) -> Instant {
        instant()
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests' clock is tokio's")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

pub(crate) fn call(within: Duration) -> Call {
    Call { deadline: instant() + within, priority: Priority::Answering, idempotency_key: None, part: None }
}

pub(crate) fn soon() -> Call {
    call(Duration::from_secs(10))
}

pub(crate) fn reqwest_transport() -> ReqwestTransport {
    ReqwestTransport::new(TransportSettings {
        connect_timeout: Duration::from_millis(300),
        ..TransportSettings::default()
    })
    .unwrap()
}

pub(crate) fn ports(transport: Arc<dyn Transport>) -> Ports {
    let clock = TokioClock::new();
    let limiter: Arc<dyn Limiter> = Arc::new(Limits::new(
        LimitSettings { concurrency: 64.try_into().unwrap(), ..LimitSettings::default() },
        clock.clone(),
    ));
    Ports {
        connection: "vendor-main".into(),
        folder: PathBuf::from("."),
        base_url: None,
        allow_private: true,
        clock,
        secrets: Arc::new(EnvAndFileSecrets),
        limiter,
        transport,
    }
}

pub(crate) fn client(transport: Arc<dyn Transport>, base: &str, auth: Auth) -> VendorClient {
    let settings = ClientSettings::new(Url::parse(base).unwrap(), auth);
    VendorClient::new(ports(transport), settings).unwrap()
}

/// A client over real sockets.
pub(crate) fn socket_client(base: &str, auth: Auth) -> VendorClient {
    client(Arc::new(reqwest_transport()), base, auth)
}

pub(crate) fn http_request(method: Method, url: &str, within: Duration) -> HttpRequest {
    HttpRequest {
        method,
        url: Url::parse(url).unwrap(),
        headers: HeaderMap::new(),
        body: bytes::Bytes::new(),
        deadline: instant() + within,
        max_body: 64 * 1024,
        allow_private: true,
    }
}

pub(crate) fn answer(status: u16, body: &str) -> HttpResponse {
    HttpResponse {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.to_owned().into(),
    }
}

pub(crate) fn answer_with(status: u16, headers: &[(&str, &str)], body: &str) -> HttpResponse {
    let mut answer = answer(status, body);
    for (name, value) in headers {
        answer
            .headers
            .insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    answer
}

pub(crate) fn failed(sent: Sent, kind: HttpFailureKind) -> HttpFailure {
    HttpFailure { sent, kind, message: "scripted".into() }
}

type Answers = dyn Fn(usize, &HttpRequest) -> Result<HttpResponse, HttpFailure> + Send + Sync;

/// A transport that answers from a function of the request and its number, and remembers the requests.
pub(crate) struct Script {
    answers: Box<Answers>,
    seen: Mutex<Vec<(Instant, HttpRequest)>>,
    /// How long each answer takes.
    pub(crate) latency: Duration,
}

impl Script {
    pub(crate) fn new(
        answers: impl Fn(usize, &HttpRequest) -> Result<HttpResponse, HttpFailure> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            answers: Box::new(answers),
            seen: Mutex::default(),
            latency: Duration::from_millis(20),
        })
    }

    pub(crate) fn seen(&self) -> Vec<HttpRequest> {
        self.seen.lock().unwrap().iter().map(|(_, request)| request.clone()).collect()
    }

    pub(crate) fn times(&self) -> Vec<Instant> {
        self.seen.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }

    /// How many requests went to a path.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.seen().iter().filter(|request| request.url.path() == path).count()
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let number = {
            let mut seen = self.seen.lock().unwrap();
            seen.push((instant(), request.clone()));
            seen.len()
        };
        tokio::time::sleep_until(instant() + self.latency).await;
        (self.answers)(number, &request)
    }
}

/// A server on a raw socket: what it does with a connection is a function of the test's.
pub(crate) struct RawServer {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl RawServer {
    pub(crate) async fn start<F, R>(serve: F) -> Self
    where
        F: Fn(usize, RawConnection) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (count, log) = (connections.clone(), requests.clone());
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::spawn(serve(number, RawConnection { stream, log: log.clone(), pending: Vec::new() }));
            }
        });
        Self { address, connections, requests, task }
    }

    /// A server that gives every request the same answer.
    pub(crate) async fn answering(answer: impl Into<String>) -> Self {
        let answer: Arc<str> = answer.into().into();
        Self::start(move |_, mut connection| {
            let answer = answer.clone();
            async move {
                while connection.request().await.is_some() {
                    connection.write(&answer).await;
                }
            }
        })
        .await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The whole requests that arrived, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) struct RawConnection {
    pub(crate) stream: TcpStream,
    log: Arc<Mutex<Vec<String>>>,
    pending: Vec<u8>,
}

impl RawConnection {
    /// Reads one whole request; `None` when the other side is done.
    pub(crate) async fn request(&mut self) -> Option<String> {
        loop {
            if let Some(length) = whole(&self.pending) {
                let rest = self.pending.split_off(length);
                let text = String::from_utf8_lossy(&std::mem::replace(&mut self.pending, rest)).into_owned();
                self.log.lock().unwrap().push(text.clone());
                return Some(text);
            }
            if self.stream.read_buf(&mut self.pending).await.ok()? == 0 {
                return None;
            }
        }
    }

    pub(crate) async fn write(&mut self, text: &str) {
        // The client may be gone, which is not this side's affair.
        self.stream.write_all(text.as_bytes()).await.ok();
        self.stream.flush().await.ok();
    }

    /// Says nothing, and keeps the connection.
    pub(crate) async fn hang(&mut self) {
        std::future::pending::<()>().await;
    }
}

fn whole(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(bytes.get(..end)?).to_lowercase();
    let body = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |length| length.trim().parse::<usize>().unwrap());
    (bytes.len() >= end + body).then_some(end + body)
}

/// An answer as it stands on the wire.
pub(crate) fn wire(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} Status\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}
