//! `decide` by itself: an event in, effects out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use usher_core::{
    Account, Action, Facet, Fault, Handles, Hold, Receipt, Remedy, Repeat, Sent, Snapshot, Watch,
};
use usher_engine::{
    Act, AfterDeadline, Answer, AppPolicy, Effect, Event, Limits, Mode, Phase, Run, World, decide,
};
use usher_journal::{
    Change, ChangeState, Execution, Holder, Ledger, Moment, Outcome, Record, Request, RequestId, Stamp, apply,
};

use crate::support::{ADA, House, Vendor, policy, seconds};

/// A run and what it lives in.
struct Desk {
    vendor: Vendor,
    apps: BTreeMap<String, AppPolicy>,
    limits: Limits,
    ledger: Ledger,
    paused: Option<&'static str>,
    now: Moment,
}

fn at(ticks: Duration) -> Moment {
    Moment { wall: "2026-11-24T09:00:00Z".parse().unwrap(), stamp: Stamp { boot: 1, ticks } }
}

impl Desk {
    fn new() -> Self {
        let apps = BTreeMap::from([("app".to_owned(), policy())]);
        let limits = Limits::default();
        Self {
            vendor: Vendor::new(),
            apps,
            limits,
            ledger: Ledger::default(),
            paused: None,
            now: at(seconds(1)),
        }
    }

    /// One decision. What it notes and commits is true at once.
    fn tell(&mut self, run: Run, event: Event) -> (Run, Vec<Effect>) {
        let world = World {
            ledger: &self.ledger,
            planner: &self.vendor,
            apps: &self.apps,
            limits: &self.limits,
            paused: self.paused,
        };
        let (run, effects) = decide(run, &world, event, self.now);
        let mut row = run.request.clone();
        for effect in &effects {
            if let Effect::Note(records) | Effect::Commit(records) = effect {
                for record in records {
                    apply(&mut row, &mut self.ledger, record, &self.now);
                }
                self.ledger.version += 1;
            }
        }
        (run, effects)
    }

    fn seen(&self, run: &Run, hold: &[(&str, Hold)]) -> Event {
        let facets = hold.iter().map(|(team, hold)| (Facet::new("team", *team), hold.clone())).collect();
        let watched = self.ledger.changes.iter().map(|change| change.intent).collect();
        let seen = Snapshot {
            account: Account::Absent,
            facets,
            current: BTreeMap::new(),
            handles: Handles::new(),
            watches: Vec::new(),
            facts: Value::Null,
            lag: seconds(0),
            evidence: Vec::new(),
        };
        assert_eq!(run.phase, Phase::Reading);
        Event::Seen {
            begun: self.now.ticks(),
            took: Duration::from_millis(100),
            ahead: None,
            watched,
            result: Ok(seen),
            foreign: false,
        }
    }
}

async fn request(permissions: &[&str]) -> Request {
    Request { seq: 1, ..House::new().await.grant(ADA, permissions) }
}

fn run(request: Request) -> Run {
    Run::new(request, Mode::Drive, Some(seconds(12)), at(seconds(0)).wall)
}

