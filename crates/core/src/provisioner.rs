use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    Action, Asked, ConfigError, Facet, Fault, Goal, Handles, Part, Plan, Ports, Receipt, Slots, Snapshot,
    Subject, Watch,
};

/// Who is served first where a vendor's limit is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Access that has to go.
    Revoke,
    /// Somebody waits for the answer.
    Answering,
    /// Nobody waits.
    Background,
    /// Drift and checks.
    Report,
}

/// The terms of one call to a connector. It may make several requests; all are over by `deadline`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Monotonic.
    pub deadline: Instant,
    /// Who waits.
    pub priority: Priority,
    /// For a vendor that honours one: the same for the same change.
    pub idempotency_key: Option<String>,
    /// Which request it belongs to, for limits; `None`: it stands for itself.
    pub part: Option<Part>,
}

/// What is known of a subject from before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Known {
    /// Vendor ids. One counts only if its account still bears the address: addresses are recycled.
    pub handles: Handles,
    /// Changes that the vendor has accepted and not finished.
    pub watches: Vec<Watch>,
    /// When the latest invitation was intended, if one may be open: from before it was sent until a reading settles it, or our
    /// cancelling was answered (rule 23). While it is `Some`, [`crate::Hold::Absent`] of a facet says that the connector *vouches*
    /// for it: the vendor lists an invitation of that time or later as lapsed, failed or cancelled, or shows with authority that
    /// the person has neither an invitation nor access. Where the invitation is merely not seen, the facet is
    /// [`crate::Hold::Unreadable`]: nothing is sent then, and nothing is called removed.
    pub invited: Option<Timestamp>,
}

/// One thing that a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether requests would fail over it.
    pub fatal: bool,
    /// What is so.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// What is wrong or will be.
    pub findings: Vec<Finding>,
    /// Paid seats left, where the vendor tells.
    pub seats_left: Option<u32>,
}

/// What a connector, or one of its connections, can do beyond granting and removing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// A grant may end in an invitation that only the invitee can accept.
    pub invites: bool,
    /// Such an invitation counts as provisioned where `counts_as_provisioned` says nothing (rule 22).
    pub counts_invited: bool,
    /// `remove_account` works.
    pub removes_account: bool,
}

/// The pure half of a connector: no I/O, no clock.
pub trait Planner: Debug + Send + Sync + 'static {
    /// The slots of this connection.
    fn slots(&self) -> &Slots;

    /// What this connection can do: what its connector can, or less.
    fn capabilities(&self) -> Capabilities;

    /// The vendor's account: two connections to one are refused.
    fn tenant(&self) -> String;

    /// The facets of a permission's entry in the configuration.
    ///
    /// # Errors
    /// Every mistake in the entry, with paths below it.
    fn compile(&self, permission: &str, entry: &Value) -> Result<BTreeSet<Facet>, Vec<ConfigError>>;

    /// Which of a permission's facets are there only because the others need them, such as the membership of an organisation for its
    /// teams. A deprovisioning takes such a value of a one-value slot only where Usher gave it (rule 14).
    fn implied(&self, facets: &BTreeSet<Facet>) -> BTreeSet<Facet> {
        let _ = facets;
        BTreeSet::new()
    }

    /// What would have to be called to reach `goal` from `seen`.
    fn plan(&self, who: &Subject, asked: &Asked, seen: &Snapshot, goal: &Goal) -> Plan;
}

/// A connection to a vendor.
#[async_trait]
pub trait Provisioner: Planner {
    /// Reads the vendor for the whole subject; never writes. `of`: the facets that are asked about.
    ///
    /// # Errors
    /// What stood in the way of a reading.
    async fn observe(
        &self,
        call: &Call,
        who: &Subject,
        known: &Known,
        of: &BTreeSet<Facet>,
    ) -> Result<Snapshot, Fault>;

    /// Makes exactly one changing call.
    ///
    /// # Errors
    /// What went wrong, and whether the change may have arrived.
    async fn apply(
        &self,
        call: &Call,
        who: &Subject,
        asked: &Asked,
        seen: &Snapshot,
        action: &Action,
    ) -> Result<Receipt, Fault>;

    /// Credentials, scopes, seats left, and whether what the configuration names is there. Never writes.
    ///
    /// # Errors
    /// What stood in the way of checking.
    async fn check(&self, call: &Call, named: &BTreeSet<Facet>) -> Result<Health, Fault>;
}

/// The factory that a feature brings.
pub trait Connector: Debug + Send + Sync + 'static {
    /// Its name in the configuration, such as `zendesk-license`.
    fn kind(&self) -> &'static str;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// JSON Schema of its settings, without `connector`, `limits`, `base_url`, `allow_private`.
    fn schema(&self) -> Value;

    /// JSON Schema of a permission's entry, without the keys that are the router's (`label`).
    fn entitlement_schema(&self) -> Value;

    /// A connection from its settings (without `connector`, `limits`, `base_url`, `allow_private`).
    ///
    /// # Errors
    /// Every mistake in the settings, with paths below them.
    fn build(&self, settings: Value, ports: Ports) -> Result<Arc<dyn Provisioner>, Vec<ConfigError>>;
}
