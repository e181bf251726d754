//! What commands take that need no service.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `usher init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Which connector serves the app; asked for on a terminal
    #[arg(long, value_enum)]
    pub connector: Option<InitConnector>,

    /// A definition that comes with Usher, for generic-rest: calendly, directory
    #[arg(long, value_name = "NAME", conflicts_with_all = ["definition", "account"])]
    pub recipe: Option<String>,

    /// A definition of your own, for generic-rest: a path below the configuration's folder
    #[arg(long, value_name = "FILE", conflicts_with = "account")]
    pub definition: Option<PathBuf>,

    /// The vendor's account: Zendesk's subdomain, GitHub's organisation
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,

    /// Lumos's application.app_id
    #[arg(long, value_name = "ID")]
    pub app_id: Option<String>,

    /// Lumos's value of the first permission
    #[arg(long, value_name = "VALUE")]
    pub permission: Option<String>,

    /// A mail domain of your people, or * for anybody; may be given several times
    #[arg(long, value_name = "DOMAIN")]
    pub domain: Vec<String>,

    /// The file to write
    #[arg(long, value_name = "FILE", default_value = "usher.toml")]
    pub output: PathBuf,

    /// Overwrite what is there
    #[arg(long)]
    pub force: bool,
}

/// The connectors that `usher init` knows how to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InitConnector {
    /// Licences and groups of a Zendesk account
    ZendeskLicense,
    /// Members and teams of a GitHub organisation
    GithubOrg,
    /// An application that is described in a file
    GenericRest,
}

impl From<InitConnector> for crate::init::Kind {
    fn from(connector: InitConnector) -> Self {
        match connector {
            InitConnector::ZendeskLicense => Self::Zendesk,
            InitConnector::GithubOrg => Self::GitHub,
            InitConnector::GenericRest => Self::Generic,
        }
    }
}

/// `usher test`
#[derive(Clone, Debug, Args)]
pub struct TestArgs {
    /// Applications described in a file
    #[arg(required = true, value_name = "DEFINITION")]
    pub definitions: Vec<PathBuf>,

    /// Take a definition without tests for a good one
    #[arg(long)]
    pub allow_empty: bool,
}

/// `usher connectors`
#[derive(Debug, Args)]
pub struct ConnectorsArgs {
    /// One of them alone
    #[arg(value_name = "CONNECTOR")]
    pub connector: Option<String>,
}

/// `usher schema`
#[derive(Clone, Copy, Debug, Args)]
pub struct SchemaArgs {
    /// Of what
    #[arg(value_enum, default_value_t = SchemaOf::Configuration)]
    pub of: SchemaOf,
}

/// What there is a schema of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// usher.toml
    Configuration,
    /// An application described in a file, for the connector generic-rest
    Definition,
}

/// `usher completions`
#[derive(Clone, Copy, Debug, Args)]
pub struct CompletionsArgs {
    /// For which shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}
