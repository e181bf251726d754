//! `[server]`, `[admin]`, `[journal]` and `[test]`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use http::HeaderName;
use secrecy::{ExposeSecret, SecretString};
use toml::de::DeValue;
use usher_core::Secrets;
use usher_lumos::{AccessLengthUnit, HostPattern, default_task_url_hosts};

use super::connections::check_name;
use super::model::{Admin, Journal, Operator, Role, Server};
use super::secrets::secret;
use crate::routes::Credentials;
use usher_toml_reader::Notes;
use usher_toml_reader::{Item, Section};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long settled requests are kept, and what they say of the person beyond the key.
const KEEP: Duration = Duration::from_secs(400 * 24 * 3600);
const KEEP_PAYLOAD: Duration = Duration::from_secs(90 * 24 * 3600);
/// A hundred years.
const LONGEST_KEEP: Duration = Duration::from_secs(36_500 * 24 * 3600);
/// Lumos gives up at 15 s; one is kept for the way there and back.
const LATEST_ANSWER: Duration = Duration::from_secs(14);
const SECRETS_EXAMPLE: &str = "[{ env = \"USHER_WEBHOOK_KEY\" }]";

/// Reads `[server]`; with what the other sections need of it.
pub(crate) fn server(
    root: &mut Section<'_>,
    secrets: &dyn Secrets,
    notes: &mut Notes,
) -> (Server, Credentials) {
    let default = Server {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
        behind_proxy: false,
        answer_within: Duration::from_secs(12),
        min_change_budget: Duration::from_secs(4),
        give_up_after: DAY,
        access_length_unit: AccessLengthUnit::Seconds,
        max_body: 256 * 1024,
        request_timeout: Duration::from_secs(5),
        max_connections: 4096,
        task_url_hosts: default_task_url_hosts(),
    };
    let no_credentials = Credentials::new(HeaderName::from_static("x-usher-key"), Vec::new());
    let Some(mut section) = root.section("server", notes) else { return (default, no_credentials) };
    section.not_built("tls", notes);
    let behind_proxy = section.take("behind_proxy").and_then(|item| item.boolean(notes));
    let listen = section.take("listen").and_then(|item| {
        let listen = address(&item, "\"127.0.0.1:8080\"", notes)?;
        if !listen.ip().is_loopback() && behind_proxy != Some(true) {
            let hint =
                "put a proxy in front that ends TLS and write behind_proxy = true, or listen on 127.0.0.1";
            item.wrong(notes, "would take webhooks and their secret unencrypted from other machines", hint);
        }
        Some(listen)
    });
    let (answer_within, min_change_budget) = budgets(&mut section, &default, notes);
    let give_up_after = section
        .take("give_up_after")
        .and_then(|item| item.duration(Duration::from_secs(60), DAY * 30, notes));
    let units = [
        ("seconds", AccessLengthUnit::Seconds),
        ("minutes", AccessLengthUnit::Minutes),
        ("hours", AccessLengthUnit::Hours),
    ];
    let access_length_unit = section.take("access_length_unit").and_then(|item| item.one_of(&units, notes));
    let max_body = section.take("max_body").and_then(|item| item.size(1024, 16 << 20, notes));
    let request_timeout = request_timeout(&mut section, answer_within, default.request_timeout, notes);
    let max_connections = section.take("max_connections").and_then(|item| item.number(1, 100_000, notes));
    let task_url_hosts = section.take("task_url_hosts").and_then(|item| host_patterns(&item, notes));
    let credentials = shared_credentials(&mut section, secrets, notes).unwrap_or(no_credentials);
    section.finish(notes);
    let server = Server {
        listen: listen.unwrap_or(default.listen),
        behind_proxy: behind_proxy.unwrap_or(false),
        answer_within,
        min_change_budget,
        give_up_after: give_up_after.unwrap_or(default.give_up_after),
        access_length_unit: access_length_unit.unwrap_or_default(),
        max_body: max_body.and_then(|size| usize::try_from(size).ok()).unwrap_or(default.max_body),
        request_timeout,
        max_connections: max_connections
            .and_then(|number| usize::try_from(number).ok())
            .unwrap_or(default.max_connections),
        task_url_hosts: task_url_hosts.unwrap_or(default.task_url_hosts),
    };
    (server, credentials)
}

