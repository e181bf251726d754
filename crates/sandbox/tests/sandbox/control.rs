//! The control API, as another process uses it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use usher_sandbox::zendesk::UserSeed;
use usher_sandbox::{CallEnd, Fault, Matcher, Operation, Options, Rule, Sandbox, StartError};

use crate::desk::{Desk, SOON};

async fn post(desk: &Desk, path: &str, body: Value) -> crate::desk::Answer {
    desk.control(Method::POST, path, Some(body)).await
}

async fn seeded() -> (Desk, u64) {
    let desk = Desk::start().await;
    let seed = json!({"zendesk": {
        "settings": {"max_agents": 3},
        "groups": ["Billing"],
        "custom_roles": [{"name": "Night shift"}],
        "users": [{"email": "ann@example.com", "custom_role": "Night shift", "groups": ["Billing"]}],
    }});
    let answer = post(&desk, "/seed", seed).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let id = answer.body["user_ids"][0].as_u64().unwrap();
    (desk, id)
}

#[tokio::test]
async fn what_is_seeded_is_there_and_no_effect() {
    let (desk, id) = seeded().await;
    let users = desk.control(Method::GET, "/users?email=ann@example.com", None).await.body;
    let ann = &users["users"][0];
    assert_eq!((ann["id"].as_u64(), &ann["role_name"]), (Some(id), &json!("Night shift")));
    assert_eq!(
        (&ann["groups"], &ann["active"], &ann["suspended"]),
        (&json!(["Billing"]), &json!(true), &json!(false))
    );
    assert_eq!(desk.control(Method::GET, "/effects", None).await.body["count"], json!(0));
    let settings = desk.control(Method::GET, "/settings", None).await.body;
    assert_eq!(settings["zendesk"]["max_agents"], json!(3));
    assert_eq!(settings["zendesk"]["updates_per_minute_of_one_user"], json!(5), "the others stay");
}

#[tokio::test]
async fn a_seed_that_makes_no_sense_is_refused_and_says_why() {
    let desk = Desk::start().await;
    for (seed, reason) in [
        (json!({"zendesk": {"users": [{"email": "nobody"}]}}), "@"),
        (json!({"zendesk": {"users": [{"email": "a@b.c", "custom_role": "King"}]}}), "King"),
        (json!({"zendesk": {"users": [{"email": "a@b.c", "groups": ["Court"]}]}}), "Court"),
        (json!({"zendesk": {"users": [{"email": "owner@sandbox.example"}]}}), "another user's"),
        (json!({"zendesk": {"settings": {"max_agentz": 1}}}), "max_agentz"),
        (json!({"zendesc": {}}), "zendesc"),
        (json!({"github": {"accounts": [{"login": ""}]}}), "login"),
        (json!({"github": {"accounts": [{"login": "a", "emails": ["nobody"]}]}}), "@"),
        (
            json!({"github": {"accounts": [{"login": "a", "member": "member", "teams": {"none": "member"}}]}}),
            "none",
        ),
        (
            json!({"github": {"teams": [{"slug": "t"}], "accounts": [{"login": "a", "teams": {"t": "member"}}]}}),
            "not in",
        ),
        (json!({"github": {"teams": [{"slug": "a/b"}]}}), "slug"),
        (json!({"github": {"settings": {"app_public_key": "no key"}}}), "app_public_key"),
        (json!({"github": {"settings": {"seat": 1}}}), "seat"),
        (json!({"directory": {"people": [{"email": "nobody"}]}}), "@"),
        (json!({"directory": {"people": [{"email": "a@b.c", "roles": ["king"]}]}}), "king"),
    ] {
        let refused = post(&desk, "/seed", seed).await;
        assert!((400..500).contains(&refused.status));
        assert!(refused.body["error"].as_str().unwrap().contains(reason), "{}", refused.body);
    }
}

