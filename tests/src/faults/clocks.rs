//! The wall clock of the real process jumps, forwards and backwards, while the monotonic one goes on.

use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use serde_json::Value;
use usher_sandbox::{Fault, Matcher, Operation, Rule};

use super::disk::at_once;
use super::three::{self, Holders, Kind, Person};
use super::{Bound, Found};
use crate::support::{ANSWERED_WITHIN, Config, Payload, Row, Sandbox, Usher, WallClock, about};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Nobody is answered no long before this: `answer_within`, less what the machine's timers may be off.
const NOT_BEFORE: Duration = Duration::from_millis(11_500);

/// For how long it is approved where it is approved for a time.
const APPROVED: i64 = HOUR;

/// Deadlines do not move, what is approved for a time is granted within it and not after it, and what may still arrive is waited for.
pub async fn run(bound: Bound, _: u64) -> Found {
    let mut found = Found::default();
    let sandbox = Sandbox::start().await;
    let jumps =
        bound.of(vec![3 * DAY, -3 * DAY], vec![HOUR, -HOUR, 3 * DAY, -3 * DAY, 400 * DAY, -400 * DAY]);
    let hours =
        bound.of(vec![20 * HOUR, -20 * HOUR], vec![HOUR, -HOUR, 8 * HOUR, -8 * HOUR, 20 * HOUR, -20 * HOUR]);
    let within = bound.of(
        vec![APPROVED / 2, -3 * DAY],
        vec![60, APPROVED / 2, APPROVED - 300, -HOUR, -3 * DAY, -400 * DAY],
    );
    let past = bound.of(vec![2 * APPROVED], vec![APPROVED + 60, 2 * APPROVED, 3 * DAY, 400 * DAY]);
    let mut stories: Vec<BoxFuture<'_, Vec<String>>> = Vec::new();
    for (n, jump) in jumps.iter().enumerate() {
        stories.push(Box::pin(while_it_runs(&sandbox, n, *jump)));
        stories.push(Box::pin(until_the_deadline(&sandbox, n, *jump)));
    }
    for (n, jump) in hours.iter().enumerate() {
        stories.push(Box::pin(after_a_crash(&sandbox, n, *jump)));
    }
    let times = [(within, false), (past, true)];
    let times = times.iter().flat_map(|(jumps, is_over)| jumps.iter().map(|jump| (*jump, *is_over)));
    for (n, (jump, is_over)) in times.enumerate() {
        stories.push(Box::pin(approved_for_a_time(&sandbox, n, jump, is_over, false)));
        stories.push(Box::pin(approved_for_a_time(&sandbox, n, jump, is_over, true)));
    }
    let of_github = bound.of(vec![2 * HOUR], vec![2 * HOUR, -2 * HOUR, 3 * DAY, -3 * DAY]);
    let github = of_github.iter().map(|jump| at_github(*jump));
    found.figure("jumps", stories.len() + of_github.len());
    let (stories, at_github) = tokio::join!(at_once(bound.of(8, 6), stories), join_all(github));
    stories.into_iter().flatten().for_each(|trouble| found.trouble(trouble));
    for (jump, (said, troubles)) in of_github.iter().zip(at_github) {
        found.figure(format!("GitHub, {jump:+} s"), said);
        troubles.into_iter().for_each(|trouble| found.trouble(trouble));
    }
    found
}

/// A service with a clock of its own, and one person.
async fn world(sandbox: &Sandbox, email: &str) -> (WallClock, Usher) {
    sandbox.end_users(&[email]).await;
    let mut usher = Usher::prepare(&Config::new(sandbox));
    let clock = WallClock::new(usher.folder());
    usher.within(clock.around());
    usher.restart().await;
    (clock, usher)
}

fn readings(email: &str) -> Matcher {
    Matcher { method: Some("GET".to_owned()), ..Matcher::default() }.about(email)
}

/// When it was received, by its own clock, in seconds after 1970.
fn received(row: &Row) -> String {
    match &row.0["received"] {
        Value::String(text) => text.clone(),
        other => panic!("no time: {other}"),
    }
}

