//! What the tables of faults have in common: each vendor's own says where things go wrong and what has to be true then.

use std::fmt::Debug;

use futures_util::future::join_all;
use usher_sandbox::Fault;

use super::{ANSWERED_WITHIN, Answer, Row, Sandbox, Usher};

/// One request, and what goes wrong with it.
pub trait FaultCase: Debug {
    /// What came of sending it.
    type Sent;

    /// Sends it under its fault, which is over as soon as it is answered.
    async fn send(&self, sandbox: &Sandbox, usher: &Usher) -> Self::Sent;

    /// What it was answered.
    fn answer(sent: &Self::Sent) -> &Answer;

    /// What went wrong besides the fault, once its request has ended.
    async fn troubles(&self, sandbox: &Sandbox, sent: &Self::Sent, row: &Row) -> Vec<String>;
}

/// Faults of one call, which touch nobody else, without those that are a status.
pub fn of_one_call() -> Vec<Fault> {
    let mut faults = vec![
        Fault::Hang,
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::ApplyThenHang,
        Fault::ApplyLate { after_ms: Some(3_000) },
        Fault::CloseMidAnswer,
        Fault::SlowDrip { every_ms: 300, bytes: 1 },
        Fault::Garbage { apply: false },
        Fault::Garbage { apply: true },
        Fault::ErrorBody,
        Fault::Forbidden,
    ];
    for after_applying in [false, true] {
        faults.push(Fault::Delay { ms: 2_000, after_applying });
        faults.push(Fault::Delay { ms: 30_000, after_applying });
    }
    faults
}

/// The same with this status, before and after the call has had its effect.
pub fn with_statuses(statuses: &[u16]) -> Vec<Fault> {
    let pair = |status: &u16| [Fault::ErrorBefore { status: *status }, Fault::ErrorAfter { status: *status }];
    of_one_call().into_iter().chain(statuses.iter().flat_map(pair)).collect()
}

/// Sends all cases at once, and says what went wrong besides their faults once all have ended.
pub async fn run<C: FaultCase>((sandbox, usher): (Sandbox, Usher), cases: Vec<C>) -> Vec<String> {
    let sent = join_all(cases.iter().map(|case| case.send(&sandbox, &usher))).await;
    let rows = usher.all_ended().await;
    let mut troubles = Vec::new();
    for (case, sent) in cases.iter().zip(sent) {
        let row = rows.iter().find(|row| row.id() == C::answer(&sent).id).expect("it is in the journal");
        for what in case.troubles(&sandbox, &sent, row).await {
            let history = usher.history(row.id()).await;
            troubles.push(format!("{case:?}: {what}\n{history:#?}"));
        }
    }
    troubles
}

/// How a request ended, in words, and what is wrong with that at every vendor: it came late, or was positive and `was_so` not.
pub fn told(case: &str, answer: &Answer, was_so: bool, row: &Row) -> (String, Vec<String>) {
    let mut troubles = Vec::new();
    if answer.took > ANSWERED_WITHIN {
        troubles.push(format!("answered after {:?}", answer.took));
    }
    if answer.is_positive() && !was_so {
        troubles.push(format!("{answer:?}, and it is not so"));
    }
    let told = if answer.is_positive() { "yes" } else { "no" };
    let ended = format!("{} ({}), told {told} after {:?}", row.word(), row.reason(), answer.took);
    println!("{case}: {ended}");
    (ended, troubles)
}

pub fn none(troubles: &[String]) {
    assert!(troubles.is_empty(), "{}", troubles.join("\n"));
}
