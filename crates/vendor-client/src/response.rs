use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use usher_core::{Fault, Refusal, RefusalKind, Remedy, Sent};

use crate::{FailureKind, VendorFailure};

/// What a vendor answered: any status but its rate limit's. `Debug` shows the status and the body's length.
#[derive(Clone)]
pub struct VendorResponse {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Bytes,
    /// Whether the request altered something, or would have.
    pub(crate) changes: bool,
    /// How long the vendor asks to wait, by `Retry-After`.
    pub(crate) after: Option<Duration>,
}

impl VendorResponse {
    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status.is_success()
    }

    /// A header's value, if there is one and it is text.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON of a type.
    ///
    /// # Errors
    /// [`FailureKind::Unreadable`], with line and column of the mistake and without the body's text.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, VendorFailure> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let what = match error.classify() {
                serde_json::error::Category::Data => "has not the documented form",
                _ => "is not JSON",
            };
            let message = format!(
                "the vendor's answer ({}) {what}, at line {} column {}",
                self.status.as_u16(),
                error.line(),
                error.column()
            );
            VendorFailure::answered(FailureKind::Unreadable, self.status, message).of_a_change(self.changes)
        })
    }

    /// The body as any JSON.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub fn json_value(&self) -> Result<Value, VendorFailure> {
        self.json()
    }

    /// Whether the body contains a text, such as an error's name, letter by letter.
    #[must_use]
    pub fn text_contains(&self, text: &str) -> bool {
        let text = text.as_bytes();
        text.is_empty() || self.body.windows(text.len()).any(|window| window == text)
    }

    /// The answer itself if its status is 2xx.
    ///
    /// # Errors
    /// [`Self::fault`] else.
    pub fn success(self, operation: &str, template: &str) -> Result<Self, Fault> {
        if self.is_success() { Ok(self) } else { Err(self.fault(operation, template)) }
    }

    /// What a status means where the vendor's own rules do not say more: for whatever a connector has not classified.
    ///
    /// 401 needs a person; 403, 404, 400, 409, 422 and the like are a definite no; after 5xx, 408 and a redirect a read
    /// may be tried again, while a change may have been made and is read back.
    #[must_use]
    pub fn fault(&self, operation: &str, template: &str) -> Fault {
        let unclear = || if self.changes { Remedy::ReadBack } else { Remedy::Retry { after: self.after } };
        let refused = |kind, sentence: &str| Remedy::Refused(Refusal::new(kind, sentence));
        let (sent, remedy) = match self.status {
            StatusCode::UNAUTHORIZED => (Sent::Yes, Remedy::Person),
            StatusCode::FORBIDDEN => (
                Sent::Yes,
                refused(RefusalKind::Forbidden, "The vendor forbids it: check the credential's rights."),
            ),
            StatusCode::REQUEST_TIMEOUT => (Sent::Maybe, unclear()),
            StatusCode::TOO_MANY_REQUESTS => (Sent::Yes, Remedy::Throttled { after: self.after }),
            status if status.is_client_error() => {
                (Sent::Yes, refused(RefusalKind::Invalid, "The vendor does not accept the request."))
            }
            status if status.is_server_error() => (Sent::Maybe, unclear()),
            _ => (Sent::Yes, if self.changes { Remedy::ReadBack } else { Remedy::Person }),
        };
        Fault::new(operation, sent, remedy).with("path", template).with("status", self.status.as_str())
    }
}

impl fmt::Debug for VendorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VendorResponse")
            .field("status", &self.status)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}
