use std::path::Path;
use std::sync::Arc;

use crate::{Journal, JournalError, MemoryJournal, SqliteJournal, SqliteOptions};

/// Opens the journal that `url` names: `sqlite:PATH` (a relative one is in `folder`, the configuration's), or `sqlite::memory:` or
/// `memory:`, which is lost with the process.
///
/// # Errors
/// [`JournalError::Unusable`] for any other address; else as [`SqliteJournal::open`].
pub async fn open(url: &str, folder: &Path) -> Result<Arc<dyn Journal>, JournalError> {
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    match (scheme, rest) {
        ("memory", "") | ("sqlite", ":memory:") => Ok(Arc::new(MemoryJournal::new())),
        ("sqlite", rest) => {
            // sqlite:usher.db, sqlite://usher.db and sqlite:///var/lib/usher.db, as others write them.
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.is_empty() || path.contains('?') {
                return Err(JournalError::Unusable(
                    "the journal's address names no file; write sqlite:usher.db, without options".to_owned(),
                ));
            }
            let path = folder.join(path);
            Ok(Arc::new(SqliteJournal::open(path, SqliteOptions::default()).await?))
        }
        ("postgres" | "postgresql", _) => {
            Err(JournalError::Unusable("PostgreSQL is not built yet; use sqlite:…".to_owned()))
        }
        // Only the scheme: the rest may hold a password.
        (scheme, _) => Err(JournalError::Unusable(format!(
            "a journal cannot be kept in {scheme:?}; use sqlite:usher.db or memory:"
        ))),
    }
}
