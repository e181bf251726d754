//! The schemas that editors use: they are what is committed, and they say what the readers take.
//!
//! Only a build with every connector has the committed ones.
#![cfg(all(feature = "generic-rest", feature = "github-org", feature = "zendesk-license"))]
#![cfg_attr(
    all(feature = "generic-rest", feature = "github-org", feature = "zendesk-license"),
    expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jsonschema::Validator;
use secrecy::SecretString;
use serde_json::{Value, json};
use usher_core::{
    ConfigError, HttpFailure, HttpRequest, HttpResponse, SecretRef, Secrets, SystemClock, Transport,
};
use usher_router::config::{Report, Surroundings, load_with};
use usher_router::schema;

fn top(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn configuration() -> Value {
    schema::configuration(&usher_router::connectors::all())
}

fn validator() -> Validator {
    jsonschema::draft202012::new(&configuration()).unwrap()
}

fn parsed(text: &str) -> Value {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
}

fn is_valid(text: &str) -> bool {
    validator().is_valid(&parsed(text))
}

/// Compares with what is committed. `UPDATE_SCHEMAS=1` writes it instead.
fn is_committed(file: &str, schema: &Value) {
    let path = top("schemas").join(file);
    let text = schema::text(schema);
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "schemas/{file} is not what Usher says any more: write it anew with\n    UPDATE_SCHEMAS=1 cargo test -p usher-router --test schema"
    );
}

#[derive(Debug)]
struct AnySecret;

impl Secrets for AnySecret {
    fn read(&self, from: &SecretRef) -> Result<SecretString, ConfigError> {
        Ok(format!("the-secret-behind-{from:?}").into())
    }
}

#[derive(Debug)]
struct NoTransport;

#[async_trait]
impl Transport for NoTransport {
    async fn send(&self, _: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        panic!("loading a configuration calls nobody")
    }
}

fn mistakes(text: &str) -> Option<Report> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usher.toml");
    std::fs::write(&path, text).unwrap();
    let with = Surroundings {
        connectors: usher_router::connectors::all(),
        clock: Arc::new(SystemClock),
        secrets: Arc::new(AnySecret),
        transport: Arc::new(NoTransport),
    };
    load_with(&path, with).err()
}

#[test]
fn the_schemas_are_the_committed_ones() {
    is_committed("usher.schema.json", &configuration());
    is_committed("definition.schema.json", &schema::definition());
}

#[test]
fn the_example_is_valid() {
    let example = parsed(&std::fs::read_to_string(top("usher.example.toml")).unwrap());
    let errors: Vec<String> = validator()
        .iter_errors(&example)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, Vec::<String>::new());
}

#[test]
fn the_recipes_are_valid_definitions() {
    let validator = jsonschema::draft202012::new(&schema::definition()).unwrap();
    for recipe in usher_router::init::RECIPES {
        let definition = parsed(recipe.definition);
        let errors: Vec<String> = validator
            .iter_errors(&definition)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, Vec::<String>::new(), "{}", recipe.name);
    }
    assert!(!validator.is_valid(&json!({ "schema": 1 })));
}

const BASE: &str = r#"
[server.auth]
secrets = [{ env = "KEY" }]
[connections.zendesk]
connector = "zendesk-license"
subdomain = "acme"
oauth = { client_id = "usher", client_secret = { env = "SECRET" } }
[apps.zendesk]
connection = "zendesk"
email_domains = ["acme.com"]
after_deadline = "continue"
permissions.agent = { role = "agent" }
"#;

