//! A network that nothing else on the machine is part of.

use std::process::Command;

use super::command::Ended;
use super::process::{Process, binary};

/// Runs a program of the workspace to its end in a network namespace of its own, as root of that namespace, with nothing in it but
/// loopback. Whatever it starts ends with it.
pub async fn in_a_network_of_its_own(program: &str, arguments: &[String]) -> Ended {
    let mut command = unshare();
    command.args(["--net", "--pid", "--fork", "--kill-child=KILL", "/bin/sh", "-c"]);
    command.arg("ip link set lo up && exec \"$0\" \"$@\"").arg(binary(program)).args(arguments);
    let mut process = Process::start(command);
    let output = tokio::task::spawn_blocking(move || process.end()).await.unwrap();
    Ended { code: output.status.code().unwrap_or(-1), stdout: output.stdout, stderr: output.stderr }
}

/// As root; as anybody else within a user namespace, where the machine allows that.
fn unshare() -> Command {
    let ways: [&[&str]; 2] = [&[], &["--user", "--map-root-user"]];
    let works = |way: &&&[&str]| {
        let mut attempt = system_command("unshare");
        attempt.args(**way).args(["--net", "--pid", "--fork", "true"]);
        attempt.output().is_ok_and(|output| output.status.success())
    };
    let way = ways.iter().find(works).expect(
        "no network namespace can be made: run this as root, or allow user namespaces (sysctl user.max_user_namespaces and, on Ubuntu, kernel.apparmor_restrict_unprivileged_userns=0)",
    );
    let mut command = system_command("unshare");
    command.args(*way);
    command
}

/// A program of the machine, which may stand where only root looks.
fn system_command(name: &str) -> Command {
    let mut command = Command::new(name);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command
}

/// Tells the packet filter of this namespace something. Only ever called within one.
pub fn nft(rules: &str) {
    let output = system_command("nft").arg(rules).output().unwrap_or_else(|error| {
        panic!("nft could not be started ({error}): run ./test, which installs it (Debian: apt-get install nftables)")
    });
    assert!(output.status.success(), "nft {rules}: {}", String::from_utf8_lossy(&output.stderr));
}
