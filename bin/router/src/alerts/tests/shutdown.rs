//! A short grace, and no more.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_was_raised_last_is_still_sent() {
    let (script, journal) = (Script::new([]), journal().await);
    let senders = senders(vec![slack()], script.clone(), &journal);
    senders.inbox().alert(alert(SENTENCE));
    senders.stop(Duration::from_secs(2)).await;
    assert_eq!(script.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_hangs_holds_up_nobody() {
    let (script, journal) = (Script::new([Does::Hang]), journal().await);
    let senders = senders(vec![slack()], script.clone(), &journal);
    senders.inbox().alert(alert(SENTENCE));
    let began = SystemClock.instant();
    senders.stop(Duration::from_secs(2)).await;
    assert_eq!((SystemClock.instant() - began).as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_tried_again_while_it_ends() {
    let (script, journal) = (Script::new([Does::Answer(500)]), journal().await);
    let senders = senders(vec![slack()], script.clone(), &journal);
    senders.inbox().alert(alert("one"));
    senders.inbox().alert(alert("two"));
    script.requests(1).await;
    settle().await;
    let began = SystemClock.instant();
    senders.stop(Duration::from_secs(60)).await;
    assert!(SystemClock.instant() - began < Duration::from_secs(1));
    assert_eq!(script.count(), 1);
}
