//! `[[test]]`: the tests inside a definition.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use toml::de::DeValue;
use usher_core::{Direction, Subject};
use usher_toml_reader::{Item, Section};

use super::json::{self, Json};
use super::limits;
use super::model::{EntitlementKey, Test, TestExchange, TestFault, TestOutcome};
use super::reader::Reader;
use super::request::method;

const OUTCOMES: [(&str, TestOutcome); 6] = [
    ("granted", TestOutcome::Granted),
    ("removed", TestOutcome::Removed),
    ("waiting", TestOutcome::Waiting),
    ("refused", TestOutcome::Refused),
    ("needs-you", TestOutcome::NeedsYou),
    ("late", TestOutcome::Late),
];

const FAULTS: [(&str, TestFault); 4] = [
    ("timeout", TestFault::Timeout),
    ("reset-before", TestFault::ResetBefore),
    ("reset-after", TestFault::ResetAfter),
    ("refused", TestFault::Refused),
];

/// Reads `[[test]]`.
pub(super) fn tests<'t>(
    reader: &mut Reader<'t>,
    item: &Item<'t>,
    entitlement: Option<&BTreeMap<String, EntitlementKey>>,
) -> Vec<Test> {
    let mut tests = Vec::new();
    let mut names = BTreeSet::new();
    for item in reader.blocks(item, limits::TESTS) {
        let Some(mut section) = item.section(&mut reader.notes) else { continue };
        let name =
            section.need("name", "write name = \"an editor keeps what others gave\"", &mut reader.notes);
        let name = name.and_then(|item| {
            let name = reader.text(&item, "\"an editor keeps what others gave\"", limits::WORDS)?;
            if !names.insert(name) {
                reader.wrong(&item, "is the name of an earlier test", "choose another");
                return None;
            }
            Some(name)
        });
        let test = test(reader, &mut section, entitlement);
        section.finish(&mut reader.notes);
        if let (Some(name), Some(test)) = (name, test) {
            tests.push(Test { name: name.to_owned(), span: item.span.clone(), ..test });
        }
    }
    tests
}

/// A test without its name and place.
fn test<'t>(
    reader: &mut Reader<'t>,
    section: &mut Section<'t>,
    entitlement: Option<&BTreeMap<String, EntitlementKey>>,
) -> Option<Test> {
    let user = match section.need("user", "write user.email = \"ada@acme.example\"", &mut reader.notes) {
        None => None,
        Some(item) => user(reader, &item),
    };
    let direction = match section.take("direction") {
        None => Some(Direction::Provision),
        Some(item) => item.one_of(
            &[("provision", Direction::Provision), ("deprovision", Direction::Deprovision)],
            &mut reader.notes,
        ),
    };
    let permissions = entries(reader, section, "permissions", entitlement);
    let holds = entries(reader, section, "holds", entitlement);
    if direction == Some(Direction::Provision) && permissions.as_ref().is_some_and(BTreeMap::is_empty) {
        reader.missing(
            section,
            "permissions",
            "is missing",
            "write permissions.NAME = { … }, as in usher.toml",
        );
    }
    let outcome = match section.take("outcome") {
        None => direction.map(|direction| match direction {
            Direction::Provision => TestOutcome::Granted,
            Direction::Deprovision => TestOutcome::Removed,
        }),
        Some(item) => item.one_of(&OUTCOMES, &mut reader.notes),
    };
    let because = match section.take("because") {
        None => Some(None),
        Some(item) => reader.text(&item, "\"is an owner\"", limits::WORDS).map(|text| Some(text.to_owned())),
    };
    let remove_account = match section.take("remove_account") {
        None => Some(false),
        Some(item) => item.boolean(&mut reader.notes),
    };
    let counts_invited = match section.take("counts_as_provisioned") {
        None => Some(false),
        Some(item) => item.one_of(&[("active", false), ("invited", true)], &mut reader.notes),
    };
    let exchanges = match section.take("exchange") {
        None => Some(Vec::new()),
        Some(item) => exchanges(reader, &item),
    };
    Some(Test {
        name: String::new(),
        span: 0..0,
        user: user?,
        permissions: permissions?,
        holds: holds?,
        remove_account: remove_account?,
        counts_invited: counts_invited?,
        direction: direction?,
        outcome: outcome?,
        because: because?,
        exchanges: exchanges?,
    })
}

