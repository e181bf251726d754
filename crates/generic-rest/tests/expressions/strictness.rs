//! Nothing is guessed, and what is not there is never taken for something else.

use serde_json::{Value, json};
use usher_generic_rest::expression::{EvalErrorKind, Expression};

use crate::{error, evaluate, mistake, person, scope, value};

#[test]
fn what_is_not_there_is_an_error_wherever_it_is_met() {
    for source in [
        "missing",
        "person.hit.role",
        "person.hit.role == 'owner'",
        "'owner' == person.hit.role",
        "person.hit.role != 'owner'",
        "not person.hit.role",
        "person.hit.role and true",
        "false or person.hit.role",
        "person.hit.role or 'x'",
        "person.hit.role in ['owner']",
        "'owner' in person.hit.missing",
        "person.hit.role ~ 'x'",
        "person.hit.role < 1",
        "[person.hit.role]",
        "{'role': person.hit.role}",
        "(1, person.hit.role)",
        "1 if person.hit.role else 2",
        "person.hit.role if true else 2",
        "person.hit.role is none",
        "person.hit.role is string",
        "person.hit.role | lower",
        "person.hit.role | length",
        "person.hit.role.name | default('x')",
        "items | where('email', user.mail) | one_or_none",
        "tables.region['asia']",
        "tables['region']['asia'] == 'x'",
        "list[3]",
        "list[-4]",
        "none_yet | first",
        "none_yet | last == 'x'",
        "none_yet | first | lower",
        "person | json_pointer('/hit/role')",
        "person.hit.roles.first",
        "text.length",
        "n.real",
    ] {
        assert_eq!(error(source), EvalErrorKind::Undefined, "{source}");
    }
}

#[test]
fn a_member_of_null_is_an_error_except_where_the_condition_leaves_it_out() {
    assert_eq!(error("nobody.hit.id"), EvalErrorKind::Undefined);
    assert_eq!(error("nobody.hit.id == 7"), EvalErrorKind::Undefined);
    assert_eq!(value("nobody.hit.id if nobody.hit else none"), Value::Null);
    assert_eq!(value("person.hit.id if person.hit else none"), json!(7));
    assert_eq!(value("nobody.hit and nobody.hit.id"), Value::Null);
    assert_eq!(value("person.hit and person.hit.id == 7"), json!(true));
    assert_eq!(value("not nobody.hit or nobody.hit.id == 7"), json!(true));
    assert_eq!(value("nobody.hit.roles if nobody.hit else []"), json!([]));
}

#[test]
fn only_default_and_the_tests_for_it_take_what_is_not_there() {
    assert_eq!(value("person.hit.role | default('none')"), json!("none"));
    assert_eq!(value("missing | default(1)"), json!(1));
    assert_eq!(value("user.given_name | default('x')"), json!("x"), "null is replaced too");
    assert_eq!(value("empty | default('x')"), json!(""), "an empty text is something");
    assert_eq!(value("no | default(true)"), json!(false), "so is false");
    assert_eq!(value("nobody.hit.id | default(none)"), Value::Null);
    assert_eq!(value("none_yet | first | default('x')"), json!("x"));
    assert_eq!(value("tables.region[text] | default('x')"), json!("x"));
    assert_eq!(value("(person.hit.role if yes else 1) | default('x')"), json!("x"));
    assert_eq!(value("person.hit.role is defined"), json!(false));
    assert_eq!(value("person.hit.id is defined"), json!(true));
    assert_eq!(value("nothing is defined"), json!(true), "null is there");
    assert_eq!(value("person.hit.role is undefined"), json!(true));
    assert_eq!(value("person.hit.role is not defined"), json!(true));
    assert_eq!(
        error("missing.role is defined"),
        EvalErrorKind::Undefined,
        "the last name alone may be missing"
    );
    assert_eq!(error("nothing | default(missing)"), EvalErrorKind::Undefined);
}

#[test]
fn values_of_different_kinds_are_not_compared() {
    for source in [
        "text == 478",
        "478 != text",
        "yes == 1",
        "yes == 'true'",
        "list == 'x'",
        "person == 1",
        "text < 479",
        "n < '8'",
        "yes < no",
        "nothing < 1",
        "list < list",
        "478 in ['478']",
        "'1' in list",
        "5 in '5'",
        "n in person",
        "'x' in n",
        "'x' in nothing",
        "1 in 1",
        "items | where('id', '1')",
    ] {
        assert_eq!(error(source), EvalErrorKind::WrongType, "{source}");
    }
    assert_eq!(value("text == '478'"), json!(true));
    assert_eq!(value("'Ada' == 'ada'"), json!(false), "case counts, except in `where`");
    assert_eq!(value("nothing == none"), json!(true));
    assert_eq!(value("nothing == 'null'"), json!(false), "null is like nothing but null");
    assert_eq!(value("0 == nothing"), json!(false));
    assert_eq!(value("1 == 1.0"), json!(true));
    assert_eq!(value("'a' < 'b'"), json!(true));
    assert_eq!(value("2 >= 2"), json!(true));
    assert_eq!(value("'editor' in person.hit.roles"), json!(true));
    assert_eq!(value("'owner' in person.hit.roles"), json!(false));
    assert_eq!(value("'owner' not in person.hit.roles"), json!(true));
    assert_eq!(value("'x' in []"), json!(false));
    assert_eq!(value("none in [1, none]"), json!(true));
    assert_eq!(value("'da' in person.hit.login"), json!(true));
    assert_eq!(value("'eu' in tables.region"), json!(true));
    assert_eq!(value("[1, 2] == [1, 2]"), json!(true));
}

