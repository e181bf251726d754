//! One fault at one place of a membership of a GitHub organisation.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use usher_sandbox::{AccountSeed, Call, CallEnd, Fault, InvitationStatus, Matcher, Operation, OrgRole, Rule};

use crate::support::fault_table::{FaultCase, told};
use crate::support::{Answer, Payload, Row, Sandbox, Usher, about};

/// How long after its end a call to GitHub may still have an effect.
const SETTLED_AFTER: Duration = Duration::from_secs(15);

/// Where it goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// An address that no account is linked with is invited.
    InviteAddress,
    /// An account that is no member is invited.
    InviteAccount,
    /// A member joins a team.
    Join,
    /// A member becomes an owner.
    Promote,
    /// A member leaves a team and stays a member.
    Leave,
    /// A member is removed.
    Remove,
    /// An open invitation to an address is cancelled.
    Cancel,
    /// Every reading about a member who joins a team, until Usher has answered.
    Reading,
    /// Every reading about a member who was removed, until Usher has answered.
    ReadBackOfRemoval,
}

impl Place {
    pub(super) const WRITES: [Self; 7] = [
        Self::InviteAddress,
        Self::InviteAccount,
        Self::Join,
        Self::Promote,
        Self::Leave,
        Self::Remove,
        Self::Cancel,
    ];

    fn is_removal(self) -> bool {
        matches!(self, Self::Leave | Self::Remove | Self::Cancel | Self::ReadBackOfRemoval)
    }

    fn is_invitation(self) -> bool {
        matches!(self, Self::InviteAddress | Self::InviteAccount)
    }

