use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn person(name: &str) -> SubjectKey {
    SubjectKey::of(name)
}

fn broken(name: &str) -> Verdict {
    Verdict::Broken(person(name))
}

/// A circuit and its time, in milliseconds since its making.
struct Bench {
    circuit: Circuit,
    start: Instant,
    now: Instant,
}

impl Bench {
    #[expect(clippy::disallowed_methods, reason = "any moment to begin at: time is moved by hand from here")]
    fn new(failures: u32, longest: Duration) -> Self {
        let start = Instant::now();
        let circuit = Circuit::new(BreakerSettings { failures, longest });
        Self { circuit, start, now: start }
    }

    /// With the defaults.
    fn usual() -> Self {
        Self::new(5, 60 * SECOND)
    }

    /// After five failures to connect.
    fn opened() -> Self {
        let mut bench = Self::usual();
        bench.fail(5, &Verdict::OutOfReach);
        assert_eq!(bench.state(), BreakerState::Open);
        bench
    }

    fn pass(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self
    }

    fn ask(&mut self, kind: Kind, who: &str) -> Result<Pass, Refused> {
        self.circuit.admit(self.now, kind, &person(who), self.now + 10 * SECOND)
    }

    fn read(&mut self) -> Result<Pass, Refused> {
        self.ask(Kind::Reading, "ada")
    }

    fn end(&mut self, pass: Pass, verdict: Verdict) -> Option<Turned> {
        self.circuit.end(self.now, pass, verdict, || "it failed".to_owned())
    }

    /// Calls that are let through and end so at once.
    fn fail(&mut self, times: u32, verdict: &Verdict) -> Vec<Option<Turned>> {
        (0..times)
            .map(|_| {
                let pass = self.read().expect("it is let through");
                self.end(pass, verdict.clone())
            })
            .collect()
    }

    fn state(&self) -> BreakerState {
        self.circuit.state(self.now)
    }

    fn after(&mut self) -> Duration {
        self.read().expect_err("it is refused").after
    }
}

#[test]
fn which_failures_in_a_row_open_it() {
    let [ada, grace, out, well, unclear] =
        [broken("ada"), broken("grace"), Verdict::OutOfReach, Verdict::Answers, Verdict::Unclear];
    let row = |parts: &[(usize, &Verdict)]| -> Vec<Verdict> {
        parts.iter().flat_map(|(times, verdict)| vec![(*verdict).clone(); *times]).collect()
    };
    for (what, verdicts, opens) in [
        ("four are too few", row(&[(4, &out)]), false),
        ("five to connect, whoever it is about", row(&[(5, &out)]), true),
        ("one person's, however many", row(&[(100, &ada)]), false),
        ("one person's, and one of somebody else", row(&[(100, &ada), (1, &grace)]), false),
        ("one person's, and two of somebody else", row(&[(100, &ada), (2, &grace)]), true),
        ("two people's in turn", row(&[(1, &ada), (1, &grace), (1, &ada), (1, &grace), (1, &ada)]), true),
        ("one person's, and two to connect", row(&[(3, &ada), (2, &out)]), true),
        ("a good answer between", row(&[(4, &out), (1, &well), (4, &out)]), false),
        ("what tells nothing, between", row(&[(4, &out), (3, &unclear), (1, &out)]), true),
        ("nothing but good answers", row(&[(50, &well)]), false),
        ("nothing that tells anything", row(&[(50, &unclear)]), false),
    ] {
        let mut bench = Bench::usual();
        for (index, verdict) in verdicts.iter().enumerate() {
            let pass = bench.read();
            assert!(pass.is_ok(), "{what}: refused at {index}");
            let turned = bench.end(pass.unwrap(), verdict.clone());
            let is_last = index + 1 == verdicts.len();
            assert_eq!(turned == Some(Turned::Opened), opens && is_last, "{what}: at {index}");
        }
        assert_eq!(bench.state() == BreakerState::Open, opens, "{what}");
    }
}

#[test]
fn with_any_number_one_persons_failures_alone_never_open_it() {
    for failures in 0..20 {
        let mut bench = Bench::new(failures, 60 * SECOND);
        assert!(bench.fail(100, &broken("ada")).iter().all(Option::is_none), "{failures}");
    }
}

#[test]
fn it_is_open_for_five_seconds_then_ten_twenty_and_at_most_a_minute_each_time() {
    let mut bench = Bench::opened();
    for pause in [5, 10, 20, 40, 60, 60, 60] {
        bench.pass(pause * SECOND - Duration::from_millis(1));
        assert_eq!(bench.after(), Duration::from_millis(1));
        assert_eq!(bench.state(), BreakerState::Open);
        bench.pass(Duration::from_millis(1));
        assert_eq!(bench.fail(1, &Verdict::OutOfReach), [None], "it is open already");
    }
    assert_eq!(bench.circuit.failing_since(), Some(bench.start));
}

#[test]
fn a_longest_time_below_the_first_is_the_first_too() {
    let mut bench = Bench::new(2, SECOND);
    bench.fail(2, &Verdict::OutOfReach);
    for _ in 0..3 {
        assert_eq!(bench.after(), SECOND);
        bench.pass(SECOND).fail(1, &Verdict::OutOfReach);
    }
}

