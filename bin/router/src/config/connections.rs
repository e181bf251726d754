//! `[connections.*]`: from settings to connections, with the connector's own complaints put in their place.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use toml::de::DeValue;
use usher_core::{Capabilities, Connector, Limiter, Ports, Provisioner};
use usher_engine::BreakerSettings;
use usher_vendor_client::{LimitSettings, Limits};

use super::Surroundings;
use super::complaints::build;
use super::json::members;
use super::model::ConnectionSummary;
use super::sample::is_made_up;
use crate::connectors::{KNOWN, KnownConnector, features, lacking};
use usher_toml_reader::Notes;
use usher_toml_reader::{Item, Section, did_you_mean, nearest};

/// Calls that wait for leave at one connection, at the most.
const WAITING: usize = 16_384;
/// Calls at once where `limits` says nothing.
const CONCURRENT: usize = 8;
/// Failures in a row that open a circuit: with one, a single person's would.
const FAILURES: (u32, u32) = (2, 100);
/// Between two probes at the most.
const LONGEST_OPEN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3600));

/// A section of `[connections]`, as far as it could be read.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Present even where something is wrong, if it could be built with the mistakes taken out: for what it compiles.
    pub(crate) provisioner: Option<Arc<dyn Provisioner>>,
    pub(crate) capabilities: Option<Capabilities>,
    pub(crate) summary: Option<ConnectionSummary>,
    /// What its vendor takes; `None` where its connector is not known.
    pub(crate) limiter: Option<Arc<dyn Limiter>>,
    /// `None`: its circuit never opens.
    pub(crate) breaker: Option<BreakerSettings>,
    /// Files that its settings name: `(path as written, contents)`.
    pub(crate) definitions: Vec<(String, Vec<u8>)>,
}

impl Draft {
    /// Whether this connector serves it.
    pub(crate) fn is_of(&self, connector: &str) -> bool {
        self.summary.as_ref().is_some_and(|summary| summary.connector == connector)
    }
}

pub(crate) fn connections(
    root: &mut Section<'_>,
    folder: &Path,
    with: &Surroundings,
    notes: &mut Notes,
) -> BTreeMap<String, Draft> {
    let Some(section) = root.section("connections", notes) else { return BTreeMap::new() };
    let mut drafts = BTreeMap::new();
    let mut tenants: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut items = section.rest();
    items.sort_by_key(|item| item.key_span.start);
    for item in items {
        let draft = connection(&item, folder, with, notes);
        if let Some(summary) = draft.summary.as_ref().filter(|summary| !is_made_up(&summary.tenant)) {
            let tenant = (summary.connector.clone(), summary.tenant.clone());
            match tenants.get(&tenant) {
                Some(other) => item.wrong(
                    notes,
                    format!("serves the same account as connections.{other} ({})", summary.tenant),
                    "keep one of the two and let its apps share it: two would not know of each other's changes",
                ),
                None => {
                    tenants.insert(tenant, item.name().to_owned());
                }
            }
        }
        drafts.insert(item.name().to_owned(), draft);
    }
    drafts
}

fn connection(item: &Item<'_>, folder: &Path, with: &Surroundings, notes: &mut Notes) -> Draft {
    let mut draft = Draft {
        provisioner: None,
        capabilities: None,
        summary: None,
        limiter: None,
        breaker: Some(BreakerSettings::default()),
        definitions: Vec::new(),
    };
    check_name(item, "a connection", notes);
    let Some(mut section) = item.section(notes) else { return draft };
    let connector = section
        .need("connector", &format!("write connector = {}{}", known_kinds(with), and_lacking(with)), notes)
        .and_then(|item| connector(&item, with, notes));
    let limits =
        section.take("limits").map_or_else(|| limit_settings(None, None), |item| limits(&item, notes));
    if let Some(item) = section.take("breaker") {
        draft.breaker = breaker(&item, notes);
    }
    let base_url = section
        .take("base_url")
        .and_then(|item| item.text("\"https://vendor.example\"", notes).map(str::to_owned));
    let allow_private = section.take("allow_private").and_then(|item| item.boolean(notes)).unwrap_or(false);
    let rest = section.rest();
    let settings = rest.iter().map(|item| (item.name().to_owned(), super::json::json(item, notes))).collect();
    let Some(connector) = connector else { return draft };
    draft.definitions = definitions(&rest, folder);
    let limiter: Arc<dyn Limiter> = Arc::new(Limits::new(limits, Arc::clone(&with.clock)));
    let ports = Ports {
        connection: item.name().to_owned(),
        folder: folder.to_owned(),
        base_url,
        allow_private,
        clock: Arc::clone(&with.clock),
        secrets: Arc::clone(&with.secrets),
        limiter: Arc::clone(&limiter),
        transport: Arc::clone(&with.transport),
    };
    draft.limiter = Some(limiter);
    draft.provisioner = build(connector, Value::Object(settings), &ports, item, notes);
    // What this connection can do; where it could not be built, what its connector can.
    draft.capabilities = Some(match &draft.provisioner {
        Some(provisioner) => provisioner.capabilities(),
        None => connector.capabilities(),
    });
    draft.summary = draft.provisioner.as_ref().map(|provisioner| ConnectionSummary {
        name: item.name().to_owned(),
        connector: connector.kind().to_owned(),
        tenant: provisioner.tenant(),
    });
    draft
}

/// A name that stands in logs, addresses and metrics as it is.
pub(crate) fn check_name(item: &Item<'_>, whose: &str, notes: &mut Notes) {
    let name = item.name();
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if name.is_empty() || name.len() > 64 || !is_plain {
        let hint = "use at most 64 letters, digits, - and _";
        notes.wrong(
            Some(item.key_span.clone()),
            &item.path,
            format!("is not a name that {whose} can have"),
            Some(hint.to_owned()),
        );
    }
}

