//! What `usher requests` takes.

use clap::{Args, Subcommand, ValueEnum};
use usher_core::Direction;

use super::AdminArgs;

/// `usher requests …`
#[derive(Debug, Subcommand)]
pub enum RequestsCommand {
    /// List requests, newest first
    List(ListArgs),
    /// Show one request and what happened with it
    Show(ShowArgs),
    /// Run requests again
    Replay(ActArgs),
    /// End requests that a person has seen to
    Close(ActArgs),
    /// Write requests for other tools, newest first, as JSON lines or CSV
    Export(ExportArgs),
}

/// Which requests.
#[derive(Debug, Args)]
pub struct FilterArgs {
    /// Those in this state
    #[arg(long, value_enum)]
    pub state: Option<State>,

    /// Those that give, or those that take
    #[arg(long, value_enum)]
    pub direction: Option<Way>,

    /// Those of this app
    #[arg(long, value_name = "KEY")]
    pub app: Option<String>,

    /// Those of this connection
    #[arg(long, value_name = "NAME")]
    pub connection: Option<String>,

    /// Those about this person
    #[arg(long, value_name = "EMAIL")]
    pub subject: Option<String>,

    /// Those received since a moment (2026-11-24T08:00:00Z) or for a while (90m, 24h, "7 days")
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
}

/// `usher requests list`
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Which of them.
    #[command(flatten)]
    pub filter: FilterArgs,

    /// How many at the most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,

    /// The page after the one that ended with this number
    #[arg(long, value_name = "NUMBER", conflicts_with = "follow")]
    pub before: Option<u64>,

    /// Go on with what arrives and changes among the newest 200, oldest first, until Ctrl-C
    #[arg(long)]
    pub follow: bool,

    /// Where the admin API is.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// `usher requests export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Which of them.
    #[command(flatten)]
    pub filter: FilterArgs,

    /// How
    #[arg(long, value_enum, default_value_t = ExportFormat::Jsonl)]
    pub format: ExportFormat,

    /// Where the admin API is.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// How requests are written for other tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A JSON object in each line
    Jsonl,
    /// Comma-separated, with a head; what a spreadsheet would take for a formula begins with an apostrophe
    Csv,
}

/// `usher requests show`
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Usher's id of the request
    pub id: String,

    /// Where the admin API is.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// `usher requests replay`, `usher requests close`
#[derive(Debug, Args)]
pub struct ActArgs {
    /// Usher's ids of the requests
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,

    /// Why, for the history
    #[arg(long)]
    pub reason: String,

    /// Where the admin API is.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// The five words of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum State {
    /// Access is there
    Granted,
    /// Access is gone
    Removed,
    /// Nothing more will be done
    Refused,
    /// Somebody is still at it
    Waiting,
    /// A person has to act
    NeedsYou,
}

/// Give or take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// Approved access
    Provision,
    /// Its end
    Deprovision,
}

impl From<Way> for Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::Provision => Self::Provision,
            Way::Deprovision => Self::Deprovision,
        }
    }
}
