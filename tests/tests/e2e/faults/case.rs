//! One fault at one place.

use std::collections::BTreeMap;
use std::time::Duration;

use usher_sandbox::{Call, CallEnd, Fault, Matcher, Operation, Role, Rule, UserSeed};

use crate::support::fault_table::{FaultCase, told};
use crate::support::{Answer, Payload, Row, Sandbox, Usher, about};

/// How long after its end a call to Zendesk may still have an effect.
const SETTLED_AFTER: Duration = Duration::from_secs(15);

/// Where it goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// An end-user becomes an agent; the fault meets that one call.
    Promotion,
    /// The same with a group; the fault meets the joining.
    Group,
    /// Somebody new is created.
    Creation,
    /// An agent goes back to end-user.
    Removal,
    /// Every reading of the person, until Usher has answered.
    Reading,
    /// Every reading of the person after the change, until Usher has answered.
    ReadBack,
    /// The same of a removal.
    ReadBackOfRemoval,
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
    async fn sent_too_early(&self, sandbox: &Sandbox) -> Option<String> {
        let calls = sandbox.calls_about(&self.email).await;
        let changing: Vec<&Call> = calls.iter().filter(|call| call.method != "GET").collect();
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

    /// Brings the person to where the case begins, and says what is to be sent.
    async fn prepare(&self, sandbox: &Sandbox, usher: &Usher) -> Payload {
        let email = &self.email;
        if self.place != Place::Creation {
            sandbox.seed_users(&[UserSeed::end_user(email)]).await;
        }
        match self.place {
            Place::Group => Payload::grant(email, &["support_agent"]),
            Place::Promotion | Place::Creation | Place::Reading | Place::ReadBack => {
                Payload::grant(email, &["agent"])
            }
            Place::Removal | Place::ReadBackOfRemoval => {
                let granted = usher.send(&Payload::grant(email, &["agent"])).await;
                let granted = usher.wait_until(&granted.id, |row| row.word() == "granted").await;
                assert_eq!(granted.word(), "granted");
                Payload::removal(email, &["agent"])
            }
        }
    }

    fn rule(&self) -> Rule {
        let email = &self.email;
        let fault = self.fault.clone();
        match self.place {
            Place::Promotion | Place::Removal => Rule::once(about(Operation::UpdateUser, email), fault),
            Place::Group => Rule::once(about(Operation::CreateMembership, email), fault),
            Place::Creation => Rule::once(about(Operation::CreateUser, email), fault),
            Place::Reading => {
                let readings = Matcher { method: Some("GET".to_owned()), ..Matcher::default() };
                Rule::always(readings.about(email), fault)
            }
            // The first reading looks at the user once.
            Place::ReadBack | Place::ReadBackOfRemoval => {
                Rule { skip: 1, ..Rule::always(about(Operation::ShowUser, email), fault) }
            }
        }
    }

    /// Whether the vendor really has what was asked for.
    async fn is_done(&self, sandbox: &Sandbox) -> bool {
        let user = sandbox.user(&self.email).await;
        match self.place {
            Place::Removal | Place::ReadBackOfRemoval => user.is_none_or(|user| user.role == Role::EndUser),
            Place::Group => user.is_some_and(|user| {
                user.role == Role::Agent && user.groups.iter().any(|group| group == "Tier 1")
            }),
            _ => user.is_some_and(|user| user.role == Role::Agent),
        }
    }

    /// Where it may end once the fault is over.
    fn may_end(&self, word: &str) -> bool {
        let done = match self.place {
            Place::Removal | Place::ReadBackOfRemoval => "removed",
            _ => "granted",
        };
        match (&self.fault, self.place) {
            // Nothing was given, and a person has to mend what forbids it.
            (Fault::Forbidden, Place::Promotion | Place::Group | Place::Creation | Place::Reading) => {
                word == "refused"
            }
            // Something was sent, and nobody could look what came of it; or a removal, which Lumos never asks for again.
            (Fault::Forbidden, _) => word == "needs-you",
            // The vendor went on showing a state in which the change is not there, having accepted it.
            (Fault::Stale { .. }, _) => word == "needs-you" || word == done,
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
        let effects_before = sandbox.effects_on(&self.email).await.len();
        let rule = sandbox.fault(self.rule()).await;
        let answer = usher.send(&payload).await;
        let was_there = self.is_done(sandbox).await;
        sandbox.clear(rule).await;
        Sent { answer, was_there, effects_before }
    }

    fn answer(sent: &Sent) -> &Answer {
        &sent.answer
    }

    async fn troubles(&self, sandbox: &Sandbox, sent: &Sent, row: &Row) -> Vec<String> {
        let Sent { answer, was_there, effects_before } = sent;
        let case = format!("{:?} {:?}", self.place, self.fault);
        let (ended, mut troubles) = told(&case, answer, *was_there, row);
        if !self.may_end(row.word()) {
            troubles.push(format!("ended as {ended}"));
        }
        let says_so = matches!(row.word(), "granted" | "removed");
        if says_so != self.is_done(sandbox).await && row.word() != "needs-you" {
            troubles.push(format!("ended as {ended}; the vendor has {:?}", sandbox.user(&self.email).await));
        }
        if sandbox.calls_about(&self.email).await.iter().all(|call| call.fault.is_none()) {
            troubles.push("the fault met nothing".to_owned());
        }
        troubles.extend(self.sent_too_early(sandbox).await);
        let mut by_operation = BTreeMap::new();
        for effect in sandbox.effects_on(&self.email).await.into_iter().skip(*effects_before) {
            by_operation.entry(format!("{:?}", effect.operation)).or_insert_with(Vec::new).push(effect.what);
        }
        for (operation, effects) in by_operation.iter().filter(|(_, effects)| effects.len() > 1) {
            troubles.push(format!("{operation} happened {} times: {effects:?}", effects.len()));
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
    effects_before: usize,
}
