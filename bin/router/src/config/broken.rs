//! A text that is not TOML: nothing is known of it for sure, so that only what is surely no secret is shown.

use std::ops::Range;

/// Keys of the configuration and of definitions whose values are no secrets, however badly they are written. `base_url`, `url` and `header` are
/// not among them: an address may hold a password, and a header is easily written with its value.
const HARMLESS: &[&str] = &[
    "access_length_unit",
    "account",
    "after_deadline",
    "allow_private",
    "answer_within",
    "app",
    "app_id",
    "app_ids",
    "as",
    "baseline",
    "because",
    "behind_proxy",
    "concurrent",
    "connection",
    "connector",
    "counts_as_provisioned",
    "definition",
    "deprovision_success",
    "direction",
    "email_domains",
    "every",
    "failed",
    "few_seats",
    "first",
    "give_up_after",
    "groups",
    "has",
    "id",
    "identify_by",
    "ignore_sources",
    "instance_id",
    "items",
    "label",
    "lag",
    "listen",
    "managed_users",
    "max_body",
    "max_connections",
    "max_pages",
    "message",
    "min_change_budget",
    "mode",
    "notifies",
    "one",
    "org",
    "org_role",
    "outcome",
    "page",
    "pages",
    "pending",
    "per_minute",
    "permission",
    "reinstate",
    "remove_account",
    "repeat",
    "request_timeout",
    "role",
    "schema",
    "settle",
    "status",
    "subdomain",
    "success",
    "task_url_hosts",
    "teams",
    "that",
    "times",
    "type",
    "until",
    "values",
    "wants",
    "when",
    "within",
];

/// All that may be a secret: everything but section headers, the key at a line's start, the values of keys that are known and
/// harmless, and the marks that a reader needs to find what is missing.
pub(super) fn suspects_in_broken(text: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut at = 0;
    let mut within: Option<&str> = None;
    for line in text.split_inclusive('\n') {
        let value = if within.is_some() { 0 } else { value_start(line) };
        let shown = if within.is_some() || value == 0 { Vec::new() } else { harmless(line, value) };
        hide_value(line, at, value, &shown, &mut places);
        for quotes in ["\"\"\"", "'''"] {
            let marks = line.matches(quotes).count();
            if marks % 2 == 1 && within.is_none_or(|open| open == quotes) {
                within = if within.is_some() { None } else { Some(quotes) };
            }
        }
        at += line.len();
    }
    places
}

/// Where a line's value begins: behind its section header, or behind the sign of equality that follows a key.
fn value_start(line: &str) -> usize {
    let is_key = |text: &str| {
        let text = text.trim();
        !text.is_empty()
            && text.len() <= 40
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-. ".contains(c))
    };
    let trimmed = line.trim();
    let header = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if header.is_some_and(is_key) {
        return line.len();
    }
    match line.split_once('=') {
        Some((key, value)) if is_key(key) && !value.trim().is_empty() => key.len() + 1,
        _ => 0,
    }
}

fn hide_value(line: &str, at: usize, from: usize, shown: &[Range<usize>], places: &mut Vec<Range<usize>>) {
    let mut quote = None;
    for (index, c) in line.char_indices().skip_while(|(index, _)| *index < from) {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, '[' | ']' | '{' | '}' | ',' | '=' | ' ') => {}
            _ if shown.iter().any(|range| range.contains(&index)) => {}
            _ => places.push(at + index..at + index + c.len_utf8()),
        }
    }
}

/// What a line may show of its value.
fn harmless(line: &str, value: usize) -> Vec<Range<usize>> {
    let key = line.get(..value).unwrap_or_default().trim_end_matches('=').trim();
    let key = key.rsplit('.').next().unwrap_or_default().trim();
    let mut scan = Scan { line, at: value, shown: Vec::new() };
    if scan.value(key).is_some() && scan.is_at_end() {
        return scan.shown;
    }
    // It is broken: what stands behind a harmless key is its value still, if no other key can have got into it.
    let rest = line.get(value..).unwrap_or_default();
    if is_harmless(key) && !rest.contains(['=', '{', '}', '#']) {
        return std::iter::once(value..line.len()).collect();
    }
    Vec::new()
}

fn is_harmless(key: &str) -> bool {
    HARMLESS.contains(&key)
}

/// Reads one line's value strictly. `None` as soon as it is not what it should be: then nothing of it is sure.
struct Scan<'l> {
    line: &'l str,
    at: usize,
    shown: Vec<Range<usize>>,
}

