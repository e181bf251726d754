//! What must stand in nothing that Usher writes.

use super::{AUDIT, CLIENT_SECRET, DANA, HOOK_KEY, KEY};

/// How every bearer token of the sandbox begins.
pub const BEARER: &str = "sandbox-bearer-";

/// The secrets among these bytes, by name.
pub fn secrets_in(bytes: &[u8]) -> Vec<&'static str> {
    let secrets = [
        ("the webhook key", KEY),
        ("the hook's key", HOOK_KEY),
        ("the operator's token", DANA),
        ("the viewer's token", AUDIT),
        ("the client secret", CLIENT_SECRET),
        ("the directory's client secret", usher_sandbox::directory::CLIENT_SECRET),
        ("the token of Lumos's API", usher_sandbox::lumos::API_TOKEN),
        ("a bearer token", BEARER),
        ("a token of GitHub", "ghs_"),
        ("a private key", "PRIVATE KEY"),
    ];
    // Bytes that are no text stand for themselves in none of the secrets.
    let text = String::from_utf8_lossy(bytes);
    secrets.into_iter().filter(|(_, secret)| text.contains(secret)).map(|(name, _)| name).collect()
}

/// Whatever looks like an e-mail address, also percent-encoded.
pub fn addresses_in(text: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || ".@_+-%".contains(c);
    let words = text.split(|c: char| !is_part(c));
    words.filter(|word| word.contains(".com") && (word.contains('@') || word.contains("%40"))).collect()
}
