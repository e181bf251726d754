//! GitHub says no, or nothing.

use serde_json::json;
use usher_core::{Known, RefusalKind, Remedy, Sent};

use crate::support::answers::not_invited;
use crate::support::world::Instead;
use crate::support::{ADA, Github, hold, role};

const INVITE: &str = "POST /orgs/acme/invitations";

#[tokio::test]
async fn an_answer_to_an_invitation_is_told_by_its_class_and_without_its_text() {
    let github = Github::start().await;
    let goal = hold([role("member")]);
    let (seen, plan) = github.look(ADA, &Known::default(), &goal).await;
    let table = [
        (422, json!({"message": "Validation Failed"}), RefusalKind::Invalid),
        (422, not_invited("ada@example.com is odd"), RefusalKind::Invalid),
        (
            422,
            json!({"message": "Validation Failed", "errors": ["ada@example.com is odd"]}),
            RefusalKind::Invalid,
        ),
        (422, not_invited("This user was already invited"), RefusalKind::Other),
        (403, json!({"message": "Resource not accessible by integration"}), RefusalKind::Forbidden),
        (404, json!({"message": "Not Found"}), RefusalKind::Forbidden),
        (400, json!({"message": "Problems parsing JSON"}), RefusalKind::Invalid),
        (418, json!("ada@example.com"), RefusalKind::Invalid),
    ];
    for (status, body, kind) in table {
        github.world().instead(INVITE, Instead::Answer(status, body.clone()));
        let fault = github.apply(ADA, &seen, &plan).await.unwrap_err();
        let shown = format!("{fault} {fault:?}");
        let Remedy::Refused(refusal) = fault.remedy else { panic!("{shown}") };
        assert_eq!((fault.sent, refusal.kind), (Sent::Yes, kind), "{status} {body}");
        assert!(!shown.contains("ada@") && !shown.contains("odd"), "{shown}");
    }
}

#[tokio::test]
async fn somebody_who_blocked_the_organisation_is_refused_with_a_guess_at_the_reason() {
    let github = Github::start().await;
    github.world().put(7, "ada", ADA).blocks_org = true;
    let refusal = github.refusal(ADA, &hold([role("member")])).await;
    assert!(refusal.sentence.contains("blocked the organisation"), "{}", refusal.sentence);
}

#[tokio::test]
async fn rule_05_a_server_error_after_a_change_leaves_it_in_doubt_and_is_not_sent_again() {
    let github = Github::start().await;
    let goal = hold([role("member")]);
    let (seen, plan) = github.look(ADA, &Known::default(), &goal).await;
    github.world().instead(INVITE, Instead::Done(502));
    let fault = github.apply(ADA, &seen, &plan).await.unwrap_err();
    assert_eq!((fault.sent, fault.remedy), (Sent::Maybe, Remedy::ReadBack));
    assert_eq!(github.changes().len(), 1);
    assert_eq!(github.reach(ADA, &goal).await.actions(), [""; 0], "the reading shows it");
}

#[tokio::test]
async fn an_answer_that_says_yes_and_is_about_something_else_is_read_back() {
    let github = Github::start().await;
    github.world().put_member(7, "ada", ADA, "member");
    let (seen, plan) = github.look(ADA, &Known::default(), &hold([role("admin")])).await;
    for body in [json!({"role": "member", "state": "active"}), json!({"error": "x"}), json!([])] {
        github.world().instead("PUT /orgs/acme/memberships/ada", Instead::Answer(200, body));
        let fault = github.apply(ADA, &seen, &plan).await.unwrap_err();
        assert_eq!(fault.remedy, Remedy::ReadBack, "{fault}");
    }
}

#[tokio::test]
async fn a_credential_that_is_not_accepted_needs_a_person() {
    let github = Github::with(json!({"token": {"env": "WRONG"}})).await;
    let of = [role("member")].into();
    let fault = github.observe(&crate::support::person(ADA), &Known::default(), &of).await.unwrap_err();
    assert_eq!(fault.remedy, Remedy::Person);
    assert!(!format!("{fault:?}").contains("a-wrong-secret"));
    // A key of another App's.
    let app = json!({"id": 12345, "installation_id": 678, "private_key": {"env": "OTHER_KEY"}});
    let github = Github::with(json!({ "app": app })).await;
    let fault = github.observe(&crate::support::person(ADA), &Known::default(), &of).await.unwrap_err();
    assert_eq!((fault.sent, fault.remedy), (Sent::No, Remedy::Person));
    assert!(!github.world().requests.iter().any(|sent| sent.contains("/orgs/")), "nothing else was asked");
}

#[tokio::test]
async fn every_request_says_who_we_are_and_which_version_we_mean() {
    let github = Github::start().await;
    github.reach(ADA, &hold([role("member")])).await;
    for headers in &github.world().headers {
        assert_eq!(headers["accept"], "application/vnd.github+json");
        assert_eq!(headers["x-github-api-version"], "2022-11-28");
        assert!(headers["user-agent"].starts_with("usher/"), "{headers:?}");
    }
}
