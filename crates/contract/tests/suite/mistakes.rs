//! For each case a connector that is wrong in one way fails it, and it alone. A few lies are so great that they fail others too:
//! those are named.

use usher_contract::{CASES, failing};

use crate::vendor::ToyVendor;
use crate::wrong::Wrong;

macro_rules! each_fails_its_case {
    ($($test:ident: $wrong:ident => $($case:ident),+;)*) => {
        $(
            #[test]
            fn $test() {
                fails(Wrong::$wrong, &[$(stringify!($case)),+]);
            }
        )*

        #[test]
        fn every_case_has_a_mistake_that_it_alone_finds() {
            let alone: &[&[&str]] = &[$(&[$(stringify!($case)),+]),*];
            for case in CASES {
                let found = alone.iter().any(|cases| *cases == [case.name]);
                assert!(found || is_part_of_greater_lies(case.name), "{} finds no mistake", case.name);
            }
        }
    };
}

/// Whoever plans without end confirms nothing: no connector fails this one alone.
fn is_part_of_greater_lies(case: &str) -> bool {
    case == "a_second_plan_is_empty"
}

#[track_caller]
fn fails(wrong: Wrong, expected: &[&str]) {
    let found = failing(|| ToyVendor::with(wrong));
    let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, expected, "{wrong:?}: {found:#?}");
}

