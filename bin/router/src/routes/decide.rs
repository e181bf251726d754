//! The rules by which a payload becomes a request.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use usher_core::{Arity, Direction, Facet};
use usher_journal::AskedPermission;
use usher_lumos::{Payload, Permission};

use super::paste::{self, shown};
use super::path::{Hook, Target};
use super::table::{AppRoute, DEFAULT, Entry, Routes};
use super::{Accept, Refuse, Routed};

/// Unmapped permissions that a sentence names.
const NAMED: usize = 5;

impl Routes {
    /// What is to become of a payload that came by an authenticated hook. `now`: from when the length of access is counted.
    ///
    /// `email_domains` is asked for a provision only: whom an app may no longer be given, must still be able to lose it.
    #[must_use]
    pub fn route(&self, hook: &Hook, payload: &Payload, now: Timestamp) -> Routed {
        let claimed = self.claimed(&payload.app.id, payload.app.instance.as_deref());
        if claimed.is_none() && self.table.test_app_ids.contains(&payload.app.id) {
            return Routed::Test;
        }
        let (pinned_app, pin) = match &hook.target {
            Target::App => (None, None),
            Target::Permission { app, permission, .. } => (Some(app), Some(permission)),
            Target::Unknown => return self.unknown(),
        };
        let Some((key, app)) = claimed else { return self.unclaimed(payload) };
        let case = Case { routes: self, key, app, payload, direction: hook.direction, now };
        if pinned_app.is_some_and(|pinned| pinned != key) {
            let reason = format!("this webhook is for another app than {}", shown(key));
            return case.refuse(Vec::new(), false, reason, None);
        }
        case.decide(pin.map(String::as_str))
    }

    /// The keys of all permissions that a grant's payload lists, at this app; `None` where the payload is another app's, or
    /// one of them is not mapped or somebody else's affair.
    #[must_use]
    pub fn listed(&self, app: &str, payload: &Payload) -> Option<BTreeSet<String>> {
        let (key, route) = self.claimed(&payload.app.id, payload.app.instance.as_deref())?;
        let now = Timestamp::UNIX_EPOCH;
        let case = Case { routes: self, key, app: route, payload, direction: Direction::Provision, now };
        let keys = payload.permissions.iter().map(|listed| match case.find(listed) {
            Match::Mapped(key, _) => Some(key.to_owned()),
            Match::Ignored | Match::Unmapped => None,
        });
        if key == app { keys.collect() } else { None }
    }

    fn unknown(&self) -> Routed {
        let paths = self.paths();
        let more = if paths.len() > NAMED { ", …" } else { "" };
        let paths: Vec<&str> = paths.iter().take(NAMED).map(String::as_str).collect();
        let reason = format!(
            "no app, permission or hook has this webhook's name: there are {}{more}, each with /provision and /deprovision",
            paths.join(", ")
        );
        Routed::Refuse(Refuse { reason, ..Refuse::default() })
    }

    fn unclaimed(&self, payload: &Payload) -> Routed {
        let instance = payload.app.instance.as_deref();
        let reason = match instance.filter(|_| self.takes_any_instance_of(&payload.app.id)) {
            Some(instance) => format!(
                "no app takes app_id {} with instance_id {}: add it to the configuration",
                shown(&payload.app.id),
                shown(instance)
            ),
            None => format!("no app takes app_id {}: add it to the configuration", shown(&payload.app.id)),
        };
        let permissions =
            payload.permissions.iter().map(|listed| AskedPermission { name: name_of(listed), facets: None });
        Routed::Refuse(Refuse {
            permissions: permissions.collect(),
            reason,
            paste: Some(paste::app(self, payload)),
            ..Refuse::default()
        })
    }
}

/// One payload at the app that claims it.
struct Case<'r> {
    routes: &'r Routes,
    key: &'r str,
    app: &'r AppRoute,
    payload: &'r Payload,
    direction: Direction,
    now: Timestamp,
}

/// What a permission of a payload is to an app.
enum Match<'r> {
    Ignored,
    Mapped(&'r str, &'r BTreeSet<Facet>),
    Unmapped,
}

impl<'r> Case<'r> {
    fn decide(&self, pin: Option<&str>) -> Routed {
        if self.direction == Direction::Provision
            && !self.app.email_domains.allow(&self.payload.subject.email)
        {
            let reason = format!("the address is in none of the mail domains of app {}", shown(self.key));
            let asked = self.payload.permissions.iter().map(|listed| self.asked(listed)).collect();
            return self.refuse(asked, false, reason, None);
        }
        match pin {
            Some(pin) => self.pinned(pin),
            None if self.payload.permissions.is_empty() => self.nothing_listed(),
            None => self.listed(),
        }
    }

