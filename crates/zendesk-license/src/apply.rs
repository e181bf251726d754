//! One changing call.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use usher_core::{Action, Call, Fault, Handles, Receipt, Refusal, RefusalKind, Remedy, Sent, Subject, Watch};

use crate::api::{Api, role_fields};
use crate::change::{Change, JOB_WITHIN};
use crate::observe::USER_ID;
use crate::roles::Target;

/// How often a job in the background is asked for.
const JOB_EVERY: Duration = Duration::from_secs(2);
/// The key of a job's id in a watch.
pub(crate) const JOB: &str = "job";

/// Makes the call that an action stands for. What it answers proves nothing: only the next reading does.
pub(crate) async fn apply(api: &Api, call: &Call, who: &Subject, action: &Action) -> Result<Receipt, Fault> {
    let change = Change::deserialize(&action.args).map_err(|_| unknown(action))?;
    let nothing = Receipt::default();
    match change {
        Change::CreateUser { target, verify_email } => {
            let id = api.create_user(call, &new_user(who, &target, verify_email)).await?;
            Ok(Receipt { handles: Handles::from([(USER_ID.to_owned(), id.to_string())]), watch: None })
        }
        Change::SetRole { user_id, target, unsuspend } => {
            api.set_role(call, user_id, &target, unsuspend).await.map(|()| nothing)
        }
        Change::SetSuspended { user_id, suspended } => {
            api.set_suspended(call, user_id, suspended).await.map(|()| nothing)
        }
        Change::JoinGroup { user_id, group_id } => {
            api.create_membership(call, user_id, group_id).await.map(|()| nothing)
        }
        Change::LeaveGroup { membership_id } => {
            api.delete_membership(call, membership_id).await.map(|()| nothing)
        }
        Change::ReassignTickets { tickets, to } => {
            let job = api.reassign(call, &tickets, to).await?;
            let watch = Watch {
                facets: BTreeSet::new(),
                args: json!({ JOB: job }),
                every: JOB_EVERY,
                within: JOB_WITHIN,
            };
            Ok(Receipt { handles: Handles::new(), watch: Some(watch) })
        }
        Change::DeleteUser { user_id } => api.delete_user(call, user_id).await.map(|()| nothing),
    }
}

/// The fields of a new user. They are made here, so that no journaled action names a person.
fn new_user(who: &Subject, target: &Target, verify_email: bool) -> Map<String, Value> {
    let mut fields = role_fields(target);
    fields.insert("email".to_owned(), json!(who.email));
    fields.insert("name".to_owned(), json!(display_name(who)));
    fields.insert("skip_verify_email".to_owned(), json!(!verify_email));
    fields
}

/// Zendesk wants a name: the person's, else what stands before the @.
fn display_name(who: &Subject) -> String {
    let names = [who.given_name.as_deref(), who.family_name.as_deref()];
    let names: Vec<&str> =
        names.into_iter().flatten().map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        who.email.split('@').next().unwrap_or(&who.email).to_owned()
    } else {
        names.join(" ")
    }
}

/// An action of another version of Usher.
fn unknown(action: &Action) -> Fault {
    let sentence = "This version of Usher does not know how to make this change: run the request again, so that it is planned anew.";
    let refusal = Refusal::new(RefusalKind::Other, sentence);
    Fault::new("apply", Sent::No, Remedy::Refused(refusal)).with("action", action.name.clone())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn person(given: Option<&str>, family: Option<&str>) -> Subject {
        Subject {
            email: "ada@example.com".to_owned(),
            given_name: given.map(str::to_owned),
            family_name: family.map(str::to_owned),
            custom_fields: BTreeMap::new(),
        }
    }

    #[test]
    fn a_new_user_bears_the_persons_name_or_what_stands_before_the_at() {
        assert_eq!(display_name(&person(Some("Ada"), Some("Lovelace"))), "Ada Lovelace");
        assert_eq!(display_name(&person(None, Some("Lovelace"))), "Lovelace");
        assert_eq!(display_name(&person(Some(" "), None)), "ada");
    }
}
