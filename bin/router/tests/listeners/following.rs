//! `usher requests list --follow`.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio_util::sync::CancellationToken;
use usher_journal::Execution;

use crate::support::{AdminServer, ScriptedEngine, payload, request};

/// A process that follows.
struct Following {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Following {
    fn start(url: &str, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
        command.args(["requests", "list", "--follow"]).args(more).env_clear();
        command.envs([("USHER_OPERATOR_TOKEN", "audit-token"), ("USHER_ADMIN", url)]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn line(&mut self) -> String {
        self.lines.next_line().await.unwrap().unwrap()
    }

    /// What Ctrl-C does; the exit code, and what stood on standard error.
    async fn interrupted(self) -> (i32, String) {
        let pid = Pid::from_raw(i32::try_from(self.child.id().unwrap()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        let ended = self.child.wait_with_output().await.unwrap();
        (ended.status.code().unwrap(), String::from_utf8(ended.stderr).unwrap())
    }
}

async fn keeps(engine: &ScriptedEngine, id: &str, second: i64) {
    engine.keeps(request(id, second, Execution::Accepted), payload().as_bytes()).await;
}

#[tokio::test]
async fn what_arrives_and_changes_is_shown_line_by_line_until_ctrl_c() {
    let server = AdminServer::start().await;
    for (second, id) in (0..).zip(["ada", "grace", "alan"]) {
        keeps(&server.engine, id, second).await;
    }
    let mut following = Following::start(&server.url(), &["--limit", "2"]);
    // The newest two, oldest first.
    assert_eq!(
        following.line().await,
        "2026-11-19 08:00:01Z  waiting  give zendesk (support_agent) for grace@example.com  grace"
    );
    assert!(following.line().await.ends_with("  alan"));
    keeps(&server.engine, "edsger", 3).await;
    assert!(following.line().await.ends_with("  edsger"));
    // Also one that was not shown at first: it has changed.
    server.engine.confirms(&request("ada", 0, Execution::Accepted)).await;
    let line = following.line().await;
    assert!(line.contains("  granted  ") && line.ends_with("  ada"), "{line}");
    assert_eq!(following.interrupted().await, (0, String::new()));
}

#[tokio::test]
async fn it_goes_on_after_a_restart_of_the_service() {
    let (engine, stop) = (ScriptedEngine::new(), CancellationToken::new());
    let anywhere = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let server = AdminServer::at(anywhere, engine.clone(), stop.clone()).await;
    keeps(&engine, "ada", 0).await;
    let mut following = Following::start(&server.url(), &["--json"]);
    assert!(following.line().await.contains("\"id\":\"ada\""));
    stop.cancel();
    server.ended.await.unwrap();
    // It says so once.
    let mut said = BufReader::new(following.child.stderr.take().unwrap()).lines();
    let away = said.next_line().await.unwrap().unwrap();
    assert!(
        away.starts_with("usher: Usher does not answer at ") && away.ends_with("asked again until it does"),
        "{away}"
    );
    keeps(&engine, "grace", 1).await;
    let _again = AdminServer::at(server.address, engine, CancellationToken::new()).await;
    assert!(following.line().await.contains("\"id\":\"grace\""), "and nothing twice");
    assert_eq!(following.interrupted().await.0, 0);
    assert_eq!(said.next_line().await.unwrap(), None);
}

#[tokio::test]
async fn what_cannot_be_mended_by_waiting_ends_it() {
    let server = AdminServer::start().await;
    let url = server.url();
    let environment = [("USHER_OPERATOR_TOKEN", "wrong"), ("USHER_ADMIN", url.as_str())];
    let ended = crate::support::usher(&["requests", "list", "--follow"], &environment, "").await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("does not know this token"), "{}", ended.stderr);
    // Nobody has ever answered there.
    let environment = [("USHER_OPERATOR_TOKEN", "dana-token"), ("USHER_ADMIN", "http://127.0.0.1:9")];
    let ended = crate::support::usher(&["requests", "list", "--follow"], &environment, "").await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("does not answer at"), "{}", ended.stderr);
    let environment = [("USHER_OPERATOR_TOKEN", "dana-token"), ("USHER_ADMIN", url.as_str())];
    let arguments = ["requests", "list", "--follow", "--app", "zendeks"];
    let ended = crate::support::usher(&arguments, &environment, "").await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("did you mean zendesk?"), "{}", ended.stderr);
}
