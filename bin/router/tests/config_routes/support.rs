use std::collections::{BTreeMap, BTreeSet};

use http::HeaderName;
use jiff::Timestamp;
use usher_core::{App, Arity, Facet, Slots, Subject};
use usher_lumos::{Payload, Permission, Style};
use usher_router::routes::{
    Accept, AppRoute, Credentials, EmailDomains, Entry, Given, HookRoute, PermissionsAt, Refuse, RouteTable,
    Routed, Routes,
};

pub(crate) fn facets(of: &[(&str, &str)]) -> BTreeSet<Facet> {
    of.iter().map(|(slot, value)| Facet::new(*slot, *value)).collect()
}

pub(crate) fn gives(of: &[(&str, &str)]) -> Entry {
    Entry::Gives(Given { facets: facets(of), label: None })
}

pub(crate) fn app(app_id: &str, instance: Option<&str>, entries: &[(&str, Entry)]) -> AppRoute {
    let one = Arity::One { baseline: Some("end-user".to_owned()) };
    AppRoute {
        app_id: app_id.to_owned(),
        instance: instance.map(str::to_owned),
        connection: "desk".to_owned(),
        default: None,
        email_domains: EmailDomains::Only(BTreeSet::from(["acme.com".to_owned()])),
        dry_run: false,
        style: Style::default(),
        ignore_sources: BTreeSet::from(["OKTA".to_owned()]),
        entries: entries.iter().map(|(key, entry)| ((*key).to_owned(), entry.clone())).collect(),
        slots: Slots::from([("role".to_owned(), one), ("group".to_owned(), Arity::Many)]),
        permissions_at: PermissionsAt::Table,
    }
}

/// An app `desk` with some of everything, `desk-eu` for the instance `eu`, `wiki` with a default, and two hooks.
pub(crate) fn table() -> RouteTable {
    let labelled = Given { facets: facets(&[("role", "light")]), label: Some("Read only".to_owned()) };
    let desk = app(
        "desk",
        None,
        &[
            ("agent", gives(&[("role", "agent"), ("group", "Tier 1")])),
            ("light agent", gives(&[("role", "light")])),
            ("tier 2", gives(&[("group", "Tier 2")])),
            ("by label", Entry::Gives(labelled)),
            ("okta_group", Entry::Ignored),
        ],
    );
    let desk_eu = app("desk", Some("eu"), &[("agent", gives(&[("role", "agent")]))]);
    let mut wiki = app("wiki", None, &[("editor", gives(&[("role", "editor")]))]);
    wiki.default = Some(facets(&[("role", "reader")]));
    wiki.dry_run = true;
    let hook = |permission: &str, secrets: Option<&str>| HookRoute {
        app: "desk".to_owned(),
        permission: permission.to_owned(),
        secrets: secrets.map(|secret| vec![secret.into()]),
    };
    RouteTable {
        shared: Credentials::new(HeaderName::from_static("x-usher-key"), vec!["shared".into()]),
        apps: BTreeMap::from([
            ("desk".to_owned(), desk),
            ("desk-eu".to_owned(), desk_eu),
            ("wiki".to_owned(), wiki),
        ]),
        hooks: BTreeMap::from([
            ("short".to_owned(), hook("agent", None)),
            ("guarded".to_owned(), hook("light agent", Some("own"))),
        ]),
        test_app_ids: BTreeSet::from(["demo_app".to_owned(), "wiki".to_owned()]),
        connections: BTreeSet::from(["desk".to_owned(), "other".to_owned()]),
    }
}

pub(crate) fn routes() -> Routes {
    Routes::new(table())
}

pub(crate) fn permission(value: &str) -> Permission {
    Permission { value: value.to_owned(), label: None, kind: None, source: None }
}

pub(crate) fn payload(app_id: &str, permissions: &[&str]) -> Payload {
    Payload {
        app: App { id: app_id.to_owned(), instance: None, label: None },
        permissions: permissions.iter().map(|value| permission(value)).collect(),
        subject: Subject {
            email: "ada@acme.com".to_owned(),
            given_name: None,
            family_name: None,
            custom_fields: BTreeMap::new(),
        },
        access_length: None,
        comment: None,
        task_url: None,
        request_id: None,
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

pub(crate) fn route(path: &str, payload: &Payload) -> Routed {
    let routes = routes();
    routes.route(&routes.hook(path).unwrap(), payload, now())
}

pub(crate) fn accepted(path: &str, payload: &Payload) -> Accept {
    match route(path, payload) {
        Routed::Accept(accept) => accept,
        other => panic!("not accepted: {other:?}"),
    }
}

/// Whatever is refused has nothing compiled that a replay could run.
pub(crate) fn refused(path: &str, payload: &Payload) -> Refuse {
    match route(path, payload) {
        Routed::Refuse(refuse) => {
            assert!(refuse.permissions.iter().all(|permission| permission.facets.is_none()));
            refuse
        }
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) fn names(accept: &Accept) -> Vec<&str> {
    accept.permissions.iter().map(|permission| permission.name.as_str()).collect()
}

pub(crate) const PROVISION: &str = "/webhooks/provision";
pub(crate) const DEPROVISION: &str = "/webhooks/deprovision";
