//! The bodies of GitHub's published description, as far as somebody reads them.

use serde_json::{Map, Value, json};

use super::auth::Caller;
use super::model::{Account, Invitation, Invitee, Team};
use super::organisation::Organisation;
use super::settings::{OWNER_LOGIN, OrgRole, TeamRole};
use crate::history::Reading;
use crate::stand_in::stamp;

/// The description's `simple-user`.
pub(super) fn simple_user(base: &str, account: &Account) -> Value {
    let Account { login, id, .. } = account;
    let url = format!("{base}/users/{login}");
    json!({
        "login": login,
        "id": id,
        "node_id": node_id(*id),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?v=4"),
        "gravatar_id": "",
        "url": url,
        "html_url": format!("https://github.com/{login}"),
        "followers_url": format!("{url}/followers"),
        "following_url": format!("{url}/following{{/other_user}}"),
        "gists_url": format!("{url}/gists{{/gist_id}}"),
        "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{url}/subscriptions"),
        "organizations_url": format!("{url}/orgs"),
        "repos_url": format!("{url}/repos"),
        "events_url": format!("{url}/events{{/privacy}}"),
        "received_events_url": format!("{url}/received_events"),
        "type": "User",
        "user_view_type": "public",
        "site_admin": false,
    })
}

pub(super) fn node_id(id: u64) -> String {
    format!("U_sandbox{id}")
}

/// The description's `public-user`: of the addresses the one on the public profile alone.
pub(super) fn public_user(base: &str, account: &Account) -> Value {
    let mut user = simple_user(base, account);
    let created = stamp(account.created_at);
    let more = json!({
        "name": null, "company": null, "blog": "", "location": null, "email": account.public_email,
        "hireable": null, "bio": null, "twitter_username": null, "public_repos": 0, "public_gists": 0,
        "followers": 0, "following": 0, "created_at": created, "updated_at": created,
    });
    if let (Value::Object(fields), Value::Object(more)) = (&mut user, more) {
        fields.extend(more);
    }
    user
}

impl Organisation {
    fn org_fields(&self, base: &str) -> Map<String, Value> {
        let (org, id) = (&self.settings.org, self.id);
        let url = format!("{base}/orgs/{org}");
        let fields = json!({
            "login": org,
            "id": id,
            "node_id": format!("O_sandbox{id}"),
            "url": url,
            "repos_url": format!("{url}/repos"),
            "events_url": format!("{url}/events"),
            "hooks_url": format!("{url}/hooks"),
            "issues_url": format!("{url}/issues"),
            "members_url": format!("{url}/members{{/member}}"),
            "public_members_url": format!("{url}/public_members{{/member}}"),
            "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?v=4"),
            "description": null,
        });
        match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    /// The organisation as the owner of an App, or the target of its installation.
    pub(super) fn org_as_account(&self, base: &str) -> Value {
        let stand_in = Account {
            id: self.id,
            login: self.settings.org.clone(),
            emails: Vec::new(),
            unverified: Vec::new(),
            public_email: None,
            member: None,
            teams: super::model::Teams::new(),
            former: None,
            saml_name_id: None,
            blocks_org: false,
            managed: false,
            created_at: self.created_at,
        };
        let mut account = simple_user(base, &stand_in);
        if let Value::Object(fields) = &mut account {
            fields.insert("type".to_owned(), json!("Organization"));
        }
        account
    }

    /// The description's `organization-full`; the plan's seats are for whoever may see them.
    pub(super) fn org(&self, base: &str, caller: Caller) -> Value {
        let mut fields = self.org_fields(base);
        let created = stamp(self.created_at);
        let more = json!({
            "name": self.settings.org, "has_organization_projects": true, "has_repository_projects": true,
            "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
            "html_url": format!("https://github.com/{}", self.settings.org), "type": "Organization",
            "created_at": created, "updated_at": created, "archived_at": null,
        });
        if let Value::Object(more) = more {
            fields.extend(more);
        }
        if caller == Caller::Owner || self.settings.permissions.contains_key("organization_plan") {
            let mut plan = json!({
                "name": "business", "space": 976_562_499, "private_repos": 999_999,
                "filled_seats": self.seats_taken(),
            });
            if let (Value::Object(plan), Some(seats)) = (&mut plan, self.settings.seats) {
                plan.insert("seats".to_owned(), json!(seats));
            }
            fields.insert("plan".to_owned(), plan);
        }
        Value::Object(fields)
    }

