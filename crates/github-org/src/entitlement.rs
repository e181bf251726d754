//! What a permission may ask for, and its facets.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use usher_core::{ConfigError, Facet};

use crate::role::Role;

/// The slot of the role in the organisation: one value, none by default.
pub(crate) const ORG_ROLE: &str = "org_role";
/// The slot of teams: any number.
pub(crate) const TEAM: &str = "team";
/// Teams that one permission may name.
const MOST_TEAMS: usize = 30;
/// Characters of a slug. GitHub itself stops earlier.
const LONGEST_SLUG: usize = 100;

/// What one permission asks for.
///
/// ```toml
/// member      = { org_role = "member" }
/// engineering = { teams = ["engineering"] }    # implies org_role = "member"
/// owner       = { org_role = "admin" }         # GitHub's own word for an owner
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// `member`, or `admin` for an owner.
    pub org_role: Role,
    /// Teams by their slugs. The person is made an ordinary member of them, no maintainer.
    pub teams: BTreeSet<String>,
}

impl Entitlement {
    /// Reads a permission's entry.
    ///
    /// # Errors
    /// Every mistake in it, with paths below it.
    pub fn read(entry: &Value) -> Result<Self, Vec<ConfigError>> {
        let Value::Object(fields) = entry else {
            return Err(vec![
                mistake(&[], "this is not an entitlement").hint("write { teams = [\"engineering\"] }"),
            ]);
        };
        let mut mistakes: Vec<ConfigError> = fields
            .keys()
            .filter(|key| !matches!(key.as_str(), "org_role" | "teams"))
            .map(|key| mistake(&[key], "GitHub knows no such key").hint("the keys are org_role and teams"))
            .collect();
        let org_role = read_role(fields, &mut mistakes);
        let teams = read_teams(fields, &mut mistakes);
        match (org_role, mistakes.is_empty()) {
            (Some(org_role), true) => Ok(Self { org_role, teams }),
            _ => Err(mistakes),
        }
    }

    /// JSON Schema of a permission's entry.
    #[must_use]
    pub fn schema() -> Value {
        json!({
            "description": "What a permission gives at GitHub.",
            "type": "object",
            "additionalProperties": false,
            "anyOf": [{"required": ["org_role"]}, {"required": ["teams"]}],
            "properties": {
                "org_role": {
                    "description": "\"member\", or \"admin\" for an owner. Teams alone imply \"member\".",
                    "enum": ["member", "admin"]
                },
                "teams": {
                    "description": "Teams by their slugs: what stands at the end of a team's address.",
                    "type": "array", "minItems": 1, "maxItems": MOST_TEAMS, "uniqueItems": true,
                    "items": {"type": "string", "pattern": "^[a-z0-9._-]{1,100}$"}
                }
            }
        })
    }

    /// Its facets.
    #[must_use]
    pub fn facets(&self) -> BTreeSet<Facet> {
        let teams = self.teams.iter().map(|team| Facet::new(TEAM, team));
        teams.chain([Facet::new(ORG_ROLE, self.org_role.as_str())]).collect()
    }
}

fn read_role(fields: &Map<String, Value>, mistakes: &mut Vec<ConfigError>) -> Option<Role> {
    let wrong = |message: &str, hint: &str| mistake(&["org_role"], message).hint(hint);
    let found = match fields.get("org_role") {
        // A team's member is the organisation's: there is no other way in.
        None if fields.contains_key("teams") => Ok(Role::Member),
        None => Err(wrong("the role is missing", "write org_role = \"member\" or teams = [\"engineering\"]")),
        Some(Value::String(role)) => Role::parse(role).ok_or_else(|| match role.to_lowercase().as_str() {
            "owner" | "admin" | "administrator" => {
                wrong("GitHub's API knows an owner by another word", "write org_role = \"admin\"")
            }
            "direct_member" | "direct-member" | "member" => {
                wrong("a member is spelled otherwise here", "write org_role = \"member\"")
            }
            "billing_manager" | "billing-manager" => wrong(
                "billing managers are not made",
                "GitHub can make one by an invitation and cannot give the role back: do it by hand",
            ),
            _ => wrong("there is no such role", "write org_role = \"member\", or \"admin\" for an owner"),
        }),
        Some(_) => Err(wrong("the role is not a text", "write org_role = \"member\"")),
    };
    found.map_err(|wrong| mistakes.push(wrong)).ok()
}

