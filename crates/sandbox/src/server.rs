//! Real sockets: accepting, reading a request whole, and ending a connection in whichever way is asked for.
//!
//! HTTP/1.1 alone, so that a connection carries one request at a time and ending it ends that request and no other.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::exchange::VendorRequest;
use crate::operation::Vendor;
use crate::perform::{self, Cut};
use crate::world::Shared;

/// Connections open at one time; further ones wait to be accepted.
const CONNECTIONS_MOST: usize = 4_096;
/// A vendor request's body at the most.
const BODY_MOST: usize = 1024 * 1024;
/// After a connection could not be accepted.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);
/// The longest that a caller may take over its headers.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);

/// Says how a connection is to end.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    reset: AtomicBool,
}

impl Ending {
    /// The connection ends with RST instead of FIN.
    pub(crate) fn reset(&self) {
        self.reset.store(true, Ordering::Release);
    }
}

/// A stream that is reset when it is dropped, if its [`Ending`] says so.
#[derive(Debug)]
struct Wire {
    stream: TcpStream,
    ending: Arc<Ending>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.ending.reset.load(Ordering::Acquire) {
            // Where it fails the peer is gone already, and there is nobody to reset.
            let _gone = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Accepts until the sandbox is stopped; then every connection ends at once.
pub(crate) async fn run(shared: Arc<Shared>, listener: TcpListener, control: Router) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MOST));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => break,
            Some(_ended) = connections.join_next() => continue,
            accepted = accept(&shared, &listener, &room) => accepted,
        };
        // A connection that failed before it was accepted is its caller's matter.
        let Some((stream, permit)) = accepted else { continue };
        let (shared, control) = (Arc::clone(&shared), control.clone());
        connections.spawn(async move {
            serve(shared, control, stream).await;
            drop(permit);
        });
    }
    connections.shutdown().await;
}

async fn accept(
    shared: &Shared,
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _from)) => Some((stream, permit)),
        Err(_failed) => {
            // Out of file descriptors, most likely: others have to end first.
            shared.clock.sleep(ACCEPT_AGAIN).await;
            None
        }
    }
}

async fn serve(shared: Arc<Shared>, control: Router, stream: TcpStream) {
    // Small answers are not to wait for the peer's acknowledgement; where it fails they are merely slower.
    let _slower = stream.set_nodelay(true);
    let ending = Arc::new(Ending::default());
    let wire = Wire { stream, ending: Arc::clone(&ending) };
    let service = service_fn(move |request: Request<Incoming>| {
        let (shared, control, ending) = (Arc::clone(&shared), control.clone(), Arc::clone(&ending));
        async move { answer(shared, control, &ending, request).await }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
    // How a connection ended stands in the list of calls; an error here says it a second time.
    let _recorded = http.serve_connection(TokioIo::new(wire), service).await;
}

async fn answer(
    shared: Arc<Shared>,
    control: Router,
    ending: &Ending,
    request: Request<Incoming>,
) -> Result<Response<Body>, Cut> {
    let path = request.uri().path().to_owned();
    let vendor = Vendor::ALL
        .into_iter()
        .find_map(|vendor| below(&path, vendor.prefix()).map(|rest| (vendor, rest.to_owned())));
    let Some((vendor, rest)) = vendor else {
        return match control.oneshot(request.map(Body::new)).await {
            Ok(response) => Ok(response),
            Err(never) => match never {},
        };
    };
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(Body::new(body), BODY_MOST).await else {
        return Ok(StatusCode::PAYLOAD_TOO_LARGE.into_response());
    };
    let base_url = format!("{}{}", shared.url, vendor.prefix());
    let request = VendorRequest::new(vendor, base_url, &parts, &rest, body);
    perform::perform(&shared, ending, request).await
}

/// The path below a prefix, which ends where a segment does.
fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `http://ADDRESS`, with the loopback address where it listens on all.
pub(crate) fn url(local: SocketAddr) -> String {
    let mut shown = local;
    if local.ip().is_unspecified() {
        shown.set_ip(if local.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    format!("http://{shown}")
}
