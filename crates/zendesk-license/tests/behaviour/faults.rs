//! What goes wrong with a change, and what nobody may see.

use std::time::Duration;

use serde_json::{Value, json};
use usher_core::{Fault, Known, Plan, RefusalKind, Remedy, Sent, Snapshot};

use crate::support::world::Instead;
use crate::support::{API_TOKEN, CLIENT_SECRET, Zendesk, asked, hold, person, role, short_call};

const ADA: &str = "ada@example.com";

async fn promotion(zendesk: &Zendesk) -> (Snapshot, Plan) {
    zendesk.world().put(1, ADA, "end-user", None);
    let goal = hold([role("agent")]);
    let seen = zendesk.see(ADA, &Known::default(), &goal).await;
    let plan = zendesk.plan(ADA, &seen, &goal);
    (seen, plan)
}

/// The fault of a promotion that is answered so.
async fn fault_of(how: Instead) -> (Zendesk, Fault) {
    let zendesk = Zendesk::start().await;
    let (seen, plan) = promotion(&zendesk).await;
    zendesk.world().instead("PUT /api/v2/users", how);
    let fault = zendesk.apply(ADA, &seen, &plan).await.unwrap_err();
    assert_eq!(zendesk.changes().len(), 1, "a change is sent once");
    (zendesk, fault)
}

#[tokio::test]
async fn every_status_of_a_change_has_its_remedy() {
    let refused =
        |kind| move |remedy: &Remedy| matches!(remedy, Remedy::Refused(refusal) if refusal.kind == kind);
    let read_back = |remedy: &Remedy| *remedy == Remedy::ReadBack;
    type Expected = Box<dyn Fn(&Remedy) -> bool>;
    let table: Vec<(u16, Value, Expected)> = vec![
        (400, json!({"error": "InvalidJSON"}), Box::new(refused(RefusalKind::Invalid))),
        (403, json!({"error": "Forbidden"}), Box::new(refused(RefusalKind::Forbidden))),
        (403, json!({"errors": [{"code": "MaxAgentExceeded"}]}), Box::new(refused(RefusalKind::NoSeat))),
        (404, json!({"error": "RecordNotFound"}), Box::new(read_back)),
        (409, json!({"error": "DatabaseConflict"}), Box::new(read_back)),
        (413, json!({}), Box::new(refused(RefusalKind::Invalid))),
        (422, json!({"error": "RecordInvalid"}), Box::new(refused(RefusalKind::Invalid))),
        (500, json!({}), Box::new(read_back)),
        (503, json!({}), Box::new(read_back)),
        (200, json!({"error": "Whoops"}), Box::new(read_back)),
        (200, json!({"user": {"id": 99, "role": "agent"}}), Box::new(read_back)),
    ];
    for (status, body, expected) in table {
        let (_zendesk, fault) = fault_of(Instead::Answer(status, body)).await;
        assert!(expected(&fault.remedy), "{status}: {fault}");
    }
}