#[test]
fn who_is_refused_is_told_when_to_come_back_one_after_the_other() {
    let mut bench = Bench::opened();
    let told: Vec<u128> = (0..101).map(|_| bench.after().as_millis()).collect();
    assert_eq!((told[0], told[1], told[2], told[99], told[100]), (5000, 5050, 5100, 9950, 5000));
    let refused = bench.read().unwrap_err();
    assert_eq!((refused.probe_in, refused.since), (Some(5 * SECOND), bench.start));
}

#[test]
fn changes_and_readings_are_refused_while_it_is_open_and_a_change_is_never_a_probe() {
    let mut bench = Bench::opened();
    assert!(bench.read().is_err() && bench.ask(Kind::Change, "ada").is_err());
    bench.pass(3600 * SECOND);
    assert!(bench.ask(Kind::Change, "ada").is_err());
    assert!(bench.read().unwrap().is_probe());
    assert!(bench.ask(Kind::Change, "grace").is_err());
}

#[test]
fn one_probe_at_a_time_and_the_others_come_back_shortly() {
    let mut bench = Bench::opened();
    bench.pass(5 * SECOND);
    let probe = bench.read().unwrap();
    assert!(probe.is_probe());
    assert_eq!(bench.state(), BreakerState::HalfOpen);
    let refused = bench.ask(Kind::Reading, "grace").unwrap_err();
    assert_eq!((refused.after, refused.probe_in), (BRIEFLY, None));
    assert!(bench.ask(Kind::Look, "grace").is_err());
    assert_eq!(bench.end(probe, Verdict::Answers), Some(Turned::Closed { after: 5 * SECOND }));
    assert_eq!(bench.state(), BreakerState::Closed);
    assert!(bench.ask(Kind::Change, "grace").is_ok());
    assert_eq!((bench.circuit.failures(), bench.circuit.failing_since()), (0, None));
}

#[test]
fn a_probe_that_tells_nothing_leaves_its_place_to_the_next_reading_at_once() {
    let mut bench = Bench::opened();
    bench.pass(5 * SECOND);
    let probe = bench.read().unwrap();
    assert_eq!(bench.end(probe, Verdict::Unclear), None);
    assert!(bench.read().unwrap().is_probe());
}

#[test]
fn a_probe_that_never_ends_loses_its_place_after_its_deadline_and_is_not_heard_any_more() {
    let mut bench = Bench::opened();
    bench.pass(5 * SECOND);
    let lost = bench.read().unwrap();
    bench.pass(10 * SECOND);
    assert!(bench.read().is_err());
    bench.pass(GRACE);
    let next = bench.read().unwrap();
    assert!(next.is_probe());
    assert_eq!(bench.end(lost, Verdict::OutOfReach), None);
    assert_eq!(bench.state(), BreakerState::HalfOpen, "the place is the other's");
    assert_eq!(bench.end(lost, Verdict::Unclear), None);
    assert_eq!(bench.state(), BreakerState::HalfOpen);
    // Whatever call brings it, an answer is an answer.
    assert!(matches!(bench.end(lost, Verdict::Answers), Some(Turned::Closed { .. })));
}

#[test]
fn what_began_before_it_opened_neither_delays_a_probe_nor_counts_after_it_closed() {
    let mut bench = Bench::usual();
    let before: Vec<Pass> = (0..10).map(|_| bench.read().unwrap()).collect();
    bench.fail(5, &Verdict::OutOfReach);
    bench.pass(4 * SECOND);
    assert_eq!(bench.end(before[0], Verdict::OutOfReach), None);
    bench.pass(SECOND);
    let probe = bench.read().unwrap();
    bench.end(probe, Verdict::Answers);
    for pass in before {
        assert_eq!(bench.end(pass, Verdict::OutOfReach), None, "the vendor has answered since");
    }
    assert_eq!(bench.circuit.failures(), 0);
    assert_eq!(bench.fail(5, &Verdict::OutOfReach).last(), Some(&Some(Turned::Opened)));
}

#[test]
fn an_answer_to_a_call_from_before_closes_it_without_a_probe() {
    let mut bench = Bench::usual();
    let slow = bench.ask(Kind::Change, "grace").unwrap();
    bench.fail(5, &Verdict::OutOfReach);
    bench.pass(SECOND);
    assert_eq!(bench.end(slow, Verdict::Answers), Some(Turned::Closed { after: SECOND }));
}

