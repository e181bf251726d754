//! The credential: what a definition's `auth` says, with the connection's secrets filled in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use usher_core::ConfigError;
use usher_vendor_client::{JwtAlgorithm, JwtSettings, OAuthClientCredentials, SecretBy, TokenBody};

use crate::definition::{Auth, AuthPart, AuthText, Definition};

/// What a vendor's clock may be behind ours, so that a token is not from its future.
const ISSUED_BACK: Duration = Duration::from_secs(30);

impl Definition {
    /// The secrets that `auth` names: exactly those have to be in the connection's settings.
    #[must_use]
    pub fn secrets(&self) -> BTreeSet<String> {
        let parts = texts(&self.auth).into_iter().flat_map(|text| &text.0);
        let secret = |part: &AuthPart| match part {
            AuthPart::Secret(name) => Some(name.clone()),
            AuthPart::Text(_) | AuthPart::Var(_) => None,
        };
        parts.filter_map(secret).collect()
    }

    /// The credential for the vendor client.
    ///
    /// # Errors
    /// A secret that is not in `secrets`, or a value that cannot be part of a credential. Never shows one.
    pub fn credential(
        &self,
        secrets: &BTreeMap<String, SecretString>,
    ) -> Result<usher_vendor_client::Auth, ConfigError> {
        use usher_vendor_client::Auth as Client;
        let fill = Fill { vars: &self.vars, secrets };
        Ok(match &self.auth {
            Auth::None => Client::None,
            Auth::Bearer { token } => Client::Bearer(fill.secret(token)?),
            Auth::Basic { username, password } => basic(&fill, username, password)?,
            Auth::ApiKeyHeader { header, value } => {
                Client::ApiKey { header: header.clone(), key: fill.secret(value)? }
            }
            Auth::ApiKeyQuery { query, value } => {
                Client::ApiKeyQuery { name: query.clone(), key: fill.secret(value)? }
            }
            Auth::ClientCredentials {
                token_url,
                client_id,
                client_secret,
                secret_by_basic,
                scopes,
                extra,
            } => {
                let extra: Result<Vec<(String, String)>, ConfigError> =
                    extra.iter().map(|(name, text)| Ok((name.clone(), fill.text(text)?))).collect();
                Client::OAuth(OAuthClientCredentials {
                    token_url: token_url.clone(),
                    client_id: fill.text(client_id)?,
                    client_secret: fill.secret(client_secret)?,
                    scopes: scopes.clone(),
                    secret_by: if *secret_by_basic { SecretBy::Basic } else { SecretBy::Body },
                    body: TokenBody::Form,
                    extra: extra?,
                })
            }
            Auth::Jwt { algorithm, key, header, claims, ttl } => Client::Jwt(JwtSettings {
                algorithm: self::algorithm(algorithm)?,
                key: fill.secret(key)?,
                header: fill.table(header)?,
                claims: fill.table(claims)?,
                ttl: *ttl,
                issued_back: ISSUED_BACK,
            }),
        })
    }
}

fn texts(auth: &Auth) -> Vec<&AuthText> {
    match auth {
        Auth::None => Vec::new(),
        Auth::Bearer { token } => vec![token],
        Auth::Basic { username, password } => vec![username, password],
        Auth::ApiKeyHeader { value, .. } | Auth::ApiKeyQuery { value, .. } => vec![value],
        Auth::ClientCredentials { client_id, client_secret, extra, .. } => {
            [client_id, client_secret].into_iter().chain(extra.iter().map(|(_, text)| text)).collect()
        }
        Auth::Jwt { key, header, claims, .. } => {
            std::iter::once(key).chain(header.values()).chain(claims.values()).collect()
        }
    }
}

fn algorithm(name: &str) -> Result<JwtAlgorithm, ConfigError> {
    name.parse().map_err(|_| ConfigError::at(["auth", "algorithm"], "is not an algorithm of tokens"))
}

/// As a whole header where the user's name is a secret: that of [`usher_vendor_client::Auth::Basic`] is shown.
fn basic(
    fill: &Fill<'_>,
    username: &AuthText,
    password: &AuthText,
) -> Result<usher_vendor_client::Auth, ConfigError> {
    let password = fill.secret(password)?;
    let is_secret = username.0.iter().any(|part| matches!(part, AuthPart::Secret(_)));
    if !is_secret {
        return Ok(usher_vendor_client::Auth::Basic { username: fill.text(username)?, password });
    }
    let username = fill.secret(username)?;
    if username.expose_secret().contains(':') || username.expose_secret().chars().any(char::is_control) {
        return Err(ConfigError::at(["auth", "username"], "must not contain a colon or control characters")
            .hint("look at the secret that it is made of"));
    }
    let pair = SecretString::from(format!("{}:{}", username.expose_secret(), password.expose_secret()));
    let key = SecretString::from(format!("Basic {}", STANDARD.encode(pair.expose_secret())));
    Ok(usher_vendor_client::Auth::ApiKey { header: AUTHORIZATION, key })
}

