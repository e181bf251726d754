//! How a reading stands against a goal: one line a sentence (rules 5 and 7).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use usher_core::{
    Account, Action, Awaits, Facet, Goal, Handles, Hold, Plan, Refusal, RefusalKind, Repeat, Snapshot,
};
use usher_engine::{Stand, stands};
use usher_journal::{Change, ChangeState, RequestId, Stamp};

use crate::support::seconds;

fn facet(text: &str) -> Facet {
    let (slot, value) = text.split_once(' ').unwrap();
    Facet::new(slot, value)
}

fn facets(text: &str) -> BTreeSet<Facet> {
    text.split(", ").filter(|part| !part.is_empty()).map(facet).collect()
}

fn pending(awaits: Awaits) -> Hold {
    Hold::Pending { awaits, until: None }
}

/// `team a: there` and the like.
fn seen(text: &str) -> Snapshot {
    let mut shown = BTreeMap::new();
    let mut current = BTreeMap::new();
    for part in text.split(", ").filter(|part| !part.is_empty()) {
        let (what, how) = part.split_once(": ").unwrap();
        let hold = match how {
            "there" => Hold::Present,
            "gone" => Hold::Absent,
            "invited" => pending(Awaits::Invitee),
            "coming" => pending(Awaits::Vendor),
            "hidden" => Hold::Unreadable,
            other => panic!("{other}"),
        };
        let facet = facet(what);
        if facet.slot == "role" && hold == Hold::Present {
            current.insert(facet.slot.clone(), facet.value.clone());
        }
        shown.insert(facet, hold);
    }
    Snapshot {
        account: Account::Found { id: None },
        facets: shown,
        current,
        handles: Handles::new(),
        watches: Vec::new(),
        facts: Value::Null,
        lag: seconds(0),
        evidence: Vec::new(),
    }
}

#[test]
fn what_the_connector_will_not_call_removed_is_not_though_nothing_of_it_is_seen() {
    let refusal = Refusal::new(RefusalKind::Unresolvable, "Nobody can tell whose account it is.");
    let plan = Plan { actions: Vec::new(), refused: vec![(facets("team a"), refusal)] };
    let release = |text: &str| Goal { release: facets(text), ..Goal::default() };
    let stand = |text: &str, goal: &Goal| stands(&seen(text), goal, &plan, &[], false);
    assert_eq!(stand("team a: gone", &release("team a")), Stand::Wanting);
    assert_eq!(stand("team b: gone", &release("team b")), Stand::Done);
    let hold = Goal { hold: facets("team a"), ..Goal::default() };
    assert_eq!(stand("team a: there", &hold), Stand::Done);
}

fn action(gives: &str, takes: &str) -> Action {
    Action {
        name: "change".to_owned(),
        summary: "change".to_owned(),
        gives: facets(gives),
        takes: facets(takes),
        repeat: Repeat::Natural,
        timeout: seconds(3),
        settle: seconds(15),
        notifies_person: false,
        args: Value::Null,
    }
}

/// `+team a` is a grant that may still arrive, `-team a` a removal; `+role x -role y` both in one.
fn open(text: &str) -> Vec<Change> {
    let pick = |sign: char| {
        text.split(" & ").filter_map(|part| part.strip_prefix(sign)).collect::<Vec<_>>().join(", ")
    };
    if text.is_empty() {
        return Vec::new();
    }
    let stamp = Stamp { boot: 1, ticks: seconds(0) };
    vec![Change {
        intent: 1,
        request: RequestId("other".to_owned()),
        action: action(&pick('+'), &pick('-')),
        begun: stamp,
        state: ChangeState::Unknown { ended: stamp },
    }]
}

/// To hold, to release, what is shown, what is open, what is planned, and how it stands.
type Line = (&'static str, &'static str, &'static str, &'static str, bool, Stand);

