//! Every filter and every test, with what it gives and what it refuses.

use serde_json::{Value, json};
use usher_generic_rest::expression::{EvalErrorKind, Expression};

use crate::{error, evaluate, scope, value};

#[test]
fn where_finds_texts_whatever_their_case() {
    assert_eq!(value("items | where('email', user.email) | map(attribute='id')"), json!([1, 3]));
    assert_eq!(value("items | where('email', 'nobody@acme.example')"), json!([]));
    assert_eq!(value("items | where('id', 2) | map(attribute='email')"), json!(["eve@acme.example"]));
    assert_eq!(value("items | where('active', true) | length"), json!(2));
    assert_eq!(value("items | where('profile.nick', 'B') | map(attribute='id')"), json!([2]));
    assert_eq!(value("none_yet | where('email', user.email)"), json!([]));
    assert_eq!(value("items | where('email', ' ada@acme.example')"), json!([]), "blanks count");
    assert_eq!(value("items | where('email', 'ada@acme.exampl')"), json!([]), "never a part");
}

#[test]
fn where_knows_how_unicode_composes() {
    let scope = scope(json!({ "items": [{ "name": "Zoe\u{308}" }, { "name": "ΣΊΣΥΦΟΣ" }], "straße": 1 }));
    let find = |name: &str| {
        let source = format!("items | where('name', '{name}') | length");
        Expression::parse(&source).unwrap().evaluate(&scope).unwrap()
    };
    assert_eq!(find("ZOË"), json!(1));
    assert_eq!(find("zoë"), json!(1));
    assert_eq!(find("zoe"), json!(0), "an accent is a difference");
}

#[test]
fn where_does_not_take_a_mistake_for_nobody() {
    assert_eq!(
        error("items | where('mail', user.email)"),
        EvalErrorKind::Undefined,
        "a key that no entry has"
    );
    assert_eq!(error("items | where('profile.name', user.email)"), EvalErrorKind::Undefined);
    assert_eq!(
        error("items | where('email', user.given_name)"),
        EvalErrorKind::WrongType,
        "null finds the unset ones"
    );
    assert_eq!(error("items | where('id', '2')"), EvalErrorKind::WrongType, "text among numbers");
    assert_eq!(error("items | where('profile', 'a')"), EvalErrorKind::WrongType);
    assert_eq!(error("texts | where('email', 'x')"), EvalErrorKind::WrongType, "entries that are no tables");
    assert_eq!(error("person | where('email', 'x')"), EvalErrorKind::WrongType, "no list");
    assert_eq!(error("items | where(1, 'x')"), EvalErrorKind::WrongType);
    let scope = scope(
        json!({ "items": [{ "id": 1 }, { "id": 2, "email": null }, { "id": 3, "email": "a@b.example" }] }),
    );
    let some = Expression::parse("items | where('email', 'A@b.example') | map(attribute='id')").unwrap();
    assert_eq!(some.evaluate(&scope), Ok(json!([3])), "some entries may lack it");
}

#[test]
fn a_key_with_dots_is_taken_as_it_stands_first() {
    let scope = scope(json!({ "items": [{ "a.b": 1, "a": { "b": 2 } }, { "a": { "b": 3 } }] }));
    let map = Expression::parse("items | map(attribute='a.b')").unwrap();
    assert_eq!(map.evaluate(&scope), Ok(json!([1, 3])));
}

#[test]
fn two_hits_are_a_conflict_and_never_the_first_one() {
    assert_eq!(
        error("items | where('email', user.email) | one_or_none"),
        EvalErrorKind::Ambiguous { hits: 2 }
    );
    assert_eq!(error("items | one"), EvalErrorKind::Ambiguous { hits: 3 });
    assert_eq!(value("items | where('id', 2) | one | json_pointer('/email')"), json!("eve@acme.example"));
    assert_eq!(value("(items | where('id', 2) | one_or_none).id"), json!(2));
    assert_eq!(value("items | where('id', 9) | one_or_none"), Value::Null);
    assert_eq!(error("items | where('id', 9) | one"), EvalErrorKind::Other);
    let message = evaluate("items | one").unwrap_err().message;
    assert_eq!(message, "`items | one`: 3 entries were found where there may be one");
}

#[test]
fn entries_are_taken_selected_and_mapped() {
    for (source, gives) in [
        ("list | first", json!(3)),
        ("list | last", json!(2)),
        ("list[0]", json!(3)),
        ("list[-1]", json!(2)),
        ("list[1:]", json!([1, 2])),
        ("text[:2]", json!("47")),
        ("[0, 1, none, 'a', '', []] | select", json!([1, "a"])),
        ("[0, 1, none, 'a', '', []] | reject", json!([0, null, "", []])),
        ("items | selectattr('active') | map(attribute='id')", json!([1, 3])),
        ("items | rejectattr('active') | map(attribute='id')", json!([2])),
        ("items | map(attribute='profile.nick')", json!(["a", "b", "c"])),
        ("items | map(attribute='role', default='none')", json!(["none", "none", "none"])),
        ("[{'r': none}, {'r': 1}] | map(attribute='r')", json!([null, 1])),
        ("[{'r': none}, {'r': 1}] | map(attribute='r', default=0)", json!([0, 1])),
        ("texts | map('upper')", json!(["B", "A", "B"])),
        ("list | map('string')", json!(["3", "1", "2"])),
        ("['7', 8] | map('int')", json!([7, 8])),
        ("['x/a', 'x/b'] | map('last_segment')", json!(["a", "b"])),
        ("[' a '] | map('trim') | map('slug') | map('lower')", json!(["a"])),
        ("list | sort", json!([1, 2, 3])),
        ("texts | sort", json!(["B", "a", "b"])),
        ("[1, 0.5] | sort", json!([0.5, 1])),
        ("['a', 'b', 'a', 'A'] | unique", json!(["a", "b", "A"])),
        ("[1, '1', 1] | unique", json!([1, "1"])),
        ("texts | join(', ')", json!("b, a, B")),
        ("[1, true, 'x'] | join", json!("1truex")),
        ("list | length", json!(3)),
        ("'añb' | length", json!(3)),
        ("tables.region | length", json!(2)),
    ] {
        assert_eq!(value(source), gives, "{source}");
    }
    for source in
        ["items | selectattr('role')", "items | rejectattr('role')", "items | map(attribute='role')"]
    {
        assert_eq!(error(source), EvalErrorKind::Undefined, "{source}");
    }
    for source in [
        "[1, 'a'] | sort",
        "items | sort",
        "list | map('upper')",
        "[[1]] | join",
        "texts | selectattr('a')",
        "list | join(1)",
    ] {
        assert_eq!(error(source), EvalErrorKind::WrongType, "{source}");
    }
}

