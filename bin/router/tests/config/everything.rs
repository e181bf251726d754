//! A configuration in which nearly everything is wrong, and a definition beside it: one run tells all.

use std::collections::BTreeSet;

use usher_router::config::{Report, load_with};

use crate::support::{File, assert_secretless, surroundings};

const CONFIGURATION: &str = r#"
[sever]
listen = "127.0.0.1:8080"

[server]
listen = "0.0.0.0:8080"
answer_within = 12
request_timeout = "5"
max_body = "lots"
lisen = "127.0.0.1:8080"

[server.auth]
secrets = [{ env = "KEY" }, "hunter2-written-out"]

[admin.operators]
dana = { token = { env = "KEY" }, role = "operator" }
audit = { token = { env = "AUDIT" }, role = "reader" }
"o k" = { token = { env = "OK" } }

[journal]
url = "postgres://usher:hunter2@db/usher"
keep = 400

[alerts]
slack = { env = "SLACK" }

[connections.github]
connector = "github-org"
org = "acme"
app = { id = 1, private_key = "hunter2-too" }
identify_by = ["samml"]

[connections.github-two]
connector = "github-org"
org = "ACME"
token = { env = "UNSET" }
limits = { per_minute = 0 }

[connections.wiki]
connector = "generic-rest"
definition = "wiki.toml"
secrets.api_key = "hunter2-as-well"

[connections.directory]
connector = "generic-rest"
secrets.client_secret = { env = "DIRECTORY", value = "hunter2" }

[connections.zendesk]
connector = "zendesk-license"
subdomain = "acme"

[connections.database]
connector = "sql-database"

[connections.typo]
connector = "githb-org"

[apps.github]
connection = "github"
default = { org_role = "member" }
counts_as_provisioned = "invitd"

[apps.github.permissions]
engineering = { team = "engineering", org_role = "member" }
default = { org_role = "member" }
lead = { label = "Lead", org_role = "membre" }
boss = { label = "Lead", org_role = "admin" }
nothing = {}

[apps.github-again]
app_id = "github"
connection = "githb"
email_domains = ["@acme.com"]
after_deadline = "contiue"

[apps.two]
connection = "github-two"
email_domains = ["acme.com"]
after_deadline = "stop"
permissions.member = { org_role = "member", teams = "engineering" }

[hooks.extra]
app = "github"
permission = "enginering"

[hooks.github]
app = "github"
permission = "engineering"
secrets = [{ env = "AUDIT" }]
"#;

const DEFINITION: &str = r#"schema = 1
base_url = "https://wiki.example"
auth = { type = "bearer", token = "hunter2-in-the-definition" }
colour = "blue"

[[lookup]]
id = "person"
get = "/users"
query = { mail = "{{ user.emial }}" }
capture.hit = "items | one_or_nothing"

[state]
account = "person.hit"
settle = "15"

[[provision]]
when = "not person.hitt"
post = "/users"
json.email = "{% if user %}x{% endif %}"
"#;

/// Everything that is wrong: where, and a word of what is told.
const EXPECTED: &[(&str, &str)] = &[
    ("sever", "is not a known key"),
    ("server.listen", "unencrypted"),
    ("server.answer_within", "is a whole number, not a duration"),
    ("server.request_timeout", "is not a duration"),
    ("server.max_body", "is not a size"),
    ("server.lisen", "is not a known key"),
    ("server.auth.secrets.1", "is a secret written out"),
    ("admin.operators.dana", "has a secret of [server.auth] as token"),
    ("admin.operators.audit.role", "is none of the words"),
    ("admin.operators.\"o k\"", "is not a name"),
    ("admin.operators.\"o k\".role", "is missing"),
    ("journal.url", "PostgreSQL"),
    ("journal.keep", "is a whole number, not a duration"),
    ("alerts.slack", "holds what is not an address"),
    ("connections.github.app.installation_id", "is missing"),
    ("connections.github.app.private_key", "is a secret written out"),
    ("connections.github.identify_by.0", "this is no way to identify somebody"),
    ("connections.github-two", "serves the same account as connections.github"),
    ("connections.github-two.token", "UNSET is not set"),
    ("connections.github-two.limits.per_minute", "is out of range"),
    ("connections.wiki.secrets.api_key", "is a secret written out"),
    ("connections.directory.definition", "is missing"),
    ("connections.directory.secrets.client_secret", "a secret stands in one place"),
    ("connections.zendesk.connector", "is not compiled into this build"),
    ("connections.database.connector", "is a connector that is not built yet"),
    ("connections.typo.connector", "is not a connector"),
    ("apps.github.email_domains", "is missing"),
    ("apps.github.after_deadline", "is missing"),
    ("apps.github.counts_as_provisioned", "is none of the words"),
    ("apps.github.permissions.engineering.team", "GitHub knows no such key"),
    ("apps.github.permissions.default", "has the name of the app's `default`"),
    ("apps.github.permissions.lead.org_role", "there is no such role"),
    ("apps.github.permissions.boss.label", "is the label of lead too"),
    ("apps.github.permissions.nothing.org_role", "the role is missing"),
    ("apps.github-again", "takes the same payloads as apps.github"),
    ("apps.github-again.connection", "names no connection"),
    ("apps.github-again.email_domains.0", "is not the domain"),
    ("apps.github-again.after_deadline", "is none of the words"),
    ("apps.two.permissions.member.teams", "the teams are not a list"),
    ("hooks.extra.permission", "names no permission of the app"),
    ("hooks.github", "has the name of an app"),
    ("hooks.github.secrets", "is the token of the operator audit"),
];

