//! `[apps.*]`: which payload is whose, and what each permission gives.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::DeValue;
use usher_core::{Arity, Capabilities, Facet, Slots};
use usher_engine::{AfterDeadline, AppPolicy};
use usher_lumos::{Style, SuccessStyle};

use super::complaints::place;
use super::connections::{Draft, entry, near_connection};
use super::model::{AppSummary, Counts};
use crate::routes::{AppRoute, DEFAULT, EmailDomains, Entry, Given, PermissionsAt};
use usher_toml_reader::Notes;
use usher_toml_reader::{Item, Section};

/// A section of `[apps]` that could be read.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) route: AppRoute,
    pub(crate) policy: AppPolicy,
    pub(crate) summary: AppSummary,
}

/// What the apps amount to: those that could be read, and the keys of all, for the hooks.
#[derive(Debug, Default)]
pub(crate) struct Apps {
    pub(crate) read: BTreeMap<String, App>,
    /// Each app's permissions by key, with whether it is ignored; also of apps that could not be read whole.
    pub(crate) keys: BTreeMap<String, BTreeMap<String, bool>>,
}

pub(crate) fn apps(
    root: &mut Section<'_>,
    drafts: &BTreeMap<String, Draft>,
    text: &str,
    notes: &mut Notes,
) -> Apps {
    let mut apps = Apps::default();
    let Some(section) = root.section("apps", notes) else { return apps };
    let mut claims: BTreeMap<(String, Option<String>), String> = BTreeMap::new();
    let mut items = section.rest();
    items.sort_by_key(|item| item.key_span.start);
    for item in items {
        let Some(section) = item.section(notes) else { continue };
        let mut reader = Reader { item: &item, drafts, text, notes, claims: &mut claims };
        let (app, keys) = reader.app(section);
        apps.keys.insert(item.name().to_owned(), keys);
        if let Some(app) = app {
            apps.read.insert(item.name().to_owned(), app);
        }
    }
    apps
}

struct Reader<'r, 't> {
    item: &'r Item<'t>,
    drafts: &'r BTreeMap<String, Draft>,
    text: &'r str,
    notes: &'r mut Notes,
    claims: &'r mut BTreeMap<(String, Option<String>), String>,
}

impl Reader<'_, '_> {
    fn app(&mut self, mut section: Section<'_>) -> (Option<App>, BTreeMap<String, bool>) {
        check_segment(self.item, "an app", self.notes);
        let (app_id, instance) = self.claim(&mut section);
        let connection = self.connection(&mut section);
        let draft = connection.as_ref().and_then(|name| self.drafts.get(name));
        let capabilities = draft.and_then(|draft| draft.capabilities);
        let domains = self.email_domains(&mut section);
        let after_deadline = self.after_deadline(&mut section);
        let dry_run = section
            .take("mode")
            .and_then(|item| item.one_of(&[("enforce", false), ("dry-run", true)], self.notes));
        let style = self.style(&mut section);
        let (counts_invited, remove_account) = self.abilities(&mut section, capabilities);
        let ignore_sources = self.ignore_sources(&mut section);
        let slots =
            draft.and_then(|draft| draft.provisioner.as_ref()).map(|p| p.slots().clone()).unwrap_or_default();
        let default = section.take("default").map(|item| self.default(&item, draft));
        let (entries, permissions_at) = self.permissions(&mut section, draft, default.is_some());
        section.finish(self.notes);
        let keys =
            entries.iter().map(|(key, entry)| (key.clone(), matches!(entry, Entry::Ignored))).collect();
        let (Some(connection), Some(domains), Some(after_deadline)) = (connection, domains, after_deadline)
        else {
            return (None, keys);
        };
        let route = AppRoute {
            app_id,
            instance,
            connection,
            default: default.flatten(),
            email_domains: domains,
            dry_run: dry_run.unwrap_or(false),
            style,
            ignore_sources,
            entries,
            slots,
            permissions_at,
        };
        let policy = AppPolicy {
            after_deadline,
            counts_invited,
            remove_account,
            permissions: route.facets().map(|(key, facets)| (key.to_owned(), facets.clone())).collect(),
        };
        let summary = summary(self.item.name(), &route, &policy);
        (Some(App { route, policy, summary }), keys)
    }

    /// Which payloads are this app's; no two may take the same.
    fn claim(&mut self, section: &mut Section<'_>) -> (String, Option<String>) {
        let named = section.take("app_id").and_then(|item| item.text("\"github\"", self.notes));
        let instance_item = section.take("instance_id");
        let instance = instance_item.as_ref().and_then(|item| item.text("\"0oaeu7\"", self.notes));
        let app_id = named.unwrap_or_else(|| self.item.name()).to_owned();
        let instance = instance.map(str::to_owned);
        if instance_item.is_some() && instance.is_none() {
            return (app_id, instance);
        }
        let claim = (app_id.clone(), instance.clone());
        if let Some(other) = self.claims.get(&claim) {
            let (message, hint) = match &instance {
                Some(_) => (
                    format!("takes the same payloads as apps.{other}: app_id and instance_id are the same"),
                    "take one of the two out, or give it another instance_id",
                ),
                None => (
                    format!(
                        "takes the same payloads as apps.{other}: the app_id is the same, and neither names an instance_id"
                    ),
                    "give one of them the instance_id that it is for; the other takes the rest",
                ),
            };
            self.item.wrong(self.notes, message, hint);
        } else {
            self.claims.insert(claim, self.item.name().to_owned());
        }
        (app_id, instance)
    }

