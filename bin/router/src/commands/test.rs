use super::Failure;
use crate::cli::TestArgs;
use crate::output::Output;

/// `usher test`
#[cfg(feature = "generic-rest")]
pub(crate) fn run(args: &TestArgs, output: &mut Output) -> Result<(), Failure> {
    use super::definitions::{Tested, print};

    let tested: Vec<Tested> = args.definitions.iter().map(|file| Tested::run(file)).collect();
    let is_well = tested.iter().all(Tested::is_well);
    if output.is_json() {
        let definitions: Vec<_> = tested.iter().map(Tested::to_json).collect();
        output.value(&serde_json::json!({ "ok": is_well, "definitions": definitions }))?;
    } else {
        print(&tested, output)?;
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
