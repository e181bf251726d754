//! Roles: Zendesk's words, the configuration's words, and which is which in one account.

use serde::{Deserialize, Serialize};

/// Somebody who asks. Takes no seat.
pub(crate) const END_USER: &str = "end-user";
/// Somebody who answers, without a custom role.
pub(crate) const AGENT: &str = "agent";
/// Reads and comments privately. Takes no seat.
pub(crate) const LIGHT_AGENT: &str = "light-agent";
/// Like a light agent, of other products. Takes no seat.
pub(crate) const CONTRIBUTOR: &str = "contributor";
/// May change the account. The owner shows as one.
pub(crate) const ADMIN: &str = "admin";
/// Chat only.
const CHAT_AGENT: &str = "chat-agent";

/// The kind of a custom role: `role_type` of
/// <https://developer.zendesk.com/api-reference/ticketing/account-configuration/custom_roles/>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Custom,
    Light,
    Chat,
    Contributor,
    Admin,
    BillingAdmin,
    /// A number that Zendesk did not use when this was written.
    Other,
}

impl Kind {
    pub(crate) fn of(role_type: i64) -> Self {
        match role_type {
            0 => Self::Custom,
            1 => Self::Light,
            2 => Self::Chat,
            3 => Self::Contributor,
            4 => Self::Admin,
            5 => Self::BillingAdmin,
            _ => Self::Other,
        }
    }

    /// Who has it may change the account, or its bill.
    pub(crate) fn is_protected(self) -> bool {
        matches!(self, Self::Admin | Self::BillingAdmin | Self::Other)
    }
}

/// A role of `GET /api/v2/custom_roles`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CustomRole {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// What a user's `role`, `custom_role_id` and `role_type` come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    /// `end-user`, `agent` or `admin`, as Zendesk says.
    pub(crate) base: String,
    pub(crate) custom_role_id: Option<u64>,
    /// In the words of an entitlement.
    pub(crate) word: String,
    /// Nobody is made less who is this.
    pub(crate) protected: bool,
}

/// The fields of a user that make a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) role: String,
    pub(crate) custom_role_id: Option<u64>,
}

/// Why a word names no role that can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unresolved {
    Missing,
    Several,
    /// An administrator's role, named by its name.
    Protected,
}

/// The account's custom roles; empty where its plan has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Catalogue {
    pub(crate) roles: Vec<CustomRole>,
}

impl Catalogue {
    /// The fields that make the role which `word` names.
    pub(crate) fn target(&self, word: &str) -> Result<Target, Unresolved> {
        let plain = |role: &str| Ok(Target { role: role.to_owned(), custom_role_id: None });
        let found: Vec<&CustomRole> = match word {
            END_USER | AGENT | ADMIN => return plain(word),
            // The id differs from account to account: it is always looked up.
            LIGHT_AGENT => self.of_kind(Kind::Light),
            CONTRIBUTOR => self.of_kind(Kind::Contributor),
            CHAT_AGENT => self.of_kind(Kind::Chat),
            name => self.roles.iter().filter(|role| role.name == name).collect(),
        };
        match found.as_slice() {
            [] => Err(Unresolved::Missing),
            [role] if role.kind.is_protected() => Err(Unresolved::Protected),
            [role] => Ok(Target { role: AGENT.to_owned(), custom_role_id: Some(role.id) }),
            _ => Err(Unresolved::Several),
        }
    }

    /// What a user is.
    pub(crate) fn held(&self, base: &str, custom_role_id: Option<u64>, role_type: Option<i64>) -> Held {
        let listed = custom_role_id.and_then(|id| self.roles.iter().find(|role| role.id == id));
        let kind = listed.map(|role| role.kind).or(role_type.map(Kind::of));
        let word = match (base, kind) {
            (END_USER, _) => END_USER.to_owned(),
            (_, Some(Kind::BillingAdmin)) => "billing-admin".to_owned(),
            (ADMIN, _) | (_, Some(Kind::Admin)) => ADMIN.to_owned(),
            (_, Some(Kind::Light)) => LIGHT_AGENT.to_owned(),
            (_, Some(Kind::Contributor)) => CONTRIBUTOR.to_owned(),
            (_, Some(Kind::Chat)) => CHAT_AGENT.to_owned(),
            (_, _) => match (listed, custom_role_id) {
                (Some(role), _) => role.name.clone(),
                (None, Some(id)) => format!("custom role {id}"),
                (None, None) => base.to_owned(),
            },
        };
        let known = matches!(base, END_USER | AGENT | ADMIN);
        let protected = base != END_USER && (base == ADMIN || !known || kind.is_some_and(Kind::is_protected));
        Held { base: base.to_owned(), custom_role_id, word, protected }
    }

