//! Look-ups, the state, slots, refusals and steps.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::de::{DeTable, DeValue};
use usher_core::Arity;
use usher_toml_reader::{Item, Section};

use super::answer::{REFUSALS, answer, paginate, poll, step_answer};
use super::limits;
use super::model::{Block, Lookup, Refuse, RepeatRule, Slot, State, Step};
use super::reader::Reader;
use super::request::{For, request};
use super::scope::{Declared, TAKEN, with_answer};
use crate::expression::{Expression, Names};

/// Longest that a write may stay unseen or under way: more would keep requests waiting for more than a day.
const LONGEST: Duration = Duration::from_hours(24);
/// How long an unanswered write may still arrive where nothing is said (rule 4).
const SETTLE: Duration = Duration::from_secs(15);

/// The section of one of a list's tables.
fn block<'t>(reader: &mut Reader<'t>, item: &Item<'t>) -> Option<Section<'t>> {
    item.section(&mut reader.notes)
}

/// An expression that may be missing: `Some(None)` where it is.
fn optional<'t>(
    reader: &mut Reader<'t>,
    section: &mut Section<'t>,
    key: &'static str,
    names: &Names,
) -> Option<Option<Expression>> {
    match section.take(key) {
        None => Some(None),
        Some(item) => reader.expression(&item, names).map(Some),
    }
}

fn needed<'t>(
    reader: &mut Reader<'t>,
    section: &mut Section<'t>,
    key: &'static str,
    hint: &str,
    names: &Names,
) -> Option<Expression> {
    let item = section.need(key, hint, &mut reader.notes)?;
    reader.expression(&item, names)
}

/// Reads `[[lookup]]`.
pub(super) fn lookups<'t>(reader: &mut Reader<'t>, item: &Item<'t>, declared: &mut Declared) -> Vec<Lookup> {
    let mut lookups = Vec::new();
    let blocks = reader.blocks(item, limits::LOOKUPS);
    if blocks.is_empty() {
        declared.looked_up_by_nobody_knows_whom(reader.source());
    }
    for item in blocks {
        let Some(mut section) = block(reader, &item) else { continue };
        let id = section.need("id", "write id = \"person\": later expressions name it", &mut reader.notes);
        let id = id.and_then(|id| lookup_id(reader, &id, declared));
        let lookup = lookup(reader, &mut section, declared);
        section.not_built("retry", &mut reader.notes);
        section.finish(&mut reader.notes);
        match id {
            Some(id) => {
                declared.looked_up(&id, item.value);
                lookups.extend(lookup.map(|lookup| Lookup { id, ..lookup }));
            }
            None => declared.looked_up_by_nobody_knows_whom(reader.source()),
        }
    }
    lookups
}

fn lookup_id<'t>(reader: &mut Reader<'t>, item: &Item<'t>, declared: &Declared) -> Option<String> {
    let id = reader.text(item, "\"person\"", limits::NAME)?;
    if !super::reader::is_name(id) {
        reader.wrong(
            item,
            "is not a name that an expression can use",
            "write letters, digits and underscores, beginning with a letter",
        );
        return None;
    }
    if TAKEN.contains(&id) {
        reader.wrong(
            item,
            "is a name that expressions use for something else",
            "choose another, such as \"person\"",
        );
        return None;
    }
    if declared.has_lookup(id) {
        reader.wrong(item, "is the name of an earlier look-up", "choose another");
        return None;
    }
    Some(id.to_owned())
}

/// A look-up without its name.
fn lookup<'t>(reader: &mut Reader<'t>, section: &mut Section<'t>, declared: &Declared) -> Option<Lookup> {
    let names = declared.for_reading();
    let when = optional(reader, section, "when", &names);
    let asked = request(reader, section, &names, For::Reading);
    let answers = with_answer(names.clone());
    let query: Vec<String> =
        asked.iter().flat_map(|asked| asked.query.iter().map(|(name, _)| name.clone())).collect();
    let pages = section.take("paginate");
    // What is captured of a list in pages is captured of all of it; the last page's answer would be a trap.
    let captures = match &pages {
        Some(_) => names.with("items", Names::Any),
        None => answers.clone(),
    };
    let pages = match pages {
        None => Some(None),
        Some(item) => paginate(reader, &item, &answers, &query).map(Some),
    };
    let answer = answer(reader, section, &answers, &captures);
    Some(Lookup { id: String::new(), when: when?, request: asked?, paginate: pages?, answer: answer? })
}

