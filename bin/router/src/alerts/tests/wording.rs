//! What an alert says and what it does not.

use super::*;

fn message(sentence: &str, subjects: bool) -> Message {
    Message::of(alert(sentence), "2026-01-02T03:04:05Z".parse().unwrap(), subjects)
}

fn slack_text(message: &Message) -> String {
    let body: Value = serde_json::from_slice(&slack::body(message)).unwrap();
    assert_eq!(body["mrkdwn"], false, "nothing of it may become a link or a mention");
    assert_eq!(body.as_object().unwrap().len(), 2, "text alone: {body}");
    body["text"].as_str().unwrap().to_owned()
}

fn webhook_json(message: &Message) -> Value {
    serde_json::from_slice(&webhook::body(message)).unwrap()
}

#[test]
fn slack_is_told_what_happened_where_and_which_command_shows_more() {
    assert_eq!(
        slack_text(&message(SENTENCE, false)),
        "Usher: no paid seat was left\n\
         no paid seat is left\n\
         app desk, connection zendesk\n\
         See: usher requests show r1"
    );
}

#[test]
fn slacks_control_characters_are_escaped() {
    let text = slack_text(&message("<!channel> & <https://evil.example|click>", false));
    assert!(text.contains("&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;"), "{text}");
}

#[test]
fn a_webhook_has_a_type_a_time_and_its_data() {
    assert_eq!(
        webhook_json(&message(SENTENCE, false)),
        serde_json::json!({
            "type": "alert.no-seat",
            "timestamp": "2026-01-02T03:04:05Z",
            "data": {
                "id": message(SENTENCE, false).id,
                "kind": "no-seat",
                "sentence": SENTENCE,
                "request": "r1",
                "app": "desk",
                "connection": "zendesk",
                "look": "usher requests show r1",
            }
        })
    );
}

#[test]
fn what_is_not_known_is_left_out() {
    let mut unclaimed = alert(SENTENCE);
    if let About::Request { app, .. } = &mut unclaimed.about {
        app.clear();
    }
    unclaimed.connection.clear();
    let message = Message::of(unclaimed, SystemClock.now(), false);
    let text = slack_text(&message);
    assert!(!text.contains("app") && !text.contains("connection"), "{text}");
    let data = webhook_json(&message)["data"].clone();
    assert!(data.get("app").is_none() && data.get("connection").is_none(), "{data}");
}

#[test]
fn an_alert_names_nobody_unless_it_may() {
    let said = "HTTP 422: ann@example.com, \"bob@example.com\" and users/ann%40example.com?x=y are known.";
    let quiet = message(said, false);
    for text in [slack_text(&quiet), webhook_json(&quiet).to_string()] {
        assert!(!text.contains("example.com"), "{text}");
        assert!(!text.contains("ann") && !text.contains("bob"), "{text}");
    }
    assert_eq!(
        quiet.sentence,
        "HTTP 422: (an address), \"(an address)\" and users/(an address)?x=y are known."
    );
    assert_eq!(message("mail ann@example.com.", false).sentence, "mail (an address).");
    assert_eq!(message("only @ here, or a@ or @b", false).sentence, "only @ here, or a@ or @b");

    let open = message(said, true);
    assert!(slack_text(&open).contains("for ann@example.com"), "{}", slack_text(&open));
    assert_eq!(webhook_json(&open)["data"]["subject"], "ann@example.com");
    assert_eq!(open.sentence, said);
}

#[test]
fn a_sentence_is_cut_and_has_no_control_characters() {
    let cut = message(&"ä".repeat(5_000), false).sentence;
    assert_eq!(cut.chars().count(), 1_001);
    assert!(cut.ends_with('…'));
    assert_eq!(message("a\nb\u{1b}[31m\u{7}", false).sentence, "a b [31m ");
}

fn few_seats(sentence: &str, at: &str) -> Message {
    let alert = Alert {
        about: About::Connection,
        connection: "github".to_owned(),
        kind: AlertKind::FewSeats,
        sentence: sentence.to_owned(),
    };
    Message::of(alert, at.parse().unwrap(), true)
}

#[test]
fn few_seats_left_are_told_of_the_connection_and_of_nobody() {
    let message = few_seats("github (github-org) has 3 paid seats left: buy more", "2026-01-02T03:04:05Z");
    assert_eq!(
        slack_text(&message),
        "Usher: few paid seats are left\n\
         github (github-org) has 3 paid seats left: buy more\n\
         connection github\n\
         See: usher check --live"
    );
    assert_eq!(
        webhook_json(&message),
        serde_json::json!({
            "type": "alert.few-seats",
            "timestamp": "2026-01-02T03:04:05Z",
            "data": {
                "id": message.id,
                "kind": "few-seats",
                "sentence": "github (github-org) has 3 paid seats left: buy more",
                "connection": "github",
                "look": "usher check --live",
            }
        })
    );
}

