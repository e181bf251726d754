//! Over real sockets, through the transport that vendors are called with.

use usher_vendor_client::{ReqwestTransport, TransportSettings};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

fn transport() -> Arc<dyn Transport> {
    Arc::new(ReqwestTransport::new(TransportSettings::default()).unwrap())
}

async fn answering(status: u16) -> MockServer {
    let server = MockServer::start().await;
    let posted =
        Mock::given(method("POST")).and(path("/hook")).and(header("content-type", "application/json"));
    posted.respond_with(ResponseTemplate::new(status)).mount(&server).await;
    server
}

fn at(server: &MockServer) -> Address {
    Address::parse(&format!("{}/hook", server.uri()), false).unwrap()
}

async fn send(receiver: &Receiver) -> Result<(), NotTaken> {
    let message = Message::of(alert("<a> & b"), SystemClock.now(), false);
    receiver.send(&message, &*transport(), &SystemClock).await
}

#[tokio::test]
async fn slack_gets_json_with_one_text() {
    let server = answering(200).await;
    send(&Receiver::Slack(at(&server))).await.unwrap();
    let came = server.received_requests().await.unwrap();
    let body: Value = serde_json::from_slice(&came[0].body).unwrap();
    assert!(body["text"].as_str().unwrap().contains("&lt;a&gt; &amp; b"), "{body}");
    assert!(!came[0].headers.contains_key("webhook-signature"));
}

#[tokio::test]
async fn a_receiver_verifies_what_came_over_the_wire() {
    let server = answering(204).await;
    let secret = SigningSecret::parse(SECRET).unwrap();
    send(&Receiver::Webhook(at(&server), secret)).await.unwrap();
    let came = server.received_requests().await.unwrap();
    let verifier = standardwebhooks::Webhook::new(SECRET).unwrap();
    verifier.verify(&came[0].body, &came[0].headers).unwrap();
}

#[tokio::test]
async fn why_it_was_not_taken_says_no_more_than_it_may() {
    let refused = send(&Receiver::Slack(at(&answering(404).await))).await.unwrap_err();
    assert_eq!(refused, NotTaken::Refused { why: "it answered 404".to_owned() });

    let nowhere = "http://127.0.0.1:1/topsecret";
    let down = send(&Receiver::Slack(Address::parse(nowhere, false).unwrap())).await.unwrap_err();
    assert!(matches!(&down, NotTaken::Down { after: None, .. }), "{down:?}");
    assert!(!down.why().contains("topsecret"), "{down:?}");
}

#[tokio::test]
async fn a_private_address_is_refused_unless_it_is_meant() {
    let private = Address::parse("https://10.0.0.1/topsecret", false).unwrap();
    let refused = send(&Receiver::Slack(private)).await.unwrap_err();
    assert!(refused.why().contains("allow_private = true in [alerts]"), "{refused:?}");
    assert!(!refused.why().contains("topsecret"), "{refused:?}");
}
