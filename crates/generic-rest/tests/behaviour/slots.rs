//! Entries, and slots of every kind, from the entry to the request.

use serde_json::{Value, json};
use usher_core::{Arity, Capabilities, Facet, Goal, Hold, Planner};

use crate::support::{App, DIRECTORY, account, hold, ok, release};

/// A licence type, of which one excludes the other, and teams by number.
const LICENSES: &str = r#"
vars.free = "free"
tables.team_ids.blue = 478
tables.team_ids.red = 479

[entitlement]
license = { type = "string", values = ["free", "pro", "plus"], default = "free" }
teams = { type = "list", values = ["blue", "red"], default = [] }

[[lookup]]
id = "user"
get = "/users/{{ user.email }}"
capture.it = "json"

[state]
account = "user.it"

[slots.license]
wants = "entitlement.license if entitlement.license != vars.free else none"
has = "user.it.license"
one = true
baseline = "free"

[slots.team]
type = "integer"
wants = "[tables.team_ids[entitlement.teams[0]]] if entitlement.teams else []"
has = "user.it.teams"

[[update]]
when = "slot.license.add or slot.license.remove"
patch = "/users/{{ user.email }}"
json = { license = "{{ slot.license.after }}", was = "{{ slot.license.has }}" }

[[provision]]
for_each = "slot.team.add"
put = "/teams/{{ item }}/{{ user.email }}"

[[deprovision]]
for_each = "slot.team.remove"
delete = "/teams/{{ item }}/{{ user.email }}"
"#;

fn licenses() -> App {
    App::new(&LICENSES.replace("id = \"user\"", "id = \"person\"").replace("user.it", "person.it"))
}

fn license(value: &str) -> Facet {
    Facet::new("license", value)
}

fn team(value: &str) -> Facet {
    Facet::new("team", value)
}

fn user(license: Value, teams: Value) -> crate::support::Reply {
    ok(json!({"license": license, "teams": teams}))
}

#[test]
fn an_entry_compiles_to_the_values_that_its_slots_want() {
    let app = licenses();
    let compile = |entry: Value| app.connection.compile("p", &entry).unwrap().into_iter().collect::<Vec<_>>();
    assert_eq!(compile(json!({"license": "pro", "teams": ["blue"]})), [license("pro"), team("478")]);
    assert_eq!(compile(json!({"teams": ["red"]})), [team("479")]);
}

#[test]
fn an_entry_that_wants_nothing_or_is_wrong_is_a_mistake_at_start() {
    let app = licenses();
    let shown = |entry: Value| {
        let mistakes = app.connection.compile("p", &entry).unwrap_err();
        mistakes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        shown(json!({})),
        ["it asks for nothing (say what it gives: the definition has the slots license, team)"]
    );
    assert_eq!(
        shown(json!({"license": "gold"})),
        ["license: the definition does not allow this value (write one of \"free\", \"pro\", \"plus\")"]
    );
    assert_eq!(
        shown(json!({"licence": "pro"})),
        ["licence: the definition knows no such key (do you mean license?)"]
    );
    assert_eq!(shown(json!({"teams": "blue"})).len(), 1);
}

#[test]
fn a_slot_that_cannot_be_told_from_an_entry_is_a_mistake_at_start() {
    let app = App::new(
        &DIRECTORY
            .replace("wants = \"entitlement.role\"", "wants = \"tables.roles[entitlement.role]\"")
            .replace("[entitlement]", "tables.roles.a = 7\n[entitlement]"),
    );
    for entry in ["a", "unknown"] {
        let mistakes = app.connection.compile("p", &json!({"role": entry})).unwrap_err();
        assert!(mistakes[0].to_string().contains("the slot role"), "{}", mistakes[0]);
    }
}

#[test]
fn without_slots_the_account_is_what_is_held() {
    let app = App::new(
        "[[lookup]]\nid = \"p\"\nget = \"/p\"\ncapture.hit = \"json\"\n[state]\naccount = \"p.hit\"\n[[provision]]\npost = \"/p\"\n",
    );
    assert_eq!(app.connection.compile("p", &json!({})).unwrap().into_iter().collect::<Vec<_>>(), [account()]);
    assert_eq!(app.connection.slots()["account"], Arity::Many);
    assert!(app.connection.compile("p", &json!({"role": "x"})).is_err());
}

#[test]
fn a_connection_can_do_what_its_definition_says() {
    let capabilities = |definition: &str| App::new(definition).connection.capabilities();
    let nothing = Capabilities { invites: false, counts_invited: false, removes_account: false };
    let without_removal = DIRECTORY.split("[[remove]]").next().unwrap();
    assert_eq!(capabilities(without_removal), nothing);
    assert_eq!(capabilities(DIRECTORY), Capabilities { removes_account: true, ..nothing });
    let pending =
        |value: &str| without_removal.replace("[state]", &format!("[state]\npending = \"{value}\""));
    assert_eq!(capabilities(&pending("false")), nothing);
    assert!(capabilities(&pending("person.hit and person.hit.invited")).invites);
    let of_slot = without_removal.replace("[slots.role]", "[slots.role]\npending = \"[]\"");
    assert!(capabilities(&of_slot).invites);
}

