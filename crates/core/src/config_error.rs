use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// A mistake in the configuration.
///
/// It bears a path, not a position: whoever holds the text draws the caret. `file` and `span` are for a file that the connector read itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where, below what was handed over: `["oauth", "client_id"]`.
    pub path: Vec<String>,
    /// The connector's own file, if it is in there.
    pub file: Option<PathBuf>,
    /// Bytes in that file.
    pub span: Option<Range<usize>>,
    /// What is wrong. Never shows a secret.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl ConfigError {
    /// A mistake at a path.
    pub fn at<P: Into<String>>(path: impl IntoIterator<Item = P>, message: impl Into<String>) -> Self {
        Self {
            path: path.into_iter().map(Into::into).collect(),
            file: None,
            span: None,
            message: message.into(),
            hint: None,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path.join("."))?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}
