//! The SAML identities of the organisation: the one thing that GraphQL alone shows.

use serde::Deserialize;
use serde_json::{Value, json};
use usher_core::{Call, Fault};
use usher_vendor_client::VendorRequest;

use super::{Api, errors_of, forbidden, read, successful};
use crate::error::Operation;

pub(crate) const LIST_IDENTITIES: Operation = Operation::query("look up the SAML identity");

const BY_NAME: &str = "query($org: String!, $userName: String!) { organization(login: $org) { samlIdentityProvider { \
    externalIdentities(first: 10, userName: $userName) { nodes { \
    samlIdentity { nameId username } user { databaseId login } } } } } }";
const BY_LOGIN: &str = "query($org: String!, $login: String!) { organization(login: $org) { samlIdentityProvider { \
    externalIdentities(first: 10, login: $login) { nodes { \
    samlIdentity { nameId username } user { databaseId login } } } } } }";

/// What the organisation's identity provider shows.
pub(crate) enum SamlIdentities {
    /// Single sign-on is not on the organisation, or sits on the enterprise, where this credential cannot read.
    Unavailable,
    /// The identities that a filter found.
    Found(Vec<SamlHit>),
}

/// An identity. Its names are addresses as a rule, and never shown: no `Debug`.
pub(crate) struct SamlHit {
    pub(crate) names: Vec<String>,
    /// The account that is linked to it, by id and login.
    pub(crate) user: Option<(u64, String)>,
}

#[derive(Deserialize)]
struct Identities {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    #[serde(default)]
    saml_identity: Option<Saml>,
    #[serde(default)]
    user: Option<LinkedUser>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Saml {
    #[serde(default)]
    name_id: Option<String>,
    #[serde(default)]
    username: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinkedUser {
    database_id: Option<u64>,
    login: String,
}

impl Api {
    /// The identities with a user name (or NameID).
    pub(crate) async fn identities_named(&self, call: &Call, name: &str) -> Result<SamlIdentities, Fault> {
        let variables = json!({ "org": self.org, "userName": name });
        self.identities(call, BY_NAME, variables).await
    }

    /// The identities of an account.
    pub(crate) async fn identities_of(&self, call: &Call, login: &str) -> Result<SamlIdentities, Fault> {
        self.identities(call, BY_LOGIN, json!({ "org": self.org, "login": login })).await
    }

    async fn identities(&self, call: &Call, query: &str, variables: Value) -> Result<SamlIdentities, Fault> {
        let operation = LIST_IDENTITIES;
        let client = self.graphql.as_ref().unwrap_or(&self.client);
        let request = VendorRequest::post(operation.template)
            .changes(false)
            .json(&json!({ "query": query, "variables": variables }));
        let response = client.send(call, request).await.map_err(|failure| operation.unanswered(failure))?;
        let response = successful(&operation, response)?;
        let body: Value = read(&operation, &response)?;
        if errors_of(&body).is_some() {
            return Err(forbidden(
                &operation,
                "GitHub does not show the organisation's SAML identities to Usher's credential: give the App members: write, or take \"saml\" out of identify_by",
            ));
        }
        match body.pointer("/data/organization/samlIdentityProvider") {
            None => Err(operation.unreadable(&response, "the answer names no organisation")),
            Some(Value::Null) => Ok(SamlIdentities::Unavailable),
            Some(provider) => {
                let listed = provider.get("externalIdentities").cloned().unwrap_or(Value::Null);
                let listed: Identities = serde_json::from_value(listed).map_err(|_| {
                    operation.unreadable(&response, "the SAML identities have not the documented form")
                })?;
                Ok(SamlIdentities::Found(listed.nodes.into_iter().map(hit).collect()))
            }
        }
    }
}

fn hit(node: Node) -> SamlHit {
    let names = node.saml_identity.map(|saml| [saml.name_id, saml.username]).unwrap_or_default();
    SamlHit {
        names: names.into_iter().flatten().collect(),
        user: node.user.and_then(|user| Some((user.database_id?, user.login))),
    }
}
