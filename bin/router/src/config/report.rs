use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource};
use serde::Serialize;
use usher_core::ConfigError;

use super::secrets::{blank, showable};

/// All that is wrong with a configuration. Shows no secret: what looks like one is blanked in the text that it keeps.
#[derive(Clone, Debug, Default)]
pub struct Report {
    mistakes: Vec<Mistake>,
    texts: BTreeMap<PathBuf, String>,
}

/// Where a mistake stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// In bytes, from 0.
    pub bytes: Range<usize>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// The file.
    pub file: PathBuf,
    /// Where in it; `None` where it is the file as a whole, such as a section that is missing.
    pub place: Option<Place>,
    /// The key, such as `connections.zendesk.oauth`; empty where there is none.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Report {
    /// In the order of the file; never empty in an error of [`super::load`].
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// For people: file, line, caret and hint of each, and how many there are. `colour`: with terminal colours.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler =
            GraphicalReportHandler::new_themed(theme).with_context_lines(1).with_links(false).with_width(100);
        let mut out = String::new();
        for mistake in &self.mistakes {
            let shown = Shown { mistake, source: self.source(mistake) };
            if handler.render_report(&mut out, &shown).is_err() {
                // Better plain than not at all.
                out.push_str(&shown.to_string());
            }
            out.push('\n');
        }
        let count = self.mistakes.len();
        out.push_str(&match count {
            1 => "1 mistake in the configuration\n".to_owned(),
            _ => format!("{count} mistakes in the configuration\n"),
        });
        out
    }

    fn source(&self, mistake: &Mistake) -> Option<NamedSource<String>> {
        mistake.place.as_ref()?;
        let text = self.texts.get(&mistake.file)?;
        Some(NamedSource::new(mistake.file.display().to_string(), text.clone()))
    }

    /// For machines: `{"errors": [{"file", "place": {"line", "column", "bytes"}, "key", "message", "hint"}]}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "errors": self.mistakes })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Report {}

#[derive(Debug)]
struct Shown<'r> {
    mistake: &'r Mistake,
    source: Option<NamedSource<String>>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source.is_none() {
            write!(f, "{}: ", self.mistake.file.display())?;
        }
        if !self.mistake.key.is_empty() {
            write!(f, "{}: ", self.mistake.key)?;
        }
        f.write_str(&self.mistake.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.mistake.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source.as_ref().map(|source| source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let bytes = self.mistake.place.as_ref()?.bytes.clone();
        Some(Box::new(std::iter::once(LabeledSpan::underline(bytes))))
    }
}

/// Mistakes as they are found, with what must not be shown.
#[derive(Debug)]
pub(crate) struct Notes {
    file: PathBuf,
    text: String,
    found: Vec<Found>,
    hidden: Vec<Range<usize>>,
    others: BTreeMap<PathBuf, String>,
}

#[derive(Debug)]
struct Found {
    file: Option<PathBuf>,
    span: Option<Range<usize>>,
    key: String,
    message: String,
    hint: Option<String>,
    /// A connector's words, which may quote what they complain of.
    is_foreign: bool,
}

impl Notes {
    pub(crate) fn new(file: &Path, text: &str) -> Self {
        Self {
            file: file.to_owned(),
            text: text.to_owned(),
            found: Vec::new(),
            hidden: Vec::new(),
            others: BTreeMap::new(),
        }
    }

    /// A mistake in the file itself.
    pub(crate) fn wrong(
        &mut self,
        span: Option<Range<usize>>,
        path: &[String],
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        let (key, message) = (show_path(path), message.into());
        self.found.push(Found { file: None, span, key, message, hint, is_foreign: false });
    }

    /// A mistake in the file itself, in a connector's words.
    pub(crate) fn complaint(&mut self, span: Range<usize>, path: &[String], error: &ConfigError) {
        let (key, message, hint) = (show_path(path), error.message.clone(), error.hint.clone());
        self.found.push(Found { file: None, span: Some(span), key, message, hint, is_foreign: true });
    }

    /// A mistake in a file that the configuration names; its text is read for the snippet.
    pub(crate) fn wrong_in(&mut self, file: &Path, error: &ConfigError) {
        let file = self.file.parent().map_or_else(|| file.to_owned(), |folder| folder.join(file));
        if let Ok(text) = std::fs::read_to_string(&file) {
            self.others.insert(file.clone(), showable(&text));
        }
        self.found.push(Found {
            file: Some(file),
            span: error.span.clone(),
            key: show_path(&error.path),
            message: error.message.clone(),
            hint: error.hint.clone(),
            is_foreign: true,
        });
    }

    /// A place that no snippet shows, and whose text no connector's message repeats.
    pub(crate) fn hide(&mut self, span: Range<usize>) {
        self.hidden.push(span);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many there are: to see whether a step found any.
    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    /// Whether something was found wrong at this very place.
    pub(crate) fn has_at(&self, span: &Range<usize>) -> bool {
        self.found.iter().any(|found| found.file.is_none() && found.span.as_ref() == Some(span))
    }

    pub(crate) fn into_report(mut self) -> Report {
        let hidden: Vec<String> = self
            .hidden
            .iter()
            .filter_map(|span| self.text.get(span.clone()))
            .map(|text| text.trim_matches(['"', '\'']).to_owned())
            // What is shorter is as likely a word of the sentence, which would be garbled.
            .filter(|text| text.len() >= 7)
            .collect();
        let clean =
            |text: String| hidden.iter().fold(text, |text, secret| text.replace(secret.as_str(), "…"));
        let shown = blank(&self.text, &self.hidden);
        self.found.sort_by_key(|found| (found.file.clone(), found.span.as_ref().map(|span| span.start)));
        let mut seen = HashSet::new();
        let mut mistakes = Vec::new();
        for found in self.found {
            let file = found.file.unwrap_or_else(|| self.file.clone());
            let text = if file == self.file { Some(&shown) } else { self.others.get(&file) };
            let place = text.zip(found.span).map(|(text, span)| place(text, span));
            let (message, hint) = match found.is_foreign {
                true => (clean(found.message), found.hint.map(clean)),
                false => (found.message, found.hint),
            };
            let mistake = Mistake { file, place, key: found.key, message, hint };
            if seen.insert((mistake.file.clone(), mistake.key.clone(), mistake.message.clone())) {
                mistakes.push(mistake);
            }
        }
        let mut texts = self.others;
        texts.insert(self.file, shown);
        Report { mistakes, texts }
    }
}

/// A path as one writes it in the file: segments that are no bare keys in quotes.
pub(crate) fn show_path(path: &[String]) -> String {
    path.iter().map(|segment| crate::routes::toml_key(segment)).collect::<Vec<_>>().join(".")
}

fn place(text: &str, span: Range<usize>) -> Place {
    let start = floor(text, span.start);
    let end = floor(text, span.end).max(start);
    let before = text.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Place {
        line: before.matches('\n').count() + 1,
        column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        bytes: start..end,
    }
}

/// The last character's boundary at or before a place.
fn floor(text: &str, place: usize) -> usize {
    (0..=place.min(text.len())).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0)
}
