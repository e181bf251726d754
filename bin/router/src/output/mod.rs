//! What commands print: lines, tables, JSON; colour only where a person looks.

mod progress;
mod style;
mod table;

use std::fmt;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

pub use progress::Progress;
pub use style::{Style, safe};
pub use table::Table;

/// Where a command's results go. What goes wrong goes to standard error instead (see [`crate::commands::Failure`]).
pub struct Output {
    sink: Box<dyn Write + Send>,
    json: bool,
    colour: bool,
}

impl Output {
    /// To standard output; with colour where that is a terminal and `NO_COLOR` is not set.
    #[must_use]
    pub fn stdout(json: bool) -> Self {
        let stdout = io::stdout();
        let colour = Self::has_colour(&stdout) && !json;
        Self { sink: Box::new(stdout), json, colour }
    }

    /// Whether colour may be shown there: on a terminal that has it, and where `NO_COLOR` is not set.
    #[must_use]
    pub fn has_colour(sink: &impl IsTerminal) -> bool {
        sink.is_terminal() && colour_is_welcome()
    }

    /// To anything.
    #[must_use]
    pub fn to(sink: impl Write + Send + 'static, json: bool, colour: bool) -> Self {
        Self { sink: Box::new(sink), json, colour: colour && !json }
    }

    /// Whether a machine reads it.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether colour is shown.
    #[must_use]
    pub fn is_coloured(&self) -> bool {
        self.colour
    }

    /// The text in a style, where colour is shown; control characters are made visible.
    #[must_use]
    pub fn paint(&self, style: Style, text: &str) -> String {
        style.paint(&safe(text), self.colour)
    }

    /// Writes a line as it is. Text from outside goes through [`safe`] or [`Output::paint`] first.
    ///
    /// # Errors
    /// It could not be written; [`io::ErrorKind::BrokenPipe`] where nobody reads any more.
    pub fn line(&mut self, line: impl fmt::Display) -> io::Result<()> {
        writeln!(self.sink, "{line}")?;
        self.sink.flush()
    }

    /// Writes bytes as they are: of a form that machines read, and that cannot steer a terminal by itself.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sink.write_all(bytes)?;
        self.sink.flush()
    }

    /// Writes a value as one line of JSON.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub fn value(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string(value).map_err(io::Error::other)?;
        self.line(text)
    }

    /// Writes a table.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub fn table(&mut self, table: &Table) -> io::Result<()> {
        for line in table.lines(self.colour) {
            writeln!(self.sink, "{line}")?;
        }
        self.sink.flush()
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("json", &self.json)
            .field("colour", &self.colour)
            .finish_non_exhaustive()
    }
}

/// Neither `NO_COLOR` (<https://no-color.org>: set and not empty) nor a terminal that has none.
fn colour_is_welcome() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
