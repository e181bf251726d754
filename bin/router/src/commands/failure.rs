use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::json;

use crate::config::Report;
use crate::output::{Output, safe};

/// How a command ends that did not do what it was told.
#[derive(Debug)]
pub enum Failure {
    /// It failed: one sentence that says what to do. Exit 1.
    Failed(String),
    /// It was told wrongly. Exit 2.
    Usage(String),
    /// Mistakes in the configuration. Exit 1.
    Config(Report),
    /// Its output has said it already. Exit 1.
    Said,
    /// Its output could not be written. Exit 1, but 0 where nobody reads any more.
    Output(io::Error),
}

impl Failure {
    pub(crate) fn failed(sentence: impl Into<String>) -> Self {
        Self::Failed(sentence.into())
    }

    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self::Usage(sentence.into())
    }

    /// Says it on standard error. Where that is closed too, the exit code alone tells.
    pub(crate) fn tell(&self, json: bool) -> ExitCode {
        let text = match self {
            Self::Failed(sentence) | Self::Usage(sentence) => said(sentence, json),
            Self::Config(report) if json => report.to_json().to_string(),
            Self::Config(report) => report.render(Output::has_colour(&io::stderr())),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
            Self::Output(error) => said(&format!("the result could not be written: {error}"), json),
            Self::Said => return ExitCode::FAILURE,
        };
        let mut stderr = io::stderr().lock();
        let written = writeln!(stderr, "{}", text.trim_end()).and_then(|()| stderr.flush());
        match (self, written) {
            (Self::Usage(_), _) => ExitCode::from(2),
            (_, Ok(()) | Err(_)) => ExitCode::FAILURE,
        }
    }
}

fn said(sentence: &str, json: bool) -> String {
    if json { json!({ "error": sentence }).to_string() } else { format!("usher: {}", safe(sentence)) }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<Report> for Failure {
    fn from(report: Report) -> Self {
        Self::Config(report)
    }
}