#[test]
fn connections_to_different_accounts_at_one_address_are_told_apart_and_no_secret_is_in_their_name() {
    let tenant = |more: Value| App::with(&format!("vars.org = \"A\"\n{DIRECTORY}"), more).connection.tenant();
    let one = tenant(json!({}));
    assert_eq!(one, "https://api.acme.example (vars.org = \"A\", secret.token in TOKEN)");
    assert_ne!(one, tenant(json!({"vars": {"org": "B"}})));
    assert_eq!(one, tenant(json!({"vars": {"org": "A"}})));
}

#[tokio::test(start_paused = true)]
async fn rule_14_a_slot_of_one_value_shows_its_present_value_and_goes_back_to_the_former_one() {
    let app = licenses();
    let goal = hold([license("pro")]);
    let seen = app.see(&[license("pro")], [user(json!("plus"), json!([]))]).await;
    assert_eq!(seen.current["license"], "plus");
    assert_eq!((seen.hold(&license("pro")), seen.hold(&license("plus"))), (&Hold::Absent, &Hold::Present));
    let action = app.action(&seen, &goal);
    assert_eq!(
        (action.gives.clone(), action.takes.clone()),
        ([license("pro")].into(), [license("plus")].into())
    );
    app.apply(&seen, &action, ok(json!({}))).await.unwrap();
    assert_eq!(app.sent()[1], "PATCH /users/ada%40acme.example {\"license\":\"pro\",\"was\":\"plus\"}");

    for (back, body) in [
        (Some("plus"), "{\"license\":\"plus\",\"was\":\"pro\"}"),
        (None, "{\"license\":null,\"was\":\"pro\"}"),
    ] {
        let seen = app.see(&[license("pro")], [user(json!("pro"), json!([]))]).await;
        let restore = back.map(|value| ("license".to_owned(), value.to_owned())).into_iter().collect();
        let goal = Goal { restore, ..release([license("pro")]) };
        let action = app.action(&seen, &goal);
        assert_eq!(action.takes, [license("pro")].into());
        assert_eq!(action.gives, back.map(license).into_iter().collect());
        app.apply(&seen, &action, ok(json!({}))).await.unwrap();
        assert_eq!(app.sent()[1], format!("PATCH /users/ada%40acme.example {body}"));
    }
    assert_eq!(app.connection.slots()["license"], Arity::One { baseline: Some("free".to_owned()) });
}

#[tokio::test(start_paused = true)]
async fn rule_14_what_somebody_else_set_meanwhile_stays() {
    let app = licenses();
    let seen = app.see(&[license("pro")], [user(json!("plus"), json!([]))]).await;
    assert_eq!(app.plan(&seen, &release([license("pro")])), usher_core::Plan::default());
}

#[tokio::test(start_paused = true)]
async fn rule_14_two_values_for_a_slot_of_one_are_refused() {
    let app = licenses();
    let seen = app.see(&[], [user(json!("free"), json!([]))]).await;
    let plan = app.plan(&seen, &hold([license("pro"), license("plus")]));
    assert!(
        plan.actions.is_empty() && plan.refused[0].1.sentence.contains("different values of license"),
        "{plan:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_for_each_value_gives_and_takes_that_value_alone_and_numbers_stay_numbers() {
    let app = licenses();
    let seen = app.see(&[team("478")], [user(json!("free"), json!([7, 478]))]).await;
    assert_eq!((seen.hold(&team("478")), seen.hold(&team("7"))), (&Hold::Present, &Hold::Present));
    let plan = app.plan(&seen, &hold([team("478"), team("479"), team("480")]));
    let gives: Vec<_> = plan.actions.iter().map(|action| action.gives.clone()).collect();
    assert_eq!(gives, [[team("479")].into(), [team("480")].into()]);
    assert_eq!(plan.actions[0].summary, "provision 1: PUT /teams/{item}/{user.email} (team 479)");
    for (action, id) in plan.actions.iter().zip(["479", "480"]) {
        app.sent();
        app.apply(&seen, action, ok(json!({}))).await.unwrap();
        assert_eq!(app.sent(), [format!("PUT /teams/{id}/ada%40acme.example")]);
    }
    let plan = app.plan(&seen, &release([team("7"), team("478"), team("500")]));
    let takes: Vec<_> = plan.actions.iter().map(|action| action.takes.clone()).collect();
    assert_eq!(takes, [[team("7")].into(), [team("478")].into()]);
}

#[tokio::test(start_paused = true)]
async fn a_step_is_about_the_slots_that_it_mentions() {
    let app = licenses();
    let seen = app.see(&[], [user(json!("free"), json!([]))]).await;
    let plan = app.plan(&seen, &hold([license("pro"), team("478")]));
    let gives: Vec<_> = plan.actions.iter().map(|action| action.gives.clone()).collect();
    assert_eq!(gives, [[license("pro")].into(), [team("478")].into()]);
}
