//! Was it sent? Every way in which a connection ends, on raw sockets.

use std::time::Duration;

use http::Method;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::sleep_until;
use usher_core::{HttpFailure, HttpFailureKind, HttpRequest, Sent, Transport};

use usher_vendor_client::{ReqwestTransport, TransportSettings};

use crate::support::{RawServer, http_request, instant, reqwest_transport, wire};

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(10);

async fn post(url: &str, within: Duration) -> HttpFailure {
    let request = HttpRequest { body: "x".repeat(2000).into(), ..http_request(Method::POST, url, within) };
    reqwest_transport().send(request).await.unwrap_err()
}

fn is(failure: &HttpFailure, sent: Sent, kind: HttpFailureKind) {
    assert_eq!((failure.sent, failure.kind), (sent, kind), "{failure}");
}

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    is(&post(&format!("http://127.0.0.1:{port}/"), LONG).await, Sent::No, HttpFailureKind::Connect);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_was_not_sent() {
    is(&post("http://nobody.invalid/", LONG).await, Sent::No, HttpFailureKind::Dns);
}

#[tokio::test]
async fn a_connection_that_takes_too_long_to_make_was_not_sent() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // With its queue full, the kernel no longer answers who knocks.
    let mut knocking = tokio::task::JoinSet::new();
    for _ in 0..4 {
        knocking.spawn(TcpStream::connect(address));
    }
    let _first = knocking.join_next().await;
    let _second = knocking.join_next().await;
    is(&post(&format!("http://{address}/"), LONG).await, Sent::No, HttpFailureKind::Connect);
}

#[tokio::test]
async fn a_request_whose_time_was_over_before_it_began_was_not_sent() {
    let server = RawServer::answering(wire(200, "", "")).await;
    is(&post(&server.url("/"), Duration::ZERO).await, Sent::No, HttpFailureKind::TimedOut);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_failed_tls_handshake_was_not_sent() {
    for greeting in ["", "HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let server = RawServer::start(move |_, mut connection| async move {
            connection.stream.readable().await.unwrap();
            connection.write(greeting).await;
        })
        .await;
        let failure = post(&format!("https://{}/", server.address), LONG).await;
        is(&failure, Sent::No, HttpFailureKind::Connect);
        assert!(server.connections() > 0);
    }
}

#[tokio::test]
async fn a_tls_handshake_that_never_ends_was_not_sent() {
    let server = RawServer::start(|_, mut connection| async move { connection.hang().await }).await;
    is(&post(&format!("https://{}/", server.address), LONG).await, Sent::No, HttpFailureKind::Connect);
}

