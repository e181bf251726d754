//! The router and the sandbox in one process, and the post between them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;
use usher_core::{Clock, SystemClock};
use usher_journal::{Request, RequestId};
use usher_lumos::{Conclusion, LUMOS_WAITS, conclude};
use usher_sandbox::{AppKey, Options, Sandbox, Seed};

use super::scene::Stand;
use super::{Row, Scene, directory, github, scenes, zendesk};
use crate::commands::{Failure, Started, client};
use crate::config;
use crate::edge::REQUEST_ID_HEADER;

/// How often a request is looked at until it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Spoils a scene after it was prepared: for the tests that show that each row can fail.
pub type Sabotage = Arc<dyn Fn(Scene, &Stage) + Send + Sync>;

/// Everything that the demo runs on: loopback sockets, a folder that goes with it.
pub struct Stage {
    folder: TempDir,
    sandbox: Sandbox,
    service: Started,
    client: reqwest::Client,
    key: SecretString,
    token: SecretString,
    sabotage: Option<Sabotage>,
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("folder", &self.folder.path()).finish_non_exhaustive()
    }
}

/// What came back for one webhook.
struct Heard {
    conclusion: Conclusion,
    after: Duration,
    request: Option<String>,
}

impl Stage {
    /// Starts the sandbox and the router.
    ///
    /// # Errors
    /// A folder, a socket or the journal that could not be had.
    pub async fn set(sabotage: Option<Sabotage>) -> Result<Self, Failure> {
        let failed = |what: &str, error: &dyn fmt::Display| Failure::failed(format!("{what}: {error}"));
        let folder = TempDir::with_prefix("usher-demo-").map_err(|e| failed("no folder for the demo", &e))?;
        let sandbox = Sandbox::start(Options::default()).await.map_err(|e| failed("no sandbox", &e))?;
        let seed = Seed {
            zendesk: zendesk::seed(),
            github: github::seed(),
            directory: directory::seed(),
            ..Seed::default()
        };
        sandbox.seed(&seed).map_err(|e| failed("the sandbox is not seeded", &e))?;
        let (key, token) = (secret(), secret());
        write(folder.path(), &sandbox, &key, &token)
            .map_err(|e| failed("the demo's files cannot be written", &e))?;
        let loaded = config::load(&folder.path().join("usher.toml"))?;
        let service = Started::start(loaded, Arc::new(SystemClock)).await?;
        let client = client(LUMOS_WAITS + Duration::from_secs(1))?;
        Ok(Self { folder, sandbox, service, client, key, token, sabotage })
    }

    /// Plays every scene, and checks each against the vendor's own ledger. `waiting` is told which of them takes long.
    ///
    /// # Errors
    /// The router does not answer, or a scene cannot be prepared.
    pub async fn play(&self, waiting: impl FnOnce(Scene)) -> Result<Vec<Row>, Failure> {
        let all = scenes();
        let slow = all.contains(&Scene::Late);
        // What comes after the slow one at its vendor stands in its way there.
        let is_last = |scene: &Scene| matches!(scene, Scene::NoSeat | Scene::Unmapped | Scene::Deprovisioned);
        let quick: Vec<Scene> =
            all.iter().copied().filter(|scene| *scene != Scene::Late && !is_last(scene)).collect();
        let last: Vec<Scene> = all.iter().copied().filter(is_last).collect();
        let mut rows = if slow {
            waiting(Scene::Late);
            // It runs beside the quick ones: it takes all the time that Lumos waits.
            let (quick, late) = tokio::join!(self.scenes(&quick), self.scene(Scene::Late));
            let mut rows = quick?;
            rows.push(late?);
            rows
        } else {
            self.scenes(&quick).await?
        };
        rows.extend(self.scenes(&last).await?);
        rows.sort_by_key(|row| row.scene);
        Ok(rows)
    }