    /// A permission-level webhook runs its own permission alone: whatever else is listed is left to its own webhook.
    fn pinned(&self, pin: &str) -> Routed {
        let Some(Entry::Gives(given)) = self.app.entries.get(pin) else {
            let reason = format!("app {} has no permission {}", shown(self.key), shown(pin));
            return self.refuse(Vec::new(), false, reason, None);
        };
        let asked = vec![AskedPermission { name: pin.to_owned(), facets: Some(given.facets.clone()) }];
        let listed = &self.payload.permissions;
        let own: Vec<&Permission> = listed.iter().filter(|listed| self.key_of(listed) == Some(pin)).collect();
        if !listed.is_empty() && own.is_empty() {
            let reason =
                format!("the permission of this webhook, {}, is not among those that are listed", shown(pin));
            return self.refuse(asked, false, reason, None);
        }
        if !own.is_empty() && own.iter().all(|listed| self.is_ignored_source(listed)) {
            return self.only_ignored();
        }
        self.accept(asked, false)
    }

    fn nothing_listed(&self) -> Routed {
        if self.direction == Direction::Deprovision {
            let all = self.app.facets();
            let all = all
                .map(|(key, facets)| AskedPermission { name: key.to_owned(), facets: Some(facets.clone()) });
            return self.accept(all.collect(), true);
        }
        let asked = AskedPermission { name: DEFAULT.to_owned(), facets: self.app.default.clone() };
        if asked.facets.is_some() {
            return self.accept(vec![asked], false);
        }
        let reason = format!(
            "the request names no permission, and app {} has no `default`: add one, or let people ask for a permission",
            shown(self.key)
        );
        self.refuse(vec![asked], false, reason, Some(paste::default(self.key)))
    }

    fn listed(&self) -> Routed {
        let mut asked: Vec<AskedPermission> = Vec::new();
        let mut unmapped: Vec<&Permission> = Vec::new();
        for listed in &self.payload.permissions {
            match self.find(listed) {
                Match::Ignored => continue,
                Match::Mapped(..) => {}
                Match::Unmapped => unmapped.push(listed),
            }
            let permission = self.asked(listed);
            if !asked.iter().any(|known| known.name == permission.name) {
                asked.push(permission);
            }
        }
        if asked.is_empty() {
            return self.only_ignored();
        }
        if self.direction == Direction::Deprovision {
            return self.accept(asked, false);
        }
        if !unmapped.is_empty() {
            let reason = self.unmapped_reason(&unmapped);
            return self.refuse(
                asked,
                false,
                reason,
                Some(paste::permissions(self.key, self.app, &unmapped)),
            );
        }
        match self.conflict(&asked).or_else(|| self.guarded(&asked)) {
            Some(reason) => self.refuse(asked, false, reason, None),
            None => self.accept(asked, false),
        }
    }

    /// A permission that a hook's own secret guards: the one that was shown here does not give it. It is asked of grants only, since
    /// what cannot be taken away is worse than what is taken away by a webhook that would take everything if it listed nothing.
    fn guarded(&self, asked: &[AskedPermission]) -> Option<String> {
        let mut guards = asked.iter().filter_map(|asked| {
            let path = self.routes.guard(self.key, &asked.name)?;
            Some(format!(
                "permission {} of app {} is given through {path}/provision alone, which has a secret of its own: have its webhook ask for it",
                shown(&asked.name),
                shown(self.key)
            ))
        });
        guards.next()
    }

    fn unmapped_reason(&self, unmapped: &[&Permission]) -> String {
        let names: Vec<String> = unmapped.iter().take(NAMED).map(|listed| shown(&name_of(listed))).collect();
        let more = unmapped.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let (noun, verb, it) =
            if unmapped.len() == 1 { ("permission", "is", "it") } else { ("permissions", "are", "them") };
        format!(
            "{noun} {}{more} of app {} {verb} not mapped: add {it} to the configuration",
            names.join(", "),
            shown(self.key)
        )
    }

