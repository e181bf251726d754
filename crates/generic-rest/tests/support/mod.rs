//! A connection to an application that answers from a script, and a log of what it was sent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use usher_core::{
    Action, App as Application, Asked, Call, Clock, ConfigError, Direction, Facet, Fault, Goal, Handles,
    Health, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse, Known, Plan, Planner, Ports, Priority,
    Provisioner, Receipt, SecretRef, Secrets, Sent, Snapshot, Subject, SystemClock, Transport, Watch,
};
use usher_generic_rest::GenericRestConnection;
use usher_vendor_client::{LimitSettings, Limits};

pub(crate) const ADA: &str = "ada@acme.example";
pub(crate) const SECRET: &str = "a-token-that-nobody-may-see";

/// How the application answers one request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    lost: Option<(HttpFailureKind, Sent)>,
}

impl Reply {
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

pub(crate) fn reply(status: u16, body: Value) -> Reply {
    Reply { status, headers: Vec::new(), body: body.to_string().into_bytes(), lost: None }
}

pub(crate) fn ok(body: Value) -> Reply {
    reply(200, body)
}

pub(crate) fn text(status: u16, body: &str) -> Reply {
    Reply { status, headers: Vec::new(), body: body.as_bytes().to_vec(), lost: None }
}

/// No answer comes.
pub(crate) fn lost(sent: Sent) -> Reply {
    let kind = if sent == Sent::No { HttpFailureKind::Connect } else { HttpFailureKind::TimedOut };
    Reply { lost: Some((kind, sent)), ..text(0, "") }
}

#[derive(Debug, Default)]
struct Script {
    answers: VecDeque<Reply>,
    sent: Vec<HttpRequest>,
}

#[derive(Debug, Default)]
struct Scripted(Mutex<Script>);

#[async_trait]
impl Transport for Scripted {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let mut script = self.0.lock().unwrap();
        script.sent.push(request);
        let failed = |kind, sent| Err(HttpFailure { sent, kind, message: "played by the test".to_owned() });
        let Some(reply) = script.answers.pop_front() else {
            return failed(HttpFailureKind::BodyTooLarge, Sent::Yes);
        };
        if let Some((kind, sent)) = reply.lost {
            return failed(kind, sent);
        }
        let pair = |(name, value): &(&'static str, String)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let headers: HeaderMap = reply.headers.iter().map(pair).collect();
        let status = StatusCode::from_u16(reply.status).unwrap();
        Ok(HttpResponse { status, headers, body: reply.body.into() })
    }
}

#[derive(Debug)]
struct OneSecret;

impl Secrets for OneSecret {
    fn read(&self, from: &SecretRef) -> Result<SecretString, ConfigError> {
        match from {
            SecretRef::Env(name) if name == "TOKEN" => Ok(SECRET.into()),
            _ => Err(ConfigError::at(Vec::<String>::new(), "the secret is not there")),
        }
    }
}

/// The application and a connection to it.
pub(crate) struct App {
    pub(crate) connection: GenericRestConnection,
    script: Arc<Scripted>,
    _folder: TempDir,
}

const HEAD: &str = "schema = 1\nbase_url = \"https://api.acme.example\"\nauth = { type = \"bearer\", token = \"{{ secret.token }}\" }\n";

impl App {
    /// With a definition, less its first lines.
    pub(crate) fn new(definition: &str) -> Self {
        Self::with(definition, json!({}))
    }