    fn connection(&mut self, section: &mut Section<'_>) -> Option<String> {
        let hint = "write connection = \"NAME\" with the NAME of a [connections.NAME]";
        let item = section.need("connection", hint, self.notes)?;
        let name = item.text("\"zendesk\"", self.notes)?;
        if !self.drafts.contains_key(name) {
            item.wrong(self.notes, "names no connection of this file", near_connection(name, self.drafts));
            return None;
        }
        Some(name.to_owned())
    }

    fn email_domains(&mut self, section: &mut Section<'_>) -> Option<EmailDomains> {
        const HOW: &str =
            "write email_domains = [\"acme.com\"] with the domains of your people, or [\"*\"] for anybody";
        let item = section.need("email_domains", HOW, self.notes)?;
        let texts = item.texts("[\"acme.com\"]", self.notes)?;
        if texts.is_empty() {
            item.wrong(self.notes, "is empty, so that nobody could be given anything", HOW);
            return None;
        }
        let mut domains = BTreeSet::new();
        let mut anybody = false;
        for (entry, text) in &texts {
            match EmailDomains::domain(text) {
                _ if *text == "*" => anybody = true,
                Some(domain) => {
                    domains.insert(domain);
                }
                None => entry.wrong(
                    self.notes,
                    "is not the domain of a mail address",
                    "write it without @ and without *, such as \"acme.com\"; subdomains are named one by one",
                ),
            }
        }
        if anybody && texts.len() > 1 {
            item.wrong(self.notes, "says both anybody and somebody", HOW);
        }
        Some(if anybody { EmailDomains::Anybody } else { EmailDomains::Only(domains) })
    }

    fn after_deadline(&mut self, section: &mut Section<'_>) -> Option<AfterDeadline> {
        const HOW: &str = "write after_deadline = \"continue\" (drive a late grant on in the background) or \"stop\" (a person does it by hand)";
        let words = [("continue", AfterDeadline::Continue), ("stop", AfterDeadline::Stop)];
        section.need("after_deadline", HOW, self.notes)?.one_of(&words, self.notes)
    }

    fn style(&mut self, section: &mut Section<'_>) -> Style {
        let words = [("json", SuccessStyle::Json), ("no-content", SuccessStyle::NoContent)];
        let mut take = |key, default| {
            section.take(key).and_then(|item| item.one_of(&words, self.notes)).unwrap_or(default)
        };
        let default = Style::default();
        Style {
            provision: take("success", default.provision),
            deprovision: take("deprovision_success", default.deprovision),
        }
    }

    /// What not every connector can: refused where this one cannot.
    fn abilities(&mut self, section: &mut Section<'_>, capabilities: Option<Capabilities>) -> (bool, bool) {
        let item = section.take("counts_as_provisioned");
        let said =
            item.as_ref().and_then(|item| item.one_of(&[("invited", true), ("active", false)], self.notes));
        if let (Some(item), Some(true), Some(Capabilities { invites: false, .. })) =
            (&item, said, capabilities)
        {
            item.wrong(self.notes, "cannot be \"invited\": this connector invites nobody", "take it out");
        }
        let remove_item = section.take("remove_account");
        let remove = remove_item.as_ref().and_then(|item| item.boolean(self.notes)).unwrap_or(false);
        if let (Some(item), true, Some(Capabilities { removes_account: false, .. })) =
            (&remove_item, remove, capabilities)
        {
            item.wrong(self.notes, "cannot be true: this connector removes no accounts", "take it out");
        }
        (said.unwrap_or_else(|| capabilities.is_some_and(|can| can.counts_invited)), remove)
    }

    fn ignore_sources(&mut self, section: &mut Section<'_>) -> BTreeSet<String> {
        let found = section.take("ignore_sources").and_then(|item| item.texts("[\"OKTA\"]", self.notes));
        found.into_iter().flatten().map(|(_, text)| text.trim().to_uppercase()).collect()
    }

    fn default(&mut self, item: &Item<'_>, draft: Option<&Draft>) -> Option<BTreeSet<Facet>> {
        if !matches!(item.value, DeValue::Table(_)) {
            let hint = "write what a request gives that names no permission, as in [permissions]";
            item.wrong(self.notes, "is not an entitlement", hint);
            return None;
        }
        self.compile(DEFAULT, item, &[], draft)
    }

