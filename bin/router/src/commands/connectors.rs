mod keys;

use serde_json::{Value, json};
use usher_core::Connector;

use self::keys::{Need, keys};
use super::Failure;
use crate::cli::ConnectorsArgs;
use crate::connectors::{KNOWN, all, features, lacking};
use crate::output::{Output, Style, Table};

/// `usher connectors`
pub(crate) fn run(args: &ConnectorsArgs, output: &mut Output) -> Result<(), Failure> {
    let compiled = all();
    let shown: Vec<&dyn Connector> = match &args.connector {
        None => compiled.iter().map(|connector| &**connector).collect(),
        Some(name) => vec![found(name, &compiled)?],
    };
    let lacking = lacking(&compiled);
    if output.is_json() {
        let list: Vec<Value> = shown.into_iter().map(described).collect();
        let lacks: Vec<Value> = lacking
            .iter()
            .map(|kind| json!({ "connector": kind, "build_with": features(&[kind]) }))
            .collect();
        return Ok(output.value(&json!({ "connectors": list, "lacking": lacks }))?);
    }
    if args.connector.is_none() {
        overview(&compiled, output)?;
    }
    for (index, connector) in shown.into_iter().enumerate() {
        if index > 0 || args.connector.is_none() {
            output.line("")?;
        }
        details(connector, output)?;
    }
    if args.connector.is_none() && !lacking.is_empty() {
        output.line("")?;
        output.line(format!(
            "This build lacks {}: build Usher with {}",
            lacking.join(", "),
            features(&lacking)
        ))?;
    }
    Ok(())
}

fn found<'c>(name: &str, compiled: &'c [Box<dyn Connector>]) -> Result<&'c dyn Connector, Failure> {
    if let Some(connector) = compiled.iter().find(|connector| connector.kind() == name) {
        return Ok(&**connector);
    }
    Err(match KNOWN.iter().find(|known| known.kind == name) {
        Some(known) if known.exists => {
            Failure::failed(format!("{name} is not in this build: build Usher with {}", features(&[name])))
        }
        Some(_) => {
            Failure::failed(format!("{name} is not built yet: see usher connectors for what there is"))
        }
        None => {
            Failure::usage(format!("there is no connector {name}: see usher connectors for what there is"))
        }
    })
}

fn described(connector: &dyn Connector) -> Value {
    let can = connector.capabilities();
    json!({
        "connector": connector.kind(),
        "invites": can.invites,
        "counts_invited": can.counts_invited,
        "removes_account": can.removes_account,
        "settings": connector.schema(),
        "entitlement": connector.entitlement_schema(),
    })
}

fn overview(compiled: &[Box<dyn Connector>], output: &mut Output) -> Result<(), Failure> {
    let mut table = Table::new(&["connector", "in this build", "invites people", "removes accounts"]);
    let plain = |text: &str| (text.to_owned(), Style::Plain);
    let yes = |is: bool| plain(if is { "yes" } else { "no" });
    for known in KNOWN {
        let connector = compiled.iter().find(|connector| connector.kind() == known.kind);
        match connector.map(|connector| connector.capabilities()) {
            Some(can) => table.row([
                plain(known.kind),
                ("yes".to_owned(), Style::Good),
                yes(can.invites),
                yes(can.removes_account),
            ]),
            None if known.exists => {
                table.row([plain(known.kind), (format!("no: {}", features(&[known.kind])), Style::Faint)]);
            }
            None => table.row([plain(known.kind), ("not built yet".to_owned(), Style::Faint)]),
        }
    }
    Ok(output.table(&table)?)
}

fn details(connector: &dyn Connector, output: &mut Output) -> Result<(), Failure> {
    let kind = connector.kind();
    let heading = format!("{kind}: a [connections.NAME] with connector = \"{kind}\" takes");
    described_keys(&heading, &connector.schema(), output)?;
    output.line("")?;
    let heading = format!("{kind}: what a permission of such an app gives");
    described_keys(&heading, &connector.entitlement_schema(), output)
}

fn described_keys(heading: &str, schema: &Value, output: &mut Output) -> Result<(), Failure> {
    output.line(output.paint(Style::Bold, heading))?;
    let keys = keys(schema);
    if keys.is_empty() {
        let said = schema.get("description").and_then(Value::as_str).unwrap_or("nothing of its own");
        return Ok(output.line(format!("  {}", crate::output::safe(said)))?);
    }
    let mut table = Table::new(&["", "", "", ""]);
    for key in keys {
        table.row([
            (format!("  {}", key.path), Style::Plain),
            (spoken(key.need).to_owned(), Style::Pending),
            (key.takes, Style::Faint),
            (key.what, Style::Plain),
        ]);
    }
    Ok(output.table(&table)?)
}

fn spoken(need: Need) -> &'static str {
    match need {
        Need::Yes => "needed",
        Need::OneOf => "this or another",
        Need::No => "",
    }
}
