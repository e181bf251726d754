//! What holds for every body, whoever wrote it.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use usher_core::Direction;
use usher_lumos::{AccessLengthUnit, Options, Parsed, Permission, conclude, parse, request_id, task_link};

const SAMPLES: [&str; 6] = [
    include_str!("payloads/provision-seed.json"),
    include_str!("payloads/provision-app-only.json"),
    include_str!("payloads/provision-sparse.json"),
    include_str!("payloads/provision-everything-null.json"),
    include_str!("payloads/deprovision-user.json"),
    include_str!("payloads/deprovision-target-user.json"),
];

/// In no other place of a sample, and in none of our own messages.
const ADDRESS: &str = "qvxz-lovelace@personal.example";

fn any_direction() -> impl Strategy<Value = Direction> {
    select(vec![Direction::Provision, Direction::Deprovision])
}

fn any_unit() -> impl Strategy<Value = AccessLengthUnit> {
    select(vec![AccessLengthUnit::Seconds, AccessLengthUnit::Minutes, AccessLengthUnit::Hours])
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ -~\u{a0}\u{200b}]{0,5}@?[a-z@. ]{0,5}".prop_map(Value::from),
        Just(Value::from(ADDRESS)),
    ];
    leaf.prop_recursive(6, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(member_name(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn member_name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(vec![
            "application", "app_id", "instance_id", "permissions", "value", "label", "type", "source", "user",
            "target_user", "email", "given_name", "family_name", "access_length", "request_comment",
            "request_task_url", "custom_fields",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => Just(ADDRESS.to_owned()),
    ]
}

/// The paths of all values in a document, as JSON pointers.
fn places(value: &Value, here: &str, all: &mut Vec<String>) {
    all.push(here.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{here}/{index}"), all);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(member, &format!("{here}/{name}"), all);
            }
        }
        _ => {}
    }
}

fn replace_somewhere(document: &mut Value, place: &Index, with: Value) {
    let mut all = Vec::new();
    places(document, "", &mut all);
    let place = place.get(&all).clone();
    if let Some(target) = document.pointer_mut(&place) {
        *target = with;
    }
}

/// Everything that holds for what was made of a body; whether it parsed to a payload.
fn check(body: &[u8], direction: Direction, unit: AccessLengthUnit) -> Result<bool, TestCaseError> {
    let outcome = parse(body, direction, &Options { access_length_unit: unit });
    let shown = format!("{outcome:?} {outcome:#?}");
    prop_assert!(!shown.contains(ADDRESS), "the address is shown: {shown}");
    match outcome {
        Err(error) => {
            let message = error.to_string();
            prop_assert!(!message.contains('@') || message.contains("(a name, @ and a domain)"), "{message}");
            prop_assert!(message.len() < 200 && message.is_ascii(), "{message}");
            Ok(false)
        }
        Ok(Parsed::Empty) => {
            prop_assert!(body.iter().all(u8::is_ascii_whitespace));
            Ok(false)
        }
        Ok(Parsed::Webhook(payload)) => {
            let email = &payload.subject.email;
            let parts = email.rsplit_once('@');
            prop_assert!(parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty()));
            prop_assert!(email.len() <= 320 && !email.chars().any(|c| c.is_whitespace() || c.is_control()));
            prop_assert!(!shown.contains(email.as_str()), "the address is shown: {shown}");
            prop_assert!(!payload.subject.key().as_str().is_empty());
            prop_assert!(!payload.app.id.trim().is_empty());
            for (index, permission) in payload.permissions.iter().enumerate() {
                let blank = permission.value.trim().is_empty();
                prop_assert!(!blank || permission.label.is_some());
                let twin = |p: &&Permission| {
                    p.value == permission.value
                        && p.label == permission.label
                        && p.source == permission.source
                };
                let twin = payload.permissions.iter().skip(index + 1).find(twin);
                prop_assert!(twin.is_none(), "a permission is there twice");
            }
            prop_assert!(direction == Direction::Provision || payload.access_length.is_none());
            Ok(true)
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_read_or_refused(
        body in prop::collection::vec(any::<u8>(), 0..300), direction in any_direction(), unit in any_unit(),
    ) {
        check(&body, direction, unit)?;
        let _conclusion = conclude(200, &body, direction);
    }

    #[test]
    fn arbitrary_json_is_read_or_refused(body in any_json(), direction in any_direction(), unit in any_unit()) {
        check(body.to_string().as_bytes(), direction, unit)?;
    }

    #[test]
    fn arbitrary_members_around_a_good_payload_are_read_or_refused(
        members in prop::collection::btree_map(member_name(), any_json(), 0..4),
        direction in any_direction(), unit in any_unit(),
    ) {
        let mut body = json!({ "application": { "app_id": "zendesk" }, "target_user": { "email": ADDRESS } });
        if let Some(body) = body.as_object_mut() {
            body.extend(members);
        }
        check(body.to_string().as_bytes(), direction, unit)?;
    }

    #[test]
    fn a_sample_with_a_value_replaced_is_read_or_refused(
        sample in select(SAMPLES.to_vec()), places in prop::collection::vec(any::<Index>(), 1..4),
        with in any_json(), direction in any_direction(), unit in any_unit(),
    ) {
        let mut body: Value = serde_json::from_str(sample)?;
        for place in &places {
            replace_somewhere(&mut body, place, with.clone());
        }
        check(body.to_string().as_bytes(), direction, unit)?;
    }

    #[test]
    fn a_sample_with_bytes_changed_is_read_or_refused(
        sample in select(SAMPLES.to_vec()), place in any::<Index>(), bytes in prop::collection::vec(any::<u8>(), 0..6),
        cut in 0_usize..20, direction in any_direction(), unit in any_unit(),
    ) {
        let mut body = sample.as_bytes().to_vec();
        let start = place.index(body.len());
        let end = (start + cut).min(body.len());
        body.splice(start..end, bytes);
        check(&body, direction, unit)?;
    }

    #[test]
    fn the_address_of_a_good_payload_is_never_shown(
        address in "[a-zA-Z0-9._%+-]{1,12}@[a-z0-9.-]{1,12}", direction in any_direction(), unit in any_unit(),
        name in any::<String>(),
    ) {
        let body = json!({
            "application": { "app_id": address, "instance_id": address, "user_friendly_label": address },
            "permissions": [{ "value": address, "label": address, "type": address, "source": address }],
            "user": { "email": address, "given_name": address },
            "request_comment": address,
            "request_task_url": format!("https://lumosidentity.com/?requestId={address}"),
            "custom_fields": { address.as_str(): address, name: 1 },
        });
        prop_assert!(check(body.to_string().as_bytes(), direction, unit)?, "it does not parse");
    }

    #[test]
    fn a_request_id_is_short_and_visible(url in "[a-z:/]{0,5}[?#&]{0,2}(requestId=[ -~é]{0,8}&?){0,3}#?.{0,5}") {
        if let Some(id) = request_id(&url) {
            prop_assert!((1..=200).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()));
        }
        prop_assert!(task_link(&url, &[]).is_none());
    }
}