#[tokio::test]
async fn effects_and_calls_are_told_and_reset() {
    let (desk, id) = seeded().await;
    desk.update(id, json!({"role": "end-user"})).await;
    desk.search("email:ann@example.com").await;
    let effects = desk.control(Method::GET, "/effects?key=Ann@example.com&vendor=zendesk", None).await.body;
    assert_eq!(effects["count"], json!(1));
    assert_eq!(effects["effects"][0]["what"], json!("role Night shift -> end-user; group -Billing"));
    assert_eq!(desk.control(Method::GET, "/effects?after=1", None).await.body["count"], json!(0));
    let calls = desk.control(Method::GET, "/calls", None).await.body;
    assert_eq!(calls["count"], json!(2));
    assert_eq!(
        (&calls["calls"][1]["operation"], &calls["calls"][1]["status"]),
        (&json!("search_users"), &json!(200))
    );
    assert_eq!(calls["calls"][1]["query"], json!(["query"]), "values are not kept");
    assert_eq!(desk.control(Method::POST, "/reset", None).await.status, 204);
    assert_eq!(desk.control(Method::GET, "/calls", None).await.body["count"], json!(0));
    assert_eq!(
        desk.control(Method::GET, "/users?email=ann@example.com", None).await.body["users"],
        json!([])
    );
}

