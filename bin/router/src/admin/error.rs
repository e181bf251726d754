use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use usher_engine::OperateError;
use usher_journal::{JournalError, RequestId};

use super::view::ErrorView;

/// What an operator's call is refused with: a status, and one sentence that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) sentence: String,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into() }
    }

    pub(crate) fn invalid(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence)
    }

    pub(crate) fn forbidden(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, sentence)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "send the token of one of [admin.operators] as Authorization: Bearer TOKEN",
        )
    }

    pub(crate) fn no_request(id: &RequestId) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("there is no request {id}, or it was older than [journal] keep: see usher requests list"),
        )
    }
}

impl From<JournalError> for ApiError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::NoSuchRequest(id) => Self::no_request(&id),
            JournalError::Corrupt(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            JournalError::Unusable(_) | JournalError::OutOfReach(_) | JournalError::Lost(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }
        }
    }
}

impl From<OperateError> for ApiError {
    fn from(error: OperateError) -> Self {
        match error {
            OperateError::NotFound(id) => Self::no_request(&id),
            OperateError::Conflict(sentence) => Self::new(StatusCode::CONFLICT, sentence),
            OperateError::Journal(error) => error.into(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(ErrorView { error: self.sentence })).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
