//! `usher-sandbox`: the stand-ins as a process of their own.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use usher_sandbox::{Options, Sandbox, directory, github, lumos, zendesk};

/// Stand-ins of Zendesk, GitHub, a home-grown directory and Lumos's tasks, with a fault switch, until Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "usher-sandbox", version)]
struct Arguments {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Listen also where other machines can reach it. Its control needs no credential.
    #[arg(long)]
    allow_non_loopback: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { listen, allow_non_loopback } = Arguments::parse();
    match serve(Options { listen, allow_non_loopback, ..Options::default() }).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where standard error is closed, the exit code says it.
            let _closed = writeln!(std::io::stderr(), "usher-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start(options).await?;
    write!(std::io::stdout(), "{}", welcome(&sandbox))?;
    std::io::stdout().flush()?;
    tokio::signal::ctrl_c().await?;
    sandbox.shutdown().await;
    Ok(())
}

fn welcome(sandbox: &Sandbox) -> String {
    let (url, control) = (sandbox.url(), sandbox.control_url());
    format!(
        "usher-sandbox listens on {url}

  Zendesk   {zendesk}
            OAuth client {client} with secret {secret}
            or API token {email}/token:{token}
  GitHub    {github}
            organisation {org}, token {personal_token}
            or App {app_id} with installation {installation_id}; its private key: {control}/github/app
  Directory {directory}
            OAuth client {directory_client} with secret {directory_secret}
  Lumos     {lumos}
            bearer {lumos_token}
  Control   {control}

Put a user in:
  curl {control}/seed --json '{{\"zendesk\": {{\"users\": [{{\"email\": \"ann@example.com\"}}]}}}}'
Let the next update happen, and its answer be lost:
  curl {control}/faults --json '{{\"operation\": \"update_user\", \"times\": 1, \"fault\": {{\"kind\": \"reset_after\"}}}}'
See what really happened, and what was sent:
  curl {control}/effects
  curl {control}/calls

Ctrl-C ends it; nothing is kept.
",
        zendesk = sandbox.zendesk_url(),
        client = zendesk::CLIENT_ID,
        secret = zendesk::CLIENT_SECRET,
        email = zendesk::OWNER_EMAIL,
        token = zendesk::API_TOKEN,
        github = sandbox.github_url(),
        org = github::ORG,
        personal_token = github::PERSONAL_TOKEN,
        app_id = github::APP_ID,
        installation_id = github::INSTALLATION_ID,
        directory = sandbox.directory_url(),
        directory_client = directory::CLIENT_ID,
        directory_secret = directory::CLIENT_SECRET,
        lumos = sandbox.lumos_url(),
        lumos_token = lumos::API_TOKEN,
    )
}
