//! What is answered, and what Lumos makes of it.

use serde_json::{Value, json};
use usher_core::Direction::{Deprovision, Provision};
use usher_lumos::{Answer, Conclusion, ErrorAnswer, Reply, Style, SuccessStyle, Unreadable, conclude};

fn negative() -> Answer {
    Answer::Negative { message: "the vendor refused".to_owned() }
}

fn swapped() -> Style {
    Style { provision: SuccessStyle::NoContent, deprovision: SuccessStyle::Json }
}

fn parts(reply: &Reply) -> (u16, Option<Value>) {
    (reply.status, reply.body.clone())
}

#[test]
fn a_provisioning_is_answered_with_exactly_the_contract() {
    let provisioned = json!({ "response": "PROVISIONED_USER" });
    let nothing = json!({ "response": "NO_PROVISIONING_ACTION" });
    let answer = |answer: Answer, style| parts(&answer.reply(Provision, style));
    assert_eq!(answer(Answer::Positive, Style::default()), (200, Some(provisioned)));
    assert_eq!(answer(Answer::Positive, swapped()), (204, None));
    for style in [Style::default(), swapped()] {
        assert_eq!(answer(negative(), style), (200, Some(nothing.clone())));
        assert_eq!(answer(Answer::Test, style), (200, Some(nothing.clone())));
    }
}

#[test]
fn a_failed_removal_cannot_pass_for_a_done_one() {
    let failed = json!({ "response": "NO_PROVISIONING_ACTION", "message": "the vendor refused" });
    let answer = |answer: Answer, style| parts(&answer.reply(Deprovision, style));
    assert_eq!(answer(Answer::Positive, Style::default()), (204, None));
    assert_eq!(answer(Answer::Positive, swapped()), (200, Some(json!({ "response": "DEPROVISIONED_USER" }))));
    for style in [Style::default(), swapped()] {
        assert_eq!(answer(negative(), style), (502, Some(failed.clone())));
        assert_eq!(answer(Answer::Test, style), (200, Some(json!({ "response": "NO_PROVISIONING_ACTION" }))));
    }
}

#[test]
fn errors_say_that_nothing_was_done_and_why() {
    let cases = [
        (ErrorAnswer::BadRequest { message: "target_user: is missing".to_owned() }, 400, None),
        (ErrorAnswer::TooSlow, 408, None),
        (ErrorAnswer::TooLarge { limit: 262_144 }, 413, None),
        (ErrorAnswer::Overloaded { retry_after: 7 }, 503, Some(7)),
    ];
    for (error, status, retry_after) in cases {
        let reply = error.reply();
        assert_eq!((reply.status, reply.retry_after), (status, retry_after));
        let body = reply.body.unwrap_or_default();
        assert_eq!(body.get("response"), Some(&json!("NO_PROVISIONING_ACTION")), "{status}");
        assert!(body.get("message").is_some_and(Value::is_string), "{status}");
    }
    let bad = ErrorAnswer::BadRequest { message: "target_user: is missing".to_owned() }.reply();
    assert_eq!(
        bad.body,
        Some(json!({ "response": "NO_PROVISIONING_ACTION", "message": "target_user: is missing" }))
    );
}

#[test]
fn a_caller_without_a_credential_learns_nothing() {
    let reply = ErrorAnswer::Unauthorized.reply();
    assert_eq!(
        parts(&reply),
        (401, Some(json!({ "message": "send the shared secret in the configured header" })))
    );
}

#[test]
fn lumos_concludes_what_the_answer_means() {
    for style in [Style::default(), swapped()] {
        for (direction, done) in
            [(Provision, Conclusion::Provisioned), (Deprovision, Conclusion::Deprovisioned)]
        {
            let read = |answer: Answer| {
                let reply = answer.reply(direction, style);
                let body = reply.body.map(|body| body.to_string()).unwrap_or_default();
                conclude(reply.status, body.as_bytes(), direction)
            };
            assert_eq!(read(Answer::Positive), done);
            assert!(!read(negative()).is_success());
            assert!(!read(Answer::Test).is_success());
        }
    }
}

