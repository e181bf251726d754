//! Faults that wait: delays and holds; and awaiting what happens.

use std::time::Duration;

use serde_json::json;
use usher_sandbox::zendesk::UserSeed;
use usher_sandbox::{CallEnd, Fault, Matcher, Operation, Role, Rule};

use crate::desk::{Desk, SOON};

const ANN: &str = "ann@example.com";

fn update_of_ann() -> Matcher {
    Matcher::operation(Operation::UpdateUser).about(ANN)
}

async fn with(fault: Fault) -> (Desk, u64) {
    let desk = Desk::start().await;
    let id = desk.seed(UserSeed::end_user(ANN));
    desk.sandbox.fault(Rule::once(update_of_ann(), fault)).unwrap();
    (desk, id)
}

#[tokio::test]
async fn a_delay_applies_at_its_end_or_at_its_beginning() {
    for after_applying in [false, true] {
        let (desk, id) = with(Fault::Delay { ms: 5_000, after_applying }).await;
        let later = async {
            desk.sandbox.wait_for_calls(&update_of_ann(), 1, SOON).await.unwrap();
            if after_applying {
                desk.sandbox.wait_for_effects(ANN, 1, SOON).await.unwrap();
            } else {
                assert!(desk.sandbox.effects().is_empty());
            }
            desk.sandbox.clock().advance(Duration::from_secs(5));
        };
        let (answer, ()) = tokio::join!(desk.update(id, json!({"role": "agent"})), later);
        assert_eq!(answer.status, 200);
        assert_eq!(desk.sandbox.effects().len(), 1);
    }
}

#[tokio::test]
async fn a_hold_waits_for_its_release() {
    for after_applying in [false, true] {
        let (desk, id) = with(Fault::Hold { after_applying }).await;
        let later = async {
            desk.sandbox.wait_for_calls(&update_of_ann(), 1, SOON).await.unwrap();
            if after_applying {
                desk.sandbox.wait_for_effects(ANN, 1, SOON).await.unwrap();
            }
            assert_eq!(desk.sandbox.calls()[0].end, None);
            assert_eq!(desk.sandbox.effects().len(), usize::from(after_applying));
            assert_eq!(desk.sandbox.release(None), 1);
        };
        let (answer, ()) = tokio::join!(desk.update(id, json!({"role": "agent"})), later);
        assert_eq!(answer.status, 200);
        assert_eq!(desk.sandbox.user(ANN).unwrap().role, Role::Agent);
    }
}

#[tokio::test]
async fn a_hold_ends_when_its_rule_is_cleared() {
    let (desk, id) = with(Fault::Hold { after_applying: false }).await;
    let later = async {
        desk.sandbox.wait_for_calls(&update_of_ann(), 1, SOON).await.unwrap();
        desk.sandbox.clear_faults();
    };
    let (answer, ()) = tokio::join!(desk.update(id, json!({"role": "agent"})), later);
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_held_request_whose_caller_leaves_is_never_applied() {
    let (desk, id) = with(Fault::Hold { after_applying: false }).await;
    {
        let update = desk.update(id, json!({"role": "agent"}));
        let matcher = update_of_ann();
        let arrived = desk.sandbox.wait_for_calls(&matcher, 1, SOON);
        tokio::select! {
            _ = update => unreachable!("it is held"),
            arrived = arrived => { arrived.unwrap(); }
        }
    }
    desk.sandbox.wait_for_ends(&update_of_ann(), CallEnd::CallerLeft, 1, SOON).await.unwrap();
    desk.sandbox.release(None);
    assert!(desk.sandbox.effects().is_empty());
}

#[tokio::test]
async fn waiting_in_vain_says_how_many_came() {
    let desk = Desk::start().await;
    desk.get("/api/v2/groups").await;
    let groups = Matcher::operation(Operation::ListGroups);
    let late = desk.sandbox.wait_for_calls(&groups, 2, Duration::from_millis(20)).await.unwrap_err();
    assert_eq!((late.seen, late.wanted), (1, 2));
}
