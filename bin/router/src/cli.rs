//! The command line.

mod local;
mod requests;

use std::path::PathBuf;
use std::sync::LazyLock;

use clap::{Args, Parser, Subcommand};
use url::Url;

pub use local::{CompletionsArgs, ConnectorsArgs, InitArgs, InitConnector, SchemaArgs, SchemaOf, TestArgs};
pub use requests::{
    ActArgs, ExportArgs, ExportFormat, FilterArgs, ListArgs, RequestsCommand, ShowArgs, State, Way,
};

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let features = [
        ("demo", cfg!(feature = "demo")),
        ("generic-rest", cfg!(feature = "generic-rest")),
        ("github-org", cfg!(feature = "github-org")),
        ("zendesk-license", cfg!(feature = "zendesk-license")),
    ];
    let features: Vec<&str> =
        features.into_iter().filter(|(_, is_on)| *is_on).map(|(name, _)| name).collect();
    let features = if features.is_empty() { "none".to_owned() } else { features.join(", ") };
    // From build.rs.
    let commit = option_env!("USHER_COMMIT").map(|commit| format!(", commit {commit}")).unwrap_or_default();
    format!("{} (features: {features}{commit})", env!("CARGO_PKG_VERSION"))
});

/// Usher turns approved access requests into access.
#[derive(Debug, Parser)]
#[command(name = "usher", version = VERSION.as_str(), propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// Write results as JSON, for machines
    #[arg(long, global = true)]
    pub json: bool,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What Usher can be told to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// See it at work: the router against a stand-in vendor, over real sockets
    #[cfg(feature = "demo")]
    Demo(DemoArgs),
    /// Write a configuration to begin with
    Init(InitArgs),
    /// Run the service: take webhooks and carry them out
    Serve(ConfigArgs),
    /// Look for mistakes in the configuration
    Check(CheckArgs),
    /// Run the tests inside definitions, without a network
    Test(TestArgs),
    /// Say what would become of a payload, without changing anything
    Plan(PlanArgs),
    /// Play Lumos: post a payload and say what Lumos would conclude
    Send(SendArgs),
    /// Write a copy of the journal while the service runs, and check it
    Backup(BackupArgs),
    /// List, follow, export, show, replay and close requests
    #[command(subcommand)]
    Requests(RequestsCommand),
    /// Show who holds what, through which approval and until when
    Holdings(HoldingsArgs),
    /// Show your vendor accounts: who paused them, and whether the vendor answers
    Connections(ConnectionsArgs),
    /// Stop sending changes to a connection, over restarts too
    Pause(PauseArgs),
    /// Let a paused connection go on
    Resume(PauseArgs),
    /// Try the alerts of the configuration
    #[command(subcommand)]
    Alerts(AlertsCommand),
    /// Show the connectors that this build brings, with what can be configured
    Connectors(ConnectorsArgs),
    /// Write the JSON Schema of the configuration or of a definition, for editors
    Schema(SchemaArgs),
    /// Write the shell's completions
    Completions(CompletionsArgs),
}

/// `usher demo`
#[cfg(feature = "demo")]
#[derive(Clone, Copy, Debug, Args)]
pub struct DemoArgs {
    /// End after the table; exit 0 only if everything came out as it should
    #[arg(long)]
    pub once: bool,
}

/// Where the configuration is.
#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "usher.toml", env = "USHER_CONFIG")]
    pub config: PathBuf,
}

/// `usher check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,

    /// Ask each vendor as well: credentials, roles and groups that the configuration names, seats left (writes nothing)
    #[arg(long)]
    pub live: bool,
}

/// `usher plan`
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The payload; - reads standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Take access instead of giving it
    #[arg(long)]
    pub deprovision: bool,

    /// The webhook that it would come by, such as /webhooks/zendesk/light_agent/provision [default: the app-level one]
    #[arg(long, value_name = "PATH")]
    pub path: Option<String>,

    /// Where the admin API is.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// `usher send`
#[derive(Debug, Args)]
pub struct SendArgs {
    /// The payload; - reads standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Where to post it [default: the app-level webhook at the configured address]
    #[arg(long, value_parser = address)]
    pub url: Option<Url>,

    /// Take access instead of giving it
    #[arg(long)]
    pub deprovision: bool,

    /// The header that bears the shared secret [default: the configured one]
    #[arg(long, value_name = "NAME", requires = "key_env")]
    pub header: Option<String>,

    /// The environment variable with the shared secret [default: the configured secret]
    #[arg(long, value_name = "VARIABLE")]
    pub key_env: Option<String>,

    /// Where the configuration is; it is not read where --url, --header and --key-env are given.
    #[command(flatten)]
    pub config: ConfigArgs,

    /// Where the admin API is.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// `usher backup`
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file to write
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Replace the file where it is there already
    #[arg(long)]
    pub force: bool,

    /// Where the admin API is.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Where the admin API is. The token is in `USHER_OPERATOR_TOKEN`.
#[derive(Clone, Debug, Args)]
pub struct AdminArgs {
    /// The admin listener of the running service (the token comes from USHER_OPERATOR_TOKEN)
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9470", env = "USHER_ADMIN", value_parser = address)]
    pub admin: Url,
}

/// An address in full: `127.0.0.1:9470` has no scheme, and `url`'s own words do not tell.
fn address(text: &str) -> Result<Url, String> {
    let url = text.parse::<Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| "write it in full, such as http://127.0.0.1:9470".to_owned())
}

/// `usher holdings`
#[derive(Debug, Args)]
pub struct HoldingsArgs {
    /// Of this person alone
    #[arg(value_name = "EMAIL")]
    pub subject: Option<String>,

    /// Those at this connection
    #[arg(long, value_name = "NAME")]
    pub connection: Option<String>,

    /// Ask the vendors as well (writes nothing); exit 1 where something is missing or cannot be read
    #[arg(long)]
    pub check: bool,

    /// Where the admin API is.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// `usher connections`
#[derive(Debug, Args)]
pub struct ConnectionsArgs {
    /// Where the admin API is.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// `usher pause`, `usher resume`
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// The connection's name in the configuration
    pub connection: String,

    /// Why, for those who wonder
    #[arg(long)]
    pub reason: String,

    /// Where the admin API is.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// `usher alerts …`
#[derive(Debug, Subcommand)]
pub enum AlertsCommand {
    /// Send one to everybody that `[alerts]` names, to see it arrive
    Test(ConfigArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_address_that_is_not_whole_is_refused_with_one_that_is() {
        for text in ["127.0.0.1:9470", "localhost:9470", "localhost", "ftp://127.0.0.1", ""] {
            let error = Cli::try_parse_from(["usher", "requests", "list", "--admin", text]).unwrap_err();
            assert!(error.to_string().contains("such as http://127.0.0.1:9470"), "{error}");
        }
    }

    #[test]
    fn what_changes_something_wants_a_reason() {
        for command in [
            &["usher", "requests", "replay", "1"][..],
            &["usher", "requests", "close", "1"],
            &["usher", "pause", "zendesk"],
            &["usher", "resume", "zendesk"],
        ] {
            let error = Cli::try_parse_from(command).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains("--reason"), "{error}");
        }
    }
}