fn budgets(section: &mut Section<'_>, default: &Server, notes: &mut Notes) -> (Duration, Duration) {
    let answer_item = section.take("answer_within");
    let budget_item = section.take("min_change_budget");
    let answer = answer_item.as_ref().and_then(|item| item.duration(SECOND, LATEST_ANSWER, notes));
    let budget =
        budget_item.as_ref().and_then(|item| item.duration(Duration::from_millis(1), LATEST_ANSWER, notes));
    let (answer_within, min_change_budget) =
        (answer.unwrap_or(default.answer_within), budget.unwrap_or(default.min_change_budget));
    let is_known = answer.is_some() == answer_item.is_some() && budget.is_some() == budget_item.is_some();
    if is_known
        && min_change_budget >= answer_within
        && let Some(item) = budget_item.or(answer_item)
    {
        let hint = "min_change_budget (\"4s\" unless it is said) must be less than answer_within (\"12s\" unless it is said)";
        item.wrong(notes, "leaves no time for any change at a vendor", hint);
    }
    (answer_within, min_change_budget)
}

fn request_timeout(
    section: &mut Section<'_>,
    answer: Duration,
    default: Duration,
    notes: &mut Notes,
) -> Duration {
    let Some(item) = section.take("request_timeout") else { return default.min(answer) };
    let Some(timeout) = item.duration(Duration::from_millis(100), LATEST_ANSWER, notes) else {
        return default;
    };
    if timeout > answer {
        item.wrong(
            notes,
            "is longer than answer_within",
            "the time to answer runs from a request's first byte: make this shorter",
        );
    }
    timeout
}

fn host_patterns(item: &Item<'_>, notes: &mut Notes) -> Option<Vec<HostPattern>> {
    let texts = item.texts("[\"*.lumosidentity.com\"]", notes)?;
    let mut patterns = Vec::with_capacity(texts.len());
    for (item, text) in texts {
        match text.parse::<HostPattern>() {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => item.wrong(
                notes,
                error.to_string(),
                "write a host such as \"lumosidentity.com\" or \"*.lumosidentity.com\"",
            ),
        }
    }
    Some(patterns)
}

fn shared_credentials(
    section: &mut Section<'_>,
    secrets: &dyn Secrets,
    notes: &mut Notes,
) -> Option<Credentials> {
    let hint = "add [server.auth] with header = \"X-Usher-Key\" and secrets = [{ env = \"USHER_WEBHOOK_KEY\" }]: \
                what nobody authenticates is not taken";
    let mut auth = section.need("auth", hint, notes)?.section(notes)?;
    let header = match auth.take("header") {
        None => HeaderName::from_static("x-usher-key"),
        Some(item) => header_name(&item, notes).unwrap_or(HeaderName::from_static("x-usher-key")),
    };
    let secrets = auth
        .need("secrets", &format!("write secrets = {SECRETS_EXAMPLE}"), notes)
        .map(|item| webhook_secrets(&item, secrets, notes));
    auth.finish(notes);
    Some(Credentials::new(header, secrets.unwrap_or_default()))
}

fn header_name(item: &Item<'_>, notes: &mut Notes) -> Option<HeaderName> {
    const TAKEN: [&str; 7] =
        ["host", "content-length", "content-type", "transfer-encoding", "connection", "cookie", "expect"];
    let text = item.text("\"X-Usher-Key\"", notes)?;
    match HeaderName::from_bytes(text.as_bytes()) {
        Ok(name) if TAKEN.contains(&name.as_str()) => {
            item.wrong(
                notes,
                "is a header that has another meaning",
                "write a name of your own, such as \"X-Usher-Key\"",
            );
            None
        }
        Ok(name) => Some(name),
        Err(_) => {
            item.wrong(
                notes,
                "is no name that a header can have",
                "use letters, digits and dashes, such as \"X-Usher-Key\"",
            );
            None
        }
    }
}

