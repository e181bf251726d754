//! Whether `usher serve` could open the journal: looked at, and nothing is made.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::Path;

use rustix::fs::{Access, access};

/// How every SQLite file begins, <https://www.sqlite.org/fileformat.html>.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What stands in the way of the journal at this path; `None`: nothing that can be seen.
pub(super) fn note(path: &Path) -> Option<String> {
    let name = path.display();
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(_) if path.is_dir() => {
            Some(format!("the journal {name} is a folder: name a file in [journal] url"))
        }
        Ok(file) => not_a_journal(path, file),
        Err(error) if error.kind() == ErrorKind::NotFound => folder_note(path),
        Err(error) if error.kind() == ErrorKind::IsADirectory => {
            Some(format!("the journal {name} is a folder: name a file in [journal] url"))
        }
        Err(error) => Some(format!(
            "the journal {name} cannot be opened for reading and writing ({}): let the service's user do both",
            error.kind()
        )),
    }
}

fn not_a_journal(path: &Path, mut file: File) -> Option<String> {
    let mut start = Vec::new();
    let read = file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start);
    let is_one = read.is_ok() && (start.is_empty() || start == MAGIC);
    (!is_one).then(|| {
        format!("the journal {} is no SQLite file: move it away, or name another one", path.display())
    })
}

/// The file is not there yet: it will be made in its folder.
fn folder_note(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let (name, shown) = (path.display(), folder.display());
    if !folder.exists() {
        return Some(format!("the journal {name} cannot be made: make its folder {shown} first"));
    }
    if !folder.is_dir() {
        return Some(format!("the journal {name} cannot be made: {shown} is no folder"));
    }
    let may_write = access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    (!may_write)
        .then(|| format!("the journal {name} cannot be made: let the service's user write in {shown}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_that_is_there_or_can_be_made_is_no_note_and_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usher.db");
        assert_eq!(note(&path), None);
        assert!(!path.exists());
        for content in [&b""[..], b"SQLite format 3\0 and so on"] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(note(&path), None);
            assert_eq!(std::fs::read(&path).unwrap(), content);
        }
    }

    #[test]
    fn a_journal_that_could_not_be_opened_is_told_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("notes.txt");
        std::fs::write(&file, "something else").unwrap();
        for (path, said) in [
            (folder.path().join("var/usher.db"), "make its folder"),
            (file.join("usher.db"), "cannot be"),
            (folder.path().to_owned(), "is a folder"),
            (file.clone(), "is no SQLite file"),
        ] {
            let note = note(&path).unwrap_or_default();
            assert!(note.contains(said), "{}: {note}", path.display());
        }
        assert!(!folder.path().join("var").exists());
    }
}
