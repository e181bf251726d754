//! Look-ups, one after another, each with all of its pages.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use usher_core::{Call, Evidence, Fault};
use usher_vendor_client::VendorResponse;

use super::answer::{Verdict, evaluate, judge, kept};
use super::calls::{ask, count, in_words};
use super::connection::GenericRestConnection;
use super::error::Operation;
use super::scope;
use crate::definition::{Lookup, Pages, Paginate};
use crate::expression::{EvalError, EvalErrorKind, Expression, Scope};

/// Entries of one list at the most, over all of its pages.
const MOST_ITEMS: usize = 50_000;

/// Why a reading does not go on.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// It failed.
    Failed(Fault),
    /// Several entries were found where there may be one: nobody can say whose account is meant.
    Several(u32),
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault)
    }
}

impl Stopped {
    /// An expression of the reading could not be evaluated; `fault` says what that means otherwise.
    pub(crate) fn by(error: &EvalError, fault: impl FnOnce() -> Fault) -> Self {
        match error.kind {
            EvalErrorKind::Ambiguous { hits } => Self::Several(u32::try_from(hits).unwrap_or(u32::MAX)),
            _ => Self::Failed(fault()),
        }
    }
}

/// A reading under way.
pub(crate) struct Reading<'a> {
    pub(crate) connection: &'a GenericRestConnection,
    pub(crate) call: &'a Call,
    /// Grows with every look-up.
    pub(crate) scope: Scope,
    pub(crate) captures: Map<String, Value>,
    pub(crate) known: Map<String, Value>,
    /// What this reading has kept itself.
    pub(crate) fresh: Map<String, Value>,
    pub(crate) evidence: Vec<Evidence>,
}

/// What a list came to.
struct Listed {
    pages: u32,
    items: Vec<Value>,
}

