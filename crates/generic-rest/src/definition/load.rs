//! The whole file: every mistake at once, each at its own place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use toml::de::{DeTable, DeValue};
use url::{Host, Url};
use usher_core::ConfigError;
use usher_toml_reader::{Item, Section};

use super::auth::auth;
use super::blocks::{lookups, refusals, slots, state, steps};
use super::model::Definition;
use super::reader::Reader;
use super::scope::Declared;
use super::{entitlement, json, limits, test_blocks};

impl Definition {
    /// Reads a definition. `path` is its file, for messages: nothing is read from the disk.
    ///
    /// # Errors
    /// Every mistake in it, in the order of the file, with `file` set and `span` where there is a place. None shows what stands in `auth`.
    pub fn load(path: &Path, text: &str) -> Result<Self, Vec<ConfigError>> {
        let mistake = |message: String, hint: &str| ConfigError {
            path: Vec::new(),
            file: Some(path.to_owned()),
            span: None,
            message,
            hint: Some(hint.to_owned()),
        };
        if text.len() > limits::FILE {
            let message = format!("is larger than {} KiB", limits::FILE >> 10);
            return Err(vec![mistake(message, "a definition is smaller: is this the right file?")]);
        }
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(broken(path, text, &errors));
        }
        let mut reader = Reader::new(text);
        let definition = read(&mut reader, table.get_ref(), path);
        let (mut found, _) = reader.notes.into_parts();
        found.sort_by_key(|found| found.span.as_ref().map(|span| (span.start, span.end)));
        let mut seen = BTreeSet::new();
        let errors: Vec<ConfigError> = found
            .into_iter()
            .filter(|found| {
                seen.insert((
                    found.span.as_ref().map(|span| span.start),
                    found.path.clone(),
                    found.message.clone(),
                ))
            })
            .map(|found| ConfigError {
                path: found.path,
                file: Some(path.to_owned()),
                span: found.span,
                message: found.message,
                hint: found.hint,
            })
            .collect();
        match definition {
            Some(definition) if errors.is_empty() => Ok(definition),
            _ if errors.is_empty() => Err(vec![mistake(
                "cannot be read, and the loader does not say why".to_owned(),
                "this is a mistake in Usher: please report it with the file",
            )]),
            _ => Err(errors),
        }
    }
}

/// A text that is not TOML.
fn broken(path: &Path, text: &str, errors: &[toml::de::Error]) -> Vec<ConfigError> {
    let line = |error: &toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        text.bytes().take(start).filter(|byte| *byte == b'\n').count()
    };
    let mut told = BTreeSet::new();
    // What follows on the same line comes of the first: one missing quote would be four mistakes.
    errors
        .iter()
        .filter(|error| told.insert(line(error)))
        .map(|error| ConfigError {
            path: Vec::new(),
            file: Some(path.to_owned()),
            span: error.span(),
            message: format!("is not TOML: {}", error.message()),
            hint: Some(
                "look for a missing quote, bracket or comma on this line or the one before".to_owned(),
            ),
        })
        .collect()
}

fn read<'t>(reader: &mut Reader<'t>, table: &'t DeTable<'t>, path: &Path) -> Option<Definition> {
    let mut root = Section::root(table);
    schema(reader, &mut root);
    let base_url = base_url(reader, &mut root);
    let mut declared = Declared::of(table);
    if let Some(item) = root.take("vars") {
        declared.vars = constants(
            reader,
            &item,
            limits::NAMES,
            is_var,
            "a text, a number, true or false, or a list of them",
        );
    }
    if let Some(item) = root.take("tables") {
        declared.tables = tables(reader, &item);
    }
    let before = reader.notes.count();
    if let Some(item) = root.take("entitlement") {
        declared.entitlement = entitlement::entitlement(reader, &item);
    }
    // Entries of tests are compared with it only if it is what its author means.
    let entitlement = (reader.notes.count() == before).then(|| declared.entitlement.clone());
    let auth = auth(reader, &mut root, &declared.vars);
    let lookups =
        match root.need("lookup", "write [[lookup]]: how a person is found at the vendor", &mut reader.notes)
        {
            None => Vec::new(),
            Some(item) => lookups(reader, &item, &mut declared),
        };
    let state = match root.section("state", &mut reader.notes) {
        None => None,
        Some(mut section) => {
            let state = state(reader, &mut section, &declared.for_reading());
            section.finish(&mut reader.notes);
            state
        }
    };
    let slots = root.take("slots").map(|item| slots(reader, &item, &declared)).unwrap_or_default();
    let refusals =
        root.take("refuse").map(|item| refusals(reader, &item, &declared.for_request())).unwrap_or_default();
    let steps = steps(reader, &mut root, table, &declared);
    let tests = root.take("test").map(|item| test_blocks::tests(reader, &item, entitlement.as_ref()));
    root.finish(&mut reader.notes);
    Some(Definition {
        file: path.to_owned(),
        base_url: base_url?,
        auth: auth?,
        vars: declared.vars,
        tables: declared.tables,
        entitlement: declared.entitlement,
        lookups,
        state: state?,
        slots,
        refusals,
        steps,
        tests: tests.unwrap_or_default(),
    })
}

