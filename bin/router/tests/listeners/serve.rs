//! `usher serve` and `usher check`, as processes with a configuration. What they do at a vendor is tested end to end.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};

use crate::support::{Ended, Wire, payload, post, usher};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const ENVIRONMENT: [(&str, &str); 3] =
    [("KEY", KEY), ("DANA", "dana-0123456789abcdef0123456789"), ("ZENDESK", "zendesk-secret")];

/// A folder with a configuration whose Zendesk is at `vendor`.
fn folder(vendor: SocketAddr, listen: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        r#"
[server]
listen = "{listen}"
[server.auth]
header = "X-Usher-Key"
secrets = [{{ env = "KEY" }}]
[admin]
listen = "127.0.0.1:0"
[admin.operators]
dana = {{ token = {{ env = "DANA" }}, role = "operator" }}
[journal]
url = "sqlite:usher.db"
[connections.zendesk]
connector = "zendesk-license"
subdomain = "acme"
base_url = "http://{vendor}"
allow_private = true
oauth = {{ client_id = "usher", client_secret = {{ env = "ZENDESK" }} }}
[apps.zendesk]
connection = "zendesk"
email_domains = ["*"]
after_deadline = "continue"
[apps.zendesk.permissions]
agent = {{ role = "agent" }}
"#
    );
    std::fs::write(folder.path().join("usher.toml"), text).unwrap();
    folder
}

/// A service that has said where it listens.
struct Served {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    webhooks: SocketAddr,
    admin: String,
}

impl Served {
    async fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_usher"))
            .args(["serve", "--json"])
            .current_dir(folder)
            .env_clear()
            .envs(ENVIRONMENT)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let Some(line) = stdout.next_line().await.unwrap() else {
            let mut stderr = String::new();
            child.stderr.take().unwrap().read_to_string(&mut stderr).await.unwrap();
            panic!("it does not listen: {stderr}");
        };
        let said: serde_json::Value = serde_json::from_str(&line).unwrap();
        let webhooks = said["webhooks"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
        let admin = said["admin"].as_str().unwrap().to_owned();
        Self { child, stdout, webhooks, admin }
    }

    /// A command of Dana's.
    async fn dana(&self, arguments: &[&str], stdin: &str) -> Ended {
        let environment = [("USHER_OPERATOR_TOKEN", ENVIRONMENT[1].1), ("USHER_ADMIN", self.admin.as_str())];
        usher(arguments, &environment, stdin).await
    }

    async fn receives(&self, payload: &str) {
        let mut wire = Wire::to(self.webhooks).await;
        wire.send(&post("/webhooks/provision", &[("X-Usher-Key", KEY)], payload)).await;
        assert_eq!(wire.answer().await.status, 200);
    }

    async fn stops(self) {
        self.is_told(Signal::TERM);
        assert_eq!(self.end().await.0.code(), Some(0));
    }

