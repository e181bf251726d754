//! `POST /graphql`: the organisation's SAML identities, and no more.
//!
//! Which fields there are and which are null follows GitHub's published schema. What a filter compares was never published:
//! here `userName` is the `NameID` exactly, and `login` is without regard to case.

mod query;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::query::Field;
use super::body::node_id;
use super::errors::unparsable;
use super::model::Account;
use super::organisation::Organisation;
use super::settings::Saml;
use crate::exchange::{Reply, VendorRequest};
use crate::stand_in::{Doing, same_text};

/// Rows of a page at the most.
const MOST: i64 = 100;

#[derive(Debug, Deserialize)]
struct Sent {
    query: String,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
}

/// An entry of `errors`, and the place in the answer where it stands.
#[derive(Debug)]
struct Failure {
    kind: Option<&'static str>,
    path: Vec<String>,
    message: String,
}

fn failure(message: impl Into<String>) -> Failure {
    Failure { kind: None, path: Vec::new(), message: message.into() }
}

/// Whom a query asks for: the first of its variables that is an address or a login.
pub(super) fn asked_for(request: &VendorRequest) -> Option<String> {
    let body = request.json()?;
    let variables = body.get("variables")?.as_object()?;
    let texts = variables.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
    texts
        .clone()
        .find(|(_, text)| text.contains('@'))
        .or_else(|| texts.clone().find(|(name, _)| matches!(*name, "login" | "userName")))
        .map(|(_, text)| text.to_owned())
}

impl Organisation {
    pub(super) fn graphql(&self, doing: &Doing<'_>) -> Result<Reply, Reply> {
        let sent: Sent =
            doing.request.json().and_then(|body| serde_json::from_value(body).ok()).ok_or_else(unparsable)?;
        let answered = query::parse(&sent.query, &sent.variables.unwrap_or_default())
            .map_err(failure)
            .and_then(|fields| self.root(doing, &fields));
        // GraphQL says everything with 200.
        Ok(Reply::json(
            200,
            match answered {
                Ok(data) => json!({"data": data}),
                Err(Failure { kind, path, message }) => {
                    let mut error = json!({"message": message, "path": path});
                    if let (Value::Object(error), Some(kind)) = (&mut error, kind) {
                        error.insert("type".to_owned(), json!(kind));
                    }
                    let data: Map<String, Value> =
                        path.first().map(|name| (name.clone(), Value::Null)).into_iter().collect();
                    if data.is_empty() {
                        json!({"errors": [error]})
                    } else {
                        json!({"data": data, "errors": [error]})
                    }
                }
            },
        ))
    }

    fn root(&self, doing: &Doing<'_>, fields: &[Field]) -> Result<Value, Failure> {
        object(fields, "Query", |field| match field.name.as_str() {
            "organization" => {
                let login = field.arguments.get("login").and_then(Value::as_str).unwrap_or_default();
                if !same_text(login, &self.settings.org) {
                    return Err(Failure {
                        kind: Some("NOT_FOUND"),
                        path: vec![field.alias.clone()],
                        message: format!("Could not resolve to an Organization with the login of '{login}'."),
                    });
                }
                Ok(Some(self.organization(doing, field)?))
            }
            _ => Ok(None),
        })
    }

    fn organization(&self, doing: &Doing<'_>, field: &Field) -> Result<Value, Failure> {
        object(&field.fields, "Organization", |field| {
            Ok(Some(match field.name.as_str() {
                "login" => json!(self.settings.org),
                "id" => json!(format!("O_sandbox{}", self.id)),
                "databaseId" => json!(self.id),
                "samlIdentityProvider" if self.settings.saml != Saml::Organization => Value::Null,
                "samlIdentityProvider" => object(&field.fields, "OrganizationIdentityProvider", |field| {
                    Ok(Some(match field.name.as_str() {
                        "id" => json!("OIP_sandbox"),
                        "ssoUrl" | "issuer" => json!("https://idp.sandbox.example/saml"),
                        "externalIdentities" => self.identities(doing, field)?,
                        _ => return Ok(None),
                    }))
                })?,
                _ => return Ok(None),
            }))
        })
    }

