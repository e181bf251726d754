//! The connection: the pure half and the half that calls.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::header::ACCEPT;
use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use url::Url;
use usher_core::{
    Action, Arity, Asked, Call, Capabilities, Clock, ConfigError, Connector, Facet, Fault, Goal, Health,
    Known, Plan, Planner, Ports, Provisioner, Receipt, Slots, Snapshot, Subject,
};
use usher_vendor_client::{
    Auth, ClientSettings, JwtAlgorithm, JwtExchange, JwtSettings, VendorClient, base_url,
    throttled_like_github,
};

use crate::api::Api;
use crate::config::{Credentials, Settings};
use crate::entitlement::{Entitlement, ORG_ROLE, TEAM};
use crate::plan::{Rules, plan};
use crate::platform::{Platform, graphql_base};
use crate::role::Role;
use crate::{apply, check, observe};

/// The organisation's accounts are not the organisation's to delete: what it gives goes with the membership.
const CAPABILITIES: Capabilities =
    Capabilities { invites: true, counts_invited: true, removes_account: false };

/// The version that this was written by (<https://docs.github.com/en/rest/about-the-rest-api/api-versions>).
const API_VERSION: &str = "2022-11-28";
/// A JWT is put back by this much, for a GitHub whose clock is late, as GitHub advises.
const ISSUED_BACK: Duration = Duration::from_secs(60);
/// GitHub takes ten minutes at the most, from now by its own clock: exactly those were refused now and then.
const JWT_LIFE: Duration = Duration::from_mins(8);

/// Makes connections to GitHub organisations.
#[derive(Clone, Copy, Debug, Default)]
pub struct GithubOrg;

impl Connector for GithubOrg {
    fn kind(&self) -> &'static str {
        "github-org"
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
        Ok(Arc::new(GithubConnection::new(settings, &ports)?))
    }
}

/// A connection to one GitHub organisation.
#[derive(Debug)]
pub struct GithubConnection {
    pub(crate) settings: Settings,
    pub(crate) platform: Platform,
    pub(crate) api: Api,
    /// By the App's own credential, which its installation's tokens are fetched with.
    pub(crate) app: Option<VendorClient>,
    pub(crate) clock: Arc<dyn Clock>,
    rules: Rules,
    slots: Slots,
    tenant: String,
}

impl GithubConnection {
    /// A connection from its settings.
    ///
    /// # Errors
    /// Every mistake in the settings, secrets that cannot be read, and a private key that is none.
    pub fn new(settings: Value, ports: &Ports) -> Result<Self, Vec<ConfigError>> {
        let settings = Settings::read(settings, &ports.folder)?;
        Self::build(settings, ports).map_err(|error| vec![error])
    }

    fn build(settings: Settings, ports: &Ports) -> Result<Self, ConfigError> {
        let base = base_url(ports, "https://api.github.com")?;
        let platform = Platform::of(&base);
        let tenant = format!("{}/orgs/{}", base.as_str().trim_end_matches('/'), settings.org);
        let auth = auth(&settings.credentials, ports)?;
        let graphql = graphql_base(&base);
        let client = |base: &Url, auth: &Auth| client(ports, base, auth).map_err(at_the_key);
        let apart = if graphql.path() == base.path() {
            None
        } else {
            Some(client(&graphql, &elsewhere(&auth, &base))?)
        };
        let app = match &auth {
            Auth::TokensForJwt(exchange) => Some(client(&base, &Auth::Jwt(exchange.jwt.clone()))?),
            _ => None,
        };
        let api = Api::new(client(&base, &auth)?, apart, &settings.org);
        let rules = Rules {
            invites: platform.invites(),
            managed_users: settings.managed_users || platform == Platform::DataResidency,
            by_email: settings.invites_by_email(),
            reinstate: settings.reinstate,
        };
        Ok(Self { settings, platform, api, app, clock: ports.clock.clone(), rules, slots: slots(), tenant })
    }
}

fn slots() -> Slots {
    Slots::from([(ORG_ROLE.to_owned(), Arity::One { baseline: None }), (TEAM.to_owned(), Arity::Many)])
}

fn client(ports: &Ports, base: &Url, auth: &Auth) -> Result<VendorClient, ConfigError> {
    let mut settings = ClientSettings::new(base.clone(), auth.clone());
    settings.headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
    let version = HeaderName::from_static("x-github-api-version");
    settings.headers.insert(version, HeaderValue::from_static(API_VERSION));
    settings.throttled = throttled_like_github;
    VendorClient::new(ports.clone(), settings)
}

/// The same credential for a client of another base URL: the tokens come from where they came from.
fn elsewhere(auth: &Auth, base: &Url) -> Auth {
    let mut auth = auth.clone();
    if let Auth::TokensForJwt(exchange) = &mut auth {
        exchange.token_url = format!("{}{}", base.as_str().trim_end_matches('/'), exchange.token_url);
    }
    auth
}

/// The client knows the key, not the setting.
fn at_the_key(error: ConfigError) -> ConfigError {
    if error.path == ["key"] {
        ConfigError { path: ["app", "private_key"].map(str::to_owned).to_vec(), ..error }
    } else if error.path.is_empty() {
        ConfigError { path: vec!["token".to_owned()], ..error }
    } else {
        error
    }
}

fn auth(credentials: &Credentials, ports: &Ports) -> Result<Auth, ConfigError> {
    let read = |secret, path: &[&str]| {
        // The reader knows the place, not the setting.
        let path = path.iter().map(|name| (*name).to_owned()).collect();
        ports.secrets.read(secret).map_err(|error| ConfigError { path, ..error })
    };
    Ok(match credentials {
        Credentials::Token(token) => Auth::Bearer(read(token, &["token"])?),
        Credentials::App { id, installation_id, private_key } => Auth::TokensForJwt(JwtExchange {
            token_url: format!("/app/installations/{installation_id}/access_tokens"),
            jwt: JwtSettings {
                algorithm: JwtAlgorithm::RS256,
                key: read(private_key, &["app", "private_key"])?,
                header: Map::new(),
                claims: Map::from_iter([("iss".to_owned(), json!(id))]),
                ttl: JWT_LIFE,
                issued_back: ISSUED_BACK,
            },
            body: None,
        }),
    })
}

impl Planner for GithubConnection {
    fn slots(&self) -> &Slots {
        &self.slots
    }

    fn implied(&self, facets: &BTreeSet<Facet>) -> BTreeSet<Facet> {
        // Nobody is in a team who is no member, however the entry is written.
        let is_implied = facets.iter().any(|facet| facet.slot == TEAM);
        let member = Facet::new(ORG_ROLE, Role::Member.as_str());
        facets.iter().filter(|facet| is_implied && **facet == member).cloned().collect()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { invites: self.platform.invites(), ..CAPABILITIES }
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
impl Provisioner for GithubConnection {
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
        apply::apply(&self.api, call, who, asked, seen, action).await
    }

    async fn check(&self, call: &Call, named: &BTreeSet<Facet>) -> Result<Health, Fault> {
        check::check(self, call, named).await
    }
}
