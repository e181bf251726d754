//! Good definitions, and wrong ones, each with its lines and messages.

mod wrong;

use std::path::{Path, PathBuf};
use std::time::Duration;

use usher_core::{Arity, ConfigError, RefusalKind};

use crate::definition::{Block, Class, Definition, RepeatRule, Target};

/// A definition in which nothing is wrong, and which each case of the table alters.
pub(crate) const GOOD: &str = r#"schema = 1
base_url = "https://directory.acme.example"
auth = { type = "bearer", token = "{{ secret.token }}" }
vars.page_size = 100
tables.teams = { eng = "T1", ops = "T2" }

[entitlement]
role = { type = "string", values = ["viewer", "editor"] }
team = { type = "string", default = "eng" }

[[lookup]]
id = "person"
get = "/api/users"
query = { search = "{{ user.email }}", size = "{{ vars.page_size }}" }
paginate = { page = "page", first = 1, pages = "json.pages", items = "json.users", max_pages = 50 }
capture.hit = "items | where('email', user.email) | one_or_none"

[state]
account = "person.hit"
lag = "5s"

[slots.role]
wants = "entitlement.role"
has = "person.hit.roles if person.hit else []"

[slots.team]
wants = "tables.teams[entitlement.team]"
has = "person.hit.teams if person.hit else []"

[[refuse]]
when = "person.hit and 'administrator' in person.hit.roles"
as = "protected"
message = "is an administrator"

[[provision]]
when = "not person.hit"
post = "/api/users"
json = { email = "{{ user.email }}", roles = "{{ slot.role.after }}" }
expect.status = [201]
keep.user = "json.id"

[[update]]
id = "roles"
when = "person.hit"
put = "/api/users/{{ person.hit.id }}/roles"
json.roles = "{{ slot.role.after }}"
classify = [{ when = "status == 403", as = "no-seat" }]

[[update]]
for_each = "slot.team.add"
post = "/api/teams/{{ item }}/members"
json.user = "{{ known.user }}"

[[test]]
name = "an editor"
user.email = "ada@acme.example"
permissions.editing = { role = "editor" }
[[test.exchange]]
get = "/api/users"
query.search = "ada@acme.example"
answer.json = { pages = 1, users = [] }
"#;

fn load(text: &str) -> Result<Definition, Vec<ConfigError>> {
    Definition::load(Path::new("app.toml"), text)
}

/// Line, column, the words under the caret, the key, the message and the hint.
fn shown(text: &str, error: &ConfigError) -> String {
    assert_eq!(error.file.as_deref(), Some(Path::new("app.toml")));
    let place = match &error.span {
        None => "-".to_owned(),
        Some(span) => {
            let before = &text[..span.start];
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|one| *one != '\n').count() + 1;
            let under = &text[span.clone()];
            format!("{line}:{column} `{}`", under.lines().next().unwrap_or_default())
        }
    };
    let hint = error.hint.as_deref().unwrap_or("NO HINT");
    format!("{place}\n    {}: {}\n    {hint}", error.path.join("."), error.message)
}

/// The definitions in `recipes/`.
pub(crate) fn recipes() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    let mut found: Vec<(PathBuf, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|folder| folder.join("definition.toml"))
        .map(|file| (file.clone(), std::fs::read_to_string(file).unwrap()))
        .collect();
    found.sort();
    found
}

#[test]
fn every_recipe_is_read() {
    let recipes = recipes();
    assert!(recipes.len() >= 2);
    for (file, text) in recipes {
        if let Err(errors) = load(&text) {
            let told: Vec<String> = errors.iter().map(|error| shown(&text, error)).collect();
            panic!("{}: {}", file.display(), told.join("\n"));
        }
    }
}

#[test]
fn steps_are_in_the_order_of_the_file_whatever_their_blocks() {
    let text = GOOD.replacen("[[test]]", "[[provision]]\nput = \"/last\"\n[[test]]", 1);
    let ids: Vec<String> = load(&text).unwrap().steps.into_iter().map(|step| step.id).collect();
    assert_eq!(ids, ["provision 1", "roles", "update 2", "provision 2"]);
}

#[test]
fn json_text_and_toml_give_the_same_tree_in_the_order_of_the_file() {
    let toml = load(&GOOD.replacen(
        "json.user = \"{{ known.user }}\"",
        "json = { z = \"{{ known.user }}\", a = [1, true, \"x{{ item }}\"] }",
        1,
    ));
    let text = load(&GOOD.replacen(
        "json.user = \"{{ known.user }}\"",
        "json = '{ \"z\": \"{{ known.user }}\", \"a\": [1, true, \"x{{ item }}\"] }'",
        1,
    ));
    let tree = |definition: Definition| {
        let shown = format!("{:?}", definition.steps[2].request.json);
        assert!(shown.find("\"z\"").unwrap() < shown.find("\"a\"").unwrap(), "{shown}");
        shown
    };
    assert_eq!(tree(toml.unwrap()), tree(text.unwrap()));
}

