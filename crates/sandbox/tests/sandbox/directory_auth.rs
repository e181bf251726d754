//! The directory: client credentials.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use usher_sandbox::directory::{CLIENT_ID, CLIENT_SECRET};

use crate::desk::{Answer, Desk, answer};

async fn ask(desk: &Desk, basic: Option<(&str, &str)>, form: &str) -> Answer {
    let request = desk.http.post(format!("{}/oauth/token", desk.sandbox.directory_url()));
    let request = match basic {
        Some((id, secret)) => request.basic_auth(id, Some(secret)),
        None => request,
    };
    answer(request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned())).await
}

#[tokio::test]
async fn the_secret_is_taken_in_the_form_or_by_basic_authentication_and_not_both() {
    let desk = Desk::start().await;
    let posted = format!("grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}");
    let given = ask(&desk, None, &posted).await;
    assert_eq!((given.status, &given.body["expires_in"]), (200, &json!(3_600)));
    let basic = Some((CLIENT_ID, CLIENT_SECRET));
    assert_eq!(ask(&desk, basic, "grant_type=client_credentials").await.status, 200);
    assert_eq!(ask(&desk, basic, &posted).await.status, 400);
}

#[tokio::test]
async fn a_wrong_client_grant_or_body_is_refused_as_rfc_6749_says() {
    let desk = Desk::start().await;
    for (basic, form, status, error) in [
        (Some((CLIENT_ID, "no")), "grant_type=client_credentials", 401, "invalid_client"),
        (Some(("no", CLIENT_SECRET)), "grant_type=client_credentials", 401, "invalid_client"),
        (None, "grant_type=client_credentials", 401, "invalid_client"),
        (Some((CLIENT_ID, CLIENT_SECRET)), "grant_type=password", 400, "unsupported_grant_type"),
    ] {
        let refused = ask(&desk, basic, form).await;
        assert_eq!((refused.status, &refused.body["error"]), (status, &json!(error)));
    }
    let url = format!("{}/oauth/token", desk.sandbox.directory_url());
    let body = json!({"grant_type": "client_credentials"});
    assert_eq!(answer(desk.http.post(url).json(&body)).await.body["error"], json!("invalid_request"));
}

#[tokio::test]
async fn a_secret_with_special_characters_is_form_encoded_within_basic() {
    let desk = Desk::start().await;
    desk.sandbox.configure_directory(|settings| settings.client_secret = "a b+c%:d".to_owned());
    let form = "grant_type=client_credentials";
    assert_eq!(ask(&desk, Some((CLIENT_ID, "a+b%2Bc%25%3Ad")), form).await.status, 200);
    assert_eq!(ask(&desk, Some((CLIENT_ID, "a b+c%:d")), form).await.status, 401);
}

#[tokio::test]
async fn a_token_ends_when_it_says_and_without_one_nothing_is_shown() {
    let desk = Desk::start().await;
    let token = desk.directory_token().await;
    let url = format!("{}/api/users", desk.sandbox.directory_url());
    let status = async |token: &str| answer(desk.http.get(&url).bearer_auth(token)).await.status;
    assert_eq!(status(&token).await, 200);
    desk.sandbox.clock().advance(Duration::from_secs(3_600));
    assert_eq!(status(&token).await, 401);
    assert_eq!(status("wrong").await, 401);
    let bare = answer(desk.http.request(Method::GET, &url)).await;
    assert_eq!((bare.status, bare.header("www-authenticate").is_some()), (401, true));
}
