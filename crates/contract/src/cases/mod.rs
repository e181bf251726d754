//! The cases.

mod alone;
mod deferred;
mod faults;
mod grants;
mod hostile;
mod invitations;
mod refusals;
mod removals;
mod secrets;

use crate::Case;

/// Lists the cases once: for [`CASES`] and for [`crate::suite!`].
macro_rules! cases {
    ($dollar:tt $($module:ident :: $name:ident)*) => {
        /// All cases.
        pub const CASES: &[Case] =
            &[$(Case { name: stringify!($name), run: |vendors| Box::pin($module::$name(vendors)) }),*];

        /// Makes a test of every case for a vendor, given as a function that makes it anew: `suite!(AcmeVendor::new);`.
        #[macro_export]
        macro_rules! suite {
            ($dollar vendor:expr) => {
                $(
                    #[test]
                    fn $name() {
                        $dollar crate::check(stringify!($name), $dollar vendor);
                    }
                )*
            };
        }
    };
}

cases! { $
    grants::what_is_there_already_is_not_written
    grants::what_is_wanting_is_granted_by_one_change_and_read_back
    grants::somebody_without_an_account_is_taken_in_or_refused
    faults::a_change_whose_answer_was_lost_is_looked_for_and_not_sent_again
    faults::a_reading_that_failed_proves_nothing
    faults::a_throttled_reading_is_made_again_when_the_vendor_said
    faults::a_throttled_change_is_sent_again_when_the_vendor_said
    faults::a_change_that_failed_before_it_was_applied_is_read_back_before_it_is_sent_again
    faults::a_change_that_failed_after_it_was_applied_is_not_sent_again
    refusals::a_refusal_is_told_with_the_vendors_reason_and_nothing_is_changed
    refusals::a_wrong_credential_needs_a_person_and_nothing_is_changed
    removals::what_is_revoked_is_gone
    removals::what_is_gone_already_is_revoked_without_a_write
    removals::what_others_gave_stays_beside_it
    removals::a_slot_of_one_value_goes_back_to_its_former_value
    invitations::an_invitation_that_is_open_counts_as_it_is_said_to_and_is_not_sent_twice
    invitations::an_invitation_that_is_accepted_is_seen
    invitations::a_removal_cancels_an_invitation_that_is_open
    invitations::an_invitation_that_has_lapsed_is_told_and_a_replay_invites_again
    invitations::an_invitation_that_was_not_answered_is_not_sent_again
    deferred::a_change_that_is_finished_later_is_watched_and_not_sent_again
    deferred::a_change_that_is_given_up_later_is_told_with_the_reason
    alone::a_second_plan_is_empty
    alone::looking_changes_nothing
    alone::each_apply_makes_exactly_one_changing_call
    secrets::no_secret_is_shown
    secrets::no_address_of_a_person_is_logged
    hostile::a_hostile_value_stays_in_its_place
}