#[tokio::test]
async fn faults_are_set_listed_and_cleared() {
    let (desk, id) = seeded().await;
    let rule = json!({"operation": "update_user", "subject": "ann@example.com", "times": 1,
        "fault": {"kind": "throttle", "retry_after": {"seconds": 7}}});
    let set = post(&desk, "/faults", rule).await;
    assert_eq!(set.status, 201);
    let refused = desk.update(id, json!({"role": "end-user"})).await;
    assert_eq!((refused.status, refused.retry_after.as_deref()), (429, Some("7")));
    let listed = desk.control(Method::GET, "/faults", None).await.body["faults"][0].clone();
    assert_eq!(
        (&listed["met"], &listed["spent"], &listed["fault"]["kind"]),
        (&json!(1), &json!(true), &json!("throttle"))
    );
    let path = format!("/faults/{}", set.body["id"]);
    assert_eq!(desk.control(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(desk.control(Method::DELETE, &path, None).await.status, 404);
    post(&desk, "/faults", json!({"fault": {"kind": "hang"}})).await;
    assert_eq!(desk.control(Method::DELETE, "/faults", None).await.body, json!({"cleared": 1}));
}

#[tokio::test]
async fn every_fault_can_be_written_as_the_readme_says() {
    let desk = Desk::start().await;
    for fault in [
        json!({"kind": "hang"}),
        json!({"kind": "delay", "ms": 5}),
        json!({"kind": "reset_before"}),
        json!({"kind": "reset_after"}),
        json!({"kind": "apply_then_hang"}),
        json!({"kind": "apply_late", "after_ms": 5}),
        json!({"kind": "apply_late"}),
        json!({"kind": "close_mid_answer"}),
        json!({"kind": "slow_drip", "every_ms": 5}),
        json!({"kind": "garbage"}),
        json!({"kind": "error_before", "status": 502}),
        json!({"kind": "error_after"}),
        json!({"kind": "throttle"}),
        json!({"kind": "throttle", "retry_after": "none"}),
        json!({"kind": "throttle", "retry_after": {"date_in": 5}}),
        json!({"kind": "primary_limit"}),
        json!({"kind": "primary_limit", "reset_in_s": 5}),
        json!({"kind": "secondary_limit"}),
        json!({"kind": "secondary_limit", "retry_after": {"seconds": 5}}),
        json!({"kind": "error_body"}),
        json!({"kind": "unauthorized"}),
        json!({"kind": "forbidden"}),
        json!({"kind": "stale"}),
        json!({"kind": "stale", "behind_ms": 5}),
        json!({"kind": "hold", "after_applying": true}),
    ] {
        let set = post(&desk, "/faults", json!({"fault": fault})).await;
        assert_eq!(set.status, 201, "{fault}: {}", set.body);
    }
}

#[tokio::test]
async fn a_misspelt_rule_is_refused_since_it_would_meet_everything() {
    let desk = Desk::start().await;
    for (rule, reason) in [
        (json!({"fault": {"kind": "hang"}, "operatoin": "update_user"}), "operatoin"),
        (json!({"fault": {"kind": "hang"}, "operation": "update_users"}), "update_users"),
        (json!({"fault": {"kind": "delay", "ms": 1, "sec": 2}}), "sec"),
        (json!({"fault": {"kind": "explode"}}), "explode"),
        (json!({"operation": "update_user"}), "fault"),
    ] {
        let refused = post(&desk, "/faults", rule).await;
        assert_eq!(refused.status, 400);
        assert!(refused.body["error"].as_str().unwrap().contains(reason), "{}", refused.body);
    }
    assert!(desk.sandbox.faults().is_empty());
}

#[tokio::test]
async fn a_process_of_its_own_can_wait_for_a_held_request_and_release_it() {
    let (desk, id) = seeded().await;
    post(&desk, "/faults", json!({"operation": "update_user", "times": 1, "fault": {"kind": "hold"}})).await;
    let driver = async {
        let path = "/wait?operation=update_user&subject=ann@example.com&timeout_ms=20000";
        let arrived = desk.control(Method::GET, path, None).await;
        assert_eq!((arrived.status, &arrived.body["calls"][0]["end"]), (200, &Value::Null));
        assert_eq!(desk.control(Method::POST, "/release", None).await.body, json!({"released": 1}));
        let path = "/wait?effects_on=ann@example.com&timeout_ms=20000";
        assert_eq!(desk.control(Method::GET, path, None).await.body["count"], json!(1));
        let path = "/wait?operation=update_user&end=answered&timeout_ms=20000";
        assert_eq!(desk.control(Method::GET, path, None).await.body["calls"][0]["status"], json!(200));
    };
    let (answer, ()) = tokio::join!(desk.update(id, json!({"role": "end-user"})), driver);
    assert_eq!(answer.status, 200);
    assert_eq!(desk.control(Method::GET, "/wait?count=9&timeout_ms=10", None).await.status, 408);
}

#[tokio::test]
async fn what_people_do_at_github_is_done_and_told_over_http() {
    let desk = Desk::start().await;
    let seed = json!({"github": {"settings": {"seats": 10}, "teams": [{"slug": "engineering"}],
        "accounts": [{"login": "ann", "emails": ["ann@example.com"]}]}});
    assert_eq!(post(&desk, "/seed", seed).await.status, 200);
    desk.github(Method::PUT, "/orgs/acme/teams/engineering/memberships/ann", None).await;
    let told = desk.control(Method::GET, "/github", None).await.body;
    assert_eq!(told["invitations"][0]["login"], json!("ann"));
    assert_eq!(told["invitations"][0]["status"], json!("pending"));
    assert_eq!(
        (&told["seats"], &told["owners"]),
        (&json!({"taken": 2, "most": 10}), &json!(["olive-owner"]))
    );
    assert_eq!(post(&desk, "/github/accept", json!({"login": "ann"})).await.status, 204);
    assert_eq!(post(&desk, "/github/rename", json!({"login": "ann", "to": "ann-lee"})).await.status, 204);
    let told = desk.control(Method::GET, "/github", None).await.body;
    let ann = told["accounts"].as_array().unwrap().iter().find(|row| row["login"] == "ann-lee").unwrap();
    assert_eq!((&ann["member"], &ann["teams"]), (&json!("member"), &json!({"engineering": "member"})));
    let path = "/effects?key=ann@example.com&vendor=github";
    assert_eq!(desk.control(Method::GET, path, None).await.body["count"], json!(3));
    for (path, body) in [
        ("/github/accept", json!({"login": "ann-lee"})),
        ("/github/accept", json!({"logn": "ann-lee"})),
        ("/github/lapse", json!({"invitee": "ann-lee"})),
        ("/github/rename", json!({"login": "nobody", "to": "x"})),
    ] {
        let refused = post(&desk, path, body).await;
        assert!(refused.status == 400 && refused.body["error"].is_string(), "{path}: {}", refused.body);
    }
    let app = desk.control(Method::GET, "/github/app", None).await.body;
    assert_eq!(app["installation_id"], json!(usher_sandbox::github::INSTALLATION_ID));
    assert!(app["private_key"].as_str().unwrap().contains("RSA PRIVATE KEY"));
}

#[tokio::test]
async fn the_directorys_people_are_told_and_its_operations_ended_over_http() {
    let desk = Desk::start().await;
    let seed = json!({"directory": {"settings": {"polls_until_done": null},
        "people": [{"email": "ada@example.com", "roles": ["auditor"]}]}});
    assert_eq!(post(&desk, "/seed", seed).await.status, 200);
    let body = json!({"email": "ben@example.com", "roles": ["viewer"]});
    desk.directory(Method::POST, "/api/users", Some(body)).await;
    assert_eq!(post(&desk, "/directory/finish", json!({"state": "running"})).await.status, 400);
    assert_eq!(post(&desk, "/directory/finish", json!({"state": "done"})).await.body, json!({"finished": 1}));
    let told = desk.control(Method::GET, "/directory", None).await.body;
    assert_eq!(told["people"][1]["email"], json!("ben@example.com"));
    assert_eq!(told["people"][0]["roles"], json!(["auditor"]));
    assert_eq!(desk.control(Method::POST, "/reset", None).await.status, 204);
    assert_eq!(desk.control(Method::GET, "/directory", None).await.body["people"], json!([]));
}

#[tokio::test]
async fn the_clock_is_moved_and_help_is_given() {
    let desk = Desk::start().await;
    assert_eq!(desk.control(Method::POST, "/advance?ms=500", None).await.body, json!({"now_ms": 1_000_500}));
    let help = desk.control(Method::GET, "", None).await.body;
    assert_eq!(help["zendesk"]["base_url"], json!(desk.sandbox.zendesk_url()));
}

#[tokio::test]
async fn a_request_from_before_a_reset_changes_nothing_and_ends_no_call_of_after_it() {
    let (desk, id) = seeded().await;
    let update = Matcher::operation(Operation::UpdateUser);
    let show = Matcher::operation(Operation::ShowUser);
    let hold = || Fault::Hold { after_applying: false };
    desk.sandbox.fault(Rule::once(update.clone(), hold())).unwrap();
    let before = async {
        let answer = desk.update(id, json!({"role": "end-user"})).await;
        // The one after the reset has the same number and still runs.
        let running = desk.sandbox.wait_for_calls(&show, 1, SOON).await.unwrap();
        assert_eq!((running[0].n, running[0].end), (1, None));
        desk.sandbox.release(None);
        answer
    };
    let after = async {
        desk.sandbox.wait_for_calls(&update, 1, SOON).await.unwrap();
        // A reset takes the rule away, and so releases what it holds.
        desk.sandbox.reset();
        let user = UserSeed { id: Some(id), ..UserSeed::agent("ann@example.com") };
        desk.seed(user);
        desk.sandbox.fault(Rule::once(show.clone(), hold())).unwrap();
        desk.get(&format!("/api/v2/users/{id}")).await
    };
    let (before, after) = tokio::join!(before, after);
    assert_eq!((before.status, after.status), (503, 200));
    assert!(desk.sandbox.effects().is_empty());
    assert_eq!(desk.sandbox.calls().len(), 1);
}

#[tokio::test]
async fn what_was_to_come_late_does_not_come_after_a_reset() {
    let (desk, id) = seeded().await;
    let update = Matcher::operation(Operation::UpdateUser);
    desk.sandbox.fault(Rule::once(update.clone(), Fault::ApplyLate { after_ms: Some(500) })).unwrap();
    tokio::select! {
        _ = desk.update(id, json!({"role": "end-user"})) => unreachable!("it is never answered"),
        arrived = desk.sandbox.wait_for_calls(&update, 1, SOON) => { arrived.unwrap(); }
    }
    desk.sandbox.wait_for_ends(&update, CallEnd::CallerLeft, 1, SOON).await.unwrap();
    desk.sandbox.reset();
    desk.seed(UserSeed { id: Some(id), ..UserSeed::agent("ann@example.com") });
    desk.sandbox.clock().advance(Duration::from_secs(60));
    // Both are ready now, and the late one was first; a request of ours goes through after it.
    assert_eq!(desk.get(&format!("/api/v2/users/{id}")).await.body["user"]["role"], json!("agent"));
    assert!(desk.sandbox.effects().is_empty());
}

#[tokio::test]
async fn an_address_that_others_can_reach_is_refused_unless_allowed() {
    let listen = "0.0.0.0:0".parse().unwrap();
    let refused = Sandbox::start(Options { listen, ..Options::default() }).await.unwrap_err();
    assert!(matches!(refused, StartError::NotLoopback(address) if address == listen));
    let sandbox =
        Sandbox::start(Options { listen, allow_non_loopback: true, ..Options::default() }).await.unwrap();
    assert!(sandbox.url().starts_with("http://127.0.0.1:"), "links are ones that can be called");
}

#[tokio::test]
async fn too_large_a_body_is_413_and_an_unknown_path_404() {
    let desk = Desk::start().await;
    let body = json!({"user": {"name": "x".repeat(1024 * 1024)}});
    assert_eq!(desk.request(Method::POST, "/api/v2/users").json(&body).send().await.unwrap().status(), 413);
    let url = format!("{}/zendeskish/api/v2/users", desk.sandbox.url());
    assert_eq!(desk.http.get(url).send().await.unwrap().status(), 404);
}
