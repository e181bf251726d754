//! Requests: one of get, post, put, patch and delete, with what goes along.

use http::{HeaderName, Method};
use toml::de::DeValue;
use usher_toml_reader::{Item, Section};

use super::limits;
use super::model::{Request, Target};
use super::reader::Reader;
use crate::expression::{Names, Part, Template, Tree};

const PATH: &str = "\"/api/users\"";
/// Headers that the client sets: see `usher_vendor_client`.
const RESERVED: [&str; 7] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
];

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// A look-up: GET, or a POST that only asks.
    Reading,
    /// A step.
    Change,
    /// `poll`: a GET alone, and nothing goes along.
    Poll,
}

/// The keys that name a method.
fn methods() -> [(&'static str, Method); 5] {
    [
        ("get", Method::GET),
        ("post", Method::POST),
        ("put", Method::PUT),
        ("patch", Method::PATCH),
        ("delete", Method::DELETE),
    ]
}

/// The method and its value; what is wrong with it is noted. `offers`: the methods that make sense, though others are found too.
pub(super) fn method<'t>(
    reader: &mut Reader<'t>,
    section: &mut Section<'t>,
    hint: &str,
    offers: impl Fn(&Method) -> bool,
) -> Option<(Method, Item<'t>)> {
    let mut found = None;
    for (key, method) in methods() {
        if !offers(&method) && !section.has(key) {
            continue;
        }
        let Some(item) = section.take(key) else { continue };
        match &found {
            None => found = Some((method, item)),
            Some((first, _)) => {
                let first = first.as_str().to_lowercase();
                reader.wrong_key(
                    &item,
                    format!("is a second request beside {first}"),
                    "write one request in each block",
                );
            }
        }
    }
    if found.is_none() {
        reader.missing(section, "", "has no request", hint);
    }
    found
}

impl For {
    fn allows(self, method: &Method) -> bool {
        match self {
            Self::Reading => matches!(*method, Method::GET | Method::POST),
            Self::Change => *method != Method::GET,
            Self::Poll => *method == Method::GET,
        }
    }

    /// What is wrong with a method that it does not allow, and what to do.
    fn refuses(self) -> (&'static str, &'static str) {
        match self {
            Self::Reading => (
                "changes something, and a look-up only reads",
                "use get, or write it as a step, in [[update]] say",
            ),
            Self::Change => {
                ("changes nothing, and a step is there to change something", "write it as a [[lookup]]")
            }
            Self::Poll => ("changes something, and a poll only asks", "use get"),
        }
    }
}

/// Reads the request of a block.
pub(super) fn request<'t>(
    reader: &mut Reader<'t>,
    section: &mut Section<'t>,
    names: &Names,
    purpose: For,
) -> Option<Request> {
    let hint = match purpose {
        For::Reading => "write get = \"/api/users\" (or post, where the vendor is asked by POST)",
        For::Change => "write one of get, post, put, patch and delete, such as post = \"/api/users\"",
        For::Poll => "write get = \"{{ headers.location }}\", or a path",
    };
    let method = method(reader, section, hint, |method| purpose.allows(method)).filter(|(method, item)| {
        let good = purpose.allows(method);
        if !good {
            let (message, hint) = purpose.refuses();
            reader.wrong_key(item, message, hint);
        }
        good
    });
    let target = method.as_ref().and_then(|(method, item)| target(reader, item, method, names));
    if purpose == For::Poll {
        let (method, _) = method?;
        return Some(Request {
            method,
            target: target?,
            query: Vec::new(),
            headers: Vec::new(),
            json: None,
            idempotency_key: None,
        });
    }
    for key in ["form", "graphql"] {
        section.not_built(key, &mut reader.notes);
    }
    let query = section.take("query").map_or(Some(Vec::new()), |item| query(reader, &item, names));
    let headers = section.take("headers").map_or(Some(Vec::new()), |item| headers(reader, &item, names));
    let json = section.take("json");
    if let (Some((method, _)), Some(item)) = (&method, &json)
        && *method == Method::GET
    {
        reader.wrong_key(item, "is a body, and a GET has none", "write it into query, or use post");
    }
    let json = match json {
        None => Some(None),
        Some(item) => reader.body(&item, names).map(Some),
    };
    let idempotency_key = match purpose {
        For::Change => match section.take("idempotency_key") {
            None => Some(None),
            Some(item) => idempotency_key(reader, &item, headers.as_deref().unwrap_or_default()).map(Some),
        },
        _ => Some(None),
    };
    let (method, _) = method?;
    Some(Request {
        method,
        target: target?,
        query: query?,
        headers: headers?,
        json: json?,
        idempotency_key: idempotency_key?,
    })
}