/// What neither [`GOOD`] nor a recipe says.
pub(crate) const RARE: &str = r#"schema = 1
base_url = "http://localhost:8080/v2"
auth = { type = "api_key", header = "Authorization", value = "Token {{ secret.key }}" }
vars = { tenant = "acme", sizes = [1, 2], ratio = 0.5, strict = true }
entitlement = { licence = { type = "integer", values = [1, 2], default = 1 }, teams = { type = "list", default = [] } }

[[lookup]]
id = "person"
post = "/{{ vars.tenant }}/search"
headers = { X-Version = 2, "X-Trace" = "t" }
json = """{ "filter": { "email": "{{ user.email }}" }, "fields": ["id", null], "limit": 1.5 }"""
expect.status = [200, 404]
capture = { hit = "json if status == 200 else none", count = "headers.x_count | default('0')" }

[[lookup]]
id = "details"
when = "person.hit"
get = "{{ person.hit.self }}"
query = { expand = ["teams", "{{ vars.tenant }}"], deep = true }
capture.all = "json"

[state]
account = "person.hit"
pending = "person.hit and person.hit.invited"
lapsed = "false"
id = "person.hit.id if person.hit else none"
lag = "500ms"
settle = "2m"

[slots.licence]
wants = "entitlement.licence"
has = "person.hit.licence if person.hit else none"
type = "integer"
one = true
baseline = 0

[slots.teams]
wants = "entitlement.teams"
has = "details.all.teams if details.all else []"
pending = "details.all.invited if details.all else []"

[[remove]]
id = "delete"
delete = "/users/{{ person.hit.id }}"
json = { reason = "{{ request.comment | default('none') }}" }
repeat = "never"

[[deprovision]]
for_each = "slot.teams.remove"
when = "item != 'everyone'"
patch = "/teams/{{ item }}"
json = "{{ [item] }}"

[[update]]
put = "/users/{{ person.hit.id }}"
json.licence = "{{ slot.licence.after }}"
idempotency_key = { header = "Idempotency-Key" }
notifies = true
expect = { status = [200, 202], that = "json.ok" }
classify = [{ when = "status == 409", as = "managed-elsewhere" }, { when = "status == 429", as = "throttled" }]
poll = { get = "/jobs/{{ json.job }}", until = "json.state == 'done'" }
keep = { job = "json.job" }
"#;

#[test]
fn what_is_rarely_said_is_read_as_it_is_meant() {
    let definition = load(RARE).unwrap_or_else(|errors| {
        panic!("{}", errors.iter().map(|error| shown(RARE, error)).collect::<Vec<_>>().join("\n"))
    });
    assert_eq!(definition.state.lag, Duration::from_millis(500));
    assert_eq!(definition.state.settle, Duration::from_mins(2));
    let licence = &definition.slots["licence"];
    assert_eq!((licence.integers, &licence.arity), (true, &Arity::One { baseline: Some("0".to_owned()) }));
    assert_eq!(definition.slots["teams"].arity, Arity::Many);
    assert_eq!(definition.entitlement["teams"].default, Some(serde_json::json!([])));
    assert!(matches!(definition.lookups[0].request.target, Target::Path(_)));
    assert!(matches!(definition.lookups[1].request.target, Target::Link(_)));
    assert_eq!(definition.lookups[0].answer.statuses, [200, 404]);
    let steps: Vec<(&str, Block)> =
        definition.steps.iter().map(|step| (step.id.as_str(), step.block)).collect();
    assert_eq!(
        steps,
        [("delete", Block::Remove), ("deprovision 1", Block::Deprovision), ("update 1", Block::Update)]
    );
    assert_eq!(definition.steps[0].repeat, RepeatRule::Never);
    let update = &definition.steps[2];
    assert!(update.notifies && update.request.idempotency_key.is_some());
    assert_eq!(update.answer.classify[0].1, Class::Refused(RefusalKind::ManagedElsewhere));
    assert_eq!(update.answer.classify[1].1, Class::Throttled);
    let poll = update.poll.as_ref().unwrap();
    assert_eq!((poll.every, poll.within), (Duration::from_secs(1), Duration::from_mins(10)));
    assert_eq!(definition.secrets().into_iter().collect::<Vec<_>>(), ["key"]);
}

#[test]
fn a_permissions_entry_is_read_with_its_defaults() {
    let definition = load(RARE).unwrap();
    let read = definition.entry(&serde_json::json!({"teams": ["a", 7]})).unwrap();
    assert_eq!(serde_json::Value::Object(read), serde_json::json!({"licence": 1, "teams": ["a", 7]}));
    assert!(definition.entry(&serde_json::json!({"licence": "1"})).is_err());
}
