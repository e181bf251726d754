use super::Failure;
use super::admin_client::AdminClient;
use super::payload;
use super::requests::{moment, print_paste};
use crate::admin::{Held, PauseView, PlanView, PlannedRequest, Verdict};
use crate::cli::PlanArgs;
use crate::output::{Output, Progress, Style, Table, safe};
use usher_core::{Direction, Facet};

/// `usher plan`
pub(crate) async fn run(args: &PlanArgs, output: &mut Output) -> Result<(), Failure> {
    let path = match (&args.path, args.deprovision) {
        (Some(path), false) => path.as_str(),
        (None, false) => "/webhooks/provision",
        (None, true) => "/webhooks/deprovision",
        (Some(path), true) if path.ends_with("/deprovision") => path.as_str(),
        (Some(_), true) => {
            return Err(Failure::usage(
                "--path ends in /provision and --deprovision was given: leave one out",
            ));
        }
    };
    let client = AdminClient::from_environment(&args.admin.admin)?;
    let payload = payload::read(&args.file)?;
    let progress = Progress::spinner(output, "reading the vendor");
    let view: PlanView = client.post(&["plan"], &[("path", path.to_owned())], payload).await?;
    drop(progress);
    print(&view, output)?;
    match view.verdict {
        Verdict::Sends | Verdict::Nothing | Verdict::Waits | Verdict::Repeats | Verdict::Test => Ok(()),
        Verdict::Refused | Verdict::Unknown => Err(Failure::Said),
    }
}

/// Prints what would become of a payload.
pub(crate) fn print(view: &PlanView, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return Ok(output.value(view)?);
    }
    let is_dry = view.request.as_ref().is_some_and(|request| request.dry_run);
    let (sentence, style) = match view.verdict {
        Verdict::Sends if is_dry => {
            ("It would be planned and journaled alone: its app is in mode \"dry-run\".", Style::Pending)
        }
        Verdict::Sends if view.paused.is_some() => {
            ("It would wait: its connection is paused.", Style::Pending)
        }
        Verdict::Sends => ("It would be carried out.", Style::Good),
        Verdict::Nothing => ("Everything is as it should be: nothing would be sent.", Style::Good),
        Verdict::Waits => ("It would wait: nothing would be sent.", Style::Pending),
        Verdict::Repeats => {
            ("It would be taken for a repetition: nothing new would be sent.", Style::Pending)
        }
        Verdict::Refused => ("It would be refused.", Style::Bad),
        Verdict::Test => ("It would be taken for Lumos's test button: nothing is provisioned.", Style::Good),
        Verdict::Unknown => ("It cannot be told.", Style::Pending),
    };
    output.line(output.paint(style, sentence))?;
    if let Some(reason) = &view.reason {
        output.line(format!("Why: {}", safe(reason)))?;
    }
    for refused in &view.refused {
        output.line(format!("Why: {}: {}", safe(&listed(&refused.facets)), safe(&refused.sentence)))?;
    }
    for note in &view.notes {
        output.line(format!("{} {}", output.paint(Style::Pending, "note:"), safe(note)))?;
    }
    if let Some(request) = &view.request {
        output.line("")?;
        output.table(&facts(view, request))?;
    }
    if !view.has.is_empty() {
        output.line("")?;
        output.table(&held(view))?;
    }
    if !view.would.is_empty() {
        output.line("")?;
        output.line(output.paint(
            Style::Bold,
            if is_dry {
                "In mode \"enforce\" this would be sent, in this order:"
            } else {
                "This would be sent, in this order:"
            },
        ))?;
        for (number, step) in (1..).zip(&view.would) {
            output.line(format!("  {number}. {}", safe(step)))?;
        }
    }
    if let Some(paste) = &view.paste {
        output.line("")?;
        print_paste(paste, output)?;
    }
    output.line("")?;
    Ok(output.line(output.paint(Style::Faint, "Nothing was changed and nothing was kept."))?)
}

fn facts(view: &PlanView, request: &PlannedRequest) -> Table {
    let mut table = Table::new(&["", ""]);
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            table.row([(name.to_owned(), Style::Faint), (value, Style::Plain)]);
        }
    };
    let verb = match request.direction {
        Direction::Provision => "give",
        Direction::Deprovision => "take",
    };
    fact("webhook", Some(view.route.clone()));
    fact("person", Some(request.subject.clone()));
    fact("app", Some(request.app.clone()));
    fact("app_id", Some(request.app_id.clone()).filter(|id| *id != request.app));
    fact("instance_id", request.instance_id.clone());
    fact("connection", Some(request.connection.clone()));
    if request.all {
        fact(verb, Some("everything of the app".to_owned()));
    }
    for permission in &request.permissions {
        let stands_for = match &permission.facets {
            Some(facets) => listed(facets),
            None => "not mapped, or not looked at".to_owned(),
        };
        fact(verb, Some(format!("{} ({stands_for})", permission.name)));
    }
    fact("until", request.until.map(moment));
    fact("dry run", request.dry_run.then(|| "nothing is sent".to_owned()));
    let paused =
        |pause: &PauseView| format!("by {} since {}: {}", pause.by, moment(pause.since), pause.reason);
    fact("paused", view.paused.as_ref().map(paused));
    table
}

fn held(view: &PlanView) -> Table {
    let mut table = Table::new(&["at the vendor", "now"]);
    for held in &view.has {
        table.row([
            (format!("{} {}", held.slot, held.value), Style::Plain),
            (held.held.spoken().to_owned(), style(held.held)),
        ]);
    }
    table
}

/// How a state at the vendor is shown.
pub(crate) fn style(held: Held) -> Style {
    match held {
        Held::There => Style::Good,
        Held::WaitsForInvitee | Held::OnItsWay => Style::Pending,
        Held::Missing => Style::Bad,
        Held::CannotBeRead => Style::Urgent,
    }
}

fn listed<'f>(facets: impl IntoIterator<Item = &'f Facet>) -> String {
    facets.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
