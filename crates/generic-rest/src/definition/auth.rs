//! `auth`: the one place where secrets are named.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use toml::de::DeValue;
use usher_toml_reader::{Item, Section, did_you_mean};

use super::limits;
use super::model::{Auth, AuthPart, AuthText};
use super::reader::{Reader, is_name};
use super::request::header_name;

/// The algorithms of `jwt` (RFC 7518, 3.1, and RFC 8037).
pub(crate) const ALGORITHMS: [&str; 12] = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
    "EdDSA",
];

#[derive(Clone, Copy)]
enum Kind {
    None,
    Bearer,
    Basic,
    ApiKey,
    OAuth2,
    Jwt,
}

const KINDS: [(&str, Kind); 6] = [
    ("bearer", Kind::Bearer),
    ("basic", Kind::Basic),
    ("api_key", Kind::ApiKey),
    ("oauth2", Kind::OAuth2),
    ("jwt", Kind::Jwt),
    ("none", Kind::None),
];
const KINDS_NOT_BUILT: [&str; 3] = ["session", "mtls", "hmac"];
const GRANTS_NOT_BUILT: [&str; 3] = ["refresh_token", "password", "jwt_bearer"];

/// Whether a text holds what nobody else may know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// One at least.
    Secret,
    /// Perhaps.
    Anything,
    /// Never: it is shown where the credential is.
    Nothing,
}

/// Reads `auth`.
pub(super) fn auth<'t>(
    reader: &mut Reader<'t>,
    root: &mut Section<'t>,
    vars: &BTreeMap<String, Value>,
) -> Option<Auth> {
    let item = root.need(
        "auth",
        "write auth = { type = \"bearer\", token = \"{{ secret.token }}\" }",
        &mut reader.notes,
    )?;
    let mut section = item.section(&mut reader.notes)?;
    let kind = section.need("type", "write type = \"bearer\"", &mut reader.notes)?;
    let found = reader.word(&kind, &KINDS, &KINDS_NOT_BUILT)?;
    let mut part = Part { reader, section: &mut section, vars };
    let auth = match found {
        Kind::None => Some(Auth::None),
        Kind::Bearer => part.need("token", Holds::Secret).map(|token| Auth::Bearer { token }),
        Kind::Basic => basic(&mut part),
        Kind::ApiKey => api_key(&mut part),
        Kind::OAuth2 => oauth2(&mut part),
        Kind::Jwt => jwt(&mut part),
    };
    section.finish(&mut reader.notes);
    auth
}

struct Part<'r, 't> {
    reader: &'r mut Reader<'t>,
    section: &'r mut Section<'t>,
    vars: &'r BTreeMap<String, Value>,
}

