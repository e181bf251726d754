use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::interval;
use url::Url;

use super::Failure;
use super::http_client::{body, causes, client};
use crate::admin::{ErrorView, ReasonBody};

/// Where the operator's token stands.
pub(crate) const TOKEN_VARIABLE: &str = "USHER_OPERATOR_TOKEN";

const TIMEOUT: Duration = Duration::from_secs(35);
/// For something large to be made and sent.
const DOWNLOAD: Duration = Duration::from_secs(2 * 3600);
/// How often a page that is not there yet is looked for, and how many times.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
const LOOKS: u32 = 10;

/// Speaks with the admin listener of a running service.
#[derive(Debug)]
pub(crate) struct AdminClient {
    base: Url,
    token: SecretString,
    client: Client,
}

impl AdminClient {
    /// A client with the token of the environment.
    pub(crate) fn from_environment(base: &Url) -> Result<Self, Failure> {
        let token = std::env::var(TOKEN_VARIABLE).unwrap_or_default();
        if token.trim().is_empty() {
            return Err(Failure::usage(format!(
                "set {TOKEN_VARIABLE} to the token of one of [admin.operators] in the service's configuration"
            )));
        }
        Self::new(base, SecretString::from(token.trim().to_owned()))
    }

    pub(crate) fn new(base: &Url, token: SecretString) -> Result<Self, Failure> {
        if !matches!(base.scheme(), "http" | "https") {
            return Err(Failure::usage(format!("--admin: {base} is no http:// or https:// address")));
        }
        Ok(Self { base: base.clone(), token, client: client(TIMEOUT)? })
    }

    /// Reads something. `path`: its segments below `/api/v1`.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Failure> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let (status, body) = self.exchange(self.client.request(Method::GET, url)).await?;
        match self.read(status, &body) {
            // What is asked is what was typed.
            Err(Failure::Failed(sentence)) if status == StatusCode::BAD_REQUEST => {
                Err(Failure::Usage(sentence))
            }
            read => read,
        }
    }

    /// The same where it may be asked again later: `Err` within is why there is no answer now.
    pub(crate) async fn look<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<Result<T, String>, Failure> {
        let mut url = self.url(path)?;
        url.query_pairs_mut().extend_pairs(query);
        let (status, body) = match self.exchange(self.client.request(Method::GET, url)).await {
            Ok(answer) => answer,
            Err(Failure::Failed(sentence)) => return Ok(Err(sentence)),
            Err(other) => return Err(other),
        };
        match self.read(status, &body) {
            Err(Failure::Failed(sentence)) if status.is_server_error() => Ok(Err(sentence)),
            // What is asked is what was typed.
            Err(Failure::Failed(sentence)) if status == StatusCode::BAD_REQUEST => {
                Err(Failure::Usage(sentence))
            }
            read => read.map(Ok),
        }
    }

    /// A request's page, which is looked for again for a while: a refusal is answered before it is on disk.
    pub(crate) async fn page_of<T: DeserializeOwned>(&self, id: &str) -> Result<Option<T>, Failure> {
        let url = self.url(&["requests", id])?;
        let mut again = interval(LOOK_AGAIN);
        for _ in 0..LOOKS {
            again.tick().await;
            let page = self.call_for_one(self.client.request(Method::GET, url.clone())).await?;
            if page.is_some() {
                return Ok(page);
            }
        }
        Ok(None)
    }

    /// Changes something, for a reason.
    pub(crate) async fn act<T: DeserializeOwned>(&self, path: &[&str], reason: &str) -> Result<T, Failure> {
        let url = self.url(path)?;
        self.call(self.client.request(Method::POST, url).json(&ReasonBody { reason: reason.to_owned() }))
            .await
    }

    /// Has something made that is sent as it is.
    pub(crate) async fn download(&self, path: &[&str]) -> Result<Response, Failure> {
        let request = self.client.request(Method::POST, self.url(path)?).timeout(DOWNLOAD);
        let answer = self.send(request).await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let body = body(answer).await.map_err(|error| self.no_answer(&error))?;
        Err(self.refusal(status, &body))
    }

    /// Hands something over as it is.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        body: Vec<u8>,
    ) -> Result<T, Failure> {
        let mut url = self.url(path)?;
        url.query_pairs_mut().extend_pairs(query);
        let request = self.client.request(Method::POST, url);
        self.call(request.header(CONTENT_TYPE, "application/json").body(body)).await
    }

    fn url(&self, path: &[&str]) -> Result<Url, Failure> {
        let mut url = self.base.clone();
        let set = url.path_segments_mut().map(|mut segments| {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        });
        match set {
            Ok(()) => Ok(url),
            Err(()) => Err(Failure::usage(format!("--admin: {} is no address", self.base))),
        }
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let (status, body) = self.exchange(request).await?;
        self.read(status, &body)
    }

    /// The same, where what is not there is no failure.
    async fn call_for_one<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<Option<T>, Failure> {
        match self.exchange(request).await? {
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (status, body) => self.read(status, &body).map(Some),
        }
    }

    async fn exchange(&self, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), Failure> {
        let answer = self.send(request).await?;
        let status = answer.status();
        Ok((status, body(answer).await.map_err(|error| self.no_answer(&error))?))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let sent = request.bearer_auth(self.token.expose_secret()).send().await;
        sent.map_err(|error| self.no_answer(&error))
    }

    fn no_answer(&self, error: &reqwest::Error) -> Failure {
        let (base, causes) = (&self.base, causes(error));
        Failure::failed(format!(
            "Usher does not answer at {base} ({causes}): start it with usher serve, or say where it is with --admin"
        ))
    }

    fn read<T: DeserializeOwned>(&self, status: StatusCode, body: &[u8]) -> Result<T, Failure> {
        let base = &self.base;
        if status.is_success() {
            return serde_json::from_slice(body).map_err(|error| {
                Failure::failed(format!(
                    "{base} answers what this usher cannot read ({error}): use the same version"
                ))
            });
        }
        Err(self.refusal(status, body))
    }

    fn refusal(&self, status: StatusCode, body: &[u8]) -> Failure {
        let base = &self.base;
        Failure::failed(match serde_json::from_slice::<ErrorView>(body) {
            // The service speaks of its header; who types here knows the variable.
            Ok(_) if status == StatusCode::UNAUTHORIZED => {
                format!(
                    "{base} does not know this token: set {TOKEN_VARIABLE} to that of one of its [admin.operators]"
                )
            }
            Ok(view) => view.error,
            Err(_) => format!("{base} answers with status {status}: is that the admin listener?"),
        })
    }
}

/// What a value is called in the API.
pub(crate) fn name(value: &impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}
