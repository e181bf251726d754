//! Random walks with a vendor that invites: nobody is invited twice a day, nor keeps an invitation that was removed.

use std::time::Duration;

use proptest::prelude::*;
use usher_engine::{AfterDeadline, AppPolicy};
use usher_journal::{Execution, Request};

use crate::support::{ADA, House, policy, seconds};
use crate::walks::{Approved, Step, Walk, config, step};

const HOUR: u64 = 3600;

fn inviting_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => step(),
        2 => Just(Step::Accept),
        1 => Just(Step::Lapse),
        2 => (1..40_u64).prop_map(|hours| Step::Pass(hours * HOUR * 1000)),
    ]
}

async fn walk(steps: &[Step], counts_invited: bool, stops: bool, vouches: bool) {
    let after_deadline = if stops { AfterDeadline::Stop } else { AfterDeadline::Continue };
    let house = House::with(AppPolicy { counts_invited, after_deadline, ..policy() }).await;
    house.vendor.invites();
    if vouches {
        house.vendor.vouches();
    }
    let mut walk = Walk::within(house);
    for step in steps {
        walk.take(step).await;
        walk.listen().await;
        walk.look().await;
        not_invited_twice(&walk);
    }
    walk.house.slow_disk(Duration::ZERO);
    walk.house.vendor.heals();
    for _ in 0..100 {
        walk.house.pass(seconds(1)).await;
        walk.listen().await;
        walk.look().await;
    }
    // Longer than what may not be sent twice within a day is parked.
    walk.house.pass(seconds(30 * HOUR)).await;
    walk.look().await;
    not_invited_twice(&walk);
    ends(&walk).await;
}

fn not_invited_twice(walk: &Walk) {
    let mut made = walk.house.vendor.invitations_made();
    made.sort_by_key(|(_, facet, at)| (facet.clone(), *at));
    for pair in made.windows(2) {
        let ((_, first, before), (_, second, after)) = (&pair[0], &pair[1]);
        // From the intent to the call a slow disk may take its time.
        let apart = after.duration_since(*before) > jiff::SignedDuration::from_mins(24 * 60 - 1);
        assert!(first != second || apart, "invited to {first} at {before} and at {after}");
    }
}

async fn ends(walk: &Walk) {
    let rows = walk.rows().await;
    let mut approved = Approved::default();
    for row in &rows {
        let execution = row.execution;
        let at_rest = matches!(execution, Execution::NeedsHuman | Execution::Waiting);
        assert!(execution.is_final() || at_rest, "{execution:?}: {:?}", row.reason);
        approved.take(row);
    }
    let ledger = walk.house.ledger(ADA).await;
    let vendor = &walk.house.vendor;
    let (held, invited) = (vendor.held(ADA), vendor.invited(ADA));
    let all_seen_to = rows.iter().all(|row| row.execution != Execution::NeedsHuman);
    if all_seen_to {
        for (team, names) in [("team a", &["a", "both"][..]), ("team b", &["b"])] {
            let there = held.contains(team) || invited.contains(team);
            assert!(!there || approved.names(names), "{held}; {invited}");
        }
    }
    for invitation in &ledger.invitations {
        let is_open = invitation.facets.iter().any(|facet| invited.contains(&facet.to_string()));
        assert!(is_open || !all_seen_to, "known as open, and it is not: {invitation:?}");
    }
    tracked(&rows, &invited);
}

/// Whoever counts as granted by an invitation alone is looked at again.
fn tracked(rows: &[Request], invited: &str) {
    for row in rows.iter().filter(|row| row.tracks_invitation()) {
        let mut facets = row.permissions.iter().flat_map(|permission| permission.facets.iter().flatten());
        assert!(
            facets.any(|facet| invited.contains(&facet.to_string())),
            "tracked, and nothing is open: {:?}",
            row.permissions
        );
    }
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn whatever_happens_nobody_is_invited_twice_a_day_nor_keeps_what_was_removed(
        steps in prop::collection::vec(inviting_step(), 1..14),
        counts_invited in any::<bool>(),
        stops in any::<bool>(),
        vouches in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(walk(&steps, counts_invited, stops, vouches));
    }
}
