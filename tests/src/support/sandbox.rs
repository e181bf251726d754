//! `usher-sandbox` as a process, driven below `/control`.

use std::process::Command;
use std::time::Duration;

use reqwest::Client;
use rustix::process::Signal;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use usher_sandbox::lumos::Task;
use usher_sandbox::{
    AccountState, Call, Effect, Fault, InvitationState, Matcher, Operation, OperationState, PersonState,
    Rule, UserSeed, UserState,
};

use super::PATIENCE;
use super::http::client;
use super::process::{Process, binary};

#[derive(Debug)]
pub struct Sandbox {
    process: Process,
    pub url: String,
    client: Client,
}

impl Sandbox {
    pub async fn start() -> Self {
        let mut command = Command::new(binary("usher-sandbox"));
        command.args(["--listen", "127.0.0.1:0"]);
        let mut process = Process::start(command);
        let first = process.line().unwrap_or_default();
        let url =
            first.strip_prefix("usher-sandbox listens on ").unwrap_or_else(|| panic!("it said: {first}"));
        let sandbox = Self { url: url.to_owned(), process, client: client() };
        // The limit of updates of one user is Zendesk's own, and not what these tests are about.
        let settings = json!({ "updates_per_minute_of_one_user": 1000 });
        sandbox.seed(&json!({ "groups": ["Tier 1"], "settings": settings })).await;
        sandbox
    }

