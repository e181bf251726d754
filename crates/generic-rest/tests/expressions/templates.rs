//! Texts with holes, and trees of them.

use serde_json::{Value, json};
use usher_generic_rest::expression::{EvalErrorKind, Template, Tree};

use crate::{person, scope};

fn filled(text: &str) -> String {
    let template = Template::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
    template.fill(&person()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn tree(value: &Value) -> Value {
    Tree::from_json(value).unwrap().fill(&person()).unwrap().unwrap()
}

#[test]
fn a_text_is_filled_in_where_its_holes_are() {
    for (text, gives) in [
        ("", ""),
        ("plain { } % # text", "plain { } % # text"),
        ("/users/{{ person.hit.id }}/roles", "/users/7/roles"),
        ("{{person.hit.login}}{{ n }}", "ada7"),
        ("{{ yes }}", "true"),
        ("{{ big }}", "18446744073709551615"),
        ("ü{{ text }}ü", "ü478ü"),
        ("{{ '{{' }} x {{ '}}' }} {{ \"{%\" }}", "{{ x }} {%"),
        ("{{ {'a': {'b': 'c'}}.a.b }}", "c"),
        ("{{ 'it\\'s }} here' }}", "it's }} here"),
        ("{{ -1 }}", "-1"),
        ("{{\n  n\n}}", "7"),
    ] {
        assert_eq!(filled(text), gives, "{text}");
    }
}

#[test]
fn a_hole_in_a_text_takes_texts_whole_numbers_and_booleans() {
    for text in
        ["x{{ nothing }}", "x{{ list }}", "x{{ person }}", "x{{ half }}", "x{{ omit }}", "x{{ 1 / 2 }}"]
    {
        let error = Template::parse(text).unwrap().fill(&person()).unwrap_err();
        assert_eq!(error.kind, EvalErrorKind::WrongType, "{text}");
    }
    assert_eq!(
        Template::parse("x{{ missing }}").unwrap().fill(&person()).unwrap_err().kind,
        EvalErrorKind::Undefined
    );
}

#[test]
fn what_is_no_hole_is_refused() {
    for (text, says) in [
        ("{% if x %}", "`{%` cannot stand here"),
        ("a %} b", "`%}` cannot stand here"),
        ("{# no #}", "`{#` cannot stand here"),
        ("{{ x }} {%- raw %}", "`{%` cannot stand here"),
        ("a }} b", "`}}` ends a hole, and none is open"),
        ("{{ x", "this hole has no end"),
        ("{{ 'x }}", "this hole has no end"),
        ("{{ {'a': 1 }}", "this hole has no end"),
        ("{{- x }}", "a hole begins with `{{`, without a sign"),
        ("{{+ x }}", "a hole begins with `{{`, without a sign"),
        ("{{ x -}}", "cannot be read"),
        ("{{ }}", "the expression is empty"),
        ("{{}}", "the expression is empty"),
        ("{{ x }}}", "`x`"),
        ("{{{ x }}}", "cannot be read"),
        ("{{ x %} y }}", "cannot be read"),
        ("{{ {{ x }} }}", "cannot be read"),
    ] {
        match Template::parse(text) {
            Ok(template) => assert_eq!(says, "`x`", "{text} was read as {template}"),
            Err(problem) => {
                assert!(problem.message.contains(says), "{text}: {problem}");
                assert!(text.get(problem.range.clone()).is_some(), "{text}: {:?}", problem.range);
            }
        }
    }
}

#[test]
fn a_leaf_that_is_one_hole_keeps_its_type() {
    assert_eq!(
        tree(&json!({
            "n": "{{ n }}", "text": "{{ text }}", "null": "{{ nothing }}", "list": "{{ list }}", "table": "{{ nobody }}",
            "half": "{{ half }}", "yes": "{{ yes }}", "blank": " {{ n }}", "in": "n={{ n }}", "constant": 1.5, "deep": [["{{ n }}", null]],
        })),
        json!({
            "n": 7, "text": "478", "null": null, "list": [3, 1, 2], "table": { "hit": null },
            "half": 0.5, "yes": true, "blank": " 7", "in": "n=7", "constant": 1.5, "deep": [[7, null]],
        })
    );
}

#[test]
fn omit_leaves_out_the_key_or_the_entry() {
    assert_eq!(
        tree(
            &json!({ "a": "{{ omit }}", "b": ["{{ user.given_name | default(omit) }}", 1], "c": { "d": "{{ omit }}" } })
        ),
        json!({ "b": [1], "c": {} })
    );
    assert_eq!(Tree::parse("{{ omit }}").unwrap().fill(&person()), Ok(None));
}

#[test]
fn all_mistakes_of_a_pasted_body_are_told_at_once() {
    let problems =
        Tree::from_json(&json!({ "a": "{{ x", "b": ["{% x %}", { "{{ k }}": 1 }], "c": "{{ x | lowr }}" }))
            .unwrap_err();
    assert_eq!(problems.len(), 4, "{problems:?}");
}

#[test]
fn a_value_is_never_read_as_a_template() {
    for value in ["{{ secret.x }}", "{% for x in y %}", "{# c #}", "}}", "{{", "'", "\\", "{{ '{{ x }}' }}"] {
        let scope = scope(json!({ "v": value, "secret": { "x": "s3cr3t" } }));
        assert_eq!(Template::parse("{{ v }}").unwrap().fill(&scope).unwrap(), value);
        assert_eq!(
            Template::parse("a{{ v ~ v }}b").unwrap().fill(&scope).unwrap(),
            format!("a{value}{value}b")
        );
        let tree = Tree::from_json(&json!({ "k": "{{ v }}", "t": "<{{ v }}>" })).unwrap();
        assert_eq!(tree.fill(&scope).unwrap(), Some(json!({ "k": value, "t": format!("<{value}>") })));
    }
}
