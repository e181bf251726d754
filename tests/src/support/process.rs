//! Child processes whose output is kept, and which never outlive their test.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A binary of the workspace, which stands in the folder of profile that this program was built in.
pub(super) fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    // target/debug/deps/e2e-… and target/release/faults
    let folder = own.parent().unwrap();
    let folder = if folder.ends_with("deps") { folder.parent().unwrap() } else { folder };
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: run ./test, which builds the binaries first", path.display());
    path
}

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// Behind a lock for the sake of those who share the process.
    lines: Mutex<Receiver<String>>,
    stdout: Option<JoinHandle<()>>,
    stderr: Option<JoinHandle<String>>,
    heard: String,
}

/// How a child ended, and everything that it wrote.
#[derive(Debug)]
pub(super) struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Process {
    pub(super) fn start(mut command: Command) -> Self {
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
        Self {
            child,
            lines: Mutex::new(lines),
            stdout: Some(stdout),
            stderr: Some(stderr),
            heard: String::new(),
        }
    }

    /// The next line of standard output; `None` once the child has closed it.
    pub(super) fn line(&mut self) -> Option<String> {
        let line = match self.lines.get_mut().unwrap().recv_timeout(Duration::from_secs(60)) {
            Ok(line) => line,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return None,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("the child says nothing: {self:?}"),
        };
        self.heard.push_str(&line);
        self.heard.push('\n');
        Some(line)
    }

    pub(super) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end; the threads that read it end with it.
    pub(super) fn end(&mut self) -> Output {
        let status = self.child.wait().unwrap();
        self.sweep();
        if let Some(stdout) = self.stdout.take() {
            stdout.join().unwrap();
        }
        while let Ok(line) = self.lines.get_mut().unwrap().try_recv() {
            self.heard.push_str(&line);
            self.heard.push('\n');
        }
        let stderr = self.stderr.take().map(|stderr| stderr.join().unwrap()).unwrap_or_default();
        Output { status, stdout: std::mem::take(&mut self.heard), stderr }
    }

    /// Takes away what libfaketime shares among processes, and leaves behind where one is killed.
    fn sweep(&self) {
        for name in ["faketime_shm", "sem.faketime_sem"] {
            // Most processes have had no other clock.
            std::fs::remove_file(format!("/dev/shm/{name}_{}", self.child.id())).ok();
        }
    }

    /// SIGKILL, as `kill -9` sends it.
    pub(super) fn kill_9(&mut self) -> Output {
        // One that has ended already cannot be killed, which is as well.
        let _ended = self.child.kill();
        self.end()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
        self.sweep();
    }
}
