//! The settings of a connection: which definition, where its secrets stand, and its variables.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Component, Path};

use serde_json::{Map, Value, json};
use usher_core::{ConfigError, SecretRef};
use usher_toml_reader::did_you_mean;

use crate::definition::{Definition, MAX_FILE};

const KEYS: [&str; 3] = ["definition", "secrets", "vars"];

/// The settings of a connection, checked. `Debug` shows no secret: none is in here.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The definition, with the connection's variables in it.
    pub definition: Definition,
    /// Where each secret stands that the definition's `auth` names.
    pub secrets: BTreeMap<String, SecretRef>,
}

impl Settings {
    /// Reads the settings, and the definition that they name; `folder` is where files stand that they name.
    ///
    /// # Errors
    /// Every mistake in them, with its path; mistakes in the definition bear its file. No message shows a value of `secrets`.
    pub fn read(settings: &Value, folder: &Path) -> Result<Self, Vec<ConfigError>> {
        let Value::Object(settings) = settings else {
            let mistake =
                at(&[], "these are no settings").hint("write definition = \"definitions/app.toml\"");
            return Err(vec![mistake]);
        };
        let mut mistakes: Vec<ConfigError> = settings
            .keys()
            .filter(|key| !KEYS.contains(&key.as_str()))
            .map(|key| at(&[key], "is not a known key").hint(did_you_mean(key, &KEYS)))
            .collect();
        let definition = definition(settings.get("definition"), folder, &mut mistakes);
        let secrets = secrets(settings.get("secrets"), definition.as_ref(), folder, &mut mistakes);
        let vars = vars(settings.get("vars"), definition.as_ref(), &mut mistakes);
        match definition {
            Some(mut definition) if mistakes.is_empty() => {
                definition.vars.extend(vars);
                Ok(Self { definition, secrets })
            }
            _ => Err(mistakes),
        }
    }

    /// JSON Schema of the settings.
    #[must_use]
    pub fn schema() -> Value {
        let scalar = json!({"type": ["string", "integer", "number", "boolean"]});
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "generic-rest",
            "description": "An application that is described in a file.",
            "type": "object",
            "additionalProperties": false,
            "required": ["definition"],
            "properties": {
                "definition": {"description": "The definition: a path below the configuration's folder.", "type": "string", "minLength": 1},
                "secrets": {
                    "description": "Where each secret stands that the definition's auth names; never the secret itself.",
                    "type": "object",
                    "additionalProperties": {
                        "oneOf": [
                            {"type": "object", "properties": {"env": {"type": "string", "minLength": 1}}, "required": ["env"], "additionalProperties": false},
                            {"type": "object", "properties": {"file": {"type": "string", "minLength": 1}}, "required": ["file"], "additionalProperties": false}
                        ]
                    }
                },
                "vars": {
                    "description": "Other values for variables of the definition, of the same type.",
                    "type": "object",
                    "additionalProperties": {"anyOf": [scalar.clone(), {"type": "array", "items": scalar}]}
                }
            }
        })
    }
}

impl Definition {
    /// Reads a definition's file.
    ///
    /// # Errors
    /// It cannot be read, or every mistake in it: see [`Self::load`].
    pub fn read(path: &Path) -> Result<Self, Vec<ConfigError>> {
        Self::load(path, &text(path, path)?)
    }
}

/// A file's text. `shown`: how messages call it.
fn text(path: &Path, shown: &Path) -> Result<String, Vec<ConfigError>> {
    let wrong = |message: String, hint: &str| {
        let mut mistake = at(&[], message).hint(hint);
        mistake.file = Some(shown.to_owned());
        vec![mistake]
    };
    let named = "name the file of the definition";
    let opened = |error: std::io::Error| match error.kind() {
        // The kind's own words are "entity not found".
        std::io::ErrorKind::NotFound => wrong("is not there".to_owned(), named),
        kind => wrong(format!("cannot be opened: {kind}"), named),
    };
    let kind = std::fs::metadata(path).map_err(opened)?;
    if kind.is_dir() {
        return Err(wrong("is a folder".to_owned(), "name the file in it, such as definition.toml"));
    }
    // To open a pipe is to wait for whoever writes into it.
    if !kind.is_file() {
        return Err(wrong("is not a file".to_owned(), named));
    }
    let file = std::fs::File::open(path).map_err(opened)?;
    let most = u64::try_from(MAX_FILE).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| wrong(format!("cannot be read: {}", error.kind()), named))?;
    // What is too large is refused when it is read.
    String::from_utf8(bytes).map_err(|_| wrong("is not UTF-8".to_owned(), "save it as UTF-8"))
}

fn at(path: &[&str], message: impl Into<String>) -> ConfigError {
    ConfigError::at(path.iter().copied(), message)
}

