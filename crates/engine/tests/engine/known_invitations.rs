//! Invitations that are known from their intent, and mail that is not sent twice: rules 23 and 24.

use usher_engine::{Act, Answer};
use usher_journal::{Execution, Journal};

use crate::inviting::counting;
use crate::support::{ADA, Applying, Kill, reason, seconds};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

#[tokio::test(start_paused = true)]
async fn rule_23_an_invitation_whose_answer_was_lost_is_known_from_its_intent() {
    for lands in [Some(seconds(1)), Some(seconds(14))] {
        let house = counting().await;
        house.vendor.will([Applying::Lost { lands }]);
        let grant = house.grant(ADA, &["a"]);
        house.send(&grant).await;
        house.pass(seconds(60)).await;
        assert_eq!(house.row(&grant).await.execution, Execution::Confirmed);
        assert_eq!(house.vendor.invitations_made().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn rule_23_while_an_invitation_may_still_arrive_nobody_can_vouch_that_there_is_none() {
    let house = counting().await;
    house.vendor.vouches().will([Applying::Lost { lands: Some(seconds(14)) }]);
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::Confirmed);
    let ledger = house.ledger(ADA).await;
    assert!(
        ledger.invitations.iter().any(|invitation| invitation.seen),
        "it was there in the end: {ledger:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn rule_23_what_is_not_seen_is_neither_sent_again_nor_called_removed() {
    let house = counting().await;
    house.vendor.will([Applying::Lost { lands: None }]);
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::NeedsHuman);
    let order = house.order(ADA, &["a"]);
    let answer = house.send(&order).await.answer;
    assert!(reason(&answer).contains("does not show whether it is so"), "{answer:?}");
    assert_eq!(house.row(&order).await.execution, Execution::NeedsHuman);
    assert_eq!(house.vendor.calls(), ["invite to team a"]);
    assert_eq!(house.ledger(ADA).await.invitations.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_23_an_invitation_is_known_although_the_process_ended_before_its_answer() {
    let mut house = counting().await;
    house.vendor.will([Applying::Held]);
    let grant = house.grant(ADA, &["a"]);
    house.post(&grant);
    house.vendor.arrival(1).await;
    house.crash().await;
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::NeedsHuman, "nobody can tell");
    assert_eq!(house.vendor.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_23_a_cancelling_that_was_answered_settles_it_and_one_that_was_not_does_not() {
    let house = counting().await;
    house.send(&house.grant(ADA, &["a"])).await;
    house.vendor.will([Applying::Lost { lands: Some(seconds(1)) }]);
    let order = house.order(ADA, &["a"]);
    house.send(&order).await;
    house.pass(seconds(60)).await;
    assert_eq!(house.row(&order).await.execution, Execution::NeedsHuman, "it is not seen, and that is all");
    assert_eq!(house.ledger(ADA).await.invitations.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_23_a_tracked_invitation_that_is_lost_sight_of_is_told_once_and_stays_known() {
    let house = counting().await;
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.pass(seconds(DAY)).await;
    house.vendor.loses_sight_of(ADA);
    house.pass(seconds(7 * HOUR)).await;
    assert!(house.alerts().is_empty(), "one reading may be mistaken: {:?}", house.alerts());
    house.pass(seconds(7 * DAY)).await;
    assert_eq!(house.alerts().len(), 1, "{:?}", house.alerts());
    assert!(house.alerts()[0].contains("does not say whether it was accepted"), "{:?}", house.alerts());
    let row = house.row(&grant).await;
    assert_eq!((row.execution, row.tracks_invitation()), (Execution::Confirmed, false));
    assert_eq!(house.ledger(ADA).await.invitations.len(), 1);
    let order = house.order(ADA, &["a"]);
    assert_ne!(house.send(&order).await.answer, Answer::Positive);
    assert_eq!(house.row(&order).await.execution, Execution::NeedsHuman);
}

#[tokio::test(start_paused = true)]
async fn rule_23_a_throttled_or_refused_invitation_is_none() {
    let refusal = usher_core::Refusal::new(usher_core::RefusalKind::Forbidden, "no");
    for script in [Applying::NotSent, Applying::Throttled(None), Applying::Refused(refusal)] {
        let house = counting().await;
        house.vendor.will([script]);
        house.send(&house.grant(ADA, &["a"])).await;
        let refused = house.vendor.invitations_made().is_empty();
        let ledger = house.ledger(ADA).await;
        assert_eq!(ledger.invitations.is_empty(), refused, "{ledger:?}");
        assert_eq!(ledger.mails.is_empty(), refused, "{ledger:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_24_a_second_invitation_within_a_day_is_parked_answered_no_and_alerted() {
    let house = counting().await;
    house.send(&house.grant(ADA, &["a"])).await;
    house.send(&house.order(ADA, &["a"])).await;
    house.pass(seconds(20 * HOUR)).await;
    let again = house.grant(ADA, &["a"]);
    let answer = house.send(&again).await.answer;
    assert!(reason(&answer).contains("it is not sent a second time within a day"), "{answer:?}");
    let row = house.row(&again).await;
    assert_eq!((row.execution, house.vendor.invitations_made().len()), (Execution::BackingOff, 1));
    assert_eq!(house.alerts().len(), 1, "{:?}", house.alerts());
    house.pass(seconds(5 * HOUR)).await;
    assert_eq!(house.row(&again).await.execution, Execution::Confirmed, "the day is over");
    assert_eq!(house.vendor.invitations_made().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn rule_24_a_preview_stops_where_a_second_mail_would_go_out_within_a_day() {
    let house = counting().await;
    house.send(&house.grant(ADA, &["a"])).await;
    house.send(&house.order(ADA, &["a"])).await;
    let preview = house.engine.preview(house.grant(ADA, &["a"])).await.unwrap();
    assert_eq!(preview.would, [""; 0]);
    assert!(preview.mailed.is_some(), "{preview:?}");
    house.pass(seconds(25 * HOUR)).await;
    let preview = house.engine.preview(house.grant(ADA, &["a"])).await.unwrap();
    assert_eq!((preview.would.len(), preview.mailed), (1, None), "the day is over");
}

#[tokio::test(start_paused = true)]
async fn rule_24_holds_over_restarts_and_is_told_once() {
    let mut house = counting().await;
    house.send(&house.grant(ADA, &["a"])).await;
    house.send(&house.order(ADA, &["a"])).await;
    house.crash().await;
    house.pass(seconds(20 * HOUR)).await;
    let again = house.grant(ADA, &["a"]);
    house.send(&again).await;
    house.crash().await;
    house.pass(seconds(2 * HOUR)).await;
    assert_eq!(house.vendor.invitations_made().len(), 1);
    assert_eq!(house.alerts().len(), 1, "{:?}", house.alerts());
}

#[tokio::test(start_paused = true)]
async fn rule_24_a_replay_does_not_send_it_a_second_time_either() {
    let house = counting().await;
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.vendor.lapses(ADA);
    house.pass(seconds(2 * HOUR)).await;
    assert_eq!(house.row(&grant).await.execution, Execution::NeedsHuman);
    house.engine.operate(&grant.id, Act::Replay, "eve", "again").await.unwrap();
    house.pass(seconds(60)).await;
    assert_eq!(house.vendor.invitations_made().len(), 1);
    let row = house.row(&grant).await;
    assert!(row.reason.clone().unwrap().contains("within a day"), "{row:?}");
    house.pass(seconds(DAY)).await;
    assert_eq!(house.vendor.invitations_made().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn rule_24_other_steps_and_other_people_are_not_kept_from_it() {
    let house = counting().await;
    house.send(&house.grant(ADA, &["a"])).await;
    assert_eq!(house.send(&house.grant(ADA, &["b"])).await.answer, Answer::Positive);
    assert_eq!(house.send(&house.grant("bea@example.com", &["a"])).await.answer, Answer::Positive);
}

#[tokio::test(start_paused = true)]
async fn rule_24_what_surely_was_not_sent_does_not_count() {
    let house = counting().await;
    house.vendor.will([Applying::Throttled(Some(seconds(1))), Applying::NotSent]);
    assert_eq!(house.send(&house.grant(ADA, &["a"])).await.answer, Answer::Positive);
    assert_eq!(house.vendor.invitations_made().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_24_one_that_may_have_arrived_and_is_vouched_not_to_be_there_needs_a_person() {
    let house = counting().await;
    house.vendor.vouches().will([Applying::Lost { lands: None }]);
    let grant = house.grant(ADA, &["a"]);
    house.send(&grant).await;
    house.pass(seconds(60)).await;
    let row = house.row(&grant).await;
    assert_eq!((row.execution, house.vendor.calls().len()), (Execution::NeedsHuman, 1), "{row:?}");
}

#[tokio::test(start_paused = true)]
async fn rule_23_a_kill_at_any_write_neither_invites_twice_nor_forgets_an_invitation() {
    let mut kills = 0;
    for written in [false, true] {
        for after in 1.. {
            assert!(after < 100, "it comes to an end");
            let mut house = counting().await;
            house.kill_at(Kill { after, written });
            let grant = house.grant(ADA, &["a"]);
            house.post(&grant);
            house.pass(seconds(3 * HOUR)).await;
            if !house.disk.is_dead() {
                break;
            }
            kills += 1;
            house.crash().await;
            house.pass(seconds(8 * HOUR)).await;
            let kill = Kill { after, written };
            let made = house.vendor.invitations_made().len();
            assert!(made <= 1, "{kill:?}: invited {made} times");
            let Some(stored) = house.disk.memory.find(&grant.id).await.unwrap() else { continue };
            let (execution, ledger) = (stored.request.execution, house.ledger(ADA).await);
            if made == 0 {
                // The intent was on disk and nothing was sent: nobody can tell, and a person looks.
                assert_eq!(execution, Execution::NeedsHuman, "{kill:?}");
                continue;
            }
            assert_eq!((execution, ledger.invitations.len()), (Execution::Confirmed, 1), "{kill:?}");
            assert!(stored.request.tracks_invitation(), "{kill:?}: nobody looks at it again");
            house.vendor.accepts(ADA);
            house.pass(seconds(7 * HOUR)).await;
            assert!(!house.row(&grant).await.tracks_invitation(), "{kill:?}");
            assert!(house.ledger(ADA).await.invitations.is_empty(), "{kill:?}");
        }
    }
    assert!(kills > 8, "{kills} kills");
}
