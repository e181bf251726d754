//! What went wrong with a call, in one place.
//!
//! An answer's own words are never shown: careless vendors quote addresses and credentials.

use jiff::Timestamp;
use usher_core::{Fault, Refusal, RefusalKind, Remedy, Sent};
use usher_vendor_client::{FailureKind, VendorFailure, VendorResponse, retry_after};

use crate::definition::{Class, Request, Target};
use crate::expression::{EvalError, EvalErrorKind, Part};

/// A call of a definition: its block's name, what it sends, and whether that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// `look-up person`, `provision 1`.
    pub(crate) name: String,
    /// `POST /api/users/{person.hit.id}`.
    pub(crate) call: String,
    pub(crate) changes: bool,
}

impl Operation {
    pub(crate) fn read(name: impl Into<String>, request: &Request) -> Self {
        Self { name: name.into(), call: shown(request), changes: false }
    }

    pub(crate) fn change(name: impl Into<String>, request: &Request) -> Self {
        Self { name: name.into(), call: shown(request), changes: true }
    }

    fn path(&self) -> &str {
        self.call.split_once(' ').map_or(self.call.as_str(), |(_, path)| path)
    }

    fn fault(&self, sent: Sent, remedy: Remedy) -> Fault {
        Fault::new(self.name.clone(), sent, remedy).with("path", self.path())
    }

    /// No answer could be had.
    pub(crate) fn unanswered(&self, failure: VendorFailure) -> Fault {
        let mistaken = failure.kind == FailureKind::Request && !self.changes;
        let fault = failure.into_fault(self.name.clone(), self.path());
        // A request that only reads and cannot be made: the definition's mistake, or something in the person's data.
        if mistaken { Fault { remedy: Remedy::Person, ..fault } } else { fault }
    }

    /// The request cannot be written from the values that there are. Nothing was sent.
    pub(crate) fn unwritable(&self, error: &EvalError) -> Fault {
        self.fault(Sent::No, Remedy::Refused(self.cannot_be_written(error)))
    }

    /// The refusal of a request that cannot be written: something about the person is missing, or cannot stand where it should.
    pub(crate) fn cannot_be_written(&self, error: &EvalError) -> Refusal {
        let kind = match error.kind {
            EvalErrorKind::Ambiguous { .. } => RefusalKind::Ambiguous,
            _ => RefusalKind::Invalid,
        };
        let what = if self.changes { format!("step “{}”", self.name) } else { self.name.clone() };
        Refusal::new(kind, format!("The {what} cannot be written: {error}."))
    }

    /// An answer that the definition expects does not give what the definition reads in it.
    pub(crate) fn unreadable(&self, response: &VendorResponse, why: impl std::fmt::Display) -> Fault {
        let is_json = response.json_value().is_ok();
        let remedy = match (self.changes, is_json) {
            // The status says yes: what was done shows in the next reading.
            (true, _) => Remedy::ReadBack,
            // A page of a gateway, say.
            (false, false) => Remedy::Retry { after: None },
            // The definition and the vendor do not agree.
            (false, true) => Remedy::Person,
        };
        self.fault(Sent::Yes, remedy).with("status", response.status.as_str()).because(why)
    }

    /// What an answer means that the definition classifies.
    ///
    /// `None`: what it is about is not there (any more), which is no fault.
    pub(crate) fn classified(
        &self,
        class: Class,
        response: &VendorResponse,
        now: Timestamp,
    ) -> Option<Fault> {
        let after = retry_after(&response.headers, now);
        let (sent, remedy) = match class {
            Class::Gone => return None,
            Class::Refused(kind) => (Sent::Yes, Remedy::Refused(self.refusal(kind, response))),
            Class::Throttled => (Sent::Yes, Remedy::Throttled { after }),
            // The definition says that nothing was done.
            Class::Retry if self.changes => (Sent::No, Remedy::Retry { after }),
            Class::Retry => (Sent::Yes, Remedy::Retry { after }),
            Class::ReadBack if self.changes => (Sent::Maybe, Remedy::ReadBack),
            Class::ReadBack => (Sent::Yes, Remedy::Retry { after }),
        };
        Some(self.fault(sent, remedy).with("status", response.status.as_str()))
    }

