use serde_json::json;
use usher_engine::Standing;

use super::Failure;
use super::admin_client::AdminClient;
use super::requests::moment;
use crate::admin::{ApprovalView, Held, HeldView, HoldingView, HoldingsView};
use crate::cli::HoldingsArgs;
use crate::output::{Output, Progress, Style, Table, safe};

/// `usher holdings`
pub(crate) async fn run(args: &HoldingsArgs, output: &mut Output) -> Result<(), Failure> {
    let client = AdminClient::from_environment(&args.admin.admin)?;
    let holdings = all(&client, args, output).await?;
    let found = Found::of(&holdings);
    if output.is_json() {
        let drift = args.check.then_some(found.missing > 0);
        output.value(&json!({ "holdings": holdings, "drift": drift }))?;
    } else {
        print(&holdings, args.check, output)?;
        if args.check {
            found.print(output)?;
        }
    }
    if args.check && (found.missing > 0 || found.unread > 0) { Err(Failure::Said) } else { Ok(()) }
}

/// Every page.
async fn all(
    client: &AdminClient,
    args: &HoldingsArgs,
    output: &Output,
) -> Result<Vec<HoldingView>, Failure> {
    let progress =
        Progress::counter(output, if args.check { "people looked up at the vendors" } else { "people" });
    let mut holdings = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let mut query = Vec::new();
        let mut add = |name, value: Option<String>| query.extend(value.map(|value| (name, value)));
        add("subject", args.subject.clone());
        add("connection", args.connection.clone());
        add("check", args.check.then(|| "true".to_owned()));
        add("after", after.take());
        let page: HoldingsView = client.get(&["holdings"], &query).await?;
        progress.add(page.holdings.len());
        holdings.extend(page.holdings);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(holdings),
        }
    }
}

/// What a check comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Found {
    checked: usize,
    missing: usize,
    unread: usize,
    /// Some vendor could not be looked at.
    faults: bool,
}

impl Found {
    fn of(holdings: &[HoldingView]) -> Self {
        let faults = holdings.iter().any(|holding| holding.fault.is_some());
        let mut found = Self { faults, ..Self::default() };
        for approval in holdings.iter().flat_map(|holding| &holding.approvals) {
            found.checked += usize::from(approval.standing.is_some());
            found.missing += usize::from(approval.has_drifted());
            found.unread += usize::from(approval.cannot_be_read());
        }
        found
    }

    fn print(self, output: &mut Output) -> Result<(), Failure> {
        let Self { checked, missing, unread, faults } = self;
        output.line("")?;
        let lost = format!(
            "{missing} lost something at the vendor (give it back: usher requests replay ID --reason …)"
        );
        let why = if faults { " (ask why: usher check --live)" } else { ": the vendor does not tell" };
        let unread_ones = format!("{unread} cannot be read{why}");
        let (style, what) = match (missing, unread) {
            (0, 0) => (Style::Good, "none has lost anything".to_owned()),
            (0, _) => (Style::Pending, unread_ones),
            (_, 0) => (Style::Bad, lost),
            (_, _) => (Style::Bad, format!("{lost}, {unread_ones}")),
        };
        let sentence = format!("Of {checked} approvals looked up: {what}.");
        Ok(output.line(output.paint(style, &sentence))?)
    }
}

fn print(holdings: &[HoldingView], checked: bool, output: &mut Output) -> Result<(), Failure> {
    if holdings.iter().all(|holding| holding.approvals.is_empty()) {
        return Ok(output.line("Nobody holds anything.")?);
    }
    let mut head = vec!["person", "connection", "app", "permission", "state", "since", "until", "request"];
    head.extend(checked.then_some("at the vendor"));
    let mut table = Table::new(&head);
    for holding in holdings {
        for (index, approval) in holding.approvals.iter().enumerate() {
            table.row(row(holding, approval, index == 0, checked));
        }
    }
    output.table(&table)?;
    for holding in holdings {
        let notes = holding.approvals.iter().filter_map(|approval| Some((approval, approval.note.as_ref()?)));
        for (approval, note) in notes {
            let what = format!("{} {} of {}", approval.app, approval.permission, holding.subject);
            output.line(format!("{} {}: {note}", output.paint(Style::Pending, "note:"), safe(&what)))?;
        }
        if let Some(fault) = &holding.fault {
            let who = format!("{} at {}", holding.subject, holding.connection);
            output.line(format!("{} {}: {}", output.paint(Style::Bad, "note:"), safe(&who), safe(fault)))?;
        }
    }
    Ok(())
}

fn row(
    holding: &HoldingView,
    approval: &ApprovalView,
    is_first: bool,
    checked: bool,
) -> Vec<(String, Style)> {
    let plain = |text: &str| (text.to_owned(), Style::Plain);
    let first = |text: &str| plain(if is_first { text } else { "" });
    let mut row = vec![
        first(&holding.subject),
        first(&holding.connection),
        plain(&approval.app),
        plain(&approval.permission),
        (approval.word.to_string(), Style::of(approval.word)),
        (approval.since.map(moment).unwrap_or_default(), Style::Faint),
        plain(&approval.until.map(moment).unwrap_or_default()),
        (approval.request.clone(), Style::Faint),
    ];
    if checked {
        let (text, style) =
            approval.standing.map_or(("", Style::Plain), |standing| spoken(standing, &approval.has));
        let missing: Vec<String> = approval
            .has
            .iter()
            .filter(|held| approval.standing == Some(Standing::Missing) && held.held == Held::Missing)
            .map(|held| format!("{} {}", held.slot, held.value))
            .collect();
        let missing = if missing.is_empty() { String::new() } else { format!(": {}", missing.join(", ")) };
        row.push((format!("{text}{missing}"), style));
    }
    row
}

fn spoken(standing: Standing, has: &[HeldView]) -> (&'static str, Style) {
    let invited = |held: &HeldView| matches!(held.held, Held::There | Held::WaitsForInvitee);
    match standing {
        Standing::Pending if has.iter().all(invited) => (Held::WaitsForInvitee.spoken(), Style::Pending),
        Standing::There => ("there", Style::Good),
        Standing::Outranked => ("outranked by a newer approval", Style::Faint),
        Standing::Pending => ("on its way", Style::Pending),
        Standing::Missing => ("missing", Style::Bad),
        Standing::Unreadable => ("cannot be read", Style::Urgent),
    }
}