fn target<'t>(reader: &mut Reader<'t>, item: &Item<'t>, method: &Method, names: &Names) -> Option<Target> {
    let template = reader.template(item, PATH, names)?;
    if let Some(hole) = template.one_hole() {
        if *method != Method::GET {
            reader.wrong(
                item,
                "is a link that an answer named, and only a GET follows one",
                "write the path, and put the id into it",
            );
            return None;
        }
        return Some(Target::Link(hole.clone()));
    }
    if let Some((message, hint)) = wrong_path(&literals(&template)) {
        reader.wrong(item, message, hint);
        return None;
    }
    Some(Target::Path(template))
}

/// What is wrong with what stands in a path beside its holes.
fn wrong_path(literal: &str) -> Option<(&'static str, &'static str)> {
    let below = "write the path below base_url, such as \"/api/users/{{ person.hit.id }}\"";
    if literal.contains("://") || literal.starts_with("//") {
        return Some(("is a whole URL", below));
    }
    if !literal.starts_with('/') {
        return Some(("does not begin with a slash", below));
    }
    if literal.contains(['?', '#']) {
        return Some(("has a query in its path", "write query = { name = \"value\" }"));
    }
    if !literal.chars().all(crate::sinks::is_plain) {
        return Some((
            "has characters that no path may have",
            "write plain segments, and what is to be encoded in a hole: \"/teams/{{ 'on call' }}\"",
        ));
    }
    if literal.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Some(("walks up", below));
    }
    None
}

/// A text in which each hole is a letter.
fn literals(template: &Template) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Hole(_) => "x".to_owned(),
    };
    template.parts().iter().map(part).collect()
}

fn query<'t>(reader: &mut Reader<'t>, item: &Item<'t>, names: &Names) -> Option<Vec<(String, Tree)>> {
    let entries = reader.entries(item, limits::NAMES)?;
    let pairs: Vec<Option<(String, Tree)>> = entries
        .iter()
        .map(|one| {
            let name = plain_key(reader, one)?;
            let value = match one.value {
                DeValue::Array(array) => {
                    let list: Vec<Option<Tree>> =
                        one.items(array).iter().map(|one| reader.scalar(one, names)).collect();
                    list.into_iter().collect::<Option<Vec<Tree>>>().map(Tree::List)
                }
                _ => reader.scalar(one, names),
            };
            Some((name, value?))
        })
        .collect();
    pairs.into_iter().collect()
}

fn plain_key(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<String> {
    let name = item.name();
    if name.is_empty() || super::reader::has_marks(name) {
        reader.wrong_key(item, "is not a parameter's name", "names stand as they are; holes stand in values");
        return None;
    }
    Some(name.to_owned())
}

fn headers<'t>(reader: &mut Reader<'t>, item: &Item<'t>, names: &Names) -> Option<Vec<(HeaderName, Tree)>> {
    let entries = reader.entries(item, limits::NAMES)?;
    let mut known = Vec::new();
    let pairs: Vec<Option<(HeaderName, Tree)>> = entries
        .iter()
        .map(|one| {
            let name = header_name(reader, one, one.name())?;
            if known.contains(&name) {
                reader.wrong_key(
                    one,
                    "stands there twice",
                    "keep one of them: letters' case makes no difference",
                );
                return None;
            }
            known.push(name.clone());
            Some((name, reader.scalar(one, names)?))
        })
        .collect();
    pairs.into_iter().collect()
}

/// A header that may be set.
pub(super) fn header_name(reader: &mut Reader<'_>, item: &Item<'_>, name: &str) -> Option<HeaderName> {
    let Ok(header) = name.parse::<HeaderName>() else {
        reader.wrong_key(
            item,
            "is not a header's name",
            "write letters, digits and hyphens, such as \"X-Request-Id\"",
        );
        return None;
    };
    if RESERVED.contains(&header.as_str()) {
        reader.wrong_key(
            item,
            "is a header that Usher sets itself",
            "credentials stand in auth; the rest needs no word",
        );
        return None;
    }
    Some(header)
}

fn idempotency_key<'t>(
    reader: &mut Reader<'t>,
    item: &Item<'t>,
    headers: &[(HeaderName, Tree)],
) -> Option<HeaderName> {
    let mut section = item.section(&mut reader.notes)?;
    let header =
        section.need("header", "write idempotency_key = { header = \"Idempotency-Key\" }", &mut reader.notes);
    section.finish(&mut reader.notes);
    let header = header?;
    let name = reader.plain(&header, "\"Idempotency-Key\"", limits::NAME)?;
    let name = header_name(reader, &header, name)?;
    if headers.iter().any(|(other, _)| *other == name) {
        reader.wrong(&header, "is in headers as well", "take it out there: Usher puts the key into it");
        return None;
    }
    Some(name)
}
