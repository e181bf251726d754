//! All at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use usher_core::{Direction, LimitState, Limiter, Priority};
use usher_journal::{Execution, Request};

use crate::support::{Burst, Terms, Told, reason, seconds};

const MILLIS_50: Duration = Duration::from_millis(50);

/// Forty permits at once, and one each 150 ms. A request takes three: a reading, a change, a reading back.
fn four_hundred_a_minute() -> Terms {
    Terms { per_minute: Some(400), burst: 40, concurrency: 16, takes: MILLIS_50, calls_of_a_reading: 1 }
}

fn positives(told: &[Told], direction: Direction) -> usize {
    told.iter().filter(|told| told.direction == direction && told.is_positive()).count()
}

/// Who was answered no, and when at the latest.
fn negatives(told: &[Told]) -> (usize, Duration) {
    let negatives: Vec<&Told> = told.iter().filter(|told| !told.is_positive()).collect();
    for told in &negatives {
        assert!(reason(told).contains("Usher goes on in the background"), "{}", reason(told));
    }
    (negatives.len(), negatives.iter().map(|told| told.took).max().unwrap_or_default())
}

fn in_time(told: &[Told]) -> bool {
    told.iter().all(|told| told.took <= seconds(12))
}

/// Lets time pass until nothing is under way, and looks that every request has ended well, with one effect each.
async fn until_all_is_done(burst: &Burst, told: &[Told], within: Duration) -> Duration {
    while !burst.engine.is_idle() {
        assert!(burst.elapsed() < within, "not done after {within:?}: {:?}", burst.limits.state());
        burst.pass(seconds(30)).await;
    }
    let took = burst.elapsed();
    for one in told {
        assert_eq!(burst.row(&one.request).await.execution, Execution::Confirmed);
    }
    let effects = burst.vendor.lock().effects.clone();
    assert_eq!(effects.len(), told.len(), "one effect each");
    assert_eq!(effects.iter().collect::<BTreeSet<_>>().len(), told.len(), "to each");
    assert_eq!(burst.limits.state(), Some(LimitState::default()), "nothing is left over");
    took
}

/// Grants, and among them orders: one after each `every` grants.
fn mixed(burst: &Burst, grants: usize, orders: usize, every: usize) -> Vec<Request> {
    let mut requests = Vec::new();
    for number in 0..grants {
        if number.is_multiple_of(every) && number / every < orders {
            requests.push(burst.order(number / every));
        }
        requests.push(burst.grant(number));
    }
    requests
}

