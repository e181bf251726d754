//! The connection: the pure half and the half that calls.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use usher_core::{
    Action, Arity, Asked, Call, Capabilities, ConfigError, Connector, Facet, Fault, Goal, Health, Known,
    Plan, Planner, Ports, Provisioner, Receipt, Slots, Snapshot, Subject,
};
use usher_vendor_client::{
    Auth, ClientSettings, OAuthClientCredentials, SecretBy, TokenBody, VendorClient, base_url,
};

use crate::api::Api;
use crate::config::{Credentials, Settings};
use crate::entitlement::{Entitlement, GROUP, ROLE};
use crate::plan::{Rules, plan};
use crate::roles::END_USER;
use crate::{apply, check, observe};

const CAPABILITIES: Capabilities =
    Capabilities { invites: false, counts_invited: false, removes_account: true };

/// Makes connections to Zendesk accounts.
#[derive(Clone, Copy, Debug, Default)]
pub struct ZendeskLicense;

impl Connector for ZendeskLicense {
    fn kind(&self) -> &'static str {
        "zendesk-license"
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn schema(&self) -> Value {
        Settings::schema()
    }

    fn entitlement_schema(&self) -> Value {
        Entitlement::schema()
    }

    fn build(&self, settings: Value, ports: Ports) -> Result<Arc<dyn Provisioner>, Vec<ConfigError>> {
        Ok(Arc::new(ZendeskConnection::new(settings, ports)?))
    }
}

/// A connection to one Zendesk account.
#[derive(Debug)]
pub struct ZendeskConnection {
    pub(crate) settings: Settings,
    pub(crate) api: Api,
    pub(crate) ports: Ports,
    rules: Rules,
    slots: Slots,
    tenant: String,
}

impl ZendeskConnection {
    /// A connection from its settings.
    ///
    /// # Errors
    /// Every mistake in the settings, and secrets that cannot be read.
    pub fn new(settings: Value, ports: Ports) -> Result<Self, Vec<ConfigError>> {
        let settings = Settings::read(settings, &ports.folder)?;
        let one = |error: ConfigError| vec![error];
        let base = base_url(&ports, &format!("https://{}.zendesk.com", settings.subdomain)).map_err(one)?;
        let tenant = base.as_str().trim_end_matches('/').to_owned();
        let auth = auth(&settings.credentials, &ports).map_err(one)?;
        let client = VendorClient::new(ports.clone(), ClientSettings::new(base, auth)).map_err(one)?;
        let rules = Rules {
            suspend_on_removal: settings.suspend_on_removal,
            unsuspend: settings.unsuspend,
            verify_email: settings.verify_email,
            reassign_to: settings.reassign_to,
        };
        Ok(Self { settings, api: Api::new(client), ports, rules, slots: slots(), tenant })
    }
}

fn slots() -> Slots {
    Slots::from([
        (ROLE.to_owned(), Arity::One { baseline: Some(END_USER.to_owned()) }),
        (GROUP.to_owned(), Arity::Many),
    ])
}

fn auth(credentials: &Credentials, ports: &Ports) -> Result<Auth, ConfigError> {
    let read = |secret, path: [&str; 2]| {
        // The reader knows the place, not the setting.
        ports
            .secrets
            .read(secret)
            .map_err(|error| ConfigError { path: path.map(str::to_owned).to_vec(), ..error })
    };
    Ok(match credentials {
        Credentials::OAuth { client_id, client_secret, scope } => Auth::OAuth(OAuthClientCredentials {
            token_url: "/oauth/tokens".to_owned(),
            client_id: client_id.clone(),
            client_secret: read(client_secret, ["oauth", "client_secret"])?,
            scopes: scope.split_whitespace().map(str::to_owned).collect(),
            // Zendesk documents a JSON body with the secret in it, and no other form:
            // https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/
            secret_by: SecretBy::Body,
            body: TokenBody::Json,
            extra: Vec::new(),
        }),
        Credentials::ApiToken { email, token } => {
            Auth::Basic { username: format!("{email}/token"), password: read(token, ["api_token", "token"])? }
        }
    })
}

impl Planner for ZendeskConnection {
    fn slots(&self) -> &Slots {
        &self.slots
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn tenant(&self) -> String {
        self.tenant.clone()
    }

    fn compile(&self, _permission: &str, entry: &Value) -> Result<BTreeSet<Facet>, Vec<ConfigError>> {
        Ok(Entitlement::read(entry)?.facets())
    }

    fn plan(&self, _who: &Subject, _asked: &Asked, seen: &Snapshot, goal: &Goal) -> Plan {
        plan(&self.rules, seen, goal)
    }
}

#[async_trait]
impl Provisioner for ZendeskConnection {
    async fn observe(
        &self,
        call: &Call,
        who: &Subject,
        known: &Known,
        of: &BTreeSet<Facet>,
    ) -> Result<Snapshot, Fault> {
        Box::pin(observe::observe(self, call, who, known, of)).await
    }

    async fn apply(
        &self,
        call: &Call,
        who: &Subject,
        _asked: &Asked,
        _seen: &Snapshot,
        action: &Action,
    ) -> Result<Receipt, Fault> {
        apply::apply(&self.api, call, who, action).await
    }

    async fn check(&self, call: &Call, named: &BTreeSet<Facet>) -> Result<Health, Fault> {
        check::check(self, call, named).await
    }
}
