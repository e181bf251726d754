//! What a payload asks for.

use usher_core::Direction::{Deprovision, Provision};

use crate::{ADA, check, permissions, person, with};

#[test]
fn rule_13_permissions_may_be_empty_null_or_absent_and_all_three_are_an_empty_list() {
    for direction in [Provision, Deprovision] {
        check(
            direction,
            &[
                (&person(ADA), "zendesk email=ada@example.com"),
                (&with(r#""permissions":null"#), "zendesk email=ada@example.com"),
                (&with(r#""permissions":[]"#), "zendesk email=ada@example.com"),
            ],
        );
    }
}

#[test]
fn a_permission_is_named_by_its_value_or_else_its_label() {
    check(
        Provision,
        &[
            (&with(r#""permissions":{"value":"a"}"#), "permissions: expected an array, found an object"),
            (&permissions(r#""agent""#), "permissions[0]: expected an object, found a string"),
            (&permissions(r#"{"value":"a"},null"#), "permissions[1]: expected an object, found null"),
            (&permissions(r#"{"value":"a"},{"label":"B"}"#), "permissions[1].value: is missing"),
            (
                &permissions(r#"{"value":"a"},{"value":null,"label":"B"}"#),
                "permissions[1].value: expected a string, found null",
            ),
            (&permissions(r#"{"value":1}"#), "permissions[0].value: expected a string, found a number"),
            (
                &permissions(r#"{"value":"","label":" "}"#),
                "permissions[0].value: is blank, and no label is there to match instead",
            ),
            (&permissions(r#"{"value":"","label":"B"}"#), "zendesk email=ada@example.com value= label=B"),
            (&permissions(r#"{"value":" a "}"#), "zendesk email=ada@example.com value= a "),
            (
                &permissions(r#"{"value":"a","label":true}"#),
                "permissions[0].label: expected a string, found a boolean",
            ),
            (
                &permissions(r#"{"value":"a","type":3}"#),
                "permissions[0].type: expected a string, found a number",
            ),
            (
                &permissions(r#"{"value":"a","source":[]}"#),
                "permissions[0].source: expected a string, found an array",
            ),
            (
                &permissions(r#"{"value":"a","type":null,"source":"","label":null}"#),
                "zendesk email=ada@example.com value=a",
            ),
        ],
    );
}

#[test]
fn rule_10_a_permission_that_is_listed_twice_counts_once() {
    check(
        Provision,
        &[
            (
                &permissions(r#"{"value":"b","label":"B"},{"value":"a"},{"value":"b","label":"B"}"#),
                "zendesk email=ada@example.com value=b label=B value=a",
            ),
            (
                // One may be ignored by its source, and the other not.
                &permissions(r#"{"value":"b","source":"OKTA"},{"value":"b","source":"MANUAL"}"#),
                "zendesk email=ada@example.com value=b source=OKTA value=b source=MANUAL",
            ),
            (&permissions(r#"{"value":"A"},{"value":"a"}"#), "zendesk email=ada@example.com value=A value=a"),
            (
                &permissions(r#"{"value":"","label":"B"},{"value":"","label":"C"},{"value":"","label":"B"}"#),
                "zendesk email=ada@example.com value= label=B value= label=C",
            ),
        ],
    );
}