fn read_teams(fields: &Map<String, Value>, mistakes: &mut Vec<ConfigError>) -> BTreeSet<String> {
    let mut teams = BTreeSet::new();
    let listed = match fields.get("teams") {
        None => return teams,
        Some(Value::Array(listed)) => listed,
        Some(_) => {
            mistakes.push(
                mistake(&["teams"], "the teams are not a list").hint("write teams = [\"engineering\"]"),
            );
            return teams;
        }
    };
    if listed.is_empty() {
        mistakes.push(
            mistake(&["teams"], "the list is empty").hint("name a team, or write org_role = \"member\""),
        );
    }
    if listed.len() > MOST_TEAMS {
        mistakes.push(mistake(&["teams"], format!("these are more than {MOST_TEAMS} teams")));
        return teams;
    }
    for (index, team) in listed.iter().enumerate() {
        let index = index.to_string();
        let path = ["teams", index.as_str()];
        match team.as_str().map(|team| (team, checked_slug(team))) {
            None => mistakes.push(
                mistake(&path, "a team's slug is a text")
                    .hint("write \"engineering\"; whoever is to maintain a team is made that by hand"),
            ),
            Some((_, Err(wrong))) => {
                mistakes.push(ConfigError { path: path.map(str::to_owned).to_vec(), ..wrong });
            }
            Some((team, Ok(()))) => {
                if !teams.insert(team.to_owned()) {
                    mistakes.push(mistake(&path, format!("{team:?} is named twice")));
                }
            }
        }
    }
    teams
}

/// A slug is what GitHub makes of a team's name: lower case, with hyphens for what is neither letter nor digit.
fn checked_slug(slug: &str) -> Result<(), ConfigError> {
    let wrong = |message: &str| mistake(&[], message);
    let plain =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-_.".contains(letter);
    if slug.is_empty() {
        Err(wrong("the team's slug is empty"))
    } else if slug.contains('/') {
        Err(wrong("the team's slug has a slash in it").hint("write it without the organisation"))
    } else if slug.len() > LONGEST_SLUG {
        Err(wrong("the team's slug is longer than 100 characters"))
    } else if !slug.chars().all(plain) || slug.chars().all(|letter| letter == '.') {
        Err(wrong("this is a team's name, or nothing of a team's").hint(
            "write the slug, which stands at the end of the team's address: lower case, with hyphens for spaces",
        ))
    } else {
        Ok(())
    }
}

fn mistake(path: &[&str], message: impl Into<String>) -> ConfigError {
    ConfigError::at(path.iter().copied(), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(entry: &Value) -> Vec<String> {
        Entitlement::read(entry).unwrap_err().iter().map(ToString::to_string).collect()
    }

    fn facets(entry: &Value) -> Vec<String> {
        Entitlement::read(entry).unwrap().facets().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_role_and_its_teams_are_one_facet_each() {
        let entry = json!({"org_role": "admin", "teams": ["security", "engineering"]});
        assert_eq!(facets(&entry), ["org_role admin", "team engineering", "team security"]);
    }

    #[test]
    fn teams_imply_membership() {
        assert_eq!(facets(&json!({"teams": ["engineering"]})), ["org_role member", "team engineering"]);
    }

    #[test]
    fn a_mistake_says_where_it_is_and_what_to_write() {
        let table = [
            (json!("member"), "this is not an entitlement (write { teams = [\"engineering\"] })"),
            (json!({}), "org_role: the role is missing"),
            (json!({"org_role": 3}), "org_role: the role is not a text"),
            (
                json!({"org_role": "owner"}),
                "org_role: GitHub's API knows an owner by another word (write org_role = \"admin\")",
            ),
            (
                json!({"org_role": "direct_member"}),
                "org_role: a member is spelled otherwise here (write org_role = \"member\")",
            ),
            (json!({"org_role": "Member"}), "org_role: a member is spelled otherwise here"),
            (json!({"org_role": "billing_manager"}), "org_role: billing managers are not made"),
            (json!({"org_role": "guest"}), "org_role: there is no such role"),
            (json!({"org_role": "member", "team": "x"}), "team: GitHub knows no such key (the keys are"),
            (json!({"teams": "engineering"}), "teams: the teams are not a list"),
            (json!({"teams": []}), "teams: the list is empty"),
            (json!({"teams": [{"slug": "x", "role": "maintainer"}]}), "teams.0: a team's slug is a text"),
            (json!({"teams": ["a", ""]}), "teams.1: the team's slug is empty"),
            (json!({"teams": ["acme/engineering"]}), "teams.0: the team's slug has a slash in it"),
            (json!({"teams": ["Site Reliability"]}), "teams.0: this is a team's name"),
            (json!({"teams": [".."]}), "teams.0: this is a team's name"),
            (json!({"teams": ["x".repeat(101)]}), "teams.0: the team's slug is longer than 100"),
            (json!({"teams": ["a", "a"]}), "teams.1: \"a\" is named twice"),
        ];
        for (entry, expected) in table {
            let found = wrong(&entry);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(expected), "{} is not {expected}", found[0]);
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let found = wrong(&json!({"rolle": "member", "org_role": "owner", "teams": ["", 2]}));
        assert_eq!(found.len(), 4, "{found:?}");
    }

    #[test]
    fn a_permission_cannot_name_more_teams_than_one_plan_could_join() {
        let teams: Vec<String> = (0..31).map(|number| format!("t{number}")).collect();
        assert_eq!(wrong(&json!({ "teams": teams })), ["teams: these are more than 30 teams"]);
    }
}
