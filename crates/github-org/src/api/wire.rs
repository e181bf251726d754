//! What GitHub's answers look like, as far as they are read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

/// An account.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) login: String,
    /// `User`, `Organization`, `Bot`.
    #[serde(rename = "type", default)]
    pub(crate) kind: Option<String>,
}

/// The organisation, as far as its owners see it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Organisation {
    #[serde(default)]
    pub(crate) plan: Option<Plan>,
}

/// What is paid for; shown to owners, and to Apps that may read it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Plan {
    #[serde(default)]
    pub(crate) seats: Option<u32>,
    #[serde(default)]
    pub(crate) filled_seats: Option<u32>,
}

/// An App's installation.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Installation {
    #[serde(default)]
    pub(crate) account: Option<Owner>,
    #[serde(default)]
    pub(crate) permissions: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) suspended_at: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Owner {
    #[serde(default)]
    pub(crate) login: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Membership {
    pub(super) state: String,
    pub(super) role: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Team {
    pub(super) id: u64,
    pub(super) slug: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct TeamMembership {
    pub(super) state: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Created {
    pub(super) id: u64,
}

/// An invitation, open or failed. An address is never shown: no `Debug`.
#[derive(Clone, Deserialize)]
pub(crate) struct Invitation {
    pub(crate) id: u64,
    #[serde(default)]
    pub(crate) login: Option<String>,
    #[serde(default)]
    pub(crate) email: Option<String>,
    #[serde(default)]
    pub(crate) role: String,
    #[serde(default)]
    pub(crate) created_at: Option<Timestamp>,
    #[serde(default)]
    pub(crate) team_count: Option<u64>,
}

/// The target of `rel="next"` in a `Link` header (RFC 8288).
pub(super) fn next_page(header: &str) -> Option<&str> {
    header.split(',').find_map(|link| {
        let (target, parameters) = link.split_once(';')?;
        let is_next = parameters.split(';').any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or_default();
            name.trim().eq_ignore_ascii_case("rel") && value.trim().trim_matches('"') == "next"
        });
        let target = target.trim().strip_prefix('<')?.strip_suffix('>')?;
        is_next.then_some(target)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_the_links() {
        let links = "<https://api.github.com/x?page=1>; rel=\"prev\", <https://api.github.com/x?page=3>; rel=\"next\"";
        assert_eq!(next_page(links), Some("https://api.github.com/x?page=3"));
        assert_eq!(next_page("<https://api.github.com/x?page=1>; rel=\"last\""), None);
        assert_eq!(next_page(""), None);
    }

    #[test]
    fn an_invitation_to_an_address_has_no_login_and_may_lack_the_rest() {
        let listed = r#"[{"id": 1, "login": null, "email": "a@b.c", "role": "direct_member",
            "created_at": "2016-11-30T06:46:10-08:00", "team_count": 2}, {"id": 2}]"#;
        let rows: Vec<Invitation> = serde_json::from_str(listed).unwrap();
        assert_eq!((rows[0].id, rows[0].login.as_deref(), rows[0].team_count), (1, None, Some(2)));
        assert_eq!(rows[0].created_at, Some("2016-11-30T14:46:10Z".parse().unwrap()));
        assert_eq!((rows[1].id, rows[1].created_at), (2, None));
    }
}
