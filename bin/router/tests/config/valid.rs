//! What is read, and the defaults of what is not said.

use std::time::Duration;

use usher_core::Direction;
use usher_engine::{AfterDeadline, BreakerSettings};
use usher_lumos::{AccessLengthUnit, SuccessStyle};
use usher_router::config::Role;

use crate::support::{BASE, File, assert_secretless, base_and, base_with, load};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn what_is_not_said_has_its_default() {
    let loaded = load(BASE);
    let server = &loaded.config.server;
    assert_eq!(server.listen.to_string(), "127.0.0.1:8080");
    assert!(!server.behind_proxy);
    assert_eq!(server.answer_within, Duration::from_secs(12));
    assert_eq!(server.min_change_budget, Duration::from_secs(4));
    assert_eq!(server.give_up_after, Duration::from_secs(24 * 3600));
    assert_eq!(server.access_length_unit, AccessLengthUnit::Seconds);
    assert_eq!(server.max_body, 256 * 1024);
    assert_eq!(server.request_timeout, Duration::from_secs(5));
    assert_eq!(server.max_connections, 4096);
    assert!(server.task_url_hosts.iter().any(|host| host.matches("app.lumosidentity.com")));
    assert_eq!(loaded.config.admin.listen.to_string(), "127.0.0.1:9470");
    assert!(loaded.config.admin.operators.is_empty());
    let journal = &loaded.config.journal;
    assert!(journal.sqlite.ends_with("usher.db"));
    assert_eq!((journal.keep, journal.keep_payload), (DAY * 400, DAY * 90));
    let alerts = &loaded.config.alerts;
    assert!(alerts.slack.is_none() && alerts.webhook.is_none() && !alerts.subjects);
    assert_eq!(alerts.few_seats, 5);
    let policy = &loaded.connections["desk"].apps["desk"];
    assert_eq!(policy.after_deadline, AfterDeadline::Continue);
    assert!(!policy.counts_invited && !policy.remove_account);
    let hook = loaded.routes.hook("/webhooks/provision").unwrap();
    let credentials = loaded.routes.credentials(&hook);
    assert_eq!((credentials.header.as_str(), credentials.bearer), ("x-usher-key", false));
}

#[test]
fn a_payload_goes_with_its_request_where_that_is_kept_for_less_than_payloads_are_by_default() {
    let journal = load(&base_and("[journal]\nkeep = \"30 days\"\n")).config.journal;
    assert_eq!((journal.keep, journal.keep_payload), (DAY * 30, DAY * 30));
}

#[test]
fn a_connection_has_a_breaker_unless_it_is_told_not_to() {
    let of = |more: &str| {
        let text = base_with("subdomain = \"acme\"", &format!("subdomain = \"acme\"\n{more}"));
        load(&text).connections["desk"].breaker
    };
    let settings =
        |failures, longest| Some(BreakerSettings { failures, longest: Duration::from_secs(longest) });
    assert_eq!(of(""), settings(5, 60));
    assert_eq!(of("breaker = true"), settings(5, 60));
    assert_eq!(of("breaker = false"), None);
    assert_eq!(of("breaker = { failures = 20 }"), settings(20, 60));
    assert_eq!(of("breaker.longest = \"5m\""), settings(5, 300));
}

#[test]
fn every_key_of_the_alerts_is_read_and_no_secret_is_shown() {
    let loaded = load(&base_and(
        r#"
[alerts]
slack = { env = "SLACK_URL" }
webhook = { url = "http://10.1.2.3/hook", secret = { env = "WHSEC" } }
subjects = true
few_seats = 0
allow_private = true
"#,
    ));
    let alerts = &loaded.config.alerts;
    assert_eq!(alerts.slack.as_ref().unwrap().origin(), "https://hooks.slack.com");
    assert_eq!(alerts.webhook.as_ref().unwrap().address.origin(), "http://10.1.2.3");
    assert!(alerts.subjects);
    assert_eq!(alerts.few_seats, 0);
    assert_secretless(&format!("{alerts:?}"));
}