/// Whoever asks is not answered before it is done, and then at once.
async fn while_it_runs(sandbox: &Sandbox, n: usize, jump: i64) -> Vec<String> {
    let (email, other) = (format!("running{n}@example.com"), format!("meanwhile{n}@example.com"));
    let (clock, usher) = world(sandbox, &email).await;
    sandbox.end_users(&[&other]).await;
    let mut troubles = Vec::new();
    let rule = sandbox.hold(about(Operation::UpdateUser, &email), false).await;
    let asked = Payload::grant(&email, &["agent"]);
    let sent = tokio::spawn(usher.try_send(&asked));
    sandbox.wait_for_call(Operation::UpdateUser, &email).await;
    clock.set(jump);
    let meanwhile = usher.send(&Payload::grant(&other, &["agent"])).await;
    if sent.is_finished() {
        troubles.push(format!("meanwhile: {meanwhile:?}"));
    }
    sandbox.release(rule).await;
    let answer = sent.await.unwrap().expect("it is answered");
    // Where the machine was busy for so long that the time was over, no is right.
    if answer.took > ANSWERED_WITHIN || !(answer.is_positive() || answer.took > NOT_BEFORE) {
        troubles.push(format!("{answer:?}"));
    }
    usher.ended(&answer.id).await;
    // And one more with its time set back to what it was.
    clock.set(0);
    let removed = usher.send(&Payload::removal(&email, &["agent"])).await;
    if usher.ended(&removed.id).await.word() != "removed" || sandbox.role(&email).await != "end-user" {
        troubles.push(format!("{removed:?}"));
    }
    let (before, while_it_was_set) = (usher.row(&answer.id).await, usher.row(&meanwhile.id).await);
    if (received(&before) < received(&while_it_was_set)) != (jump > 0) {
        troubles.push(format!("its clock was not set: {before:?} {while_it_was_set:?}"));
    }
    // All of it can be read, in the order in which it happened.
    let history = usher.history(&answer.id).await;
    if history.len() < 4 || !usher.command(&["requests", "show", &answer.id]).await.stdout.contains(&email) {
        troubles.push(format!("{history:?}"));
    }
    told(troubles, "while it runs", jump)
}

/// Whoever waits for a vendor that never answers is told no when the time is over: not before, not after.
async fn until_the_deadline(sandbox: &Sandbox, n: usize, jump: i64) -> Vec<String> {
    let email = format!("hanging{n}@example.com");
    let (clock, usher) = world(sandbox, &email).await;
    sandbox.fault(Rule::once(about(Operation::UpdateUser, &email), Fault::Hang)).await;
    let asked = Payload::grant(&email, &["agent"]);
    let sent = tokio::spawn(usher.try_send(&asked));
    sandbox.wait_for_call(Operation::UpdateUser, &email).await;
    clock.set(jump);
    let answer = sent.await.unwrap().expect("it is answered");
    let mut troubles = Vec::new();
    if !answer.is_no() || answer.took < NOT_BEFORE || answer.took > ANSWERED_WITHIN {
        troubles.push(format!("{answer:?}"));
    }
    let row = usher.ended(&answer.id).await;
    // By the clock it has tried for longer than `give_up_after` then, which is for a person to look at.
    let is_given_up = jump >= DAY && row.word() == "needs-you" && row.reason().contains("in time");
    let changes = sandbox.effects_on(&email).await;
    if !(is_given_up && changes.is_empty() || row.word() == "granted" && changes.len() == 1) {
        troubles.push(format!("{row:?}: {changes:?} {:#?}", usher.history(&answer.id).await));
    }
    told(troubles, "until the deadline", jump)
}

