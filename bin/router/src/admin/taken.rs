//! What later requests have taken of what was granted, by the ledger.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use usher_core::{Direction, SubjectKey};
use usher_journal::{Execution, JournalError, Ledger, Request};

use super::Operate;
use super::view::{RequestView, Taken};

/// The rows as they are shown.
pub(crate) async fn views(
    engine: &dyn Operate,
    requests: &[Request],
) -> Result<Vec<RequestView>, JournalError> {
    // A person's ledger is read once for a page.
    let mut ledgers: HashMap<(&str, &SubjectKey), Ledger> = HashMap::new();
    let mut views = Vec::with_capacity(requests.len());
    for request in requests {
        let mut view = RequestView::from(request);
        if is_granted(request) {
            let place = (request.connection.as_str(), &request.subject_key);
            let ledger = match ledgers.entry(place) {
                Entry::Occupied(read) => read.into_mut(),
                Entry::Vacant(place) => {
                    let (connection, subject) = *place.key();
                    place.insert(engine.ledger(connection, subject).await?)
                }
            };
            view.taken = taken(request, ledger);
        }
        views.push(view);
    }
    Ok(views)
}

/// One row as it is shown.
pub(crate) async fn view(engine: &dyn Operate, request: &Request) -> Result<RequestView, JournalError> {
    let mut view = RequestView::from(request);
    if is_granted(request) {
        view.taken = taken(request, &engine.ledger(&request.connection, &request.subject_key).await?);
    }
    Ok(view)
}

fn is_granted(request: &Request) -> bool {
    request.execution == Execution::Confirmed && request.direction == Direction::Provision
}

fn taken(request: &Request, ledger: &Ledger) -> Option<Taken> {
    let app = request.app_key.as_str();
    let is_named = |name: &str| ledger.named_after(Direction::Deprovision, app, name, request.seq);
    let is_held = |name: &str| {
        ledger.holders.iter().any(|holder| holder.request == request.id && holder.permission == name)
    };
    let names = || request.permissions.iter().map(|permission| permission.name.as_str());
    let gone = names().filter(|name| is_named(name) && !is_held(name)).count();
    if gone > 0 {
        return Some(if gone == request.permissions.len() { Taken::All } else { Taken::Partly });
    }
    names().any(is_named).then_some(Taken::Going)
}