#[test]
fn what_the_loader_refuses_for_its_shape_the_schema_refuses_too() {
    assert!(is_valid(BASE));
    assert!(mistakes(BASE).is_none());
    for (old, new) in [
        ("[server.auth]\n", "colour = \"red\"\n[server.auth]\n"),
        ("secrets = [{ env = \"KEY\" }]", "secrets = [\"written out\"]"),
        ("secrets = [{ env = \"KEY\" }]", "secrets = []"),
        ("secrets = [{ env = \"KEY\" }]", ""),
        ("secrets = [{ env = \"KEY\" }]", "secrets = [{ env = \"KEY\", file = \"key\" }]"),
        ("[server.auth]", "[server]\nlisten = 8080\n[server.auth]"),
        ("[server.auth]", "[server]\nanswer_within = \"soon\"\n[server.auth]"),
        ("[server.auth]", "[server]\nmax_body = 7\n[server.auth]"),
        ("[server.auth]", "[server]\nmax_connections = 0\n[server.auth]"),
        ("[server.auth]", "[server]\naccess_length_unit = \"days\"\n[server.auth]"),
        ("[server.auth]", "[journal]\nurl = \"postgres://x\"\n[server.auth]"),
        ("[server.auth]", "[admin.operators]\ndana = \"token\"\n[server.auth]"),
        ("[server.auth]", "[admin.operators.dana]\ntoken = { env = \"T\" }\nrole = \"boss\"\n[server.auth]"),
        ("[server.auth]", "[alerts]\nslack = \"https://hooks.slack.com/services/x\"\n[server.auth]"),
        ("[server.auth]", "[alerts]\nsubjects = \"no\"\n[server.auth]"),
        ("[server.auth]", "[alerts]\nwebhook = { url = \"https://a.example\" }\n[server.auth]"),
        (
            "[server.auth]",
            "[alerts]\nwebhook = { url = \"ftp://a\", secret = { env = \"S\" } }\n[server.auth]",
        ),
        ("\"zendesk-license\"", "\"jira\""),
        ("connector = \"zendesk-license\"\n", ""),
        ("subdomain = \"acme\"", "subdomain = \"acme\"\ncolour = \"red\""),
        ("subdomain = \"acme\"", "subdomain = \"acme\"\nlimits = { per_minute = 0 }"),
        ("subdomain = \"acme\"", "subdomain = \"acme\"\nbreaker = 5"),
        ("subdomain = \"acme\"", "subdomain = \"acme\"\nbreaker = { failures = 1 }"),
        ("subdomain = \"acme\"", "subdomain = \"acme\"\nbreaker = { longest = 60 }"),
        ("subdomain = \"acme\"", "subdomain = \"acme\"\nbreaker = { retries = 3 }"),
        ("subdomain = \"acme\"", "subdomain = \"acme\"\nallow_private = \"yes\""),
        ("email_domains = [\"acme.com\"]", ""),
        ("email_domains = [\"acme.com\"]", "email_domains = []"),
        ("after_deadline = \"continue\"", "after_deadline = \"later\""),
        ("after_deadline = \"continue\"", "after_deadline = \"stop\"\nmode = \"wet-run\""),
        ("{ role = \"agent\" }", "\"nothing\""),
        ("{ role = \"agent\" }", "7"),
    ] {
        assert!(BASE.contains(old), "{old}");
        let text = BASE.replacen(old, new, 1);
        assert!(mistakes(&text).is_some(), "the loader takes {new}");
        assert!(!is_valid(&text), "the schema takes {new}");
    }
}

#[test]
fn what_can_stand_in_a_connection_of_any_kind_may() {
    let text = BASE.replace(
        "subdomain = \"acme\"",
        "subdomain = \"acme\"\nlimits = { per_minute = 100, concurrent = 8 }\nbase_url = \"http://127.0.0.1:9000\"\nallow_private = true",
    );
    assert!(mistakes(&text).is_none());
    assert!(is_valid(&text));
    for breaker in ["true", "false", "{}", "{ failures = 2, longest = \"1s\" }"] {
        let text =
            BASE.replace("subdomain = \"acme\"", &format!("subdomain = \"acme\"\nbreaker = {breaker}"));
        assert!(mistakes(&text).is_none(), "{breaker}");
        assert!(is_valid(&text), "{breaker}");
    }
    let labelled = BASE.replace("{ role = \"agent\" }", "{ role = \"agent\", label = \"Agent\" }");
    assert!(mistakes(&labelled).is_none());
    assert!(is_valid(&labelled));
}

