//! Commands of `usher`, run to their end.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::environment;
use super::process::{Process, binary};

/// What a command left behind.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

/// `usher …` in a folder, with nothing in its environment but the secrets of the tests and what is given.
pub(super) fn command(folder: &Path, arguments: &[&str], more: &[(&str, &str)]) -> Command {
    let mut command = Command::new(binary("usher"));
    command.args(arguments).current_dir(folder).env_clear().envs(environment()).envs(more.iter().copied());
    command
}

/// The same, where a write that makes a file larger than that fails: the signal that would end the process is ignored.
pub(super) fn limited_command(
    folder: &Path,
    arguments: &[&str],
    more: &[(&str, &str)],
    largest_file: u64,
) -> Command {
    // POSIX counts in blocks of 512 bytes.
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", largest_file / 512);
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script).arg(binary("usher")).args(arguments);
    command.current_dir(folder).env_clear().envs(environment()).envs(more.iter().copied());
    command
}

/// The same, run to its end.
pub async fn run(folder: &Path, arguments: &[&str], more: &[(&str, &str)]) -> Ended {
    let mut process = Process::start(command(folder, arguments, more));
    let output = tokio::task::spawn_blocking(move || process.end()).await.unwrap();
    let code = output.status.code().unwrap_or_else(|| panic!("it was killed: {output:?}"));
    Ended { code, stdout: output.stdout, stderr: output.stderr }
}
