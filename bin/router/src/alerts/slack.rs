//! Slack's incoming webhooks: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>.

use bytes::Bytes;
use serde_json::json;

use super::message::{Message, SUMMARY};

/// What is posted: text alone. Without markup nothing of it is a link, a mention or bold, whatever a vendor's words look like.
pub(super) fn body(message: &Message) -> Bytes {
    Bytes::from(json!({ "text": text(message), "mrkdwn": false }).to_string())
}

fn text(message: &Message) -> String {
    let mut lines = vec![format!("Usher: {}", heading(&message.kind))];
    lines.push(escaped(&message.sentence));
    let about = [("app", message.app.as_str()), ("connection", &message.connection)];
    let about = about.iter().filter(|(_, name)| !name.is_empty());
    let mut about: Vec<String> = about.map(|(what, name)| format!("{what} {}", escaped(name))).collect();
    about.extend(message.subject.as_deref().map(|subject| format!("for {}", escaped(subject))));
    if !about.is_empty() {
        lines.push(about.join(", "));
    }
    lines.extend(message.look().map(|look| format!("See: {}", escaped(&look))));
    lines.join("\n")
}

fn heading(kind: &str) -> &'static str {
    match kind {
        "failed-removal" => "access that had to go is still there",
        "late" => "granted, but Lumos was told no",
        "no-seat" => "no paid seat was left",
        "lapsed-invitation" => "an invitation has lapsed",
        "few-seats" => "few paid seats are left",
        "out-of-reach" => "a connection is out of reach",
        SUMMARY => "alerts of earlier",
        "test" => "a test",
        // `needs-human`, and whatever a later version may have noted.
        _ => "a request needs you",
    }
}

/// Slack's three control characters: with them escaped no text is a mention (`<!channel>`) or a link.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
