//! Makes a parse tree strict: what is not there is an error where it is met, and no operator guesses.
//!
//! minijinja's own strictness lets `json.staus == 'done'` be false. Here every member, name and filter must give something,
//! except right below `default`, `is defined` and `is undefined`.

use minijinja::Value;
use minijinja::machinery::Span;
use minijinja::machinery::ast::{
    BinOp, BinOpKind, CallArg, Const, Expr, Filter, GetItem, IfExpr, List, Map, Slice, Spanned, Test, Tuple,
    UnaryOp, UnaryOpKind, Var,
};

use super::operators::{EQUAL, IN, MEMBER, MEMBER_IF_ANY, ORDER, PRESENT, SLICED, TEXT};

/// The strict form of an expression that [`super::language::examine`] found nothing wrong with.
pub(super) fn strict<'a>(expression: &Expr<'a>) -> Expr<'a> {
    rewrite(expression, false)
}

/// `lenient`: what is not there is allowed here.
fn rewrite<'a>(expression: &Expr<'a>, lenient: bool) -> Expr<'a> {
    let span = expression.span();
    match expression {
        Expr::Const(constant) => Expr::Const(Spanned::new(Const { value: constant.value.clone() }, span)),
        Expr::Var(var) => {
            let name = Expr::Var(Spanned::new(Var { id: var.id }, span));
            present(name, lenient, || format!("`{}`", var.id), span)
        }
        Expr::GetAttr(member) => {
            let owner = strict(&member.expr);
            if lenient {
                return apply(MEMBER_IF_ANY, owner, [text(member.name, span)], span);
            }
            let path = path(expression).unwrap_or_else(|| format!("….{}", member.name));
            apply(MEMBER, owner, [text(member.name, span), text(&path, span)], span)
        }
        Expr::GetItem(item) => {
            let found = GetItem { expr: strict(&item.expr), subscript_expr: strict(&item.subscript_expr) };
            let what = || match path(&item.expr) {
                Some(path) => format!("what is asked for in `{path}`"),
                None => "what is asked for in brackets".into(),
            };
            present(Expr::GetItem(Spanned::new(found, span)), lenient, what, span)
        }
        Expr::Filter(filter) => {
            let applied = rewrite_filter(filter, span);
            present(applied, lenient, || format!("what `{}` looks for", filter.name), span)
        }
        Expr::Test(test) => Expr::Test(Spanned::new(
            Test {
                name: test.name,
                expr: rewrite(&test.expr, matches!(test.name, "defined" | "undefined")),
                args: arguments(&test.args),
            },
            span,
        )),
        Expr::BinOp(operation) => rewrite_operation(operation, span),
        Expr::UnaryOp(operation) => {
            // The kind cannot be copied.
            let op =
                if matches!(operation.op, UnaryOpKind::Not) { UnaryOpKind::Not } else { UnaryOpKind::Neg };
            Expr::UnaryOp(Spanned::new(UnaryOp { op, expr: strict(&operation.expr) }, span))
        }
        Expr::IfExpr(choice) => Expr::IfExpr(Spanned::new(
            IfExpr {
                test_expr: strict(&choice.test_expr),
                true_expr: rewrite(&choice.true_expr, lenient),
                false_expr: choice.false_expr.as_ref().map(|other| rewrite(other, lenient)),
            },
            span,
        )),
        Expr::Slice(slice) => Expr::Slice(Spanned::new(
            Slice {
                expr: apply(SLICED, strict(&slice.expr), [], span),
                start: slice.start.as_ref().map(strict),
                stop: slice.stop.as_ref().map(strict),
                step: slice.step.as_ref().map(strict),
            },
            span,
        )),
        Expr::List(list) => {
            Expr::List(Spanned::new(List { items: list.items.iter().map(strict).collect() }, span))
        }
        Expr::Tuple(tuple) => {
            Expr::Tuple(Spanned::new(Tuple { items: tuple.items.iter().map(strict).collect() }, span))
        }
        Expr::Map(table) => Expr::Map(Spanned::new(
            Map {
                keys: table.keys.iter().map(strict).collect(),
                values: table.values.iter().map(strict).collect(),
            },
            span,
        )),
        // Refused when it is read. Were one to come here, it is nothing, which is an error.
        Expr::Compare(_) | Expr::Call(_) => {
            Expr::Const(Spanned::new(Const { value: Value::UNDEFINED }, span))
        }
    }
}

fn rewrite_filter<'a>(filter: &Filter<'a>, span: Span) -> Expr<'a> {
    let expr = filter.expr.as_ref().map(|expr| rewrite(expr, filter.name == "default"));
    Expr::Filter(Spanned::new(Filter { name: filter.name, expr, args: arguments(&filter.args) }, span))
}

fn rewrite_operation<'a>(operation: &BinOp<'a>, span: Span) -> Expr<'a> {
    let (left, right) = (strict(&operation.left), strict(&operation.right));
    let not = |expr| Expr::UnaryOp(Spanned::new(UnaryOp { op: UnaryOpKind::Not, expr }, span));
    match operation.op {
        BinOpKind::Eq => apply(EQUAL, left, [right], span),
        BinOpKind::Ne => not(apply(EQUAL, left, [right], span)),
        BinOpKind::Lt => apply(ORDER, left, [right, text("<", span)], span),
        BinOpKind::Lte => apply(ORDER, left, [right, text("<=", span)], span),
        BinOpKind::Gt => apply(ORDER, left, [right, text(">", span)], span),
        BinOpKind::Gte => apply(ORDER, left, [right, text(">=", span)], span),
        BinOpKind::In => apply(IN, left, [right], span),
        BinOpKind::Concat => {
            binary(BinOpKind::Concat, apply(TEXT, left, [], span), apply(TEXT, right, [], span), span)
        }
        op => binary(op, left, right, span),
    }
}

fn binary<'a>(op: BinOpKind, left: Expr<'a>, right: Expr<'a>, span: Span) -> Expr<'a> {
    Expr::BinOp(Spanned::new(BinOp { op, left, right }, span))
}

fn arguments<'a>(arguments: &[CallArg<'a>]) -> Vec<CallArg<'a>> {
    arguments
        .iter()
        .map(|argument| match argument {
            CallArg::Pos(value) => CallArg::Pos(strict(value)),
            CallArg::Kwarg(name, value) => CallArg::Kwarg(name, strict(value)),
            CallArg::PosSplat(value) => CallArg::PosSplat(strict(value)),
            CallArg::KwargSplat(value) => CallArg::KwargSplat(strict(value)),
        })
        .collect()
}

fn present<'a>(value: Expr<'a>, lenient: bool, what: impl FnOnce() -> String, span: Span) -> Expr<'a> {
    if lenient { value } else { apply(PRESENT, value, [text(&what(), span)], span) }
}

fn apply<'a, const N: usize>(
    filter: &'static str,
    value: Expr<'a>,
    arguments: [Expr<'a>; N],
    span: Span,
) -> Expr<'a> {
    let args = arguments.into_iter().map(CallArg::Pos).collect();
    Expr::Filter(Spanned::new(Filter { name: filter, expr: Some(value), args }, span))
}

fn text<'a>(text: &str, span: Span) -> Expr<'a> {
    Expr::Const(Spanned::new(Const { value: Value::from(text) }, span))
}

/// `person.hit.id`, if it is nothing but names.
pub(super) fn path(expression: &Expr<'_>) -> Option<String> {
    match expression {
        Expr::Var(var) => Some(var.id.to_owned()),
        Expr::GetAttr(member) => Some(format!("{}.{}", path(&member.expr)?, member.name)),
        _ => None,
    }
}
