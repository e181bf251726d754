//! Good and bad payloads, each with what is made of it: a summary, or the exact message.

#![expect(clippy::panic, reason = "a test fails by panicking")]

mod people;
mod permissions;

use std::fmt::Write as _;

use usher_core::Direction::{self, Deprovision, Provision};
use usher_lumos::{AccessLengthUnit, Options, Parsed, Payload, parse};

const SEED: &str = include_str!("../payloads/provision-seed.json");
const APP_ONLY: &str = include_str!("../payloads/provision-app-only.json");
const SPARSE: &str = include_str!("../payloads/provision-sparse.json");
const REMOVAL: &str = include_str!("../payloads/deprovision-user.json");
const EVERYTHING_NULL: &str = include_str!("../payloads/provision-everything-null.json");
const UNKNOWN_FIELDS: &str = include_str!("../payloads/provision-unknown-fields.json");
const REMOVAL_OF_ALL: &str = include_str!("../payloads/deprovision-target-user.json");
const TWO_PEOPLE: &str = include_str!("../payloads/two-people.json");

const APP: &str = r#""application":{"app_id":"zendesk"}"#;
const ADA: &str = r#""target_user":{"email":"ada@example.com"}"#;

/// A payload that is good but for these members.
fn with(members: &str) -> String {
    format!("{{{APP},{ADA},{members}}}")
}

fn person(member: &str) -> String {
    format!("{{{APP},{member}}}")
}

