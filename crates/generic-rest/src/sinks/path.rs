//! Paths: a template for the vendor client, with a parameter for each hole.

use http::Method;
use usher_vendor_client::VendorRequest;

use crate::expression::{EvalError, Part, Scope, Template, fill_hole};

/// Bytes of a value in a path at the most; the client's limit of the whole URL is the same.
const MAX_VALUE: usize = 8 * 1024;

/// Characters of a parameter's name that are shown in traces.
const MAX_NAME: usize = 48;

/// What may stand in a path beside letters and digits: RFC 3986's path characters, less those that need encoding.
const PLAIN: &str = "/-._~!$&'()*+,;=:@";

/// Whether a character may stand in the text of a path as it is. Others are put in by a hole, `{{ 'a b' }}`, and encoded.
pub(crate) fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || PLAIN.contains(character)
}

/// Reading a definition has told the same, with its place. Here nothing depends on that.
fn check(path: &Template) -> Result<(), EvalError> {
    let outline: String = path
        .parts()
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.as_str(),
            // A hole stands for something that is no dot segment.
            Part::Hole(_) => "x",
        })
        .collect();
    let begins = matches!(path.parts().first(), Some(Part::Text(text)) if text.starts_with('/'));
    if !begins || outline.starts_with("//") {
        return Err(EvalError::other("a path begins with one `/`, and stands below `base_url`"));
    }
    if !outline.chars().all(is_plain) {
        return Err(EvalError::other("its text has characters that no path may have"));
    }
    if outline.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(EvalError::other("a path has no `.` and no `..`"));
    }
    Ok(())
}

/// A request with its path filled in, and nothing else yet.
pub(super) fn fill(method: Method, path: &Template, scope: &Scope) -> Result<VendorRequest, EvalError> {
    check(path)?;
    let mut template = String::new();
    let mut names: Vec<(String, &str)> = Vec::new();
    let mut values = Vec::new();
    for part in path.parts() {
        match part {
            Part::Text(text) => template.push_str(text),
            Part::Hole(hole) => {
                let known = names.iter().find(|(_, source)| *source == hole.source());
                let name = match known {
                    Some((name, _)) => name.clone(),
                    None => {
                        let name = parameter(hole.source(), &names);
                        let value = fill_hole(hole, scope)?;
                        usable(&value).map_err(|error| error.of(hole.source()))?;
                        values.push((name.clone(), value));
                        names.push((name.clone(), hole.source()));
                        name
                    }
                };
                template.push('{');
                template.push_str(&name);
                template.push('}');
            }
        }
    }
    let request = VendorRequest::new(method, template);
    Ok(values.into_iter().fold(request, |request, (name, value)| request.param(name, value)))
}

/// The vendor client refuses the same; here the message can name the expression, and nothing was promised to anybody yet.
fn usable(value: &str) -> Result<(), EvalError> {
    let refused = |why: &str| Err(EvalError::other(format!("the value {why}, which no path can carry")));
    if value.is_empty() {
        return refused("is empty");
    }
    if value.len() > MAX_VALUE {
        return refused("is longer than 8192 bytes");
    }
    if value.chars().any(char::is_control) {
        return refused("has control characters");
    }
    if value.split(['/', '\\']).any(|part| matches!(part, "." | "..")) {
        return refused("is or has a dot segment");
    }
    Ok(())
}

/// What a parameter is called in traces: the expression, as far as a template's name can show it.
fn parameter(source: &str, taken: &[(String, &str)]) -> String {
    let mut name = String::new();
    for c in source.chars().take(MAX_NAME) {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' | '|' => name.push(c),
            _ if name.ends_with('_') => {}
            _ => name.push('_'),
        }
    }
    let free = |name: &String| !taken.iter().any(|(other, _)| other == name);
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    std::iter::once(name.clone()).chain(numbered).find(free).unwrap_or_default()
}