each_fails_its_case! {
    a_connector_that_writes_what_is_there: WritesWhatIsThere =>
        what_is_there_already_is_not_written;
    a_connector_that_gives_more_than_was_asked: GivesMoreThanWasAsked =>
        what_is_wanting_is_granted_by_one_change_and_read_back;
    a_connector_that_creates_under_another_address: CreatesUnderAnotherAddress =>
        somebody_without_an_account_is_taken_in_or_refused;
    a_connector_that_sends_again_after_a_lost_answer: SendsAgainAfterALostAnswer =>
        a_change_whose_answer_was_lost_is_looked_for_and_not_sent_again;
    a_connector_that_treats_a_failed_reading_as_nobody: TreatsAFailedReadingAsNobody =>
        a_reading_that_failed_proves_nothing;
    a_connector_that_hurries_readings: HurriesReadings =>
        a_throttled_reading_is_made_again_when_the_vendor_said;
    a_connector_that_hurries_changes: HurriesChanges =>
        a_throttled_change_is_sent_again_when_the_vendor_said;
    a_connector_that_sends_again_after_503: SendsAgainAfter503 =>
        a_change_that_failed_before_it_was_applied_is_read_back_before_it_is_sent_again;
    a_connector_that_does_not_wait_for_settling: DoesNotWaitForSettling =>
        a_change_that_failed_before_it_was_applied_is_read_back_before_it_is_sent_again;
    a_connector_that_sends_again_after_500: SendsAgainAfter500 =>
        a_change_that_failed_after_it_was_applied_is_not_sent_again;
    a_connector_that_swallows_refusals: SwallowsRefusals =>
        a_refusal_is_told_with_the_vendors_reason_and_nothing_is_changed;
    a_connector_that_loses_the_reason: LosesTheReason =>
        a_refusal_is_told_with_the_vendors_reason_and_nothing_is_changed;
    a_connector_that_treats_401_as_done: Treats401AsDone =>
        a_wrong_credential_needs_a_person_and_nothing_is_changed;
    a_connector_that_treats_401_as_nobody: Treats401AsNobody =>
        a_wrong_credential_needs_a_person_and_nothing_is_changed;
    a_connector_that_hides_instead_of_removing: HidesInsteadOfRemoving =>
        what_is_revoked_is_gone;
    a_connector_that_removes_what_is_gone: RemovesWhatIsGone =>
        what_is_gone_already_is_revoked_without_a_write;
    a_connector_that_overwrites_the_list: OverwritesTheList =>
        what_others_gave_stays_beside_it;
    a_connector_that_forgets_the_former_value: ForgetsTheFormerValue =>
        a_slot_of_one_value_goes_back_to_its_former_value;
    a_connector_that_takes_what_others_set: TakesWhatOthersSet =>
        a_slot_of_one_value_goes_back_to_its_former_value;
    a_connector_that_reminds_after_a_day: RemindsAfterADay =>
        an_invitation_that_is_open_counts_as_it_is_said_to_and_is_not_sent_twice;
    a_connector_that_does_not_say_that_it_notifies: DoesNotSayThatItNotifies =>
        an_invitation_that_is_open_counts_as_it_is_said_to_and_is_not_sent_twice,
        an_invitation_that_was_not_answered_is_not_sent_again;
    a_connector_that_overlooks_acceptance: OverlooksAcceptance =>
        an_invitation_that_is_accepted_is_seen;
    a_connector_that_hides_instead_of_cancelling: HidesInsteadOfCancelling =>
        a_removal_cancels_an_invitation_that_is_open;
    a_connector_that_takes_lapsed_for_open: TakesLapsedForOpen =>
        an_invitation_that_has_lapsed_is_told_and_a_replay_invites_again;
    a_connector_that_invites_again_after_a_lost_answer: InvitesAgainAfterALostAnswer =>
        an_invitation_that_was_not_answered_is_not_sent_again;
    a_connector_that_takes_running_for_done: TakesRunningForDone =>
        a_change_that_is_finished_later_is_watched_and_not_sent_again,
        a_change_that_is_given_up_later_is_told_with_the_reason,
        a_second_plan_is_empty,
        each_apply_makes_exactly_one_changing_call;
    a_connector_that_has_no_patience: HasNoPatience =>
        a_change_that_is_finished_later_is_watched_and_not_sent_again;
    a_connector_that_takes_given_up_for_done: TakesGivenUpForDone =>
        a_change_that_is_given_up_later_is_told_with_the_reason;
    a_connector_that_writes_while_checking: WritesWhileChecking =>
        looking_changes_nothing;
    a_connector_that_creates_while_looking: CreatesWhileLooking =>
        what_is_gone_already_is_revoked_without_a_write, looking_changes_nothing;
    a_connector_that_makes_two_calls_in_one: MakesTwoCallsInOne =>
        each_apply_makes_exactly_one_changing_call;
    a_connector_that_leaks_in_debug: LeaksInDebug => no_secret_is_shown;
    a_connector_that_leaks_in_errors: LeaksInErrors => no_secret_is_shown;
    a_connector_that_leaks_in_the_log: LeaksInTheLog => no_secret_is_shown;
    a_connector_that_leaks_into_the_journal: LeaksIntoTheJournal => no_secret_is_shown;
    a_connector_that_leaks_in_messages_about_settings: LeaksInConfigErrors => no_secret_is_shown;
    a_connector_that_logs_addresses: LogsAddresses => no_address_of_a_person_is_logged;
    a_connector_that_builds_paths_by_hand: BuildsPathsByHand => a_hostile_value_stays_in_its_place;
    a_connector_that_never_finishes_planning: NeverFinishesPlanning =>
        what_is_there_already_is_not_written,
        what_is_wanting_is_granted_by_one_change_and_read_back,
        somebody_without_an_account_is_taken_in_or_refused,
        a_change_whose_answer_was_lost_is_looked_for_and_not_sent_again,
        a_throttled_reading_is_made_again_when_the_vendor_said,
        a_throttled_change_is_sent_again_when_the_vendor_said,
        a_change_that_failed_before_it_was_applied_is_read_back_before_it_is_sent_again,
        a_change_that_failed_after_it_was_applied_is_not_sent_again,
        what_others_gave_stays_beside_it,
        a_slot_of_one_value_goes_back_to_its_former_value,
        a_second_plan_is_empty,
        each_apply_makes_exactly_one_changing_call;
    a_connector_that_claims_that_all_is_there: ClaimsThatAllIsThere =>
        what_is_wanting_is_granted_by_one_change_and_read_back,
        somebody_without_an_account_is_taken_in_or_refused,
        a_change_whose_answer_was_lost_is_looked_for_and_not_sent_again,
        a_reading_that_failed_proves_nothing,
        a_throttled_reading_is_made_again_when_the_vendor_said,
        a_throttled_change_is_sent_again_when_the_vendor_said,
        a_change_that_failed_before_it_was_applied_is_read_back_before_it_is_sent_again,
        a_change_that_failed_after_it_was_applied_is_not_sent_again,
        a_refusal_is_told_with_the_vendors_reason_and_nothing_is_changed,
        a_wrong_credential_needs_a_person_and_nothing_is_changed,
        what_is_revoked_is_gone,
        what_is_gone_already_is_revoked_without_a_write,
        what_others_gave_stays_beside_it,
        a_slot_of_one_value_goes_back_to_its_former_value,
        an_invitation_that_is_open_counts_as_it_is_said_to_and_is_not_sent_twice,
        an_invitation_that_is_accepted_is_seen,
        a_removal_cancels_an_invitation_that_is_open,
        an_invitation_that_has_lapsed_is_told_and_a_replay_invites_again,
        an_invitation_that_was_not_answered_is_not_sent_again,
        a_change_that_is_finished_later_is_watched_and_not_sent_again,
        a_change_that_is_given_up_later_is_told_with_the_reason,
        a_second_plan_is_empty,
        each_apply_makes_exactly_one_changing_call;
}
