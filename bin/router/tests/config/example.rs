//! The example at the top level says what it is said to say.

use std::path::Path;

use usher_router::config::load_with;

use crate::stand_in::surroundings_with_stand_ins;
use crate::support::File;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../usher.example.toml");

/// With the connectors of this build.
fn load_real(text: &str) -> usher_router::config::Loaded {
    let file = File::with_recipes(text);
    load_with(&file.path, surroundings_with_stand_ins()).unwrap_or_else(|report| panic!("{report}"))
}

#[test]
fn the_example_is_a_configuration_that_can_be_run() {
    let mut summary = load_real(&std::fs::read_to_string(Path::new(EXAMPLE)).unwrap()).summary;
    // These two differ from run to run, and from one wording of a comment to the next.
    summary.file = "[file]".into();
    summary.hash = "[hash]".into();
    insta::assert_json_snapshot!(summary);
}

#[test]
fn the_example_with_any_line_gone_is_read_or_told_what_is_wrong() {
    let text = std::fs::read_to_string(Path::new(EXAMPLE)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for gone in 0..lines.len() {
        let rest: Vec<&str> =
            lines.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, line)| *line).collect();
        let file = File::with_recipes(&rest.join("\n"));
        if let Err(report) = load_with(&file.path, surroundings_with_stand_ins()) {
            assert!(!report.mistakes().is_empty() && report.to_string().contains("help:"), "{report}");
        }
    }
}

#[test]
fn the_examples_commented_keys_are_the_defaults_or_can_be_set() {
    let text = std::fs::read_to_string(Path::new(EXAMPLE)).unwrap();
    let is_setting = |line: &str| {
        let key = line.split(" = ").next().unwrap_or_default();
        line.contains(" = ") && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let set: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(commented) if is_setting(commented) => format!("{commented}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let (with_defaults, without) = (load_real(&set), load_real(&text));
    assert_ne!(set, text);
    assert_eq!(format!("{:?}", with_defaults.config.server), format!("{:?}", without.config.server));
    assert_eq!(with_defaults.config.admin.listen, without.config.admin.listen);
    assert_eq!(with_defaults.summary.apps, without.summary.apps);
}

/// What a connector's schema knows, stands in the example: set, or commented where it is optional.
#[test]
fn the_example_shows_every_key_of_every_connector() {
    let text = std::fs::read_to_string(Path::new(EXAMPLE)).unwrap();
    for connector in usher_router::connectors::all() {
        let section = text
            .split("\n[connections.")
            .find(|section| section.contains(&format!("\nconnector = \"{}\"", connector.kind())));
        let section = section.unwrap_or_else(|| panic!("no connection shows {}", connector.kind()));
        for (schema, text) in [(connector.schema(), section), (connector.entitlement_schema(), text.as_str())]
        {
            let keys = schema.get("properties").and_then(|keys| keys.as_object()).into_iter().flatten();
            for (key, _) in keys {
                let is_shown = ["\n", "# ", "instead: ", "{ ", ", "].iter().any(|before| {
                    [" = ", "."].iter().any(|after| text.contains(&format!("{before}{key}{after}")))
                });
                assert!(is_shown, "the example does not show {key} of {}", connector.kind());
            }
        }
    }
}
