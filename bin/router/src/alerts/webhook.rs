//! A webhook of one's own, signed as Standard Webhooks describes: <https://www.standardwebhooks.com>.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretSlice};
use serde_json::{Value, json};

use super::message::Message;

const PREFIX: &str = "whsec_";
/// Bytes of a secret, as the specification has them.
const SECRET: std::ops::RangeInclusive<usize> = 24..=64;

/// The secret that webhooks are signed with. `Debug` does not show it.
#[derive(Clone)]
pub struct SigningSecret(SecretSlice<u8>);

impl SigningSecret {
    /// Reads a secret in the specification's own form: `whsec_`, then 24 to 64 bytes in base64. Nothing else is taken, since a
    /// receiver's library would read base64 in it where we had read plain text.
    ///
    /// # Errors
    /// What is wrong with it. Nothing of the text is repeated.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let encoded = text.strip_prefix(PREFIX).ok_or("holds a secret that does not begin with whsec_")?;
        let bytes = STANDARD.decode(encoded).map_err(|_| "holds a secret that is not base64 after whsec_")?;
        if !SECRET.contains(&bytes.len()) {
            return Err("holds a secret that has not between 24 and 64 bytes");
        }
        Ok(Self(SecretSlice::from(bytes)))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

/// What is posted.
pub(super) fn body(message: &Message) -> Bytes {
    let mut data = json!({ "id": message.id, "kind": message.kind, "sentence": message.sentence });
    let more = [
        ("request", message.request.as_ref().map(ToString::to_string)),
        ("app", Some(message.app.clone()).filter(|app| !app.is_empty())),
        ("connection", Some(message.connection.clone()).filter(|name| !name.is_empty())),
        ("subject", message.subject.clone()),
        ("look", message.look()),
    ];
    if let Some(data) = data.as_object_mut() {
        let known = more.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Value::from(value?))));
        data.extend(known);
    }
    let kind = &message.kind;
    Bytes::from(
        json!({ "type": format!("alert.{kind}"), "timestamp": message.at.to_string(), "data": data })
            .to_string(),
    )
}

/// `webhook-id`, `webhook-timestamp` (of this sending) and `webhook-signature`.
pub(super) fn sign(secret: &SigningSecret, id: &str, now: Timestamp, body: &Bytes) -> Option<HeaderMap> {
    let timestamp = now.as_second().to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.0.expose_secret());
    let mut signing = hmac::Context::with_key(&key);
    signing.update(format!("{id}.{timestamp}.").as_bytes());
    signing.update(body);
    let signature = format!("v1,{}", STANDARD.encode(signing.sign()));
    let mut headers = HeaderMap::new();
    for (name, value) in
        [("webhook-id", id), ("webhook-timestamp", &timestamp), ("webhook-signature", &signature)]
    {
        headers.insert(name, HeaderValue::from_str(value).ok()?);
    }
    Some(headers)
}
