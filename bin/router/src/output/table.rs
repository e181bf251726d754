use unicode_width::UnicodeWidthStr;

use super::style::{Style, safe};

/// Between two columns.
const GAP: &str = "  ";

/// Columns that line up, for people. A head without a name is not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<(String, Style)>>,
}

impl Table {
    /// A table with these columns.
    #[must_use]
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|name| (*name).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row. Cells beyond the head's are shown without one.
    pub fn row(&mut self, cells: impl IntoIterator<Item = (String, Style)>) {
        self.rows.push(cells.into_iter().map(|(text, style)| (safe(&text).into_owned(), style)).collect());
    }

    /// Whether it has no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(crate) fn lines(&self, colour: bool) -> Vec<String> {
        let head: Vec<(String, Style)> =
            self.head.iter().map(|name| (name.to_uppercase(), Style::Faint)).collect();
        let head = head.iter().any(|(name, _)| !name.is_empty()).then_some(&head);
        let lines: Vec<&Vec<(String, Style)>> = head.into_iter().chain(&self.rows).collect();
        let columns = lines.iter().map(|cells| cells.len()).max().unwrap_or_default();
        let width = |column: usize| {
            lines.iter().filter_map(|cells| cells.get(column)).map(|(text, _)| text.width()).max()
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
        lines.into_iter().map(|cells| line(cells, &widths, colour)).collect()
    }
}

fn line(cells: &[(String, Style)], widths: &[usize], colour: bool) -> String {
    let mut line = String::new();
    // Nothing pads a line's end: neither the last cell nor empty ones before the end.
    let used = cells.iter().rposition(|(text, _)| !text.is_empty()).map_or(0, |last| last + 1);
    for (index, ((text, style), width)) in cells.iter().zip(widths).take(used).enumerate() {
        line.push_str(&style.paint(text, colour));
        if index + 1 < used {
            line.push_str(&" ".repeat(width.saturating_sub(text.width())));
            line.push_str(GAP);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["id", "state", "app"]);
        table.row([
            ("1".into(), Style::Plain),
            ("needs you".into(), Style::Urgent),
            ("zendesk".into(), Style::Plain),
        ]);
        table.row([
            ("1000".into(), Style::Plain),
            ("granted".into(), Style::Good),
            (String::new(), Style::Plain),
        ]);
        table
    }

    #[test]
    fn columns_line_up_and_no_line_ends_in_spaces() {
        insta::assert_snapshot!(table().lines(false).join("\n"), @r"
        ID    STATE      APP
        1     needs you  zendesk
        1000  granted
        ");
    }

    #[test]
    fn colour_does_not_move_a_column() {
        let without = table().lines(true).join("\n").replace("\u{1b}[0m", "");
        let without: String = ["1;35", "32", "2"]
            .iter()
            .fold(without, |text, code| text.replace(&format!("\u{1b}[{code}m"), ""));
        assert_eq!(without, table().lines(false).join("\n"));
    }

    #[test]
    fn a_cell_cannot_steer_the_terminal_nor_break_its_line() {
        let mut table = Table::new(&["app"]);
        table.row([("evil\u{1b}[2J\nnext\u{202e}".into(), Style::Plain)]);
        assert_eq!(table.lines(false), ["APP", "evil\\u{1b}[2J\\nnext\\u{202e}"]);
    }
}
