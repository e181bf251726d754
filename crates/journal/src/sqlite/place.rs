use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::JournalError;

/// For the owner alone: the journal holds personal data.
pub(super) const MODE: u32 = 0o600;

/// How every SQLite file begins, <https://www.sqlite.org/fileformat.html>.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

fn unusable(path: &Path, what: impl std::fmt::Display) -> JournalError {
    JournalError::Unusable(format!("the journal {}: {what}", path.display()))
}

/// The lock that makes this process the file's one owner: given up when it is dropped, or by the kernel when the process ends.
#[derive(Debug)]
pub(super) struct Owner(#[expect(dead_code, reason = "held for its lock")] File);

impl Owner {
    /// Takes the lock on the file beside `path`, and says there who has it.
    pub(super) fn take(path: &Path) -> Result<Self, JournalError> {
        let beside = sibling(path, "-lock");
        let cannot = |error: std::io::Error| {
            unusable(path, format!("its lock file {} cannot be written: {error}", beside.display()))
        };
        let open =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(MODE).open(&beside);
        let mut file = open.map_err(cannot)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(unusable(path, held_by(&mut file))),
            Err(error) => return Err(cannot(error.into())),
        }
        file.set_len(0).map_err(cannot)?;
        file.seek(SeekFrom::Start(0)).map_err(cannot)?;
        writeln!(file, "{}", std::process::id()).map_err(cannot)?;
        Ok(Self(file))
    }
}

fn held_by(file: &mut File) -> String {
    let mut text = String::new();
    // A lock file is a few bytes; whoever put more there is not believed.
    let read = file.take(32).read_to_string(&mut text).is_ok();
    let who = match text.trim().parse::<u32>() {
        Ok(pid) if read => format!("process {pid}"),
        _ => "another process".to_owned(),
    };
    format!("{who} has it open, and it can have one owner only; stop that one, or name another file here")
}

/// `usher.db` with something after its name.
pub(super) fn sibling(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Where the file really stands: two names of one file would have two locks.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, JournalError> {
    if let Ok(real) = fs::canonicalize(path) {
        return Ok(real);
    }
    let name = path.file_name().ok_or_else(|| unusable(path, "that is no file's name; name a file"))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let folder = fs::canonicalize(folder).map_err(|error| {
        unusable(path, format!("its folder cannot be used ({error}); make it, or name another"))
    })?;
    Ok(folder.join(name))
}

/// Makes the file where it is missing, for its owner alone, and tightens one that others can read. Whether it has content.
pub(super) fn prepare(path: &Path) -> Result<bool, JournalError> {
    let cannot = |error: std::io::Error| {
        unusable(
            path,
            format!("it cannot be opened for writing ({error}); see to its folder's and its own rights"),
        )
    };
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(MODE).open(path);
    let mut file = open.map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    if metadata.nlink() > 1 {
        // Each name would have a lock and a log of its own, https://www.sqlite.org/howtocorrupt.html (2.4.2).
        return Err(unusable(
            path,
            "the file has a second name (a hard link); remove that one, or copy the file",
        ));
    }
    let length = metadata.len();
    if length > 0 {
        let mut start = Vec::with_capacity(MAGIC.len());
        (&mut file).take(MAGIC.len() as u64).read_to_end(&mut start).map_err(cannot)?;
        if start != MAGIC {
            return Err(unusable(
                path,
                "it is not a SQLite database; it was left as it is, name another file",
            ));
        }
    }
    for ending in ["", "-wal", "-shm"] {
        tighten(&sibling(path, ending)).map_err(cannot)?;
    }
    Ok(length > 0)
}

fn tighten(path: &Path) -> std::io::Result<()> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if metadata.permissions().mode() & 0o077 != 0 {
        tracing::warn!(file = %path.display(), "others could read the journal; they no longer can");
        fs::set_permissions(path, Permissions::from_mode(MODE))?;
    }
    Ok(())
}

/// The files that the journal stands in, as they were when it was opened. SQLite goes on writing into one that has been deleted or
/// replaced, and nothing of that is there at the next start.
#[derive(Clone, Debug)]
pub(super) struct Files(Vec<(PathBuf, (u64, u64))>);

impl Files {
    /// Notes the file at `path`, its log and its lock file.
    pub(super) fn note(path: &Path) -> Result<Self, JournalError> {
        let noted = ["", "-wal", "-lock"].into_iter().map(|ending| {
            let file = sibling(path, ending);
            let which =
                which(&file).map_err(|error| unusable(&file, format!("it is not there ({error})")))?;
            Ok((file, which))
        });
        Ok(Self(noted.collect::<Result<_, JournalError>>()?))
    }

    /// Whether they still are the ones that their names lead to.
    pub(super) async fn check(&self) -> Result<(), JournalError> {
        let noted = self.0.clone();
        let moved = tokio::task::spawn_blocking(move || {
            noted.into_iter().find(|(file, was)| which(file).ok().as_ref() != Some(was))
        });
        match moved.await {
            Ok(None) => Ok(()),
            Ok(Some((file, _))) => {
                Err(JournalError::Lost(format!("{} was moved, replaced or deleted", file.display())))
            }
            Err(error) => Err(JournalError::Lost(format!("its files could not be looked at: {error}"))),
        }
    }
}

/// Device and inode.
fn which(path: &Path) -> std::io::Result<(u64, u64)> {
    fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Refuses file systems that are shared over a network.
pub(super) fn refuse_network(path: &Path) -> Result<(), JournalError> {
    let folder = path.parent().unwrap_or_else(|| Path::new("/"));
    match super::network::kind_of(folder) {
        Some((kind, why)) => Err(unusable(
            path,
            format!("it stands on a network file system ({kind}), where {why}; put it on a local disk"),
        )),
        None => Ok(()),
    }
}
