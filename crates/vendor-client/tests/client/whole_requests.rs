//! Requests are served whole: who may begin, who is told to come again, and what the vendor's own word does.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use usher_core::{Call, LimitState, Limiter, Part, Permit, Priority, Way};
use usher_vendor_client::{Auth, LimitSettings, Limits, VendorRequest};

use crate::support::{Script, TokioClock, answer, answer_with, call, client, instant, soon};

/// What has to be left for a change.
const RESERVE: Duration = Duration::from_secs(4);

fn limits(per_minute: Option<u32>, burst: u32, concurrency: usize) -> Arc<Limits> {
    let settings = LimitSettings {
        per_minute: per_minute.and_then(NonZeroU32::new),
        burst: NonZeroU32::new(burst).unwrap(),
        concurrency: NonZeroUsize::new(concurrency).unwrap(),
        waiting: 1_000,
    };
    Arc::new(Limits::new(settings, TokioClock::new()))
}

/// A request that somebody waits for, for twelve seconds.
#[derive(Clone)]
struct Asking {
    way: Way,
    priority: Priority,
    answer_by: Instant,
}

impl Asking {
    fn new(priority: Priority) -> Self {
        Self { way: Way::new(), priority, answer_by: instant() + Duration::from_secs(12) }
    }

    fn call(&self, deadline: Instant, answer_by: Option<Instant>, changes_ahead: bool) -> Call {
        let part = Part { way: self.way.clone(), answer_by, reserve: RESERVE, changes_ahead };
        Call { deadline, priority: self.priority, idempotency_key: None, part: Some(part) }
    }

    fn reading(&self) -> Call {
        self.call(self.answer_by, Some(self.answer_by), true)
    }

    fn change(&self) -> Call {
        self.call(instant() + Duration::from_secs(3), Some(self.answer_by), true)
    }

    fn reading_back(&self) -> Call {
        self.call(self.answer_by, Some(self.answer_by), false)
    }

    /// The same, once nobody waits for it any more.
    fn later(&self) -> Call {
        Call { priority: Priority::Background, ..self.call(instant() + Duration::from_secs(30), None, true) }
    }
}

fn grant() -> Asking {
    Asking::new(Priority::Answering)
}

async fn permit(limits: &Limits, call: Call) -> Result<Box<dyn Permit>, Duration> {
    limits.permit("key", &call).await
}