    /// Stops and continues it, say.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    pub fn zendesk(&self) -> String {
        format!("{}/zendesk", self.url)
    }

    async fn send(&self, method: reqwest::Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = self.client.request(method, format!("{}/control/{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, field: &str) -> T {
        let (status, mut body) = self.send(reqwest::Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_value(body[field].take()).unwrap()
    }

    /// Puts something into the Zendesk account: settings, users, groups, roles.
    pub async fn seed(&self, zendesk: &Value) {
        self.seed_all(&json!({ "zendesk": zendesk })).await;
    }

    /// Puts something into any of the stand-ins.
    pub async fn seed_all(&self, seed: &Value) {
        let (status, body) = self.send(reqwest::Method::POST, "seed", Some(seed)).await;
        assert_eq!(status, 200, "{body}");
    }

    pub fn github(&self) -> String {
        format!("{}/github", self.url)
    }

    pub fn directory(&self) -> String {
        format!("{}/directory", self.url)
    }

    pub fn lumos(&self) -> String {
        format!("{}/lumos", self.url)
    }

    /// Lumos's tasks as they stand.
    pub async fn tasks(&self) -> Vec<Task> {
        self.get("tasks", "tasks").await
    }

    /// The private key of the App that the organisation has installed.
    pub async fn github_app_key(&self) -> String {
        self.get("github/app", "private_key").await
    }

    /// The accounts of this person at GitHub, or all that there are.
    pub async fn accounts(&self, email: Option<&str>) -> Vec<AccountState> {
        self.get(&filtered("github", email), "accounts").await
    }

    /// The invitations of this person to GitHub's organisation, or all that there ever were.
    pub async fn invitations_of(&self, email: Option<&str>) -> Vec<InvitationState> {
        self.get(&filtered("github", email), "invitations").await
    }

    /// The person with this address in the directory, or everybody there.
    pub async fn people(&self, email: Option<&str>) -> Vec<PersonState> {
        self.get(&filtered("directory", email), "people").await
    }

    /// The users with this address at Zendesk, or all that there are.
    pub async fn users(&self, email: Option<&str>) -> Vec<UserState> {
        self.get(&filtered("users", email), "users").await
    }

    /// Every invitation that there ever was.
    pub async fn invitations(&self) -> Vec<InvitationState> {
        self.get("github", "invitations").await
    }

    /// The account with this login.
    pub async fn account(&self, login: &str) -> AccountState {
        let accounts: Vec<AccountState> = self.get("github", "accounts").await;
        accounts.into_iter().find(|account| account.login == login).unwrap()
    }

    /// The bearer of this login accepts the invitation.
    pub async fn accept_invitation(&self, login: &str) {
        let body = json!({ "login": login });
        let (status, body) = self.send(reqwest::Method::POST, "github/accept", Some(&body)).await;
        assert_eq!(status, 204, "{body}");
    }

    /// What somebody has in the directory; `None` where they are not there.
    pub async fn directory_roles(&self, email: &str) -> Option<Vec<String>> {
        let people: Vec<PersonState> = self.get("directory", "people").await;
        let mut roles = people.into_iter().find(|person| person.email == email)?.roles;
        roles.sort();
        Some(roles)
    }

    /// Ends the directory's running operations.
    pub async fn finish_operations(&self, state: OperationState) {
        let body = json!({ "state": state });
        let (status, body) = self.send(reqwest::Method::POST, "directory/finish", Some(&body)).await;
        assert_eq!(status, 200, "{body}");
    }

    pub async fn seed_users(&self, users: &[UserSeed]) {
        self.seed(&json!({ "users": users })).await;
    }

    /// End-users with these addresses.
    pub async fn end_users(&self, emails: &[&str]) {
        let users: Vec<UserSeed> = emails.iter().map(|email| UserSeed::end_user(email)).collect();
        self.seed_users(&users).await;
    }

    /// Sets a fault, and says the rule's number.
    pub async fn fault(&self, rule: Rule) -> u64 {
        let rule = serde_json::to_value(rule).unwrap();
        let (status, body) = self.send(reqwest::Method::POST, "faults", Some(&rule)).await;
        assert_eq!(status, 201, "{body}");
        body["id"].as_u64().unwrap()
    }

    /// Holds the next call of this kind about this person until it is released.
    pub async fn hold(&self, matcher: Matcher, after_applying: bool) -> u64 {
        self.fault(Rule::once(matcher, Fault::Hold { after_applying })).await
    }

    pub async fn release(&self, rule: u64) {
        let (status, _) = self.send(reqwest::Method::POST, &format!("release?rule={rule}"), None).await;
        assert_eq!(status, 200);
    }

    pub async fn clear(&self, rule: u64) {
        let (status, body) = self.send(reqwest::Method::DELETE, &format!("faults/{rule}"), None).await;
        // A rule that can meet nothing any more may have been taken away already.
        assert!(matches!(status, 204 | 404), "{body}");
    }

    /// Lets go whatever is held at this moment, whichever rule holds it.
    pub async fn release_all(&self) {
        let (status, _) = self.send(reqwest::Method::POST, "release", None).await;
        assert_eq!(status, 200);
    }

    /// The bearer of this login accepts an invitation, if there is one.
    pub async fn accept_if_invited(&self, login: &str) -> bool {
        let body = json!({ "login": login });
        self.send(reqwest::Method::POST, "github/accept", Some(&body)).await.0 == 204
    }

    /// Everything that was changed at any vendor.
    pub async fn effects(&self) -> Vec<Effect> {
        self.get("effects", "effects").await
    }

    /// The calls that arrived after the one with this number.
    pub async fn calls_after(&self, number: u64) -> Vec<Call> {
        self.get(&format!("calls?after={number}"), "calls").await
    }

    /// Takes every fault away, and lets go what is held.
    pub async fn clear_all(&self) {
        let (status, _) = self.send(reqwest::Method::DELETE, "faults", None).await;
        assert_eq!(status, 200);
    }

    /// Everything that was changed at the vendor about this person.
    pub async fn effects_on(&self, email: &str) -> Vec<Effect> {
        self.get(&format!("effects?key={email}"), "effects").await
    }

    /// The same in words, one change each.
    pub async fn changes_of(&self, email: &str) -> Vec<String> {
        self.effects_on(email).await.into_iter().flat_map(|effect| effect.changes).collect()
    }

    /// Every call that arrived at the vendor.
    pub async fn calls(&self) -> Vec<Call> {
        self.get("calls", "calls").await
    }

    pub async fn calls_about(&self, email: &str) -> Vec<Call> {
        self.get(&format!("calls?subject={email}"), "calls").await
    }

    /// The truth about the one active user with this address.
    pub async fn user(&self, email: &str) -> Option<UserState> {
        let users: Vec<UserState> = self.get(&format!("users?email={email}"), "users").await;
        users.into_iter().find(|user| user.active)
    }

    /// `end-user`, `agent`, `Light agent`, …; `nobody` where there is no such user.
    pub async fn role(&self, email: &str) -> String {
        self.user(email).await.map_or_else(|| "nobody".to_owned(), |user| user.role_name)
    }

    pub async fn seats_taken(&self) -> u64 {
        self.get("seats", "taken").await
    }

    /// Of GitHub's organisation: by members and by invitations that are open.
    pub async fn github_seats_taken(&self) -> u64 {
        self.get::<Value>("github", "seats").await["taken"].as_u64().unwrap()
    }

    /// Returns once a call that fits has arrived (or ended, or as many as the query counts).
    pub async fn wait_for(&self, query: &str) {
        self.wait(query, PATIENCE).await.unwrap_or_else(|late| panic!("{query}: {late}"));
    }

    /// Returns once such a call about this person has arrived.
    pub async fn wait_for_call(&self, operation: Operation, email: &str) {
        let operation = serde_json::to_value(operation).unwrap();
        self.wait_for(&format!("operation={}&subject={email}", operation.as_str().unwrap())).await;
    }

    /// Returns once that is so, or with the sandbox's word for how far it came in that time.
    pub async fn wait(&self, query: &str, within: Duration) -> Result<(), String> {
        let path = format!("wait?{query}&timeout_ms={}", within.as_millis());
        match self.send(reqwest::Method::GET, &path, None).await {
            (200, _) => Ok(()),
            (408, body) => Err(body.to_string()),
            (status, body) => panic!("{query}: {status} {body}"),
        }
    }

    /// A bearer token, as Usher gets one: to know what they look like.
    pub async fn bearer_token(&self) -> String {
        let body = json!({
            "grant_type": "client_credentials",
            "client_id": usher_sandbox::zendesk::CLIENT_ID,
            "client_secret": usher_sandbox::zendesk::CLIENT_SECRET,
        });
        let url = format!("{}/oauth/tokens", self.zendesk());
        let answer: Value = self.client.post(url).json(&body).send().await.unwrap().json().await.unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }
}

/// Calls of this kind about this person.
pub fn about(operation: Operation, email: &str) -> Matcher {
    Matcher::operation(operation).about(email)
}

fn filtered(path: &str, email: Option<&str>) -> String {
    email.map_or_else(|| path.to_owned(), |email| format!("{path}?email={email}"))
}