#[tokio::test]
async fn a_5xx_after_applying_is_unknown_and_the_next_reading_shows_that_nothing_is_left_to_do() {
    let (zendesk, fault) = fault_of(Instead::AfterApplying(502, json!({}))).await;
    assert_eq!((fault.remedy, fault.sent), (Remedy::ReadBack, Sent::Maybe));
    assert_eq!(zendesk.reach(ADA, &hold([role("agent")])).await.actions(), [""; 0]);
    assert_eq!(zendesk.changes().len(), 1);
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_unknown_and_the_next_reading_shows_what_became_of_it() {
    let zendesk = Zendesk::start().await;
    let (seen, plan) = promotion(&zendesk).await;
    zendesk.world().instead("PUT /api/v2/users", Instead::AnswerLate(Duration::from_secs(5)));
    let applied =
        zendesk.connection.apply(&short_call(), &person(ADA), &asked(), &seen, &plan.actions[0]).await;
    let fault = applied.unwrap_err();
    assert_eq!((fault.remedy, fault.sent), (Remedy::ReadBack, Sent::Maybe));
    assert_eq!(zendesk.reach(ADA, &hold([role("agent")])).await.actions(), [""; 0]);
    assert_eq!(zendesk.changes().len(), 1);
}

#[tokio::test]
async fn a_rate_limit_tells_how_long_to_wait_and_is_surely_not_applied() {
    let (_zendesk, fault) = fault_of(Instead::Throttle(17)).await;
    assert_eq!(fault.remedy, Remedy::Throttled { after: Some(Duration::from_secs(17)) });
}

#[tokio::test]
async fn a_change_that_zendesk_calls_wrong_shows_the_errors_name_and_not_the_address_in_its_text() {
    let details =
        json!({"email": [{"description": "Email: ada@example.com cannot", "error": "InvalidValue"}]});
    let body = json!({"error": "RecordInvalid", "description": "no ada@example.com", "details": details});
    let (_zendesk, fault) = fault_of(Instead::Answer(422, body)).await;
    let shown = format!("{fault} {fault:?}");
    assert!(shown.contains("InvalidValue RecordInvalid"), "{shown}");
    assert!(!shown.contains("ada"), "{shown}");
}

#[tokio::test]
async fn an_error_that_is_a_text_and_no_name_is_not_shown() {
    let body = json!({"error": {"title": "ada@example.com is wrong", "message": "no"}});
    let (_zendesk, fault) = fault_of(Instead::Answer(400, body)).await;
    let shown = format!("{fault} {fault:?}");
    assert!(shown.contains("400") && !shown.contains("ada"), "{shown}");
}

#[tokio::test]
async fn a_credential_that_is_not_accepted_needs_a_person() {
    let zendesk =
        Zendesk::with(json!({"oauth": {"client_id": "usher", "client_secret": {"env": "WRONG"}}})).await;
    let fault = zendesk.observe(ADA, &Known::default(), &[role("agent")].into()).await.unwrap_err();
    assert_eq!(fault.remedy, Remedy::Person);

    let zendesk = Zendesk::start().await;
    zendesk.world().accepts_tokens = false;
    let fault = zendesk.observe(ADA, &Known::default(), &[role("agent")].into()).await.unwrap_err();
    assert_eq!(fault.remedy, Remedy::Person);
}

#[tokio::test]
async fn an_action_of_another_version_is_refused_before_anything_is_sent() {
    let zendesk = Zendesk::start().await;
    let (seen, mut plan) = promotion(&zendesk).await;
    plan.actions[0].args = json!({"polish-user": {"user_id": 1}});
    let fault = zendesk.apply(ADA, &seen, &plan).await.unwrap_err();
    assert_eq!(fault.sent, Sent::No);
    assert_eq!(zendesk.changes(), [""; 0]);
}

#[tokio::test]
async fn an_update_sends_no_address_and_a_creation_asks_for_no_mail_unless_told_to() {
    let zendesk = Zendesk::start().await;
    let (seen, plan) = promotion(&zendesk).await;
    zendesk.apply(ADA, &seen, &plan).await.unwrap();
    assert_eq!(zendesk.world().bodies, [json!({"user": {"role": "agent", "custom_role_id": null}})]);
    assert!(zendesk.world().user(1).others.is_empty());

    for (settings, skips) in [(json!({}), true), (json!({"verify_email": true}), false)] {
        let zendesk = Zendesk::with(settings).await;
        let reached = zendesk.reach(ADA, &hold([role("agent")])).await;
        assert_eq!(reached.plans[0].actions[0].notifies_person, !skips);
        let world = zendesk.world();
        let user = world.by_email(ADA)[0];
        assert_eq!(user.skip_verify_email, Some(skips));
        assert_eq!(user.name, "Ada Lovelace");
    }
}

#[tokio::test]
async fn no_plan_names_a_person() {
    let zendesk = Zendesk::start().await;
    let goal = hold([role("agent")]);
    let seen = zendesk.see(ADA, &Known::default(), &goal).await;
    let plan = zendesk.plan(ADA, &seen, &goal);
    let shown = format!("{plan:?}").to_lowercase();
    assert!(!shown.contains("ada") && !shown.contains("lovelace"), "{shown}");
}

#[tokio::test]
async fn no_secret_is_in_any_debug_output_or_error() {
    for more in
        [json!({}), json!({"api_token": {"email": "admin@acme.example", "token": {"env": "API_TOKEN"}}})]
    {
        let zendesk = Zendesk::with(more).await;
        zendesk.reach(ADA, &hold([role("agent")])).await;
        zendesk.world().accepts_tokens = false;
        let fault = zendesk.observe(ADA, &Known::default(), &[role("agent")].into()).await.unwrap_err();
        let shown = format!("{:?} {fault} {fault:?}", zendesk.connection);
        for secret in [CLIENT_SECRET, API_TOKEN, "a-bearer-token-that-nobody-may-see", ADA] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}