/// `"desk" or "wiki"`
fn known_kinds(with: &Surroundings) -> String {
    let kinds: Vec<String> =
        with.connectors.iter().map(|connector| format!("\"{}\"", connector.kind())).collect();
    if kinds.is_empty() {
        "one that is compiled in (this build has none)".to_owned()
    } else {
        kinds.join(" or ")
    }
}

/// What this build lacks, to stand behind what it has.
fn and_lacking(with: &Surroundings) -> String {
    let lacking = lacking(&with.connectors);
    if lacking.is_empty() {
        return String::new();
    }
    format!("; this build lacks {}: {} brings what you need of them", lacking.join(", "), features(&lacking))
}

fn connector<'w>(item: &Item<'_>, with: &'w Surroundings, notes: &mut Notes) -> Option<&'w dyn Connector> {
    let kind = item.text("\"zendesk-license\"", notes)?;
    let found = with.connectors.iter().find(|connector| connector.kind() == kind);
    if found.is_none() {
        match KNOWN.iter().find(|known| known.kind == kind) {
            Some(KnownConnector { exists: true, .. }) => item.wrong(
                notes,
                "is not compiled into this build",
                format!("build Usher with {}, or use {}", features(&[kind]), known_kinds(with)),
            ),
            Some(_) => item.wrong(
                notes,
                "is a connector that is not built yet",
                format!("take it out, or use {}", known_kinds(with)),
            ),
            None => item.wrong(notes, "is not a connector", near_kind(kind, with)),
        }
    }
    found.map(|connector| &**connector)
}

/// `did you mean …?` for a connector's name, with what would bring it where this build lacks it.
fn near_kind(kind: &str, with: &Surroundings) -> String {
    let mut kinds: Vec<&str> = KNOWN.iter().filter(|known| known.exists).map(|known| known.kind).collect();
    kinds.extend(with.connectors.iter().map(|connector| connector.kind()));
    match nearest(kind, &kinds) {
        Some(near) if lacking(&with.connectors).contains(&near) => {
            format!("did you mean \"{near}\"? This build lacks it: {} brings it", features(&[near]))
        }
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("use {}{}", known_kinds(with), and_lacking(with)),
    }
}

fn limits(item: &Item<'_>, notes: &mut Notes) -> LimitSettings {
    let Some(mut section) = item.section(notes) else { return limit_settings(None, None) };
    let per_minute = section.take("per_minute").and_then(|item| item.number(1, 1_000_000, notes));
    let concurrent = section.take("concurrent").and_then(|item| item.number(1, 1024, notes));
    section.finish(notes);
    limit_settings(per_minute, concurrent)
}

fn limit_settings(per_minute: Option<u32>, concurrent: Option<u32>) -> LimitSettings {
    let concurrent = concurrent.and_then(|number| usize::try_from(number).ok()).unwrap_or(CONCURRENT);
    LimitSettings {
        per_minute: per_minute.and_then(NonZeroU32::new),
        // A tenth of the minute at once: one request makes a handful of calls, and several may come together.
        burst: per_minute.and_then(|number| NonZeroU32::new(number / 10)).unwrap_or(NonZeroU32::MIN),
        concurrency: NonZeroUsize::new(concurrent).unwrap_or(NonZeroUsize::MIN),
        waiting: WAITING,
    }
}

/// `false`, or when the circuit opens and for how long.
fn breaker(item: &Item<'_>, notes: &mut Notes) -> Option<BreakerSettings> {
    let usual = BreakerSettings::default();
    if let DeValue::Boolean(wanted) = item.value {
        return wanted.then_some(usual);
    }
    let DeValue::Table(table) = item.value else {
        item.wrong(
            notes,
            "is neither true or false nor a table",
            "write breaker = false, or breaker = { failures = 5, longest = \"1m\" }",
        );
        return Some(usual);
    };
    let mut section = Section::of(item, table);
    let failures = section.take("failures").and_then(|item| item.number(FAILURES.0, FAILURES.1, notes));
    let longest =
        section.take("longest").and_then(|item| item.duration(LONGEST_OPEN.0, LONGEST_OPEN.1, notes));
    section.finish(notes);
    Some(BreakerSettings {
        failures: failures.unwrap_or(usual.failures),
        longest: longest.unwrap_or(usual.longest),
    })
}

/// Files that the settings name as definitions: what they say is part of the configuration.
fn definitions(rest: &[Item<'_>], folder: &Path) -> Vec<(String, Vec<u8>)> {
    let named = rest.iter().filter(|item| item.name() == "definition").filter_map(|item| item.value.as_str());
    // One that cannot be read is the connector's to complain of.
    named
        .filter_map(|name| std::fs::read(folder.join(name)).ok().map(|bytes| (name.to_owned(), bytes)))
        .collect()
}

/// An entry's JSON, without the keys that are the router's own.
pub(crate) fn entry(item: &Item<'_>, without: &[&str], notes: &mut Notes) -> Value {
    let mut members = members(item, notes);
    for key in without {
        members.remove(*key);
    }
    json!(members)
}

/// `did you mean …?` for a connection's name.
pub(crate) fn near_connection(name: &str, drafts: &BTreeMap<String, Draft>) -> String {
    let names: Vec<&str> = drafts.keys().map(String::as_str).collect();
    if names.is_empty() {
        return "add a [connections.NAME] with the vendor's account".to_owned();
    }
    did_you_mean(name, &names)
}
