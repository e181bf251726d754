//! What a definition makes of an answer: `expect`, `classify`, `capture`, `keep`, `paginate`, `poll`.

use std::time::Duration;

use usher_core::RefusalKind;
use usher_toml_reader::{Item, Section};

use super::limits;
use super::model::{Answer, Class, Pages, Paginate, Poll};
use super::reader::Reader;
use super::request::{For, request};
use crate::expression::{Expression, Names};

/// Refusals by their words.
pub(super) const REFUSALS: [(&str, RefusalKind); 8] = [
    ("no-seat", RefusalKind::NoSeat),
    ("forbidden", RefusalKind::Forbidden),
    ("protected", RefusalKind::Protected),
    ("ambiguous", RefusalKind::Ambiguous),
    ("managed-elsewhere", RefusalKind::ManagedElsewhere),
    ("unresolvable", RefusalKind::Unresolvable),
    ("invalid", RefusalKind::Invalid),
    ("other", RefusalKind::Other),
];

const OTHERS: [(&str, Class); 4] = [
    ("throttled", Class::Throttled),
    ("retry", Class::Retry),
    ("read-back", Class::ReadBack),
    ("gone", Class::Gone),
];

/// Longest that an accepted change is followed, and longest between two questions.
const LONGEST_POLL: Duration = Duration::from_hours(24);

/// Reads the keys of a look-up's answer. `captures`: the names that `capture` and `keep` may use.
pub(super) fn answer<'t>(
    reader: &mut Reader<'t>,
    section: &mut Section<'t>,
    names: &Names,
    captures: &Names,
) -> Option<Answer> {
    let capture = named(reader, section.take("capture"), captures);
    let judged = judged(reader, section, names);
    let keep = named(reader, section.take("keep"), captures);
    Some(Answer { capture: capture?, keep: keep?, ..judged? })
}

/// Reads the keys of a step's answer.
pub(super) fn step_answer<'t>(
    reader: &mut Reader<'t>,
    section: &mut Section<'t>,
    names: &Names,
) -> Option<Answer> {
    if section.has("capture")
        && let Some(item) = section.take("capture")
    {
        reader.wrong_key(
            &item,
            "is of no use in a step, since no step hands anything to another",
            "use keep.NAME, which later readings know as known.NAME, or capture it in a look-up",
        );
    }
    let judged = judged(reader, section, names);
    let keep = named(reader, section.take("keep"), names);
    Some(Answer { keep: keep?, ..judged? })
}

/// What an answer has to be, and what it is taken for.
fn judged<'t>(reader: &mut Reader<'t>, section: &mut Section<'t>, names: &Names) -> Option<Answer> {
    let (statuses, that) = match section.take("expect") {
        None => (Some(Vec::new()), None),
        Some(item) => expect(reader, &item, names),
    };
    let classify = match section.take("classify") {
        None => Some(Vec::new()),
        Some(item) => classify(reader, &item, names),
    };
    let that = match that {
        None => None,
        Some(that) => Some(that?),
    };
    Some(Answer { statuses: statuses?, that, classify: classify?, ..Answer::default() })
}

type Expected = (Option<Vec<u16>>, Option<Option<Expression>>);

fn expect<'t>(reader: &mut Reader<'t>, item: &Item<'t>, names: &Names) -> Expected {
    let Some(mut section) = item.section(&mut reader.notes) else { return (None, None) };
    let statuses = match section.take("status") {
        None => Some(Vec::new()),
        Some(item) => statuses(reader, &item),
    };
    let that = section.take("that").map(|item| reader.expression(&item, names));
    section.finish(&mut reader.notes);
    (statuses, that)
}

fn statuses(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<Vec<u16>> {
    let items = item.list("[200, 404]", &mut reader.notes)?;
    if items.is_empty() {
        reader.wrong(
            item,
            "is empty",
            "write status = [200, 404], or take it out: without it 200 to 299 are expected",
        );
        return None;
    }
    let statuses: Vec<Option<u16>> = items.iter().map(|item| status(reader, item)).collect();
    statuses.into_iter().collect()
}

/// A status that an answer may have.
pub(super) fn status(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<u16> {
    // 1xx are never the answer.
    item.number(200, 599, &mut reader.notes).and_then(|status| u16::try_from(status).ok())
}

fn classify<'t>(reader: &mut Reader<'t>, item: &Item<'t>, names: &Names) -> Option<Vec<(Expression, Class)>> {
    let entries = item.list("[{ when = \"status == 403\", as = \"no-seat\" }]", &mut reader.notes)?;
    if entries.len() > limits::REFUSALS {
        reader.wrong(
            item,
            format!("has {} entries", entries.len()),
            format!("write {} at the most", limits::REFUSALS),
        );
        return None;
    }
    let words: Vec<(&str, Class)> =
        REFUSALS.into_iter().map(|(word, kind)| (word, Class::Refused(kind))).chain(OTHERS).collect();
    let classes: Vec<Option<(Expression, Class)>> = entries
        .iter()
        .map(|entry| {
            let mut section = entry.section(&mut reader.notes)?;
            let when = section.need("when", "write when = \"status == 403\"", &mut reader.notes);
            let when = when.and_then(|item| reader.expression(&item, names));
            let class = section.need("as", "write as = \"no-seat\"", &mut reader.notes);
            let class = class.and_then(|item| item.one_of(&words, &mut reader.notes));
            section.finish(&mut reader.notes);
            when.zip(class)
        })
        .collect();
    classes.into_iter().collect()
}

fn named<'t>(
    reader: &mut Reader<'t>,
    item: Option<Item<'t>>,
    names: &Names,
) -> Option<Vec<(String, Expression)>> {
    let Some(item) = item else { return Some(Vec::new()) };
    let entries = reader.entries(&item, limits::NAMES)?;
    let named: Vec<Option<(String, Expression)>> = entries
        .iter()
        .map(|one| {
            let good = reader.name(one, one.name());
            let expression = reader.expression(one, names);
            good.then_some((one.name().to_owned(), expression?))
        })
        .collect();
    named.into_iter().collect()
}

