use serde_json::json;

use super::*;

fn read(settings: Value) -> Result<Settings, Vec<ConfigError>> {
    Settings::read(settings, Path::new("/etc/usher"))
}

fn app() -> Value {
    json!({"id": 12345, "installation_id": 678, "private_key": {"file": "github.pem"}})
}

fn with(key: &str, value: Value) -> Value {
    let mut settings = json!({"org": "acme", "app": app()});
    settings[key] = value;
    settings
}

fn app_with(key: &str, value: Value) -> Value {
    let mut app = app();
    app[key] = value;
    with("app", app)
}

fn wrong(settings: Value) -> Vec<String> {
    read(settings).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn an_organisation_and_a_credential_are_enough() {
    let settings = read(json!({"org": "Acme", "app": app()})).unwrap();
    let expected = Settings {
        org: "acme".to_owned(),
        credentials: Credentials::App {
            id: "12345".to_owned(),
            installation_id: 678,
            private_key: SecretRef::File("/etc/usher/github.pem".into()),
        },
        identify_by: vec![IdentifyBy::InviteByEmail],
        managed_users: false,
        reinstate: false,
    };
    assert_eq!(settings, expected);
}

#[test]
fn every_setting_can_be_set() {
    let settings = read(json!({
        "org": "acme",
        "token": {"env": "GITHUB_TOKEN"},
        "identify_by": ["saml", "custom_fields.GitHub login", "invite-by-email"],
        "managed_users": true,
        "reinstate": true,
    }))
    .unwrap();
    assert_eq!(settings.credentials, Credentials::Token(SecretRef::Env("GITHUB_TOKEN".to_owned())));
    let ways =
        [IdentifyBy::Saml, IdentifyBy::CustomField("GitHub login".to_owned()), IdentifyBy::InviteByEmail];
    assert_eq!(settings.identify_by, ways);
    assert!(settings.managed_users && settings.reinstate && settings.invites_by_email());
}

#[test]
fn an_app_is_named_by_its_number_or_by_its_client_id() {
    for (written, id) in
        [(json!(7), "7"), (json!("7"), "7"), (json!("Iv23liABC"), "Iv23liABC"), (json!("Iv1.a1"), "Iv1.a1")]
    {
        let settings = read(app_with("id", written)).unwrap();
        assert!(matches!(settings.credentials, Credentials::App { id: read, .. } if read == id));
    }
}

#[test]
fn a_mistake_says_where_it_is_and_what_to_write() {
    let table = [
        (json!([]), "these are no settings"),
        (json!({"app": app()}), "org: the organisation is missing"),
        (with("org", json!(3)), "org: this is not a text"),
        (with("org", json!("github.com/acme")), "org: this is an address"),
        (with("org", json!("-acme")), "org: this is not an organisation's login"),
        (with("org", json!("x".repeat(40))), "org: this is not an organisation's login"),
        (json!({"org": "acme"}), "app: the credential is missing"),
        (with("app", json!([12345, 678, {"env": "X"}])), "app: this is no GitHub App"),
        (with("app", json!("12345")), "app: this is no GitHub App"),
        (app_with("id", json!(0)), "app.id: this is no App's id"),
        (app_with("id", json!("a b")), "app.id: this is no App's id"),
        (app_with("id", json!(null)), "app.id: the App's id is missing"),
        (app_with("installation_id", json!("678")), "app.installation_id: this is no installation's id"),
        (app_with("installation_id", json!(0)), "app.installation_id: the installation's id is missing"),
        (app_with("private_key", json!("-----BEGIN")), "app.private_key: a secret is not written into"),
        (app_with("private_key", json!(null)), "app.private_key: the private key is missing"),
        (app_with("key", json!(1)), "app.key: GitHub has no such setting (the keys are id, installation_id"),
        (with("token", json!({"env": "X"})), "token: there are two credentials (keep app"),
        (json!({"org": "acme", "token": "ghp_x"}), "token: a secret is not written into the configuration"),
        (with("identify_by", json!("saml")), "identify_by: this is no list"),
        (with("identify_by", json!([])), "identify_by: nobody could be identified"),
        (with("identify_by", json!(["saml", "email"])), "identify_by.1: this is no way to identify somebody"),
        (with("identify_by", json!(["saml", 3])), "identify_by.1: this is no way to identify somebody"),
        (
            with("identify_by", json!(["custom_fields."])),
            "identify_by.0: this is no way to identify somebody",
        ),
        (with("identify_by", json!(["saml", "saml"])), "identify_by.1: this is named twice"),
        (with("managed_users", json!("yes")), "managed_users: this is neither true nor false"),
        (with("reinstate", json!(1)), "reinstate: this is neither true nor false"),
        (
            with("organization", json!("acme")),
            "organization: GitHub has no such setting (the keys are org, app",
        ),
    ];
    for (settings, expected) in table {
        let found = wrong(settings.clone());
        assert!(found.iter().any(|one| one.starts_with(expected)), "{expected} is not in {found:?}");
        if settings.is_object() {
            assert_eq!(found.len(), 1, "{found:?}");
        }
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let found = wrong(json!({
        "org": 1,
        "organisation": "acme",
        "app": {"id": {}, "installation_id": "x", "private_key": "hunter2"},
        "identify_by": ["saml", 1, "saml"],
        "managed_users": 3,
        "reinstate": 4,
    }));
    assert_eq!(found.len(), 9, "{found:?}");
}

#[test]
fn no_message_shows_what_was_written_since_it_may_be_a_secret() {
    for settings in [
        with("org", json!("hunter2/hunter2")),
        with("app", json!("hunter2")),
        app_with("id", json!("hunter2 ")),
        app_with("private_key", json!(["hunter2"])),
        with("token", json!("hunter2")),
        with("identify_by", json!(["hunter2"])),
        with("managed_users", json!("hunter2")),
    ] {
        let found = read(settings).unwrap_err();
        assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    }
}

#[test]
fn the_schema_knows_the_same_keys() {
    let schema = Settings::schema();
    for key in schema["properties"].as_object().unwrap().keys() {
        assert!(KEYS.contains(key.as_str()), "{key}");
    }
    assert_eq!(schema["properties"].as_object().unwrap().len(), 6);
}
