//! The public listener: takes webhooks in, and answers them in time whatever happens.

mod arrival;
mod body;
mod connection;
mod credentials;
mod listener;
mod ports;
mod progress;
mod webhooks;

pub use listener::{Limits, Listener, Service, TurnedAway};
pub use ports::{Deliver, Table};
pub use progress::Received;
pub use webhooks::{Counts, REQUEST_ID_HEADER, Webhooks, WebhooksParts};

pub(crate) use arrival::{Place, arrival};
pub(crate) use credentials::{digest, presented};
pub(crate) use webhooks::probe;