fn definition(named: Option<&Value>, folder: &Path, mistakes: &mut Vec<ConfigError>) -> Option<Definition> {
    let hint = "write definition = \"definitions/app.toml\"";
    let name = match named {
        Some(Value::String(name)) if !name.trim().is_empty() => Path::new(name),
        None => {
            mistakes.push(at(&["definition"], "is missing").hint(hint));
            return None;
        }
        Some(_) => {
            mistakes.push(at(&["definition"], "is not a path").hint(hint));
            return None;
        }
    };
    if !name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        let hint = "put the file beside usher.toml or below, and write its path from there";
        mistakes.push(at(&["definition"], "leads out of the configuration's folder").hint(hint));
        return None;
    }
    let file = folder.join(name);
    if !file.is_file() {
        let hint = "write the path of the definition from usher.toml's folder";
        mistakes.push(at(&["definition"], "is not a file that is there").hint(hint));
        return None;
    }
    match text(&file, name).and_then(|text| Definition::load(name, &text)) {
        Ok(definition) => Some(definition),
        Err(wrong) => {
            mistakes.extend(wrong);
            None
        }
    }
}

fn secrets(
    said: Option<&Value>,
    definition: Option<&Definition>,
    folder: &Path,
    mistakes: &mut Vec<ConfigError>,
) -> BTreeMap<String, SecretRef> {
    let said = match said {
        None => &Map::new(),
        Some(Value::Object(said)) => said,
        Some(_) => {
            mistakes.push(at(&["secrets"], "is not a table").hint("write secrets.NAME = { env = \"NAME\" }"));
            return BTreeMap::new();
        }
    };
    let wanted = definition.map(Definition::secrets);
    if let Some(wanted) = &wanted {
        for name in wanted.iter().filter(|name| !said.contains_key(*name)) {
            let hint = format!("the definition's auth names it: write secrets.{name} = {{ env = \"NAME\" }}");
            mistakes.push(at(&["secrets", name], "is missing").hint(hint));
        }
        let known: Vec<&str> = wanted.iter().map(String::as_str).collect();
        for name in said.keys().filter(|name| !wanted.contains(*name)) {
            let hint = match known.is_empty() {
                true => "take it out".to_owned(),
                false => did_you_mean(name, &known),
            };
            mistakes.push(
                at(&["secrets", name], "is a secret that the definition's auth does not name").hint(hint),
            );
        }
    }
    let mut out = BTreeMap::new();
    for (name, value) in said {
        match SecretRef::read(&["secrets", name], value, folder) {
            Ok(secret) => {
                out.insert(name.clone(), secret);
            }
            Err(mistake) => mistakes.push(mistake),
        }
    }
    out
}

fn vars(
    said: Option<&Value>,
    definition: Option<&Definition>,
    mistakes: &mut Vec<ConfigError>,
) -> BTreeMap<String, Value> {
    let said = match said {
        None => return BTreeMap::new(),
        Some(Value::Object(said)) => said,
        Some(_) => {
            mistakes.push(at(&["vars"], "is not a table").hint("write vars.NAME = the value"));
            return BTreeMap::new();
        }
    };
    let Some(definition) = definition else { return BTreeMap::new() };
    let known: Vec<&str> = definition.vars.keys().map(String::as_str).collect();
    for (name, value) in said {
        match definition.vars.get(name) {
            None => {
                let hint = match known.is_empty() {
                    true => "take it out: the definition has no variables".to_owned(),
                    false => did_you_mean(name, &known),
                };
                mistakes.push(at(&["vars", name], "is not a variable of the definition").hint(hint));
            }
            Some(declared) if kind(declared) != kind(value) || !is_constant(value) => {
                let message = format!("is not {}, as in the definition", kind(declared));
                mistakes.push(at(&["vars", name], message).hint(format!("write {}", kind(declared))));
            }
            Some(_) => {}
        }
    }
    said.clone().into_iter().collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a whole number",
        Value::Array(_) => "a list",
        Value::Object(_) | Value::Null => "a table",
    }
}

