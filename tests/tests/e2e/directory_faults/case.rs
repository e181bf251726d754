//! One fault at one call.

use std::time::Duration;

use serde_json::json;
use usher_sandbox::{Call, CallEnd, Fault, Matcher, Operation, PersonSeed, Rule};

use crate::support::fault_table::{FaultCase, told};
use crate::support::{Answer, Payload, Row, Sandbox, Usher, about};

/// How long after its end a call may still have an effect: the definition's `settle`.
const SETTLED_AFTER: Duration = Duration::from_secs(15);

/// Where it goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Somebody new gets an account.
    Creation,
    /// Somebody who is there gets a role beside that of others.
    Roles,
    /// The role is taken again.
    RolesTaken,
    /// The account goes, after the role.
    AccountRemoved,
    /// Every search for the person, until Usher has answered.
    Reading,
    /// Every search after the role was given, until Usher has answered.
    ReadBack,
    /// The same after it was taken.
    ReadBackOfRemoval,
    /// The first question about an account that is being made.
    Poll,
    /// The first request for a token.
    Token,
}

#[derive(Clone, Debug)]
pub(super) struct Case {
    place: Place,
    fault: Fault,
    email: String,
}

impl Case {
    pub(super) fn new(place: Place, fault: Fault) -> Self {
        // An address that says which case it is, for whoever reads a failure.
        let case: String = format!("{place:?}-{fault:?}").to_lowercase();
        let plain: String = case.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        Self { place, fault, email: format!("{plain}@example.com") }
    }

    /// A change of which nobody knows what came must not be sent again while it may still arrive, whether or not the vendor
    /// would mind.
    async fn sent_too_early(&self, sandbox: &Sandbox, before: usize) -> Option<String> {
        let calls = sandbox.calls_about(&self.email).await;
        let changing: Vec<&Call> = calls.iter().skip(before).filter(|call| call.method != "GET").collect();
        let is_unknown = |call: &Call| {
            call.fault.is_some()
                && (call.end != Some(CallEnd::Answered) || call.status.is_some_and(|status| status >= 500))
        };
        let unknown = changing.iter().position(|call| is_unknown(call))?;
        let (first, next) = (changing[unknown], changing.get(unknown + 1)?);
        let (apart, settled) = (Duration::from_millis(next.at_ms - first.at_ms), SETTLED_AFTER);
        (next.operation == first.operation && apart < settled).then(|| {
            format!("{:?} was sent again after {apart:?}, and the first may still arrive", next.operation)
        })
    }

    /// Whether somebody was there already, with a role that others gave.
    fn is_of_somebody_known(&self) -> bool {
        !matches!(self.place, Place::Creation | Place::Poll)
    }

    fn takes(&self) -> bool {
        matches!(self.place, Place::RolesTaken | Place::AccountRemoved | Place::ReadBackOfRemoval)
    }

    /// Brings the person to where the case begins, and says what is to be sent.
    async fn prepare(&self, sandbox: &Sandbox, usher: &Usher) -> Payload {
        let email = &self.email;
        let app = if self.place == Place::AccountRemoved { "leavers" } else { "directory" };
        if self.is_of_somebody_known() {
            let people = [PersonSeed::with_roles(email, &["auditor"])];
            sandbox.seed_all(&json!({ "directory": { "people": people } })).await;
        }
        if !self.takes() {
            return Payload::grant(email, &["editing"]).app(app);
        }
        let granted = usher.send(&Payload::grant(email, &["editing"]).app(app)).await;
        let granted = usher.wait_until(&granted.id, |row| row.word() == "granted").await;
        assert_eq!(granted.word(), "granted");
        let named: &[&str] = if self.place == Place::AccountRemoved { &[] } else { &["editing"] };
        Payload::removal(email, named).app(app)
    }

    fn rule(&self) -> Rule {
        let email = &self.email;
        let fault = self.fault.clone();
        let once = |operation| Rule::once(about(operation, email), fault.clone());
        let search = || about(Operation::SearchPeople, email);
        match self.place {
            Place::Creation => once(Operation::CreatePerson),
            Place::Roles | Place::RolesTaken => once(Operation::ReplaceRoles),
            Place::AccountRemoved => once(Operation::DeletePerson),
            Place::Poll => once(Operation::ShowOperation),
            Place::Token => Rule::once(Matcher::operation(Operation::DirectoryToken), fault.clone()),
            Place::Reading => Rule::always(search(), fault),
            // The first reading looks once.
            Place::ReadBack | Place::ReadBackOfRemoval => Rule { skip: 1, ..Rule::always(search(), fault) },
        }
    }