/// The secrets of a webhook: at least one, each of them fit for a header.
pub(crate) fn webhook_secrets(
    item: &Item<'_>,
    secrets: &dyn Secrets,
    notes: &mut Notes,
) -> Vec<SecretString> {
    if matches!(item.value, DeValue::String(_)) {
        secret(item, secrets, notes);
        return Vec::new();
    }
    let Some(items) = item.list(SECRETS_EXAMPLE, notes) else { return Vec::new() };
    if items.is_empty() {
        item.wrong(
            notes,
            "is empty, so that nothing could open it",
            format!("write secrets = {SECRETS_EXAMPLE}"),
        );
    }
    items.iter().filter_map(|item| header_secret(item, secrets, notes)).collect()
}

fn header_secret(item: &Item<'_>, secrets: &dyn Secrets, notes: &mut Notes) -> Option<SecretString> {
    let secret = secret(item, secrets, notes)?;
    let text = secret.expose_secret();
    let is_fit = text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) && text.trim() == text;
    if !is_fit {
        let hint = "use printable ASCII characters, with no space at either end";
        item.wrong_inline(notes, "holds a secret that no header can carry", hint);
    }
    is_fit.then_some(secret)
}

/// Operators' names with their tokens.
pub(crate) type Tokens = Vec<(String, SecretString)>;

/// Reads `[admin]`; with all tokens, also of operators that have something wrong besides. A proxy that ends TLS for the public listener is taken to do so for this one too.
pub(crate) fn admin(
    root: &mut Section<'_>,
    server: &Server,
    webhooks: &Credentials,
    secrets: &dyn Secrets,
    notes: &mut Notes,
) -> (Admin, Tokens) {
    let mut admin =
        Admin { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9470)), operators: BTreeMap::new() };
    let mut tokens = Tokens::new();
    let Some(mut section) = root.section("admin", notes) else { return (admin, tokens) };
    if let Some(item) = section.take("listen")
        && let Some(listen) = address(&item, "\"127.0.0.1:9470\"", notes)
    {
        if !listen.ip().is_loopback() && !server.behind_proxy {
            let hint = "listen on 127.0.0.1, or put a proxy in front that ends TLS and write behind_proxy = true in [server]";
            item.wrong(notes, "would take operators' tokens unencrypted from other machines", hint);
        }
        if listen == server.listen && listen.port() != 0 {
            item.wrong(
                notes,
                "is the address of the public listener",
                "give the admin listener a port of its own",
            );
        }
        admin.listen = listen;
    }
    if let Some(section) = section.section("operators", notes) {
        (admin.operators, tokens) = operators(&section, webhooks, secrets, notes);
    }
    section.finish(notes);
    (admin, tokens)
}

/// Operators by name. Each token is one person's alone: the history says who did what, and whoever can send webhooks is no operator.
fn operators(
    section: &Section<'_>,
    webhooks: &Credentials,
    secrets: &dyn Secrets,
    notes: &mut Notes,
) -> (BTreeMap<String, Operator>, Tokens) {
    let mut operators = BTreeMap::new();
    let mut seen = Tokens::new();
    let mut items = section.rest();
    items.sort_by_key(|item| item.key_span.start);
    for item in items {
        let (token, role) = operator(&item, secrets, notes);
        let Some(token) = token else { continue };
        let is_same = |other: &SecretString| other.expose_secret() == token.expose_secret();
        if let Some((other, _)) = seen.iter().find(|(_, known)| is_same(known)) {
            let hint = "the history says who did what: give each operator a token of their own";
            item.wrong(notes, format!("has the same token as {other}"), hint);
        } else if webhooks.secrets.iter().any(is_same) {
            let hint = "whoever may send webhooks is no operator: give the operator a token of their own";
            item.wrong(notes, "has a secret of [server.auth] as token", hint);
        }
        seen.push((item.name().to_owned(), token.clone()));
        if let Some(role) = role {
            operators.insert(item.name().to_owned(), Operator { token, role });
        }
    }
    (operators, seen)
}