fn user<'t>(reader: &mut Reader<'t>, item: &Item<'t>) -> Option<Subject> {
    let mut section = item.section(&mut reader.notes)?;
    let email = section.need("email", "write user.email = \"ada@acme.example\"", &mut reader.notes);
    let email = email.and_then(|item| reader.text(&item, "\"ada@acme.example\"", limits::WORDS));
    let mut name = |key| match section.take(key) {
        None => Some(None),
        Some(item) => reader.text(&item, "\"Ada\"", limits::WORDS).map(|text| Some(text.to_owned())),
    };
    let given_name = name("given_name");
    let family_name = name("family_name");
    let fields = match section.take("custom_fields") {
        None => Some(BTreeMap::new()),
        Some(item) => values(reader, &item),
    };
    section.finish(&mut reader.notes);
    Some(Subject {
        email: email?.trim().to_owned(),
        given_name: given_name?,
        family_name: family_name?,
        custom_fields: fields?,
    })
}

fn values<'t>(reader: &mut Reader<'t>, item: &Item<'t>) -> Option<BTreeMap<String, Value>> {
    let entries = reader.entries(item, limits::NAMES)?;
    let values: Vec<Option<(String, Value)>> = entries
        .iter()
        .map(|one| Some((one.name().to_owned(), json::constant(one, &mut reader.notes)?)))
        .collect();
    values.into_iter().collect()
}

/// Permissions with their entries, each of which has to be one that `usher.toml` might have.
fn entries<'t>(
    reader: &mut Reader<'t>,
    section: &mut Section<'t>,
    key: &'static str,
    entitlement: Option<&BTreeMap<String, EntitlementKey>>,
) -> Option<BTreeMap<String, Value>> {
    let Some(item) = section.take(key) else { return Some(BTreeMap::new()) };
    let all = reader.entries(&item, limits::NAMES)?;
    let mut out = BTreeMap::new();
    let mut good = true;
    for one in all {
        let Some(mut value) = json::constant(&one, &mut reader.notes) else {
            good = false;
            continue;
        };
        // The router's own key, of an entry as it stands in usher.toml.
        if let Value::Object(fields) = &mut value {
            fields.remove("label");
        }
        let errors = entitlement.and_then(|keys| super::entitlement::read(keys, &value).err());
        for error in errors.unwrap_or_default() {
            good = false;
            let below = json::in_order(&one).unwrap_or_default();
            let at = error.path.first().and_then(|key| below.iter().find(|item| item.name() == key));
            let mut path = one.path.clone();
            path.extend(error.path.iter().cloned());
            let span = match at {
                Some(item) if !entitlement.is_some_and(|keys| keys.contains_key(item.name())) => {
                    item.key_span.clone()
                }
                Some(item) => item.span.clone(),
                None => one.key_span.clone(),
            };
            reader.notes.wrong(Some(span), &path, error.message, error.hint);
        }
        out.insert(one.name().to_owned(), value);
    }
    good.then_some(out)
}

fn exchanges<'t>(reader: &mut Reader<'t>, item: &Item<'t>) -> Option<Vec<TestExchange>> {
    let blocks = reader.blocks(item, limits::NAMES);
    let mut exchanges = Vec::with_capacity(blocks.len());
    let mut good = true;
    for block in blocks {
        let Some(mut section) = block.section(&mut reader.notes) else {
            good = false;
            continue;
        };
        let exchange = exchange(reader, &mut section);
        section.finish(&mut reader.notes);
        match exchange {
            Some(exchange) => exchanges.push(TestExchange { span: block.span.clone(), ..exchange }),
            None => good = false,
        }
    }
    let count = exchanges.iter().fold(0_u32, |count, exchange| count.saturating_add(exchange.times));
    if count > limits::EXCHANGES {
        reader.wrong_key(
            item,
            format!("has {count} exchanges"),
            format!("write {} at the most", limits::EXCHANGES),
        );
        return None;
    }
    good.then_some(exchanges)
}

