//! Mistakes that a connector could make.

/// One mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Refreshes what is there already, once.
    WritesWhatIsThere,
    /// Another team comes with it.
    GivesMoreThanWasAsked,
    /// Tells that somebody holds whatever is asked about.
    ClaimsThatAllIsThere,
    /// Creates the account of somebody unknown under an address of its own making.
    CreatesUnderAnotherAddress,
    /// A connection that broke is reason enough to send the change again.
    SendsAgainAfterALostAnswer,
    /// 429 on a reading: at once again.
    HurriesReadings,
    /// 429 on a change: at once again.
    HurriesChanges,
    /// 503 on a change: at once again.
    SendsAgainAfter503,
    /// An unanswered change is over at once.
    DoesNotWaitForSettling,
    /// 500 on a change: at once again.
    SendsAgainAfter500,
    /// 403 on a change counts as done.
    SwallowsRefusals,
    /// Says no without the vendor's reason.
    LosesTheReason,
    /// 401 on a change counts as done.
    Treats401AsDone,
    /// 5xx on a reading counts as *nobody*.
    TreatsAFailedReadingAsNobody,
    /// 401 on a reading counts as *nobody*.
    Treats401AsNobody,
    /// Archives a membership, so that it is no longer listed.
    HidesInsteadOfRemoving,
    /// Removes what is not there, once.
    RemovesWhatIsGone,
    /// Puts the whole list of teams.
    OverwritesTheList,
    /// A plan always goes back to the free one.
    ForgetsTheFormerValue,
    /// Puts the former plan whatever stands there now.
    TakesWhatOthersSet,
    /// Plans the same again although it is so.
    NeverFinishesPlanning,
    /// Find or create, in one.
    CreatesWhileLooking,
    /// The check tries whether it may write.
    WritesWhileChecking,
    /// A plan is changed in two steps.
    MakesTwoCallsInOne,
    /// Derived Debug.
    LeaksInDebug,
    /// The vendor's body in the error.
    LeaksInErrors,
    /// The token in a trace.
    LeaksInTheLog,
    /// The token in an action.
    LeaksIntoTheJournal,
    /// The value in a message about settings.
    LeaksInConfigErrors,
    /// The address in a trace.
    LogsAddresses,
    /// Sends the invitation once more after a day.
    RemindsAfterADay,
    /// Invites by an action like any other.
    DoesNotSayThatItNotifies,
    /// Whoever has joined is still waited for.
    OverlooksAcceptance,
    /// An invitation is taken off the list, and can be accepted all the same.
    HidesInsteadOfCancelling,
    /// What has lapsed counts as open.
    TakesLapsedForOpen,
    /// A connection that broke is reason enough to invite again.
    InvitesAgainAfterALostAnswer,
    /// A job that runs counts as done.
    TakesRunningForDone,
    /// A job that failed counts as done.
    TakesGivenUpForDone,
    /// A job that takes longer than 30 s is given up.
    HasNoPatience,
    /// The address in a path, as it is.
    BuildsPathsByHand,
}
