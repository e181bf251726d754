//! Which names an expression mentions: what of a scope has to be kept for later, and which slots a step is about.

use serde_json::{Map, Value};

use crate::definition::{Answer, Poll, Request, Step, Target};
use crate::expression::{Expression, Scope, Tree};

/// All expressions of a request.
pub(crate) fn of_request(request: &Request) -> Vec<&Expression> {
    let mut found = Vec::new();
    match &request.target {
        Target::Path(template) => found.extend(template.holes()),
        Target::Link(expression) => found.push(expression),
    }
    let trees = request.query.iter().map(|(_, tree)| tree);
    let trees = trees.chain(request.headers.iter().map(|(_, tree)| tree)).chain(&request.json);
    trees.for_each(|tree| of_tree(tree, &mut found));
    found
}

fn of_tree<'a>(tree: &'a Tree, found: &mut Vec<&'a Expression>) {
    match tree {
        Tree::Constant(_) => {}
        Tree::Hole(expression) => found.push(expression),
        Tree::Text(template) => found.extend(template.holes()),
        Tree::List(entries) => entries.iter().for_each(|entry| of_tree(entry, found)),
        Tree::Table(entries) => entries.iter().for_each(|(_, entry)| of_tree(entry, found)),
    }
}

/// All expressions that read an answer.
pub(crate) fn of_answer(answer: &Answer) -> Vec<&Expression> {
    let named = answer.capture.iter().chain(&answer.keep).map(|(_, expression)| expression);
    let classes = answer.classify.iter().map(|(when, _)| when);
    answer.that.iter().chain(classes).chain(named).collect()
}

/// All expressions that say what a step is about: when it runs, for what, and what it sends.
pub(crate) fn of_step(step: &Step) -> Vec<&Expression> {
    step.when.iter().chain(&step.for_each).chain(of_request(&step.request)).collect()
}

/// All expressions of a poll, with what its last answer is read for.
pub(crate) fn of_poll<'a>(poll: &'a Poll, answer: &'a Answer) -> Vec<&'a Expression> {
    let read = std::iter::once(&poll.until).chain(&poll.failed);
    read.chain(of_request(&poll.request)).chain(of_answer(answer)).collect()
}

/// As much of a scope as expressions mention, without the names in `without`.
pub(crate) fn mentioned(expressions: &[&Expression], scope: &Scope, without: &[&str]) -> Map<String, Value> {
    let mut kept = Map::new();
    for path in expressions.iter().flat_map(|expression| expression.paths()) {
        if let Some((root, rest)) = path.split_first()
            && !without.contains(&root.as_str())
            && let Some(value) = scope.0.get(root)
        {
            let place = kept.entry(root.clone()).or_insert(Value::Null);
            copy(value, rest, place);
        }
    }
    kept
}

/// Copies the value at a path below `from` to the same path below `to`. Where the path leads beyond a table, all of it.
fn copy(from: &Value, path: &[String], to: &mut Value) {
    match (from, path.split_first()) {
        (Value::Object(fields), Some((name, rest))) => {
            if !to.is_object() {
                *to = Value::Object(Map::new());
            }
            if let (Some(field), Some(kept)) = (fields.get(name), to.as_object_mut()) {
                copy(field, rest, kept.entry(name.clone()).or_insert(Value::Null));
            }
        }
        _ => *to = from.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_scope_only_what_is_mentioned_is_kept() {
        let scope = json!({"json": {"job": {"id": 7, "token": "x"}, "other": 1}, "user": {"email": "e"}, "item": "a"});
        let Value::Object(scope) = scope else { panic!() };
        let id = Expression::parse("json.job.id ~ item ~ user.email ~ json.missing").unwrap();
        let kept = mentioned(&[&id], &Scope(scope), &["user"]);
        assert_eq!(Value::Object(kept), json!({"json": {"job": {"id": 7}}, "item": "a"}));
    }

    #[test]
    fn a_name_that_is_mentioned_whole_is_kept_whole_in_either_order() {
        let scope = json!({"json": {"id": 7, "state": "done"}});
        let Value::Object(scope) = scope else { panic!() };
        let scope = Scope(scope);
        let id = Expression::parse("json.id").unwrap();
        let whole = Expression::parse("json").unwrap();
        for order in [[&id, &whole], [&whole, &id]] {
            assert_eq!(mentioned(&order, &scope, &[])["json"], json!({"id": 7, "state": "done"}));
        }
    }
}