    /// Two permissions that want different values in a slot that holds one (rule 14).
    fn conflict(&self, asked: &[AskedPermission]) -> Option<String> {
        let one_value = self.app.slots.iter().filter(|(_, arity)| matches!(arity, Arity::One { .. }));
        for (slot, _) in one_value {
            let wanting = asked.iter().flat_map(|permission| {
                let facets = permission.facets.iter().flatten().filter(|facet| facet.slot == *slot);
                facets.map(|facet| (&facet.value, &permission.name))
            });
            let wanting: Vec<(&String, &String)> = wanting.collect();
            let Some((first, one)) = wanting.first() else { continue };
            if let Some((_, other)) = wanting.iter().find(|(value, _)| value != first) {
                return Some(format!(
                    "permissions {} and {} want different values of {slot}, which holds one: ask for one of them",
                    shown(one),
                    shown(other)
                ));
            }
        }
        None
    }

    /// Rule 28: nothing is done.
    fn only_ignored(&self) -> Routed {
        let reason = format!(
            "all permissions that are listed are ignored by app {}: somebody else takes care of them",
            shown(self.key)
        );
        let asked = self
            .payload
            .permissions
            .iter()
            .map(|listed| AskedPermission { name: name_of(listed), facets: None });
        self.refuse(asked.collect(), false, reason, None)
    }

    fn asked(&self, listed: &Permission) -> AskedPermission {
        match self.find(listed) {
            Match::Mapped(key, facets) => {
                AskedPermission { name: key.to_owned(), facets: Some(facets.clone()) }
            }
            Match::Ignored | Match::Unmapped => AskedPermission { name: name_of(listed), facets: None },
        }
    }

    fn find(&self, listed: &Permission) -> Match<'r> {
        if self.is_ignored_source(listed) {
            return Match::Ignored;
        }
        match self.key_of(listed).and_then(|key| self.app.entries.get_key_value(key)) {
            Some((_, Entry::Ignored)) => Match::Ignored,
            Some((key, Entry::Gives(given))) => Match::Mapped(key, &given.facets),
            None => Match::Unmapped,
        }
    }

    /// The key of the entry that a listed permission means: the one of its value exactly, else the one that names its label.
    fn key_of(&self, listed: &Permission) -> Option<&'r str> {
        let by_value = self.app.entries.get_key_value(listed.value.as_str());
        let by_value = by_value.filter(|(_, entry)| label_of(entry).is_none()).map(|(key, _)| key.as_str());
        by_value.or_else(|| {
            let label = listed.label.as_deref()?;
            let mut entries = self.app.entries.iter();
            entries.find(|(_, entry)| label_of(entry) == Some(label)).map(|(key, _)| key.as_str())
        })
    }

    fn is_ignored_source(&self, listed: &Permission) -> bool {
        let source = listed.source.as_deref().map(|source| source.trim().to_uppercase());
        source.is_some_and(|source| self.app.ignore_sources.contains(&source))
    }

    fn accept(&self, permissions: Vec<AskedPermission>, all: bool) -> Routed {
        Routed::Accept(Accept {
            connection: self.app.connection.clone(),
            app_key: self.key.to_owned(),
            permissions,
            all,
            dry_run: self.app.dry_run,
            until: self.until(),
            style: self.app.style,
        })
    }

    /// When the access ends. A length beyond the calendar's end is as good as its end.
    fn until(&self) -> Option<Timestamp> {
        let seconds = self.payload.access_length.filter(|_| self.direction == Direction::Provision)?;
        let length = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        Some(self.now.checked_add(length).unwrap_or(Timestamp::MAX))
    }

    /// Without what the permissions would give: what was refused is not what a replay of the request may run.
    fn refuse(
        &self,
        asked: Vec<AskedPermission>,
        all: bool,
        reason: String,
        paste: Option<String>,
    ) -> Routed {
        let permissions = asked.into_iter().map(|asked| AskedPermission { name: asked.name, facets: None });
        Routed::Refuse(Refuse {
            connection: self.app.connection.clone(),
            app_key: self.key.to_owned(),
            permissions: permissions.collect(),
            all,
            reason,
            paste,
        })
    }
}

fn label_of(entry: &Entry) -> Option<&str> {
    match entry {
        Entry::Gives(given) => given.label.as_deref(),
        Entry::Ignored => None,
    }
}

/// What an unmapped permission goes by: its value, or its label where it has none.
fn name_of(listed: &Permission) -> String {
    if listed.value.trim().is_empty() {
        format!("label {}", paste::toml_text(listed.label.as_deref().unwrap_or_default()))
    } else {
        listed.value.clone()
    }
}
