use super::Failure;
use crate::cli::TestArgs;
use crate::output::Output;

/// `usher test`
#[cfg(feature = "generic-rest")]
pub(crate) fn run(args: &TestArgs, output: &mut Output) -> Result<(), Failure> {
    use super::definitions::{Tested, print};
    use crate::output::{Style, safe};

    let tested: Vec<Tested> = args.definitions.iter().map(|file| Tested::run(file)).collect();
    // Where nothing is tested, nothing is shown to work.
    let untested: Vec<String> = tested.iter().filter_map(Tested::note).collect();
    let is_well = tested.iter().all(Tested::is_well) && (args.allow_empty || untested.is_empty());
    if output.is_json() {
        let definitions: Vec<_> = tested.iter().map(Tested::to_json).collect();
        output.value(&serde_json::json!({ "ok": is_well, "definitions": definitions, "notes": untested }))?;
    } else {
        print(&tested, output)?;
        for note in &untested {
            let more = if args.allow_empty { "" } else { ", or take it as it is with --allow-empty" };
            output.line(format!("{} {}{more}", output.paint(Style::Pending, "note:"), safe(note)))?;
        }
    }
    if is_well { Ok(()) } else { Err(Failure::Said) }
}

/// `usher test`
#[cfg(not(feature = "generic-rest"))]
pub(crate) fn run(_: &TestArgs, _: &mut Output) -> Result<(), Failure> {
    Err(Failure::failed(format!(
        "generic-rest is not in this build, and with it what runs definitions: build Usher with {}",
        crate::connectors::features(&["generic-rest"])
    )))
}