    /// Whether somebody who holds `held` has what `word` names.
    pub(crate) fn is(&self, held: &Held, word: &str) -> bool {
        held.word == word
            || self.target(word).is_ok_and(|target| {
                target.custom_role_id.is_some() && target.custom_role_id == held.custom_role_id
            })
    }

    /// Whether it can be told whether somebody who holds `held` has what `word` names: not where the account does not
    /// list that name and the role that is held may have borne it.
    pub(crate) fn can_tell(&self, held: &Held, word: &str) -> bool {
        let Some(id) = held.custom_role_id.filter(|_| held.base != END_USER) else { return true };
        let by_kind = matches!(word, END_USER | AGENT | ADMIN | LIGHT_AGENT | CONTRIBUTOR | CHAT_AGENT);
        let is_listed = self.roles.iter().any(|role| role.id == id);
        (by_kind && is_listed) || self.target(word) != Err(Unresolved::Missing)
    }

    /// Custom roles in the narrow sense, which make a bare `agent` a legacy one.
    pub(crate) fn custom_names(&self) -> Vec<&str> {
        self.of_kind(Kind::Custom).iter().map(|role| role.name.as_str()).collect()
    }

    fn of_kind(&self, kind: Kind) -> Vec<&CustomRole> {
        self.roles.iter().filter(|role| role.kind == kind).collect()
    }
}

/// A role's name without what people write differently: capitals, spaces, hyphens, underscores.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|letter| !matches!(letter, ' ' | '-' | '_')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enterprise() -> Catalogue {
        let role =
            |id, name: &str, role_type| CustomRole { id, name: name.to_owned(), kind: Kind::of(role_type) };
        Catalogue {
            roles: vec![
                role(1, "Team lead", 0),
                role(2, "Light agent", 1),
                role(3, "Contributor", 3),
                role(4, "Administrator", 4),
                role(5, "Billing admin", 5),
                role(6, "Twice", 0),
                role(7, "Twice", 0),
            ],
        }
    }

    #[test]
    fn a_light_agent_is_an_agent_with_the_id_that_this_account_gave_that_role() {
        let target = Target { role: "agent".to_owned(), custom_role_id: Some(2) };
        assert_eq!(enterprise().target("light-agent"), Ok(target));
        assert_eq!(Catalogue::default().target("light-agent"), Err(Unresolved::Missing));
    }

    #[test]
    fn a_name_that_two_roles_bear_is_not_guessed_and_an_administrators_role_is_not_given_by_its_name() {
        assert_eq!(enterprise().target("Twice"), Err(Unresolved::Several));
        assert_eq!(enterprise().target("Billing admin"), Err(Unresolved::Protected));
    }

    #[test]
    fn what_a_user_is_reads_in_the_words_of_an_entitlement() {
        let table = [
            ("end-user", None, None, "end-user", false),
            ("agent", None, None, "agent", false),
            ("agent", Some(2), Some(1), "light-agent", false),
            ("agent", Some(1), Some(0), "Team lead", false),
            ("agent", Some(99), None, "custom role 99", false),
            ("agent", None, Some(1), "light-agent", false),
            ("admin", None, None, "admin", true),
            ("admin", Some(4), Some(4), "admin", true),
            ("agent", Some(5), Some(5), "billing-admin", true),
            ("agent", Some(98), Some(77), "custom role 98", true),
            ("something-new", None, None, "something-new", true),
        ];
        for (base, id, role_type, word, protected) in table {
            let held = enterprise().held(base, id, role_type);
            assert_eq!((held.word.as_str(), held.protected), (word, protected), "{base} {id:?}");
        }
    }

    #[test]
    fn a_renamed_light_agent_role_can_be_named_by_its_new_name_too() {
        let catalogue =
            Catalogue { roles: vec![CustomRole { id: 8, name: "Viewer".to_owned(), kind: Kind::Light }] };
        let held = catalogue.held("agent", Some(8), Some(1));
        assert!(catalogue.is(&held, "light-agent") && catalogue.is(&held, "Viewer"));
        assert!(!catalogue.is(&held, "agent"));
    }
}