#[test]
fn null_lists_and_tables_are_not_made_into_text() {
    for source in [
        "'a' ~ nothing",
        "list ~ 'a'",
        "person ~ 'a'",
        "half ~ 'a'",
        "nothing | string",
        "list | string",
        "half | string",
        "nothing | lower",
        "n | upper",
        "nothing | trim",
        "[nothing] | join",
        "n | split(',')",
        "nothing | length",
        "n | length",
        "nothing | first",
        "text | first",
        "nothing | one_or_none",
        "person | one",
        "'a' + 1",
        "1 + nothing",
        "-text",
        "nothing[0]",
        "nothing[1:]",
        "'a' * text",
        "list - list",
    ] {
        assert!(
            matches!(error(source), EvalErrorKind::WrongType | EvalErrorKind::Undefined),
            "{source}: {:?}",
            evaluate(source)
        );
    }
    assert_eq!(value("'a' ~ n ~ yes"), json!("a7true"));
    assert_eq!(value("'a' + 'b'"), json!("ab"));
    assert_eq!(value("list + [4]"), json!([3, 1, 2, 4]));
}

#[test]
fn whole_numbers_keep_all_their_digits_or_are_refused() {
    assert_eq!(value("big"), json!(u64::MAX));
    assert_eq!(value("small"), json!(i64::MIN));
    assert_eq!(value("9007199254740993"), json!(9_007_199_254_740_993_i64), "a fraction could not hold it");
    assert_eq!(value("9007199254740992 + 1"), json!(9_007_199_254_740_993_i64));
    assert_eq!(value("18446744073709551615"), json!(u64::MAX));
    assert_eq!(value("'18446744073709551615' | int"), json!(u64::MAX));
    assert_eq!(value("'-9223372036854775808' | int"), json!(i64::MIN));
    assert_eq!(value("big - 1"), json!(u64::MAX - 1));
    assert_eq!(value("7 // 2"), json!(3));
    assert_eq!(value("half"), json!(0.5));
    assert_eq!(value("half + 1"), json!(1.5));
    for source in [
        "big + 1",
        "small - 1",
        "-big",
        "18446744073709551616",
        "big * big",
        "2 ** 64",
        "1 // 0",
        "1 % 0",
        "1 / 0",
        "2 ** 400",
    ] {
        assert!(matches!(error(source), EvalErrorKind::Other | EvalErrorKind::WrongType), "{source}");
    }
    let lost: Value = serde_json::from_str(r#"{"id": 18446744073709551616}"#).unwrap();
    let expression = Expression::parse("id").unwrap();
    assert_eq!(
        expression.evaluate(&scope(lost)).unwrap_err().kind,
        EvalErrorKind::Other,
        "JSON's reader made it a fraction"
    );
}

#[test]
fn text_that_looks_like_something_else_stays_text() {
    for text in [
        "478",
        "null",
        "true",
        "1e3",
        "0x10",
        "007",
        "{}",
        "[1]",
        "\"x\"",
        "{{ secret.x }}",
        "{% if x %}",
        "none",
        "NaN",
    ] {
        let scope = scope(json!({ "x": text, "list": [text] }));
        let get = |source: &str| Expression::parse(source).unwrap().evaluate(&scope).unwrap();
        assert_eq!(get("x"), json!(text));
        assert_eq!(get("x | default(1)"), json!(text));
        assert_eq!(get("list"), json!([text]));
        assert_eq!(get("[x, {'k': x}]"), json!([text, { "k": text }]));
        assert_eq!(get("x ~ ''"), json!(text));
        assert_eq!(get("x if x else none"), json!(text));
    }
}

#[test]
fn truth_is_all_but_null_false_zero_and_what_is_empty() {
    let truth = |source: &str| Expression::parse(source).unwrap().truth(&person());
    for source in ["yes", "n", "half", "text", "list", "person.hit", "'false'", "-1"] {
        assert_eq!(truth(source), Ok(true), "{source}");
    }
    for source in ["no", "nothing", "0", "0.0", "empty", "none_yet", "{}", "nobody.hit", "not person.hit"] {
        assert_eq!(truth(source), Ok(false), "{source}");
    }
    assert_eq!(truth("missing").unwrap_err().kind, EvalErrorKind::Undefined);
    assert_eq!(truth("omit").unwrap_err().kind, EvalErrorKind::WrongType);
}

#[test]
fn omit_is_a_whole_value_or_an_error() {
    let omitted = |source: &str| Expression::parse(source).unwrap().evaluate_or_omit(&person());
    assert_eq!(omitted("omit"), Ok(None));
    assert_eq!(omitted("user.given_name | default(omit)"), Ok(None));
    assert_eq!(omitted("omit if yes else 1"), Ok(None));
    assert_eq!(omitted("1 if yes else omit"), Ok(Some(json!(1))));
    for source in [
        "[omit]",
        "{'a': omit}",
        "omit ~ 'x'",
        "omit == 1",
        "omit | lower",
        "omit in [1]",
        "omit + 1",
        "omit.x",
    ] {
        assert!(omitted(source).is_err(), "{source}");
    }
    assert_eq!(evaluate("omit").unwrap_err().kind, EvalErrorKind::WrongType);
    let scope = scope(json!({ "omit": "a value that somebody called so" }));
    assert_eq!(Expression::parse("omit").unwrap().evaluate_or_omit(&scope), Ok(None));
}

#[test]
fn what_the_language_does_not_have_is_refused_when_it_is_read() {
    for (source, says) in [
        (
            "range(10)",
            "functions cannot be called in an expression (filters are written with a bar: `value | filter`)",
        ),
        ("dict(a=1)", "functions cannot"),
        ("namespace()", "functions cannot"),
        ("debug()", "functions cannot"),
        ("person.hit.upper()", "functions cannot"),
        ("person['hit']()", "functions cannot"),
        ("1 < n < 9", "comparisons cannot be chained (compare two at a time, with `and`)"),
        ("n if yes", "an `if` needs its `else`"),
        ("n | lowr", "there is no filter `lowr` (did you mean lower?)"),
        ("n | tojson", "there is no filter `tojson` (a hole that is the whole value keeps its type"),
        ("n | safe", "there is no filter `safe`"),
        ("n | d(1)", "there is no filter `d` (write `default`)"),
        ("n | (present)", "cannot be read"),
        ("list | one.id", "in parentheses: `(list | one).id`"),
        ("n is strng", "there is no test `is strng` (did you mean string?)"),
        ("n is odd", "there is no test `is odd`"),
        ("list | one(1)", "the filter `one` takes 0 arguments, and 1 are given"),
        ("list | where('id')", "the filter `where` takes 2 arguments, and 1 are given"),
        ("text | split(',', 1)", "the filter `split` takes 0 or 1 arguments, and 2 are given"),
        ("list | where(key='id', value=1)", "the filter `where` takes 2 arguments"),
        ("items | map(attribut='id')", "the filter `map` takes no `attribut=` (did you mean attribute?)"),
        ("items | map", "`map` takes `attribute=`"),
        ("items | map('where')", "`map` applies a filter that takes nothing beside the value"),
        ("items | map(text)", "`map` takes `attribute=`"),
        ("items | map('lower', attribute='id')", "`map` takes `attribute=`"),
        ("list | join(*list)", "`*` cannot stand before an argument"),
        ("list | map(**person)", "`*` cannot stand before an argument"),
        ("a && b", "(write `and`, `or`, `not`)"),
        ("a = b", "cannot be read"),
        ("", "the expression is empty"),
        ("  ", "the expression is empty"),
        ("person.", "cannot be read"),
        ("'open", "cannot be read"),
        ("a b", "cannot be read"),
        ("{% if x %}", "cannot be read"),
        ("x }} y {{ z", "cannot be read"),
    ] {
        let mistake = mistake(source);
        assert!(mistake.contains(says), "{source}: {mistake}");
    }
}

#[test]
fn messages_name_the_expression_and_never_a_value() {
    let secret = "s3cr3t-value-of-somebody";
    let scope = scope(json!({
        "v": secret, "list": [secret, secret], "table": { secret: secret }, "n": null,
        "entries": [{ "k": secret }, { "k": secret }],
    }));
    for source in [
        "v.x",
        "v + 1",
        "v < 1",
        "v == 1",
        "v | int",
        "v - v",
        "-v",
        "list | one",
        "list | sort | one_or_none",
        "table.x",
        "table[v].x",
        "v[v]",
        "list[v]",
        "1 in v",
        "v in n",
        "list | map(attribute='k')",
        "v | join",
        "table | lower",
        "entries | where('k', v) | one",
        "entries | where('x', v)",
        "entries | where(v, 1)",
        "v | json_pointer(v)",
        "[v, missing]",
        "n ~ v",
        "v ** v",
        "v // v",
        "{v: missing}",
        "v % 1",
        "v[0:v]",
        "v | split('')",
        "v | replace('', v)",
        "{1: v}",
    ] {
        let error = Expression::parse(source).unwrap().evaluate(&scope).unwrap_err();
        assert!(error.message.starts_with(&format!("`{source}`: ")), "{error}");
        assert!(!format!("{error:?}").contains("s3cr3t"), "{error}");
    }
}
