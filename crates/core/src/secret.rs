use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::ConfigError;

/// Where a secret stands; never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; one line end at its end is not part of the secret.
    File(PathBuf),
}

impl SecretRef {
    /// Where a setting says that a secret stands: `{ env = "NAME" }`, or `{ file = "PATH" }` with the path below `folder`.
    ///
    /// Read by hand: serde's own message for a wrong type would quote what was written.
    ///
    /// # Errors
    /// It says no place, at `path`; a secret that is written out is not shown.
    pub fn read(path: &[&str], value: &Value, folder: &Path) -> Result<Self, ConfigError> {
        let mistake = |message: &str| {
            ConfigError::at(path.iter().copied(), message)
                .hint("write { env = \"NAME\" } or { file = \"PATH\" }")
        };
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
            ("env", Value::String(name)) => Ok(Self::Env(name.clone())),
            ("file", Value::String(file)) => Ok(Self::File(folder.join(file))),
            _ => Err(mistake("this does not say where the secret stands")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_stands_in_a_variable_or_in_a_file_beside_the_configuration() {
        let read = |value| SecretRef::read(&["client_secret"], &value, Path::new("/etc/usher"));
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
            let error = SecretRef::read(&["client_secret"], &value, Path::new("/")).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.starts_with("client_secret: ") && shown.contains("env ="), "{shown}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}