    async fn scenes(&self, scenes: &[Scene]) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        for scene in scenes {
            rows.push(self.scene(*scene).await?);
        }
        Ok(rows)
    }

    /// Ends everything. Nothing is left behind.
    pub async fn strike(self) {
        self.service.stop().await;
        self.sandbox.shutdown().await;
    }

    /// The same at once, in the middle of a scene: nobody waits for its answer any more.
    pub(super) async fn break_off(self) {
        self.service.stop_within(Duration::ZERO).await;
        self.sandbox.shutdown().await;
    }

    /// Where webhooks go.
    #[must_use]
    pub fn webhooks(&self) -> String {
        format!("http://{}", self.service.webhooks())
    }

    /// Where operators go.
    #[must_use]
    pub fn admin(&self) -> String {
        format!("http://{}", self.service.admin())
    }

    /// Where the sandbox is told what to do.
    #[must_use]
    pub fn control(&self) -> String {
        self.sandbox.control_url()
    }

    /// The demo's operator's token, made for this run.
    pub(super) fn token(&self) -> &SecretString {
        &self.token
    }

    /// The configuration that it runs with.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("usher.toml")
    }

    /// A payload to send by hand, about somebody who is in no scene.
    #[must_use]
    pub fn sample(&self) -> PathBuf {
        self.folder.path().join("payload.json")
    }

    /// The stand-ins.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    async fn scene(&self, scene: Scene) -> Result<Row, Failure> {
        let before = self.sandbox.effects_on(scene.who()).len();
        scene
            .prepare(&self.sandbox)
            .map_err(|refused| Failure::failed(format!("the scene cannot be set: {refused}")))?;
        if let Some(sabotage) = &self.sabotage {
            sabotage(scene, self);
        }
        #[cfg(feature = "generic-rest")]
        if scene == Scene::OwnTests {
            return Ok(super::own_tests::row(&self.folder.path().join(directory::DEFINITION)));
        }
        let heard = self.send(scene).await?;
        scene.afterwards(&self.sandbox);
        let request = match &heard.request {
            Some(id) => self.ended(scene, &RequestId(id.clone())).await,
            None => None,
        };
        let paste = match (&heard.request, scene) {
            (Some(id), Scene::Unmapped) => self.paste(id).await,
            _ => None,
        };
        Ok(self.row(scene, &heard, request.as_ref(), before, paste))
    }

    fn row(
        &self,
        scene: Scene,
        heard: &Heard,
        request: Option<&Request>,
        before: usize,
        paste: Option<String>,
    ) -> Row {
        let at_vendor = scene.at_vendor(&self.sandbox, before);
        let now = request.map(Request::word);
        let fault = at_vendor
            .as_ref()
            .err()
            .cloned()
            .or_else(|| scene.really_happened(&self.sandbox).err())
            .or_else(|| {
                (heard.conclusion.is_success() != scene.is_told_success())
                    .then(|| format!("Lumos heard: {}", heard.conclusion))
            })
            .or_else(|| {
                (now != Some(scene.ends())).then(|| format!("the request should be {}", scene.ends()))
            })
            .or_else(|| {
                (scene == Scene::Unmapped && paste.is_none())
                    .then(|| "its page has no lines to paste".to_owned())
            })
            .or_else(|| (heard.after > LUMOS_WAITS).then(|| "Lumos had given up".to_owned()));
        Row {
            scene,
            asked: scene.asked(),
            heard: heard.conclusion.to_string(),
            after_ms: u64::try_from(heard.after.as_millis()).unwrap_or(u64::MAX),
            now,
            at_vendor: at_vendor.unwrap_or_else(|fault| fault),
            fault,
            request: heard.request.clone(),
            paste,
        }
    }

    /// The lines to paste, from the request's page, as an operator sees them.
    async fn paste(&self, id: &str) -> Option<String> {
        let url = format!("{}/api/v1/requests/{id}", self.admin());
        let page = self.client.get(url).bearer_auth(self.token.expose_secret()).send().await.ok()?;
        let page: serde_json::Value = page.json().await.ok()?;
        page.get("paste")?.as_str().map(str::to_owned)
    }

    async fn send(&self, scene: Scene) -> Result<Heard, Failure> {
        let sent = scene.sent();
        let url = format!("{}{}", self.webhooks(), sent.path);
        let clock = SystemClock;
        let began = clock.instant();
        let posted = async {
            let request =
                self.client.post(url).header("x-usher-key", self.key.expose_secret()).json(&payload(scene));
            let answer = request.send().await?;
            let id =
                answer.headers().get(REQUEST_ID_HEADER).and_then(|id| id.to_str().ok()).map(str::to_owned);
            let (status, body) = (answer.status().as_u16(), answer.bytes().await?);
            Ok::<_, reqwest::Error>((conclude(status, &body, sent.direction), id))
        };
        let (conclusion, request) = match timeout(LUMOS_WAITS, posted).await {
            Ok(Ok(heard)) => heard,
            Ok(Err(error)) => return Err(Failure::failed(format!("the router does not answer: {error}"))),
            Err(_) => (Conclusion::TimedOut, None),
        };
        Ok(Heard { conclusion, after: clock.instant().saturating_duration_since(began), request })
    }

    /// The request once it has ended as the scene says, or however it stands when patience is at its end.
    async fn ended(&self, scene: Scene, id: &RequestId) -> Option<Request> {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        let seen = async {
            loop {
                looks.tick().await;
                if let Ok(Some(stored)) = self.service.journal().find(id).await
                    && stored.request.word() == scene.ends()
                {
                    return stored.request;
                }
            }
        };
        match timeout(scene.patience(), seen).await {
            Ok(request) => Some(request),
            Err(_) => self.service.journal().find(id).await.ok().flatten().map(|stored| stored.request),
        }
    }
}

