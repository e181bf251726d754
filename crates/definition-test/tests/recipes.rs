//! Every recipe does what its tests say.

use std::path::Path;

#[test]
fn every_recipe_passes_its_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    let folders =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut files: Vec<_> = folders.map(|folder| folder.join("definition.toml")).collect();
    files.sort();
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        let report = usher_definition_test::run_file(&file)
            .map_err(|wrong| wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
            .unwrap();
        assert!(report.tests.len() >= 5, "{report}");
        assert!(report.passed(), "{report}");
    }
}
