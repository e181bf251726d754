use super::Failure;
use super::admin_client::AdminClient;
use super::requests::moment;
use crate::admin::ConnectionView;
use crate::cli::PauseArgs;
use crate::output::{Output, safe};

/// `usher pause`
pub(crate) async fn pause(args: &PauseArgs, output: &mut Output) -> Result<(), Failure> {
    act(args, "pause", output).await
}

/// `usher resume`
pub(crate) async fn resume(args: &PauseArgs, output: &mut Output) -> Result<(), Failure> {
    act(args, "resume", output).await
}

async fn act(args: &PauseArgs, act: &str, output: &mut Output) -> Result<(), Failure> {
    let client = AdminClient::from_environment(&args.admin.admin)?;
    let view: ConnectionView = client.act(&["connections", &args.connection, act], &args.reason).await?;
    if output.is_json() {
        return Ok(output.value(&view)?);
    }
    let name = safe(&view.name);
    let line = match &view.paused {
        Some(pause) => format!(
            "{name} is paused by {} since {} ({}): nothing is sent to it until usher resume {name} --reason …",
            safe(&pause.by),
            moment(pause.since),
            safe(&pause.reason)
        ),
        None => format!("{name} goes on, and what waited for it."),
    };
    Ok(output.line(line)?)
}
