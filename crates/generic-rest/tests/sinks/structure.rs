//! For any values: the structure is the definition's, and nothing ends the process.

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use proptest::{prop_assert, prop_assert_eq};
use serde_json::{Map, Value, json};
use usher_generic_rest::expression::{Expression, Scope, Template, Tree};

use crate::support::{get, query, scope, url_of};

/// Any text, with a liking for what hurts.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        "[{}%\"'\\\\/.?#&=\r\n\0 -~]{0,12}",
        Just("{{ v }}".to_owned()),
        Just("..".to_owned()),
        Just("\u{202e}\u{200b}".to_owned()),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

/// Any JSON that a vendor could send.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1.0e15..1.0e15_f64).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..5)
                .prop_map(|table| Value::Object(table.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Text that looks like an expression.
fn source() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "(v|secret|omit|none|true|if|else|and|or|not|in|is|defined|lower|where|map|one|first|default|range|self|loop)",
        "[-+*/%~<>=!.,:|(){}\\[\\] '\"\\\\]{1,3}",
        "[0-9]{1,25}",
        "'[a-z/.]{0,5}'",
        any::<String>(),
    ];
    prop::collection::vec(word, 0..24).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn a_filled_tree_reads_back_as_the_same_structure(v in value(), t in text()) {
        let tree = Tree::from_json(&json!({ "a": "{{ v }}", "b": ["x", "{{ t }}", { "c": "<{{ t }}>", "d": null }], "e": "{{ [v, t] }}" })).unwrap();
        let scope = Scope(json!({ "v": v, "t": t }).as_object().unwrap().clone());
        let filled = tree.fill(&scope).unwrap().unwrap();
        let written = serde_json::to_string(&filled).unwrap();
        let read: Value = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(read, json!({ "a": v, "b": ["x", t, { "c": format!("<{t}>"), "d": null }], "e": [v, t] }));
    }

    #[test]
    fn a_value_comes_out_of_an_expression_as_it_went_in(v in value()) {
        let scope = scope(v.clone());
        prop_assert_eq!(&Expression::parse("v").unwrap().evaluate(&scope).unwrap(), &v);
        prop_assert_eq!(Expression::parse("[{'k': v}] | map(attribute='k') | first").unwrap().evaluate(&scope).unwrap(), v);
    }

    #[test]
    fn a_text_is_filled_in_once(v in text(), before in "[a-z ]{0,5}", after in "[a-z ]{0,5}") {
        let template = Template::parse(&format!("{before}{{{{ v }}}}{after}")).unwrap();
        prop_assert_eq!(template.fill(&scope(v.clone())).unwrap(), format!("{before}{v}{after}"));
    }

    #[test]
    fn a_filled_path_has_as_many_segments_as_its_template(v in text()) {
        let asked = query(get("/a/{{ v }}/b/x{{ v }}"), &[("q", "{{ v }}"), ("p", "1")]);
        if let Some(url) = url_of(&asked, &scope(v.clone())) {
            let segments: Vec<_> = url.path().split('/').collect();
            prop_assert_eq!(segments.len(), 6, "{}", url);
            prop_assert_eq!((segments[1], segments[2], segments[4]), ("base", "a", "b"));
            let pairs: Vec<_> = url.query_pairs().collect();
            prop_assert_eq!(pairs, [("q".into(), v.as_str().into()), ("p".into(), "1".into())]);
            prop_assert_eq!((url.host_str(), url.fragment()), (Some("vendor.test"), None));
        }
    }

    #[test]
    fn nothing_that_is_read_ends_the_process(source in source(), v in value()) {
        let scope = scope(v);
        if let Ok(expression) = Expression::parse(&source) {
            let evaluated = expression.evaluate(&scope);
            prop_assert_eq!(evaluated.is_ok(), expression.evaluate(&scope).is_ok());
            let _truth = expression.truth(&scope).is_ok();
        }
        for text in [source.clone(), format!("{{{{{source}}}}}"), format!("a {{{{ {source} }}}} b")] {
            match Template::parse(&text) {
                Ok(template) => drop(template.fill(&scope)),
                Err(problem) => prop_assert!(text.get(problem.range).is_some(), "a range within the text"),
            }
        }
    }

    #[test]
    fn no_value_ends_the_process_in_any_filter(v in value(), w in value(), filter in 0..FILTERS.len()) {
        let scope = Scope(json!({ "v": v, "w": w }).as_object().unwrap().clone());
        let expression = Expression::parse(FILTERS[filter]).unwrap();
        drop(expression.evaluate(&scope));
    }
}

/// Every filter and operator on any values.
const FILTERS: [&str; 49] = [
    "v | base64",
    "v | default(w)",
    "v | first",
    "v | int",
    "v | join",
    "v | join(w)",
    "v | json_pointer(w)",
    "v | last",
    "v | last_segment",
    "v | length",
    "v | lower",
    "v | map(attribute=w)",
    "v | map(attribute=w, default=v)",
    "v | map('slug')",
    "v | one",
    "v | one_or_none",
    "v | reject",
    "v | rejectattr(w)",
    "v | replace(w, w)",
    "v | select",
    "v | selectattr(w)",
    "v | sha256",
    "v | slug",
    "v | sort",
    "v | split",
    "v | split(w)",
    "v | string",
    "v | trim",
    "v | unique",
    "v | upper",
    "v | where(w, w)",
    "v == w",
    "v < w",
    "v in w",
    "v + w",
    "v - w",
    "v * 3",
    "v / w",
    "v // w",
    "v % w",
    "v ** w",
    "v ~ w",
    "-v",
    "v[w]",
    "v[w:]",
    "v[:w]",
    "v[::w]",
    "v is startingwith(w)",
    "{v: w}",
];
