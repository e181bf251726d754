//! Values that somebody typed to reach further than they may.
//!
//! Every hostile value bears a [`MARK`]. Requests about a hostile person are compared with those about a harmless one: they have
//! the same form (method, number of segments, keys, names of headers, shape of the body), and where the mark shows up, the value
//! stands there whole. A value that breaks out of its place changes the form, or is torn.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;
use serde_json::Value;
use usher_core::Subject;
use wiremock::Request;

use crate::stage::{MAIN, Stage, ada, person};
use crate::{Outcome, Vendors, ensure};

/// Lower case, so that a normalised address still bears it.
const MARK: &str = "usherhostile";

pub(crate) async fn a_hostile_value_stays_in_its_place(vendors: Vendors<'_>) -> Outcome {
    for enrolled in [false, true] {
        let forms = harmless(vendors, enrolled).await?;
        for who in hostile() {
            let what = who.what;
            one(vendors, enrolled, &who, &forms).await.map_err(|why| format!("{what}: {why}"))?;
        }
    }
    Ok(())
}

/// The forms of all requests about somebody like anybody.
async fn harmless(vendors: Vendors<'_>, enrolled: bool) -> Result<BTreeSet<Form>, String> {
    let mut forms = BTreeSet::new();
    let mut with_fields = ada();
    with_fields.custom_fields = fields("R&D");
    for who in [ada(), with_fields] {
        let stage = Stage::set(vendors).await?;
        if enrolled {
            stage.vendor.enroll(&who);
        }
        for answered in [stage.grant(&who, MAIN).await, stage.order(&who, MAIN).await] {
            stage.end_of(&answered.id).await?;
        }
        forms.extend(stage.server.arrived().iter().map(|arrived| Form::of(&arrived.request)));
    }
    Ok(forms)
}

async fn one(vendors: Vendors<'_>, enrolled: bool, hostile: &Hostile, forms: &BTreeSet<Form>) -> Outcome {
    let stage = Stage::set(vendors).await?;
    let bystander = person("grace.hopper@example.com", "Grace", "Hopper");
    stage.vendor.enroll(&bystander);
    for facet in stage.facets(MAIN) {
        stage.vendor.give(&bystander, &facet);
    }
    let before = stage.vendor.holds(&bystander);
    if enrolled {
        stage.vendor.enroll(&hostile.who);
    }
    for answered in [stage.grant(&hostile.who, MAIN).await, stage.order(&hostile.who, MAIN).await] {
        let ended = stage.end_of(&answered.id).await?;
        let reason = ended.reason.unwrap_or_default();
        let broke = reason.contains("failed inside") || answered.reason().contains("failed inside");
        ensure!(!broke, "the connector broke on it: {reason}");
    }
    for arrived in stage.server.arrived() {
        let form = Form::of(&arrived.request);
        ensure!(
            forms.contains(&form),
            "a request has another form than those about harmless people: {form:?}"
        );
        whole(&arrived.request, &hostile.values())?;
    }
    let after = stage.vendor.holds(&bystander);
    ensure!(after == before, "somebody else held {before:?}, and holds {after:?}");
    Ok(())
}

struct Hostile {
    what: &'static str,
    who: Subject,
}

impl Hostile {
    /// What may show up whole: values as typed, normalised, and an address's name on its own.
    fn values(&self) -> Vec<String> {
        let email = self.who.email.trim();
        let key = self.who.key().as_str().to_owned();
        let name = |address: &str| address.rsplit_once('@').map(|(name, _)| name.to_owned());
        let mut values = vec![email.to_owned(), key.clone()];
        values.extend(name(email));
        values.extend(name(&key));
        values.extend(self.who.given_name.as_deref().map(|text| text.trim().to_owned()));
        values.extend(self.who.family_name.as_deref().map(|text| text.trim().to_owned()));
        values.extend(self.who.custom_fields.values().filter_map(Value::as_str).map(str::to_owned));
        values.retain(|value| value.contains(MARK));
        values
    }
}

