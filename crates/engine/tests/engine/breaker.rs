//! The circuit breaker of a connection, with the whole engine around it.

use std::time::Duration;

use tokio::time::Instant;
use usher_core::{Fault, Remedy, Sent};
use usher_engine::{Answer, BreakerState, BreakerView, Limits};
use usher_journal::{Execution, HoldingsFilter, Journal, Request};

use crate::inviting::counting;
use crate::support::{ADA, Applying, House, Observing, reason, seconds};

const PROMPTLY: Duration = Duration::from_secs(1);

fn person(number: usize) -> String {
    format!("p{number}@example.com")
}

fn unreached() -> Observing {
    Observing::Fails(Fault::new("find user", Sent::No, Remedy::Retry { after: None }))
}

fn broken() -> Observing {
    let fault = Fault::new("find user", Sent::Yes, Remedy::Retry { after: None });
    Observing::Fails(fault.with("status", "503"))
}

impl House {
    fn breaker(&self) -> BreakerView {
        self.engine.breakers().remove("acme").expect("the connection has one")
    }

    fn vendor_goes_down(&self, how: &Observing) {
        self.vendor.will_show(std::iter::repeat_n(how.clone(), 10_000));
    }

    /// Grants of so many people, delivered at once. Their answers are not waited for.
    fn grants(&self, people: std::ops::Range<usize>) -> Vec<Request> {
        let requests: Vec<Request> = people.map(|number| self.grant(&person(number), &["a"])).collect();
        requests.iter().for_each(|request| drop(self.post(request)));
        requests
    }

    async fn outage(&self, how: &Observing) -> Vec<Request> {
        self.vendor_goes_down(how);
        let requests = self.grants(0..5);
        self.pass(Duration::from_millis(100)).await;
        assert_eq!(self.breaker().state, BreakerState::Open);
        requests
    }

    /// Sends it, and says how long the answer took.
    async fn timed(&self, request: &Request) -> (Answer, Duration) {
        let began: Instant = self.now();
        let answer = self.send(request).await.answer;
        (answer, self.now() - began)
    }

