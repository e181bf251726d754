use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource};
use serde::Serialize;
use usher_toml_reader::Notes;

use super::secrets::{blank, suspects_in_named};
use crate::output::safe;

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
        self.render_of(colour, "configuration")
    }

    /// The same, of a file that is called something else.
    pub(crate) fn render_of(&self, colour: bool, what: &str) -> String {
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
            1 => format!("1 mistake in the {what}\n"),
            _ => format!("{count} mistakes in the {what}\n"),
        });
        out
    }

    fn source(&self, mistake: &Mistake) -> Option<NamedSource<String>> {
        mistake.place.as_ref()?;
        let text = self.texts.get(&mistake.file)?;
        Some(NamedSource::new(mistake.file.display().to_string(), harmless(text)))
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

impl Report {
    /// The same as [`Self::of`] of a definition, in which whatever may be a secret is hidden besides.
    #[cfg(feature = "generic-rest")]
    pub(crate) fn of_definition(mut notes: Notes, file: &Path, text: &str) -> Self {
        suspects_in_named(text).into_iter().for_each(|place| notes.hide(place));
        Self::of(notes, file, text)
    }

    /// What was noted of `file`, whose text is `text`. A file that it names is read for the snippet.
    pub(crate) fn of(notes: Notes, file: &Path, text: &str) -> Self {
        let (mut all, places) = notes.into_parts();
        let mut hidden = BTreeMap::from([(file.to_owned(), texts_at(text, &places))]);
        let mut texts = BTreeMap::from([(file.to_owned(), blank(text, &places))]);
        for found in &mut all {
            let named = found.file.as_ref().map(|named| beside(file, named));
            if let Some(named) = &named
                && !texts.contains_key(named)
                && let Ok(text) = std::fs::read_to_string(named)
            {
                let places = suspects_in_named(&text);
                hidden.insert(named.clone(), texts_at(&text, &places));
                texts.insert(named.clone(), blank(&text, &places));
            }
            found.file = named;
        }
        let clean = |file: &Path, text: String| {
            let hidden = hidden.get(file).into_iter().flatten();
            hidden.fold(text, |text, secret| text.replace(secret.as_str(), "…"))
        };
        all.sort_by_key(|found| (found.file.clone(), found.span.as_ref().map(|span| span.start)));
        let mut seen = HashSet::new();
        let mut mistakes = Vec::new();
        for found in all {
            let file = found.file.unwrap_or_else(|| file.to_owned());
            let place = texts.get(&file).zip(found.span).map(|(text, span)| place(text, span));
            let (message, hint) = match found.is_foreign {
                true => (clean(&file, found.message), found.hint.map(|hint| clean(&file, hint))),
                false => (found.message, found.hint),
            };
            let mistake = Mistake { file, place, key: show_path(&found.path), message, hint };
            let start = mistake.place.as_ref().map(|place| place.bytes.start);
            if seen.insert((mistake.file.clone(), start, mistake.key.clone(), mistake.message.clone())) {
                mistakes.push(mistake);
            }
        }
        Self { mistakes, texts }
    }
}

/// A text whose characters do not steer a terminal: each of the others is as many marks as it has bytes, so that places stay.
fn harmless(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\r' | '\t' => c.to_string(),
        c if safe(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8() => c.to_string(),
        c => "?".repeat(c.len_utf8()),
    };
    text.chars().map(shown).collect()
}

/// What stands at places that are not to be shown.
fn texts_at(text: &str, places: &[Range<usize>]) -> Vec<String> {
    let texts = places.iter().filter_map(|span| text.get(span.clone()));
    let texts = texts.map(|text| text.trim_matches(['"', '\'']).to_owned());
    // What is shorter is as likely a word of the sentence, which would be garbled.
    texts.filter(|text| text.len() >= 7).collect()
}

/// A file that another one names.
fn beside(file: &Path, named: &Path) -> PathBuf {
    file.parent().map_or_else(|| named.to_owned(), |folder| folder.join(named))
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