    fn permissions(
        &mut self,
        section: &mut Section<'_>,
        draft: Option<&Draft>,
        has_default: bool,
    ) -> (BTreeMap<String, Entry>, PermissionsAt) {
        let mut entries = BTreeMap::new();
        let Some(table) = section.take("permissions") else { return (entries, PermissionsAt::Nowhere) };
        let written = self.text.get(table.span.start..).unwrap_or_default();
        let at = if written.starts_with('[') {
            PermissionsAt::Table
        } else if written.starts_with('{') {
            PermissionsAt::Inline
        } else {
            PermissionsAt::Dotted
        };
        let Some(permissions) = table.section(self.notes) else { return (entries, at) };
        let mut labels: BTreeMap<String, String> = BTreeMap::new();
        let mut items = permissions.rest();
        items.sort_by_key(|item| item.key_span.start);
        for item in items {
            check_segment(&item, "a permission", self.notes);
            if item.name() == DEFAULT && has_default {
                let hint = "what the app's own `default` gives is kept under this name: match the permission by its label, under another key";
                item.wrong(self.notes, "has the name of the app's `default`", hint);
                continue;
            }
            if let Some(entry) = self.permission(&item, draft, &mut labels) {
                entries.insert(item.name().to_owned(), entry);
            }
        }
        (entries, at)
    }

    fn permission(
        &mut self,
        item: &Item<'_>,
        draft: Option<&Draft>,
        labels: &mut BTreeMap<String, String>,
    ) -> Option<Entry> {
        const HOW: &str =
            "write what it gives, such as { role = \"agent\" }, or \"ignore\" if somebody else provisions it";
        match item.value {
            DeValue::String(word) if word == "ignore" => return Some(Entry::Ignored),
            DeValue::Table(_) => {}
            _ => {
                item.wrong(self.notes, "is neither an entitlement nor \"ignore\"", HOW);
                return Some(Entry::Gives(Given::default()));
            }
        }
        let label = item
            .section(self.notes)
            .and_then(|mut section| section.take("label"))
            .and_then(|label| Some((label.text("\"Light Agent\"", self.notes)?.to_owned(), label)));
        if let Some((text, place)) = &label
            && let Some(other) = labels.insert(text.clone(), item.name().to_owned())
        {
            let hint = "a payload's label could mean either: take one of them out";
            place.wrong(self.notes, format!("is the label of {} too", crate::routes::toml_key(&other)), hint);
        }
        let facets = self.compile(item.name(), item, &["label"], draft).unwrap_or_default();
        Some(Entry::Gives(Given { facets, label: label.map(|(text, _)| text) }))
    }

    /// An entry's facets. Nothing where its connection could not be built: that is told already.
    fn compile(
        &mut self,
        permission: &str,
        item: &Item<'_>,
        without: &[&str],
        draft: Option<&Draft>,
    ) -> Option<BTreeSet<Facet>> {
        let value = entry(item, without, self.notes);
        let planner = draft?.provisioner.as_ref()?;
        let facets = match planner.compile(permission, &value) {
            Ok(facets) => facets,
            Err(errors) => {
                for error in errors {
                    place(&error, item, self.notes);
                }
                return None;
            }
        };
        if facets.is_empty() {
            item.wrong(self.notes, "gives nothing", "say what it gives, or take it out");
        }
        if let Some(slot) = crowded(planner.slots(), &facets) {
            item.wrong(
                self.notes,
                format!("asks for two values of {slot}, which holds one"),
                "leave one of them",
            );
        }
        Some(facets)
    }
}

/// A one-value slot of which several values are among the facets.
fn crowded<'s>(slots: &'s Slots, facets: &BTreeSet<Facet>) -> Option<&'s str> {
    let one_value = slots.iter().filter(|(_, arity)| matches!(arity, Arity::One { .. }));
    let values = |slot: &str| facets.iter().filter(|facet| facet.slot == slot).count();
    one_value.map(|(slot, _)| slot.as_str()).find(|slot| values(slot) > 1)
}

/// A key that stands in a webhook's path.
pub(crate) fn check_segment(item: &Item<'_>, what: &str, notes: &mut Notes) {
    let name = item.name();
    let message = match name {
        "" => "is empty",
        "." | ".." => "cannot be told apart from a step within a path",
        _ if name.len() > 1024 => "is longer than 1024 bytes",
        _ if name.chars().any(char::is_control) => "has a control character in it",
        _ => return,
    };
    let hint = format!(
        "give {what} another key; `app_id` and `label` say what Lumos sends where the key cannot be that"
    );
    notes.wrong(Some(item.key_span.clone()), &item.path, message, Some(hint));
}

fn summary(key: &str, route: &AppRoute, policy: &AppPolicy) -> AppSummary {
    let show = |facets: &BTreeSet<Facet>| facets.iter().map(ToString::to_string).collect();
    AppSummary {
        key: key.to_owned(),
        app_id: route.app_id.clone(),
        instance_id: route.instance.clone(),
        connection: route.connection.clone(),
        after_deadline: policy.after_deadline,
        counts_as_provisioned: if policy.counts_invited { Counts::Invited } else { Counts::Active },
        remove_account: policy.remove_account,
        dry_run: route.dry_run,
        email_domains: route.email_domains.shown(),
        permissions: route.facets().map(|(key, facets)| (key.to_owned(), show(facets))).collect(),
        ignored: route.ignored().map(str::to_owned).collect(),
    }
}
