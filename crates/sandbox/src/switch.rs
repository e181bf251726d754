//! The fault switch: the rules that stand, and what they met.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::exchange::VendorRequest;
use crate::fault::{Facts, Fault, Rule};

/// Rules that stand at one time.
const RULES_MOST: usize = 1_000;

/// A rule as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleState {
    /// Its number, which `clear` and `release` take.
    pub id: u64,
    /// The rule.
    #[serde(flatten)]
    pub rule: Rule,
    /// How many requests it met.
    pub met: u64,
    /// How many are still let by first.
    pub to_skip: u64,
    /// Whether it can meet any more.
    pub spent: bool,
}

#[derive(Debug)]
struct Standing {
    state: RuleState,
    ends: Option<Duration>,
    released: watch::Sender<u64>,
}

/// What meets a request.
#[derive(Debug, Clone)]
pub(crate) struct Meeting {
    pub(crate) fault: Fault,
    /// When, on the sandbox's clock: delays and patience count from here.
    pub(crate) at: Duration,
    /// Counts the releases; a waiter goes on when the number is another than `released_before`.
    pub(crate) released: watch::Receiver<u64>,
    pub(crate) released_before: u64,
}

impl Meeting {
    /// Returns when the rule is released or cleared.
    pub(crate) async fn release(&mut self) {
        let before = self.released_before;
        // An error says that the rule was cleared, which releases whom it holds.
        let _cleared = self.released.wait_for(|released| *released != before).await;
    }
}

/// The rules in the order in which they were set: the first that fits meets a request.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    rules: Vec<Standing>,
    last: u64,
}

impl Switch {
    pub(crate) fn set(&mut self, rule: Rule, now: Duration) -> Result<u64, String> {
        rule.fault.check()?;
        self.rules.retain(|standing| !is_over(standing, now) || standing.released.receiver_count() > 0);
        if self.rules.len() >= RULES_MOST {
            return Err(format!("{RULES_MOST} fault rules stand already: clear some"));
        }
        self.last += 1;
        let ends = rule.for_ms.map(|ms| now.saturating_add(Duration::from_millis(ms)));
        let state = RuleState { id: self.last, met: 0, to_skip: rule.skip, spent: false, rule };
        self.rules.push(Standing { state, ends, released: watch::Sender::new(0) });
        Ok(self.last)
    }

    pub(crate) fn meet(
        &mut self,
        request: &VendorRequest,
        facts: &Facts<'_>,
        now: Duration,
    ) -> Option<Meeting> {
        for standing in &mut self.rules {
            if is_over(standing, now) || !standing.state.rule.meets(request, facts) {
                continue;
            }
            if standing.state.to_skip > 0 {
                standing.state.to_skip -= 1;
                continue;
            }
            standing.state.met += 1;
            let released_before = *standing.released.borrow();
            let fault = standing.state.rule.fault.clone();
            return Some(Meeting {
                fault,
                at: now,
                released: standing.released.subscribe(),
                released_before,
            });
        }
        None
    }

    /// Lets go whatever this rule, or every rule, holds at this moment. Says how many requests waited.
    pub(crate) fn release(&self, id: Option<u64>) -> usize {
        let chosen = self.rules.iter().filter(|standing| id.is_none_or(|id| id == standing.state.id));
        let holding = chosen.filter(|standing| {
            matches!(standing.state.rule.fault, Fault::Hold { .. } | Fault::ApplyLate { after_ms: None })
        });
        holding
            .map(|standing| {
                let waiting = standing.released.receiver_count();
                standing.released.send_modify(|released| *released += 1);
                waiting
            })
            .sum()
    }

    /// Takes this rule, or every rule, away, and releases whom it holds. Says how many there were.
    pub(crate) fn clear(&mut self, id: Option<u64>) -> usize {
        let before = self.rules.len();
        self.rules.retain(|standing| id.is_some_and(|id| id != standing.state.id));
        before - self.rules.len()
    }

    pub(crate) fn rules(&self, now: Duration) -> Vec<RuleState> {
        self.rules
            .iter()
            .map(|standing| RuleState { spent: is_over(standing, now), ..standing.state.clone() })
            .collect()
    }
}

fn is_over(standing: &Standing, now: Duration) -> bool {
    standing.ends.is_some_and(|ends| now >= ends)
        || standing.state.rule.times.is_some_and(|times| standing.state.met >= times)
}
