use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::FailureKind;

tokio::task_local! {
    static RECORDER: Arc<dyn Recorder>;
}

/// What came of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// The vendor answered with a status.
    Status(u16),
    /// It did not.
    Failed(FailureKind),
}

/// One attempt, redacted: no host, no path parameter, no query, header or body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallTrace {
    /// The method.
    pub method: Method,
    /// The path template; `(link)` for a followed link, `(token)` for a token request, `(hidden)` where it is a secret.
    pub path: String,
    /// 1 for the first.
    pub attempt: u32,
    /// What came of it.
    pub outcome: CallOutcome,
    /// How long it took, reading the answer included.
    pub duration: Duration,
}

/// Receives the trace of every attempt, such as for a request's page. Must not block.
pub trait Recorder: Debug + Send + Sync {
    /// Takes one.
    fn record(&self, trace: CallTrace);
}

/// Runs a future so that every attempt which any client makes within it (in the same task) is recorded as well.
pub async fn record_calls<F: Future>(recorder: Arc<dyn Recorder>, future: F) -> F::Output {
    RECORDER.scope(recorder, future).await
}

/// Writes the event, and tells the client's recorder and the task's.
pub(crate) fn report(connection: &str, own: Option<&Arc<dyn Recorder>>, trace: CallTrace) {
    let millis = u64::try_from(trace.duration.as_millis()).unwrap_or(u64::MAX);
    let (status, failure) = match trace.outcome {
        CallOutcome::Status(status) => (Some(status), None),
        CallOutcome::Failed(kind) => (None, Some(kind.as_str())),
    };
    tracing::debug!(
        vendor.connection = connection,
        vendor.method = trace.method.as_str(),
        vendor.path = trace.path.as_str(),
        vendor.attempt = trace.attempt,
        vendor.status = status,
        vendor.failure = failure,
        vendor.duration_ms = millis,
        "called the vendor"
    );
    if let Some(own) = own {
        own.record(trace.clone());
    }
    // Outside of a scope there is nobody to tell.
    RECORDER.try_with(|recorder| recorder.record(trace)).unwrap_or_default();
}
