//! Credentials.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use usher_sandbox::zendesk::{CLIENT_ID, CLIENT_SECRET};

use crate::desk::{Answer, Desk, answer};

async fn ask_token(desk: &Desk, body: Value) -> Answer {
    let url = format!("{}/oauth/tokens", desk.sandbox.zendesk_url());
    answer(desk.http.post(url).json(&body)).await
}

async fn token(desk: &Desk) -> String {
    let wanted =
        json!({"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET});
    let given = ask_token(desk, wanted).await;
    assert_eq!((given.status, &given.body["token_type"]), (200, &json!("bearer")));
    given.body["access_token"].as_str().unwrap().to_owned()
}

async fn me(desk: &Desk, bearer: &str) -> Answer {
    let url = format!("{}/api/v2/users/me.json", desk.sandbox.zendesk_url());
    answer(desk.http.get(url).bearer_auth(bearer)).await
}

#[tokio::test]
async fn client_credentials_give_a_token_that_ends_when_it_says() {
    let desk = Desk::start().await;
    let token = token(&desk).await;
    assert!(me(&desk, &token).await.body["user"]["id"].is_u64());
    desk.sandbox.clock().advance(Duration::from_secs(1_799));
    assert!(me(&desk, &token).await.body["user"]["id"].is_u64());
    desk.sandbox.clock().advance(Duration::from_secs(1));
    assert!(me(&desk, &token).await.body["user"]["id"].is_null());
}

#[tokio::test]
async fn a_form_is_taken_for_a_token_as_well() {
    let desk = Desk::start().await;
    let url = format!("{}/oauth/tokens", desk.sandbox.zendesk_url());
    let form = format!(
        "grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}&expires_in=600"
    );
    let form = desk.http.post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
    let given = answer(form).await;
    assert_eq!((given.status, &given.body["expires_in"]), (200, &json!(600)));
}

#[tokio::test]
async fn a_wrong_client_secret_is_invalid_client() {
    let desk = Desk::start().await;
    let wanted = json!({"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": "no"});
    let refused = ask_token(&desk, wanted).await;
    assert_eq!((refused.status, &refused.body["error"]), (401, &json!("invalid_client")));
}

#[tokio::test]
async fn a_lifetime_outside_of_five_minutes_to_two_days_is_refused() {
    let desk = Desk::start().await;
    for lifetime in [299, 172_801] {
        let wanted = json!({"grant_type": "client_credentials", "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET, "expires_in": lifetime});
        assert_eq!(ask_token(&desk, wanted).await.status, 400);
    }
}

#[tokio::test]
async fn a_wrong_token_is_401_except_on_me_which_is_200_and_anonymous() {
    let desk = Desk::start().await;
    let anonymous = me(&desk, "wrong").await;
    assert_eq!((anonymous.status, &anonymous.body["user"]["id"]), (200, &Value::Null));
    assert_eq!(anonymous.body["user"]["name"], "Anonymous user");
    for path in ["/api/v2/users/1", "/api/v2/groups", "/api/v2/users/search?query=a"] {
        let url = format!("{}{path}", desk.sandbox.zendesk_url());
        assert_eq!(answer(desk.http.get(&url).bearer_auth("wrong")).await.status, 401);
        assert_eq!(answer(desk.http.get(&url)).await.status, 401);
    }
    desk.sandbox.configure_zendesk(|settings| settings.anonymous_me = false);
    assert_eq!(me(&desk, "wrong").await.status, 401);
}

#[tokio::test]
async fn api_tokens_can_be_switched_off() {
    let desk = Desk::start().await;
    assert_eq!(desk.get("/api/v2/groups").await.status, 200);
    desk.sandbox.configure_zendesk(|settings| settings.api_token = None);
    assert_eq!(desk.get("/api/v2/groups").await.status, 401);
}

#[tokio::test]
async fn a_wrong_credential_changes_nothing() {
    let desk = Desk::start().await;
    let url = format!("{}/api/v2/users", desk.sandbox.zendesk_url());
    let body = json!({"user": {"name": "Ann", "email": "ann@example.com"}});
    let sent = desk.http.request(Method::POST, url).bearer_auth("wrong").json(&body);
    assert_eq!(answer(sent).await.status, 401);
    assert!(desk.sandbox.effects().is_empty());
    assert!(desk.sandbox.users("ann@example.com").is_empty());
}
