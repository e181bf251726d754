//! A JSON Schema of definitions, for editors. Written by hand, since the loader says more than a schema can.

use serde_json::Value;

const SCHEMA: &str = include_str!("schema.json");

/// JSON Schema (2020-12) of definitions: every key, its type and its words. What it does not say (names that are in scope, what
/// stands beside what) the loader says.
#[must_use]
#[expect(clippy::expect_used, reason = "the file is part of the program, and a test reads it")]
pub fn definition_schema() -> Value {
    serde_json::from_str(SCHEMA).expect("schema.json is JSON")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::definition::{Definition, tests};

    fn as_json(text: &str) -> Value {
        serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap()
    }

    /// A definition in which every block stands once, and every auth kind in turn.
    const WHOLE: &str = r#"schema = 1
base_url = "https://a.example"
auth = { AUTH }
vars.a = 1
tables.t.k = "v"
entitlement.role = { type = "string", values = ["a"], default = "a" }
slots.role = { wants = "entitlement.role", has = "p.hit", one = true, baseline = "a" }
[[lookup]]
id = "p"
get = "/p"
paginate = { page = "page", items = "json", max_pages = 2 }
expect = { status = [200], that = "true" }
classify = [{ when = "false", as = "gone" }]
capture.hit = "items"
[state]
account = "p.hit"
[[refuse]]
when = "false"
as = "other"
message = "is so"
[[provision]]
post = "/p"
idempotency_key = { header = "Idempotency-Key" }
poll = { get = "/j", until = "true" }
[[test]]
name = "t"
user = { email = "a@a.example" }
permissions.x = { role = "a" }
[[test.exchange]]
get = "/p"
answer = { status = 200 }
"#;

    const AUTHS: [(&str, &str); 6] = [
        ("bearer", "token = \"{{ secret.a }}\""),
        ("basic", "username = \"u\", password = \"{{ secret.a }}\""),
        ("api_key", "header = \"X-Key\", value = \"{{ secret.a }}\""),
        (
            "oauth2",
            "grant_type = \"client_credentials\", token_url = \"/t\", client_id = \"a\", client_secret = \"{{ secret.a }}\"",
        ),
        ("jwt", "algorithm = \"HS256\", key = \"{{ secret.a }}\", ttl = \"1m\""),
        ("none", ""),
    ];

    fn whole(kind: &str, keys: &str) -> String {
        WHOLE.replacen("AUTH", format!("type = \"{kind}\", {keys}").trim_end_matches(", "), 1)
    }

    #[test]
    fn every_good_definition_is_valid_and_the_schema_is_one() {
        let schema = definition_schema();
        jsonschema::meta::validate(&schema).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let mut good = vec![tests::GOOD.to_owned(), tests::RARE.to_owned()];
        good.extend(tests::recipes().into_iter().map(|(_, text)| text));
        good.extend(AUTHS.iter().map(|(kind, keys)| whole(kind, keys)));
        for text in good {
            Definition::load(Path::new("app.toml"), &text).unwrap_or_else(|wrong| panic!("{wrong:?}"));
            let errors: Vec<String> = validator
                .iter_errors(&as_json(&text))
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{errors:#?}\n{text}");
        }
    }

    /// What the loader knows at a place: it lists all of it where a key is like none of them.
    fn known(text: &str, path: &[&str]) -> BTreeSet<String> {
        let errors = Definition::load(Path::new("app.toml"), text).unwrap_err();
        let path: Vec<&str> = path.iter().copied().chain(["zzzzzzzzzzzzzzzzzzzz"]).collect();
        let told =
            errors.iter().find(|error| error.path == path).unwrap_or_else(|| panic!("{path:?}: {errors:#?}"));
        let listed =
            told.hint.as_deref().and_then(|hint| hint.strip_prefix("known here: ")).unwrap_or_default();
        listed.split(", ").map(str::to_owned).collect()
    }

    fn described(schema: &Value) -> BTreeSet<String> {
        schema["properties"].as_object().unwrap().keys().cloned().collect()
    }

    /// Puts a key that nobody knows into a table of the definition.
    fn with_unknown(text: &str, path: &[&str]) -> String {
        let mut value = as_json(text);
        let pointer = path.iter().fold(String::new(), |pointer, part| format!("{pointer}/{part}"));
        let table = value.pointer_mut(&pointer).unwrap_or_else(|| panic!("{pointer}"));
        table.as_object_mut().unwrap().insert("zzzzzzzzzzzzzzzzzzzz".to_owned(), json!(1));
        toml::to_string(&value).unwrap()
    }

    #[test]
    fn every_key_that_the_loader_knows_is_described_and_no_other() {
        let schema = definition_schema();
        let at = |pointer: &str| schema.pointer(pointer).unwrap_or_else(|| panic!("{pointer}")).clone();
        let text = whole(AUTHS[0].0, AUTHS[0].1);
        let places: Vec<(Vec<&str>, &str)> = vec![
            (vec![], ""),
            (vec!["entitlement", "role"], "/properties/entitlement/additionalProperties"),
            (vec!["lookup", "0"], "/properties/lookup/items"),
            (vec!["lookup", "0", "expect"], "/properties/lookup/items/properties/expect"),
            (vec!["lookup", "0", "classify", "0"], "/properties/lookup/items/properties/classify/items"),
            (vec!["lookup", "0", "paginate"], "/properties/lookup/items/properties/paginate"),
            (vec!["state"], "/properties/state"),
            (vec!["slots", "role"], "/properties/slots/additionalProperties"),
            (vec!["refuse", "0"], "/properties/refuse/items"),
            (vec!["provision", "0"], "/$defs/step"),
            (vec!["provision", "0", "idempotency_key"], "/$defs/step/properties/idempotency_key"),
            (vec!["provision", "0", "poll"], "/$defs/step/properties/poll"),
            (vec!["test", "0"], "/$defs/test"),
            (vec!["test", "0", "user"], "/$defs/test/properties/user"),
            (vec!["test", "0", "exchange", "0"], "/$defs/exchange"),
            (vec!["test", "0", "exchange", "0", "answer"], "/$defs/exchange/properties/answer"),
        ];
        for (path, pointer) in &places {
            assert_eq!(known(&with_unknown(&text, path), path), described(&at(pointer)), "{pointer}");
        }
        for (kind, keys) in AUTHS {
            let kinds = at("/properties/auth/oneOf");
            let found =
                kinds.as_array().unwrap().iter().find(|one| one["properties"]["type"]["const"] == kind);
            let text = with_unknown(&whole(kind, keys), &["auth"]);
            assert_eq!(known(&text, &["auth"]), described(found.unwrap()), "{kind}");
        }
    }

    #[test]
    fn every_word_that_the_loader_knows_is_described() {
        let shown = definition_schema().to_string();
        for word in
            ["managed-elsewhere", "read-back", "reset-after", "needs-you", "EdDSA", "client_credentials"]
        {
            assert!(shown.contains(word), "{word}");
        }
        let validator = jsonschema::validator_for(&definition_schema()).unwrap();
        let text = whole(AUTHS[0].0, AUTHS[0].1);
        for (from, to) in
            [("\"gone\"", "\"going\""), ("\"string\"", "\"text\""), ("max_pages = 2", "max_pages = 0")]
        {
            assert!(!validator.is_valid(&as_json(&text.replacen(from, to, 1))), "{to}");
        }
    }
}
