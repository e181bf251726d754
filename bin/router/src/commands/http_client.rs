use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use super::Failure;

/// Bytes of an answer, at the most.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// A client to Usher itself. It follows no redirect: Usher sends none, and a credential must not travel.
#[expect(clippy::disallowed_methods, reason = "talks to Usher itself, not to a vendor")]
pub(crate) fn client(timeout: Duration) -> Result<Client, Failure> {
    Client::builder()
        .timeout(timeout)
        .redirect(Policy::none())
        .user_agent(concat!("usher/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Failure::failed(format!("no HTTP client can be made: {error}")))
}

/// The whole body of an answer.
pub(crate) async fn body(mut answer: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            // More than anything of Usher's: what came so far is enough to see that it is not.
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error of the client with its causes, since its own text leaves them out.
pub(crate) fn causes(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}
