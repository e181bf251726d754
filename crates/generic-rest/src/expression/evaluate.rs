//! One expression: read once, evaluated as often as needed.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::sync::Arc;

use minijinja::machinery::ast::Expr;
use minijinja::machinery::{self, CodeGenerator, Token};
use minijinja::{AutoEscape, Error, ErrorKind, Value as Inner};
use serde_json::Value;

use super::error::shown;
use super::language::{children, environment, examine};
use super::names::check;
use super::strict::strict;
use super::value::{is_omit, to_json, to_value};
use super::{EvalError, EvalErrorKind, Names, Problem, Scope};

/// Bytes of an expression at the most.
const MAX_SOURCE: usize = 4 * 1024;

/// Names, operators, brackets and so on of an expression at the most: what keeps its tree from being too deep to walk.
const MAX_TOKENS: usize = 300;

/// Brackets within each other at the most, with each `not`, `else` and `-` before them: what the parser recurses by. Its own
/// limit is of more levels than a worker's stack has room for.
const MAX_NESTING: usize = 24;

/// An expression that has been read, such as `items | one_or_none`. `Debug` shows its source.
#[derive(Clone, Debug)]
pub struct Expression {
    /// As written, without the braces of a hole.
    source: Arc<str>,
    /// Where that begins in the text that it was cut from.
    offset: usize,
    /// The names that it uses, each with its members as far as they are known.
    paths: Arc<[Vec<String>]>,
}

impl Expression {
    /// Reads an expression: its grammar, and the filters, tests and operators that it uses. Names are for [`Self::check`].
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn parse(source: &str) -> Result<Self, Problem> {
        Self::cut(source, 0)
    }

    /// As [`Self::parse`], of an expression that begins at `offset` of a text.
    pub(super) fn cut(source: &str, offset: usize) -> Result<Self, Problem> {
        let tree = read(source).map_err(|problem| problem.shifted(offset))?;
        if let Some(problem) = examine(&tree).into_iter().next() {
            return Err(problem.shifted(offset));
        }
        let mut paths = BTreeSet::new();
        collect_paths(&tree, &mut paths);
        Ok(Self { source: source.into(), offset, paths: paths.into_iter().collect() })
    }

    /// The names that it uses and that are not there, all of them; and `omit`, which has no place in an expression key.
    pub fn check(&self, names: &Names) -> Vec<Problem> {
        self.check_with(names, false)
    }

    /// As [`Self::check`]; `omit`: whether that may stand in it.
    pub(super) fn check_with(&self, names: &Names, omit: bool) -> Vec<Problem> {
        let problems = match read(&self.source) {
            Ok(tree) => check(&tree, names, omit),
            Err(problem) => vec![problem],
        };
        problems.into_iter().map(|problem| problem.shifted(self.offset)).collect()
    }

    /// As written, without the braces of a hole.
    pub fn source(&self) -> &str {
        self.source.trim()
    }

    /// The names that it uses, sorted, each with its members: `json.job.id` and `json['job']['id']` are both `[json, job, id]`.
    /// What is asked for by a value or by a number ends a path before it.
    pub fn paths(&self) -> &[Vec<String>] {
        &self.paths
    }

    /// Its value.
    ///
    /// # Errors
    /// Something is undefined or of a wrong type, several entries were found where there may be one, the value is `omit`, or a
    /// limit is reached.
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, EvalError> {
        self.evaluate_or_omit(scope)?
            .ok_or_else(|| EvalError::wrong_type("`omit` can only be a whole value").of(&self.source))
    }

    /// Its value, or `None` for `omit`.
    ///
    /// # Errors
    /// As [`Self::evaluate`], less `omit`.
    pub fn evaluate_or_omit(&self, scope: &Scope) -> Result<Option<Value>, EvalError> {
        let value = self.run(scope).map_err(|error| error.of(&self.source))?;
        if is_omit(&value) {
            return Ok(None);
        }
        to_json(&value).map(Some).map_err(|error| error.of(&self.source))
    }

    /// Whether its value is true: neither null nor false, nor zero, nor an empty text, list or table.
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub fn truth(&self, scope: &Scope) -> Result<bool, EvalError> {
        Ok(match self.evaluate(scope)? {
            Value::Null => false,
            Value::Bool(truth) => truth,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            Value::Array(list) => !list.is_empty(),
            Value::Object(table) => !table.is_empty(),
        })
    }

