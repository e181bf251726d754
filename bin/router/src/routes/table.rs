use std::collections::{BTreeMap, BTreeSet};

use http::HeaderName;
use secrecy::SecretString;
use usher_core::{Facet, Slots};
use usher_lumos::Style;

use super::EmailDomains;
use super::path::{Hook, Target, split};

/// The permission of a request that names none.
pub const DEFAULT: &str = "default";

/// What opens a path: the header, and every secret that is good in it.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The header's name.
    pub header: HeaderName,
    /// Whether the secret stands after `Bearer ` in it: so with `Authorization`.
    pub bearer: bool,
    /// Any of these; several while one is being rotated. Compare in constant time.
    pub secrets: Vec<SecretString>,
}

impl Credentials {
    /// Secrets in a header.
    #[must_use]
    pub fn new(header: HeaderName, secrets: Vec<SecretString>) -> Self {
        let bearer = header == http::header::AUTHORIZATION;
        Self { header, bearer, secrets }
    }
}

/// What [`Routes`] are made of.
#[derive(Clone, Debug)]
pub struct RouteTable {
    /// `[server.auth]`
    pub shared: Credentials,
    /// `[apps]`, by key.
    pub apps: BTreeMap<String, AppRoute>,
    /// `[hooks]`, by name.
    pub hooks: BTreeMap<String, HookRoute>,
    /// `[test] app_ids`
    pub test_app_ids: BTreeSet<String>,
    /// The names in `[connections]`, for the lines to paste.
    pub connections: BTreeSet<String>,
}

/// An app, as far as routing goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppRoute {
    /// The `application.app_id` that it takes.
    pub app_id: String,
    /// The `application.instance_id` that it takes; `None`: those that no other app names.
    pub instance: Option<String>,
    /// Who serves it.
    pub connection: String,
    /// What a request gives that names no permission.
    pub default: Option<BTreeSet<Facet>>,
    /// Who may be given something.
    pub email_domains: EmailDomains,
    /// `mode = "dry-run"`.
    pub dry_run: bool,
    /// How success is said.
    pub style: Style,
    /// Sources, in capitals, whose permissions somebody else provisions.
    pub ignore_sources: BTreeSet<String>,
    /// Its permissions, by key.
    pub entries: BTreeMap<String, Entry>,
    /// The slots of its connection.
    pub slots: Slots,
    /// How its permissions are written in the file.
    pub permissions_at: PermissionsAt,
}

/// What a permission's key leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// `"ignore"`: somebody else provisions it.
    Ignored,
    /// What it gives.
    Gives(Given),
}

/// What a permission gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Compiled.
    pub facets: BTreeSet<Facet>,
    /// Matched by this label, and not by its key.
    pub label: Option<String>,
}

/// How an app's permissions are written in the file: lines to paste must fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionsAt {
    /// Below `[apps.KEY.permissions]`.
    Table,
    /// As `permissions.NAME = …`.
    Dotted,
    /// As `permissions = { … }`.
    Inline,
    /// Not at all.
    Nowhere,
}

/// A hook with a name of its own.
#[derive(Clone, Debug)]
pub struct HookRoute {
    /// The app's key.
    pub app: String,
    /// The permission's key.
    pub permission: String,
    /// Its own secrets; `None`: the shared ones open it.
    pub secrets: Option<Vec<SecretString>>,
}

impl AppRoute {
    /// Its permissions with what they give, `default` among them.
    pub fn facets(&self) -> impl Iterator<Item = (&str, &BTreeSet<Facet>)> {
        let listed = self.entries.iter().filter_map(|(key, entry)| match entry {
            Entry::Gives(given) => Some((key.as_str(), &given.facets)),
            Entry::Ignored => None,
        });
        listed.chain(self.default.iter().map(|facets| (DEFAULT, facets)))
    }

    /// Its permissions that somebody else provisions.
    pub fn ignored(&self) -> impl Iterator<Item = &str> {
        let ignored = self.entries.iter().filter(|(_, entry)| matches!(entry, Entry::Ignored));
        ignored.map(|(key, _)| key.as_str())
    }
}

/// All webhooks of a configuration.
#[derive(Clone, Debug)]
pub struct Routes {
    pub(super) table: RouteTable,
    /// By `app_id`, then by `instance_id`; `None` takes the rest.
    claims: BTreeMap<String, BTreeMap<Option<String>, String>>,
    /// Credentials of the hooks that have secrets of their own.
    own: BTreeMap<String, Credentials>,
    /// Permissions that only their own hook opens: `(app, permission)`, each with the hook's name.
    guarded: BTreeMap<(String, String), String>,
}

impl Routes {
    /// Routes from their parts. Of two apps that take the same payloads the later key wins: a configuration with such is refused.
    #[must_use]
    pub fn new(table: RouteTable) -> Self {
        let mut claims: BTreeMap<String, BTreeMap<Option<String>, String>> = BTreeMap::new();
        for (key, app) in &table.apps {
            claims.entry(app.app_id.clone()).or_default().insert(app.instance.clone(), key.clone());
        }
        let mut own = BTreeMap::new();
        let mut guarded = BTreeMap::new();
        for (name, hook) in &table.hooks {
            if let Some(secrets) = &hook.secrets {
                own.insert(name.clone(), Credentials::new(table.shared.header.clone(), secrets.clone()));
                guarded.insert((hook.app.clone(), hook.permission.clone()), name.clone());
            }
        }
        Self { table, claims, own, guarded }
    }

