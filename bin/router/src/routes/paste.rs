//! The lines of TOML that would mend a refusal. What a payload brings is quoted: it cannot become anything but a text.

use usher_lumos::{Payload, Permission};

use super::table::{AppRoute, Entry, PermissionsAt, Routes};

/// How much of a name is shown in a sentence, in characters. The lines to paste have all of it.
const SHOWN: usize = 80;

/// A key as TOML: bare where it can be, else quoted.
pub(crate) fn toml_key(key: &str) -> String {
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if is_bare { key.to_owned() } else { toml_text(key) }
}

/// A text as a basic string of TOML. Whatever could end it, start a line or turn the reading direction is escaped.
pub(crate) fn toml_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || is_misleading(c) => {
                let code = u32::from(c);
                out.push_str(&if code > 0xffff {
                    format!("\\U{code:08X}")
                } else {
                    format!("\\u{code:04X}")
                });
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Characters without a shape of their own, and those that turn the reading direction.
fn is_misleading(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E0FFF}')
}

/// A name from a payload, in a sentence: quoted, and not longer than a line.
pub(super) fn shown(name: &str) -> String {
    let mut chars = name.chars();
    let start: String = chars.by_ref().take(SHOWN).collect();
    let more = if chars.next().is_some() { "…" } else { "" };
    format!("{}{more}", toml_text(&start))
}

/// What maps the permissions of an app that has a section already.
pub(super) fn permissions(key: &str, app: &AppRoute, unmapped: &[&Permission]) -> String {
    let section = format!("apps.{}", toml_key(key));
    let (head, prefix) = match app.permissions_at {
        PermissionsAt::Table => (format!("# below [{section}.permissions]:"), ""),
        PermissionsAt::Dotted => (format!("# below [{section}]:"), "permissions."),
        PermissionsAt::Inline => {
            (format!("# into the braces of `permissions` in [{section}], with commas between:"), "")
        }
        PermissionsAt::Nowhere => (format!("[{section}.permissions]"), ""),
    };
    let example = example(app);
    let entries = unmapped.iter().map(|permission| entry(prefix, permission, example.as_deref()));
    text(std::iter::once(head).chain(entries))
}

/// What an app needs that has no section.
pub(super) fn app(routes: &Routes, payload: &Payload) -> String {
    let id = &payload.app.id;
    let key = toml_key(&free_key(routes, id, payload.app.instance.as_deref()));
    let mut lines = vec![format!("[apps.{key}]")];
    if key != toml_key(id) {
        lines.push(format!("app_id = {}", toml_text(id)));
    }
    if let Some(instance) = &payload.app.instance {
        // Without a need it would leave out the app's other instances.
        let comment = if routes.takes_any_instance_of(id) { "" } else { "# " };
        lines.push(format!("{comment}instance_id = {}", toml_text(instance)));
    }
    let (first, others) = routes.connection_names();
    let or = if others.is_empty() { String::new() } else { format!("  # or {}", others.join(", ")) };
    lines.push(format!("connection = {}{or}", toml_text(first)));
    let domains: Vec<String> = routes.all_domains().iter().map(|domain| toml_text(domain)).collect();
    lines.push(format!("email_domains = [{}]", domains.join(", ")));
    lines.push("after_deadline = \"continue\"  # or \"stop\"".to_owned());
    lines.push("mode = \"dry-run\"  # \"enforce\" once it does what it should".to_owned());
    if payload.permissions.is_empty() {
        lines.push(DEFAULT_LINE.to_owned());
    } else {
        lines.push(format!("\n[apps.{key}.permissions]"));
        lines.extend(payload.permissions.iter().map(|permission| entry("", permission, None)));
    }
    text(lines)
}

/// What an app needs that has no `default`.
pub(super) fn default(key: &str) -> String {
    text([format!("# below [apps.{}]:", toml_key(key)), DEFAULT_LINE.to_owned()])
}

const DEFAULT_LINE: &str = "default = {}  # what a request gives that names no permission";

fn text(lines: impl IntoIterator<Item = String>) -> String {
    lines.into_iter().flat_map(|line| [line, "\n".to_owned()]).collect()
}

fn entry(prefix: &str, permission: &Permission, example: Option<&str>) -> String {
    let such_as = example.map(|example| format!(" such as {example};")).unwrap_or_default();
    let comment = format!("  # what it gives,{such_as} or \"ignore\"");
    if permission.value.trim().is_empty() {
        let label = permission.label.as_deref().unwrap_or_default();
        format!("{prefix}{} = {{ label = {} }}{comment}", toml_key(label), toml_text(label))
    } else {
        format!("{prefix}{} = {{}}{comment}", toml_key(&permission.value))
    }
}

/// What another permission of the app gives, in words.
fn example(app: &AppRoute) -> Option<String> {
    let facets = app.entries.values().find_map(|entry| match entry {
        Entry::Gives(given) => given.facets.first(),
        Entry::Ignored => None,
    })?;
    Some(format!("{{ {} = {} }}", toml_key(&facets.slot), toml_text(&facets.value)))
}

fn free_key(routes: &Routes, id: &str, instance: Option<&str>) -> String {
    let with_instance = instance.map(|instance| format!("{id}-{instance}"));
    let numbered = (2..).map(|number| format!("{id}-{number}"));
    let mut candidates = [id.to_owned()].into_iter().chain(with_instance).chain(numbered);
    candidates.find(|key| !routes.has_key(key) && !matches!(key.as_str(), "." | "..")).unwrap_or_default()
}
