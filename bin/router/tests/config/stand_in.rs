//! What an example is loaded with: this build's connectors, and a stand-in for every secret that it names.

use std::sync::{Arc, LazyLock};

use secrecy::SecretString;
use usher_core::{ConfigError, SecretRef, Secrets};
use usher_router::config::Surroundings;

use crate::support::surroundings;

/// The project.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A secret for each place, none like another's; of the kind that the place says: a private key, what alerts are sent with.
#[derive(Debug)]
struct StandIns;

static PRIVATE_KEY: LazyLock<String> = LazyLock::new(private_key);

impl Secrets for StandIns {
    fn read(&self, from: &SecretRef) -> Result<SecretString, ConfigError> {
        let place = match from {
            SecretRef::Env(name) => name.clone(),
            SecretRef::File(path) => path.display().to_string(),
        };
        let lower = place.to_lowercase();
        Ok(if lower.contains("slack") {
            "https://hooks.slack.com/services/topsecret".into()
        } else if lower.contains("alerts") {
            "whsec_topsecrettopsecrettopsecrettopsecret".into()
        } else if lower.contains("pem") || lower.contains("private") {
            PRIVATE_KEY.as_str().into()
        } else {
            format!("topsecret-of-{}", place.replace(|c: char| !c.is_ascii_alphanumeric(), "-")).into()
        })
    }
}

pub(crate) fn surroundings_with_stand_ins() -> Surroundings {
    let mut with = surroundings(usher_router::connectors::all());
    with.secrets = Arc::new(StandIns);
    with
}

/// An RSA key of this run.
fn private_key() -> String {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use base64::Engine;
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}