    fn is_told(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    async fn end(mut self) -> (ExitStatus, Option<String>) {
        let line = self.stdout.next_line().await.unwrap();
        (self.child.wait().await.unwrap(), line)
    }
}

/// A vendor that takes connections and says nothing.
async fn silent_vendor() -> (TcpListener, SocketAddr) {
    let vendor = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = vendor.local_addr().unwrap();
    (vendor, address)
}

#[tokio::test]
async fn a_service_says_where_it_listens_and_ends_with_0_when_it_is_told_to() {
    let (_vendor, address) = silent_vendor().await;
    for signal in [Signal::TERM, Signal::INT] {
        let folder = folder(address, "127.0.0.1:0");
        let served = Served::start(folder.path()).await;
        let mut wire = Wire::to(served.webhooks).await;
        wire.send("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert_eq!(wire.answer().await.status, 200);
        served.is_told(signal);
        let (status, line) = served.end().await;
        assert_eq!(status.code(), Some(0));
        assert_eq!(line.as_deref(), Some(r#"{"event":"stopped","left":0}"#));
    }
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let (vendor, address) = silent_vendor().await;
    let folder = folder(address, "127.0.0.1:0");
    let served = Served::start(folder.path()).await;
    let mut wire = Wire::to(served.webhooks).await;
    wire.send(&post("/webhooks/provision", &[("X-Usher-Key", KEY)], &payload())).await;
    // Somebody waits for the answer, and the vendor lets them.
    let _waiting = vendor.accept().await.unwrap();
    served.is_told(Signal::TERM);
    // It takes no more from here on, so the first signal has been heard.
    while tokio::net::TcpStream::connect(served.webhooks).await.is_ok() {}
    served.is_told(Signal::INT);
    let (status, line) = served.end().await;
    assert_eq!((status.code(), line), (Some(1), None));
}

#[tokio::test]
async fn a_port_that_is_taken_is_one_sentence_and_touches_no_journal() {
    let (_vendor, address) = silent_vendor().await;
    let folder = folder(address, &address.to_string());
    let config = folder.path().join("usher.toml");
    let ended = usher(&["serve", "--config", config.to_str().unwrap()], &ENVIRONMENT, "").await;
    assert_eq!(ended.code, 1);
    assert_eq!(
        ended.stderr,
        format!("usher: [server] {address} is taken: stop what listens there, or set another `listen`\n")
    );
    assert!(!folder.path().join("usher.db").exists());
}

#[tokio::test]
async fn a_configuration_in_order_is_shown_and_a_mistake_is_exit_1_with_its_place() {
    let (_vendor, address) = silent_vendor().await;
    let folder = folder(address, "127.0.0.1:0");
    let config = folder.path().join("usher.toml");
    let arguments = ["check", "--config", config.to_str().unwrap()];
    let ended = usher(&arguments, &ENVIRONMENT, "").await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert!(ended.stdout.contains("is in order."), "{}", ended.stdout);
    assert!(ended.stdout.contains("takes webhooks at /webhooks/zendesk/agent/provision"), "{}", ended.stdout);
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("after_deadline", "after_dead_line")).unwrap();
    for command in ["check", "serve"] {
        let ended = usher(&[command, "--json", "--config", config.to_str().unwrap()], &ENVIRONMENT, "").await;
        assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{command}");
        let report: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
        assert!(report["errors"][0]["place"]["line"].is_u64(), "{report}");
    }
    let ended = usher(&["serve", "--config", "/nowhere/usher.toml"], &ENVIRONMENT, "").await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("/nowhere/usher.toml"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_live_check_that_fails_at_a_vendor_is_exit_1() {
    let (vendor, address) = silent_vendor().await;
    drop(vendor);
    let folder = folder(address, "127.0.0.1:0");
    let config = folder.path().join("usher.toml");
    let arguments = ["check", "--live", "--json", "--config", config.to_str().unwrap()];
    let ended = usher(&arguments, &ENVIRONMENT, "").await;
    assert_eq!((ended.code, &ended.json()["ok"]), (1, &serde_json::json!(false)));
    assert_eq!(ended.json()["live"][0]["connection"], "zendesk");
}

#[tokio::test]
async fn a_check_notes_a_journal_whose_folder_is_not_there_and_makes_none() {
    let (_vendor, address) = silent_vendor().await;
    let folder = folder(address, "127.0.0.1:0");
    let config = folder.path().join("usher.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("sqlite:usher.db", "sqlite:var/usher.db")).unwrap();
    let ended = usher(&["check", "--json", "--config", config.to_str().unwrap()], &ENVIRONMENT, "").await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let notes = ended.json()["configuration"]["notes"].to_string();
    assert!(notes.contains("make its folder"), "{notes}");
    assert!(!folder.path().join("var").exists());
}

#[tokio::test]
async fn a_request_that_was_not_mapped_runs_once_it_is_and_only_for_whom_the_app_is() {
    let (vendor, address) = silent_vendor().await;
    // Refused at once: nobody is there.
    drop(vendor);
    let folder = folder(address, "127.0.0.1:0");
    let config = folder.path().join("usher.toml");
    let mapped = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, mapped.replace("agent = {", "another = {")).unwrap();
    let served = Served::start(folder.path()).await;
    served.receives(&payload()).await;
    let listed = served.dana(&["requests", "list", "--json"], "").await.json();
    let id = listed["requests"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(listed["requests"][0]["word"], "refused");
    let replay = ["requests", "replay", &id, "--reason", "mapped"];
    let ended = served.dana(&replay, "").await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stdout.contains("not mapped"), "{ended:?}");
    served.stops().await;

    std::fs::write(&config, mapped.replace("[\"*\"]", "[\"acme.com\"]")).unwrap();
    let served = Served::start(folder.path()).await;
    let ended = served.dana(&replay, "").await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stdout.contains("mail domains"), "{ended:?}");
    served.stops().await;

    std::fs::write(&config, mapped).unwrap();
    let served = Served::start(folder.path()).await;
    let ended = served.dana(&replay, "").await;
    assert_eq!((ended.code, ended.stdout), (0, format!("{id} waiting\n")));
    let page = served.dana(&["requests", "show", &id, "--json"], "").await.json();
    assert_eq!(page["request"]["attempt"], 2);
    // It is for as long as it was approved for, from when it arrived.
    let moment = |key: &str| page["request"][key].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(moment("until").duration_since(moment("received")).as_secs(), 43_189);
    served.stops().await;
}

#[tokio::test]
async fn a_plan_at_a_vendor_that_is_not_there_cannot_be_told_and_one_that_is_not_mapped_can() {
    let (vendor, address) = silent_vendor().await;
    drop(vendor);
    let folder = folder(address, "127.0.0.1:0");
    let served = Served::start(folder.path()).await;
    let ended = served.dana(&["plan", "-", "--json"], &payload()).await;
    assert_eq!((ended.code, &ended.json()["verdict"]), (1, &serde_json::json!("unknown")), "{ended:?}");
    let ended = served.dana(&["plan", "-"], &payload().replace("\"agent\"", "\"boss\"")).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stdout.contains("    boss = {}  # what it gives"), "{ended:?}");
    let listed = served.dana(&["requests", "list"], "").await;
    assert_eq!(listed.stdout, "No requests.\n");
    let ended = served.dana(&["holdings", "--check"], "").await;
    assert_eq!((ended.code, ended.stdout.lines().next()), (0, Some("Nobody holds anything.")));
    served.stops().await;
}
