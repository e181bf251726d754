//! `usher plan` and `POST /api/v1/plan`: what would become of a payload.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use usher_core::{Awaits, Facet, Fault, Hold, Refusal, RefusalKind, Remedy, Sent};
use usher_engine::{Repeated, Stand};
use usher_journal::{Arrived, AskedPermission, RequestId, Word};

use crate::support::{AdminServer, Ended, Foreseen, payload, usher};

fn role() -> Facet {
    Facet::new("role", "agent")
}

fn group() -> Facet {
    Facet::new("group", "Tier 1")
}

/// A server at which the payload's permission is mapped.
async fn mapped(foresees: Foreseen) -> AdminServer {
    let server = AdminServer::start().await;
    *server.table.refuses.lock().unwrap() = None;
    *server.table.permissions.lock().unwrap() =
        vec![AskedPermission { name: "agent".to_owned(), facets: Some(BTreeSet::from([role(), group()])) }];
    *server.engine.foresees.lock().unwrap() = foresees;
    server
}

fn half_there() -> Foreseen {
    Foreseen {
        holds: BTreeMap::from([(role(), Hold::Absent), (group(), Hold::Present)]),
        would: vec!["make the user an agent".to_owned()],
        ..Foreseen::default()
    }
}

async fn plans(server: &AdminServer, more: &[&str], stdin: &str) -> Ended {
    let url = server.url();
    let mut arguments = vec!["plan", "-"];
    arguments.extend(more);
    usher(&arguments, &[("USHER_OPERATOR_TOKEN", "audit-token"), ("USHER_ADMIN", url.as_str())], stdin).await
}

#[tokio::test]
async fn a_plan_shows_the_route_what_the_vendor_has_and_what_would_be_sent() {
    let server = mapped(half_there()).await;
    let ended = plans(&server, &[], &payload()).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    insta::assert_snapshot!(ended.stdout);
}

