//! App-level webhooks.

use usher_router::routes::Routed;

use crate::support::{DEPROVISION, PROVISION, accepted, facets, names, payload, refused, route};

#[test]
fn an_app_level_webhook_takes_all_permissions_that_are_listed() {
    let accept = accepted(PROVISION, &payload("desk", &["agent", "tier 2"]));
    assert_eq!((accept.connection.as_str(), accept.app_key.as_str()), ("desk", "desk"));
    assert_eq!(names(&accept), ["agent", "tier 2"]);
    assert_eq!(accept.permissions[0].facets, Some(facets(&[("role", "agent"), ("group", "Tier 1")])));
    assert!(!accept.all && !accept.dry_run && accept.until.is_none());
}

#[test]
fn a_payload_goes_to_the_app_that_names_its_instance_else_to_the_one_that_names_none() {
    let mut payload = payload("desk", &["agent"]);
    for (instance, key) in
        [(None, "desk"), (Some("eu"), "desk-eu"), (Some("EU"), "desk"), (Some("us"), "desk")]
    {
        payload.app.instance = instance.map(str::to_owned);
        assert_eq!(accepted(PROVISION, &payload).app_key, key, "{instance:?}");
    }
}

#[test]
fn the_test_button_is_told_by_an_app_that_nobody_claims() {
    for path in [PROVISION, DEPROVISION, "/webhooks/desk/agent/provision", "/webhooks/short/provision"] {
        assert_eq!(route(path, &payload("demo_app", &["whatever"])), Routed::Test, "{path}");
    }
    assert_eq!(accepted(PROVISION, &payload("wiki", &["editor"])).app_key, "wiki");
}

#[test]
fn rule_28_a_provision_with_an_unmapped_permission_is_refused_whole() {
    let refuse = refused(PROVISION, &payload("desk", &["agent", "Admin", "okta_group"]));
    assert_eq!(refuse.app_key, "desk");
    assert_eq!(
        refuse.reason,
        "permission \"Admin\" of app \"desk\" is not mapped: add it to the configuration"
    );
    let asked: Vec<_> = refuse.permissions.iter().map(|permission| permission.name.as_str()).collect();
    assert_eq!(asked, ["agent", "Admin"]);
    assert_eq!(
        refuse.paste.unwrap(),
        "# below [apps.desk.permissions]:\nAdmin = {}  # what it gives, such as { group = \"Tier 1\" }; or \"ignore\"\n"
    );
}

#[test]
fn rule_28_an_order_runs_what_is_unmapped_without_facets() {
    let accept = accepted(DEPROVISION, &payload("desk", &["agent", "formerly mapped"]));
    assert_eq!(names(&accept), ["agent", "formerly mapped"]);
    assert!(accept.permissions[0].facets.is_some());
    assert_eq!(accept.permissions[1].facets, None);
}

#[test]
fn rule_28_only_ignored_permissions_are_refused_in_both_directions() {
    let mut from_okta = payload("desk", &["agent", "unmapped"]);
    for permission in &mut from_okta.permissions {
        permission.source = Some("okta".to_owned());
    }
    for payload in [payload("desk", &["okta_group"]), from_okta] {
        for path in [PROVISION, DEPROVISION] {
            let refuse = refused(path, &payload);
            assert!(refuse.reason.contains("ignored"), "{}", refuse.reason);
            assert_eq!(refuse.paste, None);
        }
    }
}

#[test]
fn ignored_permissions_are_left_out_beside_others() {
    let mut payload = payload("desk", &["agent", "okta_group", "from okta"]);
    payload.permissions[2].source = Some("OKTA".to_owned());
    assert_eq!(names(&accepted(PROVISION, &payload)), ["agent"]);
    assert_eq!(names(&accepted(DEPROVISION, &payload)), ["agent"]);
}

#[test]
fn rule_13_an_order_that_lists_nothing_takes_everything_that_the_app_maps() {
    let accept = accepted(DEPROVISION, &payload("desk", &[]));
    assert!(accept.all);
    assert_eq!(names(&accept), ["agent", "by label", "light agent", "tier 2"]);
    let accept = accepted(DEPROVISION, &payload("wiki", &[]));
    assert_eq!(names(&accept), ["editor", "default"]);
}

#[test]
fn a_provision_that_lists_nothing_means_the_apps_default() {
    let accept = accepted(PROVISION, &payload("wiki", &[]));
    assert!(!accept.all && accept.dry_run);
    assert_eq!(names(&accept), ["default"]);
    assert_eq!(accept.permissions[0].facets, Some(facets(&[("role", "reader")])));
}

#[test]
fn a_provision_that_lists_nothing_is_refused_where_there_is_no_default() {
    let refuse = refused(PROVISION, &payload("desk", &[]));
    assert!(refuse.reason.contains("no `default`"), "{}", refuse.reason);
    assert!(refuse.paste.unwrap().contains("default = {}"));
}

#[test]
fn a_permission_is_matched_by_its_value_exactly() {
    for near in ["Agent", "agent ", " agent", "AGENT", "agen", "agents", "by label", "default"] {
        let refuse = refused(PROVISION, &payload("desk", &[near]));
        assert!(refuse.paste.is_some(), "{near}");
    }
}

#[test]
fn a_label_counts_only_where_the_entry_says_so() {
    let mut payload = payload("desk", &["some id"]);
    payload.permissions[0].label = Some("Read only".to_owned());
    assert_eq!(names(&accepted(PROVISION, &payload)), ["by label"]);
    payload.permissions[0].label = Some("agent".to_owned());
    assert!(refused(PROVISION, &payload).paste.is_some());
    payload.permissions[0].label = Some("read only".to_owned());
    assert!(refused(PROVISION, &payload).paste.is_some());
}

#[test]
fn two_listed_permissions_with_one_entry_are_one() {
    let mut payload = payload("desk", &["one", "two"]);
    for permission in &mut payload.permissions {
        permission.label = Some("Read only".to_owned());
    }
    assert_eq!(names(&accepted(PROVISION, &payload)), ["by label"]);
}

#[test]
fn rule_14_two_values_for_one_slot_in_one_request_are_refused() {
    let refuse = refused(PROVISION, &payload("desk", &["agent", "light agent"]));
    assert_eq!(
        refuse.reason,
        "permissions \"agent\" and \"light agent\" want different values of role, which holds one: ask for one of them"
    );
    assert_eq!(
        names(&accepted(DEPROVISION, &payload("desk", &["agent", "light agent"]))),
        ["agent", "light agent"]
    );
}