fn kinds(effects: &[Effect]) -> Vec<&'static str> {
    effects
        .iter()
        .map(|effect| match effect {
            Effect::Note(_) => "note",
            Effect::Commit(_) => "commit",
            Effect::Observe { .. } => "observe",
            Effect::Apply { .. } => "apply",
            Effect::Answer(Answer::Positive) => "yes",
            Effect::Answer(Answer::Negative { .. }) => "no",
            Effect::Sleep { keep_turn: true, .. } => "rest",
            Effect::Sleep { keep_turn: false, .. } => "park",
            Effect::Alert { .. } => "alert",
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_grant_reads_commits_its_intent_sends_reads_again_commits_and_says_yes() {
    let mut desk = Desk::new();
    let (run, effects) = desk.tell(run(request(&["a"]).await), Event::Started);
    assert_eq!(kinds(&effects), ["observe"]);
    let seen = desk.seen(&run, &[("a", Hold::Absent)]);
    let (run, effects) = desk.tell(run, seen);
    assert_eq!(kinds(&effects), ["note", "commit"]);
    let (run, effects) = desk.tell(run, Event::Committed);
    assert_eq!(kinds(&effects), ["apply"]);
    let Phase::Applying { intent } = run.phase else { panic!("{:?}", run.phase) };
    let (run, effects) = desk.tell(run, Event::Applied { intent, result: Ok(Receipt::default()) });
    assert_eq!(kinds(&effects), ["note", "observe"]);
    desk.now = at(seconds(2));
    let seen = desk.seen(&run, &[("a", Hold::Present)]);
    let (run, effects) = desk.tell(run, seen);
    assert_eq!(kinds(&effects), ["note", "commit"], "no answer before it is on disk");
    let (run, effects) = desk.tell(run, Event::Committed);
    assert_eq!(kinds(&effects), ["yes"]);
    assert_eq!(run.phase, Phase::Over);
}

#[tokio::test(start_paused = true)]
async fn rule_04_the_stamp_of_an_unanswered_call_is_that_of_its_end_however_late_it_is_written() {
    let mut desk = Desk::new();
    let (run, intent) = applying(&mut desk).await;
    desk.now = at(seconds(4));
    let fault = Fault::new("change", Sent::Maybe, Remedy::ReadBack);
    let (_, effects) = desk.tell(run, Event::Applied { intent, result: Err(fault) });
    let Effect::Note(records) = &effects[0] else { panic!("{effects:?}") };
    let Record::Outcome { ended, outcome: Outcome::Unknown(_), .. } = &records[0] else {
        panic!("{records:?}")
    };
    assert_eq!(ended.ticks, seconds(4));
    // Whoever replays the note later finds the same end.
    let mut row = request(&["a"]).await;
    let mut ledger = desk.ledger.clone();
    apply(&mut row, &mut ledger, &records[0], &at(seconds(60)));
    assert_eq!(ledger.changes[0].over_at(1), Some(seconds(19)));
}

async fn applying(desk: &mut Desk) -> (Run, u64) {
    let (run, _) = desk.tell(run(request(&["a"]).await), Event::Started);
    let seen = desk.seen(&run, &[("a", Hold::Absent)]);
    let (run, _) = desk.tell(run, seen);
    let (run, _) = desk.tell(run, Event::Committed);
    let Phase::Applying { intent } = run.phase else { panic!("{:?}", run.phase) };
    (run, intent)
}

#[tokio::test(start_paused = true)]
async fn rule_07_the_receipt_and_its_watch_go_to_disk_before_anything_else() {
    let mut desk = Desk::new();
    let (run, intent) = applying(&mut desk).await;
    let watch = Watch { facets: BTreeSet::new(), args: Value::Null, every: seconds(2), within: seconds(600) };
    let receipt = Receipt { handles: Handles::new(), watch: Some(watch) };
    let (run, effects) = desk.tell(run, Event::Applied { intent, result: Ok(receipt) });
    assert_eq!(kinds(&effects), ["commit"]);
    assert_eq!(kinds(&desk.tell(run, Event::Committed).1), ["observe"]);
}

#[tokio::test(start_paused = true)]
async fn rule_15_the_deadline_answers_and_disturbs_nothing_that_is_under_way() {
    for phase in ["reading", "intending", "applying"] {
        let mut desk = Desk::new();
        let (mut run, _) = desk.tell(run(request(&["a"]).await), Event::Started);
        if phase != "reading" {
            let seen = desk.seen(&run, &[("a", Hold::Absent)]);
            run = desk.tell(run, seen).0;
        }
        if phase == "applying" {
            run = desk.tell(run, Event::Committed).0;
        }
        let before = run.phase.clone();
        let (run, effects) = desk.tell(run, Event::DeadlineReached);
        assert_eq!((kinds(&effects), &run.phase), (vec!["no"], &before), "{phase}");
        let (run, effects) = desk.tell(run, Event::DeadlineReached);
        assert!(effects.is_empty(), "one answer for each run: {effects:?}");
        let close = Event::Operator { act: Act::Close, by: "eve".to_owned(), reason: "no".to_owned() };
        let (run, effects) = desk.tell(run, close);
        assert_eq!((kinds(&effects), &run.phase), (vec!["note"], &before), "{phase}");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_16_the_budget_counts_the_calls_own_time_the_first_reading_and_a_second() {
    // 3 s, a tenth and 1 s are 4.1 s: they are there until 7.9 s.
    for (ticks, expected) in [(7_900, vec!["note", "commit"]), (7_901, vec!["note", "no", "commit"])] {
        let mut desk = Desk::new();
        let (run, _) = desk.tell(run(request(&["a"]).await), Event::Started);
        desk.now = at(Duration::from_millis(ticks));
        let seen = desk.seen(&run, &[("a", Hold::Absent)]);
        assert_eq!(kinds(&desk.tell(run, seen).1), expected, "at {ticks} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_16_no_change_starts_with_less_left_than_the_configured_least() {
    for (ticks, expected) in [(6_000, vec!["note", "commit"]), (6_001, vec!["note", "no", "commit"])] {
        let mut desk = Desk::new();
        desk.limits.min_change_budget = seconds(6);
        let (run, _) = desk.tell(run(request(&["a"]).await), Event::Started);
        desk.now = at(Duration::from_millis(ticks));
        let seen = desk.seen(&run, &[("a", Hold::Absent)]);
        assert_eq!(kinds(&desk.tell(run, seen).1), expected, "at {ticks} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_17_a_late_intent_under_stop_is_noted_as_not_sent() {
    let mut desk = Desk::new();
    desk.apps.get_mut("app").unwrap().after_deadline = AfterDeadline::Stop;
    let (run, _) = desk.tell(run(request(&["a"]).await), Event::Started);
    let seen = desk.seen(&run, &[("a", Hold::Absent)]);
    let (run, _) = desk.tell(run, seen);
    desk.now = at(seconds(12));
    let (run, _) = desk.tell(run, Event::DeadlineReached);
    let (run, effects) = desk.tell(run, Event::Committed);
    assert_eq!(kinds(&effects), ["note", "alert", "commit"]);
    assert!(desk.ledger.changes.is_empty(), "what was never sent is not in doubt");
    assert_eq!(run.request.execution, Execution::NeedsHuman);
}

/// Another request's change, whose call ended at the start of time.
fn in_doubt() -> Change {
    let stamp = Stamp { boot: 1, ticks: seconds(0) };
    let action = Action {
        name: "other".to_owned(),
        summary: "other".to_owned(),
        gives: BTreeSet::new(),
        takes: BTreeSet::new(),
        repeat: Repeat::Natural,
        timeout: seconds(3),
        settle: seconds(15),
        notifies_person: false,
        args: Value::Null,
    };
    let request = RequestId("other".to_owned());
    Change { intent: 7, request, action, begun: stamp, state: ChangeState::Unknown { ended: stamp } }
}

#[tokio::test(start_paused = true)]
async fn rule_02_a_reading_ahead_counts_only_alone_and_from_an_unchanged_ledger() {
    // What else is unfinished, the version when it was read, and whether somebody has written since.
    for (others, version, moved, counts) in [
        (false, 5, false, true),
        (true, 5, false, false),
        (false, 4, false, false),
        (false, 6, false, false),
        (false, 5, true, false),
    ] {
        let mut desk = Desk::new();
        let request = request(&["a"]).await;
        desk.ledger.version = if moved { 7 } else { 6 };
        desk.ledger.unfinished.insert(request.id.clone(), 1);
        if others {
            desk.ledger.unfinished.insert(RequestId("other".to_owned()), 0);
        }
        let mut run = run(request);
        run.version_before = 5;
        let (run, _) = desk.tell(run, Event::Started);
        let mut seen = desk.seen(&run, &[("a", Hold::Present)]);
        if let Event::Seen { ahead, .. } = &mut seen {
            *ahead = Some(version);
        }
        let (_, effects) = desk.tell(run, seen);
        let expected: &[&str] = if counts { &["note", "commit"] } else { &["observe"] };
        assert_eq!(kinds(&effects), expected, "others: {others}, version {version}, moved: {moved}");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_14_a_former_value_is_taken_only_from_a_reading_with_nothing_open() {
    for open in [false, true] {
        let mut desk = Desk::new();
        if open {
            desk.ledger.changes.push(in_doubt());
        }
        let (run, _) = desk.tell(run(request(&["agent"]).await), Event::Started);
        let mut seen = desk.seen(&run, &[]);
        if let Event::Seen { result: Ok(seen), .. } = &mut seen {
            seen.facets.insert(Facet::new("role", "agent"), Hold::Absent);
            seen.current.insert("role".to_owned(), "light".to_owned());
        }
        desk.tell(run, seen);
        let expected = (!open).then(|| Some("light".to_owned()));
        assert_eq!(desk.ledger.former.get("role").cloned(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn rule_06_no_action_of_a_plan_is_sent_twice_that_never_may_not_even_a_later_one() {
    let mut desk = Desk::new();
    desk.vendor.repeats(Repeat::Never);
    let request = request(&["a", "b"]).await;
    let mut change = in_doubt();
    change.request = request.id.clone();
    change.action.name = "give team b".to_owned();
    desk.ledger.changes.push(change);
    desk.now = at(seconds(20));
    let mut late = run(request);
    late.deadline = Some(seconds(60));
    let (run, _) = desk.tell(late, Event::Started);
    let seen = desk.seen(&run, &[("a", Hold::Absent), ("b", Hold::Absent)]);
    let (run, _) = desk.tell(run, seen);
    let (run, effects) = desk.tell(run, Event::Committed);
    assert_eq!(kinds(&effects), ["apply"]);
    let Phase::Applying { intent } = run.phase else { panic!("{:?}", run.phase) };
    let (run, effects) = desk.tell(run, Event::Applied { intent, result: Ok(Receipt::default()) });
    assert!(!kinds(&effects).contains(&"apply"));
    assert_eq!(run.request.execution, Execution::NeedsHuman);
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_settled_while_it_was_under_way_is_made_anew_at_once() {
    let mut desk = Desk::new();
    desk.ledger.changes.push(in_doubt());
    let mut long = run(request(&["a"]).await);
    long.deadline = Some(seconds(60));
    let (run, _) = desk.tell(long, Event::Started);
    desk.now = at(Duration::from_millis(14_999));
    let early = desk.seen(&run, &[("a", Hold::Absent)]);
    desk.now = at(seconds(16));
    let (_, effects) = desk.tell(run.clone(), early);
    assert_eq!(kinds(&effects), ["note", "observe"], "neither a sleep nor a change");
    let (run, effects) = {
        desk.now = at(seconds(14));
        let seen = desk.seen(&run, &[("a", Hold::Absent)]);
        desk.tell(run, seen)
    };
    let Some(Effect::Sleep { until: Some(until), keep_turn: true }) = effects.last() else {
        panic!("{effects:?}")
    };
    assert!(*until > seconds(14) && *until <= seconds(15), "{until:?}");
    assert_eq!(run.phase, Phase::Resting);
}

#[tokio::test(start_paused = true)]
async fn rule_19_a_pause_is_seen_by_the_next_decision() {
    let mut desk = Desk::new();
    let (run, _) = desk.tell(run(request(&["a"]).await), Event::Started);
    desk.paused = Some("maintenance");
    let seen = desk.seen(&run, &[("a", Hold::Absent)]);
    let (_, effects) = desk.tell(run, seen);
    assert_eq!(kinds(&effects), ["note", "no", "commit"]);
}

#[tokio::test(start_paused = true)]
async fn rule_03_a_refused_request_keeps_the_approvals_that_it_was_shown_to_have() {
    let mut desk = Desk::new();
    let request = request(&["a", "b"]).await;
    for permission in &request.permissions {
        desk.ledger.holders.push(Holder {
            app: "app".to_owned(),
            permission: permission.name.clone(),
            facets: permission.facets.clone().unwrap(),
            request: request.id.clone(),
            seq: 1,
            until: None,
            confirmed: false,
        });
    }
    let (run, _) = desk.tell(run(request), Event::Started);
    desk.vendor.refuses("team", "b", usher_core::Refusal::new(usher_core::RefusalKind::Other, "no"));
    let seen = desk.seen(&run, &[("a", Hold::Present), ("b", Hold::Absent)]);
    desk.tell(run, seen);
    let left: Vec<&str> = desk.ledger.holders.iter().map(|holder| holder.permission.as_str()).collect();
    assert_eq!(left, ["a"]);
    assert!(desk.ledger.holders[0].confirmed);
}
