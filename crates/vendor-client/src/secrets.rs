use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use secrecy::SecretString;
use usher_core::{ConfigError, SecretRef, Secrets};

/// Bytes of a secret at the most.
const MAX_SECRET: u64 = 64 * 1024;

/// Reads secrets from environment variables and files. One line end at a file's end is not part of the secret.
#[derive(Clone, Copy, Debug, Default)]
pub struct EnvAndFileSecrets;

impl Secrets for EnvAndFileSecrets {
    fn read(&self, from: &SecretRef) -> Result<SecretString, ConfigError> {
        match from {
            SecretRef::Env(name) => from_env(name),
            SecretRef::File(path) => from_file(path),
        }
    }
}

fn from_env(name: &str) -> Result<SecretString, ConfigError> {
    let wrong = |what: &str| mistake(format!("the environment variable {name} {what}"));
    // `var_os` panics on neither, but a name like this names nothing.
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(mistake("this is not the name of an environment variable".into()));
    }
    let value = std::env::var_os(name).ok_or_else(|| {
        wrong("is not set").hint(format!("set {name} in the environment of the router, or name a file"))
    })?;
    let value = value.into_string().map_err(|_| wrong("is not UTF-8"))?;
    checked(value, wrong)
}

fn from_file(path: &Path) -> Result<SecretString, ConfigError> {
    let wrong = |what: &str| mistake(format!("the secret's file {} {what}", path.display()));
    let unread = |what: &str| wrong(what).hint("name a file that the router's user can read");
    let file = File::open(path).map_err(|error| match error.kind() {
        // The kind's own words are "entity not found".
        ErrorKind::NotFound => unread("is not there"),
        kind => unread(&format!("cannot be opened: {kind}")),
    })?;
    let mut bytes = Vec::new();
    file.take(MAX_SECRET + 3)
        .read_to_end(&mut bytes)
        .map_err(|error| unread(&format!("cannot be read: {}", error.kind())))?;
    let mut text = String::from_utf8(bytes).map_err(|_| wrong("is not UTF-8"))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    checked(text, wrong)
}

fn checked(value: String, wrong: impl Fn(&str) -> ConfigError) -> Result<SecretString, ConfigError> {
    if value.is_empty() {
        return Err(wrong("is empty").hint("put the secret there, and nothing else"));
    }
    if u64::try_from(value.len()).unwrap_or(u64::MAX) > MAX_SECRET {
        return Err(wrong("is larger than 64 KiB"));
    }
    Ok(value.into())
}

fn mistake(message: String) -> ConfigError {
    ConfigError::at(Vec::<String>::new(), message)
}
