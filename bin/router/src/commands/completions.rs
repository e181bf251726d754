use std::io;

use clap::CommandFactory;

use super::Failure;
use crate::cli::{Cli, CompletionsArgs};
use crate::output::Output;

/// `usher completions`: what a shell reads to complete the command line.
pub(crate) fn run(args: &CompletionsArgs, output: &mut Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "usher", &mut script);
    let script = String::from_utf8(script).map_err(io::Error::other)?;
    if output.is_json() {
        let shell = args.shell.to_string();
        return Ok(output.value(&serde_json::json!({ "shell": shell, "script": script }))?);
    }
    Ok(output.line(script.trim_end())?)
}