    async fn all_confirmed(&self, requests: &[Request]) {
        for request in requests {
            assert_eq!(self.row(request).await.execution, Execution::Confirmed, "{}", request.id);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_requests_are_answered_at_once_and_all_are_granted_once_when_it_is_over() {
    for how in [unreached(), broken()] {
        let house = House::new().await;
        let mut requests = house.outage(&how).await;
        // The first probe has failed by then, and the next comes too late for an answer.
        house.pass(seconds(6)).await;
        let readings = house.vendor.readings();
        for number in 5..40 {
            let request = house.grant(&person(number), &["a"]);
            let (answer, took) = house.timed(&request).await;
            assert!(took < PROMPTLY, "it took {took:?}");
            let why = reason(&answer);
            assert!(why.contains("reach acme: the vendor could not be reached (it has failed since 2026-11-24 09:00 UTC, and Usher tries it again from 09:"), "{why}");
            assert!(why.ends_with("; Usher goes on in the background"), "{why}");
            requests.push(request);
        }
        assert_eq!(house.vendor.readings(), readings, "the vendor is left alone");
        house.vendor.heals();
        house.pass(seconds(600)).await;
        house.all_confirmed(&requests).await;
        assert_eq!(house.vendor.effects().len(), requests.len());
        assert_eq!(house.breaker().state, BreakerState::Closed);
        house.is_at_rest().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_an_hour_costs_the_vendor_one_reading_a_minute_and_loses_nobody() {
    let house = House::new().await;
    let mut requests = house.outage(&unreached()).await;
    house.pass(seconds(60)).await;
    requests.extend(house.grants(5..105));
    house.pass(seconds(60)).await;
    let before = house.vendor.readings();
    house.pass(seconds(3600)).await;
    let probes = house.vendor.readings() - before;
    assert!(probes <= 60, "{probes} readings");
    house.vendor.heals();
    // The longest pause of one that was refused again and again.
    house.pass(seconds(15 * 60)).await;
    house.all_confirmed(&requests).await;
    assert_eq!(house.vendor.effects().len(), requests.len());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_can_wait_for_the_next_probe_does_and_comes_out_granted() {
    let house = House::new().await;
    let mut requests = house.outage(&unreached()).await;
    house.vendor.heals();
    let late = house.grant(ADA, &["a"]);
    let (answer, took) = house.timed(&late).await;
    assert_eq!(answer, Answer::Positive);
    assert!((seconds(4)..seconds(6)).contains(&took), "{took:?}");
    requests.push(late);
    house.pass(seconds(60)).await;
    house.all_confirmed(&requests).await;
}

#[tokio::test(start_paused = true)]
async fn one_persons_record_that_breaks_the_vendor_every_time_does_not_open_it() {
    let house = House::new().await;
    house.vendor_goes_down(&broken());
    for permission in ["a", "b", "agent"] {
        house.post(&house.grant(ADA, &[permission]));
    }
    house.pass(seconds(300)).await;
    assert!(house.vendor.readings() > 10);
    let view = house.breaker();
    assert_eq!((view.state, view.failures), (BreakerState::Closed, 3));
    house.vendor.heals();
    let (answer, _) = house.timed(&house.grant(&person(1), &["a"])).await;
    assert_eq!(answer, Answer::Positive);
    assert_eq!(house.breaker().failures, 0);
}

#[tokio::test(start_paused = true)]
async fn readings_that_the_answers_deadline_cuts_off_count_if_they_had_time_enough() {
    for (left, opens) in [(12, true), (1, false)] {
        let house = House::new().await;
        house.vendor_goes_down(&Observing::Takes(seconds(3600)));
        for number in 0..5 {
            let request = house.grant(&person(number), &["a"]);
            let began = house.now() - seconds(12 - left);
            let engine = &house;
            let reply = engine.send_begun(&request, began).await;
            assert!(matches!(reply.answer, Answer::Negative { .. }));
        }
        let is_open = house.breaker().state != BreakerState::Closed;
        assert_eq!(is_open, opens, "with {left} s each");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_06_a_change_that_is_refused_was_surely_not_sent_and_goes_out_later_once() {
    let house = House::new().await;
    house.vendor.will_show([Observing::Takes(seconds(1))]);
    let request = house.grant(ADA, &["a"]);
    let reply = house.post(&request);
    house.pass(Duration::from_millis(500)).await;
    // The vendor fails while the intent is on its way to disk.
    house.slow_disk(seconds(2));
    house.pass(seconds(1)).await;
    house.slow_disk(Duration::ZERO);
    let others = house.outage(&unreached()).await;
    house.pass(seconds(2)).await;
    assert!(house.vendor.calls().is_empty());
    assert!(house.history(&request).await.contains(&"intent"));
    house.vendor.heals();
    assert_eq!(reply.await.unwrap().answer, Answer::Positive);
    house.pass(seconds(60)).await;
    house.all_confirmed(&others).await;
    assert_eq!(house.vendor.effects().len(), 6);
    assert_eq!(house.history(&request).await.iter().filter(|kind| **kind == "intent").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn rule_17_an_order_in_an_outage_is_driven_on_and_somebody_hears_of_it_once() {
    let mut house = House::new().await;
    house.limits = Limits { give_up_after: seconds(3600), ..Limits::default() };
    house.crash().await;
    house.vendor.gives(ADA, "team", "a");
    house.outage(&unreached()).await;
    house.pass(seconds(6)).await;
    let order = house.order(ADA, &["a"]);
    let (answer, took) = house.timed(&order).await;
    assert!(matches!(answer, Answer::Negative { .. }) && took < PROMPTLY, "{took:?}");
    house.pass(seconds(3 * 3600)).await;
    let of_order = |house: &House| {
        let alerts = house.alerts();
        alerts.into_iter().filter(|alert| alert.starts_with("failed-removal:")).count()
    };
    assert_eq!(of_order(&house), 1);
    house.vendor.heals();
    house.pass(seconds(15 * 60)).await;
    assert_eq!(house.row(&order).await.execution, Execution::Confirmed);
    assert_eq!(of_order(&house), 1);
    assert_eq!(house.vendor.held(ADA), "");
}

#[tokio::test(start_paused = true)]
async fn rule_17_stop_leaves_what_is_refused_to_a_person_at_once() {
    let house = House::that_stops().await;
    house.outage(&unreached()).await;
    house.pass(seconds(6)).await;
    let request = house.grant(ADA, &["a"]);
    let (answer, took) = house.timed(&request).await;
    assert!(reason(&answer).ends_with("; finish it by hand") && took < PROMPTLY, "{answer:?} {took:?}");
    house.vendor.heals();
    house.pass(seconds(600)).await;
    assert_eq!(house.row(&request).await.execution, Execution::NeedsHuman);
    assert!(house.vendor.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn rule_10_a_repeated_delivery_is_told_no_at_once_and_what_was_granted_stays_confirmed() {
    let house = House::new().await;
    let granted = house.grant(ADA, &["a"]);
    house.send(&granted).await;
    house.outage(&unreached()).await;
    house.pass(seconds(6)).await;
    let (answer, took) = house.timed(&house.again(&granted)).await;
    assert!(matches!(answer, Answer::Negative { .. }) && took < PROMPTLY, "{answer:?} {took:?}");
    house.vendor.heals();
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&granted).await.execution, Execution::Confirmed);
}

#[tokio::test(start_paused = true)]
async fn rule_22_an_invitation_that_cannot_be_looked_at_stays_confirmed_and_is_looked_at_later() {
    let house = counting().await;
    let granted = house.grant(ADA, &["a"]);
    house.send(&granted).await;
    house.pass(seconds(3500)).await;
    house.outage(&unreached()).await;
    house.pass(seconds(200)).await;
    let row = house.row(&granted).await;
    assert_eq!(row.execution, Execution::Confirmed);
    assert!(row.tracks_invitation(), "{row:?}");
    house.vendor.heals();
    house.vendor.accepts(ADA);
    house.pass(seconds(7 * 3600)).await;
    let row = house.row(&granted).await;
    assert_eq!((row.execution, row.next_at), (Execution::Confirmed, None));
    assert_eq!(house.vendor.calls().iter().filter(|call| *call == "invite to team a").count(), 6);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_it_is_closed() {
    let mut house = House::new().await;
    let requests = house.outage(&unreached()).await;
    house.vendor.heals();
    house.crash().await;
    assert_eq!(house.breaker().state, BreakerState::Closed);
    let (answer, took) = house.timed(&house.grant(ADA, &["a"])).await;
    assert!(answer == Answer::Positive && took < PROMPTLY, "{answer:?} {took:?}");
    house.pass(seconds(600)).await;
    house.all_confirmed(&requests).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_vendor_answers_with_a_no_does_not_open_it() {
    let house = House::new().await;
    for number in 0..20 {
        house.vendor.will([Applying::Throttled(Some(seconds(3600)))]);
        house.send(&house.grant(&person(number), &["a"])).await;
    }
    let throttled = Fault::new("find user", Sent::Yes, Remedy::Throttled { after: None });
    house.vendor_goes_down(&Observing::Fails(throttled));
    house.grants(20..40);
    house.pass(seconds(60)).await;
    assert_eq!(house.breaker().state, BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_operators_plan_goes_through_and_finds_that_the_vendor_is_back() {
    let house = House::new().await;
    house.outage(&unreached()).await;
    house.pass(seconds(60)).await;
    let request = house.grant(ADA, &["a"]);
    let fault = house.engine.preview(request.clone()).await.unwrap().fault.unwrap();
    assert_eq!(fault.operation, "find user", "the vendor itself was asked");
    let fault = house.engine.preview(request.clone()).await.unwrap().fault.unwrap();
    assert_eq!(fault.operation, "reach acme", "it has just been asked");
    house.vendor.heals();
    house.pass(seconds(5)).await;
    assert_eq!(house.breaker().state, BreakerState::Open);
    let preview = house.engine.preview(request).await.unwrap();
    assert_eq!((preview.fault, preview.would), (None, vec!["give team a".to_owned()]));
    assert_eq!(house.breaker().state, BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_check_of_many_holdings_asks_the_vendor_once_in_an_outage() {
    let house = House::new().await;
    for number in 0..10 {
        house.send(&house.grant(&person(number), &["a"])).await;
    }
    house.vendor_goes_down(&unreached());
    house.grants(10..15);
    house.pass(seconds(60)).await;
    assert_eq!(house.breaker().state, BreakerState::Open);
    let before = house.vendor.readings();
    let filter = HoldingsFilter { limit: 10, ..HoldingsFilter::default() };
    let page = house.disk.memory.holdings(&filter).await.unwrap();
    assert_eq!(page.holdings.len(), 10);
    for holding in page.holdings {
        assert!(house.engine.check_holdings(holding).await.fault.is_some());
    }
    assert_eq!(house.vendor.readings() - before, 1);
}

#[tokio::test(start_paused = true)]
async fn it_says_how_it_stands_and_since_when() {
    let house = House::new().await;
    let view = house.breaker();
    assert_eq!((view.state, view.since, view.failures), (BreakerState::Closed, None, 0));
    assert_eq!((view.next_probe_at, view.last_fault), (None, None));
    house.pass(seconds(30)).await;
    house.outage(&broken()).await;
    let view = house.breaker();
    assert_eq!(view.failures, 5);
    assert_eq!(view.since, Some("2026-11-24T09:00:30Z".parse().unwrap()));
    assert_eq!(view.next_probe_at, Some("2026-11-24T09:00:35Z".parse().unwrap()));
    assert_eq!(view.last_fault.as_deref(), Some("find user: the vendor failed, status 503"));
    house.vendor.heals();
    house.vendor.will_show([Observing::Takes(seconds(2))]);
    house.pass(seconds(5)).await;
    assert_eq!(house.breaker().state, BreakerState::HalfOpen);
    house.pass(seconds(2)).await;
    assert_eq!(house.breaker().state, BreakerState::Closed);
}
