//! Rate and concurrency, in stopped time.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{advance, timeout};
use usher_core::{Call, Limiter, Permit, Priority};
use usher_vendor_client::{LimitSettings, Limits};

use crate::support::{TokioClock, call, instant};

fn limits(per_minute: Option<u32>, burst: u32, concurrency: usize) -> Arc<Limits> {
    let settings = LimitSettings {
        per_minute: per_minute.and_then(NonZeroU32::new),
        burst: NonZeroU32::new(burst).unwrap(),
        concurrency: NonZeroUsize::new(concurrency).unwrap(),
        waiting: 100,
    };
    Arc::new(Limits::new(settings, TokioClock::new()))
}

fn within(seconds: u64, priority: Priority) -> Call {
    Call { priority, ..call(Duration::from_secs(seconds)) }
}

async fn permit(limits: &Limits, seconds: u64) -> Result<Box<dyn Permit>, Duration> {
    limits.permit("key", &within(seconds, Priority::Answering)).await
}

#[tokio::test(start_paused = true)]
async fn after_the_burst_requests_are_spread_over_the_minute() {
    let limits = limits(Some(60), 3, 10);
    let start = instant();
    for _ in 0..3 {
        permit(&limits, 10).await.unwrap();
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    for second in 1..=4 {
        permit(&limits, 10).await.unwrap();
        assert_eq!(start.elapsed().as_secs_f64().round(), f64::from(second));
    }
}

#[tokio::test(start_paused = true)]
async fn a_minute_has_no_more_requests_than_allowed_and_a_burst() {
    let limits = limits(Some(200), 10, 10);
    let start = instant();
    let mut permits = 0;
    while start.elapsed() < Duration::from_mins(1) {
        permit(&limits, 10).await.unwrap();
        permits += 1;
    }
    assert!((200..=210).contains(&permits), "{permits}");
}

#[tokio::test(start_paused = true)]
async fn without_a_rate_only_concurrency_counts() {
    let limits = limits(None, 1, 2);
    let start = instant();
    for _ in 0..1000 {
        permit(&limits, 1).await.unwrap();
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn rule_16_a_permit_that_would_outlast_the_deadline_is_refused_at_once() {
    let limits = limits(Some(6), 1, 10);
    permit(&limits, 1).await.unwrap();
    let start = instant();
    let wait = permit(&limits, 5).await.err().unwrap();
    assert_eq!((start.elapsed(), wait), (Duration::ZERO, Duration::from_secs(10)));
    // The refusal cost nothing: the next permit comes when it would have come.
    permit(&limits, 11).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn rule_16_the_wait_counts_those_in_front() {
    let limits = limits(Some(6), 1, 10);
    permit(&limits, 1).await.unwrap();
    let mut waiting = JoinSet::new();
    for _ in 0..3 {
        let limits = limits.clone();
        waiting.spawn(async move { permit(&limits, 100).await.is_ok() });
    }
    tokio::task::yield_now().await;
    let start = instant();
    let wait = permit(&limits, 35).await.err().unwrap();
    assert_eq!((start.elapsed(), wait), (Duration::ZERO, Duration::from_secs(40)));
    assert!(waiting.join_all().await.into_iter().all(|permitted| permitted));
}

#[tokio::test(start_paused = true)]
async fn concurrency_is_capped_and_a_permit_that_ends_makes_room() {
    let limits = limits(None, 1, 2);
    let first = permit(&limits, 1).await.unwrap();
    let _second = permit(&limits, 1).await.unwrap();
    let start = instant();
    assert!(permit(&limits, 3).await.is_err());
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    let third = tokio::spawn({
        let limits = limits.clone();
        async move { permit(&limits, 3).await.is_ok() }
    });
    tokio::task::yield_now().await;
    drop(first);
    assert!(timeout(Duration::from_millis(1), third).await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn rule_08_waiting_revokes_go_first_and_equals_in_the_order_of_arrival() {
    for (rate, concurrency) in [(Some(60), 10), (None, 1)] {
        let limits = limits(rate, 1, concurrency);
        let held = permit(&limits, 1).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = JoinSet::new();
        for (name, priority) in [
            ("report", Priority::Report),
            ("answering 1", Priority::Answering),
            ("background", Priority::Background),
            ("revoke 1", Priority::Revoke),
            ("answering 2", Priority::Answering),
            ("revoke 2", Priority::Revoke),
        ] {
            let (limits, order) = (limits.clone(), order.clone());
            waiting.spawn(async move {
                let permit = limits.permit("key", &within(100, priority)).await;
                order.lock().unwrap().push(name);
                drop(permit.ok().unwrap());
            });
            tokio::task::yield_now().await;
        }
        drop(held);
        waiting.join_all().await;
        assert_eq!(
            *order.lock().unwrap(),
            ["revoke 1", "revoke 2", "answering 1", "answering 2", "background", "report"]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_pushed_past_the_deadline_by_a_revoke_is_told_at_once() {
    let limits = limits(Some(6), 1, 10);
    permit(&limits, 1).await.unwrap();
    let start = instant();
    let pushed = tokio::spawn({
        let limits = limits.clone();
        async move { permit(&limits, 15).await.err() }
    });
    tokio::task::yield_now().await;
    let revoke = tokio::spawn({
        let limits = limits.clone();
        async move { limits.permit("key", &within(100, Priority::Revoke)).await.is_ok() }
    });
    assert_eq!(pushed.await.unwrap(), Some(Duration::from_secs(20)));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(revoke.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_leaves_the_queue() {
    let limits = limits(Some(6), 1, 10);
    permit(&limits, 1).await.unwrap();
    let waiting = tokio::spawn({
        let limits = limits.clone();
        async move { limits.permit("key", &within(100, Priority::Revoke)).await.is_ok() }
    });
    tokio::task::yield_now().await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    let start = instant();
    permit(&limits, 11).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn the_queue_has_an_end() {
    let limits = limits(None, 1, 1);
    let _held = permit(&limits, 1).await.unwrap();
    let mut waiting = JoinSet::new();
    for _ in 0..100 {
        let limits = limits.clone();
        waiting.spawn(async move { permit(&limits, 50).await.is_ok() });
        tokio::task::yield_now().await;
    }
    let start = instant();
    assert!(permit(&limits, 50).await.is_err());
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn each_credential_has_limits_of_its_own() {
    let limits = limits(Some(1), 1, 1);
    let start = instant();
    for key in ["one", "two", "three"] {
        limits.permit(key, &within(1, Priority::Report)).await.unwrap();
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    advance(Duration::from_secs(61)).await;
    limits.permit("one", &within(1, Priority::Report)).await.unwrap();
}
