//! The fault suite with its figures: `cargo run -p usher-tests --release --bin faults -- --long`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use std::process::ExitCode;

use clap::Parser;
use usher_tests::faults::{Bound, Chosen, run, silence};
use usher_tests::support::seed;

/// Runs Usher under faults and shows whether its promises hold.
#[derive(Debug, Parser)]
#[command(name = "faults")]
struct Arguments {
    /// The long run: minutes for each part instead of seconds.
    #[arg(long)]
    long: bool,
    /// Run again what a seed has shown.
    #[arg(long, env = "USHER_TEST_SEED")]
    seed: Option<u64>,
    /// What the part `silence` starts in a network namespace.
    #[arg(long, hide = true)]
    in_a_network_of_its_own: bool,
    /// Only these parts.
    #[arg(value_name = "PART")]
    only: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let chosen = Chosen {
        bound: if arguments.long { Bound::Long } else { Bound::Short },
        seed: arguments.seed.unwrap_or_else(seed),
        only: arguments.only,
    };
    if arguments.in_a_network_of_its_own {
        return inside(chosen.bound).await;
    }
    match run(&chosen).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("faults: {error}");
            ExitCode::from(2)
        }
    }
}

/// Says what was found on the last line, for the process outside.
async fn inside(bound: Bound) -> ExitCode {
    match serde_json::to_string(&silence::inside(bound).await) {
        Ok(found) => {
            println!("{found}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("faults: {error}");
            ExitCode::from(2)
        }
    }
}
