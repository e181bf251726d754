//! What a permission may ask for, and its facets.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use usher_core::{ConfigError, Facet};

use crate::roles::{self, ADMIN, AGENT, CONTRIBUTOR, END_USER, LIGHT_AGENT};

/// The slot of the role: one value, `end-user` by default.
pub(crate) const ROLE: &str = "role";
/// The slot of groups: any number.
pub(crate) const GROUP: &str = "group";
/// Groups that one permission may name.
const MOST_GROUPS: usize = 50;
/// Characters of a name. Zendesk itself stops earlier.
const LONGEST_NAME: usize = 255;

/// What one permission asks for.
///
/// ```toml
/// support_agent = { role = "agent", groups = ["Tier 1"] }
/// light_agent   = { role = "light-agent" }
/// team_lead     = { role = "Team lead" }       # a custom role, by its name
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// `agent`, `light-agent`, `contributor`, `admin`, or the name of a custom role.
    pub role: String,
    /// Groups by their names. Only agents of some kind can be in one.
    pub groups: BTreeSet<String>,
}

impl Entitlement {
    /// Reads a permission's entry.
    ///
    /// # Errors
    /// Every mistake in it, with paths below it.
    pub fn read(entry: &Value) -> Result<Self, Vec<ConfigError>> {
        let Value::Object(fields) = entry else {
            return Err(vec![
                mistake(&[], "this is not an entitlement")
                    .hint("write { role = \"agent\", groups = [\"Tier 1\"] }"),
            ]);
        };
        let mut mistakes: Vec<ConfigError> = fields
            .keys()
            .filter(|key| !matches!(key.as_str(), "role" | "groups"))
            .map(|key| mistake(&[key], "Zendesk knows no such key").hint("the keys are role and groups"))
            .collect();
        let role = read_role(fields, &mut mistakes);
        let groups = read_groups(fields, &mut mistakes);
        match (role, mistakes.is_empty()) {
            (Some(role), true) => Ok(Self { role, groups }),
            _ => Err(mistakes),
        }
    }

    /// JSON Schema of a permission's entry.
    #[must_use]
    pub fn schema() -> Value {
        json!({
            "description": "What a permission gives at Zendesk.",
            "type": "object",
            "additionalProperties": false,
            "required": ["role"],
            "properties": {
                "role": {
                    "description": "\"agent\", \"light-agent\", \"contributor\", \"admin\", or the name of a custom role.",
                    "type": "string", "minLength": 1, "maxLength": LONGEST_NAME
                },
                "groups": {
                    "description": "Groups by their names.",
                    "type": "array", "maxItems": MOST_GROUPS,
                    "items": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME}
                }
            }
        })
    }

    /// Its facets.
    #[must_use]
    pub fn facets(&self) -> BTreeSet<Facet> {
        let groups = self.groups.iter().map(|group| Facet::new(GROUP, group));
        groups.chain([Facet::new(ROLE, &self.role)]).collect()
    }
}

fn read_role(fields: &Map<String, Value>, mistakes: &mut Vec<ConfigError>) -> Option<String> {
    let found = match fields.get("role") {
        None if fields.contains_key("groups") => Err(mistake(&["role"], "groups need a role").hint(
            "only agents can be in a group: add role = \"agent\", \"light-agent\" or a custom role's name",
        )),
        None => Err(mistake(&["role"], "the role is missing")
            .hint("write role = \"agent\", \"light-agent\", \"contributor\" or a custom role's name")),
        Some(Value::String(role)) => checked_role(role),
        Some(_) => Err(mistake(&["role"], "the role is not a text").hint("write role = \"agent\"")),
    };
    found.map_err(|wrong| mistakes.push(wrong)).ok()
}

fn checked_role(role: &str) -> Result<String, ConfigError> {
    let role = checked_name(role).map_err(|what| mistake(&["role"], format!("the role {what}")))?;
    let known = match roles::plain(&role).as_str() {
        "enduser" => {
            return Err(mistake(&["role"], "end-user is no licence: everybody is one")
                .hint("name the role that the permission gives, such as \"light-agent\""));
        }
        "owner" | "accountowner" => {
            return Err(mistake(&["role"], "an account has one owner, who is not made through its API")
                .hint("write role = \"admin\" if administrators are to be made"));
        }
        "agent" => AGENT,
        "lightagent" => LIGHT_AGENT,
        "contributor" => CONTRIBUTOR,
        "admin" | "administrator" => ADMIN,
        _ => return Ok(role),
    };
    if known == role {
        return Ok(role);
    }
    // Two spellings of one role would be two values of its slot.
    Err(mistake(&["role"], format!("{role:?} is spelled otherwise"))
        .hint(format!("write role = \"{known}\"")))
}