    /// The description's `org-membership`.
    pub(super) fn membership(&self, base: &str, account: &Account, state: &str, role: OrgRole) -> Value {
        let org = &self.settings.org;
        json!({
            "url": format!("{base}/orgs/{org}/memberships/{}", account.login),
            "state": state,
            "role": role.as_str(),
            "direct_membership": true,
            "enterprise_teams_providing_indirect_membership": [],
            "organization_url": format!("{base}/orgs/{org}"),
            "organization": self.org_fields(base),
            "user": simple_user(base, account),
            "permissions": {"can_create_repository": true},
        })
    }

    /// The description's `organization-invitation`.
    pub(super) fn invitation_body(&self, base: &str, row: &Invitation) -> Value {
        let (login, email) = match &row.invitee {
            Invitee::Account(id) => {
                (self.account(*id, Reading::Now).map(|account| account.login.clone()), None)
            }
            Invitee::Address(address) => (None, Some(address)),
        };
        let inviter = self.account_called(OWNER_LOGIN, Reading::Now);
        let reason = "Invitation expired. User did not accept this invite for 7 days.";
        json!({
            "id": row.id,
            "node_id": format!("OI_sandbox{}", row.id),
            "login": login,
            "email": email,
            "role": if row.reinstates { "reinstate" } else { row.role.invited_as() },
            "created_at": stamp(row.created_at),
            "failed_at": row.failed_at.map(stamp),
            "failed_reason": row.failed_at.map(|_| reason),
            "inviter": inviter.map(|account| simple_user(base, &account)),
            "team_count": row.teams.len(),
            "invitation_teams_url": format!("{base}/organizations/{}/invitations/{}/teams", self.id, row.id),
            "invitation_source": "member",
        })
    }

    /// The description's `team`.
    pub(super) fn team_body(&self, base: &str, team: &Team) -> Value {
        let (org, id) = (&self.settings.org, team.id);
        let url = format!("{base}/organizations/{}/team/{id}", self.id);
        json!({
            "id": id,
            "node_id": format!("T_sandbox{id}"),
            "name": team.name,
            "slug": team.slug,
            "description": null,
            "privacy": "closed",
            "notification_setting": "notifications_enabled",
            "permission": "pull",
            "url": url,
            "html_url": format!("https://github.com/orgs/{org}/teams/{}", team.slug),
            "members_url": format!("{url}/members{{/member}}"),
            "repositories_url": format!("{url}/repos"),
            "type": "organization",
            "organization_id": self.id,
            "parent": null,
        })
    }

    /// The description's `team-full`.
    pub(super) fn whole_team_body(&self, base: &str, team: &Team, members: usize) -> Value {
        let mut body = self.team_body(base, team);
        if let Value::Object(fields) = &mut body {
            let created = json!(stamp(self.created_at));
            fields.insert("members_count".to_owned(), json!(members));
            fields.insert("repos_count".to_owned(), json!(0));
            fields.insert("created_at".to_owned(), created.clone());
            fields.insert("updated_at".to_owned(), created);
            fields.insert("organization".to_owned(), self.org(base, Caller::Installation));
        }
        body
    }

    /// The description's `team-membership`.
    pub(super) fn team_membership(
        &self,
        base: &str,
        team: &Team,
        login: &str,
        role: TeamRole,
        state: &str,
    ) -> Value {
        let url = format!("{base}/organizations/{}/team/{}/memberships/{login}", self.id, team.id);
        json!({"url": url, "role": role.as_str(), "state": state})
    }
}
