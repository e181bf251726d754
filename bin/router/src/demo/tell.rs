//! The demo as a person reads it.

use std::io;

use secrecy::ExposeSecret;

use usher_core::Direction;

use super::scene::Stand;
use super::{Row, Scene, Stage};
use crate::output::{Output, Style, Table, safe};

pub(super) fn opening(stage: &Stage, output: &mut Output) -> io::Result<()> {
    if output.is_json() {
        return Ok(());
    }
    let stands = Stand::compiled_in().map(Stand::title).collect::<Vec<_>>().join(", ");
    let title = format!("Usher, against stand-ins over real sockets: {stands}");
    let title = output.paint(Style::Bold, &title);
    output.line(title)?;
    let note = format!(
        "webhooks at {}, the vendor's ledger of effects at {}/effects",
        stage.webhooks(),
        stage.control()
    );
    let note = output.paint(Style::Faint, &note);
    output.line(note)?;
    output.line("")
}

/// Said before a scene that takes long.
pub(super) fn waiting(scene: Scene, output: &mut Output) {
    if output.is_json() {
        return;
    }
    let line = format!("… {}: Lumos is kept waiting for 12 s", scene.asked());
    let line = output.paint(Style::Faint, &line);
    // Whoever has stopped reading is found out at the table.
    let _unread = output.line(line);
}

pub(super) fn table(rows: &[Row], output: &mut Output) -> io::Result<()> {
    if output.is_json() {
        return output.value(&rows);
    }
    output.line("")?;
    let mut table = Table::new(&["", "asked", "lumos heard", "after", "now", "at the vendor"]);
    for row in rows {
        let (mark, style) = if row.fault.is_none() { ("✓", Style::Good) } else { ("✗", Style::Bad) };
        let now =
            row.now.map_or(("unknown".to_owned(), Style::Bad), |word| (word.to_string(), Style::of(word)));
        let after = format!("{:.1} s", std::time::Duration::from_millis(row.after_ms).as_secs_f64());
        // No request: nothing was sent, and nobody was answered.
        let (now, after) = if row.scene == Scene::OwnTests {
            ((String::new(), Style::Plain), String::new())
        } else {
            (now, after)
        };
        table.row([
            (mark.to_owned(), style),
            (row.asked.to_owned(), Style::Plain),
            (heard(row).to_owned(), Style::Plain),
            (format!("{after:>6}"), Style::Faint),
            now,
            (row.at_vendor.clone(), Style::Faint),
        ]);
    }
    output.table(&table)?;
    for row in rows {
        if let Some(fault) = &row.fault {
            let line = output.paint(Style::Bad, &format!("✗ {}: {fault}", row.asked));
            output.line(line)?;
        }
    }
    if let Some(lines) = rows.iter().find_map(|row| row.paste.as_deref()) {
        output.line("")?;
        let title = output.paint(Style::Bold, "What Ned's refusal says:");
        output.line(title)?;
        for line in lines.lines() {
            output.line(format!("  {}", safe(line)))?;
        }
    }
    let well = rows.iter().filter(|row| row.fault.is_none()).count();
    output.line("")?;
    output.line(format!(
        "{well} of {} came out as they should, by the vendor's own ledger of effects.",
        rows.len()
    ))
}

/// Lumos's conclusion in a word or two.
fn heard(row: &Row) -> &'static str {
    match (row.scene.is_told_success(), row.fault.is_some()) {
        _ if row.heard.is_empty() => "",
        (true, false) if row.scene.sent().direction == Direction::Deprovision => "deprovisioned",
        (true, false) => "provisioned",
        (false, false) => "not provisioned",
        (_, true) => "see below",
    }
}

pub(super) fn stay(stage: &Stage, output: &mut Output) -> io::Result<()> {
    if output.is_json() {
        return Ok(());
    }
    output.line("")?;
    output.line("It stays up until Ctrl-C. In another terminal:")?;
    // A token of this run alone, on loopback: shown so that the commands can be pasted.
    output.line(format!(
        "  export USHER_ADMIN={} USHER_OPERATOR_TOKEN={}",
        stage.admin(),
        stage.token().expose_secret()
    ))?;
    let usher = called();
    output.line(format!("  {usher} requests list"))?;
    // The ports are taken as they come: the configuration does not name them.
    output.line(format!(
        "  {usher} send --config {} --url {} {}",
        stage.config().display(),
        stage.webhooks(),
        stage.sample().display()
    ))
}

/// How this program was called: under `cargo run` it stands in no folder of `PATH`.
fn called() -> String {
    let called = std::env::args_os().next().and_then(|name| name.into_string().ok());
    called
        .filter(|name| !name.is_empty() && !name.contains(char::is_whitespace))
        .map_or_else(|| "usher".to_owned(), |name| safe(&name).into_owned())
}
