use usher_core::Sent;
use usher_journal::{
    Arrived, AskedPermission, DAY, Execution, InvitationEnd, Journal, Outcome, Record, Request,
};

use crate::harness::Harness;
use crate::samples::{
    accept, ada, at, commit, confirmed, ended, fault, grant, id, invite, ledger, outcome, permission, tracked,
};

async fn claimed(journal: &dyn Journal) -> Vec<String> {
    journal.claim(at(9)).await.unwrap().into_iter().map(|request| request.id.0).collect()
}

pub(crate) async fn rule_22_a_confirmed_grant_whose_invitation_is_tracked_is_claimed_after_a_restart<
    H: Harness,
>() {
    let mut harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    let next_at = Some(at(3600).wall);
    let row = commit(harness.journal(), "a", vec![confirmed(&["agent"]), tracked(next_at)]).await.request;
    assert_eq!((row.execution, row.next_at), (Execution::Confirmed, next_at));
    assert!(row.tracks_invitation());
    harness.reopen().await;
    assert_eq!(claimed(harness.journal()).await, ["a"]);
    commit(harness.journal(), "a", vec![tracked(None)]).await;
    harness.reopen().await;
    assert!(claimed(harness.journal()).await.is_empty(), "it was accepted: nothing is left to look at");
}

pub(crate) async fn rule_23_an_invitation_is_known_from_its_intent_over_a_restart<H: Harness>() {
    let mut harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    commit(harness.journal(), "a", vec![invite(1)]).await;
    harness.reopen().await;
    let known = ledger(harness.journal()).await;
    assert_eq!(known.invited(), Some(at(2).wall));
    assert!(!known.invitations[0].seen);
    commit(harness.journal(), "a", vec![Record::Invited { intent: 1, until: None }]).await;
    assert!(ledger(harness.journal()).await.invitations[0].seen);
    let over = Record::InvitationOver { intent: 1, how: InvitationEnd::Accepted };
    commit(harness.journal(), "a", vec![over]).await;
    assert_eq!(ledger(harness.journal()).await.invited(), None);
}

pub(crate) async fn rule_24_what_sent_the_person_mail_is_known_for_a_day_over_a_restart<H: Harness>() {
    let mut harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    commit(harness.journal(), "a", vec![invite(1), outcome(1, Outcome::Unknown(fault(Sent::Maybe)))]).await;
    commit(harness.journal(), "a", vec![ended(Execution::Closed)]).await;
    harness.reopen().await;
    let known = ledger(harness.journal()).await;
    let sent = at(2).wall;
    assert_eq!(known.mailed("invite", sent + DAY - std::time::Duration::from_secs(1)), Some(sent));
    assert_eq!(known.mailed("invite", sent + DAY), None);
    assert_eq!(known.mailed("promote", sent), None, "another step");
    let nobody = harness.journal().ledger("github", &ada()).await.unwrap();
    assert_eq!(nobody.mailed("invite", sent), None, "another connection");
}

/// Refused since nothing of it was mapped.
fn unmapped(name: &str) -> Request {
    Request {
        connection: String::new(),
        app_key: String::new(),
        permissions: vec![AskedPermission { name: "Agent".to_owned(), facets: None }],
        execution: Execution::Refused,
        reason: Some("no app claims it".to_owned()),
        ..grant(name)
    }
}

pub(crate) async fn rule_11_a_replay_of_what_was_not_compiled_runs_as_it_is_routed_today<H: Harness>() {
    let mut harness = H::fresh().await;
    accept(harness.journal(), unmapped("a")).await;
    let today = Request { received: at(8).wall, until: Some(at(9000).wall), ..grant("today") };
    let replayed = harness.journal().replay(&id("a"), Some(today), "dana", "mapped", at(8)).await.unwrap();
    let row = replayed.request;
    assert_eq!((row.id.0.as_str(), row.attempt, row.received), ("a", 2, at(0).wall));
    assert_eq!((row.connection.as_str(), row.app_key.as_str()), ("zendesk", "desk"));
    assert_eq!((row.permissions, row.execution), (vec![permission("agent")], Execution::Accepted));
    assert_eq!(row.until, Some(at(9000).wall), "the row had no end, since it was refused");
    assert_eq!(replayed.ledger.holders.len(), 1);
    harness.reopen().await;
    assert_eq!(ledger(harness.journal()).await, replayed.ledger);
    let again = accept(harness.journal(), grant("b")).await;
    assert_eq!(
        (again.arrived, again.request.id),
        (Arrived::Running, id("a")),
        "a repeated delivery finds it"
    );
    let listed = usher_journal::Filter { connection: Some("zendesk".to_owned()), ..Default::default() };
    assert_eq!(harness.journal().list(&listed).await.unwrap().requests.len(), 1);
    let body = harness.journal().find(&id("a")).await.unwrap().unwrap().body;
    assert_eq!(body, b"body of a");
}

pub(crate) async fn rule_11_a_replay_of_what_was_compiled_runs_as_it_was<H: Harness>() {
    let harness = H::fresh().await;
    let accepted = accept(harness.journal(), grant("a")).await.request;
    commit(harness.journal(), "a", vec![ended(Execution::Refused)]).await;
    let today = Request { permissions: vec![permission("light-agent")], ..grant("today") };
    let replayed = harness.journal().replay(&id("a"), Some(today), "dana", "again", at(8)).await.unwrap();
    assert_eq!(replayed.request.permissions, accepted.permissions);
}

pub(crate) async fn rule_10_a_delivery_that_came_under_todays_mapping_keeps_its_key<H: Harness>() {
    let mut harness = H::fresh().await;
    accept(harness.journal(), unmapped("a")).await;
    accept(harness.journal(), grant("b")).await;
    harness.journal().replay(&id("a"), Some(grant("today")), "dana", "mapped", at(8)).await.unwrap();
    commit(harness.journal(), "a", vec![confirmed(&["agent"])]).await;
    harness.reopen().await;
    let again = accept(harness.journal(), grant("c")).await;
    assert_eq!(again.request.id, id("b"));
    let stored = harness.journal().find(&id("a")).await.unwrap().unwrap().request;
    assert_eq!(stored.execution, Execution::Confirmed);
}
