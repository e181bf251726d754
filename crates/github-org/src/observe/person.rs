//! From an address to an account, or to none.

use std::collections::BTreeMap;

use serde_json::Value;
use usher_core::{Fault, RefusalKind, Sent, Subject, SubjectKey};

use super::{FOUND_BY, FoundBy, Person, Reading, USER_ID};
use crate::api::{self, SamlHit, SamlIdentities};
use crate::config::{IdentifyBy, is_login};

/// Whose account it is.
pub(super) enum Found {
    Nobody,
    One(Person),
    Several(u32),
}

impl Reading<'_> {
    /// The account, by the ways of the settings in their order; else the remembered one.
    pub(super) async fn find(&mut self, who: &Subject) -> Result<Found, Fault> {
        if !is_address(self.key.as_str()) {
            let sentence =
                "The person's e-mail address is not one that GitHub could know: correct it in Lumos.";
            return Err(api::LIST_INVITATIONS.no(Sent::No, RefusalKind::Invalid, sentence));
        }
        let remembered = self.handle(USER_ID);
        let ways = self.connection.settings.identify_by.clone();
        for way in &ways {
            let found = match way {
                IdentifyBy::Saml => self.by_saml(who).await?,
                IdentifyBy::CustomField(name) => self.by_field(who, name, remembered).await?,
                IdentifyBy::InviteByEmail => Found::Nobody,
            };
            if !matches!(found, Found::Nobody) {
                return Ok(found);
            }
        }
        match remembered {
            Some(id) => self.by_id(id, ways.contains(&IdentifyBy::Saml)).await,
            None => Ok(Found::Nobody),
        }
    }

    async fn by_saml(&mut self, who: &Subject) -> Result<Found, Fault> {
        let mut accounts = BTreeMap::new();
        // Whether the filter minds the case is not published.
        let mut names = vec![who.email.trim().to_owned()];
        names.extend(Some(self.key.as_str().to_owned()).filter(|key| !names.contains(key)));
        for name in names {
            match self.api.identities_named(self.call, &name).await? {
                SamlIdentities::Unavailable => {
                    self.saw(&api::LIST_IDENTITIES, "single sign-on is not on the organisation");
                    return Ok(Found::Nobody);
                }
                SamlIdentities::Found(hits) => {
                    self.is_saml_shown = true;
                    accounts.extend(
                        hits.into_iter().filter(|hit| bears(hit, &self.key)).filter_map(|hit| hit.user),
                    );
                }
            }
            if !accounts.is_empty() {
                break;
            }
        }
        self.saw(&api::LIST_IDENTITIES, format!("accounts with exactly this name: {}", accounts.len()));
        let several = u32::try_from(accounts.len()).unwrap_or(u32::MAX);
        match accounts.pop_first() {
            None => Ok(Found::Nobody),
            Some((id, login)) if accounts.is_empty() => Ok(Found::One(now(id, login, FoundBy::Saml))),
            Some(_) => Ok(Found::Several(several)),
        }
    }

    async fn by_field(&mut self, who: &Subject, name: &str, remembered: Option<u64>) -> Result<Found, Fault> {
        let login = who.custom_fields.get(name).and_then(Value::as_str).map(str::trim);
        let Some(login) = login.filter(|login| is_login(login)) else { return Ok(Found::Nobody) };
        let user = self.api.user_called(self.call, login).await?;
        let user = user.filter(|user| user.kind.as_deref().is_none_or(|kind| kind == "User"));
        let shows =
            if user.is_some() { "an account has the login of the custom field" } else { "no such account" };
        self.saw(&api::FIND_USER, shows);
        Ok(match (user, remembered) {
            (None, _) => Found::Nobody,
            // Two accounts, and the requester's word for one of them.
            (Some(user), Some(before)) if before != user.id => Found::Several(2),
            (Some(user), _) => Found::One(now(user.id, user.login, FoundBy::CustomField)),
        })
    }

    /// The account that GitHub itself has found to an invited address.
    pub(super) async fn by_invitation(&mut self, login: &str) -> Result<Option<Person>, Fault> {
        let user = self.api.user_called(self.call, login).await?;
        self.saw(&api::FIND_USER, "the account that the invitation names");
        Ok(user.map(|user| now(user.id, user.login, FoundBy::Invitation)))
    }

    /// A remembered account, under whatever login it has by now.
    async fn by_id(&mut self, id: u64, has_saml: bool) -> Result<Found, Fault> {
        let Some(user) = self.api.user(self.call, id).await? else {
            self.saw(&api::SHOW_USER, "the remembered account is not there any more");
            return Ok(Found::Nobody);
        };
        self.saw(&api::SHOW_USER, "the remembered account");
        if has_saml
            && let SamlIdentities::Found(hits) = self.api.identities_of(self.call, &user.login).await?
            && hits.iter().any(|hit| !hit.names.is_empty())
            && !hits.iter().any(|hit| bears(hit, &self.key))
        {
            let sentence = "The remembered GitHub account belongs to another address by now: see whose access it is, and take it away by hand if it has to go.";
            return Err(api::LIST_IDENTITIES.no(Sent::Yes, RefusalKind::Ambiguous, sentence));
        }
        let found_by = FoundBy::parse(self.known.handles.get(FOUND_BY).map(String::as_str));
        Ok(Found::One(Person { id, login: user.login, found_by, is_found_now: false }))
    }
}

fn now(id: u64, login: String, found_by: FoundBy) -> Person {
    Person { id, login, found_by, is_found_now: true }
}

fn bears(hit: &SamlHit, key: &SubjectKey) -> bool {
    hit.names.iter().any(|name| SubjectKey::of(name) == *key)
}

/// Whether it can be an address. Whatever GitHub finds is compared exactly besides.
fn is_address(address: &str) -> bool {
    let odd = |letter: char| letter.is_whitespace() || letter.is_control();
    address
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
        && address.len() <= 254
        && !address.contains(odd)
}
