//! One sandbox and a caller of it.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use usher_sandbox::{Clock, Options, Sandbox, directory, github, lumos, zendesk};

/// Far longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A sandbox whose clock stands still unless it is moved, and a caller with good credentials.
pub(crate) struct Desk {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: reqwest::Client,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) retry_after: Option<String>,
    pub(crate) headers: reqwest::header::HeaderMap,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

#[expect(clippy::disallowed_methods, reason = "plays the outside")]
fn caller() -> reqwest::Client {
    // A connection of its own for each request, so that one that is cut cannot be mistaken for a stale one.
    reqwest::Client::builder().pool_max_idle_per_host(0).timeout(SOON).build().unwrap()
}

impl Desk {
    pub(crate) async fn start() -> Self {
        let clock = Clock::from_fn(|| Duration::from_secs(1_000), "2026-03-02T09:00:00Z".parse().unwrap());
        Self::start_with(Options { clock, ..Options::default() }).await
    }

    pub(crate) async fn start_with(options: Options) -> Self {
        Self { sandbox: Sandbox::start(options).await.unwrap(), http: caller() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let user = format!("{}/token", zendesk::OWNER_EMAIL);
        let url = format!("{}{path}", self.sandbox.zendesk_url());
        self.http.request(method, url).basic_auth(user, Some(zendesk::API_TOKEN))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await
    }

    /// `PUT /api/v2/users/{id}` with these fields.
    pub(crate) async fn update(&self, id: u64, fields: Value) -> Answer {
        self.put(&format!("/api/v2/users/{id}"), json!({"user": fields})).await
    }

    pub(crate) async fn search(&self, query: &str) -> Vec<Value> {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let found = self.get(&format!("/api/v2/users/search?query={query}")).await;
        found.body["users"].as_array().unwrap().clone()
    }

    pub(crate) async fn lumos(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let url = format!("{}{path}", self.sandbox.lumos_url());
        let request = self.http.request(method, url).bearer_auth(lumos::API_TOKEN);
        answer(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    pub(crate) async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.http.request(method, format!("{}{path}", self.sandbox.control_url()));
        answer(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    pub(crate) fn seed(&self, user: zendesk::UserSeed) -> u64 {
        self.sandbox.seed_user(user).unwrap()
    }

    /// A request to GitHub's stand-in, with the owner's personal token.
    pub(crate) async fn github(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.github_as(github::PERSONAL_TOKEN, method, path, body).await
    }

    pub(crate) async fn github_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let url = format!("{}{path}", self.sandbox.github_url());
        let request = self.http.request(method, url).bearer_auth(token).header("user-agent", "a test");
        answer(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    /// A token of the directory.
    pub(crate) async fn directory_token(&self) -> String {
        let request = self.http.post(format!("{}/oauth/token", self.sandbox.directory_url()));
        let request = request
            .basic_auth(directory::CLIENT_ID, Some(directory::CLIENT_SECRET))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        answer(request).await.body["access_token"].as_str().unwrap().to_owned()
    }

    /// A request to the directory, with a token of its own.
    pub(crate) async fn directory(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let token = self.directory_token().await;
        let url = format!("{}{path}", self.sandbox.directory_url());
        let request = self.http.request(method, url).bearer_auth(token);
        answer(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    /// What really changed, in words.
    pub(crate) fn happened(&self) -> Vec<String> {
        self.sandbox.effects().into_iter().map(|effect| effect.what).collect()
    }

    pub(crate) async fn role_id(&self, name: &str) -> u64 {
        let roles = self.get("/api/v2/custom_roles.json").await.body;
        let roles = roles["custom_roles"].as_array().unwrap().clone();
        roles.iter().find(|role| role["name"] == name).unwrap()["id"].as_u64().unwrap()
    }
}

pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let retry_after = headers.get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    let bytes = response.bytes().await.unwrap();
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
    Answer { status, body, retry_after, headers }
}