fn is_constant(value: &Value) -> bool {
    let is_scalar = |value: &Value| !matches!(value, Value::Array(_) | Value::Object(_) | Value::Null);
    match value {
        Value::Array(list) => list.iter().all(is_scalar),
        value => is_scalar(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFINITION: &str = r#"schema = 1
base_url = "https://a.example"
auth = { type = "basic", username = "{{ secret.user }}", password = "{{ secret.password }}" }
vars = { tenant = "acme", size = 100, strict = true, roles = ["a"] }
[[lookup]]
id = "person"
get = "/{{ vars.tenant }}"
capture.hit = "json"
[state]
account = "person.hit"
[[provision]]
post = "/p"
"#;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("definitions")).unwrap();
        std::fs::write(folder.path().join("definitions/app.toml"), DEFINITION).unwrap();
        std::fs::write(folder.path().join("wrong.toml"), DEFINITION.replace("person.hit", "persn.hit"))
            .unwrap();
        folder
    }

    fn good() -> Value {
        json!({
            "definition": "definitions/app.toml",
            "secrets": {"user": {"env": "USER_NAME"}, "password": {"file": "app.key"}},
        })
    }

    fn with(key: &str, value: Value) -> Value {
        let mut settings = good();
        settings[key] = value;
        settings
    }

    fn read(settings: &Value) -> Result<Settings, Vec<ConfigError>> {
        Settings::read(settings, folder().path())
    }

    #[test]
    fn the_connection_names_the_definition_its_secrets_and_other_variables() {
        let folder = folder();
        let settings = with("vars", json!({"size": 50, "roles": ["b", "c"]}));
        let read = Settings::read(&settings, folder.path()).unwrap();
        assert_eq!(read.definition.vars["size"], json!(50));
        assert_eq!(read.definition.vars["tenant"], json!("acme"));
        assert_eq!(read.secrets["user"], SecretRef::Env("USER_NAME".to_owned()));
        assert_eq!(read.secrets["password"], SecretRef::File(folder.path().join("app.key")));
        let validator = jsonschema::validator_for(&Settings::schema()).unwrap();
        assert!(
            validator.is_valid(&settings)
                && !validator.is_valid(&with("secrets", json!({"user": "hunter2"})))
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_path() {
        for (settings, path, message) in [
            (json!([]), "", "no settings"),
            (json!({}), "definition", "missing"),
            (with("definition", json!(7)), "definition", "not a path"),
            (with("definition", json!("../app.toml")), "definition", "leads out"),
            (with("definition", json!("/etc/passwd")), "definition", "leads out"),
            (with("definition", json!("definitions")), "definition", "not a file"),
            (with("definition", json!("other.toml")), "definition", "not a file"),
            (with("definitions", json!("a")), "definitions", "not a known key"),
            (with("secrets", json!({"user": {"env": "A"}})), "secrets.password", "missing"),
            (
                with(
                    "secrets",
                    json!({"user": {"env": "A"}, "password": {"env": "B"}, "pass": {"env": "C"}}),
                ),
                "secrets.pass",
                "does not name",
            ),
            (
                with("secrets", json!({"user": "hunter2", "password": {"env": "B"}})),
                "secrets.user",
                "not written into",
            ),
            (
                with("secrets", json!({"user": {"env": "A", "file": "hunter2"}, "password": {"env": "B"}})),
                "secrets.user",
                "one place",
            ),
            (with("secrets", json!(["hunter2"])), "secrets", "not a table"),
            (with("vars", json!({"tennant": "x"})), "vars.tennant", "not a variable"),
            (with("vars", json!({"size": "100"})), "vars.size", "not a whole number"),
            (with("vars", json!({"tenant": 7})), "vars.tenant", "not a text"),
            (with("vars", json!({"strict": {"a": 1}})), "vars.strict", "not true or false"),
            (with("vars", json!({"roles": [{"a": 1}]})), "vars.roles", "not a list"),
        ] {
            let errors = read(&settings).unwrap_err();
            let found =
                errors.iter().find(|error| error.path.join(".") == path && error.message.contains(message));
            assert!(found.is_some_and(|error| error.hint.is_some()), "{path} {message}: {errors:#?}");
            assert!(!format!("{errors:?}").contains("hunter2"), "{errors:?}");
        }
    }

    #[test]
    fn mistakes_in_the_definition_bear_its_file_and_place_and_hide_none_of_the_settings() {
        let mut settings = with("definition", json!("wrong.toml"));
        settings["secrets"]["user"] = json!("hunter2");
        let errors = read(&settings).unwrap_err();
        let inside = errors.iter().find(|error| error.file.is_some()).unwrap();
        assert_eq!(inside.file.as_deref(), Some(Path::new("wrong.toml")));
        assert!(inside.span.is_some() && inside.message.contains("persn"), "{inside:?}");
        assert!(errors.iter().any(|error| error.path == ["secrets", "user"]), "{errors:?}");
    }

    #[test]
    fn a_file_that_is_no_text_or_too_large_is_refused() {
        let folder = folder();
        for (bytes, message) in [(vec![0xff, 0xfe], "UTF-8"), (vec![b' '; MAX_FILE + 10], "larger")] {
            std::fs::write(folder.path().join("app.toml"), bytes).unwrap();
            let errors = Definition::read(&folder.path().join("app.toml")).unwrap_err();
            assert!(errors[0].message.contains(message) && errors[0].file.is_some(), "{errors:?}");
        }
    }
}
