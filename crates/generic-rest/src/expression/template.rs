//! Texts with holes.

use std::fmt::Write as _;
use std::ops::Range;

use super::value::json_text;
use super::{EvalError, Expression, Names, Problem, Scope};

/// Bytes of a text that was filled in at the most.
const MAX_FILLED: usize = 1024 * 1024;

/// Holes of a text at the most.
const MAX_HOLES: usize = 100;

/// A text with holes: `/api/users/{{ person.hit.id }}/roles`.
///
/// Braces that are no hole are written as one: `{{ '{{' }}` gives `{{`, and `{{ '{%' }}` gives `{%`. A value that is put into a
/// hole is never read again: `{{` in it stays `{{`.
#[derive(Clone, Debug)]
pub struct Template {
    parts: Vec<Part>,
}

/// A part of a text.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// As it stands.
    Text(String),
    /// To be filled in.
    Hole(Expression),
}

impl Template {
    /// Reads a text with holes.
    ///
    /// # Errors
    /// The first mistake in it: a hole without its end, an expression that cannot be read, `{%` or `{#`.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(hole) = next_hole(text, at)? {
            push_text(&mut parts, text.get(at..hole.start));
            let inner = hole.start + 2..hole.end - 2;
            let source = text.get(inner.clone()).unwrap_or_default();
            parts.push(Part::Hole(Expression::cut(source, inner.start)?));
            at = hole.end;
        }
        push_text(&mut parts, text.get(at..));
        let template = Self { parts };
        if template.holes().count() > MAX_HOLES {
            return Err(Problem::new(format!("a text has at most {MAX_HOLES} holes"), 0..text.len()));
        }
        Ok(template)
    }

    /// The names that its holes use and that are not there, all of them.
    pub fn check(&self, names: &Names) -> Vec<Problem> {
        self.holes().flat_map(|hole| hole.check(names)).collect()
    }

    /// Its holes, in order.
    pub fn holes(&self) -> impl Iterator<Item = &Expression> {
        self.parts.iter().filter_map(|part| match part {
            Part::Hole(hole) => Some(hole),
            Part::Text(_) => None,
        })
    }

    /// The text, if there is no hole in it.
    pub fn constant(&self) -> Option<String> {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => Some(text.as_str()),
                Part::Hole(_) => None,
            })
            .collect()
    }

    /// The hole, if the text is one hole and nothing else.
    pub fn one_hole(&self) -> Option<&Expression> {
        match self.parts.as_slice() {
            [Part::Hole(hole)] => Some(hole),
            _ => None,
        }
    }

    /// The text with its holes filled in. A hole takes texts, whole numbers and booleans.
    ///
    /// # Errors
    /// A hole cannot be evaluated, or its value is null, a fraction, a list or a table; or the text gets too long.
    pub fn fill(&self, scope: &Scope) -> Result<String, EvalError> {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Hole(hole) => filled.push_str(&fill_hole(hole, scope)?),
            }
            if filled.len() > MAX_FILLED {
                return Err(EvalError::other(format!(
                    "`{self}`: the text is longer than {MAX_FILLED} bytes"
                )));
            }
        }
        Ok(filled)
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

/// As a message shows it: the text, and its holes by their expressions.
impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Hole(hole) => write!(text, "{{{{ {} }}}}", hole.source())?,
            }
        }
        f.write_str(&super::error::shown(&text))
    }
}

/// What a hole inside a text becomes.
pub(crate) fn fill_hole(hole: &Expression, scope: &Scope) -> Result<String, EvalError> {
    json_text(&hole.evaluate(scope)?).map_err(|error| error.of(hole.source()))
}

fn push_text(parts: &mut Vec<Part>, text: Option<&str>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        parts.push(Part::Text(text.to_owned()));
    }
}

/// The next hole from a byte on, with its braces.
fn next_hole(text: &str, from: usize) -> Result<Option<Range<usize>>, Problem> {
    let rest = text.get(from..).unwrap_or_default();
    let marks = ["{{", "}}", "{%", "%}", "{#", "#}"];
    let Some((at, mark)) =
        marks.iter().filter_map(|mark| Some((rest.find(mark)? + from, *mark))).min_by_key(|(at, _)| *at)
    else {
        return Ok(None);
    };
    let here = at..at + mark.len();
    match mark {
        "{{" => hole_end(text, at + 2).map(|end| Some(at..end)),
        "}}" => Err(Problem::new("`}}` ends a hole, and none is open", here)
            .hint("write `{{ '}}' }}` for the braces themselves")),
        _ => Err(Problem::new(
            format!("`{mark}` cannot stand here: there are holes (`{{{{ … }}}}`) and nothing else"),
            here,
        )
        .hint(format!("write `{{{{ '{mark}' }}}}` for the characters themselves"))),
    }
}

/// Where a hole ends that was opened right before `from`: after its `}}`, those in texts and tables of the expression left alone.
fn hole_end(text: &str, from: usize) -> Result<usize, Problem> {
    let bytes = text.as_bytes().get(from..).unwrap_or_default();
    if let Some(b'-' | b'+') = bytes.first() {
        return Err(Problem::new("a hole begins with `{{`, without a sign", from - 2..from + 1)
            .hint("nothing around a hole is trimmed; leave a blank before a negative number"));
    }
    let (mut quote, mut open, mut index) = (None, 0_usize, 0);
    while let Some(&byte) = bytes.get(index) {
        match (quote, byte) {
            (Some(_), b'\\') => index += 1,
            (Some(mark), _) if mark == byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'{') => open += 1,
            (None, b'}') if open > 0 => open -= 1,
            (None, b'}') if bytes.get(index + 1) == Some(&b'}') => return Ok(from + index + 2),
            _ => {}
        }
        index += 1;
    }
    Err(Problem::new("this hole has no end", from - 2..text.len()).hint("it ends with `}}`"))
}
