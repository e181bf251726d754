//! What all parts of a definition are read with.

use std::ops::Range;

use toml::de::DeValue;
use usher_toml_reader::{Item, Notes, Section};

use super::json::{self, Json, Scalar};
use super::limits;
use crate::expression::{Expression, Names, Problem, Template, Tree};

/// Where the language of expressions does not say what to do.
const HOW: &str =
    "an expression has names with dots, filters after |, `and`, `or`, `not`, `==`, `in` and `x if … else y`";

/// The text, and what was found wrong in it.
pub(super) struct Reader<'t> {
    text: &'t str,
    pub(super) notes: Notes,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, notes: Notes::default() }
    }

    /// The whole text.
    pub(super) fn source(&self) -> &'t str {
        self.text
    }

    /// Says what is wrong with a value.
    pub(super) fn wrong(&mut self, item: &Item<'_>, message: impl Into<String>, hint: impl Into<String>) {
        item.wrong(&mut self.notes, message, hint);
    }

    /// Says what is wrong with a key.
    pub(super) fn wrong_key(&mut self, item: &Item<'_>, message: impl Into<String>, hint: impl Into<String>) {
        self.notes.wrong(Some(item.key_span.clone()), &item.path, message, Some(hint.into()));
    }

    /// Says that a key is missing.
    pub(super) fn missing(&mut self, section: &Section<'_>, key: &str, message: &str, hint: &str) {
        let path = if key.is_empty() { section.path.clone() } else { section.path_to(key) };
        self.notes.wrong(section.place.clone(), &path, message, Some(hint.to_owned()));
    }

    /// A text of limited length.
    pub(super) fn text(&mut self, item: &Item<'t>, example: &str, most: usize) -> Option<&'t str> {
        let text = item.text(example, &mut self.notes)?;
        if text.len() > most {
            item.wrong(&mut self.notes, format!("is longer than {most} bytes"), "write less");
            return None;
        }
        Some(text)
    }

    /// One of a few words, of which some are known and not built.
    pub(super) fn word<T: Copy>(
        &mut self,
        item: &Item<'t>,
        words: &[(&'static str, T)],
        not_built: &[&str],
    ) -> Option<T> {
        if let DeValue::String(text) = item.value
            && not_built.contains(&text.as_ref())
        {
            let known: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.wrong(item, "is not built yet", format!("write {}", known.join(" or ")));
            return None;
        }
        item.one_of(words, &mut self.notes)
    }

    /// A text in which nothing is filled in.
    pub(super) fn plain(&mut self, item: &Item<'t>, example: &str, most: usize) -> Option<&'t str> {
        let text = self.text(item, example, most)?;
        if has_marks(text) {
            item.wrong(
                &mut self.notes,
                "has a hole, and nothing is filled in here",
                format!("write {} = {example}", item.name()),
            );
            return None;
        }
        Some(text)
    }

    /// A name of which expressions are made.
    pub(super) fn name(&mut self, item: &Item<'_>, name: &str) -> bool {
        let good = is_name(name);
        if !good {
            self.wrong_key(
                item,
                "is not a name that an expression can use",
                format!(
                    "write letters, digits and underscores, beginning with a letter, {} bytes at the most",
                    limits::NAME
                ),
            );
        }
        good
    }

    /// A table's entries in the order of the file, no more than `most`.
    pub(super) fn entries(&mut self, item: &Item<'t>, most: usize) -> Option<Vec<Item<'t>>> {
        // For its message.
        item.section(&mut self.notes)?;
        let entries = json::in_order(item)?;
        self.count(item, entries.len(), most).then_some(entries)
    }

    /// The blocks of one name, `[[lookup]]` for instance.
    pub(super) fn blocks(&mut self, item: &Item<'t>, most: usize) -> Vec<Item<'t>> {
        let DeValue::Array(array) = item.value else {
            let name = item.name();
            self.wrong_key(
                item,
                format!("is {}, not a list of tables", usher_toml_reader::kind(item.value)),
                format!("write [[{name}]], with two brackets, above each"),
            );
            return Vec::new();
        };
        let items = item.items(array);
        if self.count(item, items.len(), most) { items } else { Vec::new() }
    }

    fn count(&mut self, item: &Item<'_>, count: usize, most: usize) -> bool {
        if count > most {
            self.wrong_key(item, format!("has {count} entries"), format!("write {most} at the most"));
        }
        count <= most
    }

    /// What an expression key says.
    pub(super) fn expression(&mut self, item: &Item<'t>, names: &Names) -> Option<Expression> {
        if !matches!(item.value, DeValue::String(_)) {
            let message = format!("is {}, not an expression", usher_toml_reader::kind(item.value));
            self.wrong(item, message, "write it in quotes: \"false\", \"person.hit\" or \"json.id\"");
            return None;
        }
        let text = self.text(item, "\"person.hit\"", limits::EXPRESSION)?;
        if text.trim_start().starts_with("{{") {
            self.wrong(item, "is an expression already", "take the braces out: a hole stands in texts only");
            return None;
        }
        self.parsed(item, text, Expression::parse(text), |expression| expression.check(names))
    }

    /// A text with holes.
    pub(super) fn template(&mut self, item: &Item<'t>, example: &str, names: &Names) -> Option<Template> {
        let text = self.text(item, example, limits::EXPRESSION)?;
        self.parsed(item, text, Template::parse(text), |template| template.check(names))
    }

    fn leaf(&mut self, item: &Item<'t>, text: &str, names: &Names) -> Option<Tree> {
        if text.len() > limits::EXPRESSION {
            self.wrong(item, format!("is longer than {} bytes", limits::EXPRESSION), "write less");
            return None;
        }
        self.parsed(item, text, Tree::parse(text), |tree| tree.check(names))
    }

    fn parsed<T>(
        &mut self,
        item: &Item<'t>,
        text: &str,
        parsed: Result<T, Problem>,
        check: impl FnOnce(&T) -> Vec<Problem>,
    ) -> Option<T> {
        let (parsed, problems) = match parsed {
            Ok(parsed) => {
                let problems = check(&parsed);
                (Some(parsed), problems)
            }
            Err(problem) => (None, vec![problem]),
        };
        let good = problems.is_empty();
        for problem in problems {
            let span = self.place(item, text, &problem.range);
            let hint = problem.hint.unwrap_or_else(|| HOW.to_owned());
            self.notes.wrong(Some(span), &item.path, problem.message, Some(hint));
        }
        parsed.filter(|_| good)
    }

    /// Where a range of a text stands in the file: under the very name, unless escapes stand in between.
    fn place(&self, item: &Item<'_>, text: &str, range: &Range<usize>) -> Range<usize> {
        let raw = self.text.get(item.span.clone()).unwrap_or_default();
        let mut hits = raw.match_indices(text);
        match (hits.next(), hits.next()) {
            (Some((at, _)), None) if range.start < range.end && range.end <= text.len() => {
                let start = item.span.start + at;
                start + range.start..start + range.end
            }
            _ => item.span.clone(),
        }
    }

    /// A leaf that may be a text with holes, a number or a boolean: a pair of a query, a header.
    pub(super) fn scalar(&mut self, item: &Item<'t>, names: &Names) -> Option<Tree> {
        match json::scalar(item, &mut self.notes) {
            Some(scalar) => match scalar? {
                Scalar::Text(text) => self.leaf(item, text, names),
                Scalar::Other(value) => Some(Tree::Constant(value)),
            },
            None => {
                self.wrong(
                    item,
                    format!("is {}, not a text", usher_toml_reader::kind(item.value)),
                    "write a text, a number, true or false",
                );
                None
            }
        }
    }

    /// A tree: TOML, or a text that is one hole or JSON.
    pub(super) fn body(&mut self, item: &Item<'t>, names: &Names) -> Option<Tree> {
        let DeValue::String(text) = item.value else { return self.tree(item, names, 0) };
        if is_one_hole(text) {
            return self.leaf(item, text, names);
        }
        let json = match Json::parse(text) {
            Ok(json) => json,
            Err(message) => {
                self.wrong(
                    item,
                    message,
                    "write a tree of TOML (json.name = \"…\"), JSON text, or one hole; holes in JSON text stand inside quotes",
                );
                return None;
            }
        };
        self.json_tree(item, &json, names)
    }

    fn json_tree(&mut self, item: &Item<'t>, json: &Json, names: &Names) -> Option<Tree> {
        match json {
            Json::Scalar(serde_json::Value::String(text)) => self.leaf(item, text, names),
            Json::Scalar(value) => Some(Tree::Constant(value.clone())),
            Json::List(list) => {
                let list: Vec<Option<Tree>> =
                    list.iter().map(|one| self.json_tree(item, one, names)).collect();
                list.into_iter().collect::<Option<Vec<Tree>>>().map(Tree::List)
            }
            Json::Table(table) => {
                let table: Vec<Option<(String, Tree)>> = table
                    .iter()
                    .map(|(key, one)| Some((self.json_key(item, key)?, self.json_tree(item, one, names)?)))
                    .collect();
                table.into_iter().collect::<Option<Vec<(String, Tree)>>>().map(Tree::Table)
            }
        }
    }

    /// Keys are as they stand: a hole there would be sent out as text.
    fn json_key(&mut self, item: &Item<'_>, key: &str) -> Option<String> {
        if has_marks(key) {
            self.wrong(item, "has a hole in a key", "keys stand as they are; holes stand in values");
            return None;
        }
        Some(key.to_owned())
    }

    fn tree(&mut self, item: &Item<'t>, names: &Names, depth: usize) -> Option<Tree> {
        if let Some(scalar) = json::scalar(item, &mut self.notes) {
            return match scalar? {
                Scalar::Text(text) => self.leaf(item, text, names),
                Scalar::Other(value) => Some(Tree::Constant(value)),
            };
        }
        if depth >= limits::DEPTH {
            json::too_deep(item, &mut self.notes);
            return None;
        }
        if let DeValue::Array(array) = item.value {
            let list: Vec<Option<Tree>> =
                item.items(array).iter().map(|one| self.tree(one, names, depth + 1)).collect();
            return list.into_iter().collect::<Option<Vec<Tree>>>().map(Tree::List);
        }
        let table: Vec<Option<(String, Tree)>> = json::in_order(item)?
            .iter()
            .map(|one| Some((self.json_key(one, one.name())?, self.tree(one, names, depth + 1)?)))
            .collect();
        table.into_iter().collect::<Option<Vec<(String, Tree)>>>().map(Tree::Table)
    }
}

/// Whether a text has what begins a hole, a statement or a comment of a template.
pub(super) fn has_marks(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

/// Whether a text is one hole and nothing else.
fn is_one_hole(text: &str) -> bool {
    Template::parse(text).is_ok_and(|template| template.one_hole().is_some())
}

pub(super) fn is_name(name: &str) -> bool {
    name.len() <= limits::NAME
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_')
}