    fn identities(&self, doing: &Doing<'_>, field: &Field) -> Result<Value, Failure> {
        let known = ["first", "after", "userName", "login", "membersOnly"];
        if let Some(unknown) = field.arguments.keys().find(|name| !known.contains(&name.as_str())) {
            let text = format!("Field 'externalIdentities' doesn't accept argument '{unknown}'");
            return Err(failure(text));
        }
        let first = field.arguments.get("first").and_then(Value::as_i64);
        let first = first.filter(|first| (1..=MOST).contains(first)).ok_or_else(|| Failure {
            kind: Some("MISSING_PAGINATION_BOUNDARIES"),
            path: Vec::new(),
            message: "You must provide a `first` or `last` value from 1 to 100 to properly paginate the \
                      `externalIdentities` connection."
                .to_owned(),
        })?;
        let text = |name: &str| field.arguments.get(name).and_then(Value::as_str);
        let after = match text("after") {
            None => 0,
            Some(cursor) => id_of(cursor)
                .ok_or_else(|| failure(format!("`{cursor}` does not appear to be a valid cursor.")))?,
        };
        let members_only = field.arguments.get("membersOnly").and_then(Value::as_bool).unwrap_or(false);
        let rows: Vec<Arc<Account>> = self
            .accounts(doing.reading)
            .filter(|account| account.saml_name_id.is_some())
            .filter(|account| {
                text("userName").is_none_or(|name| account.saml_name_id.as_deref() == Some(name))
            })
            .filter(|account| text("login").is_none_or(|login| same_text(login, &account.login)))
            .filter(|account| !members_only || account.member.is_some())
            .collect();
        let total = rows.len();
        let mut left = rows.into_iter().filter(|account| account.id > after);
        let shown: Vec<_> = left.by_ref().take(usize::try_from(first).unwrap_or(0)).collect();
        let nodes: Vec<Value> = shown.iter().map(|account| identity(account)).collect();
        let edge = |account: &Arc<Account>| json!({"cursor": cursor(account.id), "node": identity(account)});
        let whole = json!({
            "totalCount": total,
            "pageInfo": {
                "hasNextPage": left.next().is_some(),
                "hasPreviousPage": after > 0,
                "startCursor": shown.first().map(|account| cursor(account.id)),
                "endCursor": shown.last().map(|account| cursor(account.id)),
            },
            "edges": shown.iter().map(edge).collect::<Vec<_>>(),
            "nodes": nodes,
        });
        project(&whole, &field.fields, "ExternalIdentityConnection")
    }
}

/// The schema's `ExternalIdentity`.
fn identity(account: &Account) -> Value {
    let name_id = &account.saml_name_id;
    json!({
        "id": format!("EI_sandbox{}", account.id),
        "guid": format!("00000000-0000-4000-8000-{:012x}", account.id),
        "samlIdentity": {
            "nameId": name_id, "username": name_id, "givenName": null, "familyName": null,
        },
        "scimIdentity": null,
        "user": {"login": account.login, "databaseId": account.id, "id": node_id(account.id)},
    })
}

fn cursor(id: u64) -> String {
    URL_SAFE_NO_PAD.encode(format!("cursor:{id}"))
}

fn id_of(cursor: &str) -> Option<u64> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    text.strip_prefix("cursor:")?.parse().ok()
}

/// An object with the fields that were asked for; `None` for one that the type does not have.
fn object(
    fields: &[Field],
    kind: &str,
    value: impl Fn(&Field) -> Result<Option<Value>, Failure>,
) -> Result<Value, Failure> {
    if fields.is_empty() {
        return Err(failure(format!("Field must have selections (it returns {kind} but has no selections)")));
    }
    let mut found = Map::new();
    for field in fields {
        let absent = || failure(format!("Field '{}' doesn't exist on type '{kind}'", field.name));
        found.insert(field.alias.clone(), value(field)?.ok_or_else(absent)?);
    }
    Ok(Value::Object(found))
}

/// Of a whole value what was asked for.
fn project(whole: &Value, fields: &[Field], kind: &str) -> Result<Value, Failure> {
    match whole {
        Value::Array(rows) => rows.iter().map(|row| project(row, fields, kind)).collect(),
        Value::Object(held) => object(fields, kind, |field| match held.get(&field.name) {
            None => Ok(None),
            Some(value) => project(value, &field.fields, &field.name).map(Some),
        }),
        Value::Null => Ok(Value::Null),
        _ if !fields.is_empty() => {
            Err(failure(format!("Selections can't be made on scalars (field '{kind}')")))
        }
        scalar => Ok(scalar.clone()),
    }
}