#[test]
fn a_connection_out_of_reach_is_told_with_the_command_that_shows_it() {
    let mut alert = alert("desk (zendesk-license) has been out of reach for 15 minutes: look");
    (alert.about, alert.kind) = (About::Connection, AlertKind::OutOfReach);
    let message = Message::of(alert, SystemClock.now(), true);
    assert_eq!(
        slack_text(&message),
        "Usher: a connection is out of reach\n\
         desk (zendesk-license) has been out of reach for 15 minutes: look\n\
         connection zendesk\n\
         See: usher connections"
    );
    assert_eq!(webhook_json(&message)["type"], "alert.out-of-reach");
}

#[test]
fn what_is_told_of_a_connection_has_one_id_a_day() {
    let morning = few_seats("3 left", "2026-01-02T03:04:05Z");
    assert_eq!(few_seats("3 left", "2026-01-02T23:59:59Z").id, morning.id, "also after a restart");
    assert_ne!(few_seats("2 left", "2026-01-02T03:04:05Z").id, morning.id);
    assert_ne!(few_seats("3 left", "2026-01-03T03:04:05Z").id, morning.id);
}

#[test]
fn the_id_is_that_of_the_alert_whoever_asks() {
    let raised = message(SENTENCE, false);
    let about = request("r1", Execution::Refused);
    let noted = Message::noted(&about, 1, "no-seat", SENTENCE, raised.at, false);
    assert_eq!(noted, raised, "from the history it is the very same");
    assert_eq!(message(SENTENCE, true).id, raised.id);
    let other =
        |attempt, kind, sentence| Message::noted(&about, attempt, kind, sentence, raised.at, false).id;
    for id in [other(2, "no-seat", SENTENCE), other(1, "late", SENTENCE), other(1, "no-seat", "else")] {
        assert_ne!(id, raised.id);
    }
}

#[test]
fn neither_addresses_nor_secrets_are_shown() {
    for receiver in [slack(), webhook()] {
        let shown = format!("{receiver:?} {} {}", receiver.origin(), receiver.name());
        assert!(!shown.contains("topsecret") && !shown.contains("MDEy"), "{shown}");
        assert!(shown.contains(".example"), "the origin may be seen: {shown}");
    }
}

#[test]
fn an_address_is_taken_only_where_it_is_safe_to_send_there() {
    let refused = [
        "",
        "hooks.slack.com",
        "ftp://a.example",
        "https://",
        "http://a.example/x",
        "https://u:p@a.example/",
        "https://u@a.example/",
        "https://a.example/#x",
        "http://10.0.0.1/",
        "http://localhost.example/",
    ];
    for text in refused {
        assert!(Address::parse(text, false).is_err(), "{text}");
    }
    for text in ["https://a.example/x?y=z", "http://127.0.0.1:9000/", "http://[::1]/", "http://localhost:1/"]
    {
        let address = Address::parse(text, false);
        assert!(address.is_ok(), "{text}");
        assert_eq!(address.unwrap().allows_private(), text.starts_with("http:"), "{text}");
    }
    assert!(Address::parse("http://10.0.0.1/", true).unwrap().allows_private());
    assert!(
        !Address::parse("https://10.0.0.1/", false).unwrap().allows_private(),
        "the transport refuses it"
    );
}

#[test]
fn a_signing_secret_is_taken_in_one_form_alone() {
    assert!(SigningSecret::parse(SECRET).is_ok());
    let of = |length: usize| {
        format!(
            "whsec_{}",
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, vec![7; length])
        )
    };
    for (length, is_taken) in [(23, false), (24, true), (64, true), (65, false)] {
        assert_eq!(SigningSecret::parse(&of(length)).is_ok(), is_taken, "{length} bytes");
    }
    for text in ["", "whsec_", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "whsec_this is plain text"] {
        assert!(SigningSecret::parse(text).is_err(), "{text}");
    }
}

/// The example of the specification's own libraries: their tests sign this.
#[test]
fn the_signature_is_that_of_the_published_example() {
    let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let sent = jiff::Timestamp::from_second(1_614_265_330).unwrap();
    let body = Bytes::from_static(br#"{"test": 2432232314}"#);
    let headers = webhook::sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", sent, &body).unwrap();
    assert_eq!(headers["webhook-signature"], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    assert_eq!(headers["webhook-timestamp"], "1614265330");
    assert_eq!(headers["webhook-id"], "msg_p5jXN8AQM9LWM0D4loKWxJek");
}
