use super::*;

fn read(settings: Value) -> Result<Settings, Vec<ConfigError>> {
    Settings::read(settings, Path::new("/etc/usher"))
}

fn oauth() -> Value {
    json!({"client_id": "usher", "client_secret": {"env": "SECRET"}})
}

fn with(key: &str, value: Value) -> Value {
    let mut settings = json!({"subdomain": "acme", "oauth": oauth()});
    settings[key] = value;
    settings
}

fn wrong(settings: Value) -> Vec<String> {
    read(settings).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_subdomain_and_a_credential_are_enough() {
    let settings = read(json!({"subdomain": "Acme", "oauth": oauth()})).unwrap();
    let expected = Settings {
        subdomain: "acme".to_owned(),
        credentials: Credentials::OAuth {
            client_id: "usher".to_owned(),
            client_secret: SecretRef::Env("SECRET".to_owned()),
            scope: "read write".to_owned(),
        },
        reassign_to: None,
        suspend_on_removal: false,
        unsuspend: Unsuspend::Never,
        verify_email: false,
        search_lag: Duration::from_mins(5),
    };
    assert_eq!(settings, expected);
}

#[test]
fn every_setting_can_be_set() {
    let settings = read(json!({
        "subdomain": "acme",
        "api_token": {"email": "admin@acme.example", "token": {"file": "zendesk.token"}},
        "reassign_to": 42,
        "suspend_on_removal": true,
        "unsuspend": "on-grant",
        "verify_email": true,
        "search_lag": "90s",
    }))
    .unwrap();
    let credentials = Credentials::ApiToken {
        email: "admin@acme.example".to_owned(),
        token: SecretRef::File("/etc/usher/zendesk.token".into()),
    };
    assert_eq!(settings.credentials, credentials);
    assert_eq!(settings.reassign_to, Some(42));
    assert!(settings.suspend_on_removal && settings.verify_email);
    assert_eq!(settings.unsuspend, Unsuspend::OnGrant);
    assert_eq!(settings.search_lag, Duration::from_secs(90));
}

#[test]
fn a_lag_is_a_duration_or_nothing() {
    for (written, seconds) in
        [(json!("5m"), 300), (json!("1h"), 3_600), (json!("0"), 0), (json!("0s"), 0), (json!(0), 0)]
    {
        assert_eq!(read(with("search_lag", written)).unwrap().search_lag, Duration::from_secs(seconds));
    }
}

#[test]
fn a_mistake_says_where_it_is_and_what_to_write() {
    let table = [
        (json!([]), "these are no settings"),
        (json!({"oauth": oauth()}), "subdomain: the subdomain is missing"),
        (with("subdomain", json!(3)), "subdomain: this is not a text"),
        (with("subdomain", json!("acme.zendesk.com")), "subdomain: this is an address"),
        (with("subdomain", json!("https://acme.zendesk.com")), "subdomain: this is an address"),
        (with("subdomain", json!("-acme")), "subdomain: this is not a subdomain"),
        (with("subdomain", json!("")), "subdomain: this is not a subdomain"),
        (json!({"subdomain": "acme"}), "oauth: the credential is missing"),
        (with("oauth", json!(["usher", {"env": "X"}])), "oauth: this is no OAuth client"),
        (with("oauth", json!({"client_secret": {"env": "X"}})), "oauth.client_id: this is missing"),
        (
            with("oauth", json!({"client_id": " ", "client_secret": {"env": "X"}})),
            "oauth.client_id: this is empty",
        ),
        (with("oauth", json!({"client_id": "usher"})), "oauth.client_secret: the secret is missing"),
        (
            with("api_token", json!({"email": "a@b.c", "token": {"env": "X"}})),
            "api_token: there are two credentials",
        ),
        (
            json!({"subdomain": "acme", "api_token": {"email": "admin", "token": {"env": "X"}}}),
            "api_token.email: this is not an e-mail address",
        ),
        (with("reassign_to", json!("ada@example.com")), "reassign_to: this is no agent's id"),
        (with("reassign_to", json!(0)), "reassign_to: 0 is no agent's id"),
        (with("reassign_to", json!(-1)), "reassign_to: this is no agent's id"),
        (with("suspend_on_removal", json!("yes")), "suspend_on_removal: this is neither true nor false"),
        (
            with("unsuspend", json!("always")),
            "unsuspend: there is no such policy (write \"never\" or \"on-grant\")",
        ),
        (with("search_lag", json!("soon")), "search_lag: this is not a duration"),
        (with("search_lag", json!("-5m")), "search_lag: this is not a duration"),
        (with("search_lag", json!(5)), "search_lag: this is not a duration"),
        (with("search_lag", json!("48h")), "search_lag: this is longer than a day"),
        (
            with("sub_domain", json!("acme")),
            "sub_domain: Zendesk has no such setting (the keys are subdomain,",
        ),
        (
            with("oauth", json!({"client_id": "usher", "client_secret": {"env": "X"}, "secret": 1})),
            "oauth.secret: Zendesk has no such setting (the keys are client_id, client_secret and scope)",
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
        "subdomain": 1,
        "subdomian": "acme",
        "oauth": {"client_id": 2, "client_secret": "hunter2"},
        "suspend_on_removal": 3,
        "unsuspend": 4,
        "search_lag": "x",
    }));
    assert_eq!(found.len(), 7, "{found:?}");
}

#[test]
fn no_message_shows_what_was_written_since_it_may_be_a_secret() {
    let settings = [
        with("oauth", json!("hunter2")),
        with("oauth", json!({"client_id": ["hunter2"], "client_secret": "hunter2"})),
        with("oauth", json!({"client_id": "usher", "client_secret": {"env": "X"}, "scope": {"hunter2": 1}})),
        with("api_token", json!("hunter2")),
        with("subdomain", json!("hunter2.hunter2")),
        with("unsuspend", json!("hunter2")),
        with("search_lag", json!("hunter2")),
        json!("hunter2"),
    ];
    for settings in settings {
        let errors = read(settings).unwrap_err();
        let shown = format!("{errors:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn the_schema_names_every_setting_and_no_other() {
    let schema = Settings::schema();
    let named: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    let expected = [
        "api_token",
        "oauth",
        "reassign_to",
        "search_lag",
        "subdomain",
        "suspend_on_removal",
        "unsuspend",
        "verify_email",
    ];
    assert_eq!(named, expected);
    // A key that the schema names is one that the settings know.
    for key in expected {
        let found = read(json!({ key: Value::Null }));
        let unknown = |error: &ConfigError| error.message.contains("no such setting");
        assert!(!found.unwrap_err().iter().any(unknown), "{key}");
    }
}