/// An exchange without its place.
fn exchange<'t>(reader: &mut Reader<'t>, section: &mut Section<'t>) -> Option<TestExchange> {
    let asked = method(reader, section, "write get = \"/api/users\", or what else is sent", |_| true);
    let asked = asked.and_then(|(method, item)| {
        let path = reader.text(&item, "\"/api/users\"", limits::EXPRESSION)?;
        if !path.starts_with('/') {
            reader.wrong(
                &item,
                "does not begin with a slash",
                "write the path as it goes out, such as \"/api/users/7\"",
            );
            return None;
        }
        Some((method, path.to_owned()))
    });
    let query = texts(reader, section.take("query"));
    let headers = texts(reader, section.take("headers"));
    let json = json_body(reader, section.take("json"));
    let times = match section.take("times") {
        None => Some(1),
        Some(item) => item.number(1, limits::EXCHANGES, &mut reader.notes),
    };
    let fault = section.take("fault");
    let answer = section.take("answer");
    if let (Some(_), Some(answer)) = (&fault, &answer) {
        reader.wrong_key(
            answer,
            "stands beside a fault",
            "take one of them out: after a fault nobody gets an answer",
        );
    }
    let fault = match fault {
        None => Some(None),
        Some(item) => item.one_of(&FAULTS, &mut reader.notes).map(Some),
    };
    let answer = match answer {
        None => Some(TestAnswer { status: 200, headers: BTreeMap::new(), json: None, text: None }),
        Some(item) => test_answer(reader, &item),
    };
    let ((method, path), answer) = (asked?, answer?);
    Some(TestExchange {
        span: 0..0,
        method,
        path,
        query: query?,
        headers: headers?,
        json: json?,
        times: times?,
        status: answer.status,
        answer_headers: answer.headers,
        answer_json: answer.json,
        answer_text: answer.text,
        fault: fault?,
    })
}

struct TestAnswer {
    status: u16,
    headers: BTreeMap<String, String>,
    json: Option<Value>,
    text: Option<String>,
}

fn test_answer<'t>(reader: &mut Reader<'t>, item: &Item<'t>) -> Option<TestAnswer> {
    let mut section = item.section(&mut reader.notes)?;
    let status = match section.take("status") {
        None => Some(200),
        Some(item) => super::answer::status(reader, &item),
    };
    let said = section.take("headers");
    let headers = texts(reader, said.clone()).filter(|headers| {
        let bad = headers.iter().find(|(name, value)| {
            name.parse::<http::HeaderName>().is_err() || http::HeaderValue::from_str(value).is_err()
        });
        if let (Some((name, _)), Some(item)) = (bad, &said) {
            let hint = "write letters, digits and hyphens, and a value without line breaks";
            reader.wrong(item, format!("has {name:?}, which no answer can have"), hint);
        }
        bad.is_none()
    });
    let json = json_body(reader, section.take("json"));
    let text = section.take("text");
    if let (Some(Some(_)), Some(text)) = (&json, &text) {
        reader.wrong_key(text, "stands beside json", "keep one of them: an answer has one body");
    }
    let text = match text {
        None => Some(None),
        Some(item) => match item.value {
            // It may be empty: that is what some vendors answer.
            DeValue::String(text) => Some(Some(text.to_string())),
            _ => {
                reader.wrong(
                    &item,
                    format!("is {}, not a text", usher_toml_reader::kind(item.value)),
                    "write text = \"…\", or json",
                );
                None
            }
        },
    };
    section.finish(&mut reader.notes);
    Some(TestAnswer { status: status?, headers: headers?, json: json?, text: text? })
}

/// Pairs of a query, or headers: as they go over the wire, whole numbers and booleans as their text.
fn texts<'t>(reader: &mut Reader<'t>, item: Option<Item<'t>>) -> Option<BTreeMap<String, String>> {
    let Some(item) = item else { return Some(BTreeMap::new()) };
    let entries = reader.entries(&item, limits::NAMES)?;
    let mut out = BTreeMap::new();
    let mut good = true;
    for one in entries {
        match json::constant(&one, &mut reader.notes) {
            Some(Value::String(text)) => {
                out.insert(one.name().to_owned(), text);
            }
            Some(value @ (Value::Bool(_) | Value::Number(_))) => {
                out.insert(one.name().to_owned(), value.to_string());
            }
            Some(_) => {
                good = false;
                reader.wrong(&one, "is not a text", "write it as it goes over the wire, in quotes");
            }
            None => good = false,
        }
    }
    good.then_some(out)
}

/// JSON without holes: a tree, or JSON text.
fn json_body<'t>(reader: &mut Reader<'t>, item: Option<Item<'t>>) -> Option<Option<Value>> {
    let Some(item) = item else { return Some(None) };
    let DeValue::String(text) = item.value else {
        return json::constant(&item, &mut reader.notes).map(Some);
    };
    match Json::parse(text) {
        Ok(json) => Some(Some(json.into_value())),
        Err(message) => {
            reader.wrong(
                &item,
                message,
                "write a tree of TOML, or JSON text; a lone text is json = '\"so\"'",
            );
            None
        }
    }
}