/// In the definition: each on its own line.
const EXPECTED_IN_DEFINITION: &[(&str, usize)] = &[
    ("auth.token", 3),
    ("colour", 4),
    ("lookup.0.query.mail", 9),
    ("lookup.0.capture.hit", 10),
    ("state.settle", 14),
    ("provision.0.when", 17),
    ("provision.0.json.email", 19),
];

fn report(file: &File) -> Report {
    let connectors = usher_router::connectors::all();
    let with = connectors.into_iter().filter(|connector| connector.kind() != "zendesk-license").collect();
    load_with(&file.path, surroundings(with)).unwrap_err()
}

fn file() -> File {
    let file = File::new(CONFIGURATION);
    std::fs::write(file.folder.path().join("wiki.toml"), DEFINITION).unwrap();
    file
}

#[test]
fn all_mistakes_of_a_configuration_are_told_at_once() {
    let file = file();
    let report = report(&file);
    let own: Vec<_> = report.mistakes().iter().filter(|mistake| mistake.file == file.path).collect();
    for (key, message) in EXPECTED {
        assert!(
            own.iter().any(|mistake| mistake.key == *key && mistake.message.contains(message)),
            "{key} {message:?} is not told:\n{report}"
        );
    }
    let expected: BTreeSet<&str> = EXPECTED.iter().map(|(key, _)| *key).collect();
    let more: Vec<_> = own.iter().filter(|mistake| !expected.contains(mistake.key.as_str())).collect();
    assert!(more.is_empty(), "one mistake is told as several: {more:?}");
    assert_eq!(own.len(), EXPECTED.len());
}

#[test]
fn mistakes_of_a_definition_appear_with_its_own_lines() {
    let file = file();
    let report = report(&file);
    let definition = file.folder.path().join("wiki.toml");
    let told: Vec<(&str, usize)> = report
        .mistakes()
        .iter()
        .filter(|mistake| mistake.file == definition)
        .map(|mistake| (mistake.key.as_str(), mistake.place.as_ref().map_or(0, |place| place.line)))
        .collect();
    for expected in EXPECTED_IN_DEFINITION {
        assert!(told.contains(expected), "{expected:?} is not told: {told:?}");
    }
}

#[test]
fn each_of_them_has_its_line_a_caret_and_a_hint() {
    let file = file();
    let report = report(&file);
    for mistake in report.mistakes() {
        assert!(mistake.place.is_some(), "{mistake:?} has no place");
        assert!(mistake.hint.as_ref().is_some_and(|hint| !hint.is_empty()), "{mistake:?} has no hint");
    }
    let places: Vec<_> = report
        .mistakes()
        .iter()
        .filter(|mistake| mistake.file == file.path)
        .filter_map(|m| m.place.as_ref())
        .collect();
    assert!(places.is_sorted_by_key(|place| place.bytes.start), "in the order of the file");
    let text = report.to_string();
    let count = report.mistakes().len();
    assert!(text.ends_with(&format!("{count} mistakes in the configuration\n")), "{text}");
    assert_eq!(text.matches("  help: ").count(), count);
    assert_eq!(text.matches("╭─[").count(), count);
}

#[test]
fn people_are_told_without_a_secret() {
    let file = file();
    let report = report(&file);
    for text in [report.to_string(), report.render(true), report.to_json().to_string(), format!("{report:?}")]
    {
        assert_secretless(&text);
    }
    insta::assert_snapshot!(report.to_string().replace(&format!("{}/", file.folder.path().display()), ""));
}

#[test]
fn machines_are_told_the_same_as_people() {
    let file = file();
    let report = report(&file);
    let mut told = report.to_json();
    assert_eq!(told["errors"].as_array().unwrap().len(), report.mistakes().len());
    for error in told["errors"].as_array_mut().unwrap() {
        let name = std::path::Path::new(error["file"].as_str().unwrap()).file_name().unwrap();
        error["file"] = name.to_str().unwrap().into();
    }
    insta::assert_json_snapshot!(told);
}
