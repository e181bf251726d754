//! Which names an expression may use, key by key: the table *Names in scope*.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::model::{EntitlementKey, EntitlementType};
use super::reader::is_name;
use crate::expression::Names;

/// Names that a look-up may not have: they mean something else, in the table or in the language of expressions.
pub(super) const TAKEN: [&str; 33] = [
    "user",
    "request",
    "app",
    "direction",
    "now",
    "uuid",
    "vars",
    "tables",
    "secret",
    "known",
    "entitlement",
    "slot",
    "item",
    "status",
    "headers",
    "json",
    "text",
    "items",
    "omit",
    "true",
    "false",
    "none",
    "True",
    "False",
    "None",
    "not",
    "and",
    "or",
    "in",
    "is",
    "if",
    "else",
    "loop",
];

/// What the file declares, whatever else is wrong with it: so that one mistake does not make others.
pub(super) struct Declared {
    pub(super) vars: BTreeMap<String, Value>,
    pub(super) tables: BTreeMap<String, BTreeMap<String, Value>>,
    pub(super) entitlement: BTreeMap<String, EntitlementKey>,
    /// Names by their table, whatever is wrong with what stands under them.
    said: BTreeMap<&'static str, BTreeSet<String>>,
    kept: BTreeSet<String>,
    /// What may be meant to be a look-up's name where one cannot be told.
    guessed: BTreeSet<String>,
    /// Look-ups before the one that is being read, with their captures.
    lookups: Vec<(String, BTreeSet<String>)>,
}

impl Declared {
    /// Looks through the file for the names that come later than they may be used.
    pub(super) fn of(table: &DeTable<'_>) -> Self {
        let mut kept = BTreeSet::new();
        for block in ["lookup", "provision", "deprovision", "update", "remove"] {
            let Some(DeValue::Array(blocks)) = value(table, block) else { continue };
            for block in blocks.iter() {
                kept.extend(keys_below(block.get_ref(), "keep"));
            }
        }
        let said = ["vars", "tables", "entitlement", "slots"].map(|name| (name, keys(value(table, name))));
        Self {
            vars: BTreeMap::new(),
            tables: BTreeMap::new(),
            entitlement: BTreeMap::new(),
            said: BTreeMap::from(said),
            kept,
            guessed: BTreeSet::new(),
            lookups: Vec::new(),
        }
    }

    /// A look-up has been read: later ones may use what it captures.
    pub(super) fn looked_up(&mut self, id: &str, block: &DeValue<'_>) {
        self.lookups.push((id.to_owned(), keys_below(block, "capture")));
    }

    /// A look-up's name cannot be told: whatever the text's expressions begin with may be it, so that one mistake makes no others.
    pub(super) fn looked_up_by_nobody_knows_whom(&mut self, text: &str) {
        let words = text.split(|one: char| !(one.is_ascii_alphanumeric() || "_.".contains(one)));
        let roots = words.filter_map(|word| word.split_once('.')).map(|(root, _)| root);
        self.guessed.extend(roots.filter(|root| is_name(root) && !TAKEN.contains(root)).map(str::to_owned));
    }

    fn said(&self, table: &str) -> impl Iterator<Item = &String> {
        self.said.get(table).into_iter().flatten()
    }

    /// Whether a look-up of that name has been read.
    pub(super) fn has_lookup(&self, id: &str) -> bool {
        self.lookups.iter().any(|(known, _)| known == id)
    }

    fn constants(&self) -> Names {
        let vars = self.said("vars").map(|name| match self.vars.get(name) {
            None | Some(Value::Array(_)) => (name, Names::Any),
            Some(_) => (name, Names::Leaf),
        });
        let tables = self.said("tables").map(|name| match self.tables.get(name) {
            None => (name, Names::Any),
            Some(table) => (name, Names::table(table.keys())),
        });
        Names::keys([("vars", Names::keys(vars)), ("tables", Names::keys(tables))])
    }

    /// In `wants`.
    pub(super) fn for_wants(&self) -> Names {
        let keys =
            self.said("entitlement").map(|name| match self.entitlement.get(name).map(|key| key.kind) {
                None | Some(EntitlementType::List) => (name, Names::Any),
                Some(_) => (name, Names::Leaf),
            });
        self.constants().with("entitlement", Names::keys(keys).with("permission", Names::Leaf))
    }

    /// Where the state is read: with those look-ups alone that have been read so far.
    pub(super) fn for_reading(&self) -> Names {
        let user = Names::keys([
            ("email", Names::Leaf),
            ("given_name", Names::Leaf),
            ("family_name", Names::Leaf),
            ("custom_fields", Names::Any),
        ]);
        let known = Names::keys(self.kept.iter().map(|name| (name, Names::Leaf)));
        let lookups = self
            .lookups
            .iter()
            .map(|(id, captures)| (id, Names::keys(captures.iter().map(|name| (name, Names::Any)))));
        let names = self.guessed.iter().fold(self.constants(), |names, name| names.with(name, Names::Any));
        let names = names.with("user", user).with("known", known);
        lookups.fold(names, |names, (id, captures)| names.with(id, captures))
    }

    /// In `[[refuse]]` and steps.
    pub(super) fn for_request(&self) -> Names {
        let slot = || Names::keys(["has", "add", "remove", "after"].map(|name| (name, Names::Any)));
        let slots = self.said("slots").map(|name| (name, slot()));
        self.for_reading()
            .with("request", Names::keys([("id", Names::Leaf), ("comment", Names::Leaf)]))
            .with("app", Names::keys(["id", "instance", "label"].map(|name| (name, Names::Leaf))))
            .with("direction", Names::Leaf)
            .with("now", Names::Leaf)
            .with("uuid", Names::Leaf)
            .with("slot", Names::keys(slots))
    }
}

/// With the names of an answer.
pub(super) fn with_answer(names: Names) -> Names {
    names
        .with("status", Names::Leaf)
        .with("headers", Names::Any)
        .with("json", Names::Any)
        .with("text", Names::Leaf)
}

fn value<'t>(table: &'t DeTable<'_>, key: &str) -> Option<&'t DeValue<'t>> {
    table.get(key).map(toml::Spanned::get_ref)
}

fn keys(value: Option<&DeValue<'_>>) -> BTreeSet<String> {
    let Some(DeValue::Table(table)) = value else { return BTreeSet::new() };
    table.keys().map(|key| key.get_ref().to_string()).filter(|key| is_name(key)).collect()
}

fn keys_below(block: &DeValue<'_>, key: &str) -> BTreeSet<String> {
    match block {
        DeValue::Table(table) => keys(table.get(key).map(toml::Spanned::get_ref)),
        _ => BTreeSet::new(),
    }
}
