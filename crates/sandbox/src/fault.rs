//! What can be made to go wrong, and for which requests.

use serde::{Deserialize, Serialize};

use crate::exchange::VendorRequest;
use crate::operation::{Operation, Vendor};

/// What is done to a request. In JSON: `{"kind": "delay", "ms": 500}`.
///
/// *Applied* means that the vendor did what was asked, and that it is in the list of effects. Whatever waits, waits for
/// [`crate::Options::patience`] at the most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Not applied and not answered: until the caller gives up.
    Hang,
    /// Answers late. Applied at the end of the wait, and not at all where the caller leaves before; with
    /// `after_applying`, at its beginning.
    Delay {
        /// For how long.
        ms: u64,
        /// Whether it is applied before the wait.
        #[serde(default)]
        after_applying: bool,
    },
    /// The connection is reset (RST); nothing is applied.
    ResetBefore,
    /// Applied; then the connection is reset (RST).
    ResetAfter,
    /// Applied and never answered.
    ApplyThenHang,
    /// Never answered, and applied only some time *after the caller gave up*.
    ApplyLate {
        /// How long after the caller left; without it, when `release` is called.
        after_ms: Option<u64>,
    },
    /// Applied; half of the body is sent, then the connection ends.
    CloseMidAnswer,
    /// Applied; the body comes in pieces, with a pause after each.
    SlowDrip {
        /// The pause.
        every_ms: u64,
        /// The length of a piece, one byte where nothing is said.
        #[serde(default = "one")]
        bytes: usize,
    },
    /// 200 with a body that is not what its content type says.
    Garbage {
        /// Whether it is applied all the same.
        #[serde(default)]
        apply: bool,
    },
    /// An error status, and nothing applied.
    ErrorBefore {
        /// The status, 503 where nothing is said.
        #[serde(default = "unavailable")]
        status: u16,
    },
    /// Applied; then an error status.
    ErrorAfter {
        /// The status, 503 where nothing is said.
        #[serde(default = "unavailable")]
        status: u16,
    },
    /// 429, and nothing applied.
    Throttle {
        /// What `Retry-After` says.
        #[serde(default)]
        retry_after: RetryAfter,
    },
    /// 403 with `x-ratelimit-remaining: 0`, as GitHub says that the hour's requests are spent, and nothing applied.
    PrimaryLimit {
        /// `x-ratelimit-reset` is so many seconds from now on the sandbox's clock.
        #[serde(default = "minute")]
        reset_in_s: u64,
    },
    /// 403 that says in its body alone that it is a limit, as GitHub's secondary ones may be; nothing applied.
    SecondaryLimit {
        /// What `Retry-After` says.
        #[serde(default)]
        retry_after: RetryAfter,
    },
    /// 200 with an error in its body, and nothing applied.
    ErrorBody,
    /// 401, whatever the credential; with `revoke_tokens` every bearer token ends as well.
    Unauthorized {
        /// Whether the tokens end.
        #[serde(default)]
        revoke_tokens: bool,
    },
    /// 403, and nothing applied.
    Forbidden,
    /// A reading of an earlier state. Changing requests are not met by it.
    Stale {
        /// How much earlier: so long ago, or, without it, before the vendor's last effect.
        behind_ms: Option<u64>,
    },
    /// Waits until `release` is called, then goes on as usual.
    Hold {
        /// Whether it is applied before the wait.
        #[serde(default)]
        after_applying: bool,
    },
}

fn one() -> usize {
    1
}

fn minute() -> u64 {
    60
}

fn unavailable() -> u16 {
    503
}

/// The `Retry-After` header of a 429 or 403. In JSON: `"none"`, `{"seconds": 30}`, `{"date_in": 30}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// No such header.
    #[default]
    None,
    /// So many seconds.
    Seconds(u64),
    /// The date so many seconds from now on the sandbox's clock.
    DateIn(u64),
}

