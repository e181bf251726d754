use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use toml::de::DeTable;
use usher_core::{Clock, Connector, Limiter, Secrets, SystemClock, Transport};
use usher_engine::Connection;
use usher_vendor_client::{EnvAndFileSecrets, ReqwestTransport, TransportSettings};

use super::alerts::alerts;
use super::apps::{Apps, apps};
use super::broken::suspects_in_broken;
use super::connections::{Draft, connections};
use super::hooks::{Hook, Others, hooks};
use super::listeners::{admin, journal, server, test_app_ids};
use super::lumos::lumos;
use super::model::{Alerts, Config, Lumos, Summary};
use super::report::Report;
use super::secrets::{FolderSecrets, suspects};
use crate::routes::{Credentials, HookRoute, RouteTable, Routes, toml_key};
use usher_toml_reader::Notes;
use usher_toml_reader::Section;

/// Bytes of a configuration file at the most.
const MAX_FILE: u64 = 4 << 20;
/// Characters of a webhook's secret below which guessing it is worth a note.
const SHORT_SECRET: usize = 16;

/// A configuration that can be run.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// For the listeners and the journal.
    pub config: Config,
    /// For the engine, by name.
    pub connections: BTreeMap<String, Connection>,
    /// What the vendors take, by connection.
    pub limiters: BTreeMap<String, Arc<dyn Limiter>>,
    /// Which webhook is whose.
    pub routes: Routes,
    /// SHA-256 of the file's text and of the definitions that it names, in hex. Secrets are not in it: they stand elsewhere.
    pub hash: String,
    /// For `usher check`.
    pub summary: Summary,
    /// The files of generic-rest's definitions, each once.
    pub definitions: BTreeSet<PathBuf>,
    /// HTTP, for whoever sends besides the connectors.
    pub transport: Arc<dyn Transport>,
}

/// What a configuration is loaded with.
#[derive(Debug)]
pub struct Surroundings {
    /// Connectors to choose from.
    pub connectors: Vec<Box<dyn Connector>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where secrets come from. Relative files are made to begin in the configuration's folder before it is asked.
    pub secrets: Arc<dyn Secrets>,
    /// HTTP to vendors.
    pub transport: Arc<dyn Transport>,
}

/// Reads a configuration with the machine's clock, environment and network, and the connectors of this build.
///
/// # Errors
/// Every mistake in it.
pub fn load(path: &Path) -> Result<Loaded, Report> {
    let transport = ReqwestTransport::new(TransportSettings::default()).map_err(|error| {
        let mut notes = Notes::default();
        notes.wrong(None, &[], error.message, error.hint);
        Report::of(notes, path, "")
    })?;
    let with = Surroundings {
        connectors: crate::connectors::all(),
        clock: Arc::new(SystemClock),
        secrets: Arc::new(EnvAndFileSecrets),
        transport: Arc::new(transport),
    };
    load_with(path, with)
}

/// Reads a configuration with given surroundings.
///
/// # Errors
/// Every mistake in it.
pub fn load_with(path: &Path, mut with: Surroundings) -> Result<Loaded, Report> {
    let text = read(path).map_err(|(message, hint)| {
        let mut notes = Notes::default();
        notes.wrong(None, &[], message, Some(hint));
        Report::of(notes, path, "")
    })?;
    let folder = path.parent().map(Path::to_owned).filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| PathBuf::from("."));
    // Connectors join it with what their settings name, and so does the reader of secrets: twice is once if it is absolute.
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    with.secrets = Arc::new(FolderSecrets { folder: folder.clone(), inner: with.secrets });
    let mut notes = Notes::default();
    let (table, errors) = DeTable::parse_recoverable(&text);
    if !errors.is_empty() {
        return Err(broken(path, &text, table.get_ref(), &errors, notes));
    }
    suspects(table.get_ref()).into_iter().for_each(|place| notes.hide(place));
    let parts = Parts::read(table.get_ref(), &text, &folder, &with, &mut notes);
    if !notes.is_empty() {
        return Err(Report::of(notes, path, &text));
    }
    Ok(parts.assemble(path, folder, &text, with.transport))
}