#[test]
fn every_key_of_the_listeners_is_read() {
    let loaded = load(&base_with(
        "[server.auth]\n",
        r#"
[server]
listen = "0.0.0.0:80"
behind_proxy = true
answer_within = "10s"
min_change_budget = "1500ms"
give_up_after = "2 days"
access_length_unit = "hours"
max_body = "1 MiB"
request_timeout = "2s"
max_connections = 10
task_url_hosts = ["tasks.example"]

[admin]
listen = "0.0.0.0:90"
[admin.operators]
dana = { token = { env = "DANA" }, role = "operator" }
audit = { token = { file = "there" }, role = "viewer" }

[journal]
url = "sqlite:/var/lib/usher/usher.db"
keep = "800 days"
keep_payload = "30 days"

[server.auth]
header = "Authorization"
"#,
    ));
    let server = &loaded.config.server;
    assert_eq!(server.listen.to_string(), "0.0.0.0:80");
    assert!(server.behind_proxy);
    assert_eq!(server.answer_within, Duration::from_secs(10));
    assert_eq!(server.min_change_budget, Duration::from_millis(1500));
    assert_eq!(server.give_up_after, Duration::from_secs(2 * 86_400));
    assert_eq!(server.access_length_unit, AccessLengthUnit::Hours);
    assert_eq!(server.max_body, 1 << 20);
    assert_eq!(server.request_timeout, Duration::from_secs(2));
    assert_eq!(server.max_connections, 10);
    assert!(server.task_url_hosts.iter().any(|host| host.matches("tasks.example")));
    assert_eq!(loaded.config.admin.listen.to_string(), "0.0.0.0:90");
    assert_eq!(loaded.config.admin.operators["dana"].role, Role::Operator);
    assert_eq!(loaded.config.admin.operators["audit"].role, Role::Viewer);
    let journal = &loaded.config.journal;
    assert_eq!(journal.sqlite.to_str(), Some("/var/lib/usher/usher.db"));
    assert_eq!((journal.keep, journal.keep_payload), (DAY * 800, DAY * 30));
    let hook = loaded.routes.hook("/webhooks/provision").unwrap();
    assert!(loaded.routes.credentials(&hook).bearer);
    assert_eq!(hook.direction, Direction::Provision);
}

#[test]
fn every_key_of_an_app_is_read() {
    let loaded = load(&base_with(
        "after_deadline = \"continue\"\n",
        r#"
after_deadline = "stop"
app_id = "desk_app"
instance_id = "one"
default = { role = "light-agent" }
mode = "dry-run"
success = "no-content"
deprovision_success = "json"
remove_account = false
counts_as_provisioned = "active"
ignore_sources = ["OKTA"]
"#,
    ));
    let app = &loaded.summary.apps[0];
    assert_eq!((app.app_id.as_str(), app.instance_id.as_deref()), ("desk_app", Some("one")));
    assert!(app.dry_run);
    assert_eq!(app.permissions["default"], ["role light-agent"]);
    let policy = &loaded.connections["desk"].apps["desk"];
    assert_eq!(policy.after_deadline, AfterDeadline::Stop);
    assert_eq!(policy.permissions.keys().collect::<Vec<_>>(), ["agent", "default"]);
}

#[test]
fn variants_that_are_right_are_taken() {
    let table = [
        ("IPv6 loopback needs no proxy", base_and("[server]\nlisten = \"[::1]:8080\"\n")),
        (
            "a port that the system chooses",
            base_and("[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n"),
        ),
        ("the latest answer there can be", base_and("[server]\nanswer_within = \"14s\"\n")),
        ("anybody", base_with("[\"acme.com\"]", "[\"*\"]")),
        (
            "a domain with letters of its own",
            base_with("[\"acme.com\"]", "[\"bücher.example\", \"xn--bcher-kva.example\"]"),
        ),
        ("an app without permissions", base_with("agent = { role = \"agent\" }\n", "")),
        ("an ignored permission", base_with("agent = { role = \"agent\" }\n", "agent = \"ignore\"\n")),
        (
            "values that look alike",
            base_and("Agent = { role = \"agent\" }\n\"a gent\" = { role = \"agent\" }\n"),
        ),
        ("a value that is no bare key", base_and("\"a/b \\\" ü\" = { role = \"agent\" }\n")),
        (
            "a permission called default, without an app's default",
            base_and("default = { role = \"agent\" }\n"),
        ),
        (
            "one app_id twice, told apart by an instance",
            base_and(
                "[apps.two]\napp_id = \"desk\"\ninstance_id = \"2\"\nconnection = \"desk\"\nemail_domains = [\"*\"]\nafter_deadline = \"stop\"\n",
            ),
        ),
        (
            "a hook without secrets of its own",
            base_and("[hooks.short]\napp = \"desk\"\npermission = \"agent\"\n"),
        ),
        (
            "a second account at the vendor",
            base_and("[connections.two]\nconnector = \"desk\"\nsubdomain = \"other\"\n"),
        ),
        (
            "TOML 1.1: a table over several lines, with a comma at its end",
            base_with(
                "agent = { role = \"agent\" }\n",
                "agent = {\n  role = \"agent\",\n  groups = [\"Tier 1\"],\n}\n",
            ),
        ),
    ];
    for (what, text) in table {
        assert!(File::new(&text).load().is_ok(), "{what}: {}", File::new(&text).shown());
    }
}

