//! The log: on standard error, as text for people at a terminal and as JSON for whatever collects it elsewhere.

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, FilterExt, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

/// What the log shows, in the syntax of `tracing_subscriber::EnvFilter`: `info` by default, or `usher=debug`.
pub const LEVEL_VARIABLE: &str = "USHER_LOG";

/// Crates of Usher, by the beginning of their names.
const OURS: &str = "usher";

/// Starts the log of this process. A second call does nothing.
///
/// Libraries never say more than `info`, whatever is asked for: below that, some write out headers and bodies.
pub fn start() {
    let asked = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .with_env_var(LEVEL_VARIABLE)
        .from_env_lossy();
    let discreet = Targets::new().with_default(LevelFilter::INFO).with_target(OURS, LevelFilter::TRACE);
    let stderr = io::stderr();
    let is_terminal = stderr.is_terminal();
    let lines = fmt::layer().with_writer(io::stderr).with_target(false);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = if is_terminal {
        let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        lines.compact().with_ansi(colour).boxed()
    } else {
        lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
    };
    let started = tracing_subscriber::registry().with(lines.with_filter(asked.and(discreet))).try_init();
    if let Err(error) = started {
        tracing::debug!(error = %error, "the log has been started before");
    }
}