impl<'t> Part<'_, 't> {
    fn need(&mut self, key: &'static str, holds: Holds) -> Option<AuthText> {
        let hint = match holds {
            Holds::Secret => format!("write {key} = \"{{{{ secret.{key} }}}}\""),
            Holds::Anything | Holds::Nothing => format!("write {key} = \"…\""),
        };
        let item = self.section.need(key, &hint, &mut self.reader.notes)?;
        self.text(&item, holds)
    }

    fn take(&mut self, key: &'static str) -> Option<Item<'t>> {
        self.section.take(key)
    }

    /// A text of literals, `{{ secret.NAME }}` and `{{ vars.NAME }}`. It is never quoted: it may be a secret written out.
    fn text(&mut self, item: &Item<'t>, holds: Holds) -> Option<AuthText> {
        item.hide(&mut self.reader.notes);
        let text = self.reader.text(item, "\"{{ secret.NAME }}\"", limits::EXPRESSION)?;
        let parts = match parts(text) {
            Ok(parts) => parts,
            Err(message) => {
                self.reader.wrong(
                    item,
                    message,
                    "in auth, write {{ secret.NAME }} or {{ vars.NAME }} and nothing else in braces",
                );
                return None;
            }
        };
        let parts = AuthText(parts);
        if holds == Holds::Secret && !has_secret(&parts) {
            written_out(self.reader, item);
            return None;
        }
        if holds == Holds::Nothing && has_secret(&parts) {
            self.reader.wrong(item, "is no secret", "write it out, or put it into vars");
            return None;
        }
        for part in &parts.0 {
            if let AuthPart::Var(name) = part {
                self.var(item, name)?;
            }
        }
        Some(parts)
    }

    fn var(&mut self, item: &Item<'t>, name: &str) -> Option<()> {
        match self.vars.get(name) {
            Some(Value::String(_) | Value::Bool(_)) => Some(()),
            Some(Value::Number(number)) if number.is_i64() => Some(()),
            Some(_) => {
                self.reader.wrong(
                    item,
                    format!("puts vars.{name} into a text, and it is no text, whole number or boolean"),
                    "use one that is",
                );
                None
            }
            None => {
                let known: Vec<&str> = self.vars.keys().map(String::as_str).collect();
                let hint = did_you_mean(name, &known);
                self.reader.wrong(item, format!("names vars.{name}, which is not there"), hint);
                None
            }
        }
    }

    fn pairs(&mut self, key: &'static str) -> Option<Vec<(String, AuthText)>> {
        let Some(item) = self.take(key) else { return Some(Vec::new()) };
        let entries = self.reader.entries(&item, limits::NAMES)?;
        let pairs: Vec<Option<(String, AuthText)>> = entries
            .iter()
            .map(|one| Some((one.name().to_owned(), self.text(one, Holds::Anything)?)))
            .collect();
        pairs.into_iter().collect()
    }

    fn table(&mut self, key: &'static str) -> Option<BTreeMap<String, AuthText>> {
        self.pairs(key).map(|pairs| pairs.into_iter().collect())
    }
}

/// One of the two is the secret: with some vendors the key is the user's name, and the password is a letter or nothing.
fn basic(part: &mut Part<'_, '_>) -> Option<Auth> {
    let username = part.need("username", Holds::Anything);
    let hint = "write password = \"{{ secret.password }}\"";
    let password = part.section.need("password", hint, &mut part.reader.notes)?;
    let filled = match password.value {
        DeValue::String(text) if text.is_empty() => AuthText(Vec::new()),
        _ => part.text(&password, Holds::Anything)?,
    };
    let username = username?;
    if !has_secret(&username) && !has_secret(&filled) {
        written_out(part.reader, &password);
        return None;
    }
    Some(Auth::Basic { username, password: filled })
}

fn has_secret(text: &AuthText) -> bool {
    text.0.iter().any(|part| matches!(part, AuthPart::Secret(_)))
}

fn written_out(reader: &mut Reader<'_>, item: &Item<'_>) {
    let name = item.name();
    reader.wrong(
        item,
        "is a secret that is written out",
        format!("write {name} = \"{{{{ secret.{name} }}}}\" and say in usher.toml where it stands; the one that stands here is to be replaced at the vendor"),
    );
}

fn api_key(part: &mut Part<'_, '_>) -> Option<Auth> {
    let value = part.need("value", Holds::Secret);
    match (part.take("header"), part.take("query")) {
        (Some(header), None) => {
            let name = part.reader.plain(&header, "\"X-Api-Key\"", limits::NAME)?;
            // The vendor client sets `Authorization` for us, whatever scheme stands in the value.
            let header = if name.eq_ignore_ascii_case("authorization") {
                http::header::AUTHORIZATION
            } else {
                header_name(part.reader, &header, name)?
            };
            Some(Auth::ApiKeyHeader { header, value: value? })
        }
        (None, Some(query)) => {
            let query = part.reader.plain(&query, "\"api_key\"", limits::NAME)?.to_owned();
            Some(Auth::ApiKeyQuery { query, value: value? })
        }
        (Some(_), Some(query)) => {
            part.reader.wrong_key(&query, "stands beside header", "keep one of them");
            None
        }
        (None, None) => {
            part.reader.missing(
                part.section,
                "header",
                "is missing",
                "write header = \"X-Api-Key\", or query = \"api_key\"",
            );
            None
        }
    }
}

