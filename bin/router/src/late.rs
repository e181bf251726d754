//! Lumos's own API as the engine asks it (rules 25 and 26).

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use usher_core::{Call, Clock, Direction, Priority, SubjectKey};
use usher_engine::{AccessRequest, LONGEST_CALL, Lumos, LumosFault, Progress, Task};
use usher_journal::{Request, Stored};
use usher_lumos::{ApiError, LumosApi, Options, Parsed};

use crate::config::OnLateSuccess;
use crate::routes::Routes;

/// The API, with what the configuration says of payloads and of late successes.
#[derive(Debug)]
pub(crate) struct LumosDesk {
    pub(crate) api: Arc<LumosApi>,
    pub(crate) on_late_success: OnLateSuccess,
    pub(crate) routes: Routes,
    pub(crate) options: Options,
    pub(crate) clock: Arc<dyn Clock>,
}

impl LumosDesk {
    fn call(&self) -> Call {
        let now = self.clock.instant();
        let deadline = now.checked_add(LONGEST_CALL).unwrap_or(now);
        Call { deadline, priority: Priority::Background, idempotency_key: None, part: None }
    }
}

/// The id by which Lumos knows the request; the engine asks only where there is one.
fn id(request: &Request) -> &str {
    request.lumos_request.as_deref().unwrap_or_default()
}

fn fault(error: &ApiError) -> LumosFault {
    let why = error.to_string();
    match error {
        ApiError::NotFound { .. } => LumosFault::NotThere(why),
        ApiError::OutOfReach { sent, after, .. } => {
            LumosFault::OutOfReach { sent: *sent, after: *after, why }
        }
        ApiError::Unauthorized
        | ApiError::Forbidden { .. }
        | ApiError::Several(_)
        | ApiError::Refused { .. } => LumosFault::No(why),
    }
}

#[async_trait]
impl Lumos for LumosDesk {
    async fn access_request(&self, request: &Request) -> Result<AccessRequest, LumosFault> {
        let shown =
            self.api.access_request(&self.call(), id(request)).await.map_err(|error| fault(&error))?;
        let is_another = shown.email.is_some_and(|email| SubjectKey::of(&email) != request.subject_key);
        let progress = match shown.progress {
            _ if is_another => Progress::Another,
            usher_lumos::Progress::Open => Progress::Open,
            usher_lumos::Progress::Ended => Progress::Ended,
            usher_lumos::Progress::Provisioned => Progress::Provisioned,
        };
        Ok(AccessRequest { status: shown.status, progress })
    }

    async fn task(&self, request: &Request) -> Result<Option<Task>, LumosFault> {
        let found = self.api.pending_task(&self.call(), id(request)).await.map_err(|error| fault(&error))?;
        Ok(found.map(|task| Task { id: task.id, manual_steps: task.manual_steps }))
    }

    async fn comment(&self, task: &str, text: &str) -> Result<(), LumosFault> {
        self.api.comment(&self.call(), task, text).await.map_err(|error| fault(&error))
    }

    async fn complete(&self, task: &str) -> Result<(), LumosFault> {
        self.api.complete(&self.call(), task).await.map_err(|error| fault(&error))
    }

    fn completes(&self) -> bool {
        self.on_late_success == OnLateSuccess::Complete
    }

    fn listed(&self, stored: &Stored) -> Option<BTreeSet<String>> {
        // A payload that is not kept any more proves nothing.
        let parsed = usher_lumos::parse(&stored.body, Direction::Provision, &self.options).ok()?;
        let Parsed::Webhook(payload) = parsed else { return None };
        self.routes.listed(&stored.request.app_key, &payload)
    }
}