    fn run(&self, scope: &Scope) -> Result<Inner, EvalError> {
        // Compiled anew each time: the instructions borrow from the source, and a call to a vendor costs a thousand times more.
        let tree = read(&self.source).map_err(|problem| EvalError::other(problem.message))?;
        let mut code = CodeGenerator::new("expression", &self.source);
        code.compile_expr(&strict(&tree));
        let (instructions, blocks) = code.finish();
        // No more of the scope than it uses: the rest may be pages of the vendor's.
        let mut roots: Vec<&String> = self.paths.iter().filter_map(|path| path.first()).collect();
        roots.dedup();
        let known = roots.into_iter().filter_map(|root| scope.0.get_key_value(root));
        let root = Inner::from_pairs(known.map(|(name, value)| (name.as_str(), to_value(value))));
        let mut nowhere = String::new();
        let mut output = machinery::make_string_output(&mut nowhere);
        match machinery::eval(environment(), &instructions, root, &blocks, &mut output, AutoEscape::None) {
            Ok((Some(value), _)) => Ok(value),
            Ok((None, _)) => Err(EvalError::other("the expression gives nothing")),
            Err(error) => Err(translate(&error)),
        }
    }
}

/// Adds the longest paths of an expression.
fn collect_paths(expression: &Expr<'_>, paths: &mut BTreeSet<Vec<String>>) {
    let mut path = Vec::new();
    let mut owner = expression;
    loop {
        match owner {
            Expr::Var(var) if var.id == "omit" => return,
            Expr::Var(var) => {
                path.push(var.id.to_owned());
                path.reverse();
                paths.insert(path);
                return;
            }
            Expr::GetAttr(member) => {
                path.push(member.name.to_owned());
                owner = &member.expr;
            }
            Expr::GetItem(item) => {
                match &item.subscript_expr {
                    Expr::Const(constant) if constant.value.as_str().is_some() => {
                        path.extend(constant.value.as_str().map(str::to_owned));
                    }
                    other => {
                        collect_paths(other, paths);
                        path.clear();
                    }
                }
                owner = &item.expr;
            }
            other => {
                for part in children(other) {
                    collect_paths(part, paths);
                }
                return;
            }
        }
    }
}

/// minijinja's parse tree.
fn read(source: &str) -> Result<Expr<'_>, Problem> {
    let whole = 0..source.len();
    if source.trim().is_empty() {
        return Err(Problem::new("the expression is empty", whole));
    }
    if source.len() > MAX_SOURCE {
        return Err(Problem::new(format!("the expression is longer than {MAX_SOURCE} bytes"), whole));
    }
    measure(source).map_err(|(message, hint)| Problem::new(message, whole.clone()).hint(hint))?;
    machinery::parse_expr(source).map_err(|error| {
        let why = error.detail().map(str::to_owned).unwrap_or_else(|| error.kind().to_string());
        let problem =
            Problem::new(format!("the expression `{}` cannot be read: {why}", shown(source)), whole);
        match ["&&", "||", "===", "!="].into_iter().find(|operator| source.contains(operator)) {
            Some("&&" | "||") => problem.hint("write `and`, `or`, `not`"),
            Some("===") => problem.hint("write `==`"),
            _ => problem,
        }
    })
}

/// Whether an expression is small and flat enough to be parsed and walked; if not, why, and what to do.
fn measure(source: &str) -> Result<(), (String, &'static str)> {
    let mut outer = Vec::new();
    let mut depth = 0_usize;
    let tokens = machinery::tokenize(source, true, minijinja::syntax::SyntaxConfig::default());
    // One that cannot be read ends them; the parser says why.
    for (number, (token, _)) in tokens.map_while(Result::ok).enumerate() {
        if number >= MAX_TOKENS {
            let message = format!("the expression has more than {MAX_TOKENS} parts");
            return Err((message, "split it: `capture` can keep what is in between"));
        }
        match token {
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => {
                outer.push(depth);
                depth += 1;
            }
            Token::ParenClose | Token::BracketClose | Token::BraceClose => depth = outer.pop().unwrap_or(0),
            Token::Ident("not" | "else") | Token::Minus => depth += 1,
            _ => {}
        }
        if depth > MAX_NESTING {
            let message = format!("the expression is nested deeper than {MAX_NESTING}");
            return Err((message, "split it: `capture` can keep what is in between"));
        }
    }
    Ok(())
}

/// An error of ours as it was made; minijinja's without its words, which may quote values.
fn translate(error: &Error) -> EvalError {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(ours) = inner.downcast_ref::<EvalError>() {
            return ours.clone();
        }
        source = inner.source();
    }
    match error.kind() {
        ErrorKind::UndefinedError => EvalError::undefined("something that it uses is not there"),
        ErrorKind::OutOfFuel => EvalError::other("it would take too much work or room"),
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction => {
            EvalError::other("it uses a filter, test or function that there is not")
        }
        _ => EvalError::new(
            EvalErrorKind::WrongType,
            "an operator or filter is given a value that it cannot take",
        ),
    }
}