    /// With settings besides.
    pub(crate) fn with(definition: &str, more: Value) -> Self {
        match Self::build(definition, more) {
            Ok(app) => app,
            Err(mistakes) => {
                panic!("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
            }
        }
    }

    pub(crate) fn build(definition: &str, more: Value) -> Result<Self, Vec<ConfigError>> {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("{HEAD}{definition}");
        std::fs::write(folder.path().join("app.toml"), text).unwrap();
        let mut settings = json!({"definition": "app.toml", "secrets": {"token": {"env": "TOKEN"}}});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let script = Arc::new(Scripted::default());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ports = Ports {
            connection: "app".to_owned(),
            folder: folder.path().to_owned(),
            base_url: None,
            allow_private: false,
            clock: Arc::clone(&clock),
            secrets: Arc::new(OneSecret),
            limiter: Arc::new(Limits::new(LimitSettings::default(), clock)),
            transport: script.clone(),
        };
        Ok(Self { connection: GenericRestConnection::new(&settings, ports)?, script, _folder: folder })
    }

    /// What the application answers next, request by request.
    pub(crate) fn answers(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.0.lock().unwrap().answers.extend(replies);
    }

    /// What was sent since the last time: method, path and query, and the body where there is one.
    pub(crate) fn sent(&self) -> Vec<String> {
        let mut script = self.script.0.lock().unwrap();
        assert!(script.answers.is_empty(), "{} answers were not asked for", script.answers.len());
        let shown = |request: HttpRequest| {
            let target = &request.url[url::Position::BeforePath..];
            let body = String::from_utf8(request.body.to_vec()).unwrap();
            format!("{} {target} {body}", request.method).trim_end().to_owned()
        };
        script.sent.drain(..).map(shown).collect()
    }

    /// A header of the last request.
    pub(crate) fn last_header(&self, name: &str) -> Option<String> {
        let script = self.script.0.lock().unwrap();
        script.sent.last()?.headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    pub(crate) async fn try_see(&self, known: &Known, of: &[Facet]) -> Result<Snapshot, Fault> {
        self.connection.observe(&call(), &ada(), known, &of.iter().cloned().collect()).await
    }

    /// One reading of Ada, with these answers.
    pub(crate) async fn see(&self, of: &[Facet], replies: impl IntoIterator<Item = Reply>) -> Snapshot {
        self.answers(replies);
        self.try_see(&Known::default(), of).await.unwrap()
    }

    /// A reading that fails, with these answers.
    pub(crate) async fn fails(&self, replies: impl IntoIterator<Item = Reply>) -> Fault {
        self.answers(replies);
        self.try_see(&Known::default(), &[]).await.unwrap_err()
    }

    pub(crate) fn plan(&self, seen: &Snapshot, goal: &Goal) -> Plan {
        self.connection.plan(&ada(), &asked(direction(goal)), seen, goal)
    }

    /// The only action of a plan.
    pub(crate) fn action(&self, seen: &Snapshot, goal: &Goal) -> Action {
        let mut plan = self.plan(seen, goal);
        assert!(plan.refused.is_empty() && plan.actions.len() == 1, "{plan:?}");
        plan.actions.remove(0)
    }

    pub(crate) async fn apply(
        &self,
        seen: &Snapshot,
        action: &Action,
        reply: Reply,
    ) -> Result<Receipt, Fault> {
        self.answers([reply]);
        let direction = if action.gives.is_empty() { Direction::Deprovision } else { Direction::Provision };
        self.connection.apply(&call(), &ada(), &asked(direction), seen, action).await
    }

    pub(crate) async fn check(
        &self,
        named: &[Facet],
        replies: impl IntoIterator<Item = Reply>,
    ) -> Result<Health, Fault> {
        self.answers(replies);
        self.connection.check(&call(), &named.iter().cloned().collect()).await
    }
}

fn direction(goal: &Goal) -> Direction {
    if goal.hold.is_empty() { Direction::Deprovision } else { Direction::Provision }
}

pub(crate) fn call() -> Call {
    Call {
        deadline: SystemClock.instant() + Duration::from_secs(10),
        priority: Priority::Answering,
        idempotency_key: Some("the-engines-key".to_owned()),
        part: None,
    }
}

pub(crate) fn ada() -> Subject {
    Subject {
        email: ADA.to_owned(),
        given_name: Some("Ada".to_owned()),
        family_name: None,
        custom_fields: BTreeMap::from([("cost_center".to_owned(), json!("R&D"))]),
    }
}

pub(crate) fn asked(direction: Direction) -> Asked {
    Asked {
        direction,
        request: "01".to_owned(),
        comment: Some("for the launch".to_owned()),
        app: Application { id: "app".to_owned(), instance: None, label: Some("The app".to_owned()) },
        now: "2026-11-24T08:00:00Z".parse().unwrap(),
        attempt: 1,
    }
}

pub(crate) fn role(value: &str) -> Facet {
    Facet::new("role", value)
}

pub(crate) fn account() -> Facet {
    Facet::new("account", "account")
}

pub(crate) fn hold<const N: usize>(facets: [Facet; N]) -> Goal {
    Goal { hold: BTreeSet::from(facets), ..Goal::default() }
}

pub(crate) fn release<const N: usize>(facets: [Facet; N]) -> Goal {
    Goal { release: BTreeSet::from(facets), ..Goal::default() }
}

pub(crate) fn remembered(pairs: &[(&str, &str)]) -> Known {
    let handles: Handles =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Known { handles, ..Known::default() }
}

pub(crate) fn followed(watch: &Watch) -> Known {
    Known { watches: vec![watch.clone()], ..Known::default() }
}

/// The names of a plan's actions.
pub(crate) fn names(plan: &Plan) -> Vec<&str> {
    plan.actions.iter().map(|action| action.name.as_str()).collect()
}

/// A directory whose search finds parts of addresses and gives them in pages; its PUT replaces.
pub(crate) const DIRECTORY: &str = r#"
[entitlement]
role = { type = "string" }

[[lookup]]
id = "person"
get = "/api/users"
query = { search = "{{ user.email }}" }
paginate = { page = "page", first = 1, pages = "json.pages", items = "json.users", max_pages = 3 }
capture.hit = "items | where('email', user.email) | one_or_none"

[state]
account = "person.hit"
id = "person.hit.id if person.hit else none"

[slots.role]
wants = "entitlement.role"
has = "person.hit.roles if person.hit else []"

[[refuse]]
when = "person.hit and 'administrator' in person.hit.roles"
as = "protected"
message = "is an administrator of the directory"

[[provision]]
when = "not person.hit"
post = "/api/users"
json = { email = "{{ user.email }}", given_name = "{{ user.given_name | default(omit) }}", family_name = "{{ user.family_name | default(omit) }}", roles = "{{ slot.role.after }}" }
expect.status = [201, 202]
keep.id = "json.id"
poll = { get = "{{ headers.location }}", until = "json.state == 'done'", failed = "json.state == 'failed'", every = "500ms" }

[[update]]
when = "person.hit"
put = "/api/users/{{ person.hit.id }}/roles"
json.roles = "{{ slot.role.after }}"

[[remove]]
delete = "/api/users/{{ person.hit.id }}"
expect.status = [204, 404]
"#;

/// One page of the directory.
pub(crate) fn page(pages: u32, users: Value) -> Reply {
    ok(json!({"pages": pages, "users": users}))
}

/// Ada, with these roles.
pub(crate) fn with_roles(roles: Value) -> Reply {
    page(1, json!([{"id": "7", "email": "Ada@Acme.example", "roles": roles}]))
}

/// Nobody.
pub(crate) fn nobody() -> Reply {
    page(0, json!([]))
}
