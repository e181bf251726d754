//! Tables of the file, read key by key: each mistake has its own place, and none hides another.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::{Notes, units};

/// A value with its key's and its own place.
#[derive(Clone, Debug)]
pub struct Item<'t> {
    /// Its key, with all that it stands below.
    pub path: Vec<String>,
    /// The key's own place.
    pub key_span: Range<usize>,
    /// The value's place.
    pub span: Range<usize>,
    /// The value.
    pub value: &'t DeValue<'t>,
}

/// A table whose keys are taken one by one; what is left at the end is unknown.
#[derive(Debug)]
pub struct Section<'t> {
    /// Its key, with all that it stands below.
    pub path: Vec<String>,
    /// Where a missing key is shown; `None` where the section itself is missing.
    pub place: Option<Range<usize>>,
    table: Option<&'t DeTable<'t>>,
    asked: BTreeSet<&'static str>,
}

impl<'t> Section<'t> {
    /// The whole file.
    #[must_use]
    pub fn root(table: &'t DeTable<'t>) -> Self {
        Self { path: Vec::new(), place: None, table: Some(table), asked: BTreeSet::new() }
    }

    /// The table that an item is.
    #[must_use]
    pub fn of(item: &Item<'t>, table: &'t DeTable<'t>) -> Self {
        Self {
            path: item.path.clone(),
            place: Some(item.key_span.clone()),
            table: Some(table),
            asked: BTreeSet::new(),
        }
    }

    fn absent(path: Vec<String>, place: Option<Range<usize>>) -> Self {
        Self { path, place, table: None, asked: BTreeSet::new() }
    }

    /// A key's value, if it is there.
    pub fn take(&mut self, key: &'static str) -> Option<Item<'t>> {
        self.asked.insert(key);
        let (name, value) = self.table?.get_key_value(key)?;
        Some(item(&self.path, name, value))
    }

    /// Whether a key is there; it is not asked for thereby, and so not offered where another one is unknown.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// A key that must be there.
    pub fn need(&mut self, key: &'static str, hint: &str, notes: &mut Notes) -> Option<Item<'t>> {
        let found = self.take(key);
        if found.is_none() {
            let path = self.path_to(key);
            notes.wrong(self.place.clone(), &path, "is missing", Some(hint.to_owned()));
        }
        found
    }

    /// A section below this one; an empty one where it is not there. `None` where it is something else.
    pub fn section(&mut self, key: &'static str, notes: &mut Notes) -> Option<Section<'t>> {
        match self.take(key) {
            None => Some(Self::absent(self.path_to(key), self.place.clone())),
            Some(item) => item.section(notes),
        }
    }

    /// Refuses a key that this build does nothing with, and does not offer it where another one is unknown. Whether it is there.
    pub fn not_built(&mut self, key: &'static str, notes: &mut Notes) -> bool {
        let is_there = self.has(key);
        if is_there && let Some(item) = self.take(key) {
            let hint = "take it out: what does nothing is refused, never ignored";
            item.hide(notes);
            notes.wrong(Some(item.key_span), &item.path, "is not built yet", Some(hint.to_owned()));
        }
        is_there
    }

    /// Everything that was not asked for.
    #[must_use]
    pub fn rest(&self) -> Vec<Item<'t>> {
        let Some(table) = self.table else { return Vec::new() };
        let left = table.iter().filter(|(name, _)| !self.asked.contains(name.get_ref().as_ref()));
        left.map(|(name, value)| item(&self.path, name, value)).collect()
    }

    /// Refuses everything that was not asked for.
    pub fn finish(self, notes: &mut Notes) {
        for item in self.rest() {
            let name = item.name().to_owned();
            let known: Vec<&str> = self.asked.iter().copied().collect();
            // It may be a secret's key with a slip in it.
            item.hide(notes);
            notes.wrong(
                Some(item.key_span),
                &item.path,
                "is not a known key",
                Some(did_you_mean(&name, &known)),
            );
        }
    }

    /// The path of a key below this one.
    #[must_use]
    pub fn path_to(&self, key: &str) -> Vec<String> {
        let mut path = self.path.clone();
        path.push(key.to_owned());
        path
    }
}

fn item<'t>(
    path: &[String],
    name: &'t Spanned<std::borrow::Cow<'t, str>>,
    value: &'t Spanned<DeValue<'t>>,
) -> Item<'t> {
    let mut path = path.to_vec();
    path.push(name.get_ref().clone().into_owned());
    Item { path, key_span: name.span(), span: value.span(), value: value.get_ref() }
}

