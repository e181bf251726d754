//! What an expression may use beside names: the filters, tests and operators there are, and nothing else.

use std::ops::RangeInclusive;
use std::sync::OnceLock;

use minijinja::machinery::Span;
use minijinja::machinery::ast::{CallArg, Expr, Filter, Test};
use minijinja::value::ValueKind;
use minijinja::{Environment, UndefinedBehavior, Value};
use usher_toml_reader::did_you_mean;

use super::filters::MAPPED;
use super::value::Omit;
use super::{Problem, filters, operators};

/// Steps, entries and (64 each) bytes that one evaluation may use.
const FUEL: u64 = 2_000_000;

/// A filter or a test, and what it takes beside the value.
struct Known {
    name: &'static str,
    takes: RangeInclusive<usize>,
    keywords: &'static [&'static str],
}

const fn known(name: &'static str, least: usize, most: usize) -> Known {
    Known { name, takes: least..=most, keywords: &[] }
}

/// The filters, as the table in the documentation of [`super`] has them.
const FILTERS: [Known; 27] = [
    known("base64", 0, 0),
    known("default", 1, 1),
    known("first", 0, 0),
    known("int", 0, 0),
    known("join", 0, 1),
    known("json_pointer", 1, 1),
    known("last", 0, 0),
    known("last_segment", 0, 0),
    known("length", 0, 0),
    known("lower", 0, 0),
    Known { name: "map", takes: 0..=1, keywords: &["attribute", "default"] },
    known("one", 0, 0),
    known("one_or_none", 0, 0),
    known("reject", 0, 0),
    known("rejectattr", 1, 1),
    known("replace", 2, 2),
    known("select", 0, 0),
    known("selectattr", 1, 1),
    known("sha256", 0, 0),
    known("slug", 0, 0),
    known("sort", 0, 0),
    known("split", 0, 1),
    known("string", 0, 0),
    known("trim", 0, 0),
    known("unique", 0, 0),
    known("upper", 0, 0),
    known("where", 2, 2),
];

/// The tests: what may follow `is`.
const TESTS: [Known; 11] = [
    known("boolean", 0, 0),
    known("defined", 0, 0),
    known("endingwith", 1, 1),
    known("integer", 0, 0),
    known("list", 0, 0),
    known("none", 0, 0),
    known("number", 0, 0),
    known("startingwith", 1, 1),
    known("string", 0, 0),
    known("table", 0, 0),
    known("undefined", 0, 0),
];

/// Filters that somebody who knows Jinja would look for, and what there is instead.
const INSTEAD: [(&str, &str); 12] = [
    ("tojson", "a hole that is the whole value keeps its type, and the body is written as JSON"),
    ("urlencode", "values in paths and queries are encoded where they are put"),
    ("safe", "nothing is escaped in a hole; values are encoded where they are put"),
    ("escape", "nothing is escaped in a hole; values are encoded where they are put"),
    ("e", "nothing is escaped in a hole; values are encoded where they are put"),
    ("d", "write `default`"),
    ("count", "write `length`"),
    ("list", "there are lists only: leave it out"),
    ("items", "look into a table by its members' names"),
    ("float", "there are whole numbers only"),
    ("round", "there are whole numbers only; `//` divides them"),
    ("bool", "compare it: `x == 'true'`"),
];

/// Where expressions run: no templates, no functions, and the filters and tests of this crate alone.
pub(super) fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(64);
        environment.add_global("omit", Value::from_object(Omit));
        operators::add(&mut environment);
        filters::add(&mut environment);
        add_tests(&mut environment);
        environment
    })
}

