//! `usher-sandbox` as a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use crate::desk::Desk;

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, which is as well.
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

fn start(arguments: &[&str]) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_usher-sandbox"));
    Process(command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

#[tokio::test]
async fn it_prints_its_addresses_and_serves() {
    let mut process = start(&["--listen", "127.0.0.1:0"]);
    let out = BufReader::new(process.0.stdout.take().unwrap());
    let printed: Vec<String> =
        out.lines().map(Result::unwrap).take_while(|line| !line.contains("Ctrl-C")).collect();
    let url = printed[0].strip_prefix("usher-sandbox listens on ").unwrap();
    for vendor in ["zendesk", "github", "directory", "lumos"] {
        let address = format!("{url}/{vendor}");
        assert!(printed.iter().any(|line| line.ends_with(&address)), "{address}");
    }
    let desk = Desk::start().await;
    let answer = desk.http.get(format!("{url}/control/effects")).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), r#"{"count":0,"effects":[]}"#);
}

#[test]
fn it_refuses_an_address_that_others_can_reach() {
    let mut process = start(&["--listen", "0.0.0.0:0"]);
    assert!(!process.0.wait().unwrap().success());
    let mut said = String::new();
    process.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("loopback"), "{said}");
}