impl Reading<'_> {
    /// Runs a look-up: what it captures, and what it keeps, is in scope from then on.
    pub(crate) async fn look_up(&mut self, lookup: &Lookup) -> Result<(), Stopped> {
        let operation = Operation::read(format!("look-up {}", lookup.id), &lookup.request);
        let runs = match &lookup.when {
            None => true,
            Some(when) => {
                let truth = when.truth(&self.scope);
                truth.map_err(|error| Stopped::by(&error, || operation.undecided(&error)))?
            }
        };
        if !runs || !self.read(lookup, &operation).await? {
            let nothing = lookup.answer.capture.iter().map(|(name, _)| (name.clone(), Value::Null)).collect();
            self.captured(lookup, nothing);
        }
        scope::forget_answer(&mut self.scope);
        Ok(())
    }

    /// Whether there was something to capture.
    async fn read(&mut self, lookup: &Lookup, operation: &Operation) -> Result<bool, Stopped> {
        let page = match &lookup.paginate {
            Some(Paginate { pages: Pages::Number { parameter, first, .. }, .. }) => {
                Some((parameter.as_str(), *first))
            }
            _ => None,
        };
        let response = ask(self.connection, self.call, operation, &lookup.request, &self.scope, page).await?;
        let (response, listed) = match &lookup.paginate {
            None => {
                if self.take(lookup, operation, &response)? == Verdict::Gone {
                    return Ok(self.saw_nothing(operation, &response));
                }
                (response, None)
            }
            Some(paginate) => match self.pages(lookup, paginate, operation, response).await? {
                (response, None) => return Ok(self.saw_nothing(operation, &response)),
                (response, listed) => (response, listed),
            },
        };
        let extent = listed.as_ref().map(|listed| {
            format!(
                "{} on {}",
                count(listed.items.len(), "entry", "entries"),
                count(listed.pages, "page", "pages")
            )
        });
        if let Some(listed) = listed {
            self.scope.0.insert("items".to_owned(), Value::Array(listed.items));
        }
        let unreadable = |error: &EvalError| Stopped::by(error, || operation.unreadable(&response, error));
        let captured = evaluate(&lookup.answer.capture, &self.scope).map_err(|error| unreadable(&error))?;
        let kept = kept(&lookup.answer, &self.scope).map_err(|why| operation.unreadable(&response, why))?;
        self.saw(operation, &response, extent, &captured);
        self.captured(lookup, captured);
        self.keep(kept);
        Ok(true)
    }

    /// Takes an answer into the scope, and judges it.
    fn take(
        &mut self,
        lookup: &Lookup,
        operation: &Operation,
        response: &VendorResponse,
    ) -> Result<Verdict, Fault> {
        scope::answer(&mut self.scope, response);
        judge(operation, &lookup.answer, &self.scope, response, self.connection.clock.now())
    }

    /// All pages, from the first one's answer on, with the last one's; `None`: what is asked about is not there.
    async fn pages(
        &mut self,
        lookup: &Lookup,
        paginate: &Paginate,
        operation: &Operation,
        first: VendorResponse,
    ) -> Result<(VendorResponse, Option<Listed>), Stopped> {
        let mut response = first;
        let mut items: Vec<Value> = Vec::new();
        let mut before: Option<Vec<Value>> = None;
        let mut told = BTreeSet::new();
        let mut count = None;
        let mut links = BTreeSet::new();
        for page in 1..=paginate.max_pages {
            if self.take(lookup, operation, &response)? == Verdict::Gone {
                return match (page, &paginate.pages) {
                    (1, _) => Ok((response, None)),
                    // Where nobody says how many pages there are, that is another way to say that this was the last one.
                    (_, Pages::Number { pages: None, .. }) => {
                        Ok((response, Some(Listed { pages: page - 1, items })))
                    }
                    _ => {
                        let why = format!("page {page} is not there, and the one before it leads to it");
                        Err(operation.shifted(why).into())
                    }
                };
            }
            let found = self.items(&paginate.items, operation, &response)?;
            if !found.is_empty() && before.as_ref() == Some(&found) {
                return Err(operation
                    .endless(format!("page {page} is the same as the one before it"))
                    .into());
            }
            items.extend(found.iter().filter(|entry| !told.contains(&mark(entry))).cloned());
            told.extend(found.iter().filter(|entry| entry.is_object()).map(mark));
            if items.len() > MOST_ITEMS {
                return Err(operation.endless(format!("the list has more than {MOST_ITEMS} entries")).into());
            }
            let next =
                self.next(&paginate.pages, page, found.is_empty(), &mut count, operation, &response)?;
            before = Some(found);
            response = match next {
                Next::End => return Ok((response, Some(Listed { pages: page, items }))),
                // Whether somebody is not there cannot be told from a part of the list.
                _ if page == paginate.max_pages => break,
                Next::Link(link) => {
                    if !links.insert(link.clone()) {
                        return Err(operation
                            .endless(format!("page {page} leads back to a page before it"))
                            .into());
                    }
                    let linked = self.connection.client.get_link(self.call, &link).await;
                    linked.map_err(|failure| operation.unanswered(failure))?
                }
                Next::Number(parameter, number) => {
                    scope::forget_answer(&mut self.scope);
                    let page = Some((parameter, number));
                    ask(self.connection, self.call, operation, &lookup.request, &self.scope, page).await?
                }
            };
        }
        let why = format!(
            "the list has more than {} pages: raise max_pages, or narrow the search",
            paginate.max_pages
        );
        Err(operation.endless(why).into())
    }

    fn items(
        &self,
        expression: &Expression,
        operation: &Operation,
        response: &VendorResponse,
    ) -> Result<Vec<Value>, Stopped> {
        match expression.evaluate(&self.scope) {
            Ok(Value::Array(items)) => Ok(items),
            Ok(_) => {
                let why = format!("`{}` gives no list", expression.source());
                Err(operation.unreadable(response, why).into())
            }
            Err(error) => Err(Stopped::by(&error, || operation.unreadable(response, &error))),
        }
    }

    /// How the list goes on after a page. `count`: how many pages the one before said that there are.
    fn next<'p>(
        &self,
        pages: &'p Pages,
        page: u32,
        is_empty: bool,
        count: &mut Option<i64>,
        operation: &Operation,
        response: &VendorResponse,
    ) -> Result<Next<'p>, Stopped> {
        let evaluate = |expression: &Expression| {
            let value = expression.evaluate(&self.scope);
            value.map_err(|error| Stopped::by(&error, || operation.unreadable(response, &error)))
        };
        let wrong = |expression: &Expression, what: &str| {
            Err(operation.unreadable(response, format!("`{}` gives no {what}", expression.source())).into())
        };
        match pages {
            Pages::Next(next) => match evaluate(next)? {
                Value::Null => Ok(Next::End),
                Value::String(link) if link.is_empty() => Ok(Next::End),
                Value::String(link) => Ok(Next::Link(link)),
                _ => wrong(next, "link"),
            },
            Pages::Number { parameter, first, pages } => {
                let over = match pages {
                    None => is_empty,
                    Some(pages) => {
                        let Some(now) = evaluate(pages)?.as_i64() else {
                            return wrong(pages, "whole number");
                        };
                        if let Some(before) = count.replace(now).filter(|before| *before > now) {
                            let why = format!(
                                "the list went from {before} pages to {now} while it was read, and somebody may have moved to a page that was read before"
                            );
                            return Err(operation.shifted(why).into());
                        }
                        i64::from(page) >= now
                    }
                };
                Ok(if over {
                    Next::End
                } else {
                    Next::Number(parameter, first.saturating_add(i64::from(page)))
                })
            }
        }
    }

    fn captured(&mut self, lookup: &Lookup, captured: Map<String, Value>) {
        self.scope.0.insert(lookup.id.clone(), Value::Object(captured.clone()));
        self.captures.insert(lookup.id.clone(), Value::Object(captured));
    }

    /// Remembers for this person what a look-up, or a change that has come to its end, is kept for.
    pub(crate) fn keep(&mut self, kept: Map<String, Value>) {
        self.known.extend(kept.clone());
        self.fresh.extend(kept);
        self.scope.0.insert("known".to_owned(), Value::Object(self.known.clone()));
    }

    fn saw(
        &mut self,
        operation: &Operation,
        response: &VendorResponse,
        extent: Option<String>,
        captured: &Map<String, Value>,
    ) {
        let status = (!response.status.is_success()).then(|| format!("status {}", response.status.as_u16()));
        let captured = captured.iter().map(|(name, value)| format!("{name}: {}", in_words(value)));
        let shows: Vec<String> = status.into_iter().chain(extent).chain(captured).collect();
        self.evidence.push(Evidence { call: operation.call.clone(), shows: shows.join(", ") });
    }

    fn saw_nothing(&mut self, operation: &Operation, response: &VendorResponse) -> bool {
        let shows = format!("nothing (status {})", response.status.as_u16());
        self.evidence.push(Evidence { call: operation.call.clone(), shows });
        false
    }
}

/// What tells an entry from others: one that a later page repeats, since the list moved on meanwhile, is no second hit.
fn mark(entry: &Value) -> [u8; 32] {
    Sha256::digest(entry.to_string()).into()
}

enum Next<'p> {
    End,
    Link(String),
    /// The parameter, and what it is for the next page.
    Number(&'p str, i64),
}