#[test]
fn texts_are_changed_as_said() {
    for (source, gives) in [
        ("user.email | lower", json!("ada@acme.example")),
        ("'straße' | upper", json!("STRASSE")),
        ("' \\n a b\\t ' | trim", json!("a b")),
        ("'a-b-c' | replace('-', '::')", json!("a::b::c")),
        ("'aaa' | replace('a', '')", json!("")),
        ("'a,b,,c' | split(',')", json!(["a", "b", "", "c"])),
        ("' a  b ' | split", json!(["a", "b"])),
        ("'' | split(',')", json!([""])),
        ("n | string", json!("7")),
        ("yes | string", json!("true")),
        ("big | string", json!("18446744073709551615")),
        ("text | int", json!(478)),
        ("'007' | int", json!(7)),
        ("'-7' | int", json!(-7)),
        ("n | int", json!(7)),
        ("'Ada' | base64", json!("QWRh")),
        ("'a:ü' | base64", json!("YTrDvA==")),
        ("'' | base64", json!("")),
        ("'abc' | sha256", json!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")),
        ("'https://api.example/users/U-1' | last_segment", json!("U-1")),
        ("'https://api.example/users/U-1/?a=/b#/c' | last_segment", json!("U-1")),
        ("'plain' | last_segment", json!("plain")),
        ("'Čeština & co. — 2' | slug", json!("cestina-co-2")),
        ("'  --A--  ' | slug", json!("a")),
    ] {
        assert_eq!(value(source), gives, "{source}");
    }
    for source in [
        "'/' | last_segment",
        "'' | last_segment",
        "'?a/b' | last_segment",
        "'—' | slug",
        "'' | slug",
        "'a' | replace('', 'b')",
        "'a' | split('')",
    ] {
        assert_eq!(error(source), EvalErrorKind::Other, "{source}");
    }
    for source in [
        "'7.0' | int",
        "'' | int",
        "'-' | int",
        "' 7' | int",
        "'1e3' | int",
        "'٣' | int",
        "'+7' | int",
        "yes | int",
        "half | int",
        "nothing | int",
        "'99999999999999999999' | int",
        "n | base64",
        "nothing | sha256",
        "n | slug",
        "list | last_segment",
        "n | replace('a', 'b')",
        "'a' | replace(1, 'b')",
        "'a' | replace('a', none)",
    ] {
        assert_eq!(error(source), EvalErrorKind::WrongType, "{source}");
    }
}

#[test]
fn a_json_pointer_finds_what_rfc_6901_says() {
    let document = json!({ "foo": ["bar", "baz"], "": 0, "a/b": 1, "m~n": 8, "k\"l": 6, " ": 7, "00": 9 });
    let scope = scope(json!({ "d": document }));
    let find = |pointer: &str| {
        Expression::parse(&format!("d | json_pointer('{pointer}') | default('nothing')"))
            .unwrap()
            .evaluate(&scope)
            .unwrap()
    };
    for pointer in ["", "/foo", "/foo/0", "/", "/a~1b", "/m~0n", "/k\"l", "/ ", "/00"] {
        assert_eq!(find(pointer), *document.pointer(pointer).unwrap(), "{pointer}");
    }
    for pointer in ["/foo/2", "/foo/00", "/foo/+1", "/foo/-1", "/foo/-", "/bar", "/foo/bar", "/foo/0/x"] {
        assert_eq!(find(pointer), json!("nothing"), "{pointer}");
    }
    assert_eq!(error("person | json_pointer('hit')"), EvalErrorKind::Other);
    assert_eq!(error("person | json_pointer('/nobody')"), EvalErrorKind::Undefined);
}

#[test]
fn tests_say_what_a_value_is() {
    for (source, is) in [
        ("nothing is none", true),
        ("n is none", false),
        ("n is not none", true),
        ("yes is boolean", true),
        ("n is integer", true),
        ("half is integer", false),
        ("half is number", true),
        ("text is string", true),
        ("text is number", false),
        ("list is list", true),
        ("text is list", false),
        ("person is table", true),
        ("list is table", false),
        ("user.email is startingwith('Ada')", true),
        ("user.email is endingwith '.example'", true),
        ("user.email is startingwith('ada')", false),
    ] {
        assert_eq!(value(source), json!(is), "{source}");
    }
    assert_eq!(error("n is startingwith('7')"), EvalErrorKind::WrongType);
    assert_eq!(error("text is endingwith(8)"), EvalErrorKind::WrongType);
}
