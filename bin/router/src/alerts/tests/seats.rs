//! Few seats left: when it is looked, and when it is told.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;
use usher_engine::{AlertKind, Alerts};

use super::*;
use crate::alerts::seats::{Counts, Seats};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A vendor that counts seats, and those who hear of it.
#[derive(Debug)]
struct Vendor {
    left: Mutex<Result<Option<u32>, String>>,
    looks: Mutex<Vec<Instant>>,
    paused: AtomicBool,
    heard: Mutex<Vec<Alert>>,
}

#[async_trait]
impl Counts for Vendor {
    async fn seats_left(&self) -> Result<Option<u32>, String> {
        self.looks.lock().unwrap().push(SystemClock.instant());
        self.left.lock().unwrap().clone()
    }

    fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }
}

impl Alerts for Vendor {
    fn alert(&self, alert: Alert) {
        self.heard.lock().unwrap().push(alert);
    }
}

/// A connection that is looked at.
struct Desk {
    vendor: Arc<Vendor>,
    grants: watch::Sender<u64>,
    stop: CancellationToken,
}

impl Desk {
    fn with(left: Option<u32>) -> Self {
        let vendor = Arc::new(Vendor {
            left: Mutex::new(Ok(left)),
            looks: Mutex::default(),
            paused: AtomicBool::new(false),
            heard: Mutex::default(),
        });
        let (grants, stop) = (watch::Sender::new(0), CancellationToken::new());
        let seats = Seats {
            connection: "github".to_owned(),
            connector: "github-org".to_owned(),
            counts: vendor.clone(),
            grants: grants.subscribe(),
            alerts: vendor.clone(),
            clock: Arc::new(SystemClock),
            few: 5,
            first: MINUTE,
        };
        tokio::spawn(seats.run(stop.clone()));
        Self { vendor, grants, stop }
    }

    /// Grants one, and waits.
    async fn grant(&self, then: Duration) {
        self.grants.send_modify(|count| *count += 1);
        pass(then).await;
    }

    fn leaves(&self, left: u32) {
        *self.vendor.left.lock().unwrap() = Ok(Some(left));
    }

    fn looks(&self) -> usize {
        self.vendor.looks.lock().unwrap().len()
    }

    fn told(&self) -> usize {
        self.vendor.heard.lock().unwrap().len()
    }
}

async fn pass(while_: Duration) {
    settle().await;
    tokio::time::sleep_until(SystemClock.instant() + while_).await;
}

#[tokio::test(start_paused = true)]
async fn it_is_looked_after_a_grant_and_at_most_once_an_hour() {
    let desk = Desk::with(Some(100));
    desk.grant(MINUTE / 2).await;
    assert_eq!(desk.looks(), 1, "at once");
    for _ in 0..100 {
        desk.grant(MINUTE).await;
    }
    // 100.5 minutes after the first look: one more, an hour after it.
    assert_eq!(desk.looks(), 2);
    let looks = desk.vendor.looks.lock().unwrap().clone();
    assert!(looks[1] - looks[0] >= HOUR, "{looks:?}");
    assert_eq!(desk.told(), 0);
}

#[tokio::test(start_paused = true)]
async fn it_is_looked_once_a_day_without_a_grant() {
    let desk = Desk::with(Some(100));
    pass(MINUTE * 2).await;
    assert_eq!(desk.looks(), 1, "a start looks");
    pass(HOUR * 23).await;
    assert_eq!(desk.looks(), 1);
    pass(HOUR * 2).await;
    assert_eq!(desk.looks(), 2);
    desk.stop.cancel();
    pass(HOUR * 50).await;
    assert_eq!(desk.looks(), 2, "until it is stopped");
}

#[tokio::test(start_paused = true)]
async fn the_threshold_itself_is_few_and_it_is_told_once() {
    let desk = Desk::with(Some(6));
    desk.grant(HOUR).await;
    assert_eq!(desk.told(), 0);
    for left in [5, 4, 3, 2] {
        desk.leaves(left);
        desk.grant(HOUR).await;
    }
    assert_eq!((desk.looks(), desk.told()), (5, 1));
    let heard = desk.vendor.heard.lock().unwrap()[0].clone();
    assert_eq!((heard.kind, heard.connection.as_str()), (AlertKind::FewSeats, "github"));
    assert_eq!(
        heard.sentence,
        "github (github-org) has 5 paid seats left: buy more, or free some at the vendor, before grants are refused"
    );
}

#[tokio::test(start_paused = true)]
async fn it_is_told_again_after_more_were_left_and_else_once_a_day() {
    let desk = Desk::with(Some(1));
    desk.grant(HOUR).await;
    desk.leaves(6);
    desk.grant(HOUR).await;
    desk.leaves(0);
    desk.grant(HOUR).await;
    assert_eq!(desk.told(), 2);
    for _ in 0..20 {
        desk.grant(HOUR).await;
    }
    assert_eq!(desk.told(), 2);
    pass(HOUR * 5).await;
    assert_eq!(desk.told(), 3, "a day later it is still so");
}

#[tokio::test(start_paused = true)]
async fn a_paused_connection_is_not_asked() {
    let desk = Desk::with(Some(1));
    desk.vendor.paused.store(true, Ordering::SeqCst);
    desk.grant(HOUR * 5).await;
    assert_eq!(desk.looks(), 0);
    desk.vendor.paused.store(false, Ordering::SeqCst);
    pass(HOUR).await;
    assert_eq!((desk.looks(), desk.told()), (1, 1), "an hour later at the latest");
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_does_not_tell_is_asked_once_a_day_and_one_that_fails_every_hour() {
    let desk = Desk::with(None);
    for _ in 0..23 {
        desk.grant(HOUR).await;
    }
    assert_eq!((desk.looks(), desk.told()), (1, 0));
    let desk = Desk::with(Some(1));
    *desk.vendor.left.lock().unwrap() = Err("out of reach".to_owned());
    for _ in 0..10 {
        desk.grant(HOUR).await;
    }
    assert!((10..=11).contains(&desk.looks()), "{}", desk.looks());
    assert_eq!(desk.told(), 0);
}
