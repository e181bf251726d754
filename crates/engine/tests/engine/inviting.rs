//! Invitations that are waited for, or count as they are: rule 22.

use usher_core::{Account, Fault, Remedy, Sent};
use usher_engine::{Act, Answer, AppPolicy};
use usher_journal::{Execution, Record, Telling};

use crate::support::{ADA, Applying, House, Observing, policy, reason, seconds};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// Where *waiting for the invitee* counts as provisioned.
pub(crate) async fn counting() -> House {
    let house = House::with(AppPolicy { counts_invited: true, ..policy() }).await;
    house.vendor.invites();
    house
}

/// Where it does not.
async fn waiting() -> House {
    let house = House::new().await;
    house.vendor.invites();
    house
}

fn lapses(alerts: &[String]) -> usize {
    alerts.iter().filter(|alert| alert.starts_with("lapsed-invitation")).count()
}

#[tokio::test(start_paused = true)]
async fn rule_22_where_it_counts_an_open_invitation_is_confirmed_and_answered_positively() {
    let house = counting().await;
    let grant = house.grant(ADA, &["a"]);
    assert_eq!(house.send(&grant).await.answer, Answer::Positive);
    let row = house.row(&grant).await;
    assert_eq!(row.execution, Execution::Confirmed);
    assert!(row.tracks_invitation(), "it is looked at again");
    assert_eq!((house.vendor.held(ADA), house.vendor.invited(ADA)), (String::new(), "team a".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn rule_22_an_invitation_that_is_open_is_not_sent_again() {
    let house = counting().await;
    house.send(&house.grant(ADA, &["a"])).await;
    assert_eq!(house.send(&house.grant(ADA, &["a"])).await.answer, Answer::Positive);
    house.pass(seconds(20 * DAY)).await;
    assert_eq!(house.vendor.calls(), ["invite to team a"]);
}

#[tokio::test(start_paused = true)]
async fn rule_22_a_tracked_invitation_that_is_accepted_is_noted_and_not_looked_at_any_more() {
    let house = counting().await;
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.pass(seconds(3 * DAY)).await;
    house.vendor.accepts(ADA);
    house.pass(seconds(7 * HOUR)).await;
    let row = house.row(&grant).await;
    assert_eq!((row.execution, row.reason, row.next_at), (Execution::Confirmed, None, None));
    let history = format!("{:?}", house.stored(&grant).await.history);
    assert!(history.contains("how: Accepted }"), "{history}");
    assert!(house.ledger(ADA).await.invitations.is_empty());
    assert!(house.alerts().is_empty(), "{:?}", house.alerts());
    house.is_at_rest().await;
}

#[tokio::test(start_paused = true)]
async fn rule_22_a_tracked_invitation_is_looked_at_every_few_hours_and_no_more() {
    let house = counting().await;
    house.send(&house.grant(ADA, &["a"])).await;
    let before = house.vendor.readings();
    house.pass(seconds(2 * DAY)).await;
    let looks = house.vendor.readings() - before;
    assert!((8..=12).contains(&looks), "{looks} readings in two days");
}

#[tokio::test(start_paused = true)]
async fn rule_22_a_tracked_invitation_that_lapses_needs_a_person_and_a_replay_invites_again() {
    let house = counting().await;
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.pass(seconds(7 * DAY)).await;
    house.vendor.lapses(ADA);
    house.pass(seconds(7 * HOUR)).await;
    let row = house.row(&grant).await;
    assert_eq!(row.execution, Execution::NeedsHuman);
    assert!(row.reason.clone().unwrap().contains("the invitation has lapsed"), "{row:?}");
    assert_eq!(lapses(&house.alerts()), 1, "{:?}", house.alerts());
    assert!(!house.ledger(ADA).await.holders[0].confirmed, "nobody holds it");
    house.is_at_rest().await;
    house.engine.operate(&grant.id, Act::Replay, "eve", "she is back").await.unwrap();
    house.pass(seconds(5)).await;
    assert_eq!(house.vendor.invitations_made().len(), 2);
    let row = house.row(&grant).await;
    assert_eq!((row.execution, row.tracks_invitation()), (Execution::Confirmed, true));
}

#[tokio::test(start_paused = true)]
async fn rule_22_a_tracked_invitation_is_looked_at_after_a_restart() {
    let mut house = counting().await;
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.pass(seconds(30 * HOUR)).await;
    house.crash().await;
    house.vendor.accepts(ADA);
    house.pass(seconds(7 * HOUR)).await;
    let row = house.row(&grant).await;
    assert_eq!((row.execution, row.next_at), (Execution::Confirmed, None));
    assert!(house.alerts().is_empty(), "{:?}", house.alerts());
    house.crash().await;
    let before = house.vendor.readings();
    house.pass(seconds(DAY)).await;
    assert_eq!(house.vendor.readings(), before, "it is over");
}

#[tokio::test(start_paused = true)]
async fn rule_22_tracking_is_not_given_up_and_outlasts_failing_readings() {
    let house = counting().await;
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    let fault = |remedy| Observing::Fails(Fault::new("observe", Sent::Yes, remedy));
    house.vendor.will_show((0..6).map(|_| fault(Remedy::Retry { after: None })));
    house.vendor.will_show([fault(Remedy::Person), fault(Remedy::Throttled { after: None })]);
    house.pass(seconds(4 * DAY)).await;
    let row = house.row(&grant).await;
    assert_eq!((row.execution, row.tracks_invitation()), (Execution::Confirmed, true));
    assert!(house.alerts().is_empty(), "{:?}", house.alerts());
    house.vendor.accepts(ADA);
    house.pass(seconds(7 * HOUR)).await;
    assert!(!house.row(&grant).await.tracks_invitation());
}

#[tokio::test(start_paused = true)]
async fn rule_22_a_removal_cancels_the_invitation() {
    for house in [counting().await, waiting().await] {
        let grant = house.grant(ADA, &["a"]);
        house.send(&grant).await;
        assert_eq!(house.send(&house.order(ADA, &["a"])).await.answer, Answer::Positive);
        assert_eq!(house.vendor.invited(ADA), "");
        let ledger = house.ledger(ADA).await;
        assert_eq!((ledger.invitations.len(), ledger.holders.len()), (0, 0));
        house.pass(seconds(8 * HOUR)).await;
        let row = house.row(&grant).await;
        assert!(row.execution.is_final() && !row.tracks_invitation(), "{row:?}");
        assert!(house.alerts().is_empty(), "{:?}", house.alerts());
        house.is_at_rest().await;
    }
}

#[tokio::test(start_paused = true)]
async fn rule_22_an_order_that_does_not_name_it_leaves_an_invitation_that_counts() {
    let house = counting().await;
    house.send(&house.grant(ADA, &["a"])).await;
    let everything = house.of_other_app(house.order_of_all(ADA));
    house.send(&everything).await;
    assert_eq!(house.vendor.invited(ADA), "team a", "the other app's approval blocks it");
}

#[tokio::test(start_paused = true)]
async fn rule_22_an_invitation_is_cancelled_when_the_approved_time_is_over() {
    for house in [counting().await, waiting().await] {
        let grant = house.ending_in(house.grant(ADA, &["a"]), seconds(3 * HOUR));
        house.send(&grant).await;
        house.pass(seconds(3 * HOUR - 10)).await;
        assert_eq!(house.vendor.invited(ADA), "team a");
        house.pass(seconds(60)).await;
        assert_eq!(house.vendor.invited(ADA), "", "nobody may accept it any more");
        assert_eq!(house.row(&grant).await.execution, Execution::Expired);
        assert!(house.ledger(ADA).await.invitations.is_empty());
        house.is_at_rest().await;
    }
}

#[tokio::test(start_paused = true)]
async fn rule_22_where_it_does_not_count_a_grant_waits_and_is_confirmed_on_acceptance() {
    let house = waiting().await;
    let grant = house.grant(ADA, &["a"]);
    let answer = house.send(&grant).await.answer;
    assert!(reason(&answer).contains("has to be accepted first"), "{answer:?}");
    house.pass(seconds(3 * DAY)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::Waiting, "the invitee's time is theirs");
    house.vendor.accepts(ADA);
    house.pass(seconds(2 * HOUR)).await;
    let row = house.row(&grant).await;
    assert_eq!((row.execution, row.telling), (Execution::Confirmed, Telling::Due));
    assert_eq!(house.vendor.calls(), ["invite to team a"]);
}

#[tokio::test(start_paused = true)]
async fn rule_22_a_grant_that_waits_for_its_invitee_is_not_given_up_when_readings_fail() {
    let mut house = waiting().await;
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.pass(seconds(3 * DAY)).await;
    let fault = || Observing::Fails(Fault::new("observe", Sent::Yes, Remedy::Retry { after: None }));
    house.vendor.will_show((0..8).map(|_| fault()));
    house.pass(seconds(2 * HOUR)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::Waiting);
    house.crash().await;
    house.vendor.heals();
    house.vendor.accepts(ADA);
    house.pass(seconds(2 * HOUR)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::Confirmed);
}

#[tokio::test(start_paused = true)]
async fn rule_22_what_is_left_to_do_after_a_late_acceptance_is_not_out_of_time() {
    let house = waiting().await;
    let grant = house.grant(ADA, &["both"]);
    house.send(&grant).await;
    house.vendor.takes(ADA, "role", "agent");
    house.pass(seconds(3 * DAY)).await;
    house.vendor.accepts(ADA);
    house.pass(seconds(2 * HOUR)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::Confirmed);
    assert_eq!(house.vendor.held(ADA), "role agent, team a");
}

#[tokio::test(start_paused = true)]
async fn rule_22_a_grant_whose_invitation_lapses_while_it_waits_needs_a_person() {
    for by_hand in [false, true] {
        let house = waiting().await;
        if by_hand {
            house.vendor.invites_by_hand(ADA, "a");
        }
        let grant = house.grant(ADA, &["a"]);
        house.send(&grant).await;
        assert_eq!(house.row(&grant).await.execution, Execution::Waiting);
        house.pass(seconds(7 * DAY)).await;
        house.vendor.lapses(ADA);
        house.pass(seconds(2 * HOUR)).await;
        let row = house.row(&grant).await;
        assert_eq!((row.execution, lapses(&house.alerts())), (Execution::NeedsHuman, 1), "{row:?}");
        house.engine.operate(&grant.id, Act::Replay, "eve", "once more").await.unwrap();
        house.pass(seconds(5)).await;
        assert_eq!(house.vendor.invited(ADA), "team a");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_22_the_same_request_delivered_again_is_positive_while_the_invitation_is_open() {
    let house = counting().await;
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    assert_eq!(house.send(&house.again(&grant)).await.answer, Answer::Positive);
    house.vendor.lapses(ADA);
    let answer = house.send(&house.again(&grant)).await.answer;
    assert!(reason(&answer).contains("is not there any more"), "{answer:?}");
    assert_eq!(house.vendor.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_22_whoever_waits_for_a_running_delivery_hears_of_the_invitation() {
    let house = counting().await;
    house.vendor.will([Applying::Held]);
    let grant = house.grant(ADA, &["a"]);
    let first = house.post(&grant);
    house.vendor.arrival(1).await;
    let second = house.post(&house.again(&grant));
    house.pass(seconds(1)).await;
    house.vendor.release();
    assert_eq!(first.await.unwrap().answer, Answer::Positive);
    assert_eq!(second.await.unwrap().answer, Answer::Positive);
}

#[tokio::test(start_paused = true)]
async fn rule_22_a_renewed_approval_is_tracked_once() {
    let house = counting().await;
    let (first, second) = (house.grant(ADA, &["a"]), house.grant(ADA, &["a"]));
    house.send(&first).await;
    house.send(&second).await;
    house.pass(seconds(7 * DAY)).await;
    house.vendor.lapses(ADA);
    house.pass(seconds(7 * HOUR)).await;
    assert_eq!(house.row(&first).await.execution, Execution::Confirmed);
    assert_eq!(house.row(&second).await.execution, Execution::NeedsHuman);
    assert_eq!(lapses(&house.alerts()), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_22_a_shutdown_leaves_tracked_invitations_to_the_journal_and_counts_none_as_left() {
    let house = counting().await;
    house.send(&house.grant(ADA, &["a"])).await;
    assert_eq!(house.engine.shutdown(seconds(5)).await, 0);
}

#[tokio::test(start_paused = true)]
async fn rule_22_a_tracked_invitation_at_an_address_that_several_accounts_bear_is_told_once() {
    let house = counting().await;
    house.send(&house.grant(ADA, &["a"])).await;
    house.vendor.shows_account(Account::Ambiguous { hits: 2 });
    house.pass(seconds(2 * DAY)).await;
    assert_eq!(house.alerts().len(), 1, "{:?}", house.alerts());
    assert!(house.alerts()[0].contains("2 accounts"), "{:?}", house.alerts());
}

#[tokio::test(start_paused = true)]
async fn a_history_says_when_an_invitation_is_looked_at_again() {
    let house = counting().await;
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    let stored = house.stored(&grant).await;
    let tracked = stored.history.iter().find_map(|entry| match &entry.record {
        Record::Tracked { next_at, .. } => *next_at,
        _ => None,
    });
    assert_eq!(tracked, stored.request.next_at);
    assert!(house.history(&grant).await.contains(&"invited"));
}
