use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use http::StatusCode;
use usher_engine::BreakerView;
use usher_journal::Pause;

use super::requests::reason;
use super::service::{Answer, Parted, parameter};
use super::view::{ConnectionInfo, ConnectionView, ConnectionsView};
use super::{AdminParts, ApiError, Operator};

pub(crate) async fn list(State(parts): Parted, _: Operator) -> Answer<ConnectionsView> {
    let pauses = parts.engine.pauses().await;
    let mut breakers = parts.engine.breakers().await;
    let view = |info: &ConnectionInfo| view(info, pauses.get(&info.name), breakers.remove(&info.name));
    Ok(Json(ConnectionsView { connections: parts.connections.iter().map(view).collect() }))
}

pub(crate) async fn pause(
    State(parts): Parted,
    operator: Operator,
    name: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Answer<ConnectionView> {
    operator.may_change()?;
    let info = find(&parts, name)?;
    let pause = Pause { by: operator.name, reason: reason(body)?, since: parts.clock.now() };
    parts.engine.pause(&info.name, Some(pause.clone())).await?;
    tracing::warn!(connection = %info.name, operator = %pause.by, reason = %pause.reason, "paused");
    let breaker = parts.engine.breakers().await.remove(&info.name);
    Ok(Json(view(info, Some(&pause), breaker)))
}

pub(crate) async fn resume(
    State(parts): Parted,
    operator: Operator,
    name: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Answer<ConnectionView> {
    operator.may_change()?;
    let info = find(&parts, name)?;
    let reason = reason(body)?;
    parts.engine.pause(&info.name, None).await?;
    tracing::warn!(connection = %info.name, operator = %operator.name, reason = %reason, "resumed");
    let breaker = parts.engine.breakers().await.remove(&info.name);
    Ok(Json(view(info, None, breaker)))
}

fn find(parts: &AdminParts, name: Result<Path<String>, PathRejection>) -> Result<&ConnectionInfo, ApiError> {
    let name = parameter(name)?;
    parts.connections.iter().find(|info| info.name == name).ok_or_else(|| {
        let known: Vec<&str> = parts.connections.iter().map(|info| info.name.as_str()).collect();
        ApiError::new(
            StatusCode::NOT_FOUND,
            format!("there is no connection {name}: the configuration has {}", known.join(", ")),
        )
    })
}

fn view(info: &ConnectionInfo, pause: Option<&Pause>, breaker: Option<BreakerView>) -> ConnectionView {
    ConnectionView {
        name: info.name.clone(),
        connector: info.connector.clone(),
        apps: info.apps.clone(),
        paused: pause.map(Into::into),
        breaker,
        limit: info.limiter.as_ref().and_then(|limiter| limiter.state()).map(Into::into),
    }
}
