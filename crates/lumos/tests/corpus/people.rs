//! Whom a payload is about.

use usher_core::Direction::{Deprovision, Provision};

use crate::{ADA, APP, TWO_PEOPLE, check, email, person};

#[test]
fn without_a_usable_subject_the_field_is_named() {
    let nobody = "target_user.email: is missing, null or blank: nobody is named";
    let invisible = "target_user.email: has a control or an invisible character in an e-mail address";
    let no_address = "target_user.email: expected an e-mail address (a name, @ and a domain)";
    let whitespace = "target_user.email: has whitespace inside an e-mail address";
    check(
        Provision,
        &[
            (&format!("{{{APP}}}"), "target_user: is missing"),
            (&person(r#""target_user":null"#), "target_user: is missing"),
            (&person(r#""target_user":"ada""#), "target_user: expected an object, found a string"),
            (&person(r#""target_user":[]"#), "target_user: expected an object, found an array"),
            (&person(r#""target_user":{}"#), nobody),
            (&person(r#""target_user":{"given_name":"Ada"}"#), nobody),
            (&email("null"), nobody),
            (&email(r#""""#), nobody),
            (&email(r#"" \t ""#), nobody),
            (&email("5"), "target_user.email: expected a string, found a number"),
            (&email(r#"["ada@example.com"]"#), "target_user.email: expected a string, found an array"),
            (&email(r#"{"x":"ada@example.com"}"#), "target_user.email: expected a string, found an object"),
            (&email(r#""ada""#), no_address),
            (&email(r#""@example.com""#), no_address),
            (&email(r#""ada@""#), no_address),
            (&email(r#""@""#), no_address),
            (&email(r#""boss@acme.com@evil.example""#), no_address),
            (&email(r#""\"@evil.example""#), "zendesk email=\"@evil.example"),
            (&email(r#""\"a@b\"@example.com""#), "zendesk email=\"a@b\"@example.com"),
            (&email(r#""ada lovelace@example.com""#), whitespace),
            (&email(r#""Ada <ada@example.com>""#), whitespace),
            (&email(r#""ada\u00a0@example.com""#), whitespace),
            (&email(r#""ada@example.com\r\nBcc:b@example.com""#), invisible),
            (&email(r#""ada\u0000@example.com""#), invisible),
            (&email(r#""ada\u200b@example.com""#), invisible),
            (&email(r#""\u202eada@example.com""#), invisible),
            (&email(r#"" Ada@Example.com\n""#), "zendesk email=Ada@Example.com"),
            (&email("\"zoë@bücher.example\""), "zendesk email=zoë@bücher.example"),
        ],
    );
    let longest = format!("{}@{}", "a".repeat(64), "d".repeat(255));
    check(
        Provision,
        &[
            (&email(&format!("\"{longest}\"")), &format!("zendesk email={longest}")),
            (
                &email(&format!("\"{longest}d\"")),
                "target_user.email: is longer than an e-mail address can be (320 bytes)",
            ),
            (&email(&format!("\"{}\"", " ".repeat(1025))), "target_user.email: is longer than 1024 bytes"),
        ],
    );
}

#[test]
fn the_person_may_stand_under_either_name_but_there_is_one_person() {
    let two =
        |target_user: &str, user: &str| person(&format!(r#""target_user":{target_user},"user":{user}"#));
    let ada = r#"{"email":"ada@example.com","given_name":"Ada"}"#;
    let same = r#"{"email":" ADA@example.COM ","given_name":"Augusta"}"#;
    let other = r#"{"email":"eve@example.com"}"#;
    check(
        Provision,
        &[
            (&person(&format!(r#""user":{ada}"#)), "zendesk email=ada@example.com given=Ada"),
            (&two(ada, same), "zendesk email=ada@example.com given=Ada"),
            (&two(ada, "null"), "zendesk email=ada@example.com given=Ada"),
            (&two("{}", ada), "zendesk email=ada@example.com given=Ada"),
            (&two(ada, r#"{"email":"","given_name":null}"#), "zendesk email=ada@example.com given=Ada"),
            (TWO_PEOPLE, "user.email: names another person than target_user does"),
            (&two(ada, other), "user.email: names another person than target_user does"),
            (&two(ada, r#"{"given_name":"Eve"}"#), "user.email: is missing, null or blank: nobody is named"),
            (
                &two(ada, r#"{"email":"eve"}"#),
                "user.email: expected an e-mail address (a name, @ and a domain)",
            ),
            (&two(ada, r#"{"email":5}"#), "user.email: expected a string, found a number"),
            (&two(ada, r#""eve""#), "user: expected an object, found a string"),
        ],
    );
    check(
        Deprovision,
        &[
            (&format!("{{{APP}}}"), "user: is missing"),
            (&person(ADA), "zendesk email=ada@example.com"),
            (&two(ada, same), "zendesk email=ADA@example.COM given=Augusta"),
            (TWO_PEOPLE, "target_user.email: names another person than user does"),
        ],
    );
}

#[test]
fn names_of_the_wrong_type_are_refused_by_path() {
    check(
        Provision,
        &[
            (
                &person(r#""target_user":{"email":"ada@example.com","given_name":{"first":"Ada"}}"#),
                "target_user.given_name: expected a string, found an object",
            ),
            (
                &person(r#""user":{"email":"ada@example.com","family_name":1}"#),
                "user.family_name: expected a string, found a number",
            ),
        ],
    );
}
