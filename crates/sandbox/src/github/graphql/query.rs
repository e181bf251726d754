//! Reads a GraphQL query as far as the stand-in answers any: fields with aliases and arguments, variables with defaults. What
//! else the language has (fragments, directives, lists) is refused.

use serde_json::{Map, Number, Value};

/// Fields that stand in each other at the most.
const DEPTH_MOST: usize = 16;
/// A query's length in bytes at the most.
const QUERY_MOST: usize = 16 * 1024;

/// A field of a query with what is asked of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    /// The name in the answer.
    pub(super) alias: String,
    pub(super) name: String,
    pub(super) arguments: Map<String, Value>,
    pub(super) fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Variable(String),
    Value(Value),
    Mark(char),
}

/// The fields of the one operation of a query, with its variables in them; an error says what cannot be read.
pub(super) fn parse(query: &str, variables: &Map<String, Value>) -> Result<Vec<Field>, String> {
    if query.len() > QUERY_MOST {
        return Err("the query is too long".to_owned());
    }
    let mut reader = Reader { tokens: tokens(query)?, place: 0, variables: Map::new() };
    if reader.takes_name("query") {
        if matches!(reader.peek(), Some(Token::Name(_))) {
            reader.name()?;
        }
        if reader.takes('(') {
            reader.declare(variables)?;
        }
    }
    let fields = reader.selection(0)?;
    match reader.peek() {
        None => Ok(fields),
        Some(more) => Err(format!("after the query comes {more:?}")),
    }
}

struct Reader {
    tokens: Vec<Token>,
    place: usize,
    variables: Map<String, Value>,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.place)
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self.peek().cloned().ok_or("the query ends too early")?;
        self.place += 1;
        Ok(token)
    }

    fn takes(&mut self, mark: char) -> bool {
        let there = self.peek() == Some(&Token::Mark(mark));
        self.place += usize::from(there);
        there
    }

    fn takes_name(&mut self, name: &str) -> bool {
        let there = matches!(self.peek(), Some(Token::Name(held)) if held == name);
        self.place += usize::from(there);
        there
    }

    fn name(&mut self) -> Result<String, String> {
        match self.next()? {
            Token::Name(name) => Ok(name),
            other => Err(format!("a name is expected where {other:?} is")),
        }
    }

    fn expect(&mut self, mark: char) -> Result<(), String> {
        if self.takes(mark) { Ok(()) } else { Err(format!("{mark:?} is expected at {:?}", self.peek())) }
    }

    /// `$name: Type! = default`, up to the closing bracket.
    fn declare(&mut self, sent: &Map<String, Value>) -> Result<(), String> {
        while !self.takes(')') {
            let Token::Variable(name) = self.next()? else { return Err("a variable is expected".to_owned()) };
            self.expect(':')?;
            let kind = self.name()?;
            let required = self.takes('!');
            let default = if self.takes('=') { Some(self.value()?) } else { None };
            let value = sent.get(&name).cloned().or(default);
            let fits = match (&value, kind.as_str()) {
                (None | Some(Value::Null), _) => !required,
                (Some(value), "String" | "ID") => value.is_string(),
                (Some(value), "Int") => value.is_i64(),
                (Some(value), "Boolean") => value.is_boolean(),
                (Some(_), _) => false,
            };
            if !fits {
                let text = format!(
                    "Variable ${name} of type {kind}{} was provided invalid value",
                    if required { "!" } else { "" }
                );
                return Err(text);
            }
            self.variables.insert(name, value.unwrap_or_default());
        }
        Ok(())
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.next()? {
            Token::Value(value) => Ok(value),
            Token::Variable(name) => self
                .variables
                .get(&name)
                .cloned()
                .ok_or_else(|| format!("Variable ${name} is used and not declared")),
            Token::Name(name) => Ok(match name.as_str() {
                "null" => Value::Null,
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                _ => Value::String(name),
            }),
            other @ Token::Mark(_) => {
                Err(format!("the sandbox does not read the value that begins with {other:?}"))
            }
        }
    }

    fn selection(&mut self, depth: usize) -> Result<Vec<Field>, String> {
        if depth > DEPTH_MOST {
            return Err("the query is too deep".to_owned());
        }
        self.expect('{')?;
        let mut fields = Vec::new();
        while !self.takes('}') {
            let mut name = self.name()?;
            let alias = name.clone();
            if self.takes(':') {
                name = self.name()?;
            }
            let mut arguments = Map::new();
            if self.takes('(') {
                while !self.takes(')') {
                    let argument = self.name()?;
                    self.expect(':')?;
                    let value = self.value()?;
                    arguments.insert(argument, value);
                }
            }
            let fields_of =
                if self.peek() == Some(&Token::Mark('{')) { self.selection(depth + 1)? } else { Vec::new() };
            fields.push(Field { alias, name, arguments, fields: fields_of });
        }
        if fields.is_empty() { Err("a selection is empty".to_owned()) } else { Ok(fields) }
    }
}

fn tokens(query: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = query.trim_start_matches(ignored);
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '#' => {
                rest = rest.split_once('\n').map_or("", |(_, after)| after).trim_start_matches(ignored);
                continue;
            }
            '$' => {
                let (name, after) = word(rest.get(1..).unwrap_or_default());
                (Token::Variable(name.to_owned()), after)
            }
            '"' => text(rest)?,
            '-' | '0'..='9' => {
                let end = rest.find(|c: char| !(c == '-' || c.is_ascii_digit())).unwrap_or(rest.len());
                let (digits, after) = rest.split_at(end);
                let number: i64 = digits.parse().map_err(|_| format!("{digits:?} is no integer"))?;
                (Token::Value(Value::Number(Number::from(number))), after)
            }
            '{' | '}' | '(' | ')' | ':' | '!' | '=' => {
                (Token::Mark(first), rest.get(1..).unwrap_or_default())
            }
            _ if first.is_ascii_alphabetic() || first == '_' => {
                let (name, after) = word(rest);
                (Token::Name(name.to_owned()), after)
            }
            _ => return Err(format!("the sandbox does not read {first:?} in a query")),
        };
        found.push(token);
        rest = after.trim_start_matches(ignored);
    }
    Ok(found)
}

/// Commas are spaces in GraphQL.
fn ignored(character: char) -> bool {
    character.is_whitespace() || character == ','
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c == '_' || c.is_ascii_alphanumeric())).unwrap_or(text.len());
    text.split_at(end)
}

/// A string in quotes. Its escapes are JSON's.
fn text(rest: &str) -> Result<(Token, &str), String> {
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
    let text = values.next().and_then(Result::ok).ok_or("a string is not closed")?;
    let after = rest.get(values.byte_offset()..).unwrap_or_default();
    Ok((Token::Value(Value::String(text)), after))
}