fn read(path: &Path) -> Result<String, (String, String)> {
    let hint =
        || "name the file with --config FILE; `usher.example.toml` shows all that can stand in it".to_owned();
    let file = std::fs::File::open(path).map_err(|error| match error.kind() {
        // The kind's own words are "entity not found".
        ErrorKind::NotFound => ("is not there".to_owned(), hint()),
        kind => (format!("cannot be opened: {kind}"), hint()),
    })?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| (format!("cannot be read: {}", error.kind()), hint()))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_FILE {
        return Err((
            "is larger than 4 MiB".to_owned(),
            "a configuration is smaller: is this the right file?".to_owned(),
        ));
    }
    String::from_utf8(bytes).map_err(|_| ("is not UTF-8".to_owned(), "save it as UTF-8".to_owned()))
}

/// A text that is not TOML. Nothing is known of its keys for sure, so whatever may be a secret is blanked.
fn broken(
    path: &Path,
    text: &str,
    table: &DeTable<'_>,
    errors: &[toml::de::Error],
    mut notes: Notes,
) -> Report {
    suspects(table).into_iter().chain(suspects_in_broken(text)).for_each(|place| notes.hide(place));
    let line = |error: &toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        text.bytes().take(start).filter(|byte| *byte == b'\n').count()
    };
    let mut told = BTreeSet::new();
    // What follows on the same line comes of the first: one missing quote would be four mistakes.
    for error in errors.iter().filter(|error| told.insert(line(error))) {
        let hint = match error.message() {
            "duplicate key" => "a key can stand only once: take one of the two out",
            _ => {
                "this is where it stops being TOML: look for a quote, a bracket or a sign of equality that is missing or doubled"
            }
        };
        notes.wrong(error.span(), &[], error.message(), Some(hint.to_owned()));
    }
    Report::of(notes, path, text)
}

/// All sections, read independently of each other.
struct Parts {
    server: super::model::Server,
    shared: Credentials,
    admin: super::model::Admin,
    journal: super::model::Journal,
    alerts: Alerts,
    lumos: Option<Lumos>,
    test_app_ids: BTreeSet<String>,
    drafts: BTreeMap<String, Draft>,
    apps: Apps,
    hooks: BTreeMap<String, Hook>,
}

impl Parts {
    fn read(table: &DeTable<'_>, text: &str, folder: &Path, with: &Surroundings, notes: &mut Notes) -> Self {
        let mut root = Section::root(table);
        let secrets = &*with.secrets;
        let (server, shared) = server(&mut root, secrets, notes);
        let (admin, tokens) = admin(&mut root, &server, &shared, secrets, notes);
        let journal = journal(&mut root, folder, notes);
        let test_app_ids = test_app_ids(&mut root, notes);
        let alerts = alerts(&mut root, secrets, notes);
        let lumos = lumos(&mut root, folder, with, notes);
        let drafts = connections(&mut root, folder, with, notes);
        let apps = apps(&mut root, &drafts, text, notes);
        let others = Others { shared: &shared, tokens: &tokens };
        let hooks = hooks(&mut root, &apps, &others, secrets, notes);
        root.finish(notes);
        Self { server, shared, admin, journal, alerts, lumos, test_app_ids, drafts, apps, hooks }
    }

