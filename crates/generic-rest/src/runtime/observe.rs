//! One reading of a person: polls that are open, look-ups, state, slots. Never writes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value};
use usher_core::{
    Account, Arity, Awaits, Call, Evidence, Facet, Fault, Handles, Hold, Known, Refusal, RefusalKind, Remedy,
    Sent, Snapshot, Subject,
};

use super::connection::GenericRestConnection;
use super::entitlement::ACCOUNT;
use super::facts::{Facts, Shown};
use super::lookups::{Reading, Stopped};
use super::{scope, values};
use crate::definition::{Definition, Slot, State};
use crate::expression::{Expression, Scope};

/// Bytes of an address at the most (RFC 5321, 4.5.3.1, and the @).
const LONGEST_ADDRESS: usize = 320;

/// Things that one holds which the evidence names.
const MOST_SHOWN: usize = 50;

/// Reads everything that planning needs.
pub(crate) async fn observe(
    connection: &GenericRestConnection,
    call: &Call,
    who: &Subject,
    known: &Known,
    of: &BTreeSet<Facet>,
) -> Result<Snapshot, Fault> {
    if !is_address(&who.email) {
        return Err(no_address());
    }
    let definition = &connection.definition;
    let hints = scope::known(definition, &known.handles);
    let mut reading = Reading {
        connection,
        call,
        scope: scope::of_reading(&connection.constants, who, &hints),
        captures: Map::new(),
        known: hints,
        fresh: Map::new(),
        evidence: Vec::new(),
    };
    let watches = match reading.watches(&known.watches).await {
        Ok(watches) => watches,
        Err(Stopped::Failed(fault)) => return Err(fault),
        // A poll's answer is about one change: of several hits there, nobody could make anything.
        Err(Stopped::Several(_)) => return Err(undecided("poll", "the poll finds several entries")),
    };
    let read = match reading.look_ups().await {
        Ok(()) => read_state(definition, &reading.scope),
        Err(stopped) => Err(stopped),
    };
    let mut snapshot = match read {
        Ok(read) => {
            let doubtful = connection.invites() && known.invited.is_some() && read.is_unseen();
            shown(definition, &reading, &read, doubtful, of)
        }
        Err(Stopped::Several(hits)) => several(of, hits),
        Err(Stopped::Failed(fault)) => return Err(fault),
    };
    snapshot.watches = watches;
    snapshot.lag = definition.state.lag;
    snapshot.handles = handles(&reading, &snapshot, &known.handles);
    snapshot.evidence = reading.evidence;
    snapshot.evidence.push(summary(&snapshot));
    Ok(snapshot)
}

impl Reading<'_> {
    async fn look_ups(&mut self) -> Result<(), Stopped> {
        for lookup in &self.connection.definition.lookups {
            self.look_up(lookup).await?;
        }
        Ok(())
    }
}

/// What state and slots say.
struct Read {
    account: bool,
    pending: bool,
    lapsed: bool,
    id: Option<String>,
    slots: BTreeMap<String, Shown>,
}

impl Read {
    /// Neither there, nor invited, nor known to be over.
    fn is_unseen(&self) -> bool {
        !self.account && !self.pending && !self.lapsed
    }
}

fn read_state(definition: &Definition, scope: &Scope) -> Result<Read, Stopped> {
    let State { account, pending, lapsed, id, .. } = &definition.state;
    let truth = |name: &str, expression: &Expression| {
        expression.truth(scope).map_err(|error| Stopped::by(&error, || undecided(name, &error)))
    };
    let optional = |name: &str, expression: &Option<Expression>| match expression {
        Some(expression) => truth(name, expression),
        None => Ok(false),
    };
    let pending = optional("state.pending", pending)?;
    let lapsed = optional("state.lapsed", lapsed)?;
    let account = truth("state.account", account)?;
    let id = match id {
        Some(id) => read_id(id, scope)?,
        None => None,
    };
    let mut slots = BTreeMap::new();
    for (name, slot) in &definition.slots {
        let has = read_values(&format!("slots.{name}.has"), &slot.has, slot, scope)?;
        let pending = match &slot.pending {
            Some(pending) => read_values(&format!("slots.{name}.pending"), pending, slot, scope)?,
            None => Vec::new(),
        };
        slots.insert(name.clone(), Shown { has, pending });
    }
    Ok(Read { account, pending, lapsed, id, slots })
}

fn read_id(expression: &Expression, scope: &Scope) -> Result<Option<String>, Stopped> {
    let id = expression.evaluate(scope);
    match id.map_err(|error| Stopped::by(&error, || undecided("state.id", &error)))? {
        Value::Null => Ok(None),
        Value::String(id) if !id.is_empty() => Ok(Some(id)),
        Value::Number(id) if id.is_i64() || id.is_u64() => Ok(Some(id.to_string())),
        _ => {
            let why = format!("`{}` gives no text and no whole number", expression.source());
            Err(undecided("state.id", why).into())
        }
    }
}

fn read_values(
    name: &str,
    expression: &Expression,
    slot: &Slot,
    scope: &Scope,
) -> Result<Vec<String>, Stopped> {
    let value = expression.evaluate(scope);
    let value = value.map_err(|error| Stopped::by(&error, || undecided(name, &error)))?;
    let values = values::read(&value, slot);
    Ok(values.map_err(|why| undecided(name, format!("`{}` {why}", expression.source())))?)
}