/// Reads `paginate`. `query`: the parameters that the request has already.
pub(super) fn paginate<'t>(
    reader: &mut Reader<'t>,
    item: &Item<'t>,
    names: &Names,
    query: &[String],
) -> Option<Paginate> {
    let mut section = item.section(&mut reader.notes)?;
    let mut otherwise = false;
    for key in ["cursor", "param", "offset", "size"] {
        otherwise |= section.not_built(key, &mut reader.notes);
    }
    let items = section.need("items", "write items = \"json.users\"", &mut reader.notes);
    let items = items.and_then(|item| reader.expression(&item, names));
    let most = section.need(
        "max_pages",
        "write max_pages = 50: more is an error, never \"not there\"",
        &mut reader.notes,
    );
    let max_pages = most.and_then(|item| item.number(1, limits::PAGES, &mut reader.notes));
    let next = section.take("next");
    let page = section.take("page");
    let pages = match (next, page) {
        (Some(next), None) => {
            for key in ["first", "pages"] {
                if let Some(item) = section.take(key) {
                    reader.wrong_key(
                        &item,
                        "belongs to page, not to next",
                        "take it out: the link says how it goes on",
                    );
                }
            }
            reader.expression(&next, names).map(Pages::Next)
        }
        (None, Some(page)) => numbered(reader, &mut section, &page, names, query),
        (Some(_), Some(page)) => {
            reader.wrong_key(&page, "stands beside next", "keep one of them");
            None
        }
        (None, None) if otherwise => None,
        (None, None) => {
            reader.missing(
                &section,
                "next",
                "is missing",
                "write next = \"json.next\" for a link, or page = \"page\" for a number in the query",
            );
            None
        }
    };
    section.finish(&mut reader.notes);
    Some(Paginate { pages: pages?, items: items?, max_pages: max_pages? })
}

fn numbered<'t>(
    reader: &mut Reader<'t>,
    section: &mut Section<'t>,
    page: &Item<'t>,
    names: &Names,
    query: &[String],
) -> Option<Pages> {
    let parameter = reader.plain(page, "\"page\"", limits::NAME);
    if let Some(parameter) = parameter
        && query.iter().any(|known| known == parameter)
    {
        reader.wrong(page, "is in query as well", "take it out there: paging sets it");
    }
    let first = match section.take("first") {
        None => Some(1),
        Some(item) => item.number(0, 1, &mut reader.notes).map(i64::from),
    };
    let pages = match section.take("pages") {
        None => Some(None),
        Some(item) => reader.expression(&item, names).map(Some),
    };
    Some(Pages::Number { parameter: parameter?.to_owned(), first: first?, pages: pages? })
}

/// Reads `poll`. `names`: those of its step's answer, which are kept with the change as far as the poll uses them.
pub(super) fn poll<'t>(reader: &mut Reader<'t>, item: &Item<'t>, names: &Names) -> Option<Poll> {
    let mut section = item.section(&mut reader.notes)?;
    let request = request(reader, &mut section, names, For::Poll);
    let until = section.need("until", "write until = \"json.state == 'done'\"", &mut reader.notes);
    let until = until.and_then(|item| reader.expression(&item, names));
    let failed = match section.take("failed") {
        None => Some(None),
        Some(item) => reader.expression(&item, names).map(Some),
    };
    let every = duration(reader, &mut section, "every", Duration::from_secs(1));
    let within = duration(reader, &mut section, "within", Duration::from_mins(10));
    if let (Some(every), Some(within), Some(item)) = (every, within, section.take("within"))
        && every > within
    {
        reader.wrong(&item, "is shorter than every", "it would end before it is asked for the first time");
    }
    section.finish(&mut reader.notes);
    Some(Poll { request: request?, until: until?, failed: failed?, every: every?, within: within? })
}

fn duration(
    reader: &mut Reader<'_>,
    section: &mut Section<'_>,
    key: &'static str,
    default: Duration,
) -> Option<Duration> {
    match section.take(key) {
        None => Some(default),
        Some(item) => item.duration(Duration::from_millis(100), LONGEST_POLL, &mut reader.notes),
    }
}
