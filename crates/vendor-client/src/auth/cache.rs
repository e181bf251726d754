use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderValue;
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use usher_core::{Clock, Sent};

use super::{TokenSource, bearer};
use crate::{FailureKind, VendorFailure};

/// A token is renewed this long before it ends, or a tenth of its life before, whichever is less.
const EARLY: Duration = Duration::from_secs(60);

/// The header of a token, and which of the tokens it is.
#[derive(Clone, Debug)]
pub(crate) struct CachedToken {
    pub(crate) header: HeaderValue,
    /// Counts tokens, so that a 401 discards the one it was about and no newer one.
    pub(crate) number: u64,
    renew: Option<Timestamp>,
    expires: Option<Timestamp>,
}

/// Keeps one token. Any number of calls that need a new one at once make a single request for it.
#[derive(Debug)]
pub(crate) struct TokenCache {
    source: Arc<dyn TokenSource>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Attempts that have ended, so that whoever waited for one knows that it was made for him too.
    ended: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    token: Option<CachedToken>,
    issued: u64,
    failure: Option<VendorFailure>,
}

impl TokenCache {
    pub(crate) fn new(source: Arc<dyn TokenSource>, clock: Arc<dyn Clock>) -> Self {
        Self { source, clock, state: Mutex::default(), ended: AtomicU64::new(0) }
    }

    /// A token that is good for now; `rejected` is one that the vendor did not accept.
    pub(crate) async fn token(
        &self,
        deadline: Instant,
        rejected: Option<u64>,
    ) -> Result<CachedToken, VendorFailure> {
        let ended_before = self.ended.load(Ordering::Acquire);
        let Ok(mut state) = timeout_at(deadline, self.state.lock()).await else {
            return Err(VendorFailure::before_sending(
                FailureKind::NoTime,
                "the time was over before a token could be had",
            ));
        };
        if state.token.as_ref().is_some_and(|token| Some(token.number) == rejected) {
            state.token = None;
        }
        let now = self.clock.now();
        if let Some(token) = state.token.as_ref().filter(|token| token.renew.is_none_or(|renew| now < renew))
        {
            return Ok(token.clone());
        }
        // The attempt that this call waited for has failed in a way that a second one would not mend.
        if let Some(failure) =
            state.failure.as_ref().filter(|_| self.ended.load(Ordering::Acquire) > ended_before)
        {
            return Err(failure.clone());
        }
        let fetched = self.fetch(&mut state, deadline).await;
        self.ended.fetch_add(1, Ordering::AcqRel);
        match fetched {
            Ok(token) => Ok(token),
            Err(failure) => {
                let lasting = matches!(failure.kind, FailureKind::Credential | FailureKind::Throttled);
                state.failure = lasting.then(|| failure.clone());
                // Renewing early leaves a token that is still good, if only for a moment.
                let now = self.clock.now();
                match state.token.clone().filter(|token| token.expires.is_none_or(|end| now < end)) {
                    Some(token) => Ok(token),
                    None => Err(failure),
                }
            }
        }
    }

    async fn fetch(&self, state: &mut State, deadline: Instant) -> Result<CachedToken, VendorFailure> {
        let asked = self.clock.now();
        // Whatever happened to the token request: the call that waits for it was not sent.
        let token = self
            .source
            .fetch(deadline)
            .await
            .map_err(|failure| VendorFailure { sent: Sent::No, ..failure })?;
        let header = bearer(&token.secret).ok_or_else(|| {
            VendorFailure::before_sending(
                FailureKind::Unreadable,
                "the token has characters that no header may have",
            )
        })?;
        state.issued += 1;
        state.failure = None;
        let token = CachedToken {
            header,
            number: state.issued,
            renew: token.expires.map(|end| renewal(asked, end)),
            expires: token.expires,
        };
        state.token = Some(token.clone());
        Ok(token)
    }
}

fn renewal(asked: Timestamp, end: Timestamp) -> Timestamp {
    let life = Duration::try_from(end.duration_since(asked)).unwrap_or(Duration::ZERO);
    end.checked_sub(EARLY.min(life / 10)).unwrap_or(end)
}
