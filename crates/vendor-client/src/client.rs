use std::sync::Arc;

use http::header::USER_AGENT;
use http::{HeaderValue, Method};
use url::{Origin, Url};
use usher_core::{Call, ConfigError, Ports};

use crate::auth::{Credential, JwtExchangeSource, JwtSigner, OAuthSource, TokenCache, TokenParts};
use crate::exchange::Prepared;
use crate::settings::check_base_url;
use crate::{
    Auth, ClientSettings, FailureKind, Recorder, VendorFailure, VendorRequest, VendorResponse, path,
};

/// The client of one connection: one base URL, one credential. Cheap to share by reference; keeps its token.
#[derive(Debug)]
pub struct VendorClient {
    pub(crate) ports: Ports,
    pub(crate) settings: ClientSettings,
    pub(crate) credential: Credential,
    pub(crate) recorder: Option<Arc<dyn Recorder>>,
}

impl VendorClient {
    /// A client of a vendor.
    ///
    /// # Errors
    /// The base URL, the token endpoint, a credential or the user agent cannot be used.
    pub fn new(ports: Ports, settings: ClientSettings) -> Result<Self, ConfigError> {
        Self::build(ports, settings, None)
    }

    /// A client that tells a recorder of every attempt, token requests included.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_recorder(
        ports: Ports,
        settings: ClientSettings,
        recorder: Arc<dyn Recorder>,
    ) -> Result<Self, ConfigError> {
        Self::build(ports, settings, Some(recorder))
    }

    fn build(
        ports: Ports,
        mut settings: ClientSettings,
        recorder: Option<Arc<dyn Recorder>>,
    ) -> Result<Self, ConfigError> {
        check_base_url(&settings.base_url, ports.allow_private)?;
        let user_agent = HeaderValue::from_str(&settings.user_agent).map_err(|_| {
            ConfigError::at(["user_agent"], "the user agent has characters that no header may have")
        })?;
        settings.headers.insert(USER_AGENT, user_agent.clone());
        let credential = match &settings.auth {
            Auth::None => Credential::None,
            Auth::Bearer(token) => Credential::bearer(token)?,
            Auth::Basic { username, password } => Credential::basic(username, password)?,
            Auth::ApiKey { header, key } => Credential::fixed(header.clone(), key)?,
            Auth::Tokens(source) => {
                Credential::Tokens(TokenCache::new(Arc::clone(source), Arc::clone(&ports.clock)))
            }
            Auth::ApiKeyQuery { name, key } => Credential::query(name, key)?,
            Auth::Jwt(jwt) => Credential::Jwt(Box::new(JwtSigner::new(jwt)?)),
            Auth::OAuth(credentials) => {
                let parts = token_parts(&ports, &settings, user_agent, recorder.clone());
                let source = OAuthSource::new(parts, credentials.clone(), &settings.base_url)?;
                Credential::Tokens(TokenCache::new(Arc::new(source), Arc::clone(&ports.clock)))
            }
            Auth::TokensForJwt(exchange) => {
                let parts = token_parts(&ports, &settings, user_agent, recorder.clone());
                let headers = settings.headers.clone();
                let source = JwtExchangeSource::new(parts, exchange, headers, &settings.base_url)?;
                Credential::Tokens(TokenCache::new(Arc::new(source), Arc::clone(&ports.clock)))
            }
        };
        Ok(Self { ports, settings, credential, recorder })
    }

    /// Sends a request, and again where that is safe and the call's deadline allows it.
    ///
    /// A read is sent again after a broken or missing connection, a time-out, 502, 503, 504 and, if the wait fits, a rate
    /// limit. A change is sent again only where no connection was made, and once with a fresh token after a 401.
    /// A GET follows up to 3 redirects within the base URL's origin; a change follows none.
    ///
    /// # Errors
    /// No answer could be had, or the vendor's rate limit is reached. Every other status is an answer.
    pub async fn send(&self, call: &Call, request: VendorRequest) -> Result<VendorResponse, VendorFailure> {
        let changes = request.changes;
        let sent = match self.prepare(request) {
            Ok(prepared) => self.exchange(call, prepared).await,
            Err(failure) => Err(failure),
        };
        sent.map_err(|failure| failure.of_a_change(changes))
    }

    /// Follows a link that an answer named, such as `next_page`: a GET with the credential, within the base URL's origin.
    ///
    /// # Errors
    /// [`FailureKind::Request`] if the link leads to another origin; else as [`Self::send`].
    pub async fn get_link(&self, call: &Call, link: &str) -> Result<VendorResponse, VendorFailure> {
        let mut url = self.settings.base_url.join(link).map_err(|_| bad_link("is not a URL"))?;
        if !self.is_own(&url) {
            return Err(bad_link("leads to another origin"));
        }
        url.set_fragment(None);
        let prepared = Prepared {
            method: Method::GET,
            url,
            shown: "(link)".into(),
            headers: self.settings.headers.clone(),
            body: bytes::Bytes::new(),
            timeout: self.settings.timeout,
            changes: false,
        };
        self.exchange(call, prepared).await
    }

    fn prepare(&self, request: VendorRequest) -> Result<Prepared, VendorFailure> {
        request.checked()?;
        let url = path::url(&self.settings.base_url, &request)?;
        let shown = request.shown_path().to_owned();
        let mut headers = self.settings.headers.clone();
        for name in request.headers.keys() {
            headers.remove(name);
        }
        for (name, value) in &request.headers {
            headers.append(name, value.clone());
        }
        Ok(Prepared {
            method: request.method,
            url,
            shown,
            headers,
            body: request.body,
            timeout: request.timeout.unwrap_or(self.settings.timeout),
            changes: request.changes,
        })
    }

    /// Whether credentials may go there.
    pub(crate) fn is_own(&self, url: &Url) -> bool {
        let own = self.settings.base_url.origin();
        matches!(own, Origin::Tuple(..))
            && url.origin() == own
            && url.username().is_empty()
            && url.password().is_none()
    }
}

fn token_parts(
    ports: &Ports,
    settings: &ClientSettings,
    user_agent: HeaderValue,
    recorder: Option<Arc<dyn Recorder>>,
) -> TokenParts {
    TokenParts {
        transport: Arc::clone(&ports.transport),
        clock: Arc::clone(&ports.clock),
        allow_private: ports.allow_private,
        connection: ports.connection.clone(),
        user_agent,
        timeout: settings.timeout,
        throttled: settings.throttled,
        recorder,
    }
}

fn bad_link(what: &str) -> VendorFailure {
    VendorFailure::before_sending(FailureKind::Request, format!("a link in the vendor's answer {what}"))
}