/// Reads `[state]`.
pub(super) fn state<'t>(reader: &mut Reader<'t>, section: &mut Section<'t>, names: &Names) -> Option<State> {
    let account = needed(
        reader,
        section,
        "account",
        "write account = \"person.hit\": whether there is an account",
        names,
    );
    let pending = optional(reader, section, "pending", names);
    let lapsed = optional(reader, section, "lapsed", names);
    let id = optional(reader, section, "id", names);
    let lag = duration(reader, section, "lag", Duration::ZERO, Duration::ZERO);
    let settle = duration(reader, section, "settle", Duration::from_secs(1), SETTLE);
    Some(State { account: account?, pending: pending?, lapsed: lapsed?, id: id?, lag: lag?, settle: settle? })
}

fn duration(
    reader: &mut Reader<'_>,
    section: &mut Section<'_>,
    key: &'static str,
    least: Duration,
    default: Duration,
) -> Option<Duration> {
    match section.take(key) {
        None => Some(default),
        Some(item) => item.duration(least, LONGEST, &mut reader.notes),
    }
}

/// Reads `[slots.NAME]`.
pub(super) fn slots<'t>(
    reader: &mut Reader<'t>,
    item: &Item<'t>,
    declared: &Declared,
) -> BTreeMap<String, Slot> {
    let (wants, has) = (declared.for_wants(), declared.for_reading());
    let mut slots = BTreeMap::new();
    for entry in reader.entries(item, limits::SLOTS).unwrap_or_default() {
        let good = reader.name(&entry, entry.name());
        let Some(mut section) = block(reader, &entry) else { continue };
        let slot = slot(reader, &mut section, &wants, &has);
        section.finish(&mut reader.notes);
        if let Some(slot) = slot
            && good
        {
            slots.insert(entry.name().to_owned(), slot);
        }
    }
    slots
}

fn slot<'t>(reader: &mut Reader<'t>, section: &mut Section<'t>, wants: &Names, has: &Names) -> Option<Slot> {
    let wanted =
        needed(reader, section, "wants", "write wants = \"entitlement.role\": what an entry asks for", wants);
    let held = needed(reader, section, "has", "write has = \"person.hit.roles if person.hit else []\"", has);
    let pending = optional(reader, section, "pending", has);
    let integers = match section.take("type") {
        None => Some(false),
        Some(item) => item.one_of(&[("string", false), ("integer", true)], &mut reader.notes),
    };
    let one = match section.take("one") {
        None => Some(false),
        Some(item) => item.boolean(&mut reader.notes),
    };
    let baseline = match section.take("baseline") {
        None => Some(None),
        Some(item) => baseline(reader, &item, one, integers).map(Some),
    };
    let (one, baseline) = (one?, baseline?);
    Some(Slot {
        wants: wanted?,
        has: held?,
        pending: pending?,
        integers: integers?,
        arity: if one { Arity::One { baseline } } else { Arity::Many },
    })
}

fn baseline<'t>(
    reader: &mut Reader<'t>,
    item: &Item<'t>,
    one: Option<bool>,
    integers: Option<bool>,
) -> Option<String> {
    if one == Some(false) {
        reader.wrong_key(item, "stands in a slot of many values", "write one = true, or take it out");
        return None;
    }
    match item.value {
        DeValue::Integer(number) if integers == Some(true) => {
            let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
            if number.is_none() {
                reader.wrong(item, "does not fit into 64 bits", "write a smaller number");
            }
            number.map(|number| number.to_string())
        }
        _ if integers == Some(true) => {
            reader.wrong(
                item,
                "is not a whole number",
                "the slot has type = \"integer\": write a whole number",
            );
            None
        }
        _ => reader.plain(item, "\"viewer\"", limits::WORDS).map(str::to_owned),
    }
}

/// Reads `[[refuse]]`.
pub(super) fn refusals<'t>(reader: &mut Reader<'t>, item: &Item<'t>, names: &Names) -> Vec<Refuse> {
    let mut refusals = Vec::new();
    for item in reader.blocks(item, limits::REFUSALS) {
        let Some(mut section) = block(reader, &item) else { continue };
        let when = needed(reader, &mut section, "when", "write when = \"person.hit.role == 'owner'\"", names);
        let kind = section.need("as", "write as = \"protected\"", &mut reader.notes);
        let kind = kind.and_then(|item| item.one_of(&REFUSALS, &mut reader.notes));
        let message =
            section.need("message", "write message = \"is an owner of the organisation\"", &mut reader.notes);
        let message =
            message.and_then(|item| reader.template(&item, "\"is an owner of the organisation\"", names));
        section.finish(&mut reader.notes);
        if let (Some(when), Some(kind), Some(message)) = (when, kind, message) {
            refusals.push(Refuse { when, kind, message });
        }
    }
    refusals
}

