//! The App's key pair, made on the spot: no key is kept in any file of the project.

use std::fmt;
use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What stands before the PKCS#1 key in a PKCS#8 one of 2048 bits (RFC 5208, RFC 8017): lengths, version, algorithm.
const BEFORE_PKCS1: usize = 26;
/// The tag of the octet string that holds it, and how many bytes before the key it stands.
const OCTET_STRING: u8 = 0x04;
const TAG_BEFORE: usize = 4;
/// Characters in a line of PEM (RFC 7468).
const PEM_LINE: usize = 64;

/// A key pair could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no RSA key pair could be made for the GitHub App")]
pub struct KeyNotMade;

/// A GitHub App's key pair: RSA with 2048 bits. `Debug` shows neither half.
#[derive(Clone)]
pub struct AppKey {
    private_pem: String,
    public_pem: String,
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppKey").finish_non_exhaustive()
    }
}

impl AppKey {
    /// Makes a new pair.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn generate() -> Result<Self, KeyNotMade> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_unspecified| KeyNotMade)?;
        let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(|_unspecified| KeyNotMade)?;
        let pkcs8 = pkcs8.as_ref();
        if pkcs8.get(BEFORE_PKCS1 - TAG_BEFORE) != Some(&OCTET_STRING) {
            return Err(KeyNotMade);
        }
        let pkcs1 = pkcs8.get(BEFORE_PKCS1..).ok_or(KeyNotMade)?;
        Ok(Self {
            private_pem: pem("RSA PRIVATE KEY", pkcs1),
            public_pem: pem("RSA PUBLIC KEY", pair.public_key().as_ref()),
        })
    }

    /// The pair of this process, made when it is first asked for. The stand-in verifies with it unless told otherwise.
    ///
    /// # Errors
    /// As [`AppKey::generate`].
    pub fn shared() -> Result<&'static Self, KeyNotMade> {
        static SHARED: OnceLock<Result<AppKey, KeyNotMade>> = OnceLock::new();
        SHARED.get_or_init(Self::generate).as_ref().map_err(|error| *error)
    }

    /// The private half as GitHub hands it out: PEM, PKCS#1. It opens a stand-in and nothing else.
    #[must_use]
    pub fn private_pem(&self) -> &str {
        &self.private_pem
    }

    /// The public half: PEM, PKCS#1.
    #[must_use]
    pub fn public_pem(&self) -> &str {
        &self.public_pem
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut lines = format!("-----BEGIN {label}-----\n");
    for (place, character) in text.chars().enumerate() {
        if place > 0 && place % PEM_LINE == 0 {
            lines.push('\n');
        }
        lines.push(character);
    }
    lines.push_str(&format!("\n-----END {label}-----\n"));
    lines
}