    /// What a path leads to; `None` where it takes no webhooks at all (404 to anybody). Below `/webhooks/` every path that ends
    /// in `/provision` or `/deprovision` takes them: which apps there are is nobody's business who has no credential. Each
    /// segment is percent-decoded once.
    #[must_use]
    pub fn hook(&self, path: &str) -> Option<Hook> {
        let (direction, names) = split(path)?;
        let target = match names.as_deref() {
            Some([]) => Target::App,
            Some([name]) => self.named(name),
            Some([app, permission]) => self.permission(app, permission),
            _ => Target::Unknown,
        };
        Some(Hook { direction, target, route: path.to_owned() })
    }

    fn named(&self, name: &str) -> Target {
        match self.table.hooks.get(name) {
            // One without secrets would open to the shared ones what another guards: a configuration with such is refused.
            Some(hook) if hook.secrets.is_some() || self.guard(&hook.app, &hook.permission).is_none() => {
                Target::Permission {
                    app: hook.app.clone(),
                    permission: hook.permission.clone(),
                    hook: Some(name.to_owned()),
                }
            }
            _ => Target::Unknown,
        }
    }

    /// The path of the hook whose own secret alone gives a permission, without the `/provision` at its end.
    pub(super) fn guard(&self, app: &str, permission: &str) -> Option<String> {
        let hook = self.guarded.get(&(app.to_owned(), permission.to_owned()))?;
        Some(format!("/webhooks/{}", encode(hook)))
    }

    /// Permissions that the webhook of the whole app does not give, since a hook of theirs has secrets of its own: `(app,
    /// permission, path of the hook)`.
    pub fn guarded(&self) -> impl Iterator<Item = (&str, &str, String)> {
        let path = |hook: &String| format!("/webhooks/{}", encode(hook));
        self.guarded
            .iter()
            .map(move |((app, permission), hook)| (app.as_str(), permission.as_str(), path(hook)))
    }

    fn permission(&self, app: &str, permission: &str) -> Target {
        let entry = self.table.apps.get(app).and_then(|app| app.entries.get(permission));
        let is_guarded = self.guard(app, permission).is_some();
        match entry {
            Some(Entry::Gives(_)) if !is_guarded => {
                Target::Permission { app: app.to_owned(), permission: permission.to_owned(), hook: None }
            }
            _ => Target::Unknown,
        }
    }

    /// What opens a hook. One with secrets of its own is not opened by the shared ones.
    #[must_use]
    pub fn credentials(&self, hook: &Hook) -> &Credentials {
        match &hook.target {
            Target::Permission { hook: Some(name), .. } => self.own.get(name).unwrap_or(&self.table.shared),
            _ => &self.table.shared,
        }
    }

    /// Every set of credentials: the shared one as `None`, and those of hooks with secrets of their own by name.
    pub fn all_credentials(&self) -> impl Iterator<Item = (Option<&str>, &Credentials)> {
        let own = self.own.iter().map(|(name, credentials)| (Some(name.as_str()), credentials));
        std::iter::once((None, &self.table.shared)).chain(own)
    }

    /// The app that takes a payload: the one that names its instance, else the one that names none.
    pub(super) fn claimed(&self, app_id: &str, instance: Option<&str>) -> Option<(&str, &AppRoute)> {
        let instances = self.claims.get(app_id)?;
        let named = instance.and_then(|instance| instances.get(&Some(instance.to_owned())));
        let key = named.or_else(|| instances.get(&None))?;
        self.table.apps.get(key).map(|app| (key.as_str(), app))
    }

    /// The paths that take webhooks, without the `/provision` or `/deprovision` at their ends: for people.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let permissions = self.table.apps.iter().flat_map(|(key, app)| {
            let open = app.entries.iter().filter(|(permission, entry)| {
                matches!(entry, Entry::Gives(_)) && self.guard(key, permission).is_none()
            });
            open.map(move |(permission, _)| format!("/webhooks/{}/{}", encode(key), encode(permission)))
        });
        let hooks = self.table.hooks.keys().map(|name| format!("/webhooks/{}", encode(name)));
        std::iter::once("/webhooks".to_owned()).chain(permissions).chain(hooks).collect()
    }

    pub(super) fn has_key(&self, key: &str) -> bool {
        self.table.apps.contains_key(key) || self.table.hooks.contains_key(key)
    }

    pub(super) fn takes_any_instance_of(&self, app_id: &str) -> bool {
        self.claims.contains_key(app_id)
    }

    /// The first connection, and the others.
    pub(super) fn connection_names(&self) -> (&str, Vec<&str>) {
        let mut names = self.table.connections.iter().map(String::as_str);
        (names.next().unwrap_or_default(), names.collect())
    }

    pub(super) fn all_domains(&self) -> BTreeSet<String> {
        let named = self.table.apps.values().filter_map(|app| match &app.email_domains {
            EmailDomains::Only(domains) => Some(domains),
            EmailDomains::Anybody => None,
        });
        named.flatten().cloned().collect()
    }
}

fn encode(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, SEGMENT).to_string()
}

/// What is encoded in a path's segment: all but what RFC 3986 calls unreserved.
const SEGMENT: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
