//! How webhooks are read and routed today: what a plan, a replay and the lines to paste go by.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use usher_journal::{Request, RequestId, Stored};
use usher_lumos::{Options, Parsed, Payload, PayloadError};

use crate::edge::{Place, Table, arrival};
use crate::routes::{Hook, Routed};

/// Today's configuration, as far as it reads and routes webhooks. The public listener goes by the same.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Which webhook is whose.
    pub table: Arc<dyn Table>,
    /// How payloads are read.
    pub options: Options,
    /// Hash of the configuration.
    pub config: String,
}

/// What would become of a payload.
#[derive(Debug)]
pub(crate) enum Mapped {
    /// It would be accepted and run.
    Runs(Box<Request>),
    /// It would be accepted and ended as refused, with the lines that would mend it.
    Refused(Box<Request>, Option<String>),
    /// It is Lumos's test button.
    Test,
}

/// Why a payload cannot be mapped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotMapped {
    /// Webhooks do not come by this path.
    #[error("{0} takes no webhooks: it begins with /webhooks and ends in /provision or /deprovision")]
    Path(String),
    /// It is no payload of Lumos.
    #[error("{0}")]
    Payload(#[from] PayloadError),
}

impl Mapping {
    /// What would become of a body that came by `path` at `now`.
    pub(crate) fn map(&self, path: &str, body: &[u8], now: Timestamp) -> Result<Mapped, NotMapped> {
        let hook = self.table.hook(path).ok_or_else(|| NotMapped::Path(path.to_owned()))?;
        match usher_lumos::parse(body, hook.direction, &self.options)? {
            Parsed::Empty => Ok(Mapped::Test),
            Parsed::Webhook(payload) => Ok(self.routed(&hook, payload, body, now)),
        }
    }

    fn routed(&self, hook: &Hook, payload: Payload, body: &[u8], now: Timestamp) -> Mapped {
        let routed = self.table.route(hook, &payload, now);
        let (is_refused, paste) = match &routed {
            Routed::Test => return Mapped::Test,
            Routed::Refuse(refuse) => (true, refuse.paste.clone()),
            Routed::Accept(_) => (false, None),
        };
        let place = Place { id: RequestId("plan".to_owned()), hook, now, config: &self.config };
        let (arrival, _) = arrival(place, payload, routed, &Bytes::copy_from_slice(body));
        let request = Box::new(arrival.request);
        if is_refused { Mapped::Refused(request, paste) } else { Mapped::Runs(request) }
    }

    /// What a request comes to today that was not mapped when it arrived. The length of its access is counted from then.
    ///
    /// # Errors
    /// It cannot be run today either, and why.
    pub(crate) fn today(&self, stored: &Stored) -> Result<Request, String> {
        let request = &stored.request;
        if stored.is_without_payload() {
            return Err(
                "what came with it was removed after [journal] keep_payload: it has to be asked for again"
                    .to_owned(),
            );
        }
        match self.map(&request.route, &stored.body, request.received) {
            // What is still refused is told by the engine, in the words of today's refusal.
            Ok(Mapped::Runs(today) | Mapped::Refused(today, _)) => Ok(*today),
            Ok(Mapped::Test) => Err("it is taken for Lumos's test button today: close it".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What would have to be pasted today, for a request as it was received: nothing, once the configuration is mended.
    pub(crate) fn paste(&self, stored: &Stored, now: Timestamp) -> Option<String> {
        match self.map(&stored.request.route, &stored.body, now) {
            Ok(Mapped::Refused(_, paste)) => paste,
            Ok(Mapped::Runs(_) | Mapped::Test) | Err(_) => None,
        }
    }
}
