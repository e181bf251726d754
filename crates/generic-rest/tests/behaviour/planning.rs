//! Which steps run, in which order, and what stands in their actions.

use std::time::Duration;

use serde_json::json;
use usher_core::{Account, Facet, Goal, Plan, RefusalKind, Repeat};

use crate::support::{App, DIRECTORY, hold, names, nobody, ok, page, release, role, with_roles};

/// One of each block, twice.
const BLOCKS: &str = r#"
[entitlement]
role = { type = "string" }

[[lookup]]
id = "person"
get = "/p"
capture.hit = "json.hit"

[state]
account = "person.hit"

[slots.role]
wants = "entitlement.role"
has = "person.hit.roles if person.hit else []"

[[remove]]
delete = "/account"

[[update]]
put = "/update"

[[deprovision]]
delete = "/deprovision"

[[provision]]
post = "/provision"

[[provision]]
id = "welcome"
when = "not person.hit"
post = "/welcome"
"#;

async fn blocks(hit: serde_json::Value, goal: &Goal) -> Plan {
    let app = App::new(BLOCKS);
    let seen = app.see(&[], [ok(json!({"hit": hit}))]).await;
    app.plan(&seen, goal)
}

#[tokio::test(start_paused = true)]
async fn steps_run_by_their_block_in_the_order_of_the_file() {
    let ada = || json!({"roles": ["viewer"]});
    for (hit, goal, expected) in [
        (ada(), hold([role("editor")]), vec!["update 1", "provision 1"]),
        (json!(null), hold([role("editor")]), vec!["update 1", "provision 1", "welcome"]),
        (ada(), release([role("viewer")]), vec!["update 1", "deprovision 1"]),
        (ada(), hold([role("viewer")]), vec![]),
        (ada(), release([role("editor")]), vec![]),
        (json!(null), release([role("editor")]), vec![]),
        (
            ada(),
            Goal { release: [role("viewer")].into(), ..hold([role("editor")]) },
            vec!["update 1", "deprovision 1", "provision 1"],
        ),
    ] {
        let plan = blocks(hit, &goal).await;
        assert_eq!((names(&plan), plan.refused.len()), (expected, 0), "{goal:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_account_goes_after_everything_else_and_only_where_it_is_there() {
    let goal = Goal { remove_account: true, ..release([role("viewer")]) };
    assert_eq!(names(&blocks(json!({"roles": ["viewer"]}), &goal).await), ["update 1", "deprovision 1"]);
    let last = blocks(json!({"roles": ["given by hand"]}), &goal).await;
    assert_eq!(names(&last), ["remove 1"]);
    assert_eq!(last.actions[0].takes, [role("viewer")].into());
    assert_eq!(blocks(json!(null), &goal).await, Plan::default());
    let without = Goal { remove_account: false, ..goal };
    assert_eq!(blocks(json!({"roles": []}), &without).await, Plan::default());
}

#[tokio::test(start_paused = true)]
async fn a_put_that_replaces_keeps_what_others_gave() {
    let app = App::new(DIRECTORY);
    let seen = app.see(&[role("editor")], [with_roles(json!(["auditor"]))]).await;
    let action = app.action(&seen, &hold([role("editor")]));
    app.apply(&seen, &action, ok(json!({}))).await.unwrap();
    assert_eq!(app.sent()[1], "PUT /api/users/7/roles {\"roles\":[\"auditor\",\"editor\"]}");

    let seen = app.see(&[role("editor")], [with_roles(json!(["auditor", "editor"]))]).await;
    let action = app.action(&seen, &release([role("editor")]));
    app.apply(&seen, &action, ok(json!({}))).await.unwrap();
    assert_eq!(app.sent()[1], "PUT /api/users/7/roles {\"roles\":[\"auditor\"]}");
}

#[tokio::test(start_paused = true)]
async fn the_plan_is_empty_where_all_is_so() {
    let app = App::new(DIRECTORY);
    let seen = app.see(&[], [with_roles(json!(["editor"]))]).await;
    assert_eq!(app.plan(&seen, &hold([role("editor")])), Plan::default());
    assert_eq!(app.plan(&seen, &release([role("viewer")])), Plan::default());
    assert_eq!(app.plan(&seen, &Goal::default()), Plan::default());
}

#[tokio::test(start_paused = true)]
async fn a_definition_refuses_before_anything_is_planned_and_only_where_something_is_left_to_do() {
    let app = App::new(DIRECTORY);
    let seen = app.see(&[], [with_roles(json!(["administrator", "viewer"]))]).await;
    for goal in [hold([role("editor")]), release([role("viewer")])] {
        let plan = app.plan(&seen, &goal);
        let [(facets, refusal)] = plan.refused.as_slice() else { panic!("{plan:?}") };
        assert_eq!(refusal.kind, RefusalKind::Protected);
        assert!(
            refusal.sentence.starts_with("The person is an administrator of the directory"),
            "{}",
            refusal.sentence
        );
        assert_eq!(facets.len(), 1);
        assert_eq!(names(&plan), [""; 0]);
    }
    assert_eq!(app.plan(&seen, &hold([role("viewer")])), Plan::default());
    let remove = Goal { remove_account: true, ..Goal::default() };
    assert_eq!(app.plan(&seen, &remove).refused.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_may_depend_on_the_direction() {
    let app = App::new(
        &DIRECTORY.replace("in person.hit.roles\"", "in person.hit.roles and direction == 'deprovision'\""),
    );
    let seen = app.see(&[], [with_roles(json!(["administrator", "viewer"]))]).await;
    assert_eq!(names(&app.plan(&seen, &hold([role("editor")]))), ["update 1"]);
    assert_eq!(app.plan(&seen, &release([role("viewer")])).refused.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn several_accounts_are_refused_whole() {
    let app = App::new(DIRECTORY);
    let two =
        page(1, json!([{"id": "7", "email": "ada@acme.example"}, {"id": "8", "email": "ADA@acme.example"}]));
    let seen = app.see(&[role("editor")], [two]).await;
    assert_eq!(seen.account, Account::Ambiguous { hits: 2 });
    let plan = app.plan(&seen, &hold([role("editor")]));
    assert_eq!((plan.refused[0].1.kind, names(&plan)), (RefusalKind::Ambiguous, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_step_that_cannot_be_written_is_refused_by_its_name_and_shows_no_value() {
    let app = App::new(
        &DIRECTORY.replace("/api/users/{{ person.hit.id }}/roles", "/api/users/{{ person.hit.uid }}/roles"),
    );
    let seen = app.see(&[], [with_roles(json!([]))]).await;
    let plan = app.plan(&seen, &hold([role("editor")]));
    assert_eq!(names(&plan), [""; 0]);
    let (facets, refusal) = &plan.refused[0];
    assert_eq!(facets, &[role("editor")].into());
    assert!(
        refusal.sentence.starts_with("The step “update 1” cannot be written: the path: "),
        "{}",
        refusal.sentence
    );
    assert!(
        refusal.sentence.contains("person.hit.uid") && !refusal.sentence.contains("Ada@"),
        "{}",
        refusal.sentence
    );
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_too_large_to_be_kept_with_the_change_is_refused() {
    let each = "for_each = \"person.hit.notes\"\nput = \"/api/users/{{ person.hit.id }}/roles\"";
    let app = App::new(&DIRECTORY.replace("put = \"/api/users/{{ person.hit.id }}/roles\"", each));
    let ada = |notes: serde_json::Value| {
        page(1, json!([{"id": "7", "email": "ada@acme.example", "roles": [], "notes": notes}]))
    };
    let seen = app.see(&[], [ada(json!(["a", "x".repeat(17_000)]))]).await;
    let plan = app.plan(&seen, &hold([role("editor")]));
    assert!(plan.refused[0].1.sentence.contains("an item of more than 16384 bytes"), "{plan:?}");
    let seen = app.see(&[], [ada(json!(["a", {"id": 1}]))]).await;
    assert_eq!(names(&app.plan(&seen, &hold([role("editor")]))), ["update 1", "update 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_the_definition_no_longer_has_is_refused() {
    let app = App::new(DIRECTORY);
    let team = Facet::new("team", "blue");
    let seen = app.see(&[], [with_roles(json!([]))]).await;
    let plan = app.plan(&seen, &hold([role("editor"), team.clone()]));
    assert_eq!((plan.refused[0].0.clone(), names(&plan)), ([team.clone()].into(), vec![]));
    // An order does what it can.
    let seen = app.see(&[], [with_roles(json!(["viewer"]))]).await;
    let plan = app.plan(&seen, &release([role("viewer"), team]));
    assert_eq!((plan.refused.len(), names(&plan)), (1, vec!["update 1"]));
}

#[tokio::test(start_paused = true)]
async fn an_action_says_what_it_is_for_and_holds_no_word_about_the_person() {
    let app = App::new(DIRECTORY);
    let seen = app.see(&[role("editor")], [nobody()]).await;
    let action = app.action(&seen, &hold([role("editor")]));
    assert_eq!(
        (action.name.as_str(), action.summary.as_str()),
        ("provision 1", "provision 1: POST /api/users (role editor)")
    );
    assert_eq!((action.gives.clone(), action.takes.len()), ([role("editor")].into(), 0));
    let shown = action.args.to_string().to_lowercase();
    assert!(shown.contains("editor") && !shown.contains("ada"), "{shown}");
    assert_eq!(app.action(&seen, &hold([role("editor")])), action, "the same plan from the same reading");
}

#[tokio::test(start_paused = true)]
async fn how_a_step_may_be_repeated_follows_from_its_method_its_key_and_its_word() {
    let with = |lines: &str| DIRECTORY.replace("keep.id = \"json.id\"", lines);
    for (definition, repeat) in [
        (with(""), Repeat::AfterReadBack),
        (with("repeat = \"never\""), Repeat::Never),
        (with("idempotency_key = { header = \"Idempotency-Key\" }"), Repeat::Keyed),
        (DIRECTORY.replace("post = \"/api/users\"", "put = \"/api/users\""), Repeat::Natural),
    ] {
        let app = App::new(&definition);
        let seen = app.see(&[], [nobody()]).await;
        assert_eq!(app.action(&seen, &hold([role("editor")])).repeat, repeat);
    }
}

#[tokio::test(start_paused = true)]
async fn rule_07_where_a_202_is_possible_an_unanswered_call_settles_as_long_as_that_may_take() {
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let settle = |definition: String, reply| async move {
        let app = App::new(&definition);
        let seen = app.see(&[], [reply]).await;
        let action = app.action(&seen, &hold([role("editor")]));
        assert_eq!(action.timeout, Duration::from_secs(5));
        action.settle
    };
    let with = |within: &str| DIRECTORY.replace("every = \"500ms\"", within);
    assert_eq!(settle(with("every = \"500ms\""), nobody()).await, minutes(10));
    assert_eq!(settle(with("within = \"1h\""), nobody()).await, minutes(60));
    // The update has no poll and expects no 202.
    let ada = || with_roles(json!([]));
    assert_eq!(settle(DIRECTORY.to_owned(), ada()).await, Duration::from_secs(15));
    assert_eq!(
        settle(DIRECTORY.replace("[state]", "[state]\nsettle = \"90s\""), ada()).await,
        Duration::from_secs(90)
    );
    let accepting = DIRECTORY.replace(
        "json.roles = \"{{ slot.role.after }}\"",
        "json.roles = \"{{ slot.role.after }}\"\nexpect.status = [200, 202]",
    );
    assert_eq!(settle(accepting, ada()).await, minutes(10));
}

#[tokio::test(start_paused = true)]
async fn rule_24_a_step_that_sends_mail_says_so() {
    let app = App::new(&DIRECTORY.replace("keep.id = \"json.id\"", "notifies = true"));
    let seen = app.see(&[], [nobody()]).await;
    assert!(app.action(&seen, &hold([role("editor")])).notifies_person);
    let seen = app.see(&[], [with_roles(json!([]))]).await;
    assert!(!app.action(&seen, &hold([role("editor")])).notifies_person);
}
