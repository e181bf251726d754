use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use usher_core::Clock;

use super::connection::{Connection, turn_away};
use super::progress::{ReceiveLimits, Received};

/// Connections that are told of an overload at the same time; more are closed without a word.
const TURNED_AWAY_AT_ONCE: usize = 256;

/// How long nothing is accepted after accepting has failed (no file handles left, as a rule).
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(200);

/// What one listener takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections.
    pub connections: usize,
    /// From a request's first byte to its last, and from a connection to its first byte.
    pub receive: Duration,
    /// Between two requests of a connection that has shown a secret. Longer than proxies keep theirs (60 s as a
    /// rule), so that it is the proxy that closes: one that sends into a connection being closed loses a webhook.
    pub idle: Duration,
}

/// Why a connection is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// The head of its request did not come in time.
    TooSlow,
    /// Too many connections are open.
    Overloaded,
}

/// What answers the requests of a listener.
pub trait Service: Clone + Send + Sync + Unpin + 'static {
    /// Answers one.
    fn call(
        &self,
        request: Request<Incoming>,
        received: Received,
    ) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

    /// What a connection is told that is not served.
    fn turned_away(&self, why: TurnedAway) -> Response<Vec<u8>>;
}

/// A bound socket that serves HTTP/1.1 within limits.
///
/// HTTP/1.1 alone: there, a request's first byte can be told; and a proxy speaks it to whoever stands behind it.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    limits: Limits,
    clock: Arc<dyn Clock>,
}

impl Listener {
    /// Binds an address.
    ///
    /// # Errors
    /// It is taken, or not this machine's.
    pub async fn bind(address: SocketAddr, limits: Limits, clock: Arc<dyn Clock>) -> io::Result<Self> {
        Ok(Self { socket: TcpListener::bind(address).await?, limits, clock })
    }

    /// The bound address, with the port that the system chose where 0 was asked for.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `stop`; then takes no more, and returns when every request in hand is answered.
    pub async fn serve(self, service: impl Service, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(self.limits.connections));
        let no_places = Arc::new(Semaphore::new(TURNED_AWAY_AT_ONCE));
        let tasks = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = stop.cancelled() => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(error = %error, "a connection could not be accepted");
                    // Until then or until the end, whichever is first.
                    if timeout(AFTER_FAILED_ACCEPT, stop.cancelled()).await.is_ok() {
                        break;
                    }
                    continue;
                }
            };
            if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
                let connection = self.connection(stream, &service, &stop);
                tasks.spawn(async move {
                    connection.run().await;
                    drop(place);
                });
            } else if let Ok(place) = Arc::clone(&no_places).try_acquire_owned() {
                let answer = service.turned_away(TurnedAway::Overloaded);
                tasks.spawn(async move {
                    turn_away(stream, answer).await;
                    drop(place);
                });
            }
        }
        // The system takes connections for as long as the socket is there: nobody would answer them.
        drop(self);
        tasks.close();
        tasks.wait().await;
    }

    fn connection<S: Service>(
        &self,
        stream: TcpStream,
        service: &S,
        stop: &CancellationToken,
    ) -> Connection<S> {
        let limits = ReceiveLimits { receive: self.limits.receive, idle: self.limits.idle };
        Connection {
            stream,
            limits,
            clock: Arc::clone(&self.clock),
            service: service.clone(),
            stop: stop.clone(),
        }
    }
}
