use std::ops::Range;
use std::path::PathBuf;

use toml::de::DeValue;
use usher_core::ConfigError;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Another file than the one that is read: one that it names.
    pub file: Option<PathBuf>,
    /// Bytes in the file; `None` where it is the file as a whole.
    pub span: Option<Range<usize>>,
    /// The key, with all that it stands below.
    pub path: Vec<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// A connector's words, which may quote what they complain of.
    pub is_foreign: bool,
}

/// Mistakes as they are found, and the places that must not be shown.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    found: Vec<Found>,
    hidden: Vec<Range<usize>>,
}

impl Notes {
    /// A mistake in the text itself.
    pub fn wrong(
        &mut self,
        span: Option<Range<usize>>,
        path: &[String],
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        let (path, message) = (path.to_vec(), message.into());
        self.found.push(Found { file: None, span, path, message, hint, is_foreign: false });
    }

    /// A mistake in the text itself, in a connector's words.
    pub fn complaint(&mut self, span: Range<usize>, path: &[String], error: &ConfigError) {
        self.found.push(Found {
            file: None,
            span: Some(span),
            path: path.to_vec(),
            message: error.message.clone(),
            hint: error.hint.clone(),
            is_foreign: true,
        });
    }

    /// A mistake in a file that the text names, in a connector's words.
    pub fn complaint_in(&mut self, file: PathBuf, error: &ConfigError) {
        self.found.push(Found {
            file: Some(file),
            span: error.span.clone(),
            path: error.path.clone(),
            message: error.message.clone(),
            hint: error.hint.clone(),
            is_foreign: true,
        });
    }

    /// A place that no snippet shows, and whose text no connector's message repeats.
    pub fn hide(&mut self, span: Range<usize>) {
        self.hidden.push(span);
    }

    /// Hides every scalar of a value.
    pub fn hide_all(&mut self, value: &DeValue<'_>, span: &Range<usize>) {
        match value {
            DeValue::Table(table) => {
                for (_, value) in table.iter() {
                    self.hide_all(value.get_ref(), &value.span());
                }
            }
            DeValue::Array(array) => {
                for value in array.iter() {
                    self.hide_all(value.get_ref(), &value.span());
                }
            }
            _ => self.hide(span.clone()),
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many there are: to see whether a step found any.
    #[must_use]
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// Whether the reader itself, not a connector, found something wrong with this very key of the text.
    #[must_use]
    pub fn has_own_at(&self, path: &[String]) -> bool {
        self.found.iter().any(|found| found.file.is_none() && !found.is_foreign && found.path == path)
    }

    /// What is wrong, in the order in which it was found, and the places that must not be shown.
    #[must_use]
    pub fn into_parts(self) -> (Vec<Found>, Vec<Range<usize>>) {
        (self.found, self.hidden)
    }
}