impl Fault {
    /// The name in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hang => "hang",
            Self::Delay { .. } => "delay",
            Self::ResetBefore => "reset_before",
            Self::ResetAfter => "reset_after",
            Self::ApplyThenHang => "apply_then_hang",
            Self::ApplyLate { .. } => "apply_late",
            Self::CloseMidAnswer => "close_mid_answer",
            Self::SlowDrip { .. } => "slow_drip",
            Self::Garbage { .. } => "garbage",
            Self::ErrorBefore { .. } => "error_before",
            Self::ErrorAfter { .. } => "error_after",
            Self::Throttle { .. } => "throttle",
            Self::PrimaryLimit { .. } => "primary_limit",
            Self::SecondaryLimit { .. } => "secondary_limit",
            Self::ErrorBody => "error_body",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Stale { .. } => "stale",
            Self::Hold { .. } => "hold",
        }
    }

    /// A stale reading is one of readings: a write is never met by it, nor counted.
    fn meets(&self, request: &VendorRequest) -> bool {
        !matches!(self, Self::Stale { .. }) || request.reads()
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Self::ErrorBefore { status } | Self::ErrorAfter { status } if !(400..=599).contains(status) => {
                Err(format!("a fault's status must be from 400 to 599, and {status} is not"))
            }
            Self::SlowDrip { bytes: 0, .. } => Err("a drip must have one byte or more".to_owned()),
            _ => Ok(()),
        }
    }
}

/// Which requests: all of the fields that are there must fit. Without any it fits every request to a vendor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Matcher {
    /// The vendor.
    pub vendor: Option<Vendor>,
    /// The operation.
    pub operation: Option<Operation>,
    /// The method, as in `PUT`.
    pub method: Option<String>,
    /// The path below the vendor's prefix, segment by segment: `*` fits one segment, `**` at the end all that follow. A
    /// `.json` at the end of the request's path is left out.
    pub path: Option<String>,
    /// Whom it is about: a user's primary address, the address in a search, a create or an invitation, a GitHub login
    /// that no account with an address bears, or `task ID`.
    pub subject: Option<String>,
}

impl Matcher {
    /// Fits one operation.
    #[must_use]
    pub fn operation(operation: Operation) -> Self {
        Self { operation: Some(operation), ..Self::default() }
    }

    /// Fits one method and path below the vendor's prefix.
    #[must_use]
    pub fn path(method: &str, path: &str) -> Self {
        Self { method: Some(method.to_owned()), path: Some(path.to_owned()), ..Self::default() }
    }

    /// The same, and about this person alone.
    #[must_use]
    pub fn about(mut self, email: &str) -> Self {
        self.subject = Some(email.to_owned());
        self
    }

    pub(crate) fn fits(&self, of: &Facts<'_>) -> bool {
        self.vendor.is_none_or(|vendor| vendor == of.vendor)
            && self.operation.is_none_or(|operation| operation == of.operation)
            && self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(of.method))
            && self.path.as_ref().is_none_or(|pattern| path_fits(pattern, of.path))
            && self.subject.as_ref().is_none_or(|subject| of.subject == Some(&subject.to_lowercase()))
    }
}

/// What a [`Matcher`] looks at.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) vendor: Vendor,
    pub(crate) operation: Operation,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) subject: Option<&'a str>,
}

fn path_fits(pattern: &str, path: &str) -> bool {
    let path = path.strip_suffix(".json").unwrap_or(path);
    let parts = |text: &'_ str| text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let (pattern, path): (Vec<String>, Vec<String>) = (parts(pattern), parts(path));
    let open = pattern.last().is_some_and(|part| part == "**");
    let fixed = if open { pattern.len() - 1 } else { pattern.len() };
    if path.len() < fixed || (!open && path.len() != fixed) {
        return false;
    }
    pattern.iter().take(fixed).zip(&path).all(|(wanted, part)| wanted == "*" || wanted == part)
}

/// A fault, and the requests it meets. In JSON the fields of [`Matcher`] stand beside `fault`, `times`, `skip`, `for_ms`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Which requests.
    #[serde(flatten)]
    pub matcher: Matcher,
    /// What is done to them.
    pub fault: Fault,
    /// How many of them, all where nothing is said.
    #[serde(default)]
    pub times: Option<u64>,
    /// How many go by first.
    #[serde(default)]
    pub skip: u64,
    /// For how long from now, on the sandbox's clock.
    #[serde(default)]
    pub for_ms: Option<u64>,
}

impl Rule {
    /// Meets the next request that fits, and that one alone.
    #[must_use]
    pub fn once(matcher: Matcher, fault: Fault) -> Self {
        Self { times: Some(1), ..Self::always(matcher, fault) }
    }

    /// Meets every request that fits until it is cleared.
    #[must_use]
    pub fn always(matcher: Matcher, fault: Fault) -> Self {
        Self { matcher, fault, times: None, skip: 0, for_ms: None }
    }

    pub(crate) fn meets(&self, request: &VendorRequest, facts: &Facts<'_>) -> bool {
        self.fault.meets(request) && self.matcher.fits(facts)
    }
}
