//! What a connector complains of: put in its place in the file, and mended, so that it goes on to what else is wrong.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};
use toml::de::DeValue;
use usher_core::{ConfigError, Connector, Ports, Provisioner};
use usher_toml_reader::{Item, Notes, Section};

use super::json::{at, take_out};
use super::sample::sample;
use super::secrets::{is_reference, stand_in_reference};

/// How often the settings of one connection are mended at the most.
const MENDINGS: usize = 64;

/// Builds the connection; where the connector complains, again with what it complained of taken out or stood in for, until it
/// finds no more: so that one mistake hides neither others nor those of the apps.
pub(super) fn build(
    connector: &dyn Connector,
    settings: Value,
    ports: &Ports,
    item: &Item<'_>,
    notes: &mut Notes,
) -> Option<Arc<dyn Provisioner>> {
    let mut mending = Mending {
        schema: connector.schema(),
        settings,
        told: BTreeSet::new(),
        taken_out: BTreeSet::new(),
        stood_in: BTreeSet::new(),
    };
    for _ in 0..MENDINGS {
        let errors = match connector.build(mending.settings.clone(), ports.clone()) {
            Ok(provisioner) => return Some(provisioner),
            Err(errors) => errors,
        };
        mending.tell(&errors, item, notes);
        if !mending.mend(&errors) {
            break;
        }
    }
    mending.others().into_iter().find_map(|other| connector.build(other, ports.clone()).ok())
}

/// The settings of one connection, while they are mended.
struct Mending {
    schema: Value,
    settings: Value,
    /// What was complained of in earlier rounds: what was taken out is not missing besides.
    told: BTreeSet<Vec<String>>,
    taken_out: BTreeSet<Vec<String>>,
    stood_in: BTreeSet<Vec<String>>,
}

impl Mending {
    fn tell(&mut self, errors: &[ConfigError], item: &Item<'_>, notes: &mut Notes) {
        for error in errors {
            if error.file.is_none() {
                if self.told.contains(&error.path) {
                    continue;
                }
                // The value of a key that the schema does not know may be a secret whose key has a slip in it.
                if !is_described(&self.schema, &error.path) {
                    hide_at(item, &error.path, notes);
                }
            }
            place(error, item, notes);
        }
        let own = errors.iter().filter(|error| error.file.is_none());
        self.told.extend(own.map(|error| error.path.clone()));
    }

    /// Whether anything could be mended.
    fn mend(&mut self, errors: &[ConfigError]) -> bool {
        let paths: BTreeSet<&Vec<String>> =
            errors.iter().filter(|error| error.file.is_none()).map(|error| &error.path).collect();
        let mut mended = false;
        for path in paths {
            mended |= self.mend_at(path);
        }
        mended
    }

    fn mend_at(&mut self, path: &[String]) -> bool {
        if path.is_empty() {
            return false;
        }
        let stand_in = stand_in_reference();
        match at(&mut self.settings, path) {
            // A secret that could not be read is stood in for: without it the connector would only say that it is missing.
            Some(value)
                if (value.get("env").is_some() || value.get("file").is_some()) && *value != stand_in =>
            {
                *value = stand_in;
                true
            }
            Some(_) if self.taken_out.insert(path.to_vec()) => match take_out(&mut self.settings, path) {
                Some(length) => {
                    self.told.extend(path.get(..length).map(<[String]>::to_vec));
                    true
                }
                None => false,
            },
            Some(_) => false,
            None => self.stood_in.insert(path.to_vec()) && self.stand_in(path),
        }
    }

    /// Puts something there that the schema allows.
    fn stand_in(&mut self, path: &[String]) -> bool {
        let Some((last, above)) = path.split_last() else { return false };
        let Some(sample) = described(&self.schema, path).and_then(sample) else { return false };
        let parent = above.iter().try_fold(&mut self.settings, |value, segment| {
            let members = value.as_object_mut()?;
            Some(members.entry(segment.clone()).or_insert_with(|| Value::Object(Map::new())))
        });
        let Some(Value::Object(members)) = parent else { return false };
        members.insert(last.clone(), sample);
        true
    }
}

impl Mending {
    /// The settings with each of the credentials that the schema has a choice of: where the file of a private key is not there, a
    /// token will do for what the connection compiles.
    fn others(&self) -> Vec<Value> {
        let choices = self.schema.get("oneOf").or_else(|| self.schema.get("anyOf")).and_then(Value::as_array);
        let keys = |choice: &Value| -> Vec<String> {
            let required = choice.get("required").and_then(Value::as_array);
            required.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let choices: Vec<Vec<String>> = choices.into_iter().flatten().map(keys).collect();
        let others = choices.iter().map(|choice| {
            let mut other = self.settings.as_object()?.clone();
            other.retain(|key, _| !choices.iter().flatten().any(|known| known == key));
            for key in choice {
                let described = self.schema.get("properties")?.get(key)?;
                other.insert(key.clone(), sample(described)?);
            }
            Some(Value::Object(other))
        });
        others.flatten().collect()
    }
}

/// What a connector's schema says of a key.
fn described<'s>(schema: &'s Value, path: &[String]) -> Option<&'s Value> {
    path.iter().try_fold(schema, |schema, segment| {
        let named = schema.get("properties").and_then(|properties| properties.get(segment));
        let entries = || schema.get("items").filter(|_| segment.parse::<usize>().is_ok());
        let any = || schema.get("additionalProperties").filter(|described| described.is_object());
        named.or_else(entries).or_else(any)
    })
}

fn is_described(schema: &Value, path: &[String]) -> bool {
    described(schema, path).is_some()
}

/// Puts a connector's complaint where its path leads to in the file, or as near as there is something.
pub(crate) fn place(error: &ConfigError, item: &Item<'_>, notes: &mut Notes) {
    if let Some(file) = &error.file {
        notes.complaint_in(file.clone(), error);
        return;
    }
    let mut path = item.path.clone();
    path.extend(error.path.iter().cloned());
    // A secret written out, or a number that is too large, was stood in for: the connector knows nothing better.
    if !error.path.is_empty() && notes.has_own_at(&path) {
        return;
    }
    let mut here = item.clone();
    let mut missing = false;
    for segment in &error.path {
        match below(&here, segment) {
            Some(next) => here = next,
            None => {
                missing = true;
                break;
            }
        }
    }
    let is_header = matches!(here.value, DeValue::Table(_)) && !is_behind_its_key(&here);
    let span = if is_header || here.span.start < here.key_span.end {
        here.key_span.clone()
    } else if missing || here.path.last().is_some_and(|last| last.parse::<usize>().is_ok()) {
        here.span.clone()
    } else {
        here.key_span.start..here.span.end
    };
    notes.complaint(span, &path, error);
}

fn hide_at(item: &Item<'_>, path: &[String], notes: &mut Notes) {
    let found = path.iter().try_fold(item.clone(), |item, segment| below(&item, segment));
    if let Some(found) = found.filter(|found| !path.is_empty() && !is_reference(found.value)) {
        found.hide(notes);
    }
}

/// As an inline table is; that of a header stands around its key.
fn is_behind_its_key(item: &Item<'_>) -> bool {
    item.span.start > item.key_span.end
}

fn below<'t>(item: &Item<'t>, segment: &str) -> Option<Item<'t>> {
    match item.value {
        DeValue::Table(table) => {
            Section::of(item, table).rest().into_iter().find(|child| child.name() == segment)
        }
        DeValue::Array(array) => item.items(array).into_iter().nth(segment.parse().ok()?),
        _ => None,
    }
}