/// The blocks of steps, by their names.
pub(super) const BLOCKS: [(&str, Block); 4] = [
    ("provision", Block::Provision),
    ("deprovision", Block::Deprovision),
    ("update", Block::Update),
    ("remove", Block::Remove),
];

/// Reads the steps of all blocks, in the order of the file.
pub(super) fn steps<'t>(
    reader: &mut Reader<'t>,
    root: &mut Section<'t>,
    table: &DeTable<'_>,
    declared: &Declared,
) -> Vec<Step> {
    let mut found = Vec::new();
    for (key, block) in BLOCKS {
        let Some(item) = root.take(key) else { continue };
        let blocks = reader.blocks(&item, limits::STEPS);
        found.extend(
            blocks.into_iter().enumerate().map(|(index, item)| (block, format!("{key} {}", index + 1), item)),
        );
    }
    if found.is_empty() && !BLOCKS.iter().any(|(key, _)| table.contains_key(*key)) {
        reader.notes.wrong(
            None,
            &["provision".to_owned()],
            "is missing, as every other step",
            Some("write [[provision]] with the request that gives what is asked for".to_owned()),
        );
    }
    found.sort_by_key(|(_, _, item)| item.key_span.start);
    if found.len() > limits::STEPS
        && let Some((_, _, item)) = found.get(limits::STEPS)
    {
        reader.wrong_key(item, "is one step too many", format!("write {} at the most", limits::STEPS));
    }
    let names = declared.for_request();
    let mut steps: Vec<Step> = Vec::new();
    let unnamed: Vec<String> = found.iter().map(|(_, name, _)| name.clone()).collect();
    let mut ids = Vec::new();
    for (block, name, item) in found {
        let Some(mut section) = self::block(reader, &item) else { continue };
        let id = match section.take("id") {
            None => Some(name),
            Some(item) => {
                let others: Vec<&String> = unnamed.iter().filter(|other| **other != name).collect();
                step_id(reader, &item, &ids, &others)
            }
        };
        ids.extend(id.clone());
        let step = step(reader, &mut section, &names);
        section.finish(&mut reader.notes);
        if let (Some(id), Some(step)) = (id, step) {
            steps.push(Step { block, id, ..step });
        }
    }
    steps
}

/// A step's name. `others`: what the other steps are called where they have none, so that a change is never taken for another's.
fn step_id<'t>(
    reader: &mut Reader<'t>,
    item: &Item<'t>,
    known: &[String],
    others: &[&String],
) -> Option<String> {
    let id = reader.plain(item, "\"invite\"", limits::NAME)?;
    if known.iter().any(|known| known == id) {
        reader.wrong(item, "is the name of an earlier step", "choose another");
        return None;
    }
    if others.iter().any(|other| *other == id) {
        reader.wrong(item, "is what another step is called without a name", "choose another");
        return None;
    }
    Some(id.to_owned())
}

/// A step without its block and name.
fn step<'t>(reader: &mut Reader<'t>, section: &mut Section<'t>, names: &Names) -> Option<Step> {
    let for_each = optional(reader, section, "for_each", names);
    let each = match &for_each {
        Some(None) => names.clone(),
        // Even if it is wrong, so that its `item` is no second mistake.
        _ => names.clone().with("item", Names::Any),
    };
    let when = optional(reader, section, "when", &each);
    let request = request(reader, section, &each, For::Change);
    let answers = with_answer(each.clone());
    let poll = match section.take("poll") {
        None => Some(None),
        Some(item) => poll(reader, &item, &answers).map(Some),
    };
    let answer = step_answer(reader, section, &answers);
    let notifies = match section.take("notifies") {
        None => Some(false),
        Some(item) => item.boolean(&mut reader.notes),
    };
    let repeat = match section.take("repeat") {
        None => Some(RepeatRule::ByMethod),
        Some(item) => item.one_of(&[("never", RepeatRule::Never)], &mut reader.notes),
    };
    Some(Step {
        block: Block::Update,
        id: String::new(),
        when: when?,
        for_each: for_each?,
        request: request?,
        answer: answer?,
        poll: poll?,
        notifies: notifies?,
        repeat: repeat?,
    })
}
