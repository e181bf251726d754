//! The row of the tests inside the directory's definition.

use std::path::Path;

use super::{Row, Scene};

/// The recipe that the demo's directory is described by.
pub(super) const DEFINITION: &str = include_str!("../../../../recipes/directory/definition.toml");

/// Runs them. Nothing of it reaches a network, or the router.
pub(super) fn row(definition: &Path) -> Row {
    let (at_vendor, fault) = match usher_definition_test::run_file(definition) {
        Ok(report) => {
            let (passed, failed) = report.counts();
            let fault = match (passed, failed) {
                (_, 1..) => Some(format!("{failed} of {} tests failed", passed + failed)),
                (0, 0) => Some("the definition has no tests".to_owned()),
                _ => None,
            };
            (format!("{passed} passed, without a network"), fault)
        }
        Err(errors) => {
            let first = errors.first().map_or_else(String::new, ToString::to_string);
            ("nothing".to_owned(), Some(format!("the definition has {} mistakes: {first}", errors.len())))
        }
    };
    Row {
        scene: Scene::OwnTests,
        asked: Scene::OwnTests.asked(),
        heard: String::new(),
        after_ms: 0,
        now: None,
        at_vendor,
        fault,
        request: None,
        paste: None,
    }
}
