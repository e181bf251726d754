//! Whose access it is, and for how long.

use jiff::Timestamp;
use std::collections::BTreeSet;
use usher_router::routes::{EmailDomains, Routed};

use crate::support::{DEPROVISION, PROVISION, accepted, names, now, payload, route};

#[test]
fn nobody_outside_the_mail_domains_is_given_anything() {
    let mut payload = payload("desk", &["agent"]);
    for (email, allowed) in [
        ("ada@acme.com", true),
        ("ADA@ACME.COM", true),
        ("\"a@evil.com\"@acme.com", true),
        ("ada@evil.com", false),
        ("ada@notacme.com", false),
        ("ada@sub.acme.com", false),
        ("ada@acme.com.evil.com", false),
        ("acme.com@evil.com", false),
        ("ada@acme.com@evil.com", false),
        ("ada@acme%2Ecom", false),
        ("ada@acme.com.", false),
        ("ada@[acme.com]", false),
        ("ada@ａｃｍｅ.com", false),
        ("ada@аcme.com", false),
        ("ada", false),
    ] {
        payload.subject.email = email.to_owned();
        for path in [PROVISION, "/webhooks/desk/agent/provision"] {
            let routed = route(path, &payload);
            assert_eq!(matches!(routed, Routed::Accept(_)), allowed, "{email}");
            if let Routed::Refuse(refuse) = routed {
                assert!(refuse.reason.contains("mail domains"), "{}", refuse.reason);
                assert!(!refuse.reason.contains("evil"), "shows personal data: {}", refuse.reason);
            }
        }
    }
}

#[test]
fn a_domain_of_another_alphabet_has_one_form() {
    let domain = EmailDomains::domain("Bücher.example").unwrap();
    assert_eq!(domain, "xn--bcher-kva.example");
    let domains = EmailDomains::Only(BTreeSet::from([domain]));
    assert!(domains.allow("ada@bücher.example"));
    assert!(domains.allow("ada@BU\u{308}CHER.example"));
    assert!(domains.allow("ada@xn--bcher-kva.example"));
    assert!(!domains.allow("ada@bucher.example"));
    assert!(EmailDomains::Anybody.allow("ada@anything"));
}

#[test]
fn access_can_be_taken_from_whoever_may_no_longer_be_given_any() {
    let mut payload = payload("desk", &["agent"]);
    payload.subject.email = "ada@left-the-company.example".to_owned();
    assert_eq!(names(&accepted(DEPROVISION, &payload)), ["agent"]);
    assert_eq!(names(&accepted("/webhooks/desk/agent/deprovision", &payload)), ["agent"]);
}

#[test]
fn the_approved_time_is_counted_from_now_and_in_a_grant_alone() {
    let mut payload = payload("desk", &["agent"]);
    for (length, until) in [
        (Some(3600), Some(Timestamp::from_second(1_800_003_600).unwrap())),
        (Some(0), Some(now())),
        (None, None),
        (Some(u64::MAX), Some(Timestamp::MAX)),
    ] {
        payload.access_length = length;
        assert_eq!(accepted(PROVISION, &payload).until, until);
        assert_eq!(accepted(DEPROVISION, &payload).until, None);
    }
}
