//! Paths, and what opens them.

use secrecy::ExposeSecret;
use usher_router::routes::Target;

use crate::support::{PROVISION, payload, refused, routes};

#[test]
fn names_in_a_path_are_decoded_once() {
    let routes = routes();
    let target = |path: &str| routes.hook(path).map(|hook| hook.target);
    let is_permission = |path: &str| matches!(target(path), Some(Target::Permission { .. }));
    assert!(is_permission("/webhooks/desk/tier%202/provision"));
    assert!(is_permission("/webhooks/d%65sk/agent/deprovision"));
    for unknown in [
        "/webhooks/desk/tier%25202/provision",
        "/webhooks/desk/tier+2/provision",
        "/webhooks/desk%2Fagent/provision",
        "/webhooks/desk/Agent/provision",
        "/webhooks/desk/okta_group/provision",
        "/webhooks/desk/%FF/provision",
        "/webhooks/desk//provision",
        "/webhooks//provision",
        "/webhooks/desk/agent/more/provision",
        "/webhooks/desk/provision",
        "/webhooks/desk/../provision",
    ] {
        assert_eq!(target(unknown), Some(Target::Unknown), "{unknown}");
    }
    for none in [
        "/",
        "/webhooks",
        "/webhooks/",
        "/webhooks/provision/",
        "/webhooks/Provision",
        "/webhooks/x",
        "/provision",
    ] {
        assert_eq!(target(none), None, "{none}");
    }
}

#[test]
fn a_webhook_that_is_not_there_is_refused_with_those_that_are() {
    let refuse = refused("/webhooks/desk/nothing/provision", &payload("desk", &["agent"]));
    assert!(refuse.reason.contains("/webhooks/desk/agent"), "{}", refuse.reason);
}

#[test]
fn a_hook_with_secrets_of_its_own_is_opened_by_them_alone() {
    let routes = routes();
    let opens = |path: &str| {
        let hook = routes.hook(path).unwrap();
        let credentials = routes.credentials(&hook);
        credentials.secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(opens("/webhooks/guarded/provision"), ["own"]);
    assert_eq!(opens("/webhooks/guarded/deprovision"), ["own"]);
    for shared in [
        PROVISION,
        "/webhooks/short/provision",
        "/webhooks/desk/agent/provision",
        "/webhooks/nobody/provision",
    ] {
        assert_eq!(opens(shared), ["shared"], "{shared}");
    }
    // The other way to the guarded permission is shut: the shared secret would open it.
    let hook = routes.hook("/webhooks/desk/light%20agent/provision").unwrap();
    assert_eq!(hook.target, Target::Unknown);
    assert_eq!(opens("/webhooks/desk/light%20agent/provision"), ["shared"]);
    assert_eq!(routes.all_credentials().count(), 2);
}