#[test]
fn the_hash_changes_with_the_text_and_with_a_definition_that_it_names() {
    let text = base_with("subdomain = \"acme\"", "subdomain = \"acme\"\ndefinition = \"wiki.toml\"");
    let file = File::new(&text);
    let definition = file.folder.path().join("wiki.toml");
    std::fs::write(&definition, "one").unwrap();
    let first = file.load().unwrap().hash;
    assert_eq!(first, file.load().unwrap().hash);
    assert_eq!(first.len(), 64);
    std::fs::write(&definition, "two").unwrap();
    let second = file.load().unwrap().hash;
    assert_ne!(first, second);
    std::fs::write(&file.path, format!("{text}\n# a comment\n")).unwrap();
    assert_ne!(second, file.load().unwrap().hash);
}

#[test]
fn what_is_allowed_and_worth_a_look_is_noted() {
    let loaded = load(
        &base_and("[connections.idle]\nconnector = \"desk\"\nsubdomain = \"idle\"\n")
            .replace("after_deadline", "mode = \"dry-run\"\nafter_deadline"),
    );
    assert_eq!(
        loaded.summary.notes,
        [
            "there are no operators: nobody can use the admin API",
            "no app uses connections.idle",
            "apps.desk is a dry run: it changes nothing and answers no",
        ]
    );
}

#[test]
fn what_a_hooks_own_secret_guards_is_noted() {
    let loaded = load(&base_and(
        "[hooks.own]\napp = \"desk\"\npermission = \"agent\"\nsecrets = [{ env = \"HOOK\" }]\n",
    ));
    let note = "permission agent of apps.desk is given through /webhooks/own alone: a grant at /webhooks that lists it is refused whole";
    assert!(loaded.summary.notes.iter().any(|found| found == note), "{:?}", loaded.summary.notes);
}

#[test]
fn a_definition_without_tests_is_noted() {
    let text = base_with("subdomain = \"acme\"", "subdomain = \"acme\"\ndefinition = \"wiki.toml\"");
    let file = File::new(&text);
    let definition = file.folder.path().join("wiki.toml");
    let is_noted = |text: &str| {
        std::fs::write(&definition, text).unwrap();
        let notes = file.load().unwrap().summary.notes;
        notes.iter().any(|note| note.starts_with("wiki.toml has no [[test]]"))
    };
    assert!(is_noted("schema = 1\n"));
    assert!(!is_noted("schema = 1\n[[test]]\nname = \"one\"\n"));
}

#[test]
fn nothing_that_is_loaded_shows_a_secret() {
    let loaded = load(&base_and(
        "[hooks.short]\napp = \"desk\"\npermission = \"agent\"\nsecrets = [{ env = \"HOOK\" }]\n[admin.operators]\ndana = { token = { env = \"DANA\" }, role = \"viewer\" }\n",
    ));
    let shown = format!("{loaded:?} {}", serde_json::to_string(&loaded.summary).unwrap());
    assert!(!shown.contains("topsecret"), "{shown}");
}

#[test]
fn success_is_said_as_the_app_says() {
    let loaded = load(&base_with("after_deadline", "success = \"no-content\"\nafter_deadline"));
    let hook = loaded.routes.hook("/webhooks/provision").unwrap();
    let body = br#"{"application": {"app_id": "desk"}, "permissions": [{"value": "agent"}], "target_user": {"email": "ada@acme.com"}}"#;
    let usher_lumos::Parsed::Webhook(payload) =
        usher_lumos::parse(body, Direction::Provision, &usher_lumos::Options::default()).unwrap()
    else {
        panic!("not empty")
    };
    let usher_router::routes::Routed::Accept(accept) =
        loaded.routes.route(&hook, &payload, jiff::Timestamp::UNIX_EPOCH)
    else {
        panic!("accepted")
    };
    assert_eq!(accept.style.provision, SuccessStyle::NoContent);
    assert_eq!(accept.style.deprovision, SuccessStyle::NoContent);
}
