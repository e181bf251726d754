//! What has to hold after a restart, whatever the disk did.

use std::collections::BTreeMap;

use crate::support::{Answer, Payload, Row, Sandbox, Usher};

/// What is not as it is promised about these people, once all that was accepted has ended. Nobody else's requests stand in this
/// journal.
pub(super) async fn troubles(
    sandbox: &Sandbox,
    usher: &Usher,
    people: &[&str],
    heard: &[(Payload, Answer)],
) -> Vec<String> {
    let rows = usher.all_ended().await;
    let mut troubles = Vec::new();
    for (payload, answer) in heard.iter().filter(|(_, answer)| answer.is_positive()) {
        let row = rows.iter().find(|row| row.id() == answer.id);
        if row.is_none_or(|row| row.word() != done(payload.direction())) {
            troubles.push(format!("{payload:?} was answered yes, and the journal has {row:?}"));
        }
    }
    for email in people {
        let own: Vec<&Row> = rows.iter().rev().filter(|row| row.subject() == *email).collect();
        let found = of_person(sandbox, email, &own).await;
        if !found.is_empty() {
            let mut histories = Vec::new();
            for row in &own {
                histories.push(usher.history(row.id()).await);
            }
            troubles.push(format!("{email}: {}: {histories:#?}", found.join("; ")));
        }
    }
    troubles
}

/// `own`: this person's requests in the order of acceptance.
async fn of_person(sandbox: &Sandbox, email: &str, own: &[&Row]) -> Vec<String> {
    let mut troubles = Vec::new();
    let effects = sandbox.effects_on(email).await;
    let mut times: BTreeMap<&str, u32> = BTreeMap::new();
    for change in effects.iter().flat_map(|effect| &effect.changes) {
        *times.entry(change).or_default() += 1;
    }
    if times.values().any(|times| *times > 1) {
        troubles.push(format!("something happened twice: {effects:?}"));
    }
    if !effects.is_empty() && own.is_empty() {
        troubles.push(format!("what is not on disk was sent: {effects:?}"));
    }
    for direction in ["provision", "deprovision"] {
        if own.iter().filter(|row| row.direction() == direction).count() > 1 {
            troubles.push(format!("one request stands there twice: {own:?}"));
        }
    }
    let undone = own.iter().filter(|row| row.word() != done(row.direction()));
    troubles.extend(undone.map(|row| format!("it ended as {}: {}", row.word(), row.reason())));
    let role = sandbox.role(email).await;
    let holds = own.last().is_some_and(|row| row.direction() == "provision");
    if holds != (role == "agent") {
        troubles.push(format!("the vendor shows {role} after {:?}", own.last()));
    }
    troubles
}

fn done(direction: &str) -> &'static str {
    if direction == "provision" { "granted" } else { "removed" }
}