    fn operation(self) -> Operation {
        match self {
            Self::InviteAddress | Self::InviteAccount => Operation::CreateInvitation,
            Self::Join => Operation::SetTeamMembership,
            Self::Promote => Operation::SetOrgMembership,
            Self::Leave => Operation::RemoveTeamMembership,
            Self::Remove => Operation::RemoveOrgMembership,
            Self::Cancel => Operation::CancelInvitation,
            Self::Reading | Self::ReadBackOfRemoval => Operation::ShowOrgMembership,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Case {
    place: Place,
    fault: Fault,
    email: String,
    login: String,
}

impl Case {
    pub(super) fn new(number: usize, place: Place, fault: Fault) -> Self {
        let email = format!("person-{number}@example.com");
        Self { place, fault, email, login: format!("login-{number}") }
    }

    /// Brings the person to where the case begins, and says what is to be sent.
    async fn prepare(&self, sandbox: &Sandbox, usher: &Usher) -> Payload {
        let (login, email) = (&self.login, self.email.as_str());
        let seed = match self.place {
            Place::InviteAddress | Place::InviteAccount | Place::Cancel => AccountSeed::outside(login, email),
            _ => AccountSeed::member(login, email),
        };
        let unlinked = matches!(self.place, Place::InviteAddress | Place::Cancel);
        let seed = AccountSeed { saml_name_id: (!unlinked).then(|| email.to_owned()), ..seed };
        sandbox.seed_all(&json!({ "github": { "accounts": [seed] } })).await;
        let grant = |permission| Payload::grant(email, &[permission]).app("github");
        let before: &[&str] = match self.place {
            Place::Leave => &["member", "engineering"],
            Place::Remove | Place::Cancel | Place::ReadBackOfRemoval => &["engineering"],
            _ => &[],
        };
        for permission in before {
            let answer = usher.send(&grant(permission)).await;
            usher.wait_until(&answer.id, |row| row.word() == "granted").await;
        }
        match self.place {
            Place::Promote => grant("owner"),
            // The membership was there before, so that it has to be named (rule 14).
            Place::Remove | Place::ReadBackOfRemoval => {
                Payload::removal(email, &["engineering", "member"]).app("github")
            }
            place if place.is_removal() => Payload::removal(email, &["engineering"]).app("github"),
            _ => grant("engineering"),
        }
    }

    fn rule(&self) -> Rule {
        let rule = Rule::once(about(self.place.operation(), &self.email), self.fault.clone());
        match self.place {
            Place::Reading => {
                let readings = Matcher { method: Some("GET".to_owned()), ..Matcher::default() };
                Rule::always(readings.about(&self.email), self.fault.clone())
            }
            // The first reading looks at the membership once.
            Place::ReadBackOfRemoval => Rule { skip: 1, times: None, ..rule },
            _ => rule,
        }
    }

    /// Whether GitHub really has what was asked for, or nothing of it any more.
    async fn is_so(&self, sandbox: &Sandbox) -> bool {
        let account = sandbox.account(&self.login).await;
        let invited = self.pending(sandbox).await > 0;
        let in_team = account.teams.contains_key("engineering");
        match self.place {
            Place::InviteAddress | Place::InviteAccount => invited,
            Place::Join | Place::Reading => in_team,
            Place::Promote => account.member == Some(OrgRole::Admin),
            Place::Leave => !in_team && account.member.is_some(),
            Place::Remove | Place::Cancel | Place::ReadBackOfRemoval => !invited && account.member.is_none(),
        }
    }

    async fn pending(&self, sandbox: &Sandbox) -> usize {
        let all = sandbox.invitations().await;
        let own = all.iter().filter(|one| {
            one.email.as_deref() == Some(&self.email) || one.login.as_deref() == Some(&self.login)
        });
        own.filter(|one| one.status == InvitationStatus::Pending).count()
    }

    /// Whether GitHub said that it has done nothing, so that the same may be sent at once.
    fn surely_did_nothing(&self) -> bool {
        matches!(
            self.fault,
            Fault::Throttle { .. }
                | Fault::SecondaryLimit { .. }
                | Fault::PrimaryLimit { .. }
                | Fault::Unauthorized { .. }
        )
    }

    /// Where it may end once the fault is over.
    fn may_end(&self, word: &str) -> bool {
        let done = if self.place.is_removal() { "removed" } else { "granted" };
        let needs_you = word == "needs-you";
        match &self.fault {
            // A grant of which nothing was given; a removal is a person's to finish, since Lumos never asks for it again.
            Fault::Forbidden if self.place == Place::ReadBackOfRemoval || self.place.is_removal() => {
                needs_you
            }
            Fault::Forbidden => word == "refused",
            Fault::Unauthorized { .. } if self.place == Place::Reading => needs_you,
            Fault::Stale { .. } => needs_you || word == done,
            // It may have been sent: nobody gets a second mail within the day, and nobody can tell (rules 23, 24).
            _ if self.place.is_invitation() => needs_you || word == done,
            // Cancelled, and the answer was lost: whether it was accepted instead nobody can tell (rule 23).
            _ if self.place == Place::Cancel => needs_you || word == done,
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
        let was_so = self.is_so(sandbox).await;
        sandbox.clear(rule).await;
        Sent { answer, was_so, effects_before }
    }

    fn answer(sent: &Sent) -> &Answer {
        &sent.answer
    }

    async fn troubles(&self, sandbox: &Sandbox, sent: &Sent, row: &Row) -> Vec<String> {
        let Sent { answer, was_so, effects_before } = sent;
        let case = format!("{:?} {:?}", self.place, self.fault);
        let (ended, mut troubles) = told(&case, answer, *was_so, row);
        if !self.may_end(row.word()) {
            troubles.push(format!("ended as {ended}"));
        }
        let says_so = matches!(row.word(), "granted" | "removed");
        if says_so != self.is_so(sandbox).await && row.word() != "needs-you" {
            troubles.push(format!("ended as {ended}; GitHub has {:?}", sandbox.account(&self.login).await));
        }
        let calls = sandbox.calls_about(&self.email).await;
        if calls.iter().all(|call| call.fault.is_none()) {
            troubles.push("the fault met nothing".to_owned());
        }
        troubles.extend(sent_too_early(&calls));
        let mut by_operation: BTreeMap<String, usize> = BTreeMap::new();
        for effect in sandbox.effects_on(&self.email).await.into_iter().skip(*effects_before) {
            *by_operation.entry(format!("{:?}", effect.operation)).or_default() += 1;
        }
        for (operation, times) in by_operation.iter().filter(|(_, times)| **times > 1) {
            troubles.push(format!("{operation} happened {times} times"));
        }
        if self.place.is_invitation() {
            let sent = calls.iter().filter(|call| call.operation == Operation::CreateInvitation).count();
            let may = if self.surely_did_nothing() { 2 } else { 1 };
            if sent > may {
                troubles.push(format!("the invitation was sent {sent} times (rule 24)"));
            }
        }
        troubles
    }
}

/// A change of which nobody knows what came must not be sent again while it may still arrive.
fn sent_too_early(calls: &[Call]) -> Option<String> {
    let changing: Vec<&Call> =
        calls.iter().filter(|call| call.method != "GET" && call.operation != Operation::Graphql).collect();
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

/// What came of sending a case.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) answer: Answer,
    /// Whether GitHub had it so when the answer came.
    was_so: bool,
    effects_before: usize,
}