fn oauth2(part: &mut Part<'_, '_>) -> Option<Auth> {
    part.section.not_built("refresh_on", &mut part.reader.notes);
    let hint = "write grant_type = \"client_credentials\"";
    let grant = part.section.need("grant_type", hint, &mut part.reader.notes);
    let grant =
        grant.and_then(|item| part.reader.word(&item, &[("client_credentials", ())], &GRANTS_NOT_BUILT));
    let token_url =
        part.section.need("token_url", "write token_url = \"/oauth/token\"", &mut part.reader.notes);
    let token_url = token_url.and_then(|item| token_url_of(part.reader, &item));
    let client_id = part.need("client_id", Holds::Nothing);
    let client_secret = part.need("client_secret", Holds::Secret);
    let by = part.take("secret_by");
    let secret_by_basic = match by {
        // RFC 6749, 2.3.1: the way that every server has to support.
        None => Some(true),
        Some(item) => item.one_of(&[("basic", true), ("post", false)], &mut part.reader.notes),
    };
    let scopes = match part.take("scopes") {
        None => Some(Vec::new()),
        Some(item) => scopes(part.reader, &item),
    };
    let audience = part.take("audience").map(|item| part.text(&item, Holds::Anything));
    let extra = part.pairs("extra");
    let mut parameters = Vec::new();
    if let Some(audience) = audience {
        parameters.push(("audience".to_owned(), audience?));
    }
    parameters.extend(extra?);
    grant?;
    Some(Auth::ClientCredentials {
        token_url: token_url?,
        client_id: client_id?,
        client_secret: client_secret?,
        secret_by_basic: secret_by_basic?,
        scopes: scopes?,
        extra: parameters,
    })
}

fn scopes(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<Vec<String>> {
    let texts = item.texts("[\"users:write\"]", &mut reader.notes)?;
    let mut scopes = Vec::with_capacity(texts.len());
    for (item, text) in texts {
        // RFC 6749, 3.3: what is not this would be two scopes, or none.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || super::reader::has_marks(text) {
            reader.wrong(&item, "is not a scope", "write one scope in each text, without blanks");
            return None;
        }
        scopes.push(text.to_owned());
    }
    Some(scopes)
}

fn token_url_of<'t>(reader: &mut Reader<'t>, item: &Item<'t>) -> Option<String> {
    let text = reader.plain(item, "\"/oauth/token\"", limits::WORDS)?;
    if text.starts_with('/') && !text.starts_with("//") {
        return Some(text.to_owned());
    }
    super::load::check_url(reader, item, text).map(|()| text.to_owned())
}

fn jwt(part: &mut Part<'_, '_>) -> Option<Auth> {
    let algorithm = part.section.need("algorithm", "write algorithm = \"ES256\"", &mut part.reader.notes);
    let known = ALGORITHMS.map(|name| (name, name));
    let algorithm = algorithm.and_then(|item| item.one_of(&known, &mut part.reader.notes));
    let key = part.need("key", Holds::Secret);
    let header = part.table("header");
    let claims = part.table("claims");
    let ttl = part.section.need("ttl", "write ttl = \"10m\"", &mut part.reader.notes);
    let ttl = ttl.and_then(|item| {
        item.duration(Duration::from_secs(10), Duration::from_hours(24), &mut part.reader.notes)
    });
    Some(Auth::Jwt {
        algorithm: algorithm?.to_owned(),
        key: key?,
        header: header?,
        claims: claims?,
        ttl: ttl?,
    })
}

/// The parts of a text of `auth`.
fn parts(text: &str) -> Result<Vec<AuthPart>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (hole, after) = after.split_once("}}").ok_or("has a hole that is not closed")?;
        literal(before, &mut parts)?;
        let part = match hole.trim().split_once('.') {
            Some(("secret", name)) if is_name(name) => AuthPart::Secret(name.to_owned()),
            Some(("vars", name)) if is_name(name) => AuthPart::Var(name.to_owned()),
            _ => return Err("has a hole that is neither a secret nor a variable".to_owned()),
        };
        parts.push(part);
        rest = after;
    }
    literal(rest, &mut parts)?;
    Ok(parts)
}

fn literal(text: &str, parts: &mut Vec<AuthPart>) -> Result<(), String> {
    if super::reader::has_marks(text) || text.contains("}}") {
        return Err("has braces that are no hole".to_owned());
    }
    if !text.is_empty() {
        parts.push(AuthPart::Text(text.to_owned()));
    }
    Ok(())
}