#[tokio::test]
async fn a_connection_closed_after_accept_may_have_been_sent() {
    let server = RawServer::start(|_, connection| async move { drop(connection) }).await;
    is(&post(&server.url("/"), LONG).await, Sent::Maybe, HttpFailureKind::Broken);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_connection_closed_in_the_middle_of_the_request_may_have_been_sent() {
    let server = RawServer::start(|_, connection| async move {
        let mut some = [0; 10];
        connection.stream.readable().await.unwrap();
        connection.stream.try_read(&mut some).unwrap();
    })
    .await;
    is(&post(&server.url("/"), LONG).await, Sent::Maybe, HttpFailureKind::Broken);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_reset_connection_may_have_been_sent() {
    let server = RawServer::start(|_, mut connection| async move {
        connection.request().await;
        connection.stream.set_zero_linger().unwrap();
    })
    .await;
    is(&post(&server.url("/"), LONG).await, Sent::Maybe, HttpFailureKind::Broken);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_connection_closed_in_the_middle_of_the_answer_may_have_been_sent() {
    for part in [
        "HTTP/1.1 2",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nten bytes.",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nfour\r\n",
    ] {
        let server = RawServer::start(move |_, mut connection| async move {
            connection.request().await;
            connection.write(part).await;
        })
        .await;
        is(&post(&server.url("/"), LONG).await, Sent::Maybe, HttpFailureKind::Broken);
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn garbage_instead_of_an_answer_may_have_been_sent() {
    let server = RawServer::answering("SSH-2.0-OpenSSH_9.6\r\n\r\n").await;
    is(&post(&server.url("/"), LONG).await, Sent::Maybe, HttpFailureKind::Broken);
}

#[tokio::test]
async fn a_vendor_that_says_nothing_is_left_at_the_deadline() {
    let server = RawServer::start(|_, mut connection| async move {
        connection.request().await;
        connection.hang().await;
    })
    .await;
    let started = instant();
    is(&post(&server.url("/"), SHORT).await, Sent::Maybe, HttpFailureKind::TimedOut);
    assert!(started.elapsed() >= SHORT);
}

#[tokio::test]
async fn a_body_that_drips_is_left_at_the_deadline() {
    let server = RawServer::start(|_, mut connection| async move {
        connection.request().await;
        connection.write("HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n").await;
        for _ in 0..60_000 {
            connection.write(".").await;
            sleep_until(instant() + Duration::from_millis(5)).await;
        }
    })
    .await;
    let started = instant();
    is(&post(&server.url("/"), SHORT).await, Sent::Maybe, HttpFailureKind::TimedOut);
    assert!(started.elapsed() >= SHORT);
}

#[tokio::test]
async fn an_answer_larger_than_allowed_is_an_answer() {
    let chunk = "10000\r\n".to_owned() + &"x".repeat(0x10000) + "\r\n";
    let announced = "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_owned();
    let endless = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned() + &chunk.repeat(3);
    for answer in [announced, endless] {
        let server = RawServer::answering(answer).await;
        is(&post(&server.url("/"), LONG).await, Sent::Yes, HttpFailureKind::BodyTooLarge);
    }
}

#[tokio::test]
async fn an_answer_of_exactly_the_allowed_size_is_taken() {
    let body = "y".repeat(64 * 1024);
    let server = RawServer::answering(wire(200, "", &body)).await;
    let answer = reqwest_transport().send(http_request(Method::GET, &server.url("/"), LONG)).await.unwrap();
    assert_eq!(answer.body, body);
}

#[tokio::test]
async fn connections_are_kept_and_no_cookie_is() {
    let server = RawServer::answering(wire(200, "set-cookie: a=b\r\n", "fine")).await;
    let transport = reqwest_transport();
    for _ in 0..5 {
        transport.send(http_request(Method::POST, &server.url("/"), LONG)).await.unwrap();
    }
    assert_eq!((server.connections(), server.requests().len()), (1, 5));
    assert!(server.requests().iter().all(|request| !request.to_lowercase().contains("cookie")));
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let server = RawServer::answering(wire(302, "location: /elsewhere\r\n", "")).await;
    let answer = reqwest_transport().send(http_request(Method::GET, &server.url("/"), LONG)).await.unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_change_on_a_kept_connection_that_closes_on_it_is_not_sent_again() {
    let server = RawServer::start(|_, mut connection| async move {
        connection.request().await;
        connection.write(&wire(200, "", "")).await;
        // The second request arrives, and is never answered.
        connection.request().await;
    })
    .await;
    let transport = reqwest_transport();
    transport.send(http_request(Method::POST, &server.url("/first"), LONG)).await.unwrap();
    let failure = transport.send(http_request(Method::POST, &server.url("/second"), LONG)).await.unwrap_err();
    is(&failure, Sent::Maybe, HttpFailureKind::Broken);
    assert_eq!((server.connections(), server.requests().len()), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_races_the_close_of_a_kept_connection_and_never_arrives_twice() {
    let (mut arrived, mut in_doubt) = (0, 0);
    let transport = reqwest_transport();
    for _ in 0..300 {
        // The first connection closes as soon as it has answered, without saying so before.
        let server = RawServer::start(|number, mut connection| async move {
            connection.request().await;
            connection.write(&wire(200, "", "")).await;
            if number > 1 {
                while connection.request().await.is_some() {
                    connection.write(&wire(200, "", "")).await;
                }
            }
        })
        .await;
        transport.send(http_request(Method::POST, &server.url("/first"), LONG)).await.unwrap();
        let second = transport.send(http_request(Method::POST, &server.url("/second"), LONG)).await;
        let seen = server.requests().iter().filter(|request| request.contains("/second")).count();
        match second {
            Ok(_) => {
                assert_eq!(seen, 1);
                arrived += 1;
            }
            Err(failure) => {
                assert_eq!(failure.sent, Sent::Maybe);
                assert!(seen <= 1);
                in_doubt += 1;
            }
        }
    }
    assert_eq!(arrived + in_doubt, 300);
    assert!(arrived > 0);
}

#[tokio::test]
async fn a_private_address_is_refused_before_a_connection_is_made() {
    let server = RawServer::answering(wire(200, "", "secret")).await;
    let port = server.address.port();
    let transport = reqwest_transport();
    // `localhost` resolves to loopback: the resolver itself leaves it out.
    for host in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
    ] {
        let request = http_request(Method::GET, &format!("http://{host}:{port}/"), LONG);
        let failure = transport.send(HttpRequest { allow_private: false, ..request }).await.unwrap_err();
        is(&failure, Sent::No, HttpFailureKind::PrivateAddress);
        assert!(failure.message.contains("allow_private"), "{}", failure.message);
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_kept_connection_to_a_private_address_serves_nobody_who_may_not_go_there() {
    let server = RawServer::answering(wire(200, "", "")).await;
    let url = format!("http://localhost:{}/", server.address.port());
    let transport = reqwest_transport();
    transport.send(http_request(Method::GET, &url, LONG)).await.unwrap();
    let request = HttpRequest { allow_private: false, ..http_request(Method::GET, &url, LONG) };
    is(&transport.send(request).await.unwrap_err(), Sent::No, HttpFailureKind::PrivateAddress);
    assert_eq!(server.requests().len(), 1);
}

/// Runs the ignored test below in a process of its own: the environment of this one is everybody's.
#[tokio::test]
async fn a_proxy_in_the_environment_is_heeded_only_if_asked() {
    for (asked, proxied) in [("no", 0), ("yes", 1)] {
        let proxy = RawServer::answering(wire(200, "", "from the proxy")).await;
        let server = RawServer::answering(wire(200, "", "from the vendor")).await;
        let status = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "transport::within_a_proxied_environment", "--ignored"])
            .env("HTTP_PROXY", proxy.url(""))
            .env("http_proxy", proxy.url(""))
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .env("USHER_TEST_URL", server.url("/"))
            .env("USHER_TEST_ASKED", asked)
            .stdout(std::process::Stdio::null())
            .status()
            .await
            .unwrap();
        assert!(status.success());
        assert_eq!((proxy.requests().len(), server.requests().len()), (proxied, 1 - proxied));
    }
}

#[tokio::test]
#[ignore = "run by the test above, with a proxy in its environment"]
async fn within_a_proxied_environment() {
    let (url, asked) = (std::env::var("USHER_TEST_URL").unwrap(), std::env::var("USHER_TEST_ASKED").unwrap());
    let settings =
        TransportSettings { proxy_from_environment: asked == "yes", ..TransportSettings::default() };
    let transport = ReqwestTransport::new(settings).unwrap();
    transport.send(http_request(Method::GET, &url, LONG)).await.unwrap();
}
