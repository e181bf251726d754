//! The texts.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{PAYLOAD, Start, Variable, Vendor, Wanted, Written};
use crate::routes::toml_key;

const HEAD: &str = r#"# Usher's configuration. `usher check` says what is wrong with it; `usher.example.toml` shows all that can stand in one.
# A secret is always { env = "NAME" } or { file = "PATH" }: one that is written out is refused.

# The public listener: Lumos's webhooks come here. A proxy in front of it ends TLS; behind one, write behind_proxy = true.
[server]
listen = "127.0.0.1:8080"

# The custom header that you set in Lumos.
[server.auth]
header = "X-Usher-Key"
secrets = [{ env = "USHER_WEBHOOK_KEY" }]

# The listener for operators: `usher requests`, `usher plan`, `usher holdings` and the like call it.
[admin]
listen = "127.0.0.1:9470"

# Who did it stands in the history: give everybody a name and a token of their own. role = "viewer" may only look.
[admin.operators]
me = { token = { env = "USHER_OPERATOR_TOKEN" }, role = "operator" }

# Where every request is kept before anything happens: a file on a disk of this machine.
[journal]
url = "sqlite:usher.db"
"#;

pub(super) fn start(wanted: &Wanted) -> Start {
    let mut text = HEAD.to_owned();
    let connection = connection_name(&wanted.app_id);
    let mut variables = vec![
        variable(
            "USHER_WEBHOOK_KEY",
            "a long random text of your own; Lumos sends it in the header X-Usher-Key",
        ),
        variable("USHER_OPERATOR_TOKEN", "another one: with it you use the admin API"),
    ];
    let (lines, entitlement, needed) = vendor(&wanted.vendor, &connection);
    let _infallible = write!(
        text,
        "\n# The vendor's account. The other keys are the connector's: see `usher connectors {kind}`.\n[connections.{connection}]\nconnector = \"{kind}\"\n{lines}",
        kind = wanted.vendor.kind().name(),
    );
    variables.extend(needed);
    text.push_str(&app(wanted, &connection, &entitlement));
    let mut beside = vec![Written { path: PAYLOAD.into(), text: payload(wanted) }];
    if let Vendor::Generic { file, text: Some(definition), .. } = &wanted.vendor {
        beside.push(Written { path: file.clone(), text: (*definition).to_owned() });
    }
    Start { configuration: text, beside, variables }
}

/// The vendor's own lines, what a permission gives there, and the variables to set.
fn vendor(vendor: &Vendor, connection: &str) -> (String, Value, Vec<Variable>) {
    match vendor {
        Vendor::Zendesk { subdomain } => (
            format!(
                "subdomain = {}\n# An OAuth client of the account (Admin Center, Apps and integrations, APIs, OAuth clients), of the kind \"confidential\".\noauth = {{ client_id = \"usher\", client_secret = {{ env = \"ZENDESK_CLIENT_SECRET\" }} }}\n",
                quoted(subdomain)
            ),
            json!({ "role": "agent" }),
            vec![variable("ZENDESK_CLIENT_SECRET", "the secret of Zendesk's OAuth client `usher`")],
        ),
        Vendor::GitHub { org } => (
            format!(
                "org = {}\n# A personal access token of an owner. Better is a GitHub App, instead of the token:\n# app = {{ id = 12345, installation_id = 678, private_key = {{ file = \"github.pem\" }} }}\ntoken = {{ env = \"GITHUB_TOKEN\" }}\n",
                quoted(org)
            ),
            json!({ "teams": ["engineering"] }),
            vec![variable("GITHUB_TOKEN", "a token of an owner that may manage members and teams")],
        ),
        Vendor::Generic { file, base_url, secrets, vars, entitlement, .. } => {
            let mut lines = format!(
                "definition = {}\n# Another system than the definition's, such as a test system:\n# base_url = {}\n",
                quoted(&file.to_string_lossy()),
                quoted(base_url)
            );
            let mut variables = Vec::new();
            for name in secrets {
                let env = environment_name(connection, name);
                let _infallible =
                    writeln!(lines, "secrets.{} = {{ env = {} }}", toml_key(name), quoted(&env));
                variables.push(variable(&env, format!("what the definition's auth calls secret.{name}")));
            }
            if !vars.is_empty() {
                lines.push_str("# The definition's variables: set here what is yours.\n");
            }
            for (name, value) in vars {
                let _infallible = writeln!(lines, "vars.{} = {}", toml_key(name), inline(value));
            }
            (lines, Value::Object(entitlement.clone()), variables)
        }
    }
}

fn app(wanted: &Wanted, connection: &str, entitlement: &Value) -> String {
    let key = toml_key(&wanted.app_id);
    let domains = Value::from(wanted.domains.clone());
    format!(
        "\n# The app: the key is Lumos's application.app_id.\n[apps.{key}]\nconnection = \"{connection}\"\n\
         # Whoever has another address is given nothing.\nemail_domains = {domains}\n\
         # A grant that comes too late for Lumos: \"continue\" finishes it, \"stop\" leaves it to a person.\nafter_deadline = \"continue\"\n\
         # Plans and journals, sends nothing and answers no. Write \"enforce\" once it plans what it should.\nmode = \"dry-run\"\n\
         \n# Lumos's permission value → what it gives. A request with a permission that is not here is refused whole; Usher then says\n\
         # which lines to add. \"ignore\" says that somebody else provisions it.\n[apps.{key}.permissions]\n{permission} = {entitlement}\n",
        domains = inline(&domains),
        permission = toml_key(&wanted.permission),
        entitlement = inline(entitlement),
    )
}

/// As Lumos would send it.
fn payload(wanted: &Wanted) -> String {
    let domain = wanted.domains.first().filter(|domain| *domain != "*").map_or("example.com", String::as_str);
    let payload = json!({
        "application": { "app_id": wanted.app_id, "instance_id": null, "user_friendly_label": wanted.app_id },
        "permissions": [{
            "label": wanted.permission,
            "value": wanted.permission,
            "type": "PERMISSION",
            "source": "MANUAL"
        }],
        "target_user": {
            "email": format!("ada.lovelace@{domain}"),
            "given_name": "Ada",
            "family_name": "Lovelace"
        },
        "access_length": 43_200,
        "request_comment": "An example of `usher init`",
        "request_task_url": null,
        "custom_fields": {}
    });
    format!("{payload:#}\n")
}

/// A name that a connection can have, like the app's.
fn connection_name(app_id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let name: String = app_id.chars().map(plain).take(64).collect();
    if name.is_empty() { "vendor".to_owned() } else { name }
}

/// `CALENDLY_CLIENT_SECRET`
fn environment_name(connection: &str, secret: &str) -> String {
    let capital = |text: &str| -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        text.chars().map(plain).collect()
    };
    let (connection, secret) = (capital(connection), capital(secret));
    let name =
        if connection == secret { format!("{secret}_SECRET") } else { format!("{connection}_{secret}") };
    // No name begins with a digit.
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

fn variable(name: impl Into<String>, what: impl Into<String>) -> Variable {
    Variable { name: name.into(), what: what.into() }
}

fn quoted(text: &str) -> String {
    inline(&Value::from(text))
}

/// A value as TOML on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(key, value)| format!("{} = {}", toml_key(key), inline(value))).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::String(text) => toml::Value::String(text.clone()).to_string(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        // TOML has none: nothing that is written here is null.
        Value::Null => "\"\"".to_owned(),
    }
}
