//! What must not be seen, in all that a person or a file could see.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use usher_core::Subject;

use crate::eye::Eye;
use crate::stage::{Answered, MAIN, Stage, ada};
use crate::{Kind, Outcome, Trouble, Vendors, ensure};

/// Shorter ones would be found by chance.
const SHORTEST: usize = 10;
/// What meets a grant, one after another.
const TROUBLES: [Trouble; 5] =
    [Trouble::AnswerLost, Trouble::FailsBefore, Trouble::FailsAfter, Trouble::Refuses, Trouble::Unauthorized];

pub(crate) async fn no_secret_is_shown(vendors: Vendors<'_>) -> Outcome {
    let eye = Eye::open();
    let Seen { shown, credentials } = everything(vendors).await?;
    let logged = eye.seen();
    ensure!(!logged.is_empty(), "nothing was logged, not even by the client: the log was not looked at");
    let hidden = hidden(vendors, credentials)?;
    for (place, text) in
        shown.iter().map(|(place, text)| (place.as_str(), text)).chain([("the log", &logged)])
    {
        // Not the secret itself: the message is shown as well.
        let found = hidden.iter().position(|secret| text.contains(secret.as_str()));
        ensure!(found.is_none(), "{place} shows a secret (number {} of them)", found.unwrap_or_default() + 1);
    }
    Ok(())
}

pub(crate) async fn no_address_of_a_person_is_logged(vendors: Vendors<'_>) -> Outcome {
    let eye = Eye::open();
    everything(vendors).await?;
    let logged = eye.seen().to_lowercase();
    ensure!(!logged.is_empty(), "nothing was logged, not even by the client: the log was not looked at");
    let address = ada().key().as_str().to_owned();
    let encoded = address.replace('@', "%40");
    let line = logged.lines().find(|line| line.contains(&address) || line.contains(&encoded));
    ensure!(line.is_none(), "a log line shows the person's address: {}", line.unwrap_or_default());
    Ok(())
}

/// Right and wrong secrets, and what was shown to the vendor or issued by it.
fn hidden(vendors: Vendors<'_>, credentials: BTreeSet<String>) -> Result<Vec<String>, String> {
    let vendor = vendors();
    let mut hidden = vendor.hidden();
    hidden.extend(credentials);
    for secret in vendor.secrets() {
        hidden.push(vendor.wrong(&secret));
        hidden.push(secret.value);
    }
    ensure!(!hidden.is_empty(), "the vendor names no secret: there is nothing to look for");
    ensure!(
        hidden.iter().all(|secret| secret.len() >= SHORTEST),
        "a secret has fewer than {SHORTEST} letters"
    );
    Ok(hidden)
}

/// What is to be seen, by the name of the place, and what came to the vendor in `Authorization`.
#[derive(Default)]
struct Seen {
    shown: Vec<(String, String)>,
    credentials: BTreeSet<String>,
}

impl Seen {
    /// Takes the credentials out of all requests of a stage.
    fn close(&mut self, stage: &Stage) {
        for arrived in stage.server.arrived() {
            let header = arrived.request.headers.get("authorization").and_then(|value| value.to_str().ok());
            self.credentials.extend(header.map(|sent| sent.rsplit(' ').next().unwrap_or(sent).to_owned()));
        }
    }
}

/// Good days and bad ones, and all that is to be seen of them.
async fn everything(vendors: Vendors<'_>) -> Result<Seen, String> {
    let ada = ada();
    let mut seen = Seen::default();
    let shown = &mut seen.shown;
    let stage = Stage::set(vendors).await?;
    stage.vendor.enroll(&ada);
    for name in stage.names() {
        shown.extend(both_directions(&stage, &ada, &name).await?);
    }
    shown
        .push(("Debug of the connector".to_owned(), format!("{:?} {:#?}", stage.connector, stage.connector)));
    shown.push((
        "Debug of the connection".to_owned(),
        format!("{:?} {:#?}", stage.connection, stage.connection),
    ));
    shown.push(("the schema".to_owned(), stage.connector.schema().to_string()));
    shown.push(("the tenant".to_owned(), stage.connection.tenant()));
    shown.push(("what building says of bad settings".to_owned(), mistakes(&stage)));
    seen.close(&stage);
    for kind in [Kind::Read, Kind::Change] {
        for trouble in TROUBLES {
            let stage = Stage::set(vendors).await?;
            stage.vendor.enroll(&ada);
            stage.server.trouble_next(kind, trouble);
            seen.shown.extend(both_directions(&stage, &ada, MAIN).await?);
            seen.shown.extend(direct_fault(&stage, &ada, kind, trouble).await);
            seen.close(&stage);
        }
    }
    let stage = Stage::with_wrong_secrets(vendors).await?;
    stage.vendor.enroll(&ada);
    seen.shown.extend(both_directions(&stage, &ada, MAIN).await?);
    seen.shown.push(("the check".to_owned(), check(&stage).await));
    seen.close(&stage);
    Ok(seen)
}

