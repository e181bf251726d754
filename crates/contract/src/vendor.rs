//! What a connector's test says about its vendor: behaviour, and no assertion.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;
use usher_core::{Connector, Facet, SecretRef, Subject};
use wiremock::{Request, ResponseTemplate};

/// What a request to the vendor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It looks.
    Read,
    /// It alters something.
    Change,
    /// It fetches a token: no reading, and no change.
    SignIn,
}

/// What the vendor makes of a request instead of answering it as usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// It does what it was asked for, and the connection breaks before the answer: the suite sees to both.
    AnswerLost,
    /// It fails before it has done anything: 503 unless the vendor says otherwise.
    FailsBefore,
    /// It does what it was asked for, and fails: 500 unless the vendor says otherwise. Only the answer is the vendor's affair.
    FailsAfter,
    /// Its rate limit is reached; nothing is done.
    Throttles {
        /// `Retry-After`, in whole seconds.
        after: Duration,
    },
    /// A definite no, which [`VendorUnderTest::refusal`] explains; nothing is done.
    Refuses,
    /// The credential is not accepted; nothing is done.
    Unauthorized,
}

/// A permission with a value in a slot that holds many.
#[derive(Clone, Debug)]
pub struct Many {
    /// The permission's entry in the configuration.
    pub entry: Value,
    /// Another value of the slot, which somebody else gives.
    pub other: Facet,
}

/// A permission with a value in a slot that holds one.
#[derive(Clone, Debug)]
pub struct One {
    /// The permission's entry in the configuration.
    pub entry: Value,
    /// Another value of the slot, which stands there before. Not the baseline, so that it can be told from it.
    pub former: Facet,
}

/// The permissions that the suite asks for. At least one of `many` and `one` is there.
#[derive(Clone, Debug)]
pub struct Permissions {
    /// An entry that a person with a bare account reaches by exactly one change, and leaves by exactly one.
    pub main: Value,
    /// Where the vendor has a slot of many values.
    pub many: Option<Many>,
    /// Where the vendor has a slot of one value.
    pub one: Option<One>,
}

/// A permission that ends in an invitation (rules 22 to 24).
#[derive(Clone, Debug)]
pub struct Inviting {
    /// The permission's entry in the configuration. A person with a bare account is invited for it by exactly one change, which
    /// sends them mail, and the invitation is cancelled by exactly one. May be the main one.
    pub entry: Value,
}

/// A permission whose change the vendor accepts with a 202 and finishes later (rule 7).
#[derive(Clone, Debug)]
pub struct Deferring {
    /// The permission's entry in the configuration. A person with a bare account reaches it by exactly one change, which the
    /// vendor holds back until [`VendorUnderTest::finish`].
    pub entry: Value,
    /// Words that the request's reason must show after [`VendorUnderTest::give_up`].
    pub refusal: String,
}

/// A secret of the settings.
#[derive(Clone, Debug)]
pub struct Secret {
    /// Where the settings say it stands.
    pub place: SecretRef,
    /// What stands there: a text that appears nowhere else, ten characters or more. The vendor does not accept any other.
    pub value: String,
}

