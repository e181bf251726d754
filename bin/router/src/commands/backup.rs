//! `usher backup`: a copy of the running service's journal, checked where it arrives.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use reqwest::Response;
use serde_json::json;
use usher_journal::{Contents, SqliteJournal};
use uuid::Uuid;

use super::Failure;
use super::admin_client::AdminClient;
use super::http_client::causes;
use crate::admin::BACKUP_CONTENTS;
use crate::cli::BackupArgs;
use crate::output::{Output, Progress};

/// For the owner alone: a journal holds personal data.
const MODE: u32 = 0o600;

/// `usher backup`
pub(crate) async fn run(args: &BackupArgs, output: &mut Output) -> Result<(), Failure> {
    // Before anything is asked for: a copy takes a while.
    refuse_taken(args)?;
    let client = AdminClient::from_environment(&args.admin.admin)?;
    let part = Part::beside(&args.file)?;
    let written = Progress::spinner(output, "writing and checking a copy of the journal");
    let answer = client.download(&["backup"]).await?;
    drop(written);
    let promised = contents(&answer)?;
    let arriving = Progress::bytes(output, "bytes arrived", answer.content_length());
    let bytes = receive(answer, &part, &arriving).await?;
    drop(arriving);
    let checking = Progress::spinner(output, "checking what arrived");
    let holds =
        SqliteJournal::check_copy(&part.path).await.map_err(|error| Failure::failed(error.to_string()))?;
    drop(checking);
    if holds != promised {
        return Err(Failure::failed("what arrived is not what was sent: try again"));
    }
    part.becomes(args)?;
    say(args, &holds, bytes, output)
}

fn refuse_taken(args: &BackupArgs) -> Result<(), Failure> {
    let name = args.file.display();
    match fs::symlink_metadata(&args.file) {
        Ok(found) if found.is_dir() => Err(Failure::usage(format!("{name} is a folder: name a file in it"))),
        Ok(_) if !args.force => Err(Failure::failed(format!(
            "{name} is there already: name another file, or replace it with --force"
        ))),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unwritable(&args.file, &error)),
    }
}

fn contents(answer: &Response) -> Result<Contents, Failure> {
    let header = answer.headers().get(BACKUP_CONTENTS).and_then(|header| header.to_str().ok());
    header.and_then(|text| serde_json::from_str(text).ok()).ok_or_else(|| {
        Failure::failed("the service does not say what its backup holds: use the same version of usher")
    })
}

async fn receive(mut answer: Response, part: &Part, progress: &Progress) -> Result<u64, Failure> {
    let mut file = &part.file;
    let mut bytes = 0_u64;
    let broken = |error: reqwest::Error| {
        Failure::failed(format!("the backup did not arrive whole ({}): try again", causes(&error)))
    };
    while let Some(chunk) = answer.chunk().await.map_err(broken)? {
        file.write_all(&chunk).map_err(|error| unwritable(&part.path, &error))?;
        bytes = bytes.saturating_add(chunk.len() as u64);
        progress.add(chunk.len());
    }
    file.sync_all().map_err(|error| unwritable(&part.path, &error))?;
    Ok(bytes)
}

fn say(args: &BackupArgs, holds: &Contents, bytes: u64, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        let file = args.file.display().to_string();
        return Ok(output.value(&json!({ "file": file, "bytes": bytes, "holds": holds }))?);
    }
    let name = args.file.display();
    output.line(format!(
        "{name} holds the journal as it was: {} requests, {} ledgers, {bytes} bytes; it was checked.",
        holds.requests, holds.ledgers
    ))?;
    Ok(output.line("It holds personal data: keep it as you keep the journal.")?)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("{} cannot be written ({error}): name another file", path.display()))
}

/// What has arrived so far, beside the file that it is to become. Deleted unless it does.
#[derive(Debug)]
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    fn beside(file: &Path) -> Result<Self, Failure> {
        let mut path = file.as_os_str().to_owned();
        path.push(format!(".{}.part", Uuid::now_v7()));
        let path = PathBuf::from(path);
        let made = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&path);
        let made = made.map_err(|error| unwritable(file, &error))?;
        Ok(Self { path, file: made })
    }

    /// Gives it its name, and sees that the name is on disk. A file that has come there meanwhile is replaced only with `--force`.
    fn becomes(&self, args: &BackupArgs) -> Result<(), Failure> {
        let named = match args.force {
            true => fs::rename(&self.path, &args.file),
            false => fs::hard_link(&self.path, &args.file),
        };
        named.map_err(|error| unwritable(&args.file, &error))?;
        let folder = args.file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder =
            File::open(folder.unwrap_or_else(|| Path::new("."))).and_then(|folder| folder.sync_all());
        folder.map_err(|error| unwritable(&args.file, &error))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!(file = %self.path.display(), %error, "a part of a backup was left behind");
            }
            Ok(()) | Err(_) => {}
        }
    }
}
