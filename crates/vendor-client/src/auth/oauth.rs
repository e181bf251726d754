use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use oauth2::basic::{BasicClient, BasicErrorResponse, BasicErrorResponseType, BasicTokenResponse};
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, RequestTokenError, Scope, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tokio::time::Instant;
use url::{Url, form_urlencoded};
use usher_core::ConfigError;

use super::endpoint::{TokenEndpoint, TokenParts, no_token, not_accepted};
use super::{Token, TokenSource};
use crate::{FailureKind, VendorFailure};

/// How the client's secret is shown to the token endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecretBy {
    /// In the body.
    #[default]
    Body,
    /// By HTTP basic authentication, which RFC 6749, 2.3.1 recommends.
    Basic,
}

/// How the token request's body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenBody {
    /// As a form, as RFC 6749 says.
    #[default]
    Form,
    /// As JSON, which some vendors document instead.
    Json,
}

/// OAuth 2.0 client credentials (RFC 6749, 4.4). `Debug` shows no secret.
#[derive(Clone)]
pub struct OAuthClientCredentials {
    /// The token endpoint: a path below the base URL, such as `/oauth/tokens`, or a whole URL.
    pub token_url: String,
    /// The client's id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// The scopes to ask for.
    pub scopes: Vec<String>,
    /// How the secret is shown.
    pub secret_by: SecretBy,
    /// How the body is written.
    pub body: TokenBody,
    /// Further parameters of the token request, such as `audience`.
    pub extra: Vec<(String, String)>,
}

impl fmt::Debug for OAuthClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthClientCredentials")
            .field("client_id", &self.client_id)
            .field("scopes", &self.scopes)
            .field("secret_by", &self.secret_by)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

/// Fetches tokens with client credentials.
#[derive(Debug)]
pub(crate) struct OAuthSource {
    endpoint: TokenEndpoint,
    credentials: OAuthClientCredentials,
}

/// The `oauth2` crate's errors are generic over the client's; this one wraps ours.
type TokenError = RequestTokenError<VendorFailure, BasicErrorResponse>;

impl OAuthSource {
    pub(crate) fn new(
        parts: TokenParts,
        credentials: OAuthClientCredentials,
        base: &Url,
    ) -> Result<Self, ConfigError> {
        let endpoint = TokenEndpoint::new(parts, base, &credentials.token_url)?;
        Ok(Self { endpoint, credentials })
    }

    /// Sends what the `oauth2` crate has written, and gives it the answer to read.
    async fn exchange(
        &self,
        request: http::Request<Vec<u8>>,
        deadline: Instant,
    ) -> Result<http::Response<Vec<u8>>, VendorFailure> {
        let (parts, body) = request.into_parts();
        let mut headers = parts.headers;
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let body = match self.credentials.body {
            TokenBody::Form => Bytes::from(body),
            TokenBody::Json => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                as_json(&body)
            }
        };
        let answer = self.endpoint.post(headers, body, deadline).await?;
        if answer.status.is_client_error() && !names_an_error(&answer.body) {
            return Err(not_accepted(answer.status));
        }
        let mut response = http::Response::new(answer.body.to_vec());
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }

    async fn fetch_token(&self, deadline: Instant) -> Result<Token, VendorFailure> {
        let credentials = &self.credentials;
        let client = BasicClient::new(ClientId::new(credentials.client_id.clone()))
            .set_client_secret(ClientSecret::new(credentials.client_secret.expose_secret().to_owned()))
            .set_auth_type(match credentials.secret_by {
                SecretBy::Body => AuthType::RequestBody,
                SecretBy::Basic => AuthType::BasicAuth,
            })
            .set_token_uri(TokenUrl::from_url(self.endpoint.url.clone()));
        let mut request = client
            .exchange_client_credentials()
            .add_scopes(credentials.scopes.iter().cloned().map(Scope::new));
        for (name, value) in &credentials.extra {
            request = request.add_extra_param(name.as_str(), value.as_str());
        }
        let endpoint = Endpoint { source: self, deadline, status: Mutex::new(StatusCode::OK) };
        let asked = self.endpoint.parts.clock.now();
        let answer: BasicTokenResponse = request.request_async(&endpoint).await.map_err(|error| {
            let status = *endpoint.status.lock().unwrap_or_else(PoisonError::into_inner);
            failure(error, status)
        })?;
        let expires = answer.expires_in().and_then(|life| asked.checked_add(life).ok());
        Ok(Token { secret: answer.access_token().secret().as_str().into(), expires })
    }
}

#[async_trait]
impl TokenSource for OAuthSource {
    async fn fetch(&self, deadline: Instant) -> Result<Token, VendorFailure> {
        self.fetch_token(deadline).await
    }
}

/// The `oauth2` crate's HTTP client: our transport, with its rules for addresses and time.
struct Endpoint<'a> {
    source: &'a OAuthSource,
    deadline: Instant,
    /// Of the answer, which the `oauth2` crate's errors do not tell.
    status: Mutex<StatusCode>,
}

impl<'c> AsyncHttpClient<'c> for Endpoint<'_> {
    type Error = VendorFailure;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Vec<u8>>, VendorFailure>> + Send + 'c>>;

    fn call(&'c self, request: http::Request<Vec<u8>>) -> Self::Future {
        Box::pin(async move {
            let answer = self.source.exchange(request, self.deadline).await?;
            *self.status.lock().unwrap_or_else(PoisonError::into_inner) = answer.status();
            Ok(answer)
        })
    }
}

/// The form as a JSON object of texts.
fn as_json(form: &[u8]) -> Bytes {
    let object: Map<String, Value> = form_urlencoded::parse(form)
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect();
    Bytes::from(Value::Object(object).to_string())
}

/// Whether a body has the form of RFC 6749, 5.2; the `oauth2` crate takes it from there.
fn names_an_error(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|body| body.get("error").is_some_and(Value::is_string))
}

/// What an error of the `oauth2` crate means. Texts that the endpoint wrote stay out: they could repeat what was sent.
fn failure(error: TokenError, status: StatusCode) -> VendorFailure {
    match error {
        RequestTokenError::Request(failure) => failure,
        RequestTokenError::ServerResponse(answer) => {
            let code = match answer.error() {
                BasicErrorResponseType::Extension(_) => "an error of its own",
                known => known.as_ref(),
            };
            let message = format!("the token endpoint does not accept the credential: {code}");
            VendorFailure::answered(FailureKind::Credential, status, message)
        }
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => no_token(status),
    }
}