/// What Lumos would send.
fn payload(scene: Scene) -> serde_json::Value {
    let sent = scene.sent();
    let (value, label) = sent.permission;
    let name = scene.who().split('@').next().unwrap_or_default();
    json!({
        "application": { "app_id": scene.stand().app(), "user_friendly_label": scene.stand().app() },
        "permissions": [{ "label": label, "value": value, "type": "PERMISSION", "source": "MANUAL" }],
        "target_user": { "email": scene.who(), "given_name": name, "family_name": "Example" },
        "access_length": null,
        "request_comment": "for the demo",
        "request_task_url": format!("https://app.lumosidentity.com/tasks?requestId={}", sent.request_id),
        "custom_fields": null,
    })
}

/// What a person may send while the demo stays up, for the first of the compiled connectors.
fn sample() -> Option<serde_json::Value> {
    let (stand, value, label) = Stand::compiled_in().next().map(|stand| match stand {
        Stand::Zendesk => (stand, "light_agent", "Light Agent"),
        Stand::Github => (stand, "engineering", "Engineering"),
        Stand::Directory => (stand, "viewing", "Viewing"),
    })?;
    Some(json!({
        "application": { "app_id": stand.app(), "user_friendly_label": stand.app() },
        "permissions": [{ "label": label, "value": value, "type": "PERMISSION", "source": "MANUAL" }],
        "target_user": { "email": "johnny@example.com", "given_name": "Johnny", "family_name": "Storm" },
        "request_task_url": "https://app.lumosidentity.com/tasks?requestId=77100",
    }))
}

/// 32 random hexadecimal digits, from the same source as request ids.
fn secret() -> SecretString {
    SecretString::from(format!("{}{}", uuid::Uuid::now_v7().simple(), uuid::Uuid::now_v7().simple()))
}

/// The configuration, its secrets and the payload to send by hand.
fn write(folder: &Path, sandbox: &Sandbox, key: &SecretString, token: &SecretString) -> std::io::Result<()> {
    let file = |name: &str, text: &str| std::fs::write(folder.join(name), text);
    let mut config = CONFIG.to_owned();
    for stand in Stand::compiled_in() {
        match stand {
            Stand::Zendesk => {
                config.push_str(&zendesk::CONFIG.replace("ZENDESK", &sandbox.zendesk_url()));
                file("zendesk-secret", usher_sandbox::zendesk::CLIENT_SECRET)?;
            }
            Stand::Github => {
                config.push_str(&github::config(&sandbox.github_url()));
                let app = AppKey::shared().map_err(std::io::Error::other)?;
                file("github-app.pem", app.private_pem())?;
            }
            Stand::Directory => {
                config.push_str(&directory::CONFIG.replace("DIRECTORY", &sandbox.directory_url()));
                file("directory-secret", usher_sandbox::directory::CLIENT_SECRET)?;
                #[cfg(feature = "generic-rest")]
                file(directory::DEFINITION, super::own_tests::DEFINITION)?;
            }
        }
    }
    file("usher.toml", &config)?;
    if let Some(sample) = sample() {
        file("payload.json", &format!("{sample:#}\n"))?;
    }
    file("webhook-key", key.expose_secret())?;
    file("operator-token", token.expose_secret())
}

const CONFIG: &str = r#"# Written by `usher demo`.
[server]
listen = "127.0.0.1:0"

[server.auth]
header = "X-Usher-Key"
secrets = [{ file = "webhook-key" }]

[admin]
listen = "127.0.0.1:0"
operators.demo = { token = { file = "operator-token" }, role = "operator" }
"#;