fn schema(reader: &mut Reader<'_>, root: &mut Section<'_>) {
    let Some(item) = root.need("schema", "write schema = 1 in the first line", &mut reader.notes) else {
        return;
    };
    let is_one =
        matches!(item.value, DeValue::Integer(number) if number.as_str() == "1" && number.radix() == 10);
    if !is_one {
        reader.wrong(&item, "is not a version that this build knows", "write schema = 1");
    }
}

fn base_url<'t>(reader: &mut Reader<'t>, root: &mut Section<'t>) -> Option<String> {
    let item = root.need("base_url", "write base_url = \"https://api.vendor.example\"", &mut reader.notes)?;
    let text = reader.plain(&item, "\"https://api.vendor.example\"", limits::WORDS)?;
    check_url(reader, &item, text).map(|()| text.to_owned())
}

/// Whether a credential may be sent there: over TLS, or to this machine. The text is not quoted: it may have a password in it.
pub(super) fn check_url(reader: &mut Reader<'_>, item: &Item<'_>, text: &str) -> Option<()> {
    let example = "write it as \"https://api.vendor.example\"";
    let Ok(url) = Url::parse(text) else {
        reader.wrong(item, "is not a URL", example);
        return None;
    };
    if !url.username().is_empty() || url.password().is_some() {
        item.hide(&mut reader.notes);
        reader.wrong(item, "has credentials in it", "they stand in auth, as {{ secret.NAME }}");
        return None;
    }
    if url.query().is_some() || url.fragment().is_some() {
        reader.wrong(item, "has a query or a fragment", "write scheme, host and perhaps a path");
        return None;
    }
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" if url.host().is_some() => Some(()),
        "http" if is_loopback => Some(()),
        "http" => {
            reader.wrong(
                item,
                "would send the credential in the clear",
                "write https://; a connection in usher.toml may set another base_url, for a test system",
            );
            None
        }
        _ => {
            reader.wrong(item, "is not a URL of the web", example);
            None
        }
    }
}

fn is_var(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.iter().all(is_scalar),
        value => is_scalar(value),
    }
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_))
}

/// Constants by name.
fn constants<'t>(
    reader: &mut Reader<'t>,
    item: &Item<'t>,
    most: usize,
    good: impl Fn(&Value) -> bool,
    wanted: &str,
) -> BTreeMap<String, Value> {
    let mut out = BTreeMap::new();
    for one in reader.entries(item, most).unwrap_or_default() {
        if !reader.name(&one, one.name()) {
            continue;
        }
        if let Some(value) = constant(reader, &one, &good, wanted) {
            out.insert(one.name().to_owned(), value);
        }
    }
    out
}

fn constant(
    reader: &mut Reader<'_>,
    item: &Item<'_>,
    good: &impl Fn(&Value) -> bool,
    wanted: &str,
) -> Option<Value> {
    let value = json::constant(item, &mut reader.notes)?;
    if !good(&value) {
        reader.wrong(item, format!("is not {wanted}"), format!("write {wanted}"));
        return None;
    }
    if texts(&value).any(super::reader::has_marks) {
        reader.wrong(item, "has a hole, and nothing is filled in here", "write what it is: a constant");
        return None;
    }
    Some(value)
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    value.as_str().into_iter().chain(list.iter().filter_map(Value::as_str))
}

fn tables<'t>(reader: &mut Reader<'t>, item: &Item<'t>) -> BTreeMap<String, BTreeMap<String, Value>> {
    let mut tables = BTreeMap::new();
    for table in reader.entries(item, limits::NAMES).unwrap_or_default() {
        if !reader.name(&table, table.name()) {
            continue;
        }
        let mut entries = BTreeMap::new();
        for one in reader.entries(&table, limits::TABLE).unwrap_or_default() {
            if let Some(value) =
                constant(reader, &one, &is_var, "a text, a number, true or false, or a list of them")
            {
                entries.insert(one.name().to_owned(), value);
            }
        }
        tables.insert(table.name().to_owned(), entries);
    }
    tables
}