fn operator(
    item: &Item<'_>,
    secrets: &dyn Secrets,
    notes: &mut Notes,
) -> (Option<SecretString>, Option<Role>) {
    const EXAMPLE: &str = "write NAME = { token = { env = \"USHER_NAME\" }, role = \"operator\" }";
    if !matches!(item.value, DeValue::Table(_)) {
        item.hide(notes);
        item.wrong(notes, "is not an operator", EXAMPLE);
        return (None, None);
    }
    check_name(item, "an operator", notes);
    let Some(mut section) = item.section(notes) else { return (None, None) };
    let token = section.need("token", EXAMPLE, notes).and_then(|item| header_secret(&item, secrets, notes));
    let roles = [("operator", Role::Operator), ("viewer", Role::Viewer)];
    let role = section
        .need("role", "write role = \"operator\" (may act) or \"viewer\" (may only look)", notes)
        .and_then(|item| item.one_of(&roles, notes));
    section.finish(notes);
    (token, role)
}

fn address(item: &Item<'_>, example: &str, notes: &mut Notes) -> Option<SocketAddr> {
    let text = item.text(example, notes)?;
    let address = text.parse().ok();
    if address.is_none() {
        item.wrong(notes, "is not an address and a port", format!("write {} = {example}", item.name()));
    }
    address
}

/// Reads `[journal]`.
pub(crate) fn journal(root: &mut Section<'_>, folder: &Path, notes: &mut Notes) -> Journal {
    let default = Journal { sqlite: folder.join("usher.db"), keep: KEEP, keep_payload: KEEP_PAYLOAD };
    let Some(mut section) = root.section("journal", notes) else { return default };
    let (keep, keep_payload) = keeping(&mut section, notes);
    let journal = section.take("url").and_then(|item| {
        let url = item.text("\"sqlite:usher.db\"", notes)?;
        sqlite_file(url)
            .map_err(|(message, hint)| {
                if !url.starts_with("sqlite:") {
                    // The address of a database server may hold its password.
                    item.hide(notes);
                }
                item.wrong(notes, message, hint);
            })
            .ok()
    });
    section.finish(notes);
    let sqlite = journal.map_or(default.sqlite, |file| folder.join(file));
    Journal { sqlite, keep, keep_payload }
}

fn keeping(section: &mut Section<'_>, notes: &mut Notes) -> (Duration, Duration) {
    let keep = section.take("keep").and_then(|item| item.duration(DAY, LONGEST_KEEP, notes));
    let keep = keep.unwrap_or(KEEP);
    let Some(item) = section.take("keep_payload") else { return (keep, KEEP_PAYLOAD.min(keep)) };
    let Some(payload) = item.duration(DAY, LONGEST_KEEP, notes) else {
        return (keep, KEEP_PAYLOAD.min(keep));
    };
    if payload > keep {
        let hint = "a payload goes with its request at the latest: make it shorter, or keep (\"400 days\" unless it is said) longer";
        item.wrong(notes, "is longer than keep", hint);
    }
    (keep, payload)
}

fn sqlite_file(url: &str) -> Result<&str, (&'static str, &'static str)> {
    const HOW: &str = "write url = \"sqlite:usher.db\" or \"sqlite:/var/lib/usher/usher.db\"";
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        return Err(("names a PostgreSQL journal, which is not built yet", HOW));
    }
    let Some(file) = url.strip_prefix("sqlite:") else {
        return Err(("is not the address of a journal", HOW));
    };
    let file = match file.strip_prefix("//") {
        Some(path) if path.starts_with('/') => path,
        Some(_) => return Err(("names a host, and SQLite is a file of this machine", HOW)),
        None => file,
    };
    if file.is_empty() || file.contains(":memory:") {
        return Err(("would lose every request when the process ends", HOW));
    }
    if file.contains(['?', '#', '%']) || file.contains(char::is_control) {
        return Err(("has options or encoded characters, which have no meaning here", HOW));
    }
    Ok(file)
}

/// Reads `[test]`.
pub(crate) fn test_app_ids(root: &mut Section<'_>, notes: &mut Notes) -> BTreeSet<String> {
    let default = || BTreeSet::from(["demo_app".to_owned()]);
    let Some(mut section) = root.section("test", notes) else { return default() };
    let found = section.take("app_ids").and_then(|item| item.texts("[\"demo_app\"]", notes));
    section.finish(notes);
    found.map_or_else(default, |texts| texts.into_iter().map(|(_, text)| text.to_owned()).collect())
}