#[tokio::test]
async fn a_plan_changes_nothing_and_keeps_nothing() {
    let server = mapped(half_there()).await;
    plans(&server, &[], &payload()).await;
    let page = server.get("/api/v1/requests", Some("dana-token")).await.json();
    assert_eq!(page["requests"], json!([]));
    assert!(server.engine.deliveries().is_empty() && server.engine.acts.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_plan_of_what_is_there_says_that_nothing_is_left() {
    let holds = BTreeMap::from([(role(), Hold::Present)]);
    let server = mapped(Foreseen { holds, ..Foreseen::default() }).await;
    let ended = plans(&server, &[], &payload()).await;
    assert!(ended.stdout.starts_with("Everything is as it should be"), "{ended:?}");
    let ended = plans(&server, &["--json"], &payload()).await;
    assert_eq!((ended.code, &ended.json()["verdict"]), (0, &json!("nothing")));
}

#[tokio::test]
async fn a_plan_of_what_is_not_mapped_prints_the_lines_to_paste_and_exits_1() {
    let server = AdminServer::start().await;
    let ended = plans(&server, &[], &payload()).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    insta::assert_snapshot!(ended.stdout);
}

#[tokio::test]
async fn a_plan_that_the_connector_refuses_says_which_and_why_and_exits_1() {
    let refusal = Refusal::new(RefusalKind::NoSeat, "every paid seat is taken: buy one");
    let foreseen = Foreseen {
        holds: BTreeMap::from([(role(), Hold::Pending { awaits: Awaits::Invitee, until: None })]),
        refused: vec![(BTreeSet::from([role()]), refusal)],
        ..Foreseen::default()
    };
    let server = mapped(foreseen).await;
    let ended = plans(&server, &[], &payload()).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("Why: role agent: every paid seat is taken: buy one\n"), "{ended:?}");
    assert!(ended.stdout.contains("role agent     waits for the invitee"), "{ended:?}");
}

#[tokio::test]
async fn a_plan_of_what_cannot_be_read_or_waits_for_the_invitee_does_not_say_that_all_is_well() {
    let table = [
        (Stand::Unreadable, Hold::Unreadable, "unknown", 1, "does not show"),
        (
            Stand::Waiting(Awaits::Invitee),
            Hold::Pending { awaits: Awaits::Invitee, until: None },
            "waits",
            0,
            "accepted first",
        ),
    ];
    for (stand, hold, verdict, code, why) in table {
        let holds = BTreeMap::from([(role(), hold)]);
        let server = mapped(Foreseen { holds, stand: Some(stand), ..Foreseen::default() }).await;
        let ended = plans(&server, &["--json"], &payload()).await;
        assert_eq!((ended.code, &ended.json()["verdict"]), (code, &json!(verdict)), "{ended:?}");
        assert!(ended.json()["reason"].as_str().unwrap().contains(why), "{ended:?}");
        let ended = plans(&server, &[], &payload()).await;
        assert!(!ended.stdout.contains("Everything is as it should be"), "{ended:?}");
    }
}

#[tokio::test]
async fn a_plan_without_a_reading_cannot_be_told_and_exits_1() {
    let fault = Fault::new("find user", Sent::No, Remedy::Retry { after: None });
    let server = mapped(Foreseen { fault: Some(fault), ..Foreseen::default() }).await;
    let ended = plans(&server, &["--json"], &payload()).await;
    assert_eq!((ended.code, &ended.json()["verdict"]), (1, &json!("unknown")));
    assert_eq!(ended.json()["reason"], "find user: the vendor could not be reached");
}

#[tokio::test]
async fn a_plan_of_a_repetition_says_of_which_and_that_nothing_new_would_be_sent() {
    let table = [
        (Arrived::Recheck, Word::Granted, "which is: granted; it would only be looked", "repeats"),
        (
            Arrived::Running,
            Word::Waiting,
            "which is: waiting; it would be given that one's answer",
            "repeats",
        ),
        (
            Arrived::Settled,
            Word::NeedsYou,
            "which is: needs you; it would be answered from that one",
            "repeats",
        ),
        (Arrived::Followed, Word::Granted, "it would be answered no", "repeats"),
        (Arrived::Again, Word::Refused, "it would be run again, under that id", "sends"),
    ];
    for (arrived, word, note, verdict) in table {
        let repeats = Some(Repeated { of: RequestId("first".to_owned()), word, arrived });
        let server = mapped(Foreseen { repeats, ..half_there() }).await;
        let ended = plans(&server, &[], &payload()).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(ended.stdout.contains("note: it repeats the request first, "), "{ended:?}");
        assert!(ended.stdout.contains(note), "{ended:?}");
        let ended = plans(&server, &["--json"], &payload()).await;
        assert_eq!(ended.json()["verdict"], verdict);
        assert_eq!(ended.json()["would"].as_array().unwrap().is_empty(), verdict == "repeats", "{ended:?}");
    }
}

#[tokio::test]
async fn a_plan_says_where_it_would_stop_since_somebody_has_had_mail() {
    let mailed = Some(("invite ada".to_owned(), "2026-11-24T08:00:00Z".parse().unwrap()));
    let server = mapped(Foreseen { mailed, would: Vec::new(), ..half_there() }).await;
    let ended = plans(&server, &[], &payload()).await;
    assert!(ended.stdout.starts_with("It would wait: nothing would be sent."), "{ended:?}");
    assert!(
        ended.stdout.contains(
            "note: “invite ada” sends the person mail, which went out, or may have, at 2026-11-24T08:00:00Z"
        ),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_plan_takes_the_webhook_by_its_path_and_its_direction() {
    let server = mapped(half_there()).await;
    let ended = plans(&server, &["--deprovision", "--json"], &payload()).await;
    assert_eq!(ended.json()["request"]["direction"], "deprovision");
    let ended = plans(&server, &["--path", "/webhooks/light/provision", "--json"], &payload()).await;
    assert_eq!(ended.json()["route"], "/webhooks/light/provision");
    let ended = plans(&server, &["--path", "/elsewhere"], &payload()).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    assert!(ended.stderr.contains("/elsewhere takes no webhooks"), "{ended:?}");
    let ended = plans(&server, &["--deprovision", "--path", "/webhooks/light/provision"], &payload()).await;
    assert_eq!(ended.code, 2, "{ended:?}");
}

#[tokio::test]
async fn a_plan_of_the_test_button_and_of_no_payload_say_so() {
    let server = mapped(half_there()).await;
    *server.table.tests.lock().unwrap() = true;
    let ended = plans(&server, &["--json"], &payload()).await;
    assert_eq!((ended.code, &ended.json()["verdict"]), (0, &json!("test")));
    let ended = plans(&server, &[], r#"{"application": 7}"#).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.starts_with("usher: "), "{ended:?}");
    // More than a reason may have.
    let large = format!("{}{}", payload(), " ".repeat(200_000));
    assert_eq!(plans(&server, &[], &large).await.code, 0);
}

#[tokio::test]
async fn a_plan_says_where_the_connection_is_paused() {
    let server = mapped(half_there()).await;
    server.post("/api/v1/connections/zendesk/pause", "dana-token", r#"{"reason": "an audit"}"#).await;
    let ended = plans(&server, &[], &payload()).await;
    assert!(ended.stdout.contains("by dana since 2026"), "{ended:?}");
}

#[tokio::test]
async fn a_plan_without_a_service_says_how_to_start_one() {
    let arguments = ["plan", "-", "--admin", "http://127.0.0.1:1"];
    let ended = usher(&arguments, &[("USHER_OPERATOR_TOKEN", "dana-token")], &payload()).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("usher serve"), "{ended:?}");
}