fn check(lines: &[Line], counts_invited: bool) {
    for (hold, release, shown, doubt, planned, expected) in lines {
        let goal = Goal { hold: facets(hold), release: facets(release), ..Goal::default() };
        let open = open(doubt);
        let open: Vec<&Change> = open.iter().collect();
        let actions = if *planned { vec![action("", "")] } else { Vec::new() };
        let plan = Plan { actions, refused: Vec::new() };
        let stand = stands(&seen(shown), &goal, &plan, &open, counts_invited);
        assert_eq!(
            stand, *expected,
            "hold {hold:?}, release {release:?}, shown {shown:?}, in doubt {doubt:?}"
        );
    }
}

#[test]
fn with_nothing_in_doubt_a_reading_says_what_is_so() {
    check(
        &[
            ("team a", "", "team a: there", "", false, Stand::Done),
            ("team a", "", "team a: gone", "", true, Stand::Wanting),
            ("team a, team b", "", "team a: there, team b: gone", "", true, Stand::Wanting),
            ("team a", "", "team a: hidden", "", true, Stand::Unreadable),
            ("team a", "", "", "", true, Stand::Unreadable),
            ("team a", "", "team a: coming", "", false, Stand::Waiting(Awaits::Vendor)),
            ("team a", "", "team a: invited", "", false, Stand::Waiting(Awaits::Invitee)),
            ("", "team a", "team a: gone", "", false, Stand::Done),
            ("", "team a", "team a: there", "", true, Stand::Wanting),
            ("", "team a", "team a: invited", "", true, Stand::Wanting),
            ("", "team a", "team a: hidden", "", true, Stand::Unreadable),
            // Something that is no facet is left to do, such as a suspension.
            ("team a", "", "team a: there", "", true, Stand::Wanting),
            ("", "", "", "", true, Stand::Wanting),
            ("", "", "", "", false, Stand::Done),
            // What can be done comes before what only others can do.
            ("team a, team b", "", "team a: invited, team b: gone", "", true, Stand::Wanting),
            (
                "team a, team b",
                "",
                "team a: invited, team b: coming",
                "",
                false,
                Stand::Waiting(Awaits::Vendor),
            ),
            ("team a, team b", "", "team a: hidden, team b: gone", "", true, Stand::Wanting),
        ],
        false,
    );
}

#[test]
fn rule_05_while_a_change_is_open_a_reading_proves_only_what_speaks_for_it() {
    check(
        &[
            // Seeing what was wanted is proof enough for the one who wanted it.
            ("team a", "", "team a: there", "+team a", false, Stand::Done),
            ("", "team a", "team a: gone", "-team a", false, Stand::Done),
            // Absence proves nothing after a grant, presence nothing after a removal.
            ("", "team a", "team a: gone", "+team a", false, Stand::Open),
            ("team a", "", "team a: there", "-team a", false, Stand::Open),
            // Nothing is sent, whatever its facets.
            ("team a", "", "team a: gone", "+team a", true, Stand::Open),
            ("team a", "", "team a: gone", "+team b", true, Stand::Open),
            ("", "team a", "team a: there", "+team b", true, Stand::Open),
            ("team a", "", "team a: hidden", "+team b", true, Stand::Open),
            ("", "", "", "+team b", true, Stand::Open),
            // What an open change does not touch is proven all the same.
            ("team a", "", "team a: there", "+team b", false, Stand::Done),
            ("", "team a", "team a: gone", "+team b", false, Stand::Done),
            // A slot of one value says nothing while a change to another value is open.
            ("role agent", "", "role agent: there", "+role light", false, Stand::Open),
            ("role agent", "", "role agent: there", "+role agent & -role light", false, Stand::Done),
            (
                "",
                "role agent",
                "role light: there, role agent: gone",
                "+role agent & -role light",
                false,
                Stand::Open,
            ),
            (
                "",
                "role agent",
                "role end-user: there, role agent: gone",
                "+role end-user & -role agent",
                false,
                Stand::Done,
            ),
        ],
        false,
    );
}

#[test]
fn rule_22_an_invitation_counts_only_where_it_is_said_to() {
    check(
        &[
            ("team a", "", "team a: invited", "", false, Stand::Done),
            ("team a", "", "team a: coming", "", false, Stand::Waiting(Awaits::Vendor)),
            ("", "team a", "team a: invited", "", true, Stand::Wanting),
        ],
        true,
    );
}