fn hostile() -> Vec<Hostile> {
    let address = |what, email: String| Hostile { what, who: person(&email, "Ada", "Lovelace") };
    let named = |what, given: String, family: String| Hostile {
        what,
        who: person("ada.lovelace@example.com", &given, &family),
    };
    let mut long = ada();
    long.custom_fields = fields(&format!("{}{MARK}", "A".repeat(10_000)));
    vec![
        address("an address that climbs", format!("../../{MARK}@example.com")),
        address("an address that climbs, encoded", format!("..%2f..%2f{MARK}@example.com")),
        address("an address with a segment", format!("{MARK}/admin@example.com")),
        address("an address with a backslash", format!("{MARK}\\..\\admin@example.com")),
        address("an address with a query", format!("{MARK}?role=admin&x=@example.com")),
        address("an address with a fragment", format!("{MARK}#@example.com")),
        address("an address with an ampersand", format!("{MARK}&role=admin@example.com")),
        address("an address with a brace", format!("{MARK}{{id}}@example.com")),
        address("an address with a line break", format!("{MARK}\r\nX-Injected: 1\r\n@example.com")),
        address("an address with a null", format!("{MARK}\0@example.com")),
        address("an address with quotes", format!("{MARK}\"'`@example.com")),
        address("an address that is a dot segment", "..".to_owned()),
        address("an address that is nothing", " ".to_owned()),
        named("a name with a line break", format!("{MARK}\r\nX-Injected: 1"), format!("{MARK}\n\n{{}}")),
        named("a name with quotes", format!("{MARK}\", \"role\": \"admin"), format!("'; DROP {MARK} --")),
        named("a name that climbs", format!("../../{MARK}"), format!("{MARK}?a=b&c=d#e")),
        Hostile { what: "a long custom field", who: long },
    ]
}

fn fields(value: &str) -> BTreeMap<String, Value> {
    BTreeMap::from([("cost_center".to_owned(), Value::String(value.to_owned()))])
}

/// A request without its values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Form {
    method: String,
    segments: usize,
    query: Vec<String>,
    headers: BTreeSet<String>,
    body: String,
}

impl Form {
    fn of(request: &Request) -> Self {
        let body = match serde_json::from_slice::<Value>(&request.body) {
            Ok(body) => shape(&body),
            Err(_) if request.body.is_empty() => "nothing".to_owned(),
            Err(_) => {
                // A form, or something else: its keys.
                let pairs = url::form_urlencoded::parse(&request.body);
                pairs.map(|(key, _)| key.into_owned()).collect::<Vec<_>>().join("&")
            }
        };
        Self {
            method: request.method.to_string(),
            segments: request.url.path_segments().map_or(0, Iterator::count),
            query: request.url.query_pairs().map(|(key, _)| key.into_owned()).collect(),
            headers: request.headers.keys().map(ToString::to_string).collect(),
            body,
        }
    }
}

fn shape(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "text".to_owned(),
        Value::Array(items) => {
            let kinds: BTreeSet<String> = items.iter().map(shape).collect();
            format!("[{}]", kinds.into_iter().collect::<Vec<_>>().join("|"))
        }
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(key, value)| format!("{key}: {}", shape(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

/// Wherever the mark shows up, one of the values stands whole.
fn whole(request: &Request, values: &[String]) -> Outcome {
    let is_whole =
        |text: &str| !text.contains(MARK) || values.iter().any(|value| text.contains(value.as_str()));
    for segment in request.url.path_segments().into_iter().flatten() {
        let decoded = percent_decode_str(segment).decode_utf8_lossy();
        ensure!(is_whole(&decoded), "a value is torn in the path: {segment:?}");
    }
    for (key, value) in request.url.query_pairs() {
        ensure!(is_whole(&value), "a value is torn in the query, at {key:?}: {value:?}");
    }
    for (name, value) in &request.headers {
        ensure!(is_whole(&String::from_utf8_lossy(value.as_bytes())), "a value is torn in the header {name}");
    }
    if let Ok(body) = serde_json::from_slice::<Value>(&request.body) {
        let mut texts = Vec::new();
        collect(&body, &mut texts);
        let torn = texts.iter().find(|text| !is_whole(text));
        ensure!(torn.is_none(), "a value is torn in the body: {torn:?}");
    }
    Ok(())
}

fn collect<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
