use serde_json::json;

use super::Failure;
use crate::connectors::{KNOWN, all};
use crate::output::{Output, Style, Table};

/// `usher connectors`
pub(crate) fn run(output: &mut Output) -> Result<(), Failure> {
    let connectors = all();
    if output.is_json() {
        let list: Vec<_> = connectors
            .iter()
            .map(|connector| {
                let can = connector.capabilities();
                json!({
                    "connector": connector.kind(),
                    "invites": can.invites,
                    "removes_account": can.removes_account,
                    "settings": connector.schema(),
                })
            })
            .collect();
        return Ok(output.value(&json!({ "connectors": list }))?);
    }
    let mut table = Table::new(&["connector", "in this build", "invites people", "removes accounts"]);
    let plain = |text: &str| (text.to_owned(), Style::Plain);
    let yes = |is: bool| plain(if is { "yes" } else { "no" });
    for known in KNOWN {
        let compiled = connectors.iter().find(|connector| connector.kind() == known.kind);
        match compiled.map(|connector| connector.capabilities()) {
            Some(can) => table.row([
                plain(known.kind),
                ("yes".to_owned(), Style::Good),
                yes(can.invites),
                yes(can.removes_account),
            ]),
            None if known.exists => table.row([
                plain(known.kind),
                (format!("no: build with --features {}", known.kind), Style::Faint),
            ]),
            None => table.row([plain(known.kind), ("not built yet".to_owned(), Style::Faint)]),
        }
    }
    Ok(output.table(&table)?)
}