    /// Whether the vendor really has what was asked for.
    async fn is_done(&self, sandbox: &Sandbox) -> bool {
        let roles = sandbox.directory_roles(&self.email).await;
        let edits = roles.as_ref().is_some_and(|roles| roles.iter().any(|role| role == "editor"));
        match self.place {
            Place::AccountRemoved => roles.is_none(),
            Place::RolesTaken | Place::ReadBackOfRemoval => !edits,
            _ => edits,
        }
    }

    /// Where it may end once the fault is over.
    fn may_end(&self, word: &str) -> bool {
        let done = if self.takes() { "removed" } else { "granted" };
        match (&self.fault, self.place) {
            // A person has to mend what forbids it.
            (Fault::Forbidden, _) => word == "needs-you",
            // The vendor does not know what is to be changed: a definite no. Of a removal Lumos never asks again.
            (Fault::ErrorBefore { status: 404 }, Place::Creation | Place::Roles) => word == "refused",
            (Fault::ErrorBefore { status: 404 }, Place::RolesTaken) => {
                matches!(word, "refused" | "needs-you")
            }
            // Of a poll, where 404 says that the operation is not listed: it may be done.
            (Fault::ErrorBefore { status: 404 }, Place::Poll) => word == done,
            // No answer that proves anything about anybody, and one that does not go away by itself.
            (
                Fault::ErrorBefore { status: 400..=499 } | Fault::ErrorAfter { status: 400..=499 },
                Place::Reading | Place::ReadBack | Place::ReadBackOfRemoval | Place::Poll,
            ) => word == "needs-you",
            // A credential that is refused twice is a person's to mend.
            (Fault::Unauthorized { .. }, Place::Reading) => word == "needs-you",
            _ => word == done,
        }
    }
}

impl FaultCase for Case {
    type Sent = Sent;

    async fn send(&self, sandbox: &Sandbox, usher: &Usher) -> Sent {
        let payload = self.prepare(sandbox, usher).await;
        let calls_before = sandbox.calls_about(&self.email).await.len();
        let effects_before = sandbox.effects_on(&self.email).await.len();
        let rule = sandbox.fault(self.rule()).await;
        let answer = usher.send(&payload).await;
        let was_there = self.is_done(sandbox).await;
        sandbox.clear(rule).await;
        Sent { answer, was_there, calls_before, effects_before }
    }

    fn answer(sent: &Sent) -> &Answer {
        &sent.answer
    }

    async fn troubles(&self, sandbox: &Sandbox, sent: &Sent, row: &Row) -> Vec<String> {
        let answer = &sent.answer;
        let case = format!("{:?} {:?}", self.place, self.fault);
        let (ended, mut troubles) = told(&case, answer, sent.was_there, row);
        if !self.may_end(row.word()) {
            troubles.push(format!("ended as {ended}"));
        }
        let says_so = matches!(row.word(), "granted" | "removed");
        if says_so != self.is_done(sandbox).await && row.word() != "needs-you" {
            let roles = sandbox.directory_roles(&self.email).await;
            troubles.push(format!("ended as {ended}; the vendor has {roles:?}"));
        }
        let met = match self.place {
            Place::Token => sandbox.calls().await,
            _ => sandbox.calls_about(&self.email).await,
        };
        if met.iter().all(|call| call.fault.is_none()) {
            troubles.push("the fault met nothing".to_owned());
        }
        troubles.extend(self.sent_too_early(sandbox, sent.calls_before).await);
        let mut seen = Vec::new();
        for effect in sandbox.effects_on(&self.email).await.into_iter().skip(sent.effects_before) {
            for change in effect.changes {
                if seen.contains(&change) {
                    troubles.push(format!("{change} happened twice"));
                }
                seen.push(change);
            }
        }
        if let Some(roles) = sandbox.directory_roles(&self.email).await
            && self.is_of_somebody_known()
            && !roles.iter().any(|role| role == "auditor")
        {
            // The one whose account goes loses what Usher gave, and then all of it.
            troubles.push(format!("what others gave is gone: {roles:?}"));
        }
        troubles
    }
}

/// What came of sending a case.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) answer: Answer,
    /// Whether the vendor had it when the answer came.
    was_there: bool,
    calls_before: usize,
    effects_before: usize,
}