impl Scan<'_> {
    fn rest(&self) -> &str {
        self.line.get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    }

    fn eat(&mut self, mark: char) -> Option<()> {
        self.space();
        self.rest().starts_with(mark).then(|| self.at += mark.len_utf8())
    }

    /// Whether nothing but a comma and a comment is left.
    fn is_at_end(&mut self) -> bool {
        self.eat(',');
        self.space();
        let rest = self.rest();
        rest.trim().is_empty() || rest.starts_with('#')
    }

    fn value(&mut self, key: &str) -> Option<()> {
        self.space();
        match self.rest().chars().next()? {
            '"' | '\'' => self.text(key),
            '[' => self.list(key),
            '{' => self.table(),
            _ => self.word(key),
        }
    }

    /// A text on one line, without escapes.
    fn text(&mut self, key: &str) -> Option<()> {
        let quote = self.rest().chars().next()?;
        let inner = self.rest().get(1..)?;
        let length = inner.find(quote)?;
        if inner.get(..length)?.contains('\\') || inner.get(length + 1..)?.starts_with(quote) {
            return None;
        }
        self.show(key, length + 2);
        Some(())
    }

    /// A number or a switch.
    fn word(&mut self, key: &str) -> Option<()> {
        let word: &str = self.rest().split([',', ' ', '\t', ']', '}', '\n', '\r', '#']).next()?;
        let is_number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || c == '_');
        if !is_number && !matches!(word, "true" | "false") {
            return None;
        }
        self.show(key, word.len());
        Some(())
    }

    fn list(&mut self, key: &str) -> Option<()> {
        self.eat('[')?;
        while self.eat(']').is_none() {
            self.value(key)?;
            if self.eat(',').is_none() {
                return self.eat(']');
            }
        }
        Some(())
    }

    fn table(&mut self) -> Option<()> {
        self.eat('{')?;
        while self.eat('}').is_none() {
            self.space();
            let start = self.at;
            let length = self.rest().find(|c: char| !c.is_ascii_alphanumeric() && !"_-.".contains(c))?;
            let key = self.rest().get(..length)?.to_owned();
            self.at += length;
            self.eat('=')?;
            self.shown.push(start..start + length);
            self.value(&key)?;
            if self.eat(',').is_none() {
                return self.eat('}');
            }
        }
        Some(())
    }

    fn show(&mut self, key: &str, length: usize) {
        if is_harmless(key) {
            self.shown.push(self.at..self.at + length);
        }
        self.at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::super::secrets::blank;
    use super::*;

    fn shown(text: &str) -> String {
        blank(text, &suspects_in_broken(text))
    }

    #[test]
    fn keys_headers_and_the_values_of_harmless_keys_are_shown() {
        for text in [
            "[connections.zendesk]\nconnector = \"zendesk-license\"\n",
            "behind_proxy = true\nlisten = '127.0.0.1:8080'\n",
            "email_domains = [\"acme.com\", \"acme.de\"]\n",
            "limits = { per_minute = 100, concurrent = 8 }\n",
            "agent = { role = \"agent\", groups = [\"Tier 1\"] },\n",
            // Broken, and still the value of a harmless key.
            "listen = 127.0.0.1:8080\n",
            "connection = \"zendesk\n",
            "after_deadline = continue\n",
            "email_domains = [\"acme.com, \"acme.de\"]\n",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn whatever_may_be_a_secret_is_blanked() {
        for (text, expected) in [
            ("token = \"hunter2\"\n", "token = \"*******\"\n"),
            ("url = \"postgres://u:p@h/db\"\n", "url = \"*******************\"\n"),
            ("role = \"viewer\" # hunter2\n", "role = \"viewer\" * *******\n"),
            (
                "a = { role = \"viewer\", token = 'hunter2' }\n",
                "a = { role = \"viewer\", token = '*******' }\n",
            ),
            ("secrets = [\n  \"hunter2\",\n", "secrets = [\n  \"*******\",\n"),
            ("key = \"\"\"\nmode = \"hunter2\"\n\"\"\"\n", "key = \"\"\"\n**** = \"*******\"\n\"\"\"\n"),
            ("listen = hunter2 # hunter2\n", "listen = ******* * *******\n"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn a_harmless_key_lends_its_place_to_no_secret() {
        for text in [
            "a = { role = \"viewer, token = \"hunter2\" }\n",
            "a = { role = viewer\", token = \"hunter2\" }\n",
            "connection = \"zendesk\"token = \"hunter2\"\n",
            "groups = [\"a, token = \"hunter2\"]\n",
            "role = { token = \"hunter2\" }\n",
            "role.token = \"hunter2\"\n",
            "role = [[\"a\", { token = \"hunter2\" }]]\n",
        ] {
            assert!(!shown(text).contains("hunter2"), "{}", shown(text));
        }
    }
}
