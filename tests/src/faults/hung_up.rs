//! Senders that hang up before they are answered.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use super::three::{self, Holders, Person, happened_too_often};
use super::{Bound, Found};
use crate::support::{Numbers, Payload, Row, Sandbox, Usher, lasts};

/// Who sends at the same time.
const AT_ONCE: usize = 21;

/// Until Usher has seen that a connection is closed.
const NOTICED_WITHIN: Duration = Duration::from_millis(500);

/// When the sender leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// After so long, wherever the request is by then.
    After(Duration),
    /// The vendor is being read.
    Reading,
    /// The change was made, and Usher has not heard of it.
    AfterTheChange,
}

impl Moment {
    fn drawn(numbers: &mut Numbers) -> Self {
        let longest = *numbers.one(&[3_000, 60_000, 400_000]);
        match numbers.below(4) {
            0 => Self::Reading,
            1 => Self::AfterTheChange,
            _ => Self::After(Duration::from_micros(u64::try_from(numbers.below(longest)).unwrap())),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::After(_) => "at random",
            Self::Reading => "while the vendor is read",
            Self::AfterTheChange => "after the change",
        }
    }

    /// Whether the request was surely accepted, and surely not answered.
    fn is_in_the_middle(self) -> bool {
        !matches!(self, Self::After(_))
    }
}

/// What was accepted ends, with one effect; and what was done and not heard is for Lumos to be told.
pub async fn run(bound: Bound, seed: u64) -> Found {
    let count = bound.of(42, 1_050);
    let mut numbers = Numbers::of(seed);
    let (sandbox, usher) = three::world().await;
    let people: Vec<Person> = (0..count).map(Person::new).collect();
    three::seed(&sandbox, &people).await;
    let mut left: Vec<(Moment, Moment)> = Vec::new();
    for some in people.chunks(AT_ONCE) {
        let moments: Vec<_> =
            some.iter().map(|_| (Moment::drawn(&mut numbers), Moment::drawn(&mut numbers))).collect();
        let each = some.iter().zip(&moments);
        let grants =
            each.clone().map(|(person, (at, _))| leave(&sandbox, &usher, person, person.grant(), *at));
        let granted = join_all(grants).await;
        usher.all_ended().await;
        let removals = each.map(|(person, (_, at))| leave(&sandbox, &usher, person, person.removal(), *at));
        left.extend(granted.into_iter().zip(join_all(removals).await));
    }
    let rows = usher.all_ended().await;
    let mut found = Found::default();
    found.figure("requests sent", 2 * count);
    found.figure("accepted", rows.len());
    let (holders, changes) = (Holders::all(&sandbox).await, three::changes(&sandbox).await);
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for (person, (first, second)) in people.iter().zip(left) {
        let mut own: Vec<&Row> = rows.iter().filter(|row| row.subject() == person.email).collect();
        own.reverse();
        let mut troubles: Vec<String> = Vec::new();
        for (direction, moment) in [("provision", first), ("deprovision", second)] {
            let row = own.iter().find(|row| row.direction() == direction);
            let what = came_of(direction, moment, row.copied());
            *times
                .entry(format!("{}: {}", moment.name(), what.clone().unwrap_or_else(|what| what)))
                .or_default() += 1;
            troubles.extend(what.err().map(|what| format!("{direction} left {moment:?}: {what}")));
        }
        let effects = changes.get(&person.email).map_or(&[][..], Vec::as_slice);
        troubles.extend(happened_too_often(effects, 1, 1));
        let last = own.last().map(|row| row.direction());
        if holders.has(person) != (last == Some("provision")) {
            troubles
                .push(format!("{last:?} is the last that was accepted, and the vendor does not show that"));
        }
        for trouble in troubles {
            let histories = join_all(own.iter().map(|row| usher.history(row.id()))).await;
            found.trouble(format!("{trouble}: {person:?}: {effects:#?} {own:#?} {histories:#?}"));
        }
    }
    for (what, times) in times {
        found.figure(what, times);
    }
    found
}

/// Sends it, hangs up at this moment, and says when that was as far as it is known.
async fn leave(
    sandbox: &Sandbox,
    usher: &Usher,
    person: &Person,
    payload: Payload,
    moment: Moment,
) -> Moment {
    let email = payload.email();
    let sending = usher.try_send(&payload);
    if let Moment::After(time) = moment {
        // Whoever is answered sooner has not hung up.
        let _answered = tokio::time::timeout(time, sending).await;
        return moment;
    }
    let before = three::last_call(sandbox, email).await;
    let has_a_change = payload.direction() == "provision" || person.has_it(sandbox).await;
    let rules = if moment == Moment::AfterTheChange && has_a_change {
        three::hold_changes(sandbox, email, true).await
    } else {
        three::hold_a_reading(sandbox, email).await
    };
    let sending = tokio::spawn(sending);
    if moment == Moment::AfterTheChange && has_a_change {
        three::a_change_arrives(sandbox, email, before).await;
    } else {
        sandbox.wait_for(&format!("subject={email}&after={before}")).await;
    }
    sending.abort();
    let was_answered = sending.await.is_ok();
    // The connection is closed by then, and Usher has seen it.
    lasts(NOTICED_WITHIN).await;
    three::let_go(sandbox, &rules).await;
    // On a machine with too much to do a no may have been said before the vendor was asked.
    if was_answered { Moment::After(Duration::ZERO) } else { moment }
}

/// What became of one request, in a few words: an error where that is not as it is promised.
fn came_of(direction: &str, moment: Moment, row: Option<&Row>) -> Result<String, String> {
    let Some(row) = row else {
        let what = "never accepted".to_owned();
        return if moment.is_in_the_middle() { Err(what) } else { Ok(what) };
    };
    let answer = row.0["answer"].as_str().unwrap_or("negative");
    let telling = row.0["telling"].as_str().unwrap_or_default();
    let what = format!("{} {}, answer {answer}, telling {telling}", direction, row.word());
    let is_done = row.word() == if direction == "provision" { "granted" } else { "removed" };
    // Of a removal there is nothing to tell: Lumos keeps no task of it.
    let is_told = direction != "provision" || telling == "due";
    let is_right = is_done
        && if moment.is_in_the_middle() {
            answer == "lost" && is_told
        } else {
            answer == "positive" || is_told
        };
    if is_right { Ok(what) } else { Err(what) }
}
