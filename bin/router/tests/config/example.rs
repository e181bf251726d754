//! The example at the top level says what it is said to say.

use std::path::Path;

use usher_router::config::load_with;

use crate::support::File;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../usher.example.toml");

/// With the connectors of this build.
fn load_real(text: &str) -> usher_router::config::Loaded {
    let file = File::new(text);
    load_with(&file.path, crate::support::surroundings(usher_router::connectors::all()))
        .unwrap_or_else(|report| panic!("{report}"))
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
        let file = File::new(&rest.join("\n"));
        if let Err(report) =
            load_with(&file.path, crate::support::surroundings(usher_router::connectors::all()))
        {
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
}
