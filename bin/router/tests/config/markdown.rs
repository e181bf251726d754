//! Fenced blocks of TOML in Markdown.

const MARKER: &str = "<!-- toml: fragment -->";

/// A block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The line of its first line, from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
    /// Whether it is marked as a piece.
    pub(crate) is_fragment: bool,
}

/// All blocks whose language is TOML, also within lists.
pub(crate) fn blocks(text: &str) -> Result<Vec<Block>, String> {
    let mut found = Vec::new();
    let mut before = "";
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some((indent, fence, info)) = opening(line) else {
            if !line.trim().is_empty() {
                before = line.trim();
            }
            continue;
        };
        let mut inner = String::new();
        let is_closed = lines.by_ref().any(|(_, line)| {
            let is_end = line.trim().starts_with(fence) && line.trim().chars().all(|c| fence.starts_with(c));
            if !is_end {
                let start = line.len() - line.trim_start().len();
                inner.push_str(&line[start.min(indent)..]);
                inner.push('\n');
            }
            is_end
        });
        if !is_closed {
            return Err(format!("the block that opens in line {} is not closed", at + 1));
        }
        let mut words = info.split_whitespace();
        if words.next() == Some("toml") {
            let word = words.next();
            if !matches!(word, None | Some("fragment")) {
                return Err(format!("line {}: the only word behind toml is fragment", at + 1));
            }
            if before.starts_with("<!-- toml") && before != MARKER {
                return Err(format!("line {}: the only marker is {MARKER}", at + 1));
            }
            let is_fragment = word.is_some() || before == MARKER;
            found.push(Block { line: at + 2, text: inner, is_fragment });
        }
        before = "";
    }
    Ok(found)
}

/// Indentation, fence and info of a line that opens a block.
fn opening(line: &str) -> Option<(usize, &str, &str)> {
    let rest = line.trim_start();
    let indent = line.len() - rest.len();
    let mark = rest.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = rest.len() - rest.trim_start_matches(mark).len();
    let (fence, info) = rest.split_at(length);
    // Three marks on one line with text between are no block.
    (length >= 3 && !info.contains('`')).then_some((indent, fence, info))
}

#[test]
fn blocks_are_found_with_their_lines_and_marks() {
    let text = "# Page\n```toml\na = 1\n```\n\n1. list\n   ~~~toml\n   b = 2\n\n     c = 3\n   ~~~\n<!-- toml: fragment -->\n\n````toml\n```\n````\n```toml fragment\nd\n```\n```sh\ntoml\n```\n";
    let block = |line, text: &str, is_fragment| Block { line, text: text.to_owned(), is_fragment };
    assert_eq!(
        blocks(text).unwrap(),
        [
            block(3, "a = 1\n", false),
            block(8, "b = 2\n\n  c = 3\n", false),
            block(15, "```\n", true),
            block(18, "d\n", true),
        ]
    );
    assert!(blocks("```toml\na = 1\n").unwrap_err().contains("not closed"));
    assert!(blocks("```toml exmaple\n```\n").unwrap_err().contains("fragment"));
    assert!(blocks("<!-- toml: skip -->\n```toml\n```\n").unwrap_err().contains("marker"));
}