fn read_groups(fields: &Map<String, Value>, mistakes: &mut Vec<ConfigError>) -> BTreeSet<String> {
    let mut groups = BTreeSet::new();
    let listed = match fields.get("groups") {
        None => return groups,
        Some(Value::Array(listed)) => listed,
        Some(_) => {
            mistakes
                .push(mistake(&["groups"], "the groups are not a list").hint("write groups = [\"Tier 1\"]"));
            return groups;
        }
    };
    if listed.len() > MOST_GROUPS {
        mistakes.push(mistake(&["groups"], format!("these are more than {MOST_GROUPS} groups")));
        return groups;
    }
    for (index, group) in listed.iter().enumerate() {
        let index = index.to_string();
        match group.as_str().map(checked_name) {
            None => mistakes.push(mistake(&["groups", &index], "a group's name is a text")),
            Some(Err(what)) => {
                mistakes.push(mistake(&["groups", &index], format!("the group's name {what}")));
            }
            Some(Ok(name)) => {
                if let Some(twice) = groups.replace(name) {
                    mistakes.push(mistake(&["groups", &index], format!("{twice:?} is named twice")));
                }
            }
        }
    }
    groups
}

fn checked_name(name: &str) -> Result<String, &'static str> {
    if name.trim().is_empty() {
        Err("is empty")
    } else if name.trim() != name {
        Err("begins or ends with a space")
    } else if name.chars().any(char::is_control) {
        Err("has a control character in it")
    } else if name.chars().count() > LONGEST_NAME {
        Err("is longer than 255 characters")
    } else {
        Ok(name.to_owned())
    }
}

fn mistake(path: &[&str], message: impl Into<String>) -> ConfigError {
    ConfigError::at(path.iter().copied(), message)
}

/// The value of a person who was given nothing.
pub(crate) fn is_baseline(facet: &Facet) -> bool {
    facet.slot == ROLE && facet.value == END_USER
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrong(entry: &Value) -> Vec<String> {
        Entitlement::read(entry).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_role_and_its_groups_are_one_facet_each() {
        let entry = json!({"role": "agent", "groups": ["Tier 1", "Tier 2"]});
        let facets = Entitlement::read(&entry).unwrap().facets();
        let expected = [Facet::new(GROUP, "Tier 1"), Facet::new(GROUP, "Tier 2"), Facet::new(ROLE, "agent")];
        assert_eq!(facets, BTreeSet::from(expected));
    }

    #[test]
    fn every_kind_of_role_that_is_a_licence_can_be_named() {
        for role in ["agent", "light-agent", "contributor", "admin", "Team lead", "Billing"] {
            let entitlement = Entitlement::read(&json!({ "role": role })).unwrap();
            assert_eq!(entitlement.facets(), BTreeSet::from([Facet::new(ROLE, role)]));
        }
    }

    #[test]
    fn a_mistake_says_where_it_is_and_what_to_write() {
        let table = [
            (
                json!("agent"),
                "this is not an entitlement (write { role = \"agent\", groups = [\"Tier 1\"] })",
            ),
            (json!({}), "role: the role is missing"),
            (json!({"groups": ["Tier 1"]}), "role: groups need a role"),
            (json!({"role": 3}), "role: the role is not a text"),
            (json!({"role": ""}), "role: the role is empty"),
            (json!({"role": " agent"}), "role: the role begins or ends with a space"),
            (json!({"role": "a\nb"}), "role: the role has a control character in it"),
            (json!({"role": "x".repeat(256)}), "role: the role is longer than 255 characters"),
            (json!({"role": "end-user"}), "role: end-user is no licence"),
            (json!({"role": "owner"}), "role: an account has one owner"),
            (
                json!({"role": "Light Agent"}),
                "role: \"Light Agent\" is spelled otherwise (write role = \"light-agent\")",
            ),
            (
                json!({"role": "Administrator"}),
                "role: \"Administrator\" is spelled otherwise (write role = \"admin\")",
            ),
            (
                json!({"role": "agent", "team": "x"}),
                "team: Zendesk knows no such key (the keys are role and groups)",
            ),
            (json!({"role": "agent", "groups": "Tier 1"}), "groups: the groups are not a list"),
            (json!({"role": "agent", "groups": [1]}), "groups.0: a group's name is a text"),
            (json!({"role": "agent", "groups": ["a", ""]}), "groups.1: the group's name is empty"),
            (json!({"role": "agent", "groups": ["a", "a"]}), "groups.1: \"a\" is named twice"),
        ];
        for (entry, expected) in table {
            let found = wrong(&entry);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(expected), "{} is not {expected}", found[0]);
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let found = wrong(&json!({"rolle": "agent", "groups": ["", 2]}));
        assert_eq!(found.len(), 4, "{found:?}");
    }

    #[test]
    fn a_permission_cannot_name_more_groups_than_one_plan_could_join() {
        let groups: Vec<String> = (0..51).map(|number| format!("g{number}")).collect();
        assert_eq!(
            wrong(&json!({"role": "agent", "groups": groups})),
            ["groups: these are more than 50 groups"]
        );
    }
}