/// What the reading came to. `doubtful`: an invitation was sent, and nothing shows what became of it (rule 23).
fn shown(
    definition: &Definition,
    reading: &Reading<'_>,
    read: &Read,
    doubtful: bool,
    of: &BTreeSet<Facet>,
) -> Snapshot {
    let account = match (read.pending, read.account) {
        // Whoever has been invited has nothing yet, whatever else is listed.
        (true, _) => Account::Invited,
        (false, true) => Account::Found { id: read.id.clone() },
        (false, false) => Account::Absent,
    };
    let absent = if doubtful { Hold::Unreadable } else { Hold::Absent };
    let facts = Facts {
        account: read.account || read.pending,
        captures: reading.captures.clone(),
        known: reading.known.clone(),
        slots: read.slots.clone(),
    };
    let mut facets = BTreeMap::new();
    let mut current = BTreeMap::new();
    if definition.slots.is_empty() {
        facets.insert(Facet::new(ACCOUNT, ACCOUNT), of_account(&account, &absent));
    }
    for (name, shown) in &read.slots {
        let slot = |value: &String| Facet::new(name, value);
        facets.extend(shown.pending.iter().map(|value| (slot(value), invited())));
        let has = if read.pending { invited() } else { Hold::Present };
        facets.extend(shown.has.iter().map(|value| (slot(value), has.clone())));
        if let (Some(Slot { arity: Arity::One { .. }, .. }), Some(value)) =
            (definition.slots.get(name), shown.has.first())
        {
            current.insert(name.clone(), value.clone());
        }
    }
    for facet in of {
        let known =
            read.slots.contains_key(&facet.slot) || (definition.slots.is_empty() && facet.slot == ACCOUNT);
        let otherwise = if known { absent.clone() } else { Hold::Unreadable };
        facets.entry(facet.clone()).or_insert(otherwise);
    }
    Snapshot { account, facets, current, facts: facts.to_value(), ..nothing() }
}

fn of_account(account: &Account, absent: &Hold) -> Hold {
    match account {
        Account::Found { .. } => Hold::Present,
        Account::Invited => invited(),
        _ => absent.clone(),
    }
}

fn invited() -> Hold {
    Hold::Pending { awaits: Awaits::Invitee, until: None }
}

fn several(of: &BTreeSet<Facet>, hits: u32) -> Snapshot {
    let facets = of.iter().map(|facet| (facet.clone(), Hold::Unreadable)).collect();
    Snapshot { account: Account::Ambiguous { hits }, facets, facts: Facts::default().to_value(), ..nothing() }
}

fn nothing() -> Snapshot {
    Snapshot {
        account: Account::Absent,
        facets: BTreeMap::new(),
        current: BTreeMap::new(),
        handles: Handles::new(),
        watches: Vec::new(),
        facts: Value::Null,
        lag: Duration::ZERO,
        evidence: Vec::new(),
    }
}

/// What is remembered: of somebody who is certainly not there, what this reading kept alone. What is not the definition's stays.
fn handles(reading: &Reading<'_>, snapshot: &Snapshot, before: &Handles) -> Handles {
    let unreadable = snapshot.facets.values().any(|hold| *hold == Hold::Unreadable);
    let gone = snapshot.account == Account::Absent && snapshot.lag.is_zero() && !unreadable;
    let known = if gone { &reading.fresh } else { &reading.known };
    let others = before.iter().filter(|(name, _)| !scope::is_known(name));
    others.map(|(name, value)| (name.clone(), value.clone())).chain(scope::handles(known)).collect()
}

/// The reading in words: no person's values, since those of slots are the application's.
fn summary(snapshot: &Snapshot) -> Evidence {
    let account = match &snapshot.account {
        Account::Absent if snapshot.facets.values().any(|hold| *hold == Hold::Unreadable) => {
            "no account, and what became of an invitation or of a slot is not shown".to_owned()
        }
        Account::Absent => "no account".to_owned(),
        Account::Found { .. } => "an account".to_owned(),
        Account::Invited => "an invitation".to_owned(),
        Account::Ambiguous { hits } => format!("{hits} accounts that would fit"),
        Account::Protected { .. } => "a protected account".to_owned(),
    };
    let held = snapshot.facets.iter().filter(|(facet, hold)| {
        facet.slot != ACCOUNT && matches!(hold, Hold::Present | Hold::Pending { .. })
    });
    let held = held.map(|(facet, hold)| match hold {
        Hold::Pending { .. } => format!("{facet} on its way"),
        _ => facet.to_string(),
    });
    let shows: Vec<String> = std::iter::once(account).chain(held).collect();
    let (shown, more) = shows.split_at(shows.len().min(MOST_SHOWN + 1));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    Evidence { call: "all look-ups".to_owned(), shows: format!("{}{more}", shown.join(", ")) }
}

/// Whether it can mean an address. What is none would find everybody, or somebody else.
fn is_address(address: &str) -> bool {
    let odd = |letter: char| letter.is_whitespace() || letter.is_control();
    address.len() <= LONGEST_ADDRESS
        && !address.contains(odd)
        && address.rsplit_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
}

fn no_address() -> Fault {
    let sentence = "The request names no usable e-mail address: correct the person's address in Lumos.";
    Fault::new("look-ups", Sent::No, Remedy::Refused(Refusal::new(RefusalKind::Invalid, sentence)))
}

fn undecided(name: &str, why: impl std::fmt::Display) -> Fault {
    Fault::new(name, Sent::Yes, Remedy::Person).because(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_not_looked_up() {
        for good in ["ada@acme.example", "Ada+x@acme.example", "a/../b@x.io", "zoë@acme.example"] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "..",
            "ada",
            "@acme.example",
            "ada@",
            "a b@x.io",
            "a\r\nb@x.io",
            "a\0@x.io",
            &format!("{}@x.io", "a".repeat(400)),
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
