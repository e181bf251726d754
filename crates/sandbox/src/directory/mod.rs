//! A stand-in of a home-grown directory of people and their roles, such as companies write for themselves.
//!
//! What it does that a toy does not: client credentials whose tokens end; a search that finds parts of addresses and of
//! names, in pages; a person who is there only after an operation has been asked for; roles that a `PUT` *replaces*;
//! and strictness about structure: an unknown key, a wrong type or a null is 400.

mod oauth;
mod people;
mod settings;
mod store;

use serde_json::{Value, json};

pub use settings::{
    CLIENT_ID, CLIENT_SECRET, DirectorySeed, DirectorySettings, OperationState, PersonSeed, PersonState,
};
pub(crate) use store::Directory;

use crate::exchange::{Reply, VendorRequest};
use crate::history::{Reading, Timeline};
use crate::operation::Operation;
use crate::stand_in::{Doing, StandIn};

/// Which operation a method and a path name, and the id in the path.
pub(crate) fn route<'a>(method: &str, segments: &[&'a str]) -> (Operation, Option<&'a str>) {
    match (method, segments) {
        ("POST", ["oauth", "token"]) => (Operation::DirectoryToken, None),
        ("GET", ["api", "users"]) => (Operation::SearchPeople, None),
        ("POST", ["api", "users"]) => (Operation::CreatePerson, None),
        ("GET", ["api", "operations", id]) => (Operation::ShowOperation, Some(id)),
        ("PUT", ["api", "users", id, "roles"]) => (Operation::ReplaceRoles, Some(id)),
        ("DELETE", ["api", "users", id]) => (Operation::DeletePerson, Some(id)),
        _ => (Operation::Unknown, None),
    }
}

fn refused(status: u16, code: &str, text: &str) -> Reply {
    Reply::json(status, json!({"error": {"code": code, "message": text}}))
}

fn not_found() -> Reply {
    refused(404, "not_found", "There is no such thing.")
}

impl Directory {
    fn answer(&mut self, doing: &mut Doing<'_>) -> Result<Reply, Reply> {
        if doing.request.operation() == Operation::DirectoryToken {
            return self.token(doing.request, doing.now);
        }
        self.authenticate(doing.request, doing.now)?;
        match doing.request.operation() {
            Operation::SearchPeople => self.search(doing),
            Operation::CreatePerson => self.create(doing),
            Operation::ShowOperation => self.show_operation(doing),
            Operation::ReplaceRoles => self.replace_roles(doing),
            Operation::DeletePerson => self.delete(doing),
            _ => Err(not_found()),
        }
    }
}

impl StandIn for Directory {
    fn handle(&mut self, doing: &mut Doing<'_>) -> Reply {
        self.pass_time(doing.now, doing.records);
        self.answer(doing).unwrap_or_else(|refusal| refusal)
    }

    fn timeline(&self) -> &Timeline {
        self.times()
    }

    fn revoke_tokens(&mut self) {
        self.tokens.clear();
    }

    /// By address.
    fn subject(&self, request: &VendorRequest) -> Option<String> {
        match request.operation() {
            Operation::SearchPeople => {
                request.parameter("search").filter(|text| text.contains('@')).map(str::to_lowercase)
            }
            Operation::CreatePerson => {
                let body = request.json()?;
                body.get("email").and_then(Value::as_str).map(str::to_lowercase)
            }
            Operation::ShowOperation => {
                let id = request.number()?;
                self.work.get(&id).map(|work| work.person.email.to_lowercase())
            }
            Operation::ReplaceRoles | Operation::DeletePerson => {
                self.person(request.number()?, Reading::Now).map(|person| person.email.to_lowercase())
            }
            _ => None,
        }
    }
}