#[test]
fn an_answer_is_read_as_published_and_nothing_else_is_success() {
    let unknown = |why| Conclusion::Unknown { why };
    let cases = [
        (204, "", Conclusion::Provisioned),
        (204, r#"{"response":"NO_PROVISIONING_ACTION"}"#, Conclusion::Provisioned),
        (200, r#"{"response":"PROVISIONED_USER","more":1}"#, Conclusion::Provisioned),
        (200, r#"{"response":"NO_PROVISIONING_ACTION"}"#, Conclusion::NotProvisioned),
        (200, r#"{"output":{"response":"PROVISIONED_USER"}}"#, Conclusion::Provisioned),
        (
            200,
            r#"{"output":{"response":"NO_PROVISIONING_ACTION"},"response":"PROVISIONED_USER"}"#,
            Conclusion::NotProvisioned,
        ),
        (
            200,
            r#"{"response":"NO_PROVISIONING_ACTION","output":{"response":"PROVISIONED_USER"}}"#,
            Conclusion::Provisioned,
        ),
        (200, r#"{"output":null,"response":"PROVISIONED_USER"}"#, Conclusion::Provisioned),
        (200, r#"{"output":{},"response":"PROVISIONED_USER"}"#, unknown(Unreadable::Body)),
        (200, r#"{"output":"PROVISIONED_USER"}"#, unknown(Unreadable::Body)),
        (200, r#"{"response":["PROVISIONED_USER"]}"#, unknown(Unreadable::Body)),
        (200, r#"[null,"PROVISIONED_USER"]"#, unknown(Unreadable::Body)),
        (200, "{“response”:”PROVISIONED_USER”}", unknown(Unreadable::Body)),
        (200, "", unknown(Unreadable::Body)),
        (200, "OK", unknown(Unreadable::Body)),
        (200, r#"{"response":"provisioned_user"}"#, unknown(Unreadable::Response)),
        (200, r#"{"response":"DEPROVISIONED_USER"}"#, unknown(Unreadable::Response)),
        (202, r#"{"response":"PROVISIONED_USER"}"#, unknown(Unreadable::Status)),
        (302, "", Conclusion::Failed { status: 302 }),
        (401, "", Conclusion::Failed { status: 401 }),
        (502, r#"{"response":"PROVISIONED_USER"}"#, Conclusion::Failed { status: 502 }),
    ];
    for (status, body, expected) in cases {
        assert_eq!(conclude(status, body.as_bytes(), Provision), expected, "{status} {body}");
    }
}

#[test]
fn a_removal_is_done_only_where_the_answer_says_so() {
    let unknown = |why| Conclusion::Unknown { why };
    let cases = [
        (204, "", Conclusion::Deprovisioned),
        (200, r#"{"response":"DEPROVISIONED_USER"}"#, Conclusion::Deprovisioned),
        (200, r#"{"response":"NO_PROVISIONING_ACTION"}"#, unknown(Unreadable::RemovalWithoutAction)),
        (200, r#"{"response":"PROVISIONED_USER"}"#, unknown(Unreadable::Response)),
        (502, r#"{"response":"NO_PROVISIONING_ACTION"}"#, Conclusion::Failed { status: 502 }),
    ];
    for (status, body, expected) in cases {
        assert_eq!(conclude(status, body.as_bytes(), Deprovision), expected, "{status} {body}");
    }
}

#[test]
fn a_conclusion_is_a_sentence() {
    assert_eq!(
        Conclusion::TimedOut.to_string(),
        "Lumos gives up after 15 seconds, assigns the groups of the request and opens a manual task."
    );
    assert_eq!(
        conclude(200, b"", Provision).to_string(),
        "Nobody can say what Lumos makes of this answer: a 200 wants a JSON object with a `response`."
    );
}

#[test]
fn the_styles_are_written_as_in_the_configuration() -> Result<(), serde_json::Error> {
    assert_eq!(serde_json::from_str::<SuccessStyle>("\"json\"")?, SuccessStyle::Json);
    assert_eq!(serde_json::from_str::<SuccessStyle>("\"no-content\"")?, SuccessStyle::NoContent);
    Ok(())
}
