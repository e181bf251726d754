//! What is delivered, in which order, and which faults may come: when they come, the explorer chooses.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use usher_core::{App, Direction, Facet, Subject};
use usher_engine::{AfterDeadline, AppPolicy};
use usher_journal::{AnswerState, AskedPermission, Execution, Request, RequestId, Telling};

use crate::rules::Rule;
use crate::vendor::{Connector, wall};
use crate::world::Faults;

use Step::{Again, Grant, Order, OrderAll, Pause, Replay, Resume};

/// One delivery, or an operator's act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Grant(&'static str, &'static [&'static str]),
    Order(&'static str, &'static [&'static str]),
    OrderAll(&'static str),
    /// The delivery of this step once more.
    Again(usize),
    /// An operator runs the request of this step again, once it is at rest.
    Replay(usize),
    /// An operator pauses the connection.
    Pause,
    /// And lets it go on.
    Resume,
}

/// What is explored.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) steps: Vec<Step>,
    pub(crate) faults: Faults,
    pub(crate) connector: Connector,
    pub(crate) apps: BTreeMap<String, AppPolicy>,
    /// What the person has before, by hand.
    pub(crate) has: BTreeSet<Facet>,
    /// For how long everything is approved; `None`: for good.
    pub(crate) approved_for: Option<Duration>,
    /// A rule that is taken out.
    pub(crate) without: Option<Rule>,
}

/// `agent` and `light` are values of the one-value slot `role`; `a` and `b` teams; `both` is an agent in team a.
fn policy() -> AppPolicy {
    let facets = |of: &[(&str, &str)]| of.iter().map(|(slot, value)| Facet::new(*slot, *value)).collect();
    let permissions: [(&str, BTreeSet<Facet>); 5] = [
        ("agent", facets(&[("role", "agent")])),
        ("light", facets(&[("role", "light")])),
        ("a", facets(&[("team", "a")])),
        ("b", facets(&[("team", "b")])),
        ("both", facets(&[("role", "agent"), ("team", "a")])),
    ];
    AppPolicy {
        after_deadline: AfterDeadline::Continue,
        counts_invited: false,
        remove_account: false,
        permissions: permissions.into_iter().map(|(name, facets)| (name.to_owned(), facets)).collect(),
    }
}

impl Scenario {
    pub(crate) fn new(name: &'static str, steps: &[Step], faults: Faults) -> Self {
        let apps = ["app", "other"].map(|app| (app.to_owned(), policy()));
        Self {
            name,
            steps: steps.to_vec(),
            faults,
            connector: Connector::new(),
            apps: BTreeMap::from(apps),
            has: BTreeSet::new(),
            approved_for: None,
            without: None,
        }
    }

    pub(crate) fn without(mut self, rule: Rule) -> Self {
        self.without = Some(rule);
        self
    }

    /// The person has this before.
    pub(crate) fn having(mut self, slot: &str, value: &str) -> Self {
        self.has.insert(Facet::new(slot, value));
        self
    }

    /// Readings may be this stale.
    pub(crate) fn lagging(mut self, seconds: u64) -> Self {
        self.connector.lag = Duration::from_secs(seconds);
        self
    }

    /// Teams are entered by invitation; whether that counts, and whether the vendor vouches for what it does not show.
    pub(crate) fn inviting(mut self, counts: bool, vouches: bool) -> Self {
        self.connector.invites = true;
        self.connector.vouches = vouches;
        self.apps.values_mut().for_each(|policy| policy.counts_invited = counts);
        self
    }

    /// After a late answer a person goes on by hand.
    pub(crate) fn stopping(mut self) -> Self {
        self.apps.values_mut().for_each(|policy| policy.after_deadline = AfterDeadline::Stop);
        self
    }

    /// Everything is approved for this long.
    pub(crate) fn ending_in(mut self, seconds: u64) -> Self {
        self.approved_for = Some(Duration::from_secs(seconds));
        self
    }

    /// A team needs the role that its permission gives with it.
    pub(crate) fn implying(mut self) -> Self {
        self.connector.implies = true;
        self
    }

    /// The vendor shows no open invitation.
    pub(crate) fn hiding(mut self) -> Self {
        self.connector.hides = true;
        self
    }

    /// What the delivery of a step is accepted as.
    pub(crate) fn request(&self, step: usize, now: Duration) -> Request {
        let first = match self.steps[step] {
            Again(first) => first,
            _ => step,
        };
        let (direction, app, names, all) = match self.steps[first] {
            Grant(app, names) => (Direction::Provision, app, names, false),
            Order(app, names) => (Direction::Deprovision, app, names, false),
            OrderAll(app) => (Direction::Deprovision, app, &["agent", "light", "a", "b"][..], true),
            Again(_) | Replay(_) | Pause | Resume => panic!("no delivery of its own"),
        };
        let mapped = &self.apps[app].permissions;
        let asked =
            |name: &&str| AskedPermission { name: (*name).to_owned(), facets: mapped.get(*name).cloned() };
        let subject = Subject {
            email: "ada@example.com".to_owned(),
            given_name: None,
            family_name: None,
            custom_fields: BTreeMap::new(),
        };
        let is_told_apart = self.without == Some(Rule::Duplicates);
        Request {
            id: RequestId(format!("r{}", step + 1)),
            seq: 0,
            attempt: 1,
            received: wall(now),
            updated: wall(now),
            direction,
            route: String::new(),
            connection: "acme".to_owned(),
            app_key: app.to_owned(),
            app: App::default(),
            permissions: names.iter().map(asked).collect(),
            all,
            subject_key: subject.key(),
            subject,
            lumos_request: (!is_told_apart).then(|| format!("l{}", first + 1)),
            task_url: None,
            comment: None,
            until: self
                .approved_for
                .filter(|_| direction == Direction::Provision)
                .map(|time| wall(now + time)),
            config: String::new(),
            dry_run: false,
            execution: Execution::Accepted,
            reason: None,
            answer: AnswerState::None,
            telling: Telling::None,
            next_at: None,
        }
    }
}

pub(crate) const NO_FAULTS: Faults = Faults {
    crashes: 0,
    timeouts: 0,
    accepted: 0,
    refusals: 0,
    unsent: 0,
    slow: 0,
    failed_readings: 0,
    patience: 3,
};

/// Everything that is explored with all rules in place: what the test command does, and what a long run does besides.
pub(crate) fn all(long: bool) -> Vec<Scenario> {
    let lost = Faults { timeouts: 1, ..NO_FAULTS };
    let crash = Faults { crashes: 1, ..NO_FAULTS };
    let both = Faults { timeouts: 1, crashes: 1, ..NO_FAULTS };
    let no = Faults { refusals: 1, ..NO_FAULTS };
    let accepted = Faults { accepted: 1, ..NO_FAULTS };
    let grant = |names| Grant("app", names);
    let order = |names| Order("app", names);
    let mut scenarios = vec![
        Scenario::new("a grant, slowly", &[grant(&["a"])], Faults { slow: 1, failed_readings: 1, ..both }),
        Scenario::new("two permissions at once", &[grant(&["a", "b"])], Faults { refusals: 1, ..both }),
        Scenario::new("delivered twice", &[grant(&["a"]), Again(0)], Faults { slow: 1, ..crash }),
        Scenario::new("granted, taken, delivered again", &[grant(&["a"]), order(&["a"]), Again(0)], crash),
        Scenario::new("taken during the grant", &[grant(&["a"]), order(&["a"])], lost),
        Scenario::new("taken, and granted again", &[grant(&["a"]), order(&["a"]), grant(&["a"])], NO_FAULTS),
        Scenario::new("all is taken", &[grant(&["a"]), OrderAll("app")], crash).having("team", "b"),
        Scenario::new("two apps give the same", &[grant(&["a"]), Grant("other", &["a"]), order(&["a"])], no),
        Scenario::new("a 202", &[grant(&["a"]), order(&["a"])], Faults { refusals: 1, ..accepted }),
        Scenario::new("stale readings", &[grant(&["a"]), order(&["a"])], NO_FAULTS).lagging(3),
        Scenario::new("one slot, two approvals", &[grant(&["light"]), Grant("other", &["agent"])], lost)
            .having("role", "end-user"),
        Scenario::new("given back", &[grant(&["agent"]), order(&["agent"])], crash).having("role", "light"),
        Scenario::new("an invitation", &[grant(&["a"]), order(&["a"])], NO_FAULTS).inviting(false, false),
        Scenario::new("an invitation counts", &[grant(&["a"]), order(&["a"])], crash).inviting(true, true),
        Scenario::new("an invitation unseen", &[grant(&["a"]), order(&["a"])], NO_FAULTS)
            .inviting(false, false)
            .hiding(),
        Scenario::new("replayed", &[grant(&["a"]), order(&["a"]), Replay(0)], NO_FAULTS),
        Scenario::new("refused, and replayed", &[grant(&["a"]), Replay(0)], Faults { unsent: 1, ..no }),
        Scenario::new("refused by half, and taken", &[grant(&["both"]), order(&["both"])], no)
            .having("role", "light"),
        Scenario::new(
            "implied, and there before",
            &[grant(&["both"]), order(&["both"]), Again(1)],
            NO_FAULTS,
        )
        .having("role", "agent")
        .implying(),
        Scenario::new("implied, and given", &[grant(&["both"]), order(&["both"])], lost)
            .having("role", "light")
            .implying(),
        Scenario::new("stopped by its answer", &[grant(&["a"]), order(&["a"])], Faults { slow: 1, ..lost })
            .stopping(),
        Scenario::new("the approval runs out", &[grant(&["a"])], Faults { slow: 1, ..both }).ending_in(5),
        Scenario::new("paused", &[grant(&["a"]), Pause, Resume, order(&["a"])], crash),
    ];
    if long {
        scenarios.extend(longer());
    }
    scenarios
}

/// More deliveries, and more that goes wrong in one run.
fn longer() -> Vec<Scenario> {
    let lost = Faults { timeouts: 1, ..NO_FAULTS };
    let both = Faults { timeouts: 1, crashes: 1, ..NO_FAULTS };
    let twice = Faults { timeouts: 2, ..NO_FAULTS };
    let grant = |names| Grant("app", names);
    let order = |names| Order("app", names);
    vec![
        Scenario::new("taken during the grant, with a crash", &[grant(&["a"]), order(&["a"])], both),
        Scenario::new("two permissions, two time-outs", &[grant(&["a", "b"]), order(&["a"])], twice),
        Scenario::new(
            "two approvals, two removals of one slot",
            &[grant(&["light"]), Grant("other", &["agent"]), Order("other", &["agent"]), order(&["light"])],
            Faults { timeouts: 1, ..NO_FAULTS },
        )
        .having("role", "end-user"),
        Scenario::new(
            "overlapping permissions, one refused",
            &[grant(&["both"]), Grant("other", &["a"]), order(&["both"])],
            Faults { refusals: 1, timeouts: 1, ..NO_FAULTS },
        )
        .having("role", "end-user"),
        Scenario::new("all is taken during a grant", &[grant(&["a"]), OrderAll("app"), grant(&["b"])], both)
            .having("team", "b"),
        Scenario::new(
            "stale readings, time-outs and a crash",
            &[grant(&["a"]), order(&["a"])],
            Faults { timeouts: 1, crashes: 1, ..NO_FAULTS },
        )
        .lagging(3),
        Scenario::new(
            "a 202, a crash and a time-out",
            &[grant(&["a"]), order(&["a"]), Again(0)],
            Faults { accepted: 1, ..both },
        ),
        Scenario::new("invitations, lost", &[grant(&["a"]), order(&["a"]), grant(&["a"])], both)
            .inviting(false, true),
        Scenario::new(
            "invitations that count, lost",
            &[grant(&["a"]), Grant("other", &["a"]), order(&["a"])],
            both,
        )
        .inviting(true, false),
        Scenario::new(
            "implied, and named",
            &[grant(&["agent"]), Grant("other", &["both"]), order(&["agent"]), Order("other", &["both"])],
            both,
        )
        .having("role", "agent")
        .implying(),
        Scenario::new(
            "implied, there before, and refused",
            &[grant(&["both"]), order(&["both"])],
            Faults { refusals: 1, ..both },
        )
        .having("role", "agent")
        .implying(),
        Scenario::new(
            "everything at once",
            &[grant(&["a", "agent"]), Again(0), OrderAll("app"), grant(&["b", "light"])],
            Faults { crashes: 1, timeouts: 2, refusals: 1, slow: 1, ..NO_FAULTS },
        )
        .having("role", "end-user"),
        Scenario::new(
            "two permissions, two crashes",
            &[grant(&["a", "b"]), order(&["a"])],
            Faults { crashes: 2, ..lost },
        ),
        Scenario::new(
            "half refused, replayed and taken",
            &[grant(&["both"]), Replay(0), order(&["both"])],
            Faults { refusals: 1, ..both },
        )
        .having("role", "light"),
        Scenario::new(
            "stopped, replayed and taken",
            &[grant(&["a", "b"]), Replay(0), order(&["a"])],
            Faults { slow: 1, ..both },
        )
        .stopping(),
        Scenario::new(
            "an approval runs out beside another",
            &[grant(&["a"]), Grant("other", &["a"]), order(&["a"])],
            Faults { slow: 1, ..both },
        )
        .ending_in(20),
        Scenario::new(
            "an invitation runs out",
            &[grant(&["a"]), order(&["a"])],
            Faults { crashes: 1, ..NO_FAULTS },
        )
        .inviting(true, true)
        .ending_in(7200),
        Scenario::new("paused in between", &[grant(&["a", "b"]), Pause, order(&["a"]), Resume], both),
        Scenario::new("everything replayed", &[grant(&["a"]), order(&["a"]), Replay(0), Replay(1)], both),
    ]
}
