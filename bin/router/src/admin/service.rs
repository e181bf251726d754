use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Query, State};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::time::timeout_at;
use tower::ServiceExt;
use usher_core::Clock;
use usher_lumos::HostPattern;

use super::view::ConnectionInfo;
use super::{
    ApiError, Backups, Mapping, Operate, Operator, Operators, backup, connections, holdings, plan, requests,
};
use crate::edge::{self, Received, TurnedAway, probe};

/// Bytes of a body that changes something: a reason has 1,000 characters at the most.
const MAX_BODY: usize = 16 * 1024;

/// From a call's first byte to its answer. A replay answers when it is journaled, not when it is done.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// What the admin listener is put together from.
pub struct AdminParts {
    /// What operators reach.
    pub engine: Arc<dyn Operate>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Who may call.
    pub operators: Operators,
    /// The configured connections.
    pub connections: Vec<ConnectionInfo>,
    /// Hosts whose task addresses become links.
    pub task_url_hosts: Vec<HostPattern>,
    /// How webhooks are read and routed today.
    pub mapping: Mapping,
    /// Where copies of the journal stand until they are sent.
    pub backups: Backups,
    /// Whether it listens on loopback: then calls for other hosts are refused (DNS rebinding).
    pub loopback: bool,
}

impl fmt::Debug for AdminParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminParts").field("operators", &self.operators).finish_non_exhaustive()
    }
}

/// The service of the admin listener.
#[derive(Clone, Debug)]
pub struct Admin {
    parts: Arc<AdminParts>,
    router: Router,
}

impl Admin {
    /// A service.
    #[must_use]
    pub fn new(parts: AdminParts) -> Self {
        let parts = Arc::new(parts);
        let router = Router::new()
            .route("/api/v1/requests", get(requests::list))
            .route("/api/v1/requests/{id}", get(requests::show))
            .route("/api/v1/requests/{id}/replay", post(requests::replay))
            .route("/api/v1/requests/{id}/close", post(requests::close))
            .route("/api/v1/holdings", get(holdings::list))
            .route("/api/v1/plan", post(plan::plan).layer(DefaultBodyLimit::max(plan::MAX_PAYLOAD)))
            .route(backup::PATH, post(backup::backup))
            .route("/api/v1/connections", get(connections::list))
            .route("/api/v1/connections/{name}/pause", post(connections::pause))
            .route("/api/v1/connections/{name}/resume", post(connections::resume))
            .fallback(no_such_path)
            .method_not_allowed_fallback(no_such_method)
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(Arc::clone(&parts));
        Self { parts, router }
    }

    async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        if self.parts.loopback && !names_loopback(request.headers(), request.uri().host()) {
            return ApiError::new(
                StatusCode::MISDIRECTED_REQUEST,
                "call this listener by its address or as localhost",
            )
            .into_response();
        }
        match request.uri().path() {
            "/livez" => probe(request.method(), true),
            "/readyz" => probe(request.method(), self.parts.engine.is_ready().await),
            _ => match self.router.oneshot(request.map(Body::new)).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
        }
    }
}

impl edge::Service for Admin {
    fn call(
        &self,
        request: Request<Incoming>,
        received: Received,
    ) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        // Before the body: there is nothing to keep a connection open for without a token.
        if self.parts.operators.admit(request.headers()).is_some() {
            received.prove();
        }
        let admin = self.clone();
        let within = if request.uri().path() == backup::PATH { backup::READY_WITHIN } else { ANSWER_WITHIN };
        Box::pin(async move {
            // A task of its own: what was begun is not cut off where the caller hangs up.
            let work = tokio::spawn(admin.answer(request));
            let mut response = match timeout_at(received.began + within, work).await {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => {
                    tracing::error!(panicked = error.is_panic(), "an admin call's task broke off");
                    ApiError::new(
                        StatusCode::INTERNAL_SERVER_ERROR,
                        "Usher met a fault of its own: see its log",
                    )
                    .into_response()
                }
                Err(_) => ApiError::new(
                    StatusCode::GATEWAY_TIMEOUT,
                    "this took too long: look whether it was done before you try again",
                )
                .into_response(),
            };
            response.headers_mut().insert(header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
            response
        })
    }

    fn turned_away(&self, why: TurnedAway) -> Response<Vec<u8>> {
        let (status, sentence) = match why {
            TurnedAway::TooSlow => {
                (StatusCode::REQUEST_TIMEOUT, "the call did not arrive in time: send it again")
            }
            TurnedAway::Overloaded => {
                (StatusCode::SERVICE_UNAVAILABLE, "too many connections are open: try again in a second")
            }
        };
        let body = serde_json::json!({ "error": sentence }).to_string().into_bytes();
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        response
    }
}

async fn no_such_path(_: Operator) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "there is nothing here: the API begins at /api/v1/requests")
}

async fn no_such_method(_: Operator, method: Method) -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not taken here: see the Allow header"))
}

/// Whether the call names this machine, as far as a page that was rebound to 127.0.0.1 cannot: by an IP address or as
/// `localhost`.
fn names_loopback(headers: &HeaderMap, target: Option<&str>) -> bool {
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok()).or(target);
    let Some(named) = named else { return false };
    let Ok(authority) = named.parse::<http::uri::Authority>() else { return false };
    let host = authority.host();
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
}

impl FromRequestParts<Arc<AdminParts>> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(head: &mut Parts, parts: &Arc<AdminParts>) -> Result<Self, ApiError> {
        parts.operators.admit(&head.headers).cloned().ok_or_else(ApiError::unauthorized)
    }
}

/// The listener's parts, as handlers take them.
pub(crate) type Parted = State<Arc<AdminParts>>;

/// A path's one parameter, refused in our own words.
pub(crate) fn parameter(
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Result<String, ApiError> {
    path.map(|Path(text)| text)
        .map_err(|_| ApiError::invalid("the path is no UTF-8: see usher requests list"))
}

/// A query, refused in our own words.
pub(crate) fn query<T>(
    query: Result<Query<T>, axum::extract::rejection::QueryRejection>,
) -> Result<T, ApiError> {
    query.map(|Query(query)| query).map_err(|rejection| {
        ApiError::invalid(format!("the query cannot be read: {}", rejection.body_text()))
    })
}

/// A JSON body, whatever its `Content-Type`.
pub(crate) fn json<T: DeserializeOwned>(
    body: Result<axum::body::Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<T, ApiError> {
    let body = body.map_err(|rejection| {
        ApiError::new(rejection.status(), format!("send a body of at most {MAX_BODY} bytes"))
    })?;
    serde_json::from_slice(&body)
        .map_err(|error| ApiError::invalid(format!("send {{\"reason\": \"…\"}} as the body ({error})")))
}

/// A page of something, or one of it.
pub(crate) type Answer<T> = Result<Json<T>, ApiError>;