    fn assemble(self, path: &Path, folder: PathBuf, text: &str, transport: Arc<dyn Transport>) -> Loaded {
        let hash = hash(text, self.drafts.values());
        let mut notes = self.notes();
        let routes = Routes::new(RouteTable {
            shared: self.shared,
            apps: self.apps.read.iter().map(|(key, app)| (key.clone(), app.route.clone())).collect(),
            hooks: self.hooks.into_iter().map(|(name, hook)| (name, HookRoute::from(hook))).collect(),
            test_app_ids: self.test_app_ids,
            connections: self.drafts.keys().cloned().collect(),
        });
        notes.extend(routes.guarded().map(|(app, permission, path)| {
            format!(
                "permission {} of apps.{} is given through {path} alone: a grant at /webhooks that lists it is refused whole",
                toml_key(permission),
                toml_key(app)
            )
        }));
        let summary = Summary {
            file: path.to_owned(),
            hash: hash.clone(),
            connections: self.drafts.values().filter_map(|draft| draft.summary.clone()).collect(),
            apps: self.apps.read.values().map(|app| app.summary.clone()).collect(),
            on_late_success: self.lumos.as_ref().map(|lumos| lumos.on_late_success),
            webhooks: routes.paths(),
            notes,
        };
        let described = self.drafts.values().filter(|draft| draft.is_of("generic-rest"));
        let definitions = described.flat_map(|draft| &draft.definitions);
        let definitions = definitions.map(|(name, _)| folder.join(name)).collect();
        let (mut connections, mut limiters) = (BTreeMap::new(), BTreeMap::new());
        for (name, draft) in self.drafts {
            limiters.extend(draft.limiter.map(|limiter| (name.clone(), limiter)));
            let Some(provisioner) = draft.provisioner else { continue };
            let own = self.apps.read.iter().filter(|(_, app)| app.route.connection == name);
            let apps = own.map(|(key, app)| (key.clone(), app.policy.clone())).collect();
            connections.insert(name, Connection { provisioner, apps, breaker: draft.breaker });
        }
        let config = Config {
            file: path.to_owned(),
            folder,
            server: self.server,
            admin: self.admin,
            journal: self.journal,
            alerts: self.alerts,
            lumos: self.lumos,
        };
        Loaded { config, connections, limiters, routes, hash, summary, definitions, transport }
    }

    /// What is allowed and still worth a look.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let hooks = self.hooks.values().filter_map(|hook| hook.secrets.as_ref()).flatten();
        if self.shared.secrets.iter().chain(hooks).any(|secret| secret.expose_secret().len() < SHORT_SECRET) {
            notes
                .push(format!("a webhook's secret has fewer than {SHORT_SECRET} characters: make it longer"));
        }
        if self.apps.read.is_empty() {
            notes.push("there are no apps: every request will be refused".to_owned());
        }
        if self.admin.operators.is_empty() {
            notes.push("there are no operators: nobody can use the admin API".to_owned());
        }
        for name in self.drafts.keys() {
            if !self.apps.read.values().any(|app| app.route.connection == *name) {
                notes.push(format!("no app uses connections.{name}"));
            }
        }
        let definitions: BTreeMap<&str, &[u8]> = self
            .drafts
            .values()
            .flat_map(|draft| &draft.definitions)
            .map(|(name, text)| (name.as_str(), text.as_slice()))
            .collect();
        for (name, text) in definitions {
            let text = std::str::from_utf8(text).unwrap_or_default();
            if !DeTable::parse_recoverable(text).0.get_ref().contains_key("test") {
                notes.push(format!("{name} has no [[test]]: nothing shows that it does what it should"));
            }
        }
        for (key, app) in &self.apps.read {
            if app.route.dry_run {
                notes.push(format!("apps.{key} is a dry run: it changes nothing and answers no"));
            }
            if app.policy.counts_invited {
                notes.push(format!(
                    "apps.{key} counts an invitation as provisioned: Lumos is told yes once it is out, before the person has accepted; counts_as_provisioned = \"active\" waits for them"
                ));
            }
            if app.summary.permissions.is_empty() {
                notes.push(format!(
                    "apps.{key} has neither permissions nor a default: it will refuse every request"
                ));
            }
        }
        notes
    }
}

impl From<Hook> for HookRoute {
    fn from(hook: Hook) -> Self {
        Self { app: hook.app, permission: hook.permission, secrets: hook.secrets }
    }
}

fn hash<'d>(text: &str, drafts: impl Iterator<Item = &'d Draft>) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        // The length keeps ("a", "bc") and ("ab", "c") apart.
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    };
    add(text.as_bytes());
    for (name, bytes) in drafts.flat_map(|draft| &draft.definitions) {
        add(name.as_bytes());
        add(bytes);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether any of `mine` is among `others`.
pub(crate) fn share(mine: &[SecretString], others: &[SecretString]) -> bool {
    mine.iter().any(|one| others.iter().any(|other| one.expose_secret() == other.expose_secret()))
}
