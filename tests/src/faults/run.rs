//! Runs parts one after the other, and shows what they found as a table.

use std::path::Path;
use std::process::Command;

use super::{Bound, Found, PARTS, Part};
use crate::support::now;

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Chosen {
    pub bound: Bound,
    pub seed: u64,
    /// Names of parts; all of them where it is empty.
    pub only: Vec<String>,
}

/// Runs them, and says whether all was as it is promised.
///
/// # Errors
/// No part has such a name, or the programs could not be built.
pub async fn run(chosen: &Chosen) -> Result<bool, String> {
    let parts = parts(&chosen.only)?;
    build()?;
    println!("USHER_TEST_SEED={}", chosen.seed);
    let mut is_clean = true;
    let mut rows = Vec::new();
    for part in parts {
        println!("\n{}: {}", part.name, part.about);
        let began = now();
        // A task of its own: one part that panics does not take the others along.
        let found = tokio::spawn((part.run)(chosen.bound, chosen.seed)).await;
        let found = found.unwrap_or_else(|error| Found {
            figures: Vec::new(),
            troubles: vec![format!("it could not be run to its end: {error}")],
        });
        for trouble in &found.troubles {
            println!("  NOT AS PROMISED: {trouble}");
        }
        is_clean &= found.troubles.is_empty();
        let mut figures = found.figures;
        figures.push(("seconds".to_owned(), (now() - began).as_secs().to_string()));
        figures.push(("not as promised".to_owned(), found.troubles.len().to_string()));
        rows.extend(figures.into_iter().map(|(what, value)| [part.name.to_owned(), what, value]));
    }
    println!("\n{}", table(&rows));
    Ok(is_clean)
}

fn parts(only: &[String]) -> Result<Vec<Part>, String> {
    if only.is_empty() {
        return Ok(PARTS.to_vec());
    }
    let find = |name: &String| {
        let known = || PARTS.iter().map(|part| part.name).collect::<Vec<_>>().join(", ");
        let found = PARTS.iter().find(|part| part.name == name);
        found.copied().ok_or_else(|| format!("there is no part {name}: use one of {}", known()))
    };
    only.iter().map(find).collect()
}

/// `cargo run --bin faults` builds this program alone, and it starts others that stand beside it.
fn build() -> Result<(), String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--locked", "-p", "usher-router", "-p", "usher-sandbox", "--bins"]);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    if own.parent().is_some_and(|folder| folder.ends_with(Path::new("release"))) {
        command.arg("--release");
    }
    let status = command.status().map_err(|error| format!("cargo could not be started: {error}"))?;
    if status.success() { Ok(()) } else { Err("usher could not be built: see above".to_owned()) }
}

fn table(rows: &[[String; 3]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let (part, what, value) = (width(0), width(1), width(2));
    let mut lines: Vec<String> = Vec::new();
    let mut before = "";
    for [name, figure, number] in rows {
        let shown = if name == before { "" } else { name };
        before = name;
        lines.push(format!("{shown:part$}  {figure:what$}  {number:>value$}"));
    }
    lines.join("\n")
}
