//! Usher: turns approved access requests into access.

use std::process::ExitCode;

use clap::Parser;
use usher_router::cli::Cli;

fn main() -> ExitCode {
    usher_router::commands::run(Cli::parse())
}
