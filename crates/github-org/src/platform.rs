//! Which GitHub it is: they differ in what can be done to make somebody a member.

use url::{Host, Url};

/// Which GitHub stands at the base URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platform {
    /// github.com: whoever is not a member yet is invited.
    DotCom,
    /// `https://api.TENANT.ghe.com`: all accounts are managed, and are added at once.
    DataResidency,
    /// Enterprise Server, `https://HOST/api/v3`: its description has no invitations; who is set is a member at once.
    Server,
}

impl Platform {
    /// By the address alone: Enterprise Server's ends with `/api/v3`, data residency's host with `.ghe.com`.
    pub(crate) fn of(base: &Url) -> Self {
        let resident = matches!(base.host(), Some(Host::Domain(name)) if name.ends_with(".ghe.com"));
        if base.path().trim_end_matches('/').ends_with("/api/v3") {
            Self::Server
        } else if resident {
            Self::DataResidency
        } else {
            Self::DotCom
        }
    }

    /// Whether there are invitations.
    pub(crate) fn invites(self) -> bool {
        self == Self::DotCom
    }
}

/// Where GraphQL's address begins: beside `/api/v3` on Enterprise Server, else the base URL itself.
pub(crate) fn graphql_base(base: &Url) -> Url {
    let mut url = base.clone();
    if let Some(api) = base.path().trim_end_matches('/').strip_suffix("/v3") {
        url.set_path(api);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_15_enterprise_server_and_ghe_com_are_known_by_their_addresses() {
        for (base, platform, graphql) in [
            ("https://api.github.com", Platform::DotCom, "https://api.github.com/"),
            ("http://127.0.0.1:8080", Platform::DotCom, "http://127.0.0.1:8080/"),
            ("https://git.acme.example/api/v3", Platform::Server, "https://git.acme.example/api"),
            ("https://git.acme.example/api/v3/", Platform::Server, "https://git.acme.example/api"),
            ("https://api.acme.ghe.com", Platform::DataResidency, "https://api.acme.ghe.com/"),
            ("https://ghe.com.evil.example", Platform::DotCom, "https://ghe.com.evil.example/"),
        ] {
            let base = Url::parse(base).unwrap();
            assert_eq!((Platform::of(&base), graphql_base(&base).as_str()), (platform, graphql), "{base}");
        }
    }
}
