use serde_json::{Value, json};
use usher_core::{Clock, SystemClock};

use super::Failure;
use crate::alerts::{Message, NotTaken, receivers};
use crate::cli::AlertsCommand;
use crate::config;
use crate::output::{Output, Style, safe};

/// `usher alerts`
pub(crate) async fn run(command: &AlertsCommand, output: &mut Output) -> Result<(), Failure> {
    let AlertsCommand::Test(args) = command;
    let loaded = config::load(&args.config)?;
    let receivers = receivers(&loaded.config.alerts);
    if receivers.is_empty() {
        return Err(Failure::failed(
            "the configuration names nobody who hears of alerts: set slack or webhook in [alerts]",
        ));
    }
    let message = Message::test(&uuid::Uuid::now_v7().to_string(), SystemClock.now());
    let mut told: Vec<Value> = Vec::with_capacity(receivers.len());
    let mut all_took_it = true;
    for receiver in &receivers {
        let sent = receiver.send(&message, &*loaded.transport, &SystemClock).await;
        let why = sent.as_ref().err().map(NotTaken::why);
        all_took_it &= why.is_none();
        if output.is_json() {
            told.push(json!({
                "receiver": receiver.name(), "origin": receiver.origin(), "ok": why.is_none(), "why": why,
            }));
            continue;
        }
        let (style, what) = match why {
            None => (Style::Good, "took it: look whether it arrived".to_owned()),
            Some(why) => (Style::Bad, format!("did not take it: {why}")),
        };
        let name = format!("{} ({})", receiver.name(), safe(receiver.origin()));
        output.line(format!("{name} {}", output.paint(style, &what)))?;
    }
    if output.is_json() {
        output.value(&json!({ "ok": all_took_it, "receivers": told }))?;
    }
    if all_took_it { Ok(()) } else { Err(Failure::Said) }
}