/// A vendor's behaviour, with its state behind a lock: the suite shares it with the mock server.
///
/// The suite serves it on a wiremock server of its own, sends it requests through the connector under test, and judges what
/// comes out. Nothing here asserts anything.
pub trait VendorUnderTest: Debug + Send + Sync + 'static {
    /// The connector under test.
    fn connector(&self) -> Arc<dyn Connector>;

    /// The connection's settings. The suite passes the mock server's address as `Ports::base_url`.
    fn settings(&self) -> Value;

    /// The configuration's folder, for connectors whose settings name a file.
    fn folder(&self) -> PathBuf {
        PathBuf::from("/nowhere")
    }

    /// The secrets that the settings name.
    fn secrets(&self) -> Vec<Secret>;

    /// A secret that the vendor does not accept in the place of this one: the same in reverse, unless only a well-formed one (a
    /// private key, say) gets as far as the vendor. It must not be seen either.
    fn wrong(&self, secret: &Secret) -> String {
        crate::wire::wrong(&secret.value)
    }

    /// What must not be seen besides, such as a derived key. What stands in `Authorization` is found by the suite.
    fn hidden(&self) -> Vec<String> {
        Vec::new()
    }

    /// The permissions that are asked for.
    fn permissions(&self) -> Permissions;

    /// Gives a person a bare account, in which they hold nothing.
    fn enroll(&self, who: &Subject);

    /// Gives a person something by hand, whatever it takes (an account, a role): it is no effect of Usher's.
    fn give(&self, who: &Subject, facet: &Facet);

    /// What a person truly holds, in the connector's words.
    fn holds(&self, who: &Subject) -> BTreeSet<Facet>;

    /// Whether *waiting for the invitee* counts as provisioned in these settings (`counts_as_provisioned = "invited"`, rule 22).
    /// The cases then take [`VendorUnderTest::pending`] for what [`VendorUnderTest::holds`] says elsewhere.
    fn counts_invited(&self) -> bool {
        false
    }

    /// A permission that ends in an invitation, where the vendor invites.
    fn inviting(&self) -> Option<Inviting> {
        None
    }

    /// What a person has been invited to and has not accepted, in the connector's words: never part of `holds`.
    fn pending(&self, _who: &Subject) -> BTreeSet<Facet> {
        BTreeSet::new()
    }

    /// The person accepts what they have been invited to: it is no effect of Usher's.
    fn accept(&self, _who: &Subject) {}

    /// What the person has been invited to lapses, as the vendor does it: by its own lists, it is no effect of Usher's.
    fn lapse(&self, _who: &Subject) {}

    /// A permission whose change is accepted with a 202 and finished later, where the vendor has such.
    fn deferring(&self) -> Option<Deferring> {
        None
    }

    /// Whatever was accepted with a 202 is done now, and noted in `effects`.
    fn finish(&self) {}

    /// Whatever was accepted with a 202 fails now, for the reason that [`Deferring::refusal`] has words of; nothing is altered.
    fn give_up(&self) {}

    /// The vendor's own ledger: a line for everything that a request has altered. What alters nothing is not in it.
    fn effects(&self) -> Vec<String>;

    /// What a request is for. By default GET and HEAD read, and all else changes.
    fn kind(&self, method: &Method, _path: &str) -> Kind {
        if matches!(*method, Method::GET | Method::HEAD) { Kind::Read } else { Kind::Change }
    }

    /// Does what a request asks for, credentials checked, and answers.
    fn answer(&self, request: &Request) -> ResponseTemplate;

    /// How the vendor words a trouble. It does nothing else: the suite has seen to that. May quote the request, as careless
    /// vendors do: the suite looks whether a secret comes back that way.
    fn troubled(&self, trouble: Trouble, _request: &Request) -> ResponseTemplate {
        plainly(trouble)
    }

    /// Words that a negative answer must show after [`Trouble::Refuses`]: the vendor's reason, as the connector puts it.
    fn refusal(&self) -> String;
}

/// A trouble in the words of HTTP alone.
#[must_use]
pub fn plainly(trouble: Trouble) -> ResponseTemplate {
    let status = |status: StatusCode| ResponseTemplate::new(status.as_u16());
    match trouble {
        Trouble::FailsBefore => status(StatusCode::SERVICE_UNAVAILABLE),
        Trouble::FailsAfter | Trouble::AnswerLost => status(StatusCode::INTERNAL_SERVER_ERROR),
        Trouble::Throttles { after } => {
            status(StatusCode::TOO_MANY_REQUESTS).insert_header("Retry-After", after.as_secs().to_string())
        }
        Trouble::Refuses => status(StatusCode::FORBIDDEN),
        Trouble::Unauthorized => status(StatusCode::UNAUTHORIZED),
    }
}