async fn both_directions(
    stage: &Stage,
    who: &Subject,
    permission: &str,
) -> Result<Vec<(String, String)>, String> {
    let mut shown = Vec::new();
    for answered in [stage.grant(who, permission).await, stage.order(who, permission).await] {
        stage.vendor.finish();
        stage.end_of(&answered.id).await?;
        shown.extend(request(stage, &answered).await?);
    }
    Ok(shown)
}

async fn request(stage: &Stage, answered: &Answered) -> Result<Vec<(String, String)>, String> {
    let stored = stage.stored(&answered.id).await?;
    let mut history = String::new();
    for entry in &stored.history {
        let written =
            serde_json::to_string(entry).map_err(|error| format!("a record is no JSON: {error}"))?;
        // Whatever the journal's form: both are looked at.
        write!(history, "{written} {entry:?} ").map_err(|error| error.to_string())?;
    }
    Ok(vec![
        ("the answer".to_owned(), answered.reason().to_owned()),
        ("the journal's history".to_owned(), history),
        ("the request's row".to_owned(), format!("{:?}", stored.request)),
        ("an alert".to_owned(), format!("{:?}", stage.heard.all())),
    ])
}

/// An error as it comes out of the connector, and a reading.
async fn direct_fault(stage: &Stage, who: &Subject, kind: Kind, trouble: Trouble) -> Vec<(String, String)> {
    if kind != Kind::Read {
        return Vec::new();
    }
    stage.server.trouble_next(Kind::Read, trouble);
    let known = usher_core::Known::default();
    let of = stage.facets(MAIN);
    let mut shown = Vec::new();
    // The first meets the trouble, the second does not.
    for _ in 0..2 {
        shown.push(match stage.connection.observe(&stage.call(), who, &known, &of).await {
            Ok(seen) => ("a reading".to_owned(), format!("{seen:?}")),
            Err(fault) => ("an error".to_owned(), format!("{fault} {fault:?}")),
        });
    }
    shown.push(("the check".to_owned(), check(stage).await));
    shown
}

async fn check(stage: &Stage) -> String {
    match stage.connection.check(&stage.call(), &stage.facets(MAIN)).await {
        Ok(health) => format!("{health:?}"),
        Err(fault) => format!("{fault} {fault:?}"),
    }
}

/// Somebody writes a secret where its place should stand: no message may quote it.
fn mistakes(stage: &Stage) -> String {
    let mut text = String::new();
    let secrets = stage.vendor.secrets();
    let settings = stage.vendor.settings();
    for secret in &secrets {
        for pointer in places(&settings, &mut String::new()) {
            let mut wrong = settings.clone();
            if let Some(place) = wrong.pointer_mut(&pointer) {
                *place = serde_json::Value::String(secret.value.clone());
            }
            if let Err(mistakes) = stage.connector.build(wrong, stage.ports.clone()) {
                for mistake in mistakes {
                    text.push_str(&format!("{mistake} {mistake:?} "));
                }
            }
        }
    }
    text
}

/// JSON pointers of the tables in the settings that stand where a secret could.
fn places(settings: &serde_json::Value, at: &mut String) -> Vec<String> {
    let Some(fields) = settings.as_object() else { return Vec::new() };
    let mut found = Vec::new();
    for (key, value) in fields {
        let pointer = format!("{at}/{key}");
        if value.is_object() {
            found.push(pointer.clone());
        }
        found.extend(places(value, &mut pointer.clone()));
    }
    found
}
