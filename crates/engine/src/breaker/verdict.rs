//! What a call's end tells of the vendor.

use std::time::Duration;

use usher_core::{Fault, Remedy, Sent, SubjectKey};

/// Less time than this, and no answer in it says nothing of the vendor.
const LONG_ENOUGH: Duration = Duration::from_secs(2);

/// Faults of ours that bear [`Sent::No`]: the vendor client names them so in a fault's context.
const OUR_OWN: [&str; 2] = ["no-time", "own-limit"];

/// What a call's end tells of the vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It answers, be it with a no.
    Answers,
    /// It is broken, or does not answer: maybe on account of this person's record alone.
    Broken(SubjectKey),
    /// No connection could be made, whoever it is about.
    OutOfReach,
    /// Nothing.
    Unclear,
}

/// How long a call lasted, and how long it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lasted {
    /// Without the time that it waited for leave of our own limits.
    pub(super) took: Duration,
    /// Its deadline had passed when it ended.
    pub(super) out_of_time: bool,
}

impl Lasted {
    /// It was cut short before the vendor had time to answer.
    fn is_too_short(self) -> bool {
        self.out_of_time && self.took < LONG_ENOUGH
    }
}

impl Verdict {
    /// Of a call that failed.
    pub(super) fn of_fault(fault: &Fault, who: &SubjectKey, lasted: Lasted) -> Self {
        let is_ours =
            fault.context.iter().any(|(key, value)| key == "failure" && OUR_OWN.contains(&value.as_str()));
        let status = fault.context.iter().find(|(key, _)| key == "status").map(|(_, status)| status);
        match (&fault.remedy, fault.sent) {
            _ if is_ours => Self::Unclear,
            // Whatever is to be done about it: this is an answer.
            (Remedy::Retry { .. } | Remedy::ReadBack, _) if status.is_some() => {
                let is_broken = status.is_some_and(|status| status.starts_with('5'));
                if is_broken { Self::Broken(who.clone()) } else { Self::Answers }
            }
            // A connection, or a token, that there was no time for.
            (Remedy::Retry { .. } | Remedy::ReadBack, Sent::No) if lasted.is_too_short() => Self::Unclear,
            (Remedy::Throttled { .. } | Remedy::Person | Remedy::Refused(_), Sent::Yes) => Self::Answers,
            (Remedy::Throttled { .. } | Remedy::Person | Remedy::Refused(_), _) => Self::Unclear,
            (Remedy::Retry { .. } | Remedy::ReadBack, Sent::No) => Self::OutOfReach,
            (Remedy::Retry { .. } | Remedy::ReadBack, Sent::Yes) => Self::Broken(who.clone()),
            (Remedy::Retry { .. } | Remedy::ReadBack, Sent::Maybe) if lasted.is_too_short() => Self::Unclear,
            (Remedy::Retry { .. } | Remedy::ReadBack, Sent::Maybe) => Self::Broken(who.clone()),
        }
    }

    /// Of a call that was dropped before its end: by its time-out, or because nobody needs it any more.
    pub(super) fn of_drop(who: &SubjectKey, lasted: Lasted) -> Self {
        // A connector that panics says nothing of the vendor.
        if !lasted.out_of_time || lasted.is_too_short() || std::thread::panicking() {
            return Self::Unclear;
        }
        Self::Broken(who.clone())
    }
}

#[cfg(test)]
mod tests {
    use usher_core::{Refusal, RefusalKind};

    use super::*;

    const LONG: Lasted = Lasted { took: Duration::from_secs(12), out_of_time: true };
    const SHORT: Lasted = Lasted { took: Duration::from_secs(1), out_of_time: true };
    /// It ended by itself.
    const QUICK: Lasted = Lasted { took: Duration::from_millis(5), out_of_time: false };

    #[test]
    fn what_a_fault_says_of_the_vendor() {
        let ada = || SubjectKey::of("ada");
        let (broken, out, answers, unclear) =
            (Verdict::Broken(ada()), Verdict::OutOfReach, Verdict::Answers, Verdict::Unclear);
        let retry = || Remedy::Retry { after: None };
        let throttled = || Remedy::Throttled { after: None };
        let refused = || Remedy::Refused(Refusal::new(RefusalKind::Other, "no"));
        for (sent, remedy, lasted, verdict) in [
            (Sent::No, retry(), QUICK, &out),
            (Sent::No, Remedy::ReadBack, QUICK, &out),
            (Sent::No, retry(), LONG, &out),
            // What the call's own deadline has cut short.
            (Sent::No, retry(), SHORT, &unclear),
            (Sent::Yes, retry(), QUICK, &broken),
            (Sent::Yes, Remedy::ReadBack, LONG, &broken),
            // A reset, and a time-out that left time enough.
            (Sent::Maybe, retry(), QUICK, &broken),
            (Sent::Maybe, Remedy::ReadBack, LONG, &broken),
            (Sent::Maybe, retry(), SHORT, &unclear),
            (Sent::Yes, throttled(), QUICK, &answers),
            (Sent::Yes, refused(), QUICK, &answers),
            (Sent::Yes, Remedy::Person, QUICK, &answers),
            (Sent::No, throttled(), QUICK, &unclear),
            (Sent::No, refused(), QUICK, &unclear),
            (Sent::No, Remedy::Person, QUICK, &unclear),
            (Sent::Maybe, Remedy::Person, QUICK, &unclear),
        ] {
            let fault = Fault::new("find user", sent, remedy);
            assert_eq!(Verdict::of_fault(&fault, &ada(), lasted), *verdict, "{fault:?} {lasted:?}");
        }
    }

    #[test]
    fn a_status_is_an_answer_and_only_5xx_a_bad_one() {
        let ada = SubjectKey::of("ada");
        for (sent, status, verdict) in [
            (Sent::No, "423", Verdict::Answers),
            (Sent::Yes, "409", Verdict::Answers),
            (Sent::No, "503", Verdict::Broken(ada.clone())),
            (Sent::Yes, "500", Verdict::Broken(ada.clone())),
        ] {
            let fault = Fault::new("lock", sent, Remedy::Retry { after: None }).with("status", status);
            assert_eq!(Verdict::of_fault(&fault, &ada, QUICK), verdict, "{fault:?}");
        }
    }

    #[test]
    fn our_own_limits_say_nothing_of_the_vendor() {
        let fault = |failure: &str| {
            Fault::new("find user", Sent::No, Remedy::Retry { after: None }).with("failure", failure)
        };
        let verdict = |failure| Verdict::of_fault(&fault(failure), &SubjectKey::of("ada"), QUICK);
        assert_eq!(verdict("no-time"), Verdict::Unclear);
        assert_eq!(verdict("own-limit"), Verdict::Unclear);
        assert_eq!(verdict("connect"), Verdict::OutOfReach);
        assert_eq!(verdict("token-unavailable"), Verdict::OutOfReach);
    }

    #[test]
    fn a_call_that_is_dropped_counts_only_if_its_time_was_over_and_had_been_enough() {
        let ada = SubjectKey::of("ada");
        assert_eq!(Verdict::of_drop(&ada, LONG), Verdict::Broken(ada.clone()));
        assert_eq!(Verdict::of_drop(&ada, SHORT), Verdict::Unclear);
        assert_eq!(Verdict::of_drop(&ada, Lasted { out_of_time: false, ..LONG }), Verdict::Unclear);
    }
}
