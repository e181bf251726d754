//! The same over HTTP, below `/control`, for processes of their own.

mod vendors;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::fault::{Matcher, Rule};
use crate::history::Reading;
use crate::operation::{Operation, Vendor};
use crate::records::{CallEnd, Effect};
use crate::sandbox::Seed;
use crate::world::Shared;
use crate::{directory, github, lumos, zendesk};

/// A seed's size at the most.
const SEED_MOST: usize = 64 * 1024 * 1024;
/// A long poll's length at the most, and where nothing is said.
const WAIT_MOST: u64 = 120_000;
const WAIT_USUAL: u64 = 10_000;
/// The names that a rule may have, since a misspelt one would let it meet every request.
const RULE_FIELDS: [&str; 9] =
    ["vendor", "operation", "method", "path", "subject", "fault", "times", "skip", "for_ms"];

type Here = State<Arc<Shared>>;

pub(crate) fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(help))
        .route("/control", get(help))
        .route("/control/reset", post(reset))
        .route("/control/seed", post(seed))
        .route("/control/settings", get(settings))
        .route("/control/effects", get(effects))
        .route("/control/calls", get(calls))
        .route("/control/users", get(users))
        .route("/control/seats", get(seats))
        .route("/control/tasks", get(tasks))
        .route("/control/faults", get(faults).post(set_fault).delete(clear_faults))
        .route("/control/faults/{id}", delete(clear_fault))
        .route("/control/release", post(release))
        .route("/control/advance", post(advance))
        .route("/control/wait", get(wait))
        .merge(vendors::routes())
        .layer(DefaultBodyLimit::max(SEED_MOST))
        .with_state(shared)
}

/// What was asked for makes no sense, or is not there.
#[derive(Debug)]
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, text) = self;
        (status, Json(json!({"error": text}))).into_response()
    }
}

fn bad(text: impl Into<String>) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, text.into())
}

fn body<T>(sent: Result<Json<T>, JsonRejection>) -> Result<T, Refusal> {
    sent.map(|Json(value)| value).map_err(|error| bad(error.body_text()))
}

fn parse<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    serde_json::from_value(value).map_err(|error| bad(error.to_string()))
}

async fn help(State(shared): Here) -> Json<Value> {
    let url = &shared.url;
    Json(json!({
        "zendesk": {
            "base_url": format!("{url}/zendesk"),
            "client_id": zendesk::CLIENT_ID,
            "client_secret": zendesk::CLIENT_SECRET,
            "email": zendesk::OWNER_EMAIL,
            "api_token": zendesk::API_TOKEN,
        },
        "lumos": {"base_url": format!("{url}/lumos"), "token": lumos::API_TOKEN},
        "github": {
            "base_url": format!("{url}/github"),
            "org": github::ORG,
            "app": "GET /control/github/app",
            "personal_token": github::PERSONAL_TOKEN,
        },
        "directory": {
            "base_url": format!("{url}/directory"),
            "client_id": directory::CLIENT_ID,
            "client_secret": directory::CLIENT_SECRET,
        },
        "control": [
            "POST /control/reset", "POST /control/seed", "GET /control/settings",
            "GET /control/effects?key=&vendor=&after=", "GET /control/calls?operation=&subject=&after=",
            "GET /control/users?email=", "GET /control/seats", "GET /control/tasks",
            "GET|POST|DELETE /control/faults", "DELETE /control/faults/ID", "POST /control/release?rule=",
            "POST /control/advance?ms=", "GET /control/wait?operation=&subject=&count=&end=&timeout_ms=",
            "GET /control/wait?effects_on=&count=&timeout_ms=",
            "GET /control/github?email=", "GET /control/github/app", "POST /control/github/accept {login}",
            "POST /control/github/lapse {invitee}", "POST /control/github/rename {login, to}",
            "GET /control/directory?email=", "POST /control/directory/finish {state}",
        ],
    }))
}

async fn reset(State(shared): Here) -> StatusCode {
    shared.reset();
    StatusCode::NO_CONTENT
}

async fn seed(State(shared): Here, sent: Result<Json<Seed>, JsonRejection>) -> Result<Json<Value>, Refusal> {
    let ids = shared.seed(&body(sent)?).map_err(bad)?;
    Ok(Json(json!({"user_ids": ids})))
}

