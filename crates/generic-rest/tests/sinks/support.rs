//! A vendor on a raw socket that writes down every byte, and a client to it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderName, Method};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;
use usher_core::{
    Call, Clock, HttpFailure, HttpRequest, HttpResponse, Ports, Priority, SystemClock, Transport,
};
use usher_generic_rest::definition::{Request, Target};
use usher_generic_rest::expression::{Expression, Scope, Template, Tree};
use usher_generic_rest::sinks::{self, Filled};
use usher_vendor_client::{
    Auth, ClientSettings, EnvAndFileSecrets, LimitSettings, Limits, ReqwestTransport, TransportSettings,
    VendorClient,
};

/// Where paths begin at the vendor.
pub(crate) const PREFIX: &str = "/base";

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) method: String,
    /// Below [`PREFIX`], each decoded once.
    pub(crate) segments: Vec<String>,
    /// Decoded.
    pub(crate) query: Vec<(String, String)>,
    /// As they stand, in lower case and order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Arrived {
    fn read(head: &str, body: String) -> Self {
        let mut lines = head.split("\r\n");
        let mut first = lines.next().unwrap().split(' ');
        let (method, target) = (first.next().unwrap(), first.next().unwrap());
        assert_eq!((first.next(), first.next()), (Some("HTTP/1.1"), None), "one request line: {head:?}");
        assert!(target.bytes().all(|byte| byte.is_ascii_graphic()), "{target:?}");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        // A link may lead elsewhere within the origin.
        let path = path.strip_prefix(PREFIX).unwrap_or(path);
        let path = path.strip_prefix('/').unwrap_or(path);
        Self {
            method: method.to_owned(),
            segments: path.split('/').map(decoded).collect(),
            query: query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect(),
            headers: lines
                .map(|line| line.split_once(": ").unwrap_or_else(|| panic!("a header of its own: {line:?}")))
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

fn pair(text: &str) -> (String, String) {
    // A pair of our own has its `=`; a link's is the vendor's affair.
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    assert!(!value.contains('='), "an unencoded `=`: {text}");
    (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " ")))
}

/// The vendor, and a client to it.
pub(crate) struct Vendor {
    arrived: Arc<Mutex<Vec<Arrived>>>,
    client: VendorClient,
    task: tokio::task::JoinHandle<()>,
}

impl Vendor {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}{PREFIX}", listener.local_addr().unwrap());
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&arrived);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&log)));
            }
        });
        let settings = ClientSettings::new(Url::parse(&base).unwrap(), Auth::None);
        let transport = ReqwestTransport::new(TransportSettings::default()).unwrap();
        Self { arrived, client: VendorClient::new(ports(Arc::new(transport)), settings).unwrap(), task }
    }

    /// Fills a request in and sends it. What arrived, or why nothing was sent.
    pub(crate) async fn send(&self, request: &Request, scope: &Scope) -> Result<Arrived, String> {
        self.arrived.lock().unwrap().clear();
        let sent = match sinks::request(request, scope) {
            Err(error) => Err(error.message),
            Ok(Filled::Request(request)) => self.client.send(&call(), request).await.map_err(|f| f.message),
            Ok(Filled::Link(link)) => self.client.get_link(&call(), &link).await.map_err(|f| f.message),
        };
        let mut arrived = self.arrived.lock().unwrap().clone();
        match sent {
            Ok(_) => {
                assert_eq!(arrived.len(), 1, "one request and no other");
                Ok(arrived.remove(0))
            }
            Err(message) => {
                assert!(arrived.is_empty(), "{message}, and yet there arrived {arrived:?}");
                Err(message)
            }
        }
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, log: Arc<Mutex<Vec<Arrived>>>) {
    let mut pending = Vec::new();
    loop {
        if let Some(end) = pending.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(pending[..end].to_vec()).unwrap();
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned))
                .map_or(0, |length| length.parse::<usize>().unwrap());
            if pending.len() >= end + 4 + length {
                let rest = pending.split_off(end + 4 + length);
                let body = String::from_utf8(pending.split_off(end + 4)).unwrap();
                pending = rest;
                log.lock().unwrap().push(Arrived::read(&head, body));
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
                continue;
            }
        }
        if stream.read_buf(&mut pending).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

/// The URL that a request goes to, if it is sent at all: without sockets, for many cases.
pub(crate) fn url_of(request: &Request, scope: &Scope) -> Option<Url> {
    let Ok(Filled::Request(filled)) = sinks::request(request, scope) else {
        return None;
    };
    let wire = Arc::new(Wire::default());
    let ports = ports(Arc::<Wire>::clone(&wire));
    let settings = ClientSettings::new(Url::parse("http://vendor.test/base").unwrap(), Auth::None);
    let client = VendorClient::new(ports, settings).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(client.send(&call(), filled)).ok()?;
    wire.0.lock().unwrap().take()
}

/// The URL of the last request.
#[derive(Debug, Default)]
struct Wire(Mutex<Option<Url>>);

#[async_trait::async_trait]
impl Transport for Wire {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        self.0.lock().unwrap().replace(request.url);
        Ok(HttpResponse { status: http::StatusCode::OK, headers: http::HeaderMap::new(), body: "{}".into() })
    }
}

fn ports(transport: Arc<dyn Transport>) -> Ports {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ports {
        connection: "vendor".into(),
        folder: PathBuf::from("."),
        base_url: None,
        allow_private: true,
        clock: Arc::clone(&clock),
        secrets: Arc::new(EnvAndFileSecrets),
        limiter: Arc::new(Limits::new(LimitSettings::default(), clock)),
        transport,
    }
}

fn call() -> Call {
    Call {
        deadline: SystemClock.instant() + Duration::from_secs(20),
        priority: Priority::Answering,
        idempotency_key: None,
        part: None,
    }
}

/// A request with nothing but a path.
pub(crate) fn request(method: Method, path: &str) -> Request {
    Request {
        method,
        target: Target::Path(Template::parse(path).unwrap()),
        query: Vec::new(),
        headers: Vec::new(),
        json: None,
        idempotency_key: None,
    }
}

pub(crate) fn get(path: &str) -> Request {
    request(Method::GET, path)
}

/// A GET of a link.
pub(crate) fn link(expression: &str) -> Request {
    Request { target: Target::Link(Expression::parse(expression).unwrap()), ..get("/") }
}

/// The same with pairs of a query.
pub(crate) fn query(request: Request, pairs: &[(&str, &str)]) -> Request {
    let query = pairs.iter().map(|(name, tree)| ((*name).to_owned(), Tree::parse(tree).unwrap())).collect();
    Request { query, ..request }
}

/// The same with headers.
pub(crate) fn headers(request: Request, pairs: &[(&str, &str)]) -> Request {
    let named = |name: &str| HeaderName::from_bytes(name.as_bytes()).unwrap();
    let headers = pairs.iter().map(|(name, tree)| (named(name), Tree::parse(tree).unwrap())).collect();
    Request { headers, ..request }
}

/// The same with a JSON body.
pub(crate) fn body(request: Request, json: &Value) -> Request {
    Request { json: Some(Tree::from_json(json).unwrap()), ..request }
}

/// A scope with one name, `v`, and a secret that no expression may reach by a detour.
pub(crate) fn scope(value: impl Into<Value>) -> Scope {
    let mut names = Map::new();
    names.insert("v".into(), value.into());
    names.insert("secret".into(), serde_json::json!({ "x": "s3cr3t" }));
    Scope(names)
}
