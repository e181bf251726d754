//! The calls themselves.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::store::{Cause, Directory, Person};
use super::{not_found, refused};
use crate::exchange::{Reply, VendorRequest};
use crate::history::Reading;
use crate::operation::Vendor;
use crate::stand_in::Doing;

/// Rows of one page at the most, and where nothing is said.
const MOST: usize = 100;
const USUAL: usize = 20;
/// Roles that one person has at the most.
const ROLES_MOST: usize = 100;

/// Whoever is to be created. Null is no name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPerson {
    email: String,
    #[serde(default, deserialize_with = "text")]
    given_name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    family_name: Option<String>,
    roles: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Roles {
    roles: Vec<String>,
}

fn text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    String::deserialize(from).map(Some)
}

fn bad(text: &str) -> Reply {
    refused(400, "bad_request", text)
}

fn body<T: DeserializeOwned>(request: &VendorRequest) -> Result<T, Reply> {
    let kind = request.headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
        return Err(refused(415, "unsupported_media_type", "The body must be application/json."));
    }
    serde_json::from_slice(&request.body).map_err(|error| bad(&format!("The body is not valid: {error}.")))
}

fn row(person: &Person) -> Value {
    json!({
        "id": person.id.to_string(),
        "email": person.email,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "roles": person.roles,
    })
}

impl Directory {
    /// `GET /api/users?search=&page=&size=`: parts of addresses and names, in any case.
    pub(super) fn search(&self, doing: &Doing<'_>) -> Result<Reply, Reply> {
        let request = doing.request;
        if request.query.iter().any(|(name, _)| !["search", "page", "size"].contains(&name.as_str())) {
            return Err(bad("The parameters are search, page and size."));
        }
        let number = |name: &str, usual: usize| match request.parameter(name) {
            None => Some(usual),
            Some(text) => text.parse::<usize>().ok().filter(|number| *number > 0),
        };
        let size = number("size", USUAL).filter(|size| *size <= MOST);
        let (Some(page), Some(size)) = (number("page", 1), size) else {
            return Err(bad("page and size must be positive numbers, and size at the most 100."));
        };
        let lag = Duration::from_millis(self.settings.search_lag_ms);
        let reading = match (doing.now.checked_sub(lag), doing.reading) {
            (Some(then), Reading::Now) if !lag.is_zero() => self.times().at(then),
            (None, Reading::Now) => Reading::AsOf(0),
            (_, reading) => reading,
        };
        let wanted = request.parameter("search").unwrap_or_default().to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&wanted);
        let hits: Vec<Value> = self
            .people(reading)
            .filter(|person| {
                let names = [&person.given_name, &person.family_name];
                has(&person.email) || names.into_iter().flatten().any(|name| has(name))
            })
            .map(|person| row(&person))
            .collect();
        let shown: Vec<&Value> = hits.iter().skip((page - 1).saturating_mul(size)).take(size).collect();
        Ok(Reply::json(200, json!({"pages": hits.len().div_ceil(size), "users": shown})))
    }

    /// `POST /api/users`: 202, and the person is there when the operation is done.
    pub(super) fn create(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let NewPerson { email, given_name, family_name, roles } = body(doing.request)?;
        if !email.contains('@') {
            return Err(bad("email is not valid."));
        }
        self.check(&roles)?;
        if self.bearer(&email).is_some() {
            return Err(refused(409, "conflict", "Somebody has this address already."));
        }
        let id = self.next_id();
        let person = Person { id, email, given_name, family_name, roles, gone: false };
        let operation = self.begin(doing, person);
        let path = format!("/api/operations/{operation}");
        let location = if self.settings.relative_location {
            format!("{}{path}", Vendor::Directory.prefix())
        } else {
            format!("{}{path}", doing.request.base_url)
        };
        Ok(Reply::json(202, json!({"operation": operation.to_string()})).with_header("location", location))
    }

    fn check(&self, roles: &[String]) -> Result<(), Reply> {
        if roles.len() > ROLES_MOST {
            return Err(bad("There are too many roles."));
        }
        for (place, role) in roles.iter().enumerate() {
            if !self.settings.roles.contains(role) {
                return Err(bad("A role is unknown."));
            }
            if roles.iter().take(place).any(|earlier| earlier == role) {
                return Err(bad("A role is named twice."));
            }
        }
        Ok(())
    }

    /// `GET /api/operations/{id}`.
    pub(super) fn show_operation(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let id = doing.request.number().ok_or_else(not_found)?;
        self.poll(id, doing.now, doing.records);
        let work = self.work.get(&id).ok_or_else(not_found)?;
        Ok(Reply::json(200, json!({"id": id.to_string(), "state": work.state})))
    }

    fn asked(&self, request: &VendorRequest) -> Result<Person, Reply> {
        let person = request.number().and_then(|id| self.person(id, Reading::Now)).ok_or_else(not_found)?;
        Ok(Person::clone(&person))
    }

    /// `PUT /api/users/{id}/roles`: whatever is not in the list is taken away.
    pub(super) fn replace_roles(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let person = self.asked(doing.request)?;
        let Roles { roles } = body(doing.request)?;
        self.check(&roles)?;
        let after = Person { roles, ..person };
        let cause = Cause::of(doing);
        self.commit(doing.now, doing.records, &cause, after.clone());
        Ok(Reply::json(200, row(&after)))
    }

    /// `DELETE /api/users/{id}`.
    pub(super) fn delete(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        let person = self.asked(doing.request)?;
        match self.settings.delete_takes_ms {
            Some(ms) => {
                self.let_go(doing, person.id, doing.now.saturating_add(Duration::from_millis(ms)));
                Ok(Reply::json(202, json!({})))
            }
            None => {
                let cause = Cause::of(doing);
                self.commit(doing.now, doing.records, &cause, Person { gone: true, ..person });
                Ok(Reply::empty(204))
            }
        }
    }
}
