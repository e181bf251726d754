use std::collections::BTreeSet;

use url::{Host, quirks};
use usher_core::SubjectKey;

/// Whose access an app takes care of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmailDomains {
    /// `["*"]`
    Anybody,
    /// People whose address is in one of these domains, exactly: no subdomains. In ASCII (`xn--…`) and lower case.
    Only(BTreeSet<String>),
}

impl EmailDomains {
    /// A domain in the form in which domains are compared; `None` where it is none.
    ///
    /// An internationalised one counts in its normal form alone: others only look like it.
    #[must_use]
    pub fn domain(text: &str) -> Option<String> {
        let lower = SubjectKey::of(text);
        let lower = lower.as_str();
        // The host parser of URLs would decode these, mail does not.
        if lower.contains(['%', '@', '*', '/', '[', ' ']) || lower.starts_with('.') || lower.ends_with('.') {
            return None;
        }
        let Ok(Host::Domain(ascii)) = Host::parse(lower) else { return None };
        let is_normal = ascii == lower || quirks::domain_to_unicode(&ascii) == lower;
        is_normal.then_some(ascii)
    }

    /// Whether an address is in one of the domains: what stands behind its last @, as a whole.
    #[must_use]
    pub fn allow(&self, email: &str) -> bool {
        match self {
            Self::Anybody => true,
            Self::Only(domains) => email
                .rsplit_once('@')
                .and_then(|(_, domain)| Self::domain(domain))
                .is_some_and(|domain| domains.contains(&domain)),
        }
    }

    /// As in the configuration.
    #[must_use]
    pub fn shown(&self) -> Vec<String> {
        match self {
            Self::Anybody => vec!["*".to_owned()],
            Self::Only(domains) => domains.iter().cloned().collect(),
        }
    }
}