#[test]
fn an_operator_may_look_before_the_next_probe_is_due_every_five_seconds_and_delays_nobody() {
    let mut bench = Bench::opened();
    for _ in 0..4 {
        bench.pass(60 * SECOND).fail(1, &Verdict::OutOfReach);
    }
    let next = bench.circuit.next_probe();
    bench.pass(4 * SECOND);
    assert!(bench.ask(Kind::Look, "ada").is_err());
    bench.pass(SECOND);
    let look = bench.ask(Kind::Look, "ada").unwrap();
    assert!(look.is_probe());
    assert!(bench.ask(Kind::Look, "grace").is_err(), "one at a time");
    assert_eq!(bench.end(look, Verdict::OutOfReach), None);
    assert!(bench.ask(Kind::Look, "ada").is_err());
    assert_eq!(bench.circuit.next_probe(), next);
    bench.pass(5 * SECOND);
    let look = bench.ask(Kind::Look, "ada").unwrap();
    assert!(matches!(bench.end(look, Verdict::Answers), Some(Turned::Closed { .. })));
}

#[test]
fn whoevers_probe_the_vendor_failed_lets_somebody_else_go_first_the_next_time() {
    let mut bench = Bench::opened();
    bench.pass(5 * SECOND).fail(1, &broken("ada"));
    bench.pass(10 * SECOND);
    assert_eq!(bench.after(), BRIEFLY);
    assert!(bench.ask(Kind::Reading, "grace").unwrap().is_probe());
    let mut alone = Bench::opened();
    alone.pass(5 * SECOND).fail(1, &broken("ada"));
    alone.pass(11 * SECOND);
    assert!(alone.read().unwrap().is_probe(), "with nobody else it goes on");
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Ask(u8, u8),
    /// One of those under way ends.
    End(prop::sample::Index, u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0_u64..20_000).prop_map(Step::Pass),
        5 => (0_u8..3, 0_u8..4).prop_map(|(kind, who)| Step::Ask(kind, who)),
        5 => (any::<prop::sample::Index>(), 0_u8..8).prop_map(|(which, verdict)| Step::End(which, verdict)),
    ]
}

/// Calls are let through and end, as they come.
struct Walk {
    bench: Bench,
    /// With their deadlines and the moment at which they began.
    under_way: Vec<(Pass, Instant)>,
    last_failure: Option<Instant>,
}

impl Walk {
    fn ask(&mut self, kind: Kind, who: &str) {
        let (state, now) = (self.bench.state(), self.bench.now);
        let asked = self.bench.ask(kind, who);
        match (state, &asked) {
            (BreakerState::Closed, asked) => assert!(asked.is_ok(), "it refuses while it is closed"),
            (BreakerState::HalfOpen, asked) => assert!(asked.is_err(), "a second one beside the probe"),
            (BreakerState::Open, Ok(pass)) => {
                assert!(pass.is_probe() && kind != Kind::Change);
                let others = self
                    .under_way
                    .iter()
                    .filter(|(other, _)| other.is_probe() && other.closings == pass.closings);
                assert!(others.clone().all(|(_, until)| *until <= now), "two probes at once");
            }
            (BreakerState::Open, Err(refused)) => {
                let latest = self.bench.circuit.settings.longest + BRIEFLY + APART * ROW;
                assert!(refused.after <= latest, "{refused:?}");
                let failed = self.last_failure.unwrap_or(now);
                let is_due = now >= failed + self.bench.circuit.settings.longest + BRIEFLY;
                assert!(!is_due || kind == Kind::Change, "no probe, long after the last failure");
            }
        }
        if let Ok(pass) = asked {
            self.under_way.push((pass, now + 10 * SECOND + GRACE));
        }
    }

    fn end(&mut self, index: usize, verdict: Verdict) {
        let (pass, _) = self.under_way.swap_remove(index);
        if matches!(verdict, Verdict::OutOfReach | Verdict::Broken(_)) {
            self.last_failure = Some(self.bench.now);
        }
        let before = self.bench.state();
        let is_answer = verdict == Verdict::Answers;
        let turned = self.bench.end(pass, verdict);
        let state = self.bench.state();
        assert_eq!(matches!(turned, Some(Turned::Opened)), before == BreakerState::Closed && state != before);
        assert_eq!(
            matches!(turned, Some(Turned::Closed { .. })),
            before != BreakerState::Closed && state == BreakerState::Closed
        );
        assert!(!is_answer || state == BreakerState::Closed, "an answer does not close it");
        assert!(self.bench.circuit.streak.broken.len() <= 5, "it remembers more people than open it");
    }
}

proptest! {
    #[test]
    fn however_calls_come_and_end(steps in prop::collection::vec(step(), 1..400)) {
        let mut walk = Walk { bench: Bench::usual(), under_way: Vec::new(), last_failure: None };
        for step in steps {
            match step {
                Step::Pass(ms) => drop(walk.bench.pass(Duration::from_millis(ms)).now),
                Step::Ask(kind, who) => {
                    let kind = [Kind::Reading, Kind::Look, Kind::Change][usize::from(kind)];
                    walk.ask(kind, &format!("p{who}"));
                }
                Step::End(_, _) if walk.under_way.is_empty() => {}
                Step::End(which, verdict) => {
                    let index = which.index(walk.under_way.len());
                    walk.end(index, match verdict {
                        0 => Verdict::Answers,
                        1 => Verdict::Unclear,
                        2..5 => Verdict::OutOfReach,
                        _ => broken(&format!("p{verdict}")),
                    });
                }
            }
        }
    }
}
