//! Limits: what is too long, too deep or too much is an error, and soon.

use serde_json::{Value, json};
use usher_generic_rest::expression::{EvalErrorKind, Expression, Template, Tree};

use crate::{mistake, scope};

fn run(source: &str, names: Value) -> Result<Value, EvalErrorKind> {
    Expression::parse(source).unwrap().evaluate(&scope(names)).map_err(|error| error.kind)
}

#[test]
fn an_expression_is_neither_too_long_nor_too_deep() {
    assert!(mistake(&"x".repeat(5000)).contains("longer than 4096 bytes"));
    assert!(mistake(&format!("1{}", " + 1".repeat(200))).contains("more than 300 parts"));
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{'a':", "}"),
        ("not ", ""),
        ("- ", ""),
        ("x[", "]"),
        ("1 if x else ", ""),
        ("x | default(", ")"),
    ] {
        let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        let expression = Expression::parse(&nested(24)).unwrap_or_else(|problem| panic!("{open}: {problem}"));
        drop(expression.evaluate(&scope(json!({ "x": null }))));
        for depth in [25, 70, 140] {
            assert!(
                mistake(&nested(depth)).contains("more than 300 parts")
                    || mistake(&nested(depth)).contains("nested deeper than 24")
            );
        }
    }
    for (step, parts) in [
        (" + 1", 2),
        (".a", 2),
        ("[0]", 3),
        (" | lower", 2),
        (" ~ 1", 2),
        (" == 1", 2),
        (" and 1", 2),
        (" is string", 2),
        (" in [1]", 4),
    ] {
        let source = format!("x{}", step.repeat(299 / parts));
        match Expression::parse(&source) {
            Ok(expression) => drop(expression.evaluate(&scope(json!({ "x": 1 })))),
            Err(problem) => assert!(problem.message.contains("chained"), "{step}: {problem}"),
        }
    }
    assert!(Expression::parse("[(1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15), (16), (17), (18), (19), (20), (21), (22), (23), (24), (25)]").is_ok());
}

#[test]
fn work_and_room_have_an_end() {
    for source in [
        "'x' * 1000000000",
        "[1] * 1000000000",
        "(1, 2) * 1000000000",
        "'x' * 3000000 * 3000000",
        "2 ** 100000",
    ] {
        assert!(run(source, json!({})).is_err(), "{source}");
    }
    let long = "x".repeat(1_000_000);
    let doubled = "v | replace('x', 'xx') | replace('x', 'xx')";
    assert_eq!(run(doubled, json!({ "v": long })), Err(EvalErrorKind::Other));
    assert_eq!(run("[v, v, v] | join", json!({ "v": long })), Err(EvalErrorKind::Other));
    assert_eq!(run("v | upper", json!({ "v": "ŉ".repeat(500_000) })), Err(EvalErrorKind::Other));
    let many = format!("v ~ v{}", " ~ v".repeat(140));
    assert_eq!(run(&many, json!({ "v": long })), Err(EvalErrorKind::Other));
    let sorted = format!("v{}", " | sort".repeat(140));
    assert_eq!(run(&sorted, json!({ "v": (0..100_000).collect::<Vec<_>>() })), Err(EvalErrorKind::Other));
}

#[test]
fn a_list_of_thousands_is_no_trouble() {
    let items: Vec<Value> =
        (0..20_000).map(|id| json!({ "id": id, "email": format!("user{id}@acme.example") })).collect();
    let names = json!({ "items": items });
    assert_eq!(
        run("(items | where('email', 'USER19999@acme.example') | one_or_none).id", names.clone()),
        Ok(json!(19_999))
    );
    assert_eq!(run("items | map(attribute='id') | unique | sort | length", names.clone()), Ok(json!(20_000)));
    assert_eq!(run("items", names.clone()), Ok(names["items"].clone()));
}

#[test]
fn a_result_is_not_without_end() {
    let part = json!(vec!["x".repeat(1000); 10_000]);
    assert_eq!(run("[v, v, v, v]", json!({ "v": part })), Err(EvalErrorKind::Other), "40 MB");
    let mut deep = json!(1);
    for _ in 0..140 {
        deep = json!([deep]);
    }
    assert_eq!(run("v", json!({ "v": deep })), Err(EvalErrorKind::Other));
}

#[test]
fn what_is_filled_in_is_not_without_end() {
    let scope = scope(json!({ "v": "x".repeat(600_000) }));
    assert_eq!(
        Template::parse("{{ v }}{{ v }}").unwrap().fill(&scope).unwrap_err().kind,
        EvalErrorKind::Other
    );
    let leaves = vec![json!("{{ v }}"); 10];
    assert_eq!(Tree::from_json(&json!(leaves)).unwrap().fill(&scope).unwrap_err().kind, EvalErrorKind::Other);
    assert!(Template::parse(&"{{ v }}".repeat(101)).is_err());
}