#[tokio::test(start_paused = true)]
async fn rule_16_of_five_thousand_grants_as_many_as_the_limit_allows_are_given_in_time() {
    let burst = Burst::new(&four_hundred_a_minute()).await;
    let told = burst.send((0..5_000).map(|number| burst.grant(number)).collect::<Vec<_>>()).await;
    assert!(in_time(&told));
    // By 11.7 s (a call takes 50 ms, and a quarter of a second is spared): 40 + 78 permits. Three each are 39 requests. No limiter can
    // give more than 40: by 12 s there are 120 permits.
    assert_eq!(positives(&told, Direction::Provision), 39);
    assert_eq!(negatives(&told), (4_961, Duration::ZERO), "told at once");
    // 15,000 permits take 37.4 minutes.
    let took = until_all_is_done(&burst, &told, seconds(45 * 60)).await;
    assert!(took <= seconds(39 * 60), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn rule_08_orders_go_first_in_a_burst_and_grants_get_what_is_left() {
    let burst = Burst::new(&four_hundred_a_minute()).await;
    // The first order comes before all, the others among the grants.
    let requests = mixed(&burst, 1_000, 10, 2);
    let told = burst.send(requests).await;
    assert!(in_time(&told));
    assert_eq!(positives(&told, Direction::Deprovision), 10);
    let slowest =
        told.iter().filter(|told| told.direction == Direction::Deprovision).map(|told| told.took).max();
    // Thirty permits; some of the forty that were saved up went to grants at the same moment.
    assert!(slowest <= Some(seconds(2)), "{slowest:?}");
    // 118 - 30 permits are 29 grants.
    let grants = positives(&told, Direction::Provision);
    assert!((28..=29).contains(&grants), "{grants}");
    let (number, latest) = negatives(&told);
    assert_eq!(number, 1_010 - 10 - grants);
    assert!(latest <= MILLIS_50, "{latest:?}");
    until_all_is_done(&burst, &told, seconds(15 * 60)).await;
}

#[tokio::test(start_paused = true)]
async fn rule_08_more_orders_than_there_is_time_for_are_done_before_any_grant() {
    let burst = Burst::new(&four_hundred_a_minute()).await;
    let told = burst.send(mixed(&burst, 1_000, 50, 1)).await;
    assert!(in_time(&told));
    // 118 permits; those that grants had before the orders came are gone.
    let orders = positives(&told, Direction::Deprovision);
    assert!((33..=39).contains(&orders), "{orders}");
    let (number, latest) = negatives(&told);
    assert_eq!(number, 1_050 - orders - positives(&told, Direction::Provision));
    assert!(latest <= seconds(4), "{latest:?}");
    // Whatever reached the vendor while orders were left, but for the moment in which all came: orders.
    let calls = burst.vendor.lock().calls.clone();
    let last_order = calls.iter().rposition(|call| call.priority == Priority::Revoke).unwrap();
    let after_the_first_second = |call: &&crate::vendor::Called| burst.since_start(call.at) >= seconds(1);
    let grants = calls[..last_order].iter().filter(after_the_first_second);
    let grants = grants.filter(|call| call.priority != Priority::Revoke).count();
    assert!(grants <= 12, "{grants} calls of grants before the last order's");
    until_all_is_done(&burst, &told, seconds(15 * 60)).await;
}

#[tokio::test(start_paused = true)]
async fn rule_16_where_only_calls_at_once_are_limited_the_vendors_time_is_the_limit() {
    let terms = Terms {
        per_minute: None,
        burst: 1,
        concurrency: 4,
        takes: Duration::from_millis(800),
        calls_of_a_reading: 1,
    };
    let burst = Burst::new(&terms).await;
    let told = burst.send((0..600).map(|number| burst.grant(number)).collect::<Vec<_>>()).await;
    assert!(in_time(&told));
    // By 12 s fifteen calls one after the other, four at once: sixty calls, twenty requests. Spared are a quarter of a second.
    let given = positives(&told, Direction::Provision);
    assert!((17..=20).contains(&given), "{given}");
    let (number, latest) = negatives(&told);
    assert_eq!(number, 600 - given);
    assert!(latest <= seconds(1), "told once the first call has shown how long one takes: {latest:?}");
    // 1,800 calls, four at once.
    let took = until_all_is_done(&burst, &told, seconds(600)).await;
    assert!(took <= seconds(420), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn rule_16_what_requests_really_take_is_learned_from_the_first() {
    // Seven permits each, where three are believed at first.
    let terms = Terms { calls_of_a_reading: 3, ..four_hundred_a_minute() };
    let burst = Burst::new(&terms).await;
    let told = burst.send((0..500).map(|number| burst.grant(number)).collect::<Vec<_>>()).await;
    assert!(in_time(&told));
    // 118 permits: 16 requests, had it been known.
    let unknown = positives(&told, Direction::Provision);
    let done = until_all_is_done(&burst, &told, seconds(3_600)).await;
    assert!(done <= seconds(15 * 60), "{done:?}");
    // It is known, and a burst has been saved up: of the next ones as many are given as can be.
    burst.pass(seconds(10)).await;
    let told = burst.send((500..1_000).map(|number| burst.grant(number)).collect::<Vec<_>>()).await;
    assert!(in_time(&told));
    let known = positives(&told, Direction::Provision);
    let (_, latest) = negatives(&told);
    assert!((15..=16).contains(&known) && latest == Duration::ZERO, "{unknown}, {known}, {latest:?}");
}

#[tokio::test(start_paused = true)]
async fn a_few_at_once_are_all_given() {
    let burst = Burst::new(&four_hundred_a_minute()).await;
    for few in 0..20 {
        let told = burst.send((0..10).map(|number| burst.grant(few * 10 + number)).collect::<Vec<_>>()).await;
        assert!(told.iter().all(Told::is_positive));
    }
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_throttles_is_left_alone_until_then_and_everybody_is_told_at_once() {
    let burst = Burst::new(&Terms { burst: 8, ..four_hundred_a_minute() }).await;
    let until = burst.clock_at(seconds(30));
    burst.vendor.lock().throttles = Some(until);
    let told = burst.send((0..200).map(|number| burst.grant(number)).collect::<Vec<_>>()).await;
    let (number, latest) = negatives(&told);
    assert!(number == 200 && latest <= MILLIS_50 * 2, "{number} {latest:?}");
    burst.pass(seconds(29) - burst.elapsed()).await;
    let calls = burst.vendor.lock().calls.len();
    assert!(calls <= 16, "{calls} calls were under way when the vendor's first no came");
    until_all_is_done(&burst, &told, seconds(600)).await;
    let by_time: BTreeMap<u64, usize> =
        burst.vendor.lock().calls.iter().fold(BTreeMap::new(), |mut map, call| {
            *map.entry(burst.since_start(call.at).as_secs()).or_default() += 1;
            map
        });
    let most = by_time.range(1..).map(|(_, calls)| *calls).max();
    assert!(most <= Some(8), "afterwards they come evenly: {by_time:?}");
}