fn email(json: &str) -> String {
    person(&format!(r#""target_user":{{"email":{json}}}"#))
}

fn permissions(items: &str) -> String {
    with(&format!(r#""permissions":[{items}]"#))
}

fn summary(payload: &Payload) -> String {
    let mut text = payload.app.id.clone();
    let mut add = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            write!(text, " {name}={value}").unwrap_or_else(|error| panic!("{error}"));
        }
    };
    add("instance", payload.app.instance.as_deref());
    add("email", Some(&payload.subject.email));
    add("given", payload.subject.given_name.as_deref());
    add("family", payload.subject.family_name.as_deref());
    for permission in &payload.permissions {
        add("value", Some(&permission.value));
        add("label", permission.label.as_deref());
        add("type", permission.kind.as_deref());
        add("source", permission.source.as_deref());
    }
    add("seconds", payload.access_length.map(|seconds| seconds.to_string()).as_deref());
    add("comment", payload.comment.as_deref());
    add("request", payload.request_id.as_deref());
    for (name, value) in payload.custom_fields() {
        add(name, Some(&value.to_string()));
    }
    text
}

fn read(body: &[u8], direction: Direction, unit: AccessLengthUnit) -> String {
    match parse(body, direction, &Options { access_length_unit: unit }) {
        Ok(Parsed::Empty) => "empty".to_owned(),
        Ok(Parsed::Webhook(payload)) => summary(&payload),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn check(direction: Direction, cases: &[(&str, &str)]) {
    for (body, expected) in cases {
        let made = read(body.as_bytes(), direction, AccessLengthUnit::Seconds);
        assert!(made == *expected, "\nbody:     {body}\nexpected: {expected}\nmade:     {made}");
    }
}

#[test]
fn the_sample_payloads_are_read() {
    check(
        Provision,
        &[
            (
                SEED,
                "demo_app instance=0ob3ggjlhx892dc4abcde email=peterparker@lumos.com given=Peter family=Parker \
                 value=Permission One label=Permission One Label type=PERMISSION source=MANUAL \
                 value=Permission Two label=Permission Two Label type=PERMISSION source=MANUAL \
                 seconds=43189 comment=Give me access! request=12898293343 username=\"pparker\"",
            ),
            (
                APP_ONLY,
                "zendesk instance=0oazd1 email=miles@example.com given=Miles family=Morales request=77001",
            ),
            (
                SPARSE,
                "github email=Gwen.Stacy@Example.com value=engineering label=Engineering \
                 type=SOMETHING_NEW source=A_NEW_SOURCE request=77002",
            ),
            (EVERYTHING_NULL, "zendesk email=ada@example.com"),
            (UNKNOWN_FIELDS, "zendesk email=ada@example.com value=agent seconds=60 request=9"),
        ],
    );
    check(
        Deprovision,
        &[
            (
                REMOVAL,
                "zendesk instance=0oazd1 email=miles@example.com given=Miles family=Morales \
                 value=light_agent label=Light Agent type=PERMISSION source=MANUAL request=77003",
            ),
            (REMOVAL_OF_ALL, "zendesk email=miles@example.com request=77004"),
        ],
    );
}

#[test]
fn an_empty_body_is_the_test_button() {
    for direction in [Provision, Deprovision] {
        check(direction, &[("", "empty"), (" \r\n\t ", "empty")]);
    }
}

#[test]
fn what_is_not_a_json_object_is_refused_without_being_quoted() {
    check(
        Provision,
        &[
            ("null", "the body: expected an object, found null"),
            ("[]", "the body: expected an object, found an array"),
            ("\"ada@example.com\"", "the body: expected an object, found a string"),
            ("{", "the body: expected JSON, which it stops being at line 1, column 1"),
            ("{\n  ada@example.com", "the body: expected JSON, which it stops being at line 2, column 3"),
            ("{} {}", "the body: expected JSON, which it stops being at line 1, column 4"),
            ("{“response”: 1}", "the body: expected JSON, which it stops being at line 1, column 2"),
            ("email=ada@example.com", "the body: expected JSON, which it stops being at line 1, column 1"),
        ],
    );
    let made = read(b"{\"a\":\"\xff\"}", Provision, AccessLengthUnit::Seconds);
    assert_eq!(made, "the body: expected JSON in UTF-8, found other bytes");
}

#[test]
fn the_application_must_be_named() {
    check(
        Provision,
        &[
            ("{}", "application: is missing"),
            (r#"{"application":null}"#, "application: is missing"),
            (r#"{"application":"zendesk"}"#, "application: expected an object, found a string"),
            (r#"{"application":{}}"#, "application.app_id: is missing"),
            (r#"{"application":{"app_id":null}}"#, "application.app_id: expected a string, found null"),
            (r#"{"application":{"app_id":7}}"#, "application.app_id: expected a string, found a number"),
            (r#"{"application":{"app_id":" "}}"#, "application.app_id: is blank"),
            (
                r#"{"application":{"app_id":"a","instance_id":["x"]}}"#,
                "application.instance_id: expected a string, found an array",
            ),
            (
                r#"{"application":{"app_id":"a","instance_id":""},"user":{"email":"ada@example.com"}}"#,
                "a email=ada@example.com",
            ),
            (
                r#"{"application":{"app_id":"a","user_friendly_label":false}}"#,
                "application.user_friendly_label: expected a string, found a boolean",
            ),
        ],
    );
}

#[test]
fn a_field_given_twice_is_refused_where_it_is_read() {
    check(
        Provision,
        &[
            (
                &email(r#""ada@example.com","email":"eve@example.com""#),
                "target_user.email: is given twice, and which one is meant cannot be known",
            ),
            (
                &email(r#"null,"email":"eve@example.com""#),
                "target_user.email: is given twice, and which one is meant cannot be known",
            ),
            (&with(ADA), "target_user: is given twice, and which one is meant cannot be known"),
            (
                &with(r#""permissions":[],"permissions":[{"value":"admin"}]"#),
                "permissions: is given twice, and which one is meant cannot be known",
            ),
            (
                &permissions(r#"{"value":"a","\u0076alue":"admin"}"#),
                "permissions[0].value: is given twice, and which one is meant cannot be known",
            ),
            (
                &with(r#""custom_fields":{"ada@example.com":1,"ada@example.com":2}"#),
                "custom_fields: has a field that is given twice, and which one is meant cannot be known",
            ),
            (
                &with(r#""custom_fields":{"a":[{"b":1,"b":2}]}"#),
                "custom_fields: has a field that is given twice, and which one is meant cannot be known",
            ),
            (&with(r#""unknown":1,"unknown":{"a":1,"a":2}"#), "zendesk email=ada@example.com"),
        ],
    );
}

#[test]
fn access_length_is_a_whole_number_that_is_not_negative() {
    let length = |json: &str| with(&format!(r#""access_length":{json}"#));
    let far = "access_length: is longer than 1000 years";
    let negative = "access_length: expected a whole number of at least zero, found a negative one";
    check(
        Provision,
        &[
            (&length("null"), "zendesk email=ada@example.com"),
            (&length("0"), "zendesk email=ada@example.com seconds=0"),
            (&length("43189.0"), "zendesk email=ada@example.com seconds=43189"),
            (&length("4e4"), "zendesk email=ada@example.com seconds=40000"),
            (&length("-0.0"), "zendesk email=ada@example.com seconds=0"),
            (&length("-1"), negative),
            (&length("-1.5"), negative),
            (&length("0.5"), "access_length: expected a whole number, found a fraction"),
            (&length("31557600000"), "zendesk email=ada@example.com seconds=31557600000"),
            (&length("31557600001"), far),
            (&length("18446744073709551616"), far),
            (&length("1e300"), far),
            (&length(r#""43189""#), "access_length: expected a whole number, found a string"),
            (&length("{}"), "access_length: expected a whole number, found an object"),
        ],
    );
    let in_unit = |json: &str, unit| read(length(json).as_bytes(), Provision, unit);
    assert_eq!(in_unit("3", AccessLengthUnit::Minutes), "zendesk email=ada@example.com seconds=180");
    assert_eq!(in_unit("3", AccessLengthUnit::Hours), "zendesk email=ada@example.com seconds=10800");
    assert_eq!(in_unit("18446744073709551615", AccessLengthUnit::Hours), far);
    // 3584 seconds to whoever lets it overflow.
    assert_eq!(in_unit("5124095576030432", AccessLengthUnit::Hours), far);
}

#[test]
fn time_left_below_zero_does_not_stop_a_removal() {
    check(Deprovision, &[(&with(r#""access_length":-3"#), "zendesk email=ada@example.com")]);
}

#[test]
fn what_else_was_sent_must_be_of_its_type() {
    check(
        Provision,
        &[
            (&with(r#""request_comment":"""#), "zendesk email=ada@example.com"),
            (&with(r#""request_comment":["x"]"#), "request_comment: expected a string, found an array"),
            (&with(r#""request_task_url":77"#), "request_task_url: expected a string, found a number"),
            (&with(r#""request_task_url":"""#), "zendesk email=ada@example.com"),
            (&with(r#""custom_fields":[]"#), "custom_fields: expected an object, found an array"),
            (&with(r#""custom_fields":"x""#), "custom_fields: expected an object, found a string"),
            (&with(r#""custom_fields":{"n":null}"#), "zendesk email=ada@example.com n=null"),
        ],
    );
}

#[test]
fn everything_has_a_limit() {
    let text = |length: usize| "x".repeat(length);
    let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let many =
        |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<Vec<_>>().join(",");
    let value = |n: usize| format!(r#"{{"value":"{n}"}}"#);
    let field = |n: usize| format!(r#""{n}":1"#);
    let member = |name: &str, length: usize| with(&format!(r#""{name}":"{}""#, text(length)));
    check(
        Provision,
        &[
            (&permissions(&many(201, &value)), "permissions: has more than 200 entries"),
            (
                &permissions(&format!(r#"{{"value":"{}"}}"#, text(1025))),
                "permissions[0].value: is longer than 1024 bytes",
            ),
            (
                &permissions(&format!(r#"{{"value":"a","label":"{}"}}"#, text(1025))),
                "permissions[0].label: is longer than 1024 bytes",
            ),
            (&member("request_comment", 16385), "request_comment: is longer than 16384 bytes"),
            (&member("request_task_url", 4097), "request_task_url: is longer than 4096 bytes"),
            (
                &person(&format!(r#""target_user":{{"email":"a@b.c","given_name":"{}"}}"#, text(1025))),
                "target_user.given_name: is longer than 1024 bytes",
            ),
            (
                &with(&format!(r#""custom_fields":{}"#, nested(17))),
                "custom_fields: is nested more than 16 levels deep",
            ),
            (
                &with(&format!(r#""custom_fields":{{{}}}"#, many(201, &field))),
                "custom_fields: has more than 200 entries",
            ),
            (
                &with(&format!(r#""custom_fields":{{"{}":1}}"#, text(1025))),
                "custom_fields: has a name or a text that is longer than its limit (1024 bytes)",
            ),
            (
                &with(&format!(r#""custom_fields":{{"a":"{}"}}"#, text(16385))),
                "custom_fields: has a name or a text that is longer than its limit (16384 bytes)",
            ),
            (&with(&format!(r#""unknown":{}"#, nested(10_000))), "zendesk email=ada@example.com"),
        ],
    );
    for good in [
        permissions(&many(200, &value)),
        member("request_comment", 16384),
        member("request_task_url", 4096),
        with(&format!(r#""custom_fields":{}"#, nested(16))),
        with(&format!(r#""custom_fields":{{{}}}"#, many(200, &field))),
    ] {
        let made = read(good.as_bytes(), Provision, AccessLengthUnit::Seconds);
        assert!(made.starts_with("zendesk email=ada@example.com"), "{made}");
    }
}

#[test]
fn an_error_tells_its_field_apart_from_its_message() {
    let of = |body: &str| parse(body.as_bytes(), Provision, &Options::default()).err();
    let field = of(&permissions(r#"{"value":"a"},{}"#));
    assert_eq!(field.as_ref().and_then(|error| error.field()), Some("permissions[1].value"));
    assert_eq!(of("[]").as_ref().map(|error| error.field()), Some(None));
}
