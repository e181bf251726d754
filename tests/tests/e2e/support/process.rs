//! Child processes whose output is kept, and which never outlive their test.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A binary of the workspace, which stands beside this test's own.
pub(crate) fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    // target/debug/deps/e2e-… → target/debug
    let path = own.parent().and_then(std::path::Path::parent).unwrap().join(name);
    assert!(path.exists(), "{} is missing: run ./test, which builds the binaries first", path.display());
    path
}

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    stdout: Option<JoinHandle<()>>,
    stderr: Option<JoinHandle<String>>,
    heard: String,
}

/// How a child ended, and everything that it wrote.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut err = child.stderr.take().unwrap();
        let (sender, lines) = channel();
        let stdout = std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                // Whoever does not listen any more has what it came for.
                let _unheard = sender.send(line);
            }
        });
        let stderr = std::thread::spawn(move || {
            let mut text = Vec::new();
            err.read_to_end(&mut text).unwrap();
            String::from_utf8_lossy(&text).into_owned()
        });
        Self { child, lines, stdout: Some(stdout), stderr: Some(stderr), heard: String::new() }
    }

    /// The next line of standard output; `None` once the child has closed it.
    pub(crate) fn line(&mut self) -> Option<String> {
        let line = match self.lines.recv_timeout(Duration::from_secs(20)) {
            Ok(line) => line,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return None,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("the child says nothing: {self:?}"),
        };
        self.heard.push_str(&line);
        self.heard.push('\n');
        Some(line)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end; the threads that read it end with it.
    pub(crate) fn end(&mut self) -> Output {
        let status = self.child.wait().unwrap();
        if let Some(stdout) = self.stdout.take() {
            stdout.join().unwrap();
        }
        while let Ok(line) = self.lines.try_recv() {
            self.heard.push_str(&line);
            self.heard.push('\n');
        }
        let stderr = self.stderr.take().map(|stderr| stderr.join().unwrap()).unwrap_or_default();
        Output { status, stdout: std::mem::take(&mut self.heard), stderr }
    }

    /// SIGKILL, as `kill -9` sends it.
    pub(crate) fn kill_9(&mut self) -> Output {
        // One that has ended already cannot be killed, which is as well.
        let _ended = self.child.kill();
        self.end()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
