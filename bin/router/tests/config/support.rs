use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use tempfile::TempDir;
use usher_core::{
    ConfigError, Connector, HttpFailure, HttpRequest, HttpResponse, SecretRef, Secrets, SystemClock,
    Transport,
};
use usher_router::config::{Loaded, Report, Surroundings, load_with};

use crate::desk::DeskConnector;

/// The start of a file that has nothing wrong.
pub(crate) const BASE: &str = r#"
[server.auth]
secrets = [{ env = "KEY" }]

[connections.desk]
connector = "desk"
subdomain = "acme"

[apps.desk]
connection = "desk"
email_domains = ["acme.com"]
after_deadline = "continue"

[apps.desk.permissions]
agent = { role = "agent" }
"#;

/// A secret for each name; `UNSET` is not there, `SAME_…` all have the same, `BAD` fits no header, `SLACK_URL` is an address and
/// `WHSEC` signs.
#[derive(Debug)]
struct FakeSecrets;

impl Secrets for FakeSecrets {
    fn read(&self, from: &SecretRef) -> Result<SecretString, ConfigError> {
        match from {
            SecretRef::Env(name) if name == "UNSET" => {
                let error =
                    ConfigError::at(Vec::<String>::new(), "the environment variable UNSET is not set");
                Err(error.hint("set UNSET in the environment of the router, or name a file"))
            }
            SecretRef::Env(name) if name.starts_with("SAME") => Ok("topsecret-of-several".into()),
            SecretRef::Env(name) if name == "SLACK_URL" => {
                Ok("https://hooks.slack.com/services/topsecret".into())
            }
            SecretRef::Env(name) if name == "WHSEC" => {
                Ok("whsec_topsecrettopsecrettopsecrettopsecret".into())
            }
            SecretRef::Env(name) if name == "BAD" => Ok("topsecret\nwith a line end".into()),
            SecretRef::Env(name) => Ok(format!("topsecret-of-{name}").into()),
            SecretRef::File(path) if path.ends_with("there") => Ok("topsecret-of-a-file".into()),
            SecretRef::File(path) => Err(ConfigError::at(
                Vec::<String>::new(),
                format!("the secret's file {} is not there", path.display()),
            )
            .hint("name a file that the router's user can read")),
        }
    }
}

#[derive(Debug)]
struct NoTransport;

#[async_trait]
impl Transport for NoTransport {
    async fn send(&self, _: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        panic!("loading a configuration calls nobody")
    }
}

pub(crate) fn surroundings(connectors: Vec<Box<dyn Connector>>) -> Surroundings {
    Surroundings {
        connectors,
        clock: Arc::new(SystemClock),
        secrets: Arc::new(FakeSecrets),
        transport: Arc::new(NoTransport),
    }
}

pub(crate) struct File {
    pub(crate) folder: TempDir,
    pub(crate) path: PathBuf,
}

impl File {
    pub(crate) fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usher.toml");
        std::fs::write(&path, text).unwrap();
        Self { folder, path }
    }

    /// With the project's recipes beside it.
    #[cfg(all(feature = "generic-rest", feature = "github-org", feature = "zendesk-license"))]
    pub(crate) fn with_recipes(text: &str) -> Self {
        let file = Self::new(text);
        let recipes = std::path::Path::new(crate::stand_in::ROOT).join("recipes").canonicalize().unwrap();
        std::os::unix::fs::symlink(recipes, file.folder.path().join("recipes")).unwrap();
        file
    }

    pub(crate) fn load(&self) -> Result<Loaded, Report> {
        load_with(&self.path, surroundings(vec![Box::new(DeskConnector { kind: "desk" })]))
    }

    /// What is wrong, as it is shown, without the folder that differs from run to run.
    pub(crate) fn shown(&self) -> String {
        let report = self.load().unwrap_err();
        let shown = report.to_string();
        assert_secretless(&shown);
        assert_secretless(&report.render(true));
        assert_secretless(&report.to_json().to_string());
        assert_secretless(&format!("{report:?}"));
        shown.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

/// Every secret of these tests has this in it.
pub(crate) fn assert_secretless(text: &str) {
    for secret in ["topsecret", "hunter2"] {
        assert!(!text.contains(secret), "shows a secret:\n{text}");
    }
}

/// Loads a text in which nothing is wrong.
pub(crate) fn load(text: &str) -> Loaded {
    File::new(text).load().unwrap_or_else(|report| panic!("{report}"))
}

/// What is shown for a text.
pub(crate) fn shown(text: &str) -> String {
    File::new(text).shown()
}

/// `BASE` with something replaced.
pub(crate) fn base_with(old: &str, new: &str) -> String {
    assert!(BASE.contains(old), "{old} is not in the base");
    BASE.replacen(old, new, 1)
}

/// `BASE` with something added.
pub(crate) fn base_and(more: &str) -> String {
    format!("{BASE}{more}")
}
