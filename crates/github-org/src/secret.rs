//! A secret in the settings: where it stands, never the secret itself.

use std::path::Path;

use serde_json::Value;
use usher_core::{ConfigError, SecretRef};

/// Where a secret stands. Read by hand: serde's own message for a wrong type would quote what was written.
pub(crate) fn read(path: &[&str], value: &Value, folder: &Path) -> Result<SecretRef, ConfigError> {
    let mistake = |message: &str| ConfigError::at(path.iter().copied(), message).hint(HINT);
    let Value::Object(fields) = value else {
        return Err(mistake("a secret is not written into the configuration"));
    };
    let mut fields = fields.iter();
    let (Some((kind, place)), None) = (fields.next(), fields.next()) else {
        return Err(mistake("a secret stands in one place"));
    };
    match (kind.as_str(), place) {
        ("env" | "file", Value::String(place)) if place.is_empty() => {
            Err(mistake("the secret's place is empty"))
        }
        ("env", Value::String(name)) => Ok(SecretRef::Env(name.clone())),
        ("file", Value::String(file)) => Ok(SecretRef::File(folder.join(file))),
        _ => Err(mistake("this does not say where the secret stands")),
    }
}

const HINT: &str = "write { env = \"NAME\" } or { file = \"PATH\" }";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_stands_in_a_variable_or_in_a_file_beside_the_configuration() {
        let read = |value| read(&["private_key"], &value, Path::new("/etc/usher"));
        assert_eq!(read(json!({"env": "X"})), Ok(SecretRef::Env("X".to_owned())));
        assert_eq!(read(json!({"file": "x.key"})), Ok(SecretRef::File("/etc/usher/x.key".into())));
        assert_eq!(read(json!({"file": "/run/x"})), Ok(SecretRef::File("/run/x".into())));
    }

    #[test]
    fn a_secret_that_is_written_out_is_refused_and_not_shown() {
        for value in [
            json!("hunter2"),
            json!({"value": "hunter2"}),
            json!({"env": ["hunter2"]}),
            json!({"env": "A", "file": "hunter2"}),
            json!(["hunter2"]),
            json!({"env": ""}),
        ] {
            let error = read(&["private_key"], &value, Path::new("/")).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.starts_with("private_key: ") && shown.contains("env ="), "{shown}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}