    /// What an answer means that the definition does not expect.
    pub(crate) fn unexpected(&self, response: &VendorResponse) -> Fault {
        let general = response.fault(&self.name, self.path());
        let status = response.status.as_u16();
        let (sent, remedy) = match status {
            401 | 403 => (Sent::Yes, Remedy::Person),
            // Others were at it, or it is there already: nobody can say what was done without looking.
            408 | 409 | 412 | 423 | 425 if self.changes => (Sent::Maybe, Remedy::ReadBack),
            408 | 425 => (Sent::Yes, Remedy::Retry { after: None }),
            429 => (Sent::Yes, general.remedy),
            400..=499 if self.changes => {
                (Sent::Yes, Remedy::Refused(self.refusal(RefusalKind::Invalid, response)))
            }
            // A look-up that is not accepted proves nothing about anybody.
            400..=499 => (Sent::Yes, Remedy::Person),
            500..=599 => (general.sent, general.remedy),
            // A yes that the definition does not take for one, or a redirect.
            _ if self.changes => (Sent::Yes, Remedy::ReadBack),
            200..=299 => (Sent::Yes, Remedy::Retry { after: None }),
            _ => (Sent::Yes, Remedy::Person),
        };
        self.fault(sent, remedy)
            .with("status", response.status.as_str())
            .because("the definition does not expect this answer")
    }

    /// A 202 whose end cannot be asked for: nobody can say what became of it without looking.
    pub(crate) fn unfinished(&self, why: impl std::fmt::Display) -> Fault {
        self.fault(Sent::Maybe, Remedy::ReadBack).with("status", "202").because(why)
    }

    /// A list that does not come to an end as the definition says.
    pub(crate) fn endless(&self, why: impl std::fmt::Display) -> Fault {
        self.fault(Sent::Yes, Remedy::Person).because(why)
    }

    /// A list that changed while it was read: whoever moved to a page that was read already would not be found.
    pub(crate) fn shifted(&self, why: impl std::fmt::Display) -> Fault {
        self.fault(Sent::Yes, Remedy::Retry { after: None }).because(why)
    }

    /// What the definition reads cannot be told from what there is.
    pub(crate) fn undecided(&self, why: impl std::fmt::Display) -> Fault {
        self.fault(Sent::Yes, Remedy::Person).because(why)
    }

    fn refusal(&self, kind: RefusalKind, response: &VendorResponse) -> Refusal {
        let what = match kind {
            RefusalKind::NoSeat => {
                "Every seat of the application is taken: free one or buy one, then replay the request"
            }
            RefusalKind::Forbidden => {
                "The application forbids it: see that Usher's credential has the rights, then replay the request"
            }
            RefusalKind::Protected => {
                "The application protects this account: change it there if that is meant"
            }
            RefusalKind::Ambiguous => {
                "The application knows several accounts that would fit: leave the address to one of them, then replay the request"
            }
            RefusalKind::ManagedElsewhere => {
                "Somebody else manages this account, such as an identity provider: change it there"
            }
            RefusalKind::Unresolvable => {
                "The application does not know what is asked for: correct the configuration, then replay the request"
            }
            RefusalKind::Invalid => {
                "The application does not accept it: look at the person there, then replay the request"
            }
            RefusalKind::Other => {
                "The application refuses it: look at the person there, then replay the request"
            }
        };
        Refusal::new(kind, format!("{what} ({} to “{}”).", response.status.as_u16(), self.name))
    }
}

/// Method and path template, for people: no value is in it.
fn shown(request: &Request) -> String {
    let path = match &request.target {
        Target::Path(template) => template
            .parts()
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Hole(hole) => format!("{{{}}}", hole.source()),
            })
            .collect(),
        Target::Link(link) => format!("{{{}}}", link.source()),
    };
    format!("{} {path}", request.method)
}