async fn settings(State(shared): Here) -> Json<Value> {
    let world = shared.world();
    Json(json!({
        "zendesk": world.zendesk.settings,
        "lumos": world.lumos.settings,
        "github": world.github.settings,
        "directory": world.directory.settings,
    }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EffectsOf {
    key: Option<String>,
    vendor: Option<Vendor>,
    after: Option<u64>,
}

async fn effects(State(shared): Here, Query(of): Query<EffectsOf>) -> Json<Value> {
    shared.pass_time();
    let key = of.key.map(|key| key.to_lowercase());
    let world = shared.world();
    let found: Vec<&Effect> = world
        .records
        .effects()
        .iter()
        .filter(|effect| key.as_ref().is_none_or(|key| effect.key.to_lowercase() == *key))
        .filter(|effect| of.vendor.is_none_or(|vendor| effect.vendor == vendor))
        .filter(|effect| of.after.is_none_or(|after| effect.n > after))
        .collect();
    Json(json!({"count": found.len(), "effects": found}))
}

/// A [`Matcher`] and more, as a query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CallsOf {
    vendor: Option<Vendor>,
    operation: Option<Operation>,
    method: Option<String>,
    path: Option<String>,
    subject: Option<String>,
    end: Option<CallEnd>,
    after: Option<u64>,
    count: Option<usize>,
    timeout_ms: Option<u64>,
    effects_on: Option<String>,
}

impl CallsOf {
    fn matcher(&self) -> Matcher {
        Matcher {
            vendor: self.vendor,
            operation: self.operation,
            method: self.method.clone(),
            path: self.path.clone(),
            subject: self.subject.clone(),
        }
    }
}

async fn calls(State(shared): Here, Query(of): Query<CallsOf>) -> Json<Value> {
    let mut found = shared.calls_to(&of.matcher(), of.end);
    found.retain(|call| of.after.is_none_or(|after| call.n > after));
    Json(json!({"count": found.len(), "calls": found}))
}

/// A long poll: 200 with what came once there is enough of it, 408 when there was not in time.
async fn wait(State(shared): Here, Query(of): Query<CallsOf>) -> Response {
    let within = Duration::from_millis(of.timeout_ms.unwrap_or(WAIT_USUAL).min(WAIT_MOST));
    let wanted = of.count.unwrap_or(1);
    let after = of.after.unwrap_or(0);
    let shown = if let Some(key) = &of.effects_on {
        let key = key.to_lowercase();
        let look = |shared: &Shared| {
            shared.pass_time();
            let world = shared.world();
            let mine = |effect: &&Effect| effect.n > after && effect.key.to_lowercase() == key;
            world.records.effects().iter().filter(mine).cloned().collect()
        };
        shared.wait(wanted, within, look).await.map(|seen| shown("effects", &seen))
    } else {
        let matcher = of.matcher();
        let look = |shared: &Shared| {
            let mut seen = shared.calls_to(&matcher, of.end);
            seen.retain(|call| call.n > after);
            seen
        };
        shared.wait(wanted, within, look).await.map(|seen| shown("calls", &seen))
    };
    match shown {
        Ok(seen) => Json(seen).into_response(),
        Err(late) => Refusal(StatusCode::REQUEST_TIMEOUT, late.to_string()).into_response(),
    }
}

fn shown<T: Serialize>(name: &str, seen: &[T]) -> Value {
    json!({"count": seen.len(), name: seen})
}

/// Whom the truth is wanted about: everybody where nothing is said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UsersOf {
    email: Option<String>,
}

impl UsersOf {
    fn fits(&self, address: &str) -> bool {
        self.email.as_ref().is_none_or(|email| email.to_lowercase() == address.to_lowercase())
    }
}

async fn users(State(shared): Here, Query(of): Query<UsersOf>) -> Json<Value> {
    let world = shared.world();
    let found = world
        .zendesk
        .users(Reading::Now)
        .filter(|user| of.email.as_ref().is_none_or(|email| user.bears(email)))
        .map(|user| world.zendesk.state(&user));
    Json(json!({"users": found.collect::<Vec<_>>()}))
}

async fn seats(State(shared): Here) -> Json<Value> {
    let world = shared.world();
    Json(json!({"taken": world.zendesk.seats_taken(), "most": world.zendesk.settings.max_agents}))
}

async fn tasks(State(shared): Here) -> Json<Value> {
    let world = shared.world();
    let found: Vec<_> = world.lumos.tasks(Reading::Now).map(|task| json!(*task)).collect();
    Json(json!({"tasks": found}))
}

async fn faults(State(shared): Here) -> Json<Value> {
    let now = shared.clock.now();
    Json(json!({"faults": shared.world().switch.rules(now)}))
}

async fn set_fault(
    State(shared): Here,
    sent: Result<Json<Value>, JsonRejection>,
) -> Result<Response, Refusal> {
    let sent = body(sent)?;
    let names = sent.as_object().into_iter().flat_map(|fields| fields.keys());
    if let Some(unknown) = names.clone().find(|name| !RULE_FIELDS.contains(&name.as_str())) {
        return Err(bad(format!("a rule has no field {unknown:?}: it has {}", RULE_FIELDS.join(", "))));
    }
    let rule: Rule = parse(sent)?;
    let now = shared.clock.now();
    let id = shared.world().switch.set(rule, now).map_err(bad)?;
    Ok((StatusCode::CREATED, Json(json!({"id": id}))).into_response())
}

async fn clear_faults(State(shared): Here) -> Json<Value> {
    Json(json!({"cleared": shared.world().switch.clear(None)}))
}

async fn clear_fault(State(shared): Here, Path(id): Path<u64>) -> Response {
    match shared.world().switch.clear(Some(id)) {
        0 => Refusal(StatusCode::NOT_FOUND, format!("there is no fault rule {id}")).into_response(),
        _ => StatusCode::NO_CONTENT.into_response(),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReleaseOf {
    rule: Option<u64>,
}

async fn release(State(shared): Here, Query(of): Query<ReleaseOf>) -> Json<Value> {
    Json(json!({"released": shared.world().switch.release(of.rule)}))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AdvanceBy {
    ms: u64,
}

async fn advance(State(shared): Here, Query(by): Query<AdvanceBy>) -> Json<Value> {
    shared.clock.advance(Duration::from_millis(by.ms));
    shared.pass_time();
    Json(json!({"now_ms": crate::records::millis(shared.clock.now())}))
}
