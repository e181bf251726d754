//! One test: from its webhook to its end.

use std::time::Duration;

use usher_core::Direction;
use usher_engine::{Answer, Reply};
use usher_generic_rest::definition::{Definition, Test, TestOutcome};
use usher_journal::{Execution, Request};

use crate::stage::Stage;
use crate::{Failure, TestResult};

/// How long, in the test's own time, a request may take: longer than the engine keeps at it.
const LONGEST: Duration = Duration::from_hours(26);
/// So closely a request is watched at first, and so closely after an hour.
const CLOSELY: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_mins(1);

/// What comes of a test.
pub(crate) fn result(definition: &Definition, test: &Test) -> TestResult {
    let failures = std::thread::scope(|scope| {
        // A thread of its own: whoever calls may have a runtime on theirs.
        let run = scope.spawn(|| on_a_runtime(definition, test));
        run.join().unwrap_or_else(|_| Err("the test panicked: this is a mistake in Usher".to_owned()))
    });
    let failures = failures.unwrap_or_else(|message| {
        vec![Failure { span: test.span.clone(), message, expected: None, found: None }]
    });
    TestResult { name: test.name.clone(), span: test.span.clone(), failures }
}

fn on_a_runtime(definition: &Definition, test: &Test) -> Result<Vec<Failure>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| format!("there is no runtime: {error}"))?;
    runtime.block_on(play(definition, test))
}

async fn play(definition: &Definition, test: &Test) -> Result<Vec<Failure>, String> {
    let stage = Stage::set(definition, test).await?;
    let ended = tokio::select! {
        biased;
        () = stage.script.broken() => None,
        ended = to_the_end(&stage, test) => Some(ended?),
    };
    // The two may come at once; what no exchange says explains the rest.
    if let Some(failure) = stage.script.failure() {
        return Ok(vec![failure]);
    }
    let Some((reply, row)) = ended else { return Ok(Vec::new()) };
    let found = ending(&reply, &row);
    let reason = reason(&reply, &row);
    let mut failures: Vec<Failure> = stage.script.missing();
    for failure in &mut failures {
        failure.found = Some(format!("the request ended: {}", told(found, &reason)));
    }
    if found != test.outcome {
        failures.push(Failure {
            span: test.span.clone(),
            message: format!("ends as {}, not as {}", word(found), word(test.outcome)),
            expected: Some(word(test.outcome).to_owned()),
            found: Some(told(found, &reason)),
        });
    }
    if let Some(because) = &test.because
        && !reason.contains(because.as_str())
    {
        failures.push(Failure {
            span: test.span.clone(),
            message: "ends for another reason".to_owned(),
            expected: Some(because.clone()),
            found: Some(if reason.is_empty() { "no reason".to_owned() } else { reason }),
        });
    }
    Ok(failures)
}

/// Delivers the webhook, and drives on until the request is over, or stands still with every exchange done.
async fn to_the_end(stage: &Stage, test: &Test) -> Result<(Reply, Request), String> {
    let reply = stage.deliver(test).await;
    let begun = stage.clock.instant();
    loop {
        let row = stage.row(&reply.request).await?;
        let stands =
            matches!(row.execution, Execution::Waiting | Execution::BackingOff | Execution::NeedsHuman);
        // What comes after a late answer is the test's to list, or to leave.
        let enough = stage.script.is_over() && (stands || test.outcome == TestOutcome::Late);
        let waited = stage.clock.instant() - begun;
        if row.execution.is_final() || row.execution == Execution::NeedsHuman || enough || waited > LONGEST {
            return Ok((reply, row));
        }
        let step = if waited < Duration::from_hours(1) { CLOSELY } else { LATER };
        tokio::time::sleep_until(stage.clock.instant() + step).await;
    }
}

fn ending(reply: &Reply, row: &Request) -> TestOutcome {
    match row.execution {
        Execution::Confirmed if reply.answer != Answer::Positive => TestOutcome::Late,
        Execution::Confirmed if row.direction == Direction::Provision => TestOutcome::Granted,
        Execution::Confirmed => TestOutcome::Removed,
        Execution::Refused | Execution::Superseded | Execution::Expired | Execution::Closed => {
            TestOutcome::Refused
        }
        Execution::NeedsHuman => TestOutcome::NeedsYou,
        Execution::Waiting => TestOutcome::Waiting,
        Execution::Accepted | Execution::BackingOff => TestOutcome::Late,
    }
}

/// What the sender was told, and what the request's page says, where that is more.
fn reason(reply: &Reply, row: &Request) -> String {
    let answered = match &reply.answer {
        Answer::Positive => "",
        Answer::Negative { reason } => reason.as_str(),
    };
    match row.reason.as_deref() {
        Some(reason) if answered.is_empty() => reason.to_owned(),
        Some(reason) if !answered.contains(reason) => format!("{answered}; {reason}"),
        _ => answered.to_owned(),
    }
}

fn told(outcome: TestOutcome, reason: &str) -> String {
    if reason.is_empty() { word(outcome).to_owned() } else { format!("{}: {reason}", word(outcome)) }
}

/// As in a definition.
fn word(outcome: TestOutcome) -> &'static str {
    match outcome {
        TestOutcome::Granted => "granted",
        TestOutcome::Removed => "removed",
        TestOutcome::Waiting => "waiting",
        TestOutcome::Refused => "refused",
        TestOutcome::NeedsYou => "needs-you",
        TestOutcome::Late => "late",
    }
}
