use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use http::{HeaderValue, Request, Response, header};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service as HyperService;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use usher_core::Clock;

use super::listener::{Service, TurnedAway};
use super::progress::{Progress, ReceiveLimits, Received, Timed};

/// Headers of one request, and the bytes of its head.
const MAX_HEADERS: usize = 64;
const MAX_HEAD: usize = 16 * 1024;
/// What one connection buffers.
const BUFFER: usize = 32 * 1024;
/// How much of what a sender still sends is read after its answer, and for how long: a socket that is closed with
/// unread bytes in it is reset, and the sender never sees its answer.
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 1024 * 1024;

/// One accepted connection.
pub(crate) struct Connection<S> {
    pub(crate) stream: TcpStream,
    pub(crate) limits: ReceiveLimits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) service: S,
    pub(crate) stop: CancellationToken,
}

enum End {
    /// hyper has done with it.
    Over,
    /// It took too long.
    Due,
}

impl<S: Service> Connection<S> {
    pub(crate) async fn run(self) {
        // Answers are small and each is awaited: no reason to hold one back.
        if let Err(error) = self.stream.set_nodelay(true) {
            tracing::debug!(error = %error, "no TCP_NODELAY");
        }
        let progress = Arc::new(Progress::new(self.limits, self.clock.instant()));
        let io = Timed { io: self.stream, progress: Arc::clone(&progress), clock: Arc::clone(&self.clock) };
        let on_connection = OnConnection {
            service: self.service.clone(),
            progress: Arc::clone(&progress),
            clock: self.clock,
            receive: self.limits.receive,
        };
        let mut connection = http1::Builder::new()
            .header_read_timeout(None)
            // Whoever closes may have closed their half alone: nobody can tell, and a yes that was not heard must not count as told.
            .half_close(false)
            .max_headers(MAX_HEADERS)
            .max_header_size(MAX_HEAD)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(io), on_connection);
        let end = drive(&mut connection, &progress, &self.stop).await;
        let stream = connection.into_parts().io.into_inner().io;
        match end {
            Over => hang_up(stream).await,
            Due if progress.is_receiving() => {
                turn_away(stream, self.service.turned_away(TurnedAway::TooSlow)).await;
            }
            Due => {}
        }
    }
}

use End::{Due, Over};

type Http<S> = http1::Connection<TokioIo<Timed<TcpStream>>, OnConnection<S>>;

async fn drive<S: Service>(connection: &mut Http<S>, progress: &Progress, stop: &CancellationToken) -> End {
    let mut stopped = pin!(stop.cancelled());
    let mut is_stopping = false;
    let mut alarm: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|cx| {
        if !is_stopping && stopped.as_mut().poll(cx).is_ready() {
            is_stopping = true;
            Pin::new(&mut *connection).graceful_shutdown();
        }
        // What it fails with is the sender's doing (gone, or no HTTP): hyper has answered what could be.
        if connection.poll_without_shutdown(cx).is_ready() {
            return Poll::Ready(Over);
        }
        match progress.due() {
            Some(due) if rings(&mut alarm, due, cx) => Poll::Ready(Due),
            _ => Poll::Pending,
        }
    })
    .await
}

fn rings(alarm: &mut Option<Pin<Box<Sleep>>>, due: Instant, cx: &mut Context<'_>) -> bool {
    let alarm = alarm.get_or_insert_with(|| Box::pin(sleep_until(due)));
    if alarm.deadline() != due {
        alarm.as_mut().reset(due);
    }
    alarm.as_mut().poll(cx).is_ready()
}

/// Says one thing and closes, whatever was sent.
pub(crate) async fn turn_away(mut stream: TcpStream, answer: Response<Vec<u8>>) {
    let (parts, body) = answer.into_parts();
    let mut head = format!("HTTP/1.1 {}\r\n", parts.status);
    for (name, value) in &parts.headers {
        if let Ok(value) = value.to_str() {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    head.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()));
    let mut bytes = head.into_bytes();
    bytes.extend(body);
    if let Ok(Ok(())) = timeout(LINGER, stream.write_all(&bytes)).await {
        hang_up(stream).await;
    }
}

async fn hang_up(mut stream: TcpStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut left = LINGER_BYTES;
    let mut scratch = [0_u8; 4096];
    let drain = async {
        while left > 0 {
            match stream.read(&mut scratch).await {
                Ok(0) | Err(_) => break,
                Ok(read) => left = left.saturating_sub(read),
            }
        }
    };
    if timeout(LINGER, drain).await.is_err() {
        tracing::debug!("a sender that goes on after its answer is cut off");
    }
}

/// A listener's service on one connection.
pub(crate) struct OnConnection<S> {
    service: S,
    progress: Arc<Progress>,
    clock: Arc<dyn Clock>,
    receive: Duration,
}

impl<S: Service> HyperService<Request<Incoming>> for OnConnection<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let began = self.progress.head(self.clock.instant());
        let received =
            Received { began, whole_by: began + self.receive, progress: Arc::clone(&self.progress) };
        if request.body().is_end_stream() {
            received.whole();
        }
        let answer = self.service.call(request, received);
        let (progress, clock) = (Arc::clone(&self.progress), Arc::clone(&self.clock));
        Box::pin(async move {
            let mut answer = answer.await;
            if !progress.answered(clock.instant()) {
                // What is left of a body would be taken for the next request, or be waited for.
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(answer)
        })
    }
}
