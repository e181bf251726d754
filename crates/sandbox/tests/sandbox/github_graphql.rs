//! GitHub: SAML identities by GraphQL.

use reqwest::Method;
use serde_json::{Value, json};
use usher_sandbox::github::{AccountSeed, Saml};

use crate::desk::Desk;

const BY_NAME: &str = "query($org: String!, $userName: String!) { organization(login: $org) { samlIdentityProvider { \
    externalIdentities(first: 10, userName: $userName) { nodes { \
    samlIdentity { nameId username } user { databaseId login } } } } } }";

async fn ask(desk: &Desk, query: &str, variables: Value) -> Value {
    let body = json!({"query": query, "variables": variables});
    let answer = desk.github(Method::POST, "/graphql", Some(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

async fn started() -> (Desk, u64) {
    let desk = Desk::start().await;
    desk.sandbox.configure_github(|settings| settings.saml = Saml::Organization);
    for name in ["ann", "ben", "cyd"] {
        let email = format!("{name}@example.com");
        let account = AccountSeed { saml_name_id: Some(email.clone()), ..AccountSeed::member(name, &email) };
        desk.sandbox.seed_account(account).unwrap();
    }
    let id = desk.sandbox.account("ann").unwrap().id;
    (desk, id)
}

#[tokio::test]
async fn an_identity_is_found_by_name_with_its_account() {
    let (desk, id) = started().await;
    let found = ask(&desk, BY_NAME, json!({"org": "ACME", "userName": "ann@example.com"})).await;
    let nodes = &found["data"]["organization"]["samlIdentityProvider"]["externalIdentities"]["nodes"];
    let ann = json!({"samlIdentity": {"nameId": "ann@example.com", "username": "ann@example.com"},
        "user": {"databaseId": id, "login": "ann"}});
    assert_eq!(nodes, &json!([ann]));
    let none = ask(&desk, BY_NAME, json!({"org": "acme", "userName": "nn@example.com"})).await;
    let nodes = &none["data"]["organization"]["samlIdentityProvider"]["externalIdentities"]["nodes"];
    assert_eq!(nodes, &json!([]), "no part of a name finds it");
    assert_eq!(desk.sandbox.calls()[0].subject.as_deref(), Some("ann@example.com"));
}

#[tokio::test]
async fn identities_come_in_pages_by_cursor_and_under_aliases() {
    let (desk, _) = started().await;
    let query = "query Page($after: String = null) { organization(login: \"acme\") { sso: samlIdentityProvider { \
        externalIdentities(first: 2, after: $after) { totalCount pageInfo { hasNextPage endCursor } \
        edges { node { name: user { login } } } } } } }";
    let mut after = Value::Null;
    let mut seen = Vec::new();
    loop {
        let page = ask(&desk, query, json!({"after": after})).await;
        let page = &page["data"]["organization"]["sso"]["externalIdentities"];
        assert_eq!(page["totalCount"], json!(3));
        seen.extend(
            page["edges"].as_array().unwrap().iter().map(|edge| edge["node"]["name"]["login"].clone()),
        );
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] != json!(true) {
            break;
        }
    }
    assert_eq!(json!(seen), json!(["ann", "ben", "cyd"]));
    let query = "{ organization(login: \"acme\") { samlIdentityProvider { \
        externalIdentities(first: 5, login: \"BEN\") { nodes { samlIdentity { nameId } } } } } }";
    let found = ask(&desk, query, Value::Null).await;
    let nodes = &found["data"]["organization"]["samlIdentityProvider"]["externalIdentities"]["nodes"];
    assert_eq!(nodes, &json!([{"samlIdentity": {"nameId": "ben@example.com"}}]));
}

#[tokio::test]
async fn without_single_sign_on_on_the_organisation_there_is_null() {
    let (desk, _) = started().await;
    for saml in [Saml::Off, Saml::Enterprise] {
        desk.sandbox.configure_github(|settings| settings.saml = saml);
        let found = ask(&desk, BY_NAME, json!({"org": "acme", "userName": "ann@example.com"})).await;
        assert_eq!(found, json!({"data": {"organization": {"samlIdentityProvider": null}}}));
    }
}

#[tokio::test]
async fn what_cannot_be_answered_is_an_error_in_a_200() {
    let (desk, _) = started().await;
    let identities = |inner: &str| {
        format!(
            "{{ organization(login: \"acme\") {{ samlIdentityProvider {{ externalIdentities{inner} }} }} }}"
        )
    };
    for (query, variables, reason) in [
        ("{ organization(login: \"other\") { login } }".to_owned(), json!({}), "Could not resolve"),
        ("{ viewer { login } }".to_owned(), json!({}), "doesn't exist on type 'Query'"),
        (
            "{ organization(login: \"acme\") { king } }".to_owned(),
            json!({}),
            "doesn't exist on type 'Organization'",
        ),
        (identities("{ nodes { id } }"), json!({}), "`first`"),
        (identities("(first: 101) { nodes { id } }"), json!({}), "`first`"),
        (identities("(first: 1, user: \"a\") { nodes { id } }"), json!({}), "doesn't accept argument 'user'"),
        (identities("(first: 1) { nodes { king } }"), json!({}), "doesn't exist"),
        (identities("(first: 1) { nodes }"), json!({}), "selections"),
        (identities("(first: 1, after: \"x\") { nodes { id } }"), json!({}), "cursor"),
        ("{ organization(login: \"acme\") ".to_owned(), json!({}), "ends too early"),
        (BY_NAME.to_owned(), json!({"org": "acme"}), "$userName"),
        (BY_NAME.to_owned(), json!({"org": "acme", "userName": 7}), "$userName"),
        ("query { organization(login: $org) { login } }".to_owned(), json!({}), "not declared"),
        ("mutation { x }".to_owned(), json!({}), "is expected"),
    ] {
        let told = ask(&desk, &query, variables).await;
        let message = told["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(reason), "{query}: {message}");
    }
    let broken = desk.github(Method::POST, "/graphql", Some(json!({"query": 1}))).await;
    assert_eq!(broken.status, 400);
}