fn add_tests(environment: &mut Environment<'_>) {
    let is = |kind: ValueKind| move |value: &Value| value.kind() == kind;
    environment.add_test("defined", |value: &Value| !value.is_undefined());
    environment.add_test("undefined", |value: &Value| value.is_undefined());
    environment.add_test("none", is(ValueKind::None));
    environment.add_test("boolean", is(ValueKind::Bool));
    environment.add_test("number", is(ValueKind::Number));
    environment.add_test("integer", |value: &Value| value.is_integer());
    environment.add_test("string", is(ValueKind::String));
    environment.add_test("table", is(ValueKind::Map));
    environment
        .add_test("list", |value: &Value| matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable));
    let texts = |test: &'static str, holds: fn(&str, &str) -> bool| {
        move |value: &Value, other: &Value| {
            let value = filters::expect_text(test, value).map_err(filters::refuse)?;
            Ok::<_, minijinja::Error>(holds(
                value,
                filters::expect_text(test, other).map_err(filters::refuse)?,
            ))
        }
    };
    environment.add_test("startingwith", texts("startingwith", |value, other| value.starts_with(other)));
    environment.add_test("endingwith", texts("endingwith", |value, other| value.ends_with(other)));
}

/// What is wrong with an expression whatever the names are.
pub(super) fn examine(expression: &Expr<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    visit(expression, &mut |part| examine_one(part, &mut problems));
    problems
}

fn examine_one(part: &Expr<'_>, problems: &mut Vec<Problem>) {
    let range = range(part.span());
    match part {
        Expr::Filter(filter) => examine_filter(filter, problems, range),
        Expr::Test(test) => examine_test(test, problems, range),
        Expr::Call(_) => problems.push(
            Problem::new("functions cannot be called in an expression", range)
                .hint("filters are written with a bar: `value | filter`"),
        ),
        Expr::Compare(_) => problems.push(
            Problem::new("comparisons cannot be chained", range).hint("compare two at a time, with `and`"),
        ),
        Expr::IfExpr(choice) if choice.false_expr.is_none() => {
            problems.push(Problem::new("an `if` needs its `else`", range).hint("`x if condition else none`"));
        }
        _ => {}
    }
}

fn examine_filter(filter: &Filter<'_>, problems: &mut Vec<Problem>, range: std::ops::Range<usize>) {
    let Some(known) = FILTERS.iter().find(|known| known.name == filter.name) else {
        let hint = match INSTEAD.iter().find(|(name, _)| *name == filter.name) {
            Some((_, instead)) => (*instead).to_owned(),
            None if filter.name.contains('.') => {
                "a member of what a filter gives is taken in parentheses: `(list | one).id`".into()
            }
            None => did_you_mean(filter.name, &FILTERS.each_ref().map(|known| known.name)),
        };
        problems.push(Problem::new(format!("there is no filter `{}`", filter.name), range).hint(hint));
        return;
    };
    examine_arguments("filter", known, &filter.args, problems, &range);
    if known.name == "map" {
        examine_map(&filter.args, problems, range);
    }
}