/// The keys that the loader knows in a section: it tells them all to whoever writes one that is like none of them.
fn known_to_the_loader(before: &str, section: &str) -> BTreeSet<String> {
    const UNLIKE: &str = "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz";
    let text = format!("{before}{section}\n{UNLIKE} = 1\n");
    let report = mistakes(&text).unwrap();
    let mistake = report.mistakes().iter().find(|mistake| mistake.key.ends_with(UNLIKE));
    let mistake = mistake.unwrap_or_else(|| panic!("no mistake in {section}: {report}"));
    let hint = mistake.hint.as_deref().unwrap();
    let known = hint.strip_prefix("known here: ").unwrap_or_else(|| panic!("{section}: {hint}"));
    known.split(", ").map(str::to_owned).filter(|key| is_built(before, section, key)).collect()
}

/// Whether the loader does something with a key that it knows.
fn is_built(before: &str, section: &str, key: &str) -> bool {
    let text = format!("{before}{section}\n{key} = 1\n");
    let not_built = |report: &Report| {
        report
            .mistakes()
            .iter()
            .any(|mistake| mistake.message == "is not built yet" && mistake.key.ends_with(key))
    };
    !mistakes(&text).is_some_and(|report| not_built(&report))
}

fn known_to_the_schema(pointer: &str) -> BTreeSet<String> {
    let schema = configuration();
    let properties = schema.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not there"));
    properties["properties"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn every_key_that_the_loader_knows_is_in_the_schema_and_no_other() {
    let app = "[apps.x]\nconnection = \"zendesk\"\nemail_domains = [\"acme.com\"]\nafter_deadline = \"stop\"";
    let operator = "/properties/admin/properties/operators/additionalProperties";
    for (before, section, pointer) in [
        ("", "", ""),
        ("", "[server]", "/properties/server"),
        ("", "[server.auth]", "/properties/server/properties/auth"),
        ("", "[admin]", "/properties/admin"),
        ("", "[admin.operators.dana]", operator),
        ("", "[journal]", "/properties/journal"),
        ("", "[test]", "/properties/test"),
        ("", "[alerts]", "/properties/alerts"),
        ("", "[alerts.webhook]", "/properties/alerts/properties/webhook"),
        (
            "[connections.z]\nconnector = \"zendesk-license\"\n",
            "[connections.z.limits]",
            "/$defs/connection.zendesk-license/properties/limits",
        ),
        (
            "[connections.z]\nconnector = \"zendesk-license\"\n",
            "[connections.z.breaker]",
            "/$defs/connection.zendesk-license/properties/breaker",
        ),
        (BASE, app, "/$defs/app"),
        (BASE, "[hooks.x]", "/properties/hooks/additionalProperties"),
    ] {
        assert_eq!(
            known_to_the_schema(pointer),
            known_to_the_loader(before, section),
            "schema and loader differ in {section}"
        );
    }
}

#[test]
fn a_connections_keys_are_its_connectors_and_the_routers() {
    for connector in usher_router::connectors::all() {
        let known = known_to_the_schema(&format!("/$defs/connection.{}", connector.kind()));
        for key in ["connector", "limits", "breaker", "base_url", "allow_private"] {
            assert!(known.contains(key), "{} lacks {key}", connector.kind());
        }
        let own = connector.schema();
        for key in own["properties"].as_object().into_iter().flat_map(|own| own.keys()) {
            assert!(known.contains(key), "{} lacks {key}", connector.kind());
        }
    }
}

#[test]
fn every_reference_in_the_schema_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(target)) = members.get("$ref") {
                    found.push(target.clone());
                }
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let schema = configuration();
    let mut found = Vec::new();
    references(&schema, &mut found);
    assert!(!found.is_empty());
    for target in found {
        let pointer = target.strip_prefix('#').unwrap_or_else(|| panic!("{target} leads out of the file"));
        assert!(schema.pointer(pointer).is_some(), "{target} leads nowhere");
    }
    assert_eq!(schema["$schema"], json!("https://json-schema.org/draft/2020-12/schema"));
}
