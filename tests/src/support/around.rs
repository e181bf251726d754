//! What a process of Usher is started within: a tracer that meddles with its calls, another clock, a small disk.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::environment;
use super::process::binary;

/// Where this stands, with what it has to be told and to whom. Nothing at all by default.
#[derive(Clone, Debug, Default)]
pub struct Around {
    wrapper: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl Around {
    /// `usher …` in a folder, with nothing in its environment but the secrets of the tests and what is given.
    pub(super) fn command(&self, folder: &Path, arguments: &[&str], more: &[(&str, &str)]) -> Command {
        let usher = binary("usher").into_os_string();
        let mut words = self.wrapper.iter().chain([&usher]);
        let mut command = Command::new(words.next().expect("there is a program"));
        command.args(words).args(arguments).current_dir(folder).env_clear().envs(environment());
        command.envs(more.iter().copied()).envs(self.environment.iter().cloned());
        command
    }
}

/// A program of the machine; the test fails where it is missing.
fn tool(name: &str, package: &str) -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    let missing =
        || panic!("{name} is missing: run ./test, which installs it (Debian: apt-get install {package})");
    found.unwrap_or_else(missing).into_os_string()
}

/// The files that SQLite makes of a journal, beside its lock.
const FILES: [&str; 4] = ["usher.db", "usher.db-wal", "usher.db-shm", "usher.db-journal"];

/// Every call by which a file can be written, cut off, synced or taken away. Those with a `?` are not on every machine.
const CALLS: &str = "pwrite64,pwritev,write,writev,fsync,fdatasync,ftruncate,fallocate,msync,sync_file_range,?unlink,unlinkat,?rename,?renameat,renameat2";

/// `strace` around one process: it notes the calls about the journal's files, and meddles with some.
#[derive(Clone, Debug)]
pub struct Tracer {
    folder: PathBuf,
    log: PathBuf,
}

/// A noted call.
#[derive(Clone, Debug)]
pub struct Noted {
    /// The thread: `strace` counts the calls of each by itself.
    pub thread: String,
    /// As in `pwrite64`.
    pub call: String,
    /// `usher.db-wal`, say.
    pub file: String,
    /// What stands between its brackets.
    pub arguments: String,
    /// Whether the process came back from it, and with what it wanted.
    pub is_done: bool,
}

impl Noted {
    /// The arguments that are numbers, in their order.
    pub fn numbers(&self) -> Vec<u64> {
        let own = self.arguments.rsplit_once(')').map_or(self.arguments.as_str(), |(own, _)| own);
        let own = own.strip_suffix(" <unfinished ...>").unwrap_or(own);
        own.split(", ").filter_map(|argument| argument.parse().ok()).collect()
    }
}

impl Tracer {
    /// For processes in this folder.
    pub fn new(folder: &Path) -> Self {
        let folder = folder.canonicalize().unwrap();
        Self { log: folder.join("calls"), folder }
    }

    /// `inject`: `fsync:error=EIO:when=3`, say: the third of a thread about the journal's files.
    pub fn around(&self, inject: &[String]) -> Around {
        // The tracer is the grandchild: the child is Usher, and ends as it ends.
        let mut wrapper = vec![tool("strace", "strace")];
        wrapper.extend(["-D", "-f", "-q", "-y", "-s", "0", "-o"].map(OsString::from));
        wrapper.push(self.log.clone().into_os_string());
        // Much faster, since other calls are not looked at; signals are not sent that way.
        if !inject.iter().any(|inject| inject.contains(":signal=")) {
            wrapper.push("--seccomp-bpf".into());
        }
        for file in FILES {
            wrapper.extend(["-P".into(), self.folder.join(file).into_os_string()]);
        }
        wrapper.extend(["-e".into(), format!("trace={CALLS}").into()]);
        for inject in inject {
            wrapper.extend(["-e".into(), format!("inject={inject}").into()]);
        }
        Around { wrapper, environment: Vec::new() }
    }

    /// The calls so far, in their order.
    pub fn noted(&self) -> Vec<Noted> {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let mut noted: Vec<Noted> = Vec::new();
        for line in String::from_utf8_lossy(&text).lines() {
            let Some((thread, rest)) = line.split_once(' ') else { continue };
            let rest = rest.trim_start();
            let is_done = rest
                .rsplit_once(" = ")
                .is_some_and(|(_, result)| result.starts_with(|c: char| c.is_ascii_digit()));
            if rest.starts_with("<... ") {
                // The end of a call that was noted while it lasted.
                if let Some(call) = noted.iter_mut().rev().find(|call| call.thread == thread) {
                    call.is_done = is_done;
                }
                continue;
            }
            let Some((call, arguments)) = rest.split_once('(') else { continue };
            let file = FILES.iter().rev().find(|file| {
                [format!("/{file}>"), format!("/{file}\"")].iter().any(|end| arguments.contains(end))
            });
            noted.push(Noted {
                thread: thread.to_owned(),
                call: call.to_owned(),
                file: file.copied().unwrap_or_default().to_owned(),
                arguments: arguments.to_owned(),
                is_done,
            });
        }
        noted
    }