fn examine_map(arguments: &[CallArg<'_>], problems: &mut Vec<Problem>, range: std::ops::Range<usize>) {
    let has =
        |wanted: &str| arguments.iter().any(|a| matches!(a, CallArg::Kwarg(name, _) if *name == wanted));
    let first = arguments.iter().find_map(|argument| match argument {
        CallArg::Pos(value) => Some(value),
        _ => None,
    });
    let message = match (first, has("attribute")) {
        (None, true) => return,
        (Some(Expr::Const(constant)), false) if !has("default") => {
            if constant.value.as_str().is_some_and(|name| MAPPED.contains(&name)) {
                return;
            }
            "`map` applies a filter that takes nothing beside the value"
        }
        _ => "`map` takes `attribute=` (and `default=`), or the name of a filter in quotes",
    };
    problems.push(
        Problem::new(message, range)
            .hint(format!("`map(attribute='name')`, or `map('…')` with one of: {}", MAPPED.join(", "))),
    );
}

fn examine_test(test: &Test<'_>, problems: &mut Vec<Problem>, range: std::ops::Range<usize>) {
    let Some(known) = TESTS.iter().find(|known| known.name == test.name) else {
        let names = TESTS.each_ref().map(|known| known.name);
        problems.push(
            Problem::new(format!("there is no test `is {}`", test.name), range)
                .hint(did_you_mean(test.name, &names)),
        );
        return;
    };
    examine_arguments("test", known, &test.args, problems, &range);
}

fn examine_arguments(
    what: &str,
    known: &Known,
    arguments: &[CallArg<'_>],
    problems: &mut Vec<Problem>,
    range: &std::ops::Range<usize>,
) {
    let name = known.name;
    let given = arguments.iter().filter(|argument| matches!(argument, CallArg::Pos(_))).count();
    if !known.takes.contains(&given) {
        let (least, most) = (known.takes.start(), known.takes.end());
        let takes = if least == most { least.to_string() } else { format!("{least} or {most}") };
        problems.push(Problem::new(
            format!("the {what} `{name}` takes {takes} arguments, and {given} are given"),
            range.clone(),
        ));
    }
    for argument in arguments {
        match argument {
            CallArg::Pos(_) => {}
            CallArg::Kwarg(keyword, _) if known.keywords.contains(keyword) => {}
            CallArg::Kwarg(keyword, _) => problems.push(
                Problem::new(format!("the {what} `{name}` takes no `{keyword}=`"), range.clone())
                    .hint(did_you_mean(keyword, known.keywords)),
            ),
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {
                problems.push(Problem::new("`*` cannot stand before an argument", range.clone()));
            }
        }
    }
}

/// Bytes within the expression.
pub(super) fn range(span: Span) -> std::ops::Range<usize> {
    let offset = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
    offset(span.start_offset)..offset(span.end_offset)
}

/// Calls `see` with an expression and all within it.
pub(super) fn visit<'e, 'a>(expression: &'e Expr<'a>, see: &mut dyn FnMut(&'e Expr<'a>)) {
    see(expression);
    for part in children(expression) {
        visit(part, see);
    }
}

/// What an expression is made of.
pub(super) fn children<'e, 'a>(expression: &'e Expr<'a>) -> Vec<&'e Expr<'a>> {
    match expression {
        Expr::Var(_) | Expr::Const(_) => Vec::new(),
        Expr::Slice(slice) => {
            let bounds = [&slice.start, &slice.stop, &slice.step];
            std::iter::once(&slice.expr).chain(bounds.into_iter().flatten()).collect()
        }
        Expr::UnaryOp(operation) => vec![&operation.expr],
        Expr::BinOp(operation) => vec![&operation.left, &operation.right],
        Expr::Compare(chain) => {
            std::iter::once(&chain.expr).chain(chain.ops.iter().map(|op| &op.expr)).collect()
        }
        Expr::IfExpr(choice) => {
            [&choice.test_expr, &choice.true_expr].into_iter().chain(choice.false_expr.as_ref()).collect()
        }
        Expr::Filter(filter) => filter.expr.iter().chain(filter.args.iter().map(argument)).collect(),
        Expr::Test(test) => std::iter::once(&test.expr).chain(test.args.iter().map(argument)).collect(),
        Expr::GetAttr(member) => vec![&member.expr],
        Expr::GetItem(item) => vec![&item.expr, &item.subscript_expr],
        Expr::Call(call) => std::iter::once(&call.expr).chain(call.args.iter().map(argument)).collect(),
        Expr::List(list) => list.items.iter().collect(),
        Expr::Tuple(tuple) => tuple.items.iter().collect(),
        Expr::Map(table) => table.keys.iter().chain(&table.values).collect(),
    }
}

fn argument<'e, 'a>(argument: &'e CallArg<'a>) -> &'e Expr<'a> {
    match argument {
        CallArg::Pos(value)
        | CallArg::Kwarg(_, value)
        | CallArg::PosSplat(value)
        | CallArg::KwargSplat(value) => value,
    }
}