/// `did you mean …?` where one of `known` is near, else all of them.
#[must_use]
pub fn did_you_mean(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("did you mean {near}?"),
        None if known.is_empty() => "there are none".to_owned(),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// The one of `known` that was probably meant.
#[must_use]
pub fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let name = name.to_lowercase();
    let distance = |one: &str| strsim::damerau_levenshtein(&name, &one.to_lowercase());
    let nearest = known.iter().copied().min_by_key(|one| distance(one))?;
    // A third of the letters may be wrong; two letters in the shortest names would be another word.
    (distance(nearest) <= 1.max(nearest.chars().count() / 3)).then_some(nearest)
}

impl<'t> Item<'t> {
    /// Its key alone.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    /// Says what is wrong with the value.
    pub fn wrong(&self, notes: &mut Notes, message: impl Into<String>, hint: impl Into<String>) {
        // A table's own span is its header's: the key is what a reader looks for.
        let span =
            if matches!(self.value, DeValue::Table(_)) { self.key_span.clone() } else { self.span.clone() };
        notes.wrong(Some(span), &self.path, message, Some(hint.into()));
    }

    /// Hides a value that may hold a secret in the wrong place.
    pub fn hide(&self, notes: &mut Notes) {
        notes.hide_all(self.value, &self.span);
    }

    fn wrong_type(&self, notes: &mut Notes, expected: &str, hint: &str) {
        self.wrong(notes, format!("is {}, not {expected}", kind(self.value)), hint);
    }