/// What was on its way when the process was killed is waited for, whatever the clock says after the restart.
async fn after_a_crash(sandbox: &Sandbox, n: usize, jump: i64) -> Vec<String> {
    let email = format!("crashed{n}@example.com");
    let (clock, mut usher) = world(sandbox, &email).await;
    let fault = Fault::ApplyLate { after_ms: Some(8_000) };
    sandbox.fault(Rule::once(about(Operation::UpdateUser, &email), fault)).await;
    let asked = Payload::grant(&email, &["agent"]);
    let sent = tokio::spawn(usher.try_send(&asked));
    sandbox.wait_for_call(Operation::UpdateUser, &email).await;
    let id = usher.row_of(&asked).await.id().to_owned();
    usher.kill_9();
    let mut troubles = Vec::new();
    if let Some(answer) = sent.await.unwrap() {
        troubles.push(format!("it was answered: {answer:?}"));
    }
    clock.set(jump);
    usher.restart().await;
    let row = usher.ended(&id).await;
    let calls = sandbox.calls_about(&email).await;
    let updates = calls.iter().filter(|call| call.operation == Operation::UpdateUser).count();
    if row.word() != "granted" || updates != 1 || sandbox.effects_on(&email).await.len() != 1 {
        troubles.push(format!("{row:?}, {updates} calls: {:#?}", usher.history(&id).await));
    }
    told(troubles, "after a crash", jump)
}

/// It is granted while its time lasts by the clock, and never after that.
async fn approved_for_a_time(
    sandbox: &Sandbox,
    n: usize,
    jump: i64,
    is_over: bool,
    restarts: bool,
) -> Vec<String> {
    let email = format!("timed{n}-{restarts}@example.com");
    let (clock, mut usher) = world(sandbox, &email).await;
    let rule = sandbox.hold(readings(&email), false).await;
    let asked = Payload::grant(&email, &["agent"]).access_length(APPROVED.unsigned_abs());
    let sent = tokio::spawn(usher.try_send(&asked));
    sandbox.wait_for(&format!("method=GET&subject={email}")).await;
    let id = usher.row_of(&asked).await.id().to_owned();
    if restarts {
        usher.kill_9();
        clock.set(jump);
        usher.restart().await;
    } else {
        clock.set(jump);
        sandbox.release(rule).await;
    }
    let mut troubles = Vec::new();
    match sent.await.unwrap() {
        Some(answer) if restarts || (is_over && answer.is_positive()) => troubles.push(format!("{answer:?}")),
        Some(answer) if answer.took > ANSWERED_WITHIN => troubles.push(format!("{answer:?}")),
        None if !restarts => troubles.push("it was not answered".to_owned()),
        _ => {}
    }
    let row = usher.ended(&id).await;
    let (execution, changes) = if is_over { ("expired", 0) } else { ("confirmed", 1) };
    if row.0["execution"] != execution || sandbox.effects_on(&email).await.len() != changes {
        troubles.push(format!("{row:?}: {:#?}", usher.history(&id).await));
    }
    told(troubles, if restarts { "approved for a time, restarted" } else { "approved for a time" }, jump)
}

/// GitHub takes a token of the App only where the clock is right: with another nobody is told a false yes, nor kept waiting, and once
/// it is right again all goes on. Says what happened meanwhile.
async fn at_github(jump: i64) -> (String, Vec<String>) {
    let sandbox = three::sandbox().await;
    let people: Vec<Person> = (0..3).map(|n| Person::of(Kind::GithubMember, n)).collect();
    three::seed(&sandbox, &people).await;
    let mut usher = Usher::prepare(&three::config_at(&sandbox, &sandbox.url).await);
    let clock = WallClock::new(usher.folder());
    usher.within(clock.around());
    usher.restart().await;
    let mut troubles = Vec::new();
    let mut said = String::new();
    for (person, seconds) in people.iter().zip([0, jump, 0]) {
        clock.set(seconds);
        let answer = usher.send(&person.grant()).await;
        if seconds == 0 {
            usher.ended(&answer.id).await;
        }
        let is_so = Holders::all(&sandbox).await.has(person);
        let is_false = (answer.is_positive() || seconds == 0) && !is_so;
        if answer.took > ANSWERED_WITHIN || is_false {
            troubles.push(format!("{answer:?}, and it is {is_so}: {:#?}", usher.history(&answer.id).await));
        }
        if seconds != 0 {
            let told = if answer.is_positive() { "yes" } else { "no" };
            said = format!("{told}, {}", usher.row(&answer.id).await.word());
        }
    }
    (said, told(troubles, "GitHub", jump))
}

fn told(troubles: Vec<String>, story: &str, jump: i64) -> Vec<String> {
    troubles.into_iter().map(|trouble| format!("{story}, {jump:+} s: {trouble}")).collect()
}
