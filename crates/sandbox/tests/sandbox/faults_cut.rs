//! Faults that end the connection, watched on bare sockets.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use usher_sandbox::zendesk::UserSeed;
use usher_sandbox::{CallEnd, Fault, Matcher, Operation, Options, Role, Rule};

use crate::desk::{Desk, SOON};

const ANN: &str = "ann@example.com";

fn update_of_ann() -> Matcher {
    Matcher::operation(Operation::UpdateUser).about(ANN)
}

/// Ann, whose next update meets the fault. Real time.
async fn with(fault: Fault) -> (Desk, u64) {
    let desk = Desk::start_with(Options::default()).await;
    let id = desk.seed(UserSeed::end_user(ANN));
    desk.sandbox.fault(Rule::once(update_of_ann(), fault)).unwrap();
    (desk, id)
}

/// Sends the update that makes Ann an agent, and hands back the connection.
async fn send(desk: &Desk, id: u64) -> TcpStream {
    let body = r#"{"user":{"role":"agent"}}"#;
    // owner@sandbox.example/token:sandbox-api-token
    let request = format!(
        "PUT /zendesk/api/v2/users/{id} HTTP/1.1\r\nhost: sandbox\r\n\
         authorization: Basic b3duZXJAc2FuZGJveC5leGFtcGxlL3Rva2VuOnNhbmRib3gtYXBpLXRva2Vu\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(desk.sandbox.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// What came, and the error that reading ended with, if any.
async fn read(mut stream: TcpStream) -> (String, Option<ErrorKind>) {
    let mut bytes = Vec::new();
    let ended = timeout(SOON, stream.read_to_end(&mut bytes)).await.unwrap();
    (String::from_utf8_lossy(&bytes).into_owned(), ended.err().map(|error| error.kind()))
}

async fn ended(desk: &Desk, end: CallEnd) {
    desk.sandbox.wait_for_ends(&update_of_ann(), end, 1, SOON).await.unwrap();
}

fn is_agent(desk: &Desk) -> bool {
    desk.sandbox.user(ANN).unwrap().role == Role::Agent
}

#[tokio::test]
async fn a_reset_before_applying_is_a_reset_and_changes_nothing() {
    let (desk, id) = with(Fault::ResetBefore).await;
    let (text, error) = read(send(&desk, id).await).await;
    assert_eq!((text.as_str(), error), ("", Some(ErrorKind::ConnectionReset)));
    ended(&desk, CallEnd::Cut).await;
    assert!(!is_agent(&desk) && desk.sandbox.effects().is_empty());
}

#[tokio::test]
async fn a_reset_after_applying_is_a_reset_and_the_change_happened() {
    let (desk, id) = with(Fault::ResetAfter).await;
    let (text, error) = read(send(&desk, id).await).await;
    assert_eq!((text.as_str(), error), ("", Some(ErrorKind::ConnectionReset)));
    assert!(is_agent(&desk));
    assert_eq!(desk.sandbox.effects().len(), 1);
}

#[tokio::test]
async fn an_answer_that_breaks_off_promises_more_than_comes() {
    let (desk, id) = with(Fault::CloseMidAnswer).await;
    let (text, _) = read(send(&desk, id).await).await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"));
    let promised = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert_eq!(body.len(), promised.parse::<usize>().unwrap() / 2);
    assert!(is_agent(&desk));
}

#[tokio::test]
async fn a_hanging_request_changes_nothing_and_ends_with_the_caller() {
    let (desk, id) = with(Fault::Hang).await;
    let stream = send(&desk, id).await;
    desk.sandbox.wait_for_calls(&update_of_ann(), 1, SOON).await.unwrap();
    assert_eq!(desk.sandbox.calls()[0].end, None);
    drop(stream);
    ended(&desk, CallEnd::CallerLeft).await;
    assert!(!is_agent(&desk) && desk.sandbox.effects().is_empty());
}

#[tokio::test]
async fn a_request_hangs_for_as_long_as_the_sandbox_has_patience() {
    let options = Options { patience: Duration::from_millis(50), ..Options::default() };
    let desk = Desk::start_with(options).await;
    let id = desk.seed(UserSeed::end_user(ANN));
    desk.sandbox.fault(Rule::always(Matcher::default(), Fault::Hang)).unwrap();
    let (text, _) = read(send(&desk, id).await).await;
    assert_eq!(text, "");
    ended(&desk, CallEnd::Cut).await;
}

#[tokio::test]
async fn an_applied_request_can_hang_as_well() {
    let (desk, id) = with(Fault::ApplyThenHang).await;
    let stream = send(&desk, id).await;
    desk.sandbox.wait_for_effects(ANN, 1, SOON).await.unwrap();
    assert!(is_agent(&desk));
    assert_eq!(desk.sandbox.calls()[0].end, None);
    drop(stream);
    ended(&desk, CallEnd::CallerLeft).await;
    assert_eq!(desk.sandbox.effects().len(), 1);
}

#[tokio::test]
async fn a_late_change_happens_only_after_the_caller_left() {
    let (desk, id) = with(Fault::ApplyLate { after_ms: Some(3_000) }).await;
    let stream = send(&desk, id).await;
    desk.sandbox.wait_for_calls(&update_of_ann(), 1, SOON).await.unwrap();
    desk.sandbox.clock().advance(Duration::from_secs(60));
    drop(stream);
    ended(&desk, CallEnd::CallerLeft).await;
    assert!(!is_agent(&desk), "the time counts from when the caller left");
    desk.sandbox.clock().advance(Duration::from_secs(3));
    let effects = desk.sandbox.wait_for_effects(ANN, 1, SOON).await.unwrap();
    assert_eq!((effects[0].what.as_str(), effects[0].call), ("role end-user -> agent; group +Support", 1));
    assert!(is_agent(&desk));
}

#[tokio::test]
async fn a_late_change_without_a_time_waits_for_its_release() {
    let (desk, id) = with(Fault::ApplyLate { after_ms: None }).await;
    let stream = send(&desk, id).await;
    desk.sandbox.wait_for_calls(&update_of_ann(), 1, SOON).await.unwrap();
    drop(stream);
    ended(&desk, CallEnd::CallerLeft).await;
    assert!(!is_agent(&desk));
    assert_eq!(desk.sandbox.release(None), 1);
    desk.sandbox.wait_for_effects(ANN, 1, SOON).await.unwrap();
    assert!(is_agent(&desk));
}

#[tokio::test]
async fn a_drip_comes_in_pieces_and_whole() {
    let (desk, id) = with(Fault::SlowDrip { every_ms: 3_600_000, bytes: 100 }).await;
    let mut stream = send(&desk, id).await;
    let mut text = String::new();
    while !text.contains("\r\n\r\n{\"") {
        text.push_str(&some(&mut stream).await);
    }
    assert!(serde_json::from_str::<serde_json::Value>(text.split_once("\r\n\r\n").unwrap().1).is_err());
    assert!(is_agent(&desk));
    // An hour for each further piece, but patience ends before that.
    desk.sandbox.clock().advance(Duration::from_secs(3_600));
    let (rest, _) = read(stream).await;
    assert_eq!(rest, "");

    let (desk, id) = with(Fault::SlowDrip { every_ms: 1, bytes: 100 }).await;
    let mut stream = send(&desk, id).await;
    let mut text = String::new();
    let whole = |text: &str| {
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        body.is_some_and(|body| serde_json::from_str::<serde_json::Value>(&body).is_ok())
    };
    while !whole(&text) {
        text.push_str(&some(&mut stream).await);
    }
}

async fn some(stream: &mut TcpStream) -> String {
    let mut bytes = [0; 1_024];
    let count = timeout(SOON, stream.read(&mut bytes)).await.unwrap().unwrap();
    assert_ne!(count, 0, "the connection ended");
    String::from_utf8(bytes[..count].to_vec()).unwrap()
}

#[tokio::test]
async fn shutting_down_ends_open_connections_and_frees_the_address() {
    let (desk, id) = with(Fault::Hang).await;
    let stream = send(&desk, id).await;
    desk.sandbox.wait_for_calls(&update_of_ann(), 1, SOON).await.unwrap();
    let address = desk.sandbox.address();
    desk.sandbox.shutdown().await;
    read(stream).await;
    assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}
