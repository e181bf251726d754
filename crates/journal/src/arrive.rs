use usher_core::Direction;

use crate::{Execution, Holder, Ledger, Mark, Moment, Record, Request};

/// A webhook about to be accepted. Of `request`, the journal sets `seq` and `attempt`, and keeps an existing row's `id`.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Its row. `execution` is [`Execution::Accepted`], or the end that it has at once: refused (not mapped), closed (a test).
    pub request: Request,
    /// The body as received.
    pub body: Vec<u8>,
}

/// What an arrival is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// A request of its own: run it, unless its row is final already.
    Fresh,
    /// A duplicate of a refused one: run it again, on the same row.
    Again,
    /// A duplicate of one that runs: wait for its result.
    Running,
    /// A duplicate of a confirmed one: look, and say whether all is there.
    Recheck,
    /// A duplicate of one in any other state: answer from that state.
    Settled,
    /// An opposite request has followed it: negative.
    Followed,
}

/// Takes an arrival in: what it is (rule 10), its row, and what it does to the ledger. `existing` is the row with the same
/// delivery key, `seq` the next place in the order of acceptance.
pub fn arrive(
    existing: Option<Request>,
    ledger: &mut Ledger,
    new: Request,
    seq: u64,
    at: &Moment,
) -> (Arrived, Request, Vec<Record>) {
    let Some(old) = existing else {
        let mut request = new;
        request.seq = seq;
        request.attempt = 1;
        let mut records = vec![Record::Accepted { route: request.route.clone() }];
        match request.execution {
            Execution::Accepted => enter(ledger, &request),
            execution => {
                records.push(Record::Ended { execution, reason: request.reason.clone().unwrap_or_default() });
            }
        }
        ledger.version = ledger.version.saturating_add(1);
        return (Arrived::Fresh, request, records);
    };
    ledger.version = ledger.version.saturating_add(1);
    let arrived = if is_followed(ledger, &old) {
        Arrived::Followed
    } else {
        match old.execution {
            Execution::Accepted => Arrived::Running,
            Execution::Confirmed => Arrived::Recheck,
            Execution::Refused => Arrived::Again,
            Execution::Waiting
            | Execution::BackingOff
            | Execution::NeedsHuman
            | Execution::Superseded
            | Execution::Expired
            | Execution::Closed => Arrived::Settled,
        }
    };
    let mut records = vec![Record::Delivered { as_what: describe(arrived, &old).to_owned() }];
    if arrived != Arrived::Again {
        return (arrived, old, records);
    }
    // What runs is what today's delivery compiles to: the mapping may have been mended since.
    let mut request = new;
    request.id = old.id;
    request.received = old.received;
    request.attempt = old.attempt.saturating_add(1);
    request.seq = seq;
    match request.execution {
        Execution::Accepted => enter(ledger, &request),
        execution => {
            records.push(Record::Ended { execution, reason: request.reason.clone().unwrap_or_default() });
        }
    }
    request.updated = at.wall;
    (Arrived::Again, request, records)
}

/// What a replay runs: the row as it is, or, where nothing was compiled when it was accepted, what its body comes to today, under
/// the same id. The ledger that [`replay`] takes is that of this one's connection and subject.
#[must_use]
pub fn runs_again(old: Request, today: Option<Request>) -> Request {
    match today {
        Some(today) if old.is_uncompiled() => Request {
            id: old.id,
            received: old.received,
            attempt: old.attempt,
            // A refused row has none: `today` counts it from when the request arrived.
            until: old.until.or(today.until),
            answer: old.answer,
            telling: old.telling,
            ..today
        },
        _ => old,
    }
}

/// A new attempt on the same row (see [`runs_again`]), with a new place in the order of acceptance (rule 11). It does not outlive
/// the approval: `until` stays.
pub fn replay(
    ledger: &mut Ledger,
    mut request: Request,
    seq: u64,
    by: &str,
    reason: &str,
    at: &Moment,
) -> (Request, Record) {
    request.attempt = request.attempt.saturating_add(1);
    request.seq = seq;
    request.execution = Execution::Accepted;
    request.reason = None;
    request.next_at = None;
    request.updated = at.wall;
    ledger.holders.retain(|holder| holder.confirmed || holder.request != request.id);
    enter(ledger, &request);
    ledger.version = ledger.version.saturating_add(1);
    (request, Record::Replayed { by: by.to_owned(), reason: reason.to_owned() })
}

/// The holders of a grant, unconfirmed; the mark that superseding and repeated deliveries are derived from.
fn enter(ledger: &mut Ledger, request: &Request) {
    ledger.unfinished.insert(request.id.clone(), request.seq);
    if request.dry_run {
        return;
    }
    if request.direction == Direction::Provision {
        for permission in &request.permissions {
            ledger.holders.push(Holder {
                app: request.app_key.clone(),
                permission: permission.name.clone(),
                facets: permission.facets.clone().unwrap_or_default(),
                request: request.id.clone(),
                seq: request.seq,
                until: request.until,
                confirmed: false,
            });
        }
    }
    let mark = |permission: Option<&String>| Mark {
        direction: request.direction,
        app: request.app_key.clone(),
        permission: permission.cloned(),
        seq: request.seq,
    };
    if request.all {
        ledger.mark(mark(None));
    } else {
        for permission in &request.permissions {
            ledger.mark(mark(Some(&permission.name)));
        }
    }
}

fn is_followed(ledger: &Ledger, old: &Request) -> bool {
    let opposite = old.direction.opposite();
    if old.all {
        return ledger.any_named_after(opposite, &old.app_key, old.seq);
    }
    old.permissions.iter().any(|p| ledger.named_after(opposite, &old.app_key, &p.name, old.seq))
}

fn describe(arrived: Arrived, old: &Request) -> &'static str {
    match arrived {
        Arrived::Followed => "an opposite request has followed: answered no",
        Arrived::Running => "it is running: this delivery waits for its result",
        Arrived::Recheck if old.direction == Direction::Provision => "it was granted: looked at again",
        Arrived::Recheck => "it was removed: looked at again",
        Arrived::Again => "it was refused: run again",
        Arrived::Settled | Arrived::Fresh => "answered from its state",
    }
}
