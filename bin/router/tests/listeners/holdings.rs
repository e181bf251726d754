//! `usher holdings` and `GET /api/v1/holdings`: who holds what, and whether it is there.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;
use usher_core::{Awaits, Facet, Fault, Hold, Remedy, Sent};
use usher_journal::{AskedPermission, Execution, Request};

use crate::support::{AdminServer, Ended, payload, request, usher};

fn grant(id: &str, second: i64) -> Request {
    let mut grant = request(id, second, Execution::Accepted);
    let facets = BTreeSet::from([Facet::new("role", "agent")]);
    grant.permissions = vec![AskedPermission { name: "support_agent".to_owned(), facets: Some(facets) }];
    grant
}

/// Ada holds what she was granted until a day in 2027, Grace waits for hers.
async fn server() -> AdminServer {
    let server = AdminServer::start().await;
    let mut ada = grant("ada", 0);
    ada.until = Some(Timestamp::from_second(1_800_000_000).unwrap());
    server.engine.keeps(ada.clone(), payload().as_bytes()).await;
    server.engine.confirms(&ada).await;
    server.engine.keeps(grant("grace", 1), payload().as_bytes()).await;
    server
}

async fn holdings(server: &AdminServer, more: &[&str]) -> Ended {
    let url = server.url();
    let mut arguments = vec!["holdings"];
    arguments.extend(more);
    usher(&arguments, &[("USHER_OPERATOR_TOKEN", "audit-token"), ("USHER_ADMIN", url.as_str())], "").await
}

#[tokio::test]
async fn who_holds_what_is_shown_with_the_approval_and_its_end() {
    let server = server().await;
    let ended = holdings(&server, &[]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(ended.stdout);
}

#[tokio::test]
async fn holdings_are_narrowed_to_a_person_however_the_address_is_written_and_to_a_connection() {
    let server = server().await;
    let ended = holdings(&server, &[" GRACE@Example.com", "--json"]).await;
    let found = ended.json();
    assert_eq!(found["holdings"].as_array().unwrap().len(), 1);
    assert_eq!(found["holdings"][0]["approvals"][0]["word"], "waiting");
    assert_eq!(found["drift"], json!(null));
    let ended = holdings(&server, &["--connection", "zendesk", "nobody@example.com"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "Nobody holds anything.\n"));
    let ended = holdings(&server, &["--connection", "zendeks", "--check"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    assert_eq!(ended.stderr, "usher: there is no connection zendeks: did you mean zendesk?\n");
}

#[tokio::test]
async fn a_check_of_what_is_there_is_exit_0() {
    let server = server().await;
    let ended = holdings(&server, &["--check"]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    insta::assert_snapshot!(ended.stdout);
    *server.engine.shows.lock().unwrap() = Ok(Hold::Pending { awaits: Awaits::Invitee, until: None });
    let ended = holdings(&server, &["--check"]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stdout.contains("  waits for the invitee\n"), "{ended:?}");
}

#[tokio::test]
async fn a_check_that_finds_something_missing_is_exit_1_and_names_it() {
    let server = server().await;
    *server.engine.shows.lock().unwrap() = Ok(Hold::Absent);
    let ended = holdings(&server, &["--check"]).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stdout.contains("missing: role agent"), "{ended:?}");
    // What is still under way is no drift.
    assert!(ended.stdout.contains("Of 2 approvals looked up: 1 lost something"), "{ended:?}");
    let ended = holdings(&server, &["--check", "--json"]).await;
    assert_eq!((ended.code, &ended.json()["drift"]), (1, &json!(true)));
}

#[tokio::test]
async fn a_check_that_cannot_be_made_is_exit_1_with_the_reason() {
    let server = server().await;
    let fault = Fault::new("find user", Sent::No, Remedy::Retry { after: None });
    *server.engine.shows.lock().unwrap() = Err(fault);
    let ended = holdings(&server, &["--check"]).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(
        ended.stdout.contains("note: ada@example.com at zendesk: find user: the vendor could not be reached"),
        "{ended:?}"
    );
    assert!(ended.stdout.contains("2 cannot be read"), "{ended:?}");
}

#[tokio::test]
async fn holdings_come_in_pages_and_the_command_takes_them_all() {
    let server = AdminServer::start().await;
    for number in 0..23 {
        server.engine.keeps(grant(&format!("p{number:02}"), number), payload().as_bytes()).await;
    }
    let page = server.get("/api/v1/holdings?limit=2", Some("audit-token")).await.json();
    assert_eq!(page["next"], "zendesk/p01@example.com");
    let page =
        server.get("/api/v1/holdings?limit=2&after=zendesk/p01@example.com", Some("audit-token")).await;
    assert_eq!(page.json()["holdings"][0]["subject"], "p02@example.com");
    // Fewer at a time where each is looked up at the vendor.
    let page = server.get("/api/v1/holdings?check=true", Some("audit-token")).await.json();
    assert_eq!(page["holdings"].as_array().unwrap().len(), 10);
    let ended = holdings(&server, &["--check", "--json"]).await;
    assert_eq!(ended.json()["holdings"].as_array().unwrap().len(), 23);
}

#[tokio::test]
async fn holdings_that_are_asked_for_wrongly_are_told_and_nobody_reads_them_without_a_token() {
    let server = server().await;
    for (query, named) in
        [("limit=0", "limit"), ("limit=26&check=true", "25"), ("after=x", "after"), ("who=ada", "who")]
    {
        let answer = server.get(&format!("/api/v1/holdings?{query}"), Some("audit-token")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.json()["error"].as_str().unwrap().contains(named), "{answer:?}");
    }
    assert_eq!(server.get("/api/v1/holdings", None).await.status, 401);
}
