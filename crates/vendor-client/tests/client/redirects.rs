//! Credentials stay at the base URL's origin.

use usher_core::Sent;
use usher_vendor_client::{Auth, FailureKind, VendorRequest};

use crate::support::{RawServer, socket_client, soon, wire};

fn bearer() -> Auth {
    Auth::Bearer("the-token".into())
}

fn get() -> VendorRequest {
    VendorRequest::get("/start")
}

#[tokio::test]
async fn a_redirect_within_the_origin_is_followed_with_the_credential() {
    let server = RawServer::start(|_, mut connection| async move {
        while let Some(request) = connection.request().await {
            let answer = match request.split(' ').nth(1).unwrap() {
                "/start" => wire(301, "location: /second?a=b#part\r\n", ""),
                "/second?a=b" => wire(307, "location: third\r\n", ""),
                "/third" => wire(200, "", "found"),
                other => wire(404, "", other),
            };
            connection.write(&answer).await;
        }
    })
    .await;
    let response = socket_client(&server.url(""), bearer()).send(&soon(), get()).await.unwrap();
    assert_eq!(response.body, "found");
    assert_eq!(server.requests().len(), 3);
    assert!(server.requests().iter().all(|request| request.contains("authorization: Bearer the-token")));
}

#[tokio::test]
async fn a_redirect_to_another_origin_is_an_error_and_nothing_arrives_there() {
    let other = RawServer::answering(wire(200, "", "")).await;
    let targets = [
        other.url("/start"),
        format!("//127.0.0.1:{}/start", other.address.port()),
        format!("http://user:pw@127.0.0.1:{}/", other.address.port()),
        "https://127.0.0.1/start".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    for target in targets {
        for status in [301, 302, 303, 307, 308] {
            let server = RawServer::answering(wire(status, &format!("location: {target}\r\n"), "")).await;
            let failure = socket_client(&server.url(""), bearer()).send(&soon(), get()).await.unwrap_err();
            assert_eq!((failure.sent, failure.kind), (Sent::Yes, FailureKind::Redirect));
            assert_eq!(server.requests().len(), 1);
        }
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_circle_of_redirects_ends_after_three() {
    let server = RawServer::answering(wire(302, "location: /start\r\n", "")).await;
    let failure = socket_client(&server.url(""), bearer()).send(&soon(), get()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Redirect);
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_change_follows_no_redirect() {
    let server = RawServer::answering(wire(307, "location: /second\r\n", "")).await;
    let response =
        socket_client(&server.url(""), bearer()).send(&soon(), VendorRequest::post("/start")).await.unwrap();
    assert_eq!(response.status, 307);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_link_is_followed_within_the_origin_only() {
    let other = RawServer::answering(wire(200, "", "")).await;
    let server = RawServer::answering(wire(200, "", "page")).await;
    let client = socket_client(&server.url("/prefix"), bearer());
    for link in [server.url("/anything?page=2"), "/rooted?page=2".to_owned(), "?page=2".to_owned()] {
        client.get_link(&soon(), &link).await.unwrap();
        assert!(server.requests().pop().unwrap().contains("authorization: Bearer the-token"));
    }
    let port = server.address.port();
    for link in [
        other.url("/anything?page=2"),
        "http://vendor.invalid/".to_owned(),
        format!("https://127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}@vendor.invalid/"),
        format!("http://user:pw@127.0.0.1:{port}/"),
        format!("http://user@127.0.0.1:{port}/"),
        "//vendor.invalid/".to_owned(),
        "\\\\vendor.invalid\\".to_owned(),
        "javascript:alert(1)".to_owned(),
        "http://[".to_owned(),
    ] {
        let failure = client.get_link(&soon(), &link).await.unwrap_err();
        assert_eq!((failure.sent, failure.kind), (Sent::No, FailureKind::Request), "{link}");
        assert!(!failure.message.contains("invalid/"), "{}", failure.message);
    }
    assert_eq!((other.connections(), server.requests().len()), (0, 3));
}
