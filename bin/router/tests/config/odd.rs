//! Whatever a file holds, it is told what is wrong with it, and nothing panics.

use crate::support::{BASE, File, base_and};

#[test]
fn a_section_of_the_wrong_shape_is_told() {
    for odd in [
        "server = 1",
        "server = []",
        "[[server]]",
        "[server]\nauth = \"hunter2\"",
        "[server]\nlisten = 8080",
        "[server]\nmax_connections = 99999999999999999999",
        "[server]\nmax_connections = -1",
        "[server]\nmax_connections = 1e3",
        "[server]\nlisten = 1979-05-27",
        "admin = true",
        "admin.operators = []",
        "admin.operators.x = []",
        "journal = \"sqlite:usher.db\"",
        "[journal]\nurl = \"\"",
        "[journal]\nurl = \"sqlite://host/file\"",
        "[journal]\nurl = \"sqlite:usher.db?mode=ro\"",
        "test = []",
        "test.app_ids = \"demo_app\"",
        "test.app_ids = [1, \"\"]",
        "[[connections]]",
        "connections.\"a b\" = {}",
        "connections.x = \"y\"",
        "connections.x.connector = 1",
        "connections.x = { connector = \"desk\", subdomain = [ 1, [ 2.5, inf ], { a = 99999999999999999999 } ] }",
        "connections.x = { connector = \"desk\", subdomain = \"x\", limits = 3, breaker = [], base_url = 4, allow_private = 5 }",
        "[[apps]]",
        "apps.x = 3",
        "apps.x.permissions = []",
        "apps.x.permissions.y = 3",
        "apps.x.permissions.y = [\"ignore\"]",
        "apps.x.default = \"ignore\"",
        "apps.x.email_domains = \"acme.com\"",
        "apps.x.email_domains = []",
        "apps.x.email_domains = [\"*\", \"acme.com\"]",
        "apps.x.instance_id = \"\"",
        "hooks = 1",
        "hooks.x = 1",
        "hooks.x.secrets = {}",
        "hooks.x.secrets = []",
        "\"\" = 1",
        "\"a\\u0000b\" = 1",
    ] {
        let text = if odd.starts_with('[') { base_and(odd) } else { format!("{odd}\n{BASE}") };
        let shown = File::new(&text).shown();
        assert!(shown.contains("help:") && shown.contains("usher.toml"), "{odd}\n{shown}");
    }
}

/// With `hunter2` as every secret in it.
fn with_secrets_written_out() -> String {
    base_and("[admin.operators]\ndana = { token = 'hunter2', role = \"viewer\" }\n[connections.x]\nconnector = \"desk\"\npassword = \"\"\"\nhunter2\n\"\"\"\n")
        .replace("{ env = \"KEY\" }", "\"hunter2\"")
}

#[test]
fn a_file_that_is_cut_off_anywhere_shows_no_secret() {
    let text = with_secrets_written_out();
    for end in 0..text.len() {
        File::new(&text[..end]).shown();
    }
}

#[test]
fn a_file_with_any_character_gone_or_doubled_shows_no_secret() {
    let text = with_secrets_written_out();
    for at in 0..text.len() {
        let (before, after) = (&text[..at], &text[at + 1..]);
        // Within the word itself it would be another word.
        if text[at..].starts_with("hunter2")
            || (1..7).any(|back| at >= back && text[at - back..].starts_with("hunter2"))
        {
            continue;
        }
        File::new(&format!("{before}{after}")).shown();
        File::new(&format!("{before}{0}{0}{after}", &text[at..=at])).shown();
    }
}