struct Fill<'a> {
    vars: &'a BTreeMap<String, Value>,
    secrets: &'a BTreeMap<String, SecretString>,
}

impl Fill<'_> {
    fn secret(&self, text: &AuthText) -> Result<SecretString, ConfigError> {
        self.text(text).map(SecretString::from)
    }

    fn text(&self, text: &AuthText) -> Result<String, ConfigError> {
        let mut out = String::new();
        for part in &text.0 {
            match part {
                AuthPart::Text(text) => out.push_str(text),
                AuthPart::Secret(name) => match self.secrets.get(name) {
                    Some(secret) => out.push_str(secret.expose_secret()),
                    None => return Err(missing("secrets", name)),
                },
                AuthPart::Var(name) => match self.vars.get(name) {
                    Some(Value::String(text)) => out.push_str(text),
                    Some(value @ (Value::Bool(_) | Value::Number(_))) => out.push_str(&value.to_string()),
                    _ => return Err(missing("vars", name)),
                },
            }
        }
        Ok(out)
    }

    fn table(&self, table: &BTreeMap<String, AuthText>) -> Result<Map<String, Value>, ConfigError> {
        table.iter().map(|(name, text)| Ok((name.clone(), Value::from(self.text(text)?)))).collect()
    }
}

fn missing(kind: &str, name: &str) -> ConfigError {
    ConfigError::at([kind, name], "is missing").hint("the definition's auth names it")
}

#[cfg(test)]
mod tests {
    use usher_vendor_client::Auth as Client;

    use super::*;

    fn with(auth: &str) -> Definition {
        let text = format!(
            "schema = 1\nbase_url = \"https://a.example\"\nauth = {auth}\nvars.tenant = \"acme\"\nvars.n = 7\n\
             [[lookup]]\nid = \"p\"\nget = \"/p\"\n[state]\naccount = \"true\"\n[[provision]]\npost = \"/p\"\n"
        );
        Definition::load(std::path::Path::new("a.toml"), &text).unwrap()
    }

    fn secrets() -> BTreeMap<String, SecretString> {
        ["token", "password"].map(|name| (name.to_owned(), SecretString::from("hunter2"))).into()
    }

    #[test]
    fn secrets_and_variables_are_filled_into_each_kind_of_credential_and_shown_in_none() {
        for (auth, names) in [
            ("{ type = \"bearer\", token = \"{{ secret.token }}\" }", vec!["token"]),
            (
                "{ type = \"basic\", username = \"usher\", password = \"{{ secret.password }}\" }",
                vec!["password"],
            ),
            ("{ type = \"basic\", username = \"{{ secret.token }}\", password = \"\" }", vec!["token"]),
            (
                "{ type = \"api_key\", header = \"X-Key\", value = \"{{ vars.tenant }}:{{ secret.token }}\" }",
                vec!["token"],
            ),
            ("{ type = \"api_key\", query = \"key\", value = \"{{ secret.token }}\" }", vec!["token"]),
            (
                "{ type = \"oauth2\", grant_type = \"client_credentials\", token_url = \"/t\", client_id = \"{{ vars.tenant }}\", client_secret = \"{{ secret.password }}\", extra = { n = \"{{ vars.n }}\" } }",
                vec!["password"],
            ),
            (
                "{ type = \"jwt\", algorithm = \"HS256\", key = \"{{ secret.password }}\", ttl = \"10m\", header = { kid = \"{{ secret.token }}\" }, claims = { iss = \"{{ vars.tenant }}\" } }",
                vec!["password", "token"],
            ),
            ("{ type = \"none\" }", vec![]),
        ] {
            let definition = with(auth);
            assert_eq!(definition.secrets().into_iter().collect::<Vec<_>>(), names, "{auth}");
            let credential = definition.credential(&secrets()).unwrap();
            let shown = format!("{credential:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn a_key_that_is_the_users_name_goes_out_as_rfc_7617_says() {
        let definition = with("{ type = \"basic\", username = \"{{ secret.token }}\", password = \"X\" }");
        let Client::ApiKey { header, key } = definition.credential(&secrets()).unwrap() else { panic!() };
        assert_eq!((header, key.expose_secret()), (AUTHORIZATION, "Basic aHVudGVyMjpY"));
    }

    #[test]
    fn what_is_beside_a_secret_is_filled_in() {
        let definition = with(
            "{ type = \"api_key\", header = \"X-Key\", value = \"{{ vars.tenant }}/{{ vars.n }} {{ secret.token }}\" }",
        );
        let Client::ApiKey { key, .. } = definition.credential(&secrets()).unwrap() else { panic!() };
        assert_eq!(key.expose_secret(), "acme/7 hunter2");
    }

    #[test]
    fn a_secret_that_is_not_there_is_named() {
        let error =
            with("{ type = \"bearer\", token = \"{{ secret.other }}\" }").credential(&secrets()).unwrap_err();
        assert_eq!(error.to_string(), "secrets.other: is missing (the definition's auth names it)");
    }
}
