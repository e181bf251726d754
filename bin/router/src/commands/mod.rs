//! The commands: one module each.

mod admin_client;
mod alerts;
mod backup;
mod check;
mod completions;
mod connections;
mod connectors;
#[cfg(feature = "generic-rest")]
mod definitions;
mod failure;
mod holdings;
mod http_client;
mod init;
mod pause;
mod payload;
mod plan;
mod requests;
mod schema;
mod send;
mod serve;
mod test;

use std::process::ExitCode;

pub use failure::Failure;
#[cfg(feature = "demo")]
pub(crate) use http_client::client;
#[cfg(feature = "demo")]
pub(crate) use serve::{Started, interrupted};

use crate::cli::{Cli, Command};
use crate::output::Output;

/// Runs a command to its end, and says what went wrong.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let json = cli.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::failed(format!("no threads can be started: {error}")).tell(json),
    };
    let ended = runtime.block_on(dispatch(cli.command, Output::stdout(json)));
    // Nothing is waited for that has not been waited for above.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(json),
    }
}

async fn dispatch(command: Command, mut output: Output) -> Result<(), Failure> {
    match command {
        #[cfg(feature = "demo")]
        Command::Demo(args) => Box::pin(crate::demo::run(&args, &mut output)).await,
        Command::Init(args) => init::run(&args, &mut output),
        Command::Serve(args) => Box::pin(serve::run(&args, &mut output)).await,
        Command::Check(args) => check::run(&args, &mut output).await,
        Command::Test(args) => test::run(&args, &mut output),
        Command::Plan(args) => plan::run(&args, &mut output).await,
        Command::Send(args) => Box::pin(send::run(&args, &mut output)).await,
        Command::Backup(args) => Box::pin(backup::run(&args, &mut output)).await,
        Command::Requests(command) => requests::run(&command, &mut output).await,
        Command::Holdings(args) => holdings::run(&args, &mut output).await,
        Command::Pause(args) => pause::pause(&args, &mut output).await,
        Command::Resume(args) => pause::resume(&args, &mut output).await,
        Command::Alerts(command) => alerts::run(&command, &mut output).await,
        Command::Connections(args) => connections::run(&args, &mut output).await,
        Command::Connectors(args) => connectors::run(&args, &mut output),
        Command::Schema(args) => schema::run(args, &mut output),
        Command::Completions(args) => completions::run(&args, &mut output),
    }
}