    /// The table that it is.
    pub fn section(&self, notes: &mut Notes) -> Option<Section<'t>> {
        let DeValue::Table(table) = self.value else {
            self.hide(notes);
            self.wrong_type(
                notes,
                "a table",
                &format!("write [{}] and its keys below it", self.path.join(".")),
            );
            return None;
        };
        Some(Section::of(self, table))
    }

    /// A text that is not empty.
    pub fn text(&self, example: &str, notes: &mut Notes) -> Option<&'t str> {
        match self.value {
            DeValue::String(text) if text.trim().is_empty() => {
                self.wrong(notes, "is empty", format!("write {} = {example}", self.name()));
                None
            }
            DeValue::String(text) => Some(text.as_ref()),
            _ => {
                self.wrong_type(notes, "a text", &format!("write {} = {example}", self.name()));
                None
            }
        }
    }

    /// True or false.
    pub fn boolean(&self, notes: &mut Notes) -> Option<bool> {
        match self.value {
            DeValue::Boolean(value) => Some(*value),
            _ => {
                self.wrong_type(notes, "true or false", "write true or false, without quotes");
                None
            }
        }
    }

    /// A whole number within limits.
    pub fn number(&self, least: u32, most: u32, notes: &mut Notes) -> Option<u32> {
        let range = format!("write a whole number from {least} to {most}");
        let DeValue::Integer(number) = self.value else {
            self.wrong_type(notes, "a whole number", &range);
            return None;
        };
        let number = u32::from_str_radix(number.as_str(), number.radix()).ok();
        let found = number.filter(|number| (least..=most).contains(number));
        if found.is_none() {
            self.wrong(notes, "is out of range", range);
        }
        found
    }

    /// A list.
    pub fn list(&self, example: &str, notes: &mut Notes) -> Option<Vec<Item<'t>>> {
        let DeValue::Array(array) = self.value else {
            self.wrong_type(notes, "a list", &format!("write {} = {example}", self.name()));
            return None;
        };
        Some(self.items(array))
    }

    /// The entries of a list.
    #[must_use]
    pub fn items(&self, array: &'t DeArray<'t>) -> Vec<Item<'t>> {
        let entries = array.iter().enumerate();
        let entry = |(index, value): (usize, &'t Spanned<DeValue<'t>>)| {
            let mut path = self.path.clone();
            path.push(index.to_string());
            Item { path, key_span: value.span(), span: value.span(), value: value.get_ref() }
        };
        entries.map(entry).collect()
    }

    /// A list of texts, none of them empty.
    pub fn texts(&self, example: &str, notes: &mut Notes) -> Option<Vec<(Item<'t>, &'t str)>> {
        let items = self.list(example, notes)?;
        let mut texts = Vec::with_capacity(items.len());
        let mut all = true;
        for item in items {
            match item.value {
                DeValue::String(text) if !text.trim().is_empty() => texts.push((item, text.as_ref())),
                _ => {
                    item.wrong(
                        notes,
                        "is not a text, or is empty",
                        format!("write {} = {example}", self.name()),
                    );
                    all = false;
                }
            }
        }
        all.then_some(texts)
    }

    /// A duration such as `500ms`, within limits.
    pub fn duration(&self, least: Duration, most: Duration, notes: &mut Notes) -> Option<Duration> {
        const HOW: &str =
            "write a number and its unit in quotes: \"500ms\", \"12s\", \"5m\", \"24h\" or \"400 days\"";
        let DeValue::String(text) = self.value else {
            self.wrong_type(notes, "a duration", HOW);
            return None;
        };
        let Some(duration) = units::duration(text) else {
            self.wrong(notes, "is not a duration", HOW);
            return None;
        };
        if !(least..=most).contains(&duration) {
            let range =
                format!("write something from \"{}\" to \"{}\"", units::show(least), units::show(most));
            self.wrong(notes, "is out of range", range);
            return None;
        }
        Some(duration)
    }

    /// A size such as `256 KiB`, in bytes, within limits.
    pub fn size(&self, least: u64, most: u64, notes: &mut Notes) -> Option<u64> {
        const HOW: &str = "write a number and its unit in quotes: \"256 KiB\" or \"1 MiB\"";
        let DeValue::String(text) = self.value else {
            self.wrong_type(notes, "a size", HOW);
            return None;
        };
        let Some(size) = units::size(text) else {
            self.wrong(notes, "is not a size", HOW);
            return None;
        };
        if !(least..=most).contains(&size) {
            self.wrong(notes, "is out of range", format!("write something from {least} to {most} bytes"));
            return None;
        }
        Some(size)
    }

    /// One of a few words.
    pub fn one_of<T: Copy>(&self, words: &[(&'static str, T)], notes: &mut Notes) -> Option<T> {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let all = known.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ");
        let DeValue::String(text) = self.value else {
            self.wrong_type(notes, "a text", &format!("write {all}"));
            return None;
        };
        let found = words.iter().find(|(word, _)| *word == text.as_ref()).map(|(_, value)| *value);
        if found.is_none() {
            let hint = match nearest(text, &known) {
                Some(near) => format!("did you mean \"{near}\"? It is {all}"),
                None => format!("write {all}"),
            };
            self.wrong(notes, "is none of the words that are known here", hint);
        }
        found
    }
}

/// What a value is, with its article.
#[must_use]
pub fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

impl Item<'_> {
    /// Says what is wrong with a value that stands where it is said, even if it is a table.
    pub fn wrong_inline(&self, notes: &mut Notes, message: impl Into<String>, hint: impl Into<String>) {
        notes.wrong(Some(self.span.clone()), &self.path, message, Some(hint.into()));
    }
}
