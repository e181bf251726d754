//! The App's key pair: made once for a test program.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::Value;

pub(crate) const APP_ID: u64 = 12_345;

pub(crate) struct AppKey {
    /// As it stands in the configuration.
    pub(crate) pem: String,
    public: Vec<u8>,
}

pub(crate) static KEY: LazyLock<AppKey> = LazyLock::new(AppKey::new);
/// One that the App does not have.
pub(crate) static OTHER_KEY: LazyLock<AppKey> = LazyLock::new(AppKey::new);

impl AppKey {
    fn new() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let text = STANDARD.encode(der.as_ref());
        let lines: Vec<String> =
            text.as_bytes().chunks(64).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
        Self { pem, public: pair.public_key().as_ref().to_vec() }
    }

    /// The claims of a token that this key has signed for the App, with times that GitHub takes.
    pub(crate) fn claims(&self, token: &str) -> Option<Value> {
        let mut check = Validation::new(Algorithm::RS256);
        // It looks at the machine's clock.
        check.validate_exp = false;
        let claims = decode::<Value>(token, &DecodingKey::from_rsa_der(&self.public), &check).ok()?.claims;
        let second = |claim: &str| claims.get(claim).and_then(Value::as_i64);
        // From 60 s back to under ten minutes ahead.
        let short = second("exp")? - second("iat")? < 660;
        (short && claims.get("iss")? == APP_ID.to_string().as_str()).then_some(claims)
    }
}
