//! The suite that every connector passes. What stands here is Zendesk's behaviour; nothing is asserted.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

/// The small Zendesk that remembers.
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod support {
    pub(crate) mod answers;
    pub(crate) mod world;

    pub(crate) const CLIENT_SECRET: &str = "a-client-secret-that-nobody-may-see";
    pub(crate) const API_TOKEN: &str = "an-api-token-that-nobody-may-see";
}

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use support::world::{LIGHT_AGENT, SUPPORT, World};
use support::{API_TOKEN, CLIENT_SECRET};
use usher_contract::{Kind, Many, One, Permissions, Secret, Trouble, VendorUnderTest, plainly};
use usher_core::{Connector, Facet, SecretRef, Subject};
use usher_zendesk_license::ZendeskLicense;
use wiremock::http::Method;
use wiremock::{Request, ResponseTemplate};

usher_contract::suite!(ZendeskUnderTest::by_oauth);

mod with_a_legacy_api_token {
    usher_contract::suite!(super::ZendeskUnderTest::by_api_token);
}

#[derive(Debug)]
struct ZendeskUnderTest {
    has_api_token: bool,
    zendesk: Mutex<Zendesk>,
}

#[derive(Debug)]
struct Zendesk {
    world: World,
    /// A line for each request that altered something: a new agent's default group comes in the same one as the role.
    effects: Vec<String>,
}

impl ZendeskUnderTest {
    fn by_oauth() -> Self {
        let world = World::new("https://acme.zendesk.com");
        Self { has_api_token: false, zendesk: Mutex::new(Zendesk { world, effects: Vec::new() }) }
    }

    fn by_api_token() -> Self {
        Self { has_api_token: true, ..Self::by_oauth() }
    }
}

impl World {
    fn enroll(&mut self, email: &str) -> u64 {
        if let Some(user) = self.by_email(email).first() {
            return user.id;
        }
        let id = self.new_id();
        self.put(id, email, "end-user", None);
        id
    }

    fn take_role_by_hand(&mut self, id: u64, role: &str, custom_role_id: Option<u64>) {
        let user = self.user_mut(id);
        role.clone_into(&mut user.role);
        user.custom_role_id = custom_role_id;
    }
}

impl VendorUnderTest for ZendeskUnderTest {
    fn connector(&self) -> Arc<dyn Connector> {
        Arc::new(ZendeskLicense)
    }

    fn settings(&self) -> Value {
        if self.has_api_token {
            return json!({
                "subdomain": "acme",
                "api_token": {"email": "admin@acme.example", "token": {"env": "SECRET"}},
            });
        }
        json!({"subdomain": "acme", "oauth": {"client_id": "usher", "client_secret": {"env": "SECRET"}}})
    }

    fn secrets(&self) -> Vec<Secret> {
        let value = if self.has_api_token { API_TOKEN } else { CLIENT_SECRET };
        vec![Secret { place: SecretRef::Env("SECRET".to_owned()), value: value.to_owned() }]
    }

    fn permissions(&self) -> Permissions {
        Permissions {
            main: json!({"role": "agent"}),
            many: Some(Many {
                entry: json!({"role": "light-agent", "groups": ["Tier 1"]}),
                other: Facet::new("group", "Tier 2"),
            }),
            one: Some(One { entry: json!({"role": "agent"}), former: Facet::new("role", "light-agent") }),
        }
    }

    fn enroll(&self, who: &Subject) {
        self.zendesk.lock().unwrap().world.enroll(&who.email);
    }

    fn give(&self, who: &Subject, facet: &Facet) {
        let world = &mut self.zendesk.lock().unwrap().world;
        let id = world.enroll(&who.email);
        match (facet.slot.as_str(), facet.value.as_str()) {
            ("role", "light-agent") => world.take_role_by_hand(id, "agent", Some(LIGHT_AGENT)),
            ("role", role) => world.take_role_by_hand(id, role, None),
            (_, name) => {
                // Only agents can be in a group.
                world.take_role_by_hand(id, "agent", None);
                let group = world.groups.iter().find(|(_, group)| group == name).unwrap().0;
                world.join(id, group);
            }
        }
    }

    /// Without the account's default group, which every agent is in.
    fn holds(&self, who: &Subject) -> BTreeSet<Facet> {
        let world = &self.zendesk.lock().unwrap().world;
        let users = world.by_email(&who.email);
        let Some(user) = users.first() else { return BTreeSet::new() };
        let is_light = user.custom_role_id == Some(LIGHT_AGENT);
        let role = Facet::new("role", if is_light { "light-agent" } else { &user.role });
        let groups = world.groups_of(user.id).into_iter().filter(|group| *group != SUPPORT);
        let named = groups.map(|group| {
            let (_, name) = world.groups.iter().find(|(id, _)| *id == group).unwrap();
            Facet::new("group", name)
        });
        named.chain([role]).collect()
    }

    fn effects(&self) -> Vec<String> {
        self.zendesk.lock().unwrap().effects.clone()
    }

    fn kind(&self, method: &Method, path: &str) -> Kind {
        match method.as_str() {
            "GET" => Kind::Read,
            _ if path == "/oauth/tokens" => Kind::SignIn,
            _ => Kind::Change,
        }
    }

    fn answer(&self, request: &Request) -> ResponseTemplate {
        let mut zendesk = self.zendesk.lock().unwrap();
        let path = request.url.path().trim_end_matches(".json").to_owned();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        // Five updates of a user a minute: the suite's minutes pass without the stand-in's.
        zendesk.world.updates.clear();
        let before = zendesk.world.effects.len();
        let answer = zendesk.world.answer(request, &path, &body);
        let altered = zendesk.world.effects[before..].join(", ");
        if !altered.is_empty() {
            zendesk.effects.push(altered);
        }
        answer
    }

    /// Zendesk quotes no credential; a proxy in front of it might.
    fn troubled(&self, trouble: Trouble, request: &Request) -> ResponseTemplate {
        let sent = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        let body = |error: &str| json!({"error": error, "description": format!("sent with {sent:?}")});
        match trouble {
            // Of a full account only the error's name is known.
            Trouble::Refuses => ResponseTemplate::new(422).set_body_json(json!({
                "error": "RecordInvalid",
                "description": format!("sent with {sent:?}"),
                "details": {"base": [{"description": "no seat", "error": "MaxAgentExceeded"}]},
            })),
            Trouble::Unauthorized => plainly(trouble).set_body_json(body("Couldn't authenticate you")),
            Trouble::Throttles { .. } => plainly(trouble).set_body_json(body("TooManyRequests")),
            _ => plainly(trouble).set_body_json(body("InternalServerError")),
        }
    }

    fn refusal(&self) -> String {
        "Every paid Zendesk seat is taken".to_owned()
    }
}
