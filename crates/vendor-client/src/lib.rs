//! The one HTTP client to vendors: authentication, budgets, retries, limits, redaction and a trace of every call.
//!
//! A connector builds a [`VendorClient`] from its [`usher_core::Ports`] and [`ClientSettings`], and sends
//! [`VendorRequest`]s. What comes back is a [`VendorResponse`] with any status, or a [`VendorFailure`] that says whether
//! the request may have reached the vendor. Below it stands a [`usher_core::Transport`]: [`ReqwestTransport`], or a
//! test's script.

mod auth;
mod client;
mod exchange;
mod failure;
mod limits;
mod path;
mod request;
mod response;
mod secrets;
mod settings;
mod throttle;
mod trace;
mod transport;

pub use auth::{
    Auth, JwtAlgorithm, JwtExchange, JwtSettings, OAuthClientCredentials, SecretBy, Token, TokenBody,
    TokenSource,
};
pub use client::VendorClient;
pub use failure::{FailureKind, VendorFailure};
pub use limits::{LimitSettings, Limits};
pub use request::VendorRequest;
pub use response::VendorResponse;
pub use secrets::EnvAndFileSecrets;
pub use settings::{ClientSettings, base_url};
pub use throttle::{ThrottleRule, retry_after, throttled_by_429, throttled_like_github};
pub use trace::{CallOutcome, CallTrace, Recorder, record_calls};
pub use transport::{ReqwestTransport, TransportSettings, is_private};
