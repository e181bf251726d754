use super::Failure;
use crate::cli::{SchemaArgs, SchemaOf};
use crate::output::Output;
use crate::schema;

/// `usher schema`: JSON, with or without `--json`.
pub(crate) fn run(args: SchemaArgs, output: &mut Output) -> Result<(), Failure> {
    let schema = match args.of {
        SchemaOf::Configuration => schema::configuration(&crate::connectors::all()),
        SchemaOf::Definition => definition()?,
    };
    if output.is_json() {
        return Ok(output.value(&schema)?);
    }
    Ok(output.line(schema::text(&schema).trim_end())?)
}

#[cfg(feature = "generic-rest")]
#[expect(clippy::unnecessary_wraps, reason = "a build without the connector has none to give")]
fn definition() -> Result<serde_json::Value, Failure> {
    Ok(schema::definition())
}

#[cfg(not(feature = "generic-rest"))]
fn definition() -> Result<serde_json::Value, Failure> {
    Err(Failure::failed(format!(
        "generic-rest is not in this build, and with it what a definition is: build Usher with {}",
        crate::connectors::features(&["generic-rest"])
    )))
}
