//! Retries, pauses, limits: in paused time.

use super::*;

#[tokio::test(start_paused = true)]
async fn every_receiver_gets_an_alert_once_and_the_history_says_so() {
    let (script, journal) = (Script::new([]), journal().await);
    let senders = senders(vec![slack(), webhook()], script.clone(), &journal);
    senders.inbox().alert(alert(SENTENCE));
    let came = script.requests(2).await;
    settle().await;
    let mut hosts: Vec<&str> = came.iter().map(|request| request.url.host_str().unwrap()).collect();
    hosts.sort_unstable();
    assert_eq!(hosts, ["alerts.example", "hooks.slack.example"]);
    assert!(came.iter().all(|request| request.method == http::Method::POST && !request.allow_private));
    let mut noted = sent_to(&journal, "r1").await;
    noted.sort_unstable();
    assert_eq!(noted, ["slack", "webhook"]);
    assert_eq!(script.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_webhook_verifies_with_the_published_library_at_every_attempt() {
    let (script, journal) = (Script::new([Does::Answer(500), Does::Break]), journal().await);
    let senders = senders(vec![webhook()], script.clone(), &journal);
    senders.inbox().alert(alert(SENTENCE));
    let came = script.requests(3).await;
    let verifier = standardwebhooks::Webhook::new(SECRET).unwrap();
    let other = standardwebhooks::Webhook::new("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    for request in &came {
        verifier.verify(&request.body, &request.headers).unwrap();
        assert!(other.verify(&request.body, &request.headers).is_err());
        let mut changed = request.body.to_vec();
        changed[10] ^= 1;
        assert!(verifier.verify(&changed, &request.headers).is_err());
        assert_eq!(request.headers["webhook-id"], came[0].headers["webhook-id"], "one alert, one id");
        assert_eq!(json(request), json(&came[0]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_in_trouble_is_left_alone_for_longer_and_longer() {
    let trouble = [500, 503, 429, 408, 502, 500, 500, 500, 500, 500, 500].map(Does::Answer);
    let (script, journal) = (Script::new(trouble), journal().await);
    let senders = senders(vec![slack()], script.clone(), &journal);
    senders.inbox().alert(alert(SENTENCE));
    script.requests(12).await;
    assert_eq!(script.pauses(), [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    settle().await;
    assert_eq!(sent_to(&journal, "r1").await, ["slack"]);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_heeded_up_to_an_hour() {
    let trouble = [Does::RetryAfter(429, "30"), Does::RetryAfter(503, "99999"), Does::RetryAfter(429, "0")];
    let (script, journal) = (Script::new(trouble), journal().await);
    let senders = senders(vec![slack()], script.clone(), &journal);
    senders.inbox().alert(alert(SENTENCE));
    script.requests(4).await;
    assert_eq!(script.pauses(), [30, 3600, 4]);
}

#[tokio::test(start_paused = true)]
async fn one_pause_holds_for_all_alerts_of_a_receiver_and_for_no_other_receiver() {
    let (script, journal) = (Script::new([Does::RetryAfter(429, "60")]), journal().await);
    let quick = Script::new([]);
    let held_up = senders(vec![slack()], script.clone(), &journal);
    let other = senders(vec![webhook()], quick.clone(), &journal);
    for sentence in ["one", "two", "three"] {
        held_up.inbox().alert(alert(sentence));
        other.inbox().alert(alert(sentence));
    }
    quick.requests(3).await;
    assert_eq!(script.requests(1).await.len(), 1);
    let came = script.requests(4).await;
    assert_eq!(script.pauses(), [60, 0, 0]);
    let texts: Vec<String> = came
        .iter()
        .map(|request| json(request)["text"].as_str().unwrap().lines().nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(texts, ["one", "one", "two", "three"], "in the order in which they were raised");
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_is_refused_holds_up_no_other() {
    let (script, journal) = (Script::new([Does::Answer(400)]), journal().await);
    let senders = senders(vec![webhook()], script.clone(), &journal);
    senders.inbox().alert(alert("bad"));
    senders.inbox().alert(alert("good"));
    let came = script.requests(3).await;
    let sentences: Vec<Value> =
        came.iter().map(|request| json(request)["data"]["sentence"].clone()).collect();
    assert_eq!(sentences, ["bad", "good", "bad"]);
    assert_eq!(script.pauses(), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_takes_for_a_day_is_given_up_and_others_still_arrive() {
    let (script, journal) = (Script::new(std::iter::repeat_n(Does::Answer(404), 40)), journal().await);
    let senders = senders(vec![slack()], script.clone(), &journal);
    senders.inbox().alert(alert("nobody wants it"));
    tokio::time::sleep_until(SystemClock.instant() + Duration::from_secs(3 * 24 * 3600)).await;
    let tries = script.count();
    assert!((20..40).contains(&tries), "{tries}");
    assert!(script.pauses().iter().sum::<u64>() <= 25 * 3600);
    script.does.lock().unwrap().clear();
    senders.inbox().alert(alert("the next"));
    script.requests(tries + 1).await;
    settle().await;
    assert_eq!(sent_to(&journal, "r1").await, ["slack"]);
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_not_followed_and_does_not_count_as_taken() {
    let (script, journal) = (Script::new([Does::Answer(302)]), journal().await);
    let senders = senders(vec![slack()], script.clone(), &journal);
    senders.inbox().alert(alert(SENTENCE));
    script.requests(2).await;
    assert_eq!(script.pauses(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_takes_no_more_and_never_waits() {
    let (script, journal) = (Script::new([Does::Hang]), journal().await);
    let senders = senders(vec![slack()], script.clone(), &journal);
    let inbox = senders.inbox();
    inbox.alert(alert("the first"));
    script.requests(1).await;
    // Nothing here awaits: whoever alerts is never held up.
    for number in 0..queue::CAPACITY + 50 {
        inbox.alert(alert(&format!("number {number}")));
    }
    let (_, queue) = &senders.inbox.queues[0];
    assert_eq!(queue.len(), queue::CAPACITY + 1, "one is under way");
}

#[tokio::test(start_paused = true)]
async fn the_same_alert_waits_only_once() {
    let (script, journal) = (Script::new([Does::Hang]), journal().await);
    let senders = senders(vec![slack()], script.clone(), &journal);
    let inbox = senders.inbox();
    inbox.alert(alert("the first"));
    script.requests(1).await;
    for _ in 0..3 {
        inbox.alert(alert("the first"));
        inbox.alert(alert("the second"));
    }
    let (_, queue) = &senders.inbox.queues[0];
    assert_eq!(queue.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_journal_out_of_reach_keeps_no_alert_back() {
    let (script, journal) = (Script::new([]), journal().await);
    journal.break_with(Some(usher_journal::JournalError::Lost("disk I/O error".to_owned())));
    let senders = senders(vec![slack()], script.clone(), &journal);
    for sentence in ["one", "two"] {
        senders.inbox().alert(alert(sentence));
    }
    assert_eq!(script.requests(2).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn with_no_receiver_an_alert_stands_in_the_log_alone() {
    let (script, journal) = (Script::new([]), journal().await);
    let mut senders = senders(Vec::new(), script.clone(), &journal);
    senders.send_what_was_left();
    senders.inbox().alert(alert(SENTENCE));
    settle().await;
    assert_eq!(script.count(), 0);
    senders.stop(Duration::from_secs(1)).await;
}
