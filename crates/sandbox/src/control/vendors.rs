//! What only one vendor has: GitHub's invitees and App, and the directory's operations.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Here, Refusal, UsersOf, bad, body};
use crate::directory::OperationState;
use crate::github::AppKey;
use crate::world::Shared;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/control/github", get(github))
        .route("/control/github/app", get(app))
        .route("/control/github/accept", post(accept))
        .route("/control/github/lapse", post(lapse))
        .route("/control/github/rename", post(rename))
        .route("/control/directory", get(directory))
        .route("/control/directory/finish", post(finish))
}

async fn github(State(shared): Here, Query(of): Query<UsersOf>) -> Json<Value> {
    shared.pass_time();
    let now = shared.clock.now();
    let world = shared.world();
    let github = &world.github;
    let mut accounts = github.account_states();
    let mut invitations = github.invitation_states(now);
    if of.email.is_some() {
        accounts.retain(|account| account.emails.iter().any(|email| of.fits(email)));
        let is_theirs = |login: &str| accounts.iter().any(|account| account.login == login);
        invitations.retain(|one| {
            one.email.as_deref().is_some_and(|email| of.fits(email))
                || one.login.as_deref().is_some_and(is_theirs)
        });
    }
    Json(json!({
        "accounts": accounts,
        "invitations": invitations,
        "owners": github.owners(),
        "seats": {"taken": github.seats_taken(), "most": github.settings.seats},
    }))
}

/// The private key opens a stand-in and nothing else.
async fn app(State(shared): Here) -> Result<Json<Value>, Refusal> {
    let key = AppKey::shared();
    let key = key.map_err(|error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let world = shared.world();
    let settings = &world.github.settings;
    Ok(Json(json!({
        "org": settings.org,
        "app_id": settings.app_id,
        "client_id": settings.app_client_id,
        "installation_id": settings.installation_id,
        "private_key": key.private_pem(),
    })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AcceptedBy {
    login: String,
}

async fn accept(
    State(shared): Here,
    sent: Result<Json<AcceptedBy>, JsonRejection>,
) -> Result<StatusCode, Refusal> {
    shared.accept_invitation(&body(sent)?.login).map_err(bad)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LapsedOf {
    invitee: String,
}

async fn lapse(
    State(shared): Here,
    sent: Result<Json<LapsedOf>, JsonRejection>,
) -> Result<StatusCode, Refusal> {
    shared.let_invitation_lapse(&body(sent)?.invitee).map_err(bad)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Renamed {
    login: String,
    to: String,
}

async fn rename(
    State(shared): Here,
    sent: Result<Json<Renamed>, JsonRejection>,
) -> Result<StatusCode, Refusal> {
    let Renamed { login, to } = body(sent)?;
    shared.rename_account(&login, &to).map_err(bad)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn directory(State(shared): Here, Query(of): Query<UsersOf>) -> Json<Value> {
    shared.pass_time();
    let mut people = shared.world().directory.states();
    people.retain(|person| of.fits(&person.email));
    Json(json!({"people": people}))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Finished {
    state: OperationState,
}

async fn finish(
    State(shared): Here,
    sent: Result<Json<Finished>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let finished = shared.finish_operations(body(sent)?.state).map_err(bad)?;
    Ok(Json(json!({"finished": finished})))
}
