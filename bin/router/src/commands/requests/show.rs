use usher_journal::{AnswerState, Word};

use super::{app, moment, permissions, style, verb};
use crate::admin::{EntryView, RequestView, StoredView};
use crate::commands::Failure;
use crate::output::{Output, Style, Table, safe};

/// Prints a request's page.
pub(super) fn print(stored: &StoredView, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return Ok(output.value(stored)?);
    }
    let request = &stored.request;
    let word = output.paint(style(request), &request.state());
    output.line(format!("{word}  {}", output.paint(Style::Bold, &title(request))))?;
    if let Some(reason) = &request.reason {
        output.line(safe(reason))?;
    } else if request.word == Word::Granted && request.next_at.is_some() {
        output
            .line("It rests on an invitation that the person has not accepted yet, as far as Usher knows.")?;
    }
    output.line("")?;
    output.table(&facts(stored))?;
    if let Some(paste) = &stored.paste {
        output.line("")?;
        print_paste(paste, output)?;
        let id = safe(&request.id).into_owned();
        output.line(format!("Then start Usher again, and: usher requests replay {id} --reason …"))?;
    }
    output.line("")?;
    output.table(&timeline(&stored.history))?;
    if request.word == Word::NeedsYou {
        let id = safe(&request.id).into_owned();
        output.line("")?;
        output.line(format!("When you have seen to it: usher requests replay {id} --reason …"))?;
        output.line(format!("                      or: usher requests close {id} --reason …"))?;
    }
    Ok(())
}

/// Prints what to paste, line by line.
pub(crate) fn print_paste(paste: &str, output: &mut Output) -> Result<(), Failure> {
    output
        .line(output.paint(Style::Bold, "To let it through, paste this into usher.toml and fill it in:"))?;
    for line in paste.lines() {
        output.line(format!("    {}", safe(line)).trim_end())?;
    }
    Ok(())
}

fn title(request: &RequestView) -> String {
    let permissions = permissions(request);
    format!("{} {} ({permissions}) for {}", verb(request), app(request), request.subject)
}

fn facts(stored: &StoredView) -> Table {
    let request = &stored.request;
    let mut table = Table::new(&["", ""]);
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            table.row([(name.to_owned(), Style::Faint), (value, Style::Plain)]);
        }
    };
    fact("id", Some(request.id.clone()));
    fact("received", Some(moment(request.received)));
    fact("webhook", Some(stored.route.clone()));
    fact("connection", Some(request.connection.clone()));
    fact("app_id", Some(request.app_id.clone()));
    fact("instance_id", request.instance_id.clone());
    fact("attempt", Some(request.attempt).filter(|attempt| *attempt > 1).map(|attempt| attempt.to_string()));
    fact("until", request.until.map(moment));
    // One that is granted is only looked at: its invitee has not accepted yet (rule 22).
    let next = if request.word == Word::Granted { "next look" } else { "next attempt" };
    fact(next, request.next_at.map(moment));
    fact("dry run", request.dry_run.then(|| "nothing is sent".to_owned()));
    fact("answer", Some(answer(&request.answer)));
    fact("Lumos task", stored.task_link.as_ref().map(ToString::to_string));
    fact("Lumos request", stored.lumos_request.clone());
    fact("comment", stored.comment.clone());
    table
}

fn answer(answer: &AnswerState) -> String {
    match answer {
        AnswerState::None => "none yet".to_owned(),
        AnswerState::Positive => "done".to_owned(),
        AnswerState::Negative { .. } => "not done".to_owned(),
        AnswerState::Lost => "none: the process ended first".to_owned(),
    }
}

fn timeline(history: &[EntryView]) -> Table {
    let mut table = Table::new(&["when", "what"]);
    for entry in history {
        table.row([(moment(entry.at), Style::Faint), (entry.sentence.clone(), Style::Plain)]);
        for detail in &entry.details {
            table.row([(String::new(), Style::Plain), (format!("  {detail}"), Style::Faint)]);
        }
    }
    table
}
