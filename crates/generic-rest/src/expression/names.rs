//! Which names an expression may use.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::machinery::ast::{Expr, GetAttr, GetItem};
use usher_toml_reader::did_you_mean;

use super::Problem;
use super::language::{children, range};
use super::strict::path;

/// The names that may stand at a place, as a tree.
///
/// `omit` and the constants (`none`, `true`, `false`) are no names: whether `omit` may be used is the place's affair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// Anything: what is below is the vendor's, or an administrator's, and not known at load.
    Any,
    /// A value without members.
    Leaf,
    /// These members and no others, each named by a dot.
    Keys(BTreeMap<String, Names>),
    /// A table of constants: by a dot or a literal in brackets one of these, by any other expression in brackets one that is
    /// known when it runs.
    Table(BTreeSet<String>),
}

impl Names {
    /// These members and no others.
    pub fn keys<N: Into<String>>(members: impl IntoIterator<Item = (N, Self)>) -> Self {
        Self::Keys(members.into_iter().map(|(name, names)| (name.into(), names)).collect())
    }

    /// A table of constants with these keys.
    pub fn table<N: Into<String>>(keys: impl IntoIterator<Item = N>) -> Self {
        Self::Table(keys.into_iter().map(Into::into).collect())
    }

    /// The same with one more member. What is not [`Self::Keys`] stays as it is.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, names: Self) -> Self {
        if let Self::Keys(members) = &mut self {
            members.insert(name.into(), names);
        }
        self
    }

    /// The names below one of these; an error with a hint where there is no such name.
    fn below(&self, name: &str) -> Result<&Self, String> {
        match self {
            Self::Any => Ok(&Self::Any),
            Self::Leaf => Err("it is one value, and nothing is below it".into()),
            Self::Keys(members) => members
                .get(name)
                .ok_or_else(|| did_you_mean(name, &members.keys().map(String::as_str).collect::<Vec<_>>())),
            Self::Table(keys) => match keys.contains(name) {
                true => Ok(&Self::Any),
                false => Err(did_you_mean(name, &keys.iter().map(String::as_str).collect::<Vec<_>>())),
            },
        }
    }
}

/// Where a path begins; minijinja's own place of a long one is that of its last member.
fn start(expression: &Expr<'_>) -> usize {
    match expression {
        Expr::GetAttr(member) => start(&member.expr),
        Expr::GetItem(item) => start(&item.expr),
        other => range(other.span()).start,
    }
}

/// The names that an expression uses and that are not there. `omit`: whether that may stand in it.
pub(super) fn check(expression: &Expr<'_>, names: &Names, omit: bool) -> Vec<Problem> {
    let mut check = Check { names, omit, problems: Vec::new() };
    check.walk(expression);
    check.problems
}

struct Check<'n> {
    names: &'n Names,
    omit: bool,
    problems: Vec<Problem>,
}

impl<'n> Check<'n> {
    /// Checks an expression; gives the names below it, where they are known.
    fn walk(&mut self, expression: &Expr<'_>) -> Option<&'n Names> {
        match expression {
            Expr::Var(var) if var.id == "omit" => {
                if !self.omit {
                    self.problems.push(
                        Problem::new("`omit` has no place here", range(var.span()))
                            .hint("it leaves out a whole value of a query, a header or a JSON body"),
                    );
                }
                None
            }
            Expr::Var(var) => self.below(self.names, var.id, var.id, range(var.span())),
            Expr::GetAttr(member) => self.member(expression, member),
            Expr::GetItem(item) => self.item(item),
            other => {
                for part in children(other) {
                    self.walk(part);
                }
                None
            }
        }
    }

    fn below(
        &mut self,
        owner: &'n Names,
        name: &str,
        shown: &str,
        range: std::ops::Range<usize>,
    ) -> Option<&'n Names> {
        owner
            .below(name)
            .map_err(|hint| {
                self.problems.push(Problem::new(format!("there is no `{shown}` here"), range).hint(hint));
            })
            .ok()
    }

    fn member(&mut self, expression: &Expr<'_>, member: &GetAttr<'_>) -> Option<&'n Names> {
        let owner = self.walk(&member.expr)?;
        let shown = path(expression).unwrap_or_else(|| member.name.to_owned());
        self.below(owner, member.name, &shown, start(expression)..range(expression.span()).end)
    }

    fn item(&mut self, item: &GetItem<'_>) -> Option<&'n Names> {
        let owner = self.walk(&item.expr);
        self.walk(&item.subscript_expr);
        let constant = match &item.subscript_expr {
            Expr::Const(constant) => constant.value.as_str().map(str::to_owned),
            _ => None,
        };
        let owner_path = path(&item.expr).unwrap_or_else(|| "it".into());
        match (owner?, constant) {
            (owner, Some(name)) => {
                let shown = format!("{owner_path}['{name}']");
                self.below(owner, &name, &shown, range(item.subscript_expr.span()))
            }
            (Names::Keys(_), None) => {
                self.problems.push(
                    Problem::new(
                        format!("what is below `{owner_path}` is named by a dot, not in brackets"),
                        range(item.subscript_expr.span()),
                    )
                    .hint("only `tables.NAME[…]` and what a vendor sent can be asked by a value"),
                );
                None
            }
            _ => None,
        }
    }
}
