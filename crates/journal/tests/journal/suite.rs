//! What every journal does. A case is generic over its [`Harness`](crate::harness::Harness); it is listed once below, and runs on
//! each implementation.

mod accepting;
mod changing;
mod finding;
mod holding;
mod inviting;
mod listing;
mod pruning;
mod recovering;

macro_rules! cases {
    ($($module:ident: $($case:ident),+ $(,)?;)+) => {
        mod memory {
            $($(
                #[tokio::test]
                async fn $case() {
                    super::$module::$case::<crate::harness::Memory>().await;
                }
            )+)+
        }

        mod sqlite {
            $($(
                #[tokio::test]
                async fn $case() {
                    super::$module::$case::<crate::harness::Sqlite>().await;
                }
            )+)+
        }
    };
}

cases! {
    accepting:
        rule_01_what_was_accepted_is_there_after_a_restart,
        rule_01_a_grants_holder_enters_unconfirmed,
        rule_01_every_acceptance_has_a_later_place_than_all_before_it,
        rule_02_the_ledgers_version_before_and_after_is_told,
        rule_10_a_first_delivery_is_fresh,
        rule_10_a_delivery_that_is_refused_at_once_is_kept_and_runs_nothing,
        rule_10_a_duplicate_of_a_running_request_waits_for_it,
        rule_10_a_duplicate_of_a_confirmed_request_looks_again,
        rule_10_a_duplicate_of_a_refused_request_runs_again_on_its_row_as_compiled_today,
        rule_10_a_duplicate_of_any_other_request_is_answered_from_its_state,
        rule_10_a_delivery_that_an_opposite_one_has_followed_is_not_run,
        rule_10_without_lumoss_request_id_every_delivery_is_fresh,
        rule_10_access_length_comment_and_label_do_not_matter,
        rule_10_what_makes_another_request_of_it,
        an_id_that_is_taken_is_refused_and_its_row_kept;
    holding:
        rule_03_a_holder_is_confirmed_with_its_request,
        rule_03_a_holder_is_confirmed_by_a_reading_that_shows_all_of_it,
        rule_03_a_later_order_revokes_a_holder_which_goes_with_its_confirmation,
        rule_03_an_order_that_is_not_confirmed_removes_nobody,
        rule_09_an_order_ends_earlier_holders_only,
        rule_09_the_latest_of_each_kind_is_marked,
        rule_14_a_former_value_is_kept_until_its_slot_has_no_holder,
        rule_27_the_owner_of_an_account_is_found_by_connection,
        a_ledger_is_of_one_connection_and_one_person;
    changing:
        rule_04_a_change_without_an_answer_is_open_until_it_has_settled,
        rule_04_an_answered_change_is_over_at_its_answer,
        rule_04_a_change_that_was_not_sent_is_no_change,
        rule_04_settling_counts_anew_after_a_restart,
        rule_07_a_watched_change_is_open_until_its_watch_ends,
        rule_11_a_replay_is_a_new_attempt_on_the_same_row,
        a_commit_is_whole_or_not_at_all,
        a_commit_to_a_request_that_is_not_there_is_refused,
        history_is_append_only_and_in_order;
    inviting:
        rule_22_a_confirmed_grant_whose_invitation_is_tracked_is_claimed_after_a_restart,
        rule_23_an_invitation_is_known_from_its_intent_over_a_restart,
        rule_24_what_sent_the_person_mail_is_known_for_a_day_over_a_restart,
        rule_11_a_replay_of_what_was_not_compiled_runs_as_it_is_routed_today,
        rule_11_a_replay_of_what_was_compiled_runs_as_it_was,
        rule_10_a_delivery_that_came_under_todays_mapping_keeps_its_key;
    listing:
        holdings_are_what_holds_something_or_has_something_open,
        holdings_go_on_where_the_page_before_ended,
        holdings_are_filtered_by_connection_and_person,
        a_page_of_holdings_has_its_limits,
        what_is_due_to_be_told_is_listed;
    pruning:
        what_is_known_of_the_person_beyond_the_key_goes_from_a_settled_request,
        a_settled_request_goes_with_its_history_and_frees_its_key,
        rule_03_the_approval_behind_a_holder_is_never_pruned,
        what_is_not_settled_is_never_pruned,
        what_was_touched_since_is_not_old,
        pruning_goes_on_where_the_batch_before_ended,
        a_refused_request_that_was_pruned_and_is_delivered_again_has_a_payload_again;
    finding:
        a_request_is_found_with_its_body_and_history,
        each_filter_lets_through_what_fits_it,
        a_list_goes_on_where_the_page_before_ended,
        a_page_has_its_limits;
    recovering:
        rule_15_what_was_not_answered_is_lost_after_a_restart,
        rule_15_a_grant_confirmed_and_not_answered_is_due_to_be_told,
        rule_15_an_answer_of_an_earlier_attempt_is_not_noted,
        rule_08_claiming_gives_the_unfinished_in_the_order_of_acceptance,
        rule_19_a_pause_survives_a_restart_and_can_be_ended,
        a_journal_is_ready_before_and_after_a_restart;
}
