//! `usher demo`: the real router against the sandbox, over real sockets, told as a table.
//!
//! Every row is checked against what really happened at the stand-in vendor, not against what the router says of itself. What is
//! played is what the compiled connectors can do.

mod directory;
mod github;
#[cfg(feature = "generic-rest")]
mod own_tests;
mod scene;
mod stage;
mod tell;
mod zendesk;

use crate::cli::DemoArgs;
use crate::commands::Failure;
use crate::output::Output;

pub use scene::{Row, Scene, scenes};
pub use stage::{Sabotage, Stage};

/// `usher demo`
pub(crate) async fn run(args: &DemoArgs, output: &mut Output) -> Result<(), Failure> {
    if scenes().is_empty() {
        return Err(Failure::failed(
            "this build has no connector, so there is nothing to show: build it with --features demo,zendesk-license, say",
        ));
    }
    let interrupted = crate::commands::interrupted();
    tokio::pin!(interrupted);
    if std::env::var_os(crate::logging::LEVEL_VARIABLE).is_some() {
        crate::logging::start();
    }
    let stage = Stage::set(None).await?;
    tell::opening(&stage, output)?;
    let rows = tokio::select! {
        rows = stage.play(|scene| tell::waiting(scene, output)) => rows?,
        heard = &mut interrupted => {
            stage.break_off().await;
            return heard.and(Err(Failure::failed("the demo was interrupted")));
        }
    };
    tell::table(&rows, output)?;
    let is_well = rows.iter().all(|row| row.fault.is_none());
    if !args.once {
        tell::stay(&stage, output)?;
        interrupted.await?;
    }
    stage.strike().await;
    if is_well {
        Ok(())
    } else {
        Err(Failure::failed("not everything came out as it should: see the rows marked ✗"))
    }
}