/// A reading, a change, a reading back; each takes a while. An error says how long it was told to wait.
async fn whole(limits: &Limits, asking: &Asking, takes: Duration) -> Result<(), Duration> {
    for step in [Asking::reading, Asking::change, Asking::reading_back] {
        let permit = permit(limits, step(asking)).await?;
        pass(takes).await;
        drop(permit);
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the vendor's own time, paused with the test's")]
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// All at once: how many were served whole, and what the others were told, and when at the latest.
async fn all(limits: &Arc<Limits>, asking: Vec<Asking>, takes: Duration) -> (usize, Vec<Duration>, Duration) {
    let start = instant();
    let mut set = JoinSet::new();
    // Whoever is to come again still is there, and so is its place.
    let _kept = asking.clone();
    for one in asking {
        let limits = limits.clone();
        set.spawn(async move { (whole(&limits, &one, takes).await, start.elapsed()) });
    }
    let (mut served, mut told, mut latest) = (0, Vec::new(), Duration::ZERO);
    for (outcome, at) in set.join_all().await {
        match outcome {
            Ok(()) => served += 1,
            Err(wait) => {
                told.push(wait);
                latest = latest.max(at);
            }
        }
    }
    told.sort();
    (served, told, latest)
}

fn idle() -> LimitState {
    LimitState::default()
}

#[tokio::test(start_paused = true)]
async fn rule_16_as_many_requests_begin_as_can_end_in_time_and_the_others_are_told_at_once() {
    let limits = limits(Some(60), 6, 16);
    // Six permits at once and one a second: 17 by 11.75 s, three for each request.
    let asking = (0..100).map(|_| grant()).collect();
    let (served, told, latest) = all(&limits, asking, Duration::from_millis(10)).await;
    assert_eq!((served, told.len()), (5, 95));
    assert_eq!(latest, Duration::ZERO, "told at once");
    assert_eq!(limits.state(), Some(idle()));
}

#[tokio::test(start_paused = true)]
async fn who_is_told_to_come_again_has_a_place_of_its_own() {
    let limits = limits(Some(60), 6, 16);
    let asking = (0..100).map(|_| grant()).collect();
    let (_, told, _) = all(&limits, asking, Duration::from_millis(10)).await;
    assert!(told[0] >= Duration::from_secs(12), "not while somebody else is still awaited: {:?}", told[0]);
    let gaps = told.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(
        gaps.clone().all(|gap| gap.as_secs() == 3),
        "three permits apart: {:?}",
        gaps.collect::<Vec<_>>()
    );
}

#[tokio::test(start_paused = true)]
async fn rule_16_a_slow_vendor_is_reckoned_with_as_soon_as_it_is_known_to_be_slow() {
    let limits = limits(None, 1, 4);
    // Twelve rounds of four calls in twelve seconds; the last has to end a quarter of a second before.
    let asking = (0..200).map(|_| grant()).collect();
    let (served, told, latest) = all(&limits, asking, Duration::from_secs(1)).await;
    assert!((13..=15).contains(&served), "{served} of at most 44 / 3");
    assert_eq!(served + told.len(), 200);
    assert!(
        latest <= Duration::from_secs(1),
        "told when the first call has shown how long one takes: {latest:?}"
    );
    let (first, last) = (told[0], told[told.len() - 1]);
    assert!(
        first >= Duration::from_secs(11) && last > first + Duration::from_secs(120),
        "{first:?} {last:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn rule_16_who_is_alone_is_never_turned_away_for_what_it_probably_needs() {
    for limits in [limits(Some(12), 1, 1), limits(None, 1, 1)] {
        let slow = grant();
        // So that it is known how long a call takes: longer than there is for a whole request.
        let held = permit(&limits, slow.reading()).await.unwrap();
        pass(Duration::from_secs(7)).await;
        drop(held);
        drop(slow);
        assert!(permit(&limits, grant().reading()).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn rule_16_a_removal_is_not_turned_away_on_account_of_grants_and_goes_first() {
    let limits = limits(Some(60), 6, 16);
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut set = JoinSet::new();
    let asking = (0..20).map(|_| grant()).chain((0..4).map(|_| Asking::new(Priority::Revoke)));
    for one in asking {
        let (limits, order) = (limits.clone(), order.clone());
        set.spawn(async move {
            let outcome = whole(&limits, &one, Duration::from_millis(10)).await;
            if outcome.is_ok() {
                order.lock().unwrap().push(one.priority);
            }
            (one.priority, outcome.is_ok())
        });
    }
    let outcomes = set.join_all().await;
    let served = |priority| outcomes.iter().filter(|outcome| **outcome == (priority, true)).count();
    assert_eq!(served(Priority::Revoke), 4);
    // Seventeen permits; some went to grants before the removals came.
    assert!(served(Priority::Answering) <= 1, "{outcomes:?}");
    assert!(order.lock().unwrap()[..4].iter().all(|priority| *priority == Priority::Revoke));
}

#[tokio::test(start_paused = true)]
async fn rule_16_who_has_not_begun_gives_way_to_removals_at_once_the_youngest_first() {
    // Nine permits by 7.75 s: six for two removals, two for what the older one needs by then, and not two for the younger.
    let limits = limits(Some(75), 1, 16);
    let held = permit(&limits, grant().reading()).await.unwrap();
    drop(held);
    let start = instant();
    let (old, young) = (grant(), grant());
    let mut waiting = Vec::new();
    for asking in [&old, &young] {
        let (limits, call) = (limits.clone(), asking.reading());
        waiting.push(tokio::spawn(async move { (permit(&limits, call).await.is_ok(), start.elapsed()) }));
        tokio::task::yield_now().await;
    }
    let mut removals = JoinSet::new();
    for _ in 0..2 {
        let limits = limits.clone();
        let asking = Asking::new(Priority::Revoke);
        removals.spawn(async move { whole(&limits, &asking, Duration::ZERO).await });
    }
    let young = waiting.pop().unwrap().await.unwrap();
    assert_eq!(young, (false, Duration::ZERO));
    assert!(removals.join_all().await.into_iter().all(|served| served.is_ok()));
    let old = waiting.pop().unwrap().await.unwrap();
    assert!(old.0 && old.1 >= Duration::from_millis(5_500), "{old:?}");
}

#[tokio::test(start_paused = true)]
async fn changes_do_not_wait_because_others_have_begun() {
    // Forty permits saved up: were they all spent on first readings, the last change would wait for six seconds.
    let limits = limits(Some(400), 40, 64);
    let longest = Arc::new(Mutex::new(Duration::ZERO));
    let mut set = JoinSet::new();
    for _ in 0..200 {
        let (limits, longest) = (limits.clone(), longest.clone());
        set.spawn(async move {
            let asking = grant();
            let Ok(reading) = permit(&limits, asking.reading()).await else { return false };
            pass(Duration::from_millis(50)).await;
            drop(reading);
            let asked = instant();
            let change = permit(&limits, asking.change()).await.ok().unwrap();
            let waited = asked.elapsed();
            let mut longest = longest.lock().unwrap();
            *longest = waited.max(*longest);
            drop(change);
            true
        });
    }
    let begun = set.join_all().await.into_iter().filter(|begun| *begun).count();
    assert!(begun >= 39, "{begun}");
    assert!(*longest.lock().unwrap() <= Duration::from_millis(1_500), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn rule_16_what_requests_take_is_learned() {
    // A request here takes ten permits: three of them up to its change.
    let limits = limits(Some(600), 10, 64);
    for _ in 0..40 {
        let asking = grant();
        for _ in 0..3 {
            permit(&limits, asking.reading()).await.unwrap();
        }
        for _ in 0..7 {
            permit(&limits, asking.reading_back()).await.unwrap();
        }
    }
    pass(Duration::from_secs(2)).await;
    let mut set = JoinSet::new();
    for _ in 0..100 {
        let (limits, asking) = (limits.clone(), grant());
        set.spawn(async move {
            let _permit = permit(&limits, asking.reading()).await;
            std::future::pending::<()>().await;
            drop(asking);
        });
    }
    pass(Duration::from_millis(1)).await;
    // 10 and 117 permits by 11.75 s.
    assert_eq!(limits.state().unwrap().put_off, 100 - 12);
}

#[tokio::test(start_paused = true)]
async fn rule_08_who_comes_again_at_its_time_is_served() {
    let limits = limits(Some(60), 6, 16);
    let start = instant();
    let mut set = JoinSet::new();
    for _ in 0..60 {
        let limits = limits.clone();
        set.spawn(async move {
            let asking = grant();
            let mut times = 0;
            let mut outcome = whole(&limits, &asking, Duration::from_millis(10)).await;
            while let Err(wait) = outcome {
                times += 1;
                asking.way.rest();
                pass(wait).await;
                outcome = background(&limits, &asking).await;
            }
            times
        });
    }
    let times = set.join_all().await;
    // 180 permits, six of them at once.
    let took = start.elapsed().as_secs();
    assert!((174..=190).contains(&took), "{took}");
    assert!(times.iter().all(|times| *times <= 1), "nobody was turned away twice: {times:?}");
    assert_eq!(limits.state(), Some(idle()));
}

async fn background(limits: &Limits, asking: &Asking) -> Result<(), Duration> {
    for _ in 0..3 {
        drop(permit(limits, asking.later()).await?);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_comes_again_before_its_time_keeps_its_place() {
    let limits = limits(Some(60), 1, 16);
    let (first, second) = (grant(), grant());
    let held = permit(&limits, first.reading()).await.unwrap();
    let others: Vec<_> = (0..20).map(|_| grant()).collect();
    for other in &others {
        drop(permit(&limits, other.reading()).await);
    }
    let told = permit(&limits, second.reading()).await.err().unwrap();
    second.way.rest();
    pass(Duration::from_secs(5)).await;
    let again = permit(&limits, second.later()).await.err().unwrap();
    assert_eq!(again, told - Duration::from_secs(5));
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_of_who_gives_up() {
    let limits = limits(Some(60), 1, 1);
    let held = permit(&limits, grant().reading()).await.unwrap();
    let mut tasks = Vec::new();
    for _ in 0..50 {
        let (limits, asking) = (limits.clone(), grant());
        tasks.push(tokio::spawn(async move {
            drop(permit(&limits, asking.reading()).await);
            pass(Duration::from_secs(3600)).await;
            drop(asking);
        }));
    }
    tokio::task::yield_now().await;
    let state = limits.state().unwrap();
    assert!(state.waiting > 0 && state.put_off > 40 && state.under_way == 1, "{state:?}");
    for task in tasks {
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }
    drop(held);
    assert_eq!(limits.state(), Some(idle()));
    // Nor is anything reserved: the next one comes in.
    pass(Duration::from_secs(1)).await;
    assert!(permit(&limits, grant().reading()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_way_that_rests_gives_back_what_was_reserved_for_it() {
    let limits = limits(Some(20), 1, 16);
    let resting: Vec<Asking> = vec![grant()];
    drop(permit(&limits, resting[0].reading()).await.unwrap());
    // A permit every three seconds: two more for the first one, and there is none in time for a second.
    assert!(permit(&limits, grant().reading()).await.is_err());
    resting[0].way.rest();
    assert!(permit(&limits, grant().reading()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_vendors_own_word_closes_the_gate_for_everybody_until_then() {
    let limits = limits(None, 1, 16);
    let mut throttled = permit(&limits, grant().reading()).await.unwrap();
    throttled.throttled(Some(Duration::from_secs(5)));
    drop(throttled);
    assert_eq!(limits.state().unwrap().closed_for, Duration::from_secs(5));
    let start = instant();
    // Who cannot wait so long is told at once.
    let change = permit(&limits, grant().change()).await.err().unwrap();
    assert!(start.elapsed() == Duration::ZERO && change >= Duration::from_secs(5), "{change:?}");
    // Who can, waits.
    permit(&limits, grant().reading()).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_told_at_once_when_the_vendor_closes_the_gate_for_longer() {
    let limits = limits(None, 1, 1);
    let mut held = permit(&limits, grant().reading()).await.unwrap();
    let waiting = tokio::spawn({
        let limits = limits.clone();
        async move {
            let start = instant();
            let asking = grant();
            (permit(&limits, asking.reading()).await.err(), start.elapsed())
        }
    });
    tokio::task::yield_now().await;
    held.throttled(Some(Duration::from_mins(1)));
    drop(held);
    let (wait, took) = waiting.await.unwrap();
    assert_eq!((wait.unwrap().as_secs(), took), (60, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn no_word_closes_the_gate_for_more_than_five_minutes() {
    let limits = limits(None, 1, 1);
    let mut held = permit(&limits, grant().reading()).await.unwrap();
    held.throttled(Some(Duration::from_hours(24)));
    assert_eq!(limits.state().unwrap().closed_for, Duration::from_mins(5));
}

#[tokio::test(start_paused = true)]
async fn without_a_time_the_pause_is_short_and_grows_until_a_call_is_let_through() {
    let limits = limits(None, 1, 16);
    let throttle = async || {
        let mut held = permit(&limits, grant().later()).await.unwrap();
        held.throttled(None);
        limits.state().unwrap().closed_for.as_millis()
    };
    let pauses = [throttle().await, throttle().await, throttle().await];
    assert_eq!(pauses, [500, 1_000, 2_000]);
    for _ in 0..20 {
        pass(Duration::from_mins(2)).await;
        throttle().await;
    }
    assert_eq!(limits.state().unwrap().closed_for.as_secs(), 60);
    pass(Duration::from_mins(2)).await;
    drop(permit(&limits, grant().reading()).await.unwrap());
    assert_eq!(throttle().await, 500);
}

#[tokio::test(start_paused = true)]
async fn several_calls_that_were_under_way_close_the_gate_once() {
    let limits = limits(None, 1, 16);
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(permit(&limits, grant().reading()).await.unwrap());
    }
    for permit in &mut held {
        permit.throttled(None);
    }
    assert_eq!(limits.state().unwrap().closed_for, Duration::from_millis(500));
}

#[tokio::test(start_paused = true)]
async fn after_the_vendors_word_permits_come_evenly() {
    let limits = limits(Some(60), 30, 16);
    let mut throttled = permit(&limits, grant().reading()).await.unwrap();
    throttled.throttled(Some(Duration::from_secs(2)));
    drop(throttled);
    let start = instant();
    for second in [2, 3, 4] {
        let asking = grant();
        drop(permit(&limits, asking.reading_back()).await.unwrap());
        assert_eq!(start.elapsed().as_secs(), second);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_call_waits_is_added_up_for_its_way() {
    let limits = limits(Some(60), 1, 16);
    let asking = grant();
    for _ in 0..3 {
        drop(permit(&limits, asking.reading()).await.unwrap());
    }
    assert_eq!(asking.way.waited(instant()), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_429_of_one_request_holds_up_the_others_with_the_same_credential() {
    let script = Script::new(|number, _| match number {
        1 => Ok(answer_with(429, &[("retry-after", "3")], "")),
        _ => Ok(answer(200, "{}")),
    });
    let client = client(script.clone(), "http://vendor.test", Auth::None);
    client.send(&soon(), VendorRequest::put("/users/{id}").param("id", 7)).await.unwrap_err();
    let start = instant();
    client.send(&soon(), VendorRequest::get("/users/{id}").param("id", 8)).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(2_900), "{:?}", start.elapsed());
    let short = call(Duration::from_secs(10));
    client.send(&short, VendorRequest::get("/users/{id}").param("id", 9)).await.unwrap();
    assert_eq!(script.seen().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_reserves_nothing_though_its_request_goes_on() {
    // A permit each three seconds: there are enough for one request.
    let limits = limits(Some(20), 1, 16);
    drop(permit(&limits, grant().reading()).await.unwrap());
    let (first, second) = (grant(), grant());
    let waiting = tokio::spawn({
        let (limits, call) = (limits.clone(), first.reading());
        async move { permit(&limits, call).await.is_ok() }
    });
    tokio::task::yield_now().await;
    assert_eq!(limits.state().unwrap().waiting, 1);
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    assert!(permit(&limits, second.reading()).await.is_ok());
    drop(first);
}
