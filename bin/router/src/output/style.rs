use std::borrow::Cow;

use usher_journal::Word;

/// How something is shown on a terminal with colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// As everything else.
    #[default]
    Plain,
    /// Headings.
    Bold,
    /// What matters less.
    Faint,
    /// As it should be.
    Good,
    /// A no.
    Bad,
    /// Not finished.
    Pending,
    /// Somebody has to act.
    Urgent,
}

impl Style {
    /// A word's style.
    #[must_use]
    pub fn of(word: Word) -> Self {
        match word {
            Word::Granted | Word::Removed => Self::Good,
            Word::Refused => Self::Bad,
            Word::Waiting => Self::Pending,
            Word::NeedsYou => Self::Urgent,
        }
    }

    pub(crate) fn paint(self, text: &str, colour: bool) -> String {
        let code = match self {
            Self::Plain => None,
            Self::Bold => Some("1"),
            Self::Faint => Some("2"),
            Self::Good => Some("32"),
            Self::Bad => Some("31"),
            Self::Pending => Some("33"),
            Self::Urgent => Some("1;35"),
        };
        match code.filter(|_| colour) {
            Some(code) => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            None => text.to_owned(),
        }
    }
}

/// The text with control characters made visible: what came from outside must not steer a terminal.
#[must_use]
pub fn safe(text: &str) -> Cow<'_, str> {
    let steers = |c: char| c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| if steers(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(shown).collect())
}