    /// How often each call was made so far, by the thread that made most of it.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut of_threads: BTreeMap<(String, String), usize> = BTreeMap::new();
        for noted in self.noted() {
            *of_threads.entry((noted.call, noted.thread)).or_default() += 1;
        }
        let mut counts = BTreeMap::new();
        for ((call, _), times) in of_threads {
            let most: &mut usize = counts.entry(call).or_default();
            *most = times.max(*most);
        }
        counts
    }
}

/// The wall clock of a process, which can be set while it runs. The monotonic one goes on as it is.
#[derive(Clone, Debug)]
pub struct WallClock {
    file: PathBuf,
    next: PathBuf,
}

impl WallClock {
    /// For processes in this folder; the machine's time at first.
    pub fn new(folder: &Path) -> Self {
        let clock = Self { file: folder.join("clock"), next: folder.join("clock-next") };
        clock.set(0);
        clock
    }

    /// So many seconds from the machine's own.
    pub fn set(&self, seconds: i64) {
        std::fs::write(&self.next, format!("{seconds:+}\n")).unwrap();
        std::fs::rename(&self.next, &self.file).unwrap();
    }

    pub fn around(&self) -> Around {
        let environment = [
            ("LD_PRELOAD".into(), libfaketime().into_os_string()),
            ("FAKETIME_TIMESTAMP_FILE".into(), self.file.clone().into_os_string()),
            // Looked at each time, so that it can be set while the process runs.
            ("FAKETIME_NO_CACHE".into(), "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC".into(), "1".into()),
            ("DONT_FAKE_MONOTONIC".into(), "1".into()),
        ];
        Around { wrapper: Vec::new(), environment: environment.to_vec() }
    }
}

fn libfaketime() -> PathBuf {
    const NAME: &str = "faketime/libfaketimeMT.so.1";
    let mut places: Vec<PathBuf> = vec!["/usr/lib".into(), "/usr/local/lib".into()];
    places.extend(std::fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path()));
    let found = places.into_iter().map(|place| place.join(NAME)).find(|file| file.is_file());
    found
        .expect("libfaketime is missing: run ./test, which installs it (Debian: apt-get install libfaketime)")
}

/// A file system of a few kilobytes at `disk` in a folder, which only processes around it see.
#[derive(Debug)]
pub struct SmallDisk {
    /// It ends, and the disk with it, when nobody holds its standard input any more.
    keeper: Child,
    _alive: ChildStdin,
    folder: PathBuf,
}

impl SmallDisk {
    pub fn new(folder: &Path, bytes: u64) -> Self {
        let place = folder.join("disk");
        std::fs::create_dir(&place).unwrap();
        let mut command = Command::new(tool("unshare", "util-linux"));
        command.arg("-m");
        if !rustix::process::geteuid().is_root() {
            // Whoever is nobody special is root in a namespace of their own.
            command.args(["-U", "-r"]);
        }
        let script =
            format!("mount -t tmpfs -o size={bytes},mode=700 usher-test \"$0\" && echo ready && exec cat");
        command.args(["sh", "-c", &script]).arg(&place);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut keeper = command.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let disk = Self { _alive: keeper.stdin.take().unwrap(), keeper, folder: folder.to_owned() };
        assert_eq!(
            said, "ready\n",
            "no small disk could be mounted: run the tests as root, or where users may have namespaces of their own"
        );
        disk
    }

    fn enter(&self) -> Vec<OsString> {
        let mut words = vec![tool("nsenter", "util-linux")];
        if !rustix::process::geteuid().is_root() {
            words.extend(["-U", "--preserve-credentials"].map(OsString::from));
        }
        words.extend(["-m".into(), "-t".into(), self.keeper.id().to_string().into()]);
        words
    }

    pub fn around(&self) -> Around {
        let mut wrapper = self.enter();
        // Whoever enters stands at the root.
        wrapper.extend(["sh", "-c", "cd \"$0\" && exec \"$@\""].map(OsString::from));
        wrapper.push(self.folder.clone().into_os_string());
        Around { wrapper, environment: Vec::new() }
    }

    /// Makes it larger.
    pub fn mend(&self) {
        let enter = self.enter();
        let mut command = Command::new(&enter[0]);
        command.args(&enter[1..]).args(["mount", "-o", "remount,size=256m"]).arg(self.folder.join("disk"));
        assert!(command.status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ended = self.keeper.kill();
        let _status = self.keeper.wait();
    }
}
