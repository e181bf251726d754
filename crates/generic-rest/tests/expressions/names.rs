//! What is checked at load: names, and no more than can be known then.

use usher_generic_rest::expression::{Expression, Names, Template, Tree};

fn names() -> Names {
    Names::keys([
        (
            "user",
            Names::keys([("email", Names::Leaf), ("given_name", Names::Leaf), ("custom_fields", Names::Any)]),
        ),
        ("person", Names::keys([("hit", Names::Any)])),
        ("tables", Names::keys([("region", Names::table(["eu", "us"]))])),
        ("slot", Names::keys([("role", Names::keys([("has", Names::Any), ("after", Names::Any)]))])),
        ("items", Names::Any),
    ])
}

/// Each problem as `text: message (hint)`, where text is what its range shows.
fn problems(source: &str) -> Vec<String> {
    let found = Expression::parse(source).unwrap().check(&names());
    found
        .into_iter()
        .map(|problem| {
            let text = source.get(problem.range.clone()).unwrap();
            format!("{text}: {} ({})", problem.message, problem.hint.unwrap_or_default())
        })
        .collect()
}

#[test]
fn known_names_and_whatever_is_below_what_a_vendor_sent_are_fine() {
    for source in [
        "user.email",
        "user.custom_fields.cost_center.x",
        "person.hit.a.b[0].c",
        "person['hit'].x",
        "tables.region.eu",
        "tables.region['us']",
        "tables.region[user.email]",
        "tables['region'][user.email | lower]",
        "slot.role.after",
        "items | where('email', user.email) | one_or_none",
        "user.email[0:3]",
        "user.given_name | default(none)",
        "[user.email, {'a': slot.role.has}]",
        "person.hit[user.email]",
        "none",
        "true and not false",
        "person.hit.id if person.hit else none",
    ] {
        assert_eq!(problems(source), Vec::<String>::new(), "{source}");
    }
}

#[test]
fn every_unknown_name_is_told_with_its_place_and_what_was_probably_meant() {
    for (source, told) in [
        ("usr.email", vec!["usr: there is no `usr` here (did you mean user?)"]),
        ("user.emial", vec!["user.emial: there is no `user.emial` here (did you mean email?)"]),
        ("person.hti.id", vec!["person.hti: there is no `person.hti` here (did you mean hit?)"]),
        (
            "user.email.domain",
            vec![
                "user.email.domain: there is no `user.email.domain` here (it is one value, and nothing is below it)",
            ],
        ),
        (
            "tables.region.asia",
            vec!["tables.region.asia: there is no `tables.region.asia` here (known here: eu, us)"],
        ),
        ("tables.region['uk']", vec!["'uk': there is no `tables.region['uk']` here (did you mean us?)"]),
        ("user['emial']", vec!["'emial': there is no `user['emial']` here (did you mean email?)"]),
        (
            "user[items]",
            vec![
                "items: what is below `user` is named by a dot, not in brackets (only `tables.NAME[…]` and what a vendor sent can be asked by a value)",
            ],
        ),
        (
            "secret.token",
            vec!["secret: there is no `secret` here (known here: items, person, slot, tables, user)"],
        ),
        (
            "a and b",
            vec![
                "a: there is no `a` here (known here: items, person, slot, tables, user)",
                "b: there is no `b` here (known here: items, person, slot, tables, user)",
            ],
        ),
        ("items | where('x', usr)", vec!["usr: there is no `usr` here (did you mean user?)"]),
        ("items | map(attribute=usr)", vec!["usr: there is no `usr` here (did you mean user?)"]),
        (
            "user.emial | default('x')",
            vec!["user.emial: there is no `user.emial` here (did you mean email?)"],
        ),
        ("user.emial is defined", vec!["user.emial: there is no `user.emial` here (did you mean email?)"]),
        ("1 if true else usr", vec!["usr: there is no `usr` here (did you mean user?)"]),
        (
            "{usr: [usr]}",
            vec![
                "usr: there is no `usr` here (did you mean user?)",
                "usr: there is no `usr` here (did you mean user?)",
            ],
        ),
        ("items[usr:1]", vec!["usr: there is no `usr` here (did you mean user?)"]),
        ("tables.region[usr]", vec!["usr: there is no `usr` here (did you mean user?)"]),
        (
            "omit",
            vec![
                "omit: `omit` has no place here (it leaves out a whole value of a query, a header or a JSON body)",
            ],
        ),
        ("not -usr", vec!["usr: there is no `usr` here (did you mean user?)"]),
        ("self", vec!["self: there is no `self` here (known here: items, person, slot, tables, user)"]),
        ("loop.index", vec!["loop: there is no `loop` here (known here: items, person, slot, tables, user)"]),
    ] {
        assert_eq!(problems(source), told, "{source}");
    }
}

#[test]
fn a_place_within_a_text_counts_from_the_beginning_of_the_text() {
    let text = "/ü/{{ user.emial }}/{{  usr }}";
    let found = Template::parse(text).unwrap().check(&names());
    let shown: Vec<_> = found.iter().map(|problem| text.get(problem.range.clone()).unwrap()).collect();
    assert_eq!(shown, ["user.emial", "usr"]);
    let found = Tree::parse("{{ user.emial }}").unwrap().check(&names());
    assert_eq!(found.first().unwrap().range, 3..13);
    let problem = Template::parse("a {{ x }} {{ y | lowr }}").unwrap_err();
    assert_eq!("a {{ x }} {{ y | lowr }}".get(problem.range), Some("lowr"));
}

#[test]
fn omit_may_stand_in_a_whole_leaf_only() {
    let problems = |text: &str| Tree::parse(text).unwrap().check(&names()).len();
    assert_eq!(problems("{{ user.given_name | default(omit) }}"), 0);
    assert_eq!(problems("{{ omit if user.given_name == none else 1 }}"), 0);
    assert_eq!(problems("x {{ user.given_name | default(omit) }}"), 1);
    let body = serde_json::json!({ "a": ["{{ omit }}", { "b": "{{ omit }}!" }, "{{ usr }}"] });
    assert_eq!(Tree::from_json(&body).unwrap().check(&names()).len(), 2);
}

#[test]
fn the_paths_of_an_expression_are_what_it_mentions() {
    let paths = |source: &str| -> Vec<String> {
        let expression = Expression::parse(source).unwrap();
        expression.paths().iter().map(|path| path.join(".")).collect()
    };
    for (source, mentions) in [
        ("json.job.id", vec!["json.job.id"]),
        ("json['job'].id | last_segment", vec!["json.job.id"]),
        ("json.list[0].id", vec!["json.list"]),
        ("tables.region[user.email].x", vec!["tables.region", "user.email"]),
        ("'a.b' if slot.role.add else omit", vec!["slot.role.add"]),
        ("(items | where('id', item) | one).id", vec!["item", "items"]),
        ("b and a.x and a", vec!["a", "a.x", "b"]),
        ("[a, {'k': b}][c:d]", vec!["a", "b", "c", "d"]),
        ("none", vec![]),
    ] {
        assert_eq!(paths(source), mentions, "{source}");
    }
}
