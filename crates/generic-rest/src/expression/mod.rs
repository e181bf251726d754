//! Expressions, texts with holes, and trees of them.
//!
//! Parsed once, at load; filled in as often as needed. A value can never change the structure that it is put into, and is never
//! read as a template itself.
//!
//! # What there is
//! Names with their members (`person.hit.id`), `tables.NAME[key]` and list entries (`list[0]`, `list[-1]`, `list[1:3]`); texts,
//! numbers, `true`, `false`, `none`, lists `[…]`, tables `{'key': …}`; `and`, `or`, `not`, `x if … else y`; `==`, `!=`, `<`, `<=`,
//! `>`, `>=`, `in`, `not in`; `+`, `-`, `*`, `//`, `%`, `**`, `/`, which gives a fraction, and `~`, which makes one text of two
//! values. No functions, no methods, no loops, no `{% … %}`. A filter binds closer than any operator:
//! `json.email | lower == user.email | lower`.
//!
//! | filter | gives |
//! |---|---|
//! | `where(key, value)` | the entries of a list that have the value under the key; texts without regard to case. A key that no entry has, and a value that is null, are errors. `key` may be a path with dots |
//! | `one` | the one entry; none is an error, several are a conflict |
//! | `one_or_none` | the one entry, or null; several are a conflict |
//! | `first`, `last` | the entry; of an empty list nothing, for `default` to follow |
//! | `select`, `reject` | the entries that are true, or not |
//! | `selectattr(key)`, `rejectattr(key)` | the entries whose member is true, or not |
//! | `map(attribute=key, default=x)` | the member of each entry; without `default`, one that lacks it is an error |
//! | `map('filter')` | the filter applied to each entry: `lower`, `upper`, `trim`, `string`, `int`, `slug`, `last_segment` |
//! | `sort`, `unique` | of texts or of numbers, exactly as they are |
//! | `join(separator)` | one text; the entries are texts, whole numbers and booleans |
//! | `length` | entries of a list or a table, characters of a text |
//! | `default(x)` | x where the value is null or not there |
//! | `json_pointer('/a/0')` | what is there (RFC 6901), or nothing, for `default` to follow |
//! | `lower`, `upper`, `trim` | of a text |
//! | `replace(old, new)`, `split(separator)` | of a text; without a separator, split at white space |
//! | `last_segment` | what stands after the last `/` of a URL, without its query |
//! | `slug` | lower-case ASCII letters and digits with hyphens between, accents left out |
//! | `string` | text of a whole number or a boolean |
//! | `int` | a whole number of a text of digits |
//! | `base64`, `sha256` | of a text's UTF-8; `sha256` in hexadecimal |
//!
//! | test (`is …`, `is not …`) | |
//! |---|---|
//! | `defined`, `undefined` | whether it is there; null is there |
//! | `none`, `boolean`, `number`, `integer`, `string`, `list`, `table` | what it is |
//! | `startingwith(text)`, `endingwith(text)` | of a text |
//!
//! # Strictness
//! - What is not there is an error wherever it is met, comparisons included. Only right below `default`, `is defined` and
//!   `is undefined` may the last name of a path be missing, or what it is taken from be null.
//! - Parts that are not needed are not evaluated: `person.hit.id if person.hit else none` is null where `person.hit` is null.
//! - Nothing is guessed: text is not compared with numbers, null is not put into a text, `'478'` stays a text.
//! - Whole numbers have 64 bits, exactly; beyond that is an error.
//! - True is all but null, false, zero, and an empty text, list or table.

mod error;
mod evaluate;
mod filters;
mod language;
mod lists;
mod names;
mod operators;
mod strict;
mod template;
mod tree;
mod value;

use serde_json::{Map, Value};

pub use error::{EvalError, EvalErrorKind, Problem};
pub use evaluate::Expression;
pub use names::Names;
pub use template::Template;
pub use tree::Tree;

pub(crate) use template::{Part, fill_hole};
pub(crate) use value::json_text;

/// The names that an expression may use, with their values: the roots of the table *Names in scope*.
#[derive(Clone, Debug, Default)]
pub struct Scope(pub Map<String, Value>);
