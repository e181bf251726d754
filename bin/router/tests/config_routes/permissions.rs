//! Permission-level webhooks.

use crate::support::{accepted, names, payload, refused};

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
