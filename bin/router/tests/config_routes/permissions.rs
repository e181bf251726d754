//! Permission-level webhooks.

use crate::support::{DEPROVISION, PROVISION, accepted, names, payload, refused, routes, table};

#[test]
fn a_permission_level_webhook_runs_its_own_permission_alone() {
    for path in ["/webhooks/desk/agent/provision", "/webhooks/short/provision"] {
        for listed in [&["agent"][..], &[], &["agent", "tier 2", "unmapped", "light agent"]] {
            assert_eq!(names(&accepted(path, &payload("desk", listed))), ["agent"], "{path} {listed:?}");
        }
    }
}

#[test]
fn rule_13_a_permission_level_order_that_lists_nothing_means_its_one_permission() {
    let accept = accepted("/webhooks/desk/agent/deprovision", &payload("desk", &[]));
    assert!(!accept.all);
    assert_eq!(names(&accept), ["agent"]);
}

#[test]
fn a_permission_level_webhook_refuses_a_list_without_its_permission_and_another_app() {
    for direction in ["provision", "deprovision"] {
        let path = format!("/webhooks/desk/agent/{direction}");
        let refuse = refused(&path, &payload("desk", &["tier 2"]));
        assert!(refuse.reason.contains("not among those that are listed"), "{}", refuse.reason);
        let refuse = refused(&path, &payload("wiki", &["agent"]));
        assert!(refuse.reason.contains("another app"), "{}", refuse.reason);
        let mut eu = payload("desk", &["agent"]);
        eu.app.instance = Some("eu".to_owned());
        assert!(refused(&path, &eu).reason.contains("another app"));
    }
}

#[test]
fn a_permission_level_webhook_leaves_alone_what_an_ignored_source_gives() {
    let mut payload = payload("desk", &["agent"]);
    payload.permissions[0].source = Some("OKTA".to_owned());
    assert!(refused("/webhooks/desk/agent/provision", &payload).reason.contains("ignored"));
}

#[test]
fn what_a_hooks_own_secret_guards_the_shared_one_does_not_give() {
    for listed in [&["light agent"][..], &["tier 2", "light agent"], &["light agent", "tier 2"]] {
        let refuse = refused(PROVISION, &payload("desk", listed));
        assert!(refuse.reason.contains("\"light agent\""), "{}", refuse.reason);
        assert!(refuse.reason.contains("/webhooks/guarded/provision alone"), "{}", refuse.reason);
        assert_eq!(refuse.permissions.len(), listed.len());
    }
    // Its own webhook gives it, and the others give the rest.
    assert_eq!(
        names(&accepted("/webhooks/guarded/provision", &payload("desk", &["light agent"]))),
        ["light agent"]
    );
    assert_eq!(names(&accepted(PROVISION, &payload("desk", &["tier 2"]))), ["tier 2"]);
    assert_eq!(
        names(&accepted("/webhooks/desk/agent/provision", &payload("desk", &["agent", "light agent"]))),
        ["agent"]
    );
    // Somebody else provisions it here: nothing is given.
    let mut ignored = payload("desk", &["tier 2", "light agent"]);
    ignored.permissions[1].source = Some("OKTA".to_owned());
    assert_eq!(names(&accepted(PROVISION, &ignored)), ["tier 2"]);
}

/// What cannot be taken is worse than what is taken too early, and an order that lists nothing takes it anyway.
#[test]
fn what_a_hooks_own_secret_guards_can_be_taken_by_the_shared_one() {
    let accept = accepted(DEPROVISION, &payload("desk", &["light agent"]));
    assert_eq!(names(&accept), ["light agent"]);
    assert!(accepted(DEPROVISION, &payload("desk", &[])).all);
}

#[test]
fn a_hook_without_secrets_does_not_open_what_another_guards() {
    let mut table = table();
    let mut open = table.hooks["guarded"].clone();
    open.secrets = None;
    table.hooks.insert("open".to_owned(), open);
    let hook = usher_router::routes::Routes::new(table).hook("/webhooks/open/provision").unwrap();
    assert_eq!(hook.target, usher_router::routes::Target::Unknown);
    let guarded: Vec<_> =
        routes().guarded().map(|(app, permission, path)| format!("{app} {permission} {path}")).collect();
    assert_eq!(guarded, ["desk light agent /webhooks/guarded"]);
}
