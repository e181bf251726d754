//! Tokens that we sign ourselves (RFC 7519).

use std::fmt;
use std::time::Duration;

use http::HeaderValue;
use jiff::Timestamp;
use jsonwebtoken::{AlgorithmFamily, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use usher_core::ConfigError;

use super::bearer;
use crate::{FailureKind, VendorFailure};

/// How a token is signed. Parses from its name in RFC 7518, such as `RS256`.
pub use jsonwebtoken::Algorithm as JwtAlgorithm;

/// A token lives this long at the most: a mistake of units must not make one that lives for years.
const LONGEST: Duration = Duration::from_hours(24);

/// How a token is made. `Debug` shows neither key nor claims.
#[derive(Clone)]
pub struct JwtSettings {
    /// The algorithm.
    pub algorithm: JwtAlgorithm,
    /// The shared secret for HS*; else the private key in PEM: PKCS#8, and for RS* and PS* also PKCS#1.
    pub key: SecretString,
    /// Further fields of the header, such as `kid`. `alg` follows from the algorithm; `typ` is `JWT` unless it stands here.
    pub header: Map<String, Value>,
    /// The claims, such as `iss`. `iat` and `exp` are set for each token.
    pub claims: Map<String, Value>,
    /// How long from now a token lives: whole seconds, up to a day.
    pub ttl: Duration,
    /// How far `iat` is put back, for a vendor whose clock is late.
    pub issued_back: Duration,
}

impl fmt::Debug for JwtSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtSettings")
            .field("algorithm", &self.algorithm)
            .field("ttl", &self.ttl)
            .field("issued_back", &self.issued_back)
            .finish_non_exhaustive()
    }
}

/// Makes tokens. `Debug` shows neither key nor claims.
pub(crate) struct JwtSigner {
    header: Header,
    claims: Map<String, Value>,
    key: EncodingKey,
    ttl: Duration,
    issued_back: Duration,
}

impl JwtSigner {
    /// A signer that has signed once, so that a wrong key is found now.
    pub(crate) fn new(settings: &JwtSettings) -> Result<Self, ConfigError> {
        if settings.ttl < Duration::from_secs(1) || settings.ttl > LONGEST || settings.issued_back > LONGEST {
            return Err(ConfigError::at(
                ["ttl"],
                "a token lives for a second at least, and a day at the most",
            ));
        }
        if let Some(set) = ["iat", "exp"].into_iter().find(|claim| settings.claims.contains_key(*claim)) {
            return Err(ConfigError::at(
                ["claims", set],
                format!("{set} is set anew for each token: leave it out"),
            ));
        }
        let signer = Self {
            header: header(settings)?,
            claims: settings.claims.clone(),
            key: key(settings.algorithm, &settings.key)?,
            ttl: settings.ttl,
            issued_back: settings.issued_back,
        };
        signer.sign(Timestamp::UNIX_EPOCH).map_err(|_| wrong_key(settings.algorithm))?;
        Ok(signer)
    }

    /// A new token as a bearer header that no Debug shows.
    pub(crate) fn header(&self, now: Timestamp) -> Result<HeaderValue, VendorFailure> {
        // The library's errors could quote what was signed.
        let failed =
            || VendorFailure::before_sending(FailureKind::Credential, "the token could not be signed");
        bearer(&self.sign(now).map_err(|_| failed())?).ok_or_else(failed)
    }

    fn sign(&self, now: Timestamp) -> jsonwebtoken::errors::Result<SecretString> {
        let second = |moment: Result<Timestamp, jiff::Error>| moment.unwrap_or(now).as_second();
        let mut claims = self.claims.clone();
        claims.insert("iat".into(), json!(second(now.checked_sub(self.issued_back))));
        claims.insert("exp".into(), json!(second(now.checked_add(self.ttl))));
        jsonwebtoken::encode(&self.header, &claims, &self.key).map(SecretString::from)
    }
}

impl fmt::Debug for JwtSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtSigner").field("algorithm", &self.header.alg).finish_non_exhaustive()
    }
}

fn header(settings: &JwtSettings) -> Result<Header, ConfigError> {
    let algorithm = settings.algorithm;
    if settings.header.contains_key("alg") {
        return Err(ConfigError::at(["header", "alg"], "alg follows from the algorithm: leave it out"));
    }
    let mut fields = Map::from_iter([("typ".to_owned(), json!("JWT")), ("alg".to_owned(), json!(algorithm))]);
    fields.extend(settings.header.clone());
    serde_json::from_value(Value::Object(fields))
        .map_err(|error| ConfigError::at(["header"], format!("this is no token's header: {error}")))
}

fn key(algorithm: JwtAlgorithm, key: &SecretString) -> Result<EncodingKey, ConfigError> {
    let bytes = key.expose_secret().as_bytes();
    let key = match algorithm.family() {
        AlgorithmFamily::Hmac if bytes.is_empty() => return Err(wrong_key(algorithm)),
        AlgorithmFamily::Hmac => return Ok(EncodingKey::from_secret(bytes)),
        AlgorithmFamily::Rsa => EncodingKey::from_rsa_pem(bytes),
        AlgorithmFamily::Ec => EncodingKey::from_ec_pem(bytes),
        AlgorithmFamily::Ed => EncodingKey::from_ed_pem(bytes),
    };
    // The library's error could quote the key.
    key.map_err(|_| wrong_key(algorithm))
}

fn wrong_key(algorithm: JwtAlgorithm) -> ConfigError {
    let hint = match algorithm.family() {
        AlgorithmFamily::Hmac => "the shared secret must not be empty",
        AlgorithmFamily::Rsa => {
            "it must be an RSA private key of 2048 bits or more in PEM, with its line breaks, that begins with \
             -----BEGIN RSA PRIVATE KEY----- or -----BEGIN PRIVATE KEY-----"
        }
        AlgorithmFamily::Ec | AlgorithmFamily::Ed => {
            "it must be a private key of the algorithm's curve in PEM, with its line breaks, that begins with \
             -----BEGIN PRIVATE KEY-----; `openssl pkcs8 -topk8 -nocrypt` makes one of an older form"
        }
    };
    ConfigError::at(["key"], format!("the key cannot sign tokens by {algorithm:?}")).hint(hint)
}
