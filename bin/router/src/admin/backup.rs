//! `POST /api/v1/backup`: a copy of the journal, sent to whoever asks. Nothing that a caller says becomes a file's name here.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use futures_util::stream::try_unfold;
use http::{HeaderName, HeaderValue, StatusCode, header};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use super::service::Parted;
use super::{ApiError, Operator};

/// The call's path.
pub(crate) const PATH: &str = "/api/v1/backup";

/// From the call's first byte to the answer's: by then the copy is written and checked. Sending it takes as long as it takes.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(15 * 60);

/// What the copy holds, as JSON.
pub(crate) const CONTENTS: HeaderName = HeaderName::from_static("usher-backup-contents");

/// Bytes that are sent at a time.
const CHUNK: usize = 64 * 1024;

/// Between the journal's name and what tells one copy from another.
const BESIDE: &str = "-backup-";

/// Where copies of a journal stand until they are sent: beside it, on its disk and under its rights.
#[derive(Clone, Debug)]
pub struct Backups {
    journal: PathBuf,
}

impl Backups {
    /// Beside this journal.
    #[must_use]
    pub fn beside(journal: &Path) -> Self {
        Self { journal: journal.to_owned() }
    }

    fn next(&self) -> PathBuf {
        let mut name = self.journal.clone().into_os_string();
        name.push(format!("{BESIDE}{}", Uuid::now_v7()));
        PathBuf::from(name)
    }

    /// Deletes what a process has left that ended while it wrote a copy. Only for the journal's owner, before the first call.
    pub(crate) fn clear(&self) -> io::Result<()> {
        let folder = self.journal.parent().filter(|folder| !folder.as_os_str().is_empty());
        let Some(name) = self.journal.file_name().and_then(|name| name.to_str()) else { return Ok(()) };
        let prefix = format!("{name}{BESIDE}");
        for entry in fs::read_dir(folder.unwrap_or_else(|| Path::new(".")))? {
            let entry = entry?;
            let is_ours = entry.file_name().to_str().is_some_and(|name| {
                let mut id = name.strip_prefix(&prefix).unwrap_or_default();
                // SQLite's own, beside one that it was writing.
                id = id.strip_suffix("-journal").unwrap_or(id);
                Uuid::try_parse(id).is_ok()
            });
            if is_ours {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

pub(crate) async fn backup(State(parts): Parted, operator: Operator) -> Result<Response, ApiError> {
    operator.may_change()?;
    let to = parts.backups.next();
    let contents = parts.engine.backup(&to).await?;
    let (file, length) = taken(&to).await.map_err(|error| unreadable(&error))?;
    tracing::warn!(operator = %operator.name, requests = contents.requests, bytes = length, "an operator takes a backup");
    let contents = serde_json::to_string(&contents).ok().and_then(|text| HeaderValue::from_str(&text).ok());
    let contents = contents.ok_or_else(|| unreadable(&io::Error::from(ErrorKind::InvalidData)))?;
    let mut response = Response::new(Body::from_stream(chunks(file)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.sqlite3"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CONTENTS, contents);
    Ok(response)
}

/// Opens the file and takes its name away: it is gone as soon as it is sent, or the caller is.
async fn taken(path: &Path) -> io::Result<(File, u64)> {
    let file = File::open(path).await;
    let removed = tokio::fs::remove_file(path).await;
    let file = file?;
    removed?;
    let length = file.metadata().await?.len();
    Ok((file, length))
}

fn chunks(file: File) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    try_unfold(file, |mut file| async move {
        let mut chunk = Vec::with_capacity(CHUNK);
        let read = (&mut file).take(CHUNK as u64).read_to_end(&mut chunk).await?;
        Ok((read > 0).then(|| (Bytes::from(chunk), file)))
    })
}

fn unreadable(error: &io::Error) -> ApiError {
    let sentence = format!("the backup was written and cannot be read ({error}): make another");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_process_has_left_is_deleted_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("usher.db");
        let backups = Backups::beside(&journal);
        let left = backups.next();
        let mut beside = left.clone().into_os_string();
        beside.push("-journal");
        let others = ["usher.db", "usher.db-wal", "usher.db-backup-of-mine", "backup.db"]
            .map(|name| folder.path().join(name));
        for file in others.iter().chain([&left, &PathBuf::from(&beside)]) {
            fs::write(file, "x").unwrap();
        }
        backups.clear().unwrap();
        assert!(others.iter().all(|file| file.exists()));
        assert!(!left.exists() && !Path::new(&beside).exists());
        assert_ne!(backups.next(), left);
    }
}
