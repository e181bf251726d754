//! A connection: one definition, one base URL, one credential.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::{Map, Value};
use url::Url;
use usher_core::{
    Action, Arity, Asked, Call, Capabilities, Clock, ConfigError, Facet, Fault, Goal, Health, Known, Plan,
    Planner, Ports, Provisioner, Receipt, SecretRef, Slots, Snapshot, Subject,
};
use usher_vendor_client::{Auth, ClientSettings, VendorClient, base_url};

use super::entitlement::{self, ACCOUNT};
use super::{apply, check, observe, plan, scope};
use crate::config::Settings;
use crate::definition::{Block, Definition};

/// A connection to an application that is described in a file.
#[derive(Debug)]
pub struct GenericRestConnection {
    pub(crate) definition: Definition,
    /// `vars` and `tables`, as expressions see them.
    pub(crate) constants: Map<String, Value>,
    pub(crate) client: VendorClient,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) base_url: Url,
    slots: Slots,
    tenant: String,
}

impl GenericRestConnection {
    /// A connection from its settings.
    ///
    /// # Errors
    /// Every mistake in the settings and in the definition, and secrets that cannot be read.
    pub fn new(settings: &Value, ports: Ports) -> Result<Self, Vec<ConfigError>> {
        let Settings { definition, secrets } = Settings::read(settings, &ports.folder)?;
        let credential = definition.credential(&read(&secrets, &ports)?).map_err(|error| vec![error])?;
        let connection = Self::with(definition, credential, ports)?;
        let tenant = tenant(&connection.base_url, &connection.definition, &secrets);
        Ok(Self { tenant, ..connection })
    }

    /// A connection from a definition, with a credential that is at hand: for tests of definitions, which have no secrets.
    ///
    /// # Errors
    /// The base URL or the credential cannot be used.
    pub fn with(definition: Definition, credential: Auth, ports: Ports) -> Result<Self, Vec<ConfigError>> {
        let one = |error: ConfigError| vec![error];
        let base_url = base_url(&ports, &definition.base_url).map_err(one)?;
        let clock = Arc::clone(&ports.clock);
        let client =
            VendorClient::new(ports, ClientSettings::new(base_url.clone(), credential)).map_err(one)?;
        let constants = scope::constants(&definition);
        let tenant = tenant(&base_url, &definition, &BTreeMap::new());
        Ok(Self { slots: slots(&definition), constants, client, clock, base_url, tenant, definition })
    }

    /// Whether a grant may end in an invitation that only the invitee can accept.
    pub(crate) fn invites(&self) -> bool {
        let pending = self.definition.state.pending.iter();
        let pending = pending.chain(self.definition.slots.values().filter_map(|slot| slot.pending.as_ref()));
        // `pending = "false"` says that nobody ever waits for an invitee.
        pending.map(|pending| pending.source().trim()).any(|source| source != "false" && source != "none")
    }

    /// What the connection runs on, with the connection's variables in it.
    #[must_use]
    pub fn definition(&self) -> &Definition {
        &self.definition
    }
}

/// The secrets themselves; every one that cannot be read is told.
fn read(
    secrets: &BTreeMap<String, SecretRef>,
    ports: &Ports,
) -> Result<BTreeMap<String, SecretString>, Vec<ConfigError>> {
    let mut read = BTreeMap::new();
    let mut mistakes = Vec::new();
    for (name, place) in secrets {
        match ports.secrets.read(place) {
            Ok(secret) => {
                read.insert(name.clone(), secret);
            }
            // The reader knows the place, not the setting.
            Err(error) => {
                mistakes.push(ConfigError { path: vec!["secrets".to_owned(), name.clone()], ..error });
            }
        }
    }
    if mistakes.is_empty() { Ok(read) } else { Err(mistakes) }
}

fn slots(definition: &Definition) -> Slots {
    if definition.slots.is_empty() {
        return Slots::from([(ACCOUNT.to_owned(), Arity::Many)]);
    }
    definition.slots.iter().map(|(name, slot)| (name.clone(), slot.arity.clone())).collect()
}

/// Where the accounts live, as far as that can be told: variables and credentials tell apart what one base URL serves.
fn tenant(base_url: &Url, definition: &Definition, secrets: &BTreeMap<String, SecretRef>) -> String {
    let vars = definition.vars.iter().map(|(name, value)| format!("vars.{name} = {value}"));
    let secrets = secrets.iter().map(|(name, place)| match place {
        SecretRef::Env(variable) => format!("secret.{name} in {variable}"),
        SecretRef::File(file) => format!("secret.{name} in {}", file.display()),
    });
    let told: Vec<String> = vars.chain(secrets).collect();
    let base_url = base_url.as_str().trim_end_matches('/');
    if told.is_empty() { base_url.to_owned() } else { format!("{base_url} ({})", told.join(", ")) }
}

impl Planner for GenericRestConnection {
    fn slots(&self) -> &Slots {
        &self.slots
    }

    fn capabilities(&self) -> Capabilities {
        let removes_account = self.definition.steps.iter().any(|step| step.block == Block::Remove);
        Capabilities { invites: self.invites(), counts_invited: false, removes_account }
    }

    fn tenant(&self) -> String {
        self.tenant.clone()
    }

    fn compile(&self, permission: &str, entry: &Value) -> Result<BTreeSet<Facet>, Vec<ConfigError>> {
        entitlement::compile(&self.definition, &self.constants, permission, entry)
    }

    fn plan(&self, who: &Subject, asked: &Asked, seen: &Snapshot, goal: &Goal) -> Plan {
        plan::plan(&self.definition, &self.constants, who, asked, seen, goal)
    }
}

#[async_trait]
impl Provisioner for GenericRestConnection {
    async fn observe(
        &self,
        call: &Call,
        who: &Subject,
        known: &Known,
        of: &BTreeSet<Facet>,
    ) -> Result<Snapshot, Fault> {
        observe::observe(self, call, who, known, of).await
    }

    async fn apply(
        &self,
        call: &Call,
        who: &Subject,
        asked: &Asked,
        seen: &Snapshot,
        action: &Action,
    ) -> Result<Receipt, Fault> {
        apply::apply(self, call, (who, asked), seen, action).await
    }

    async fn check(&self, call: &Call, named: &BTreeSet<Facet>) -> Result<Health, Fault> {
        check::check(self, call, named).await
    }
}
