//! The goal, by itself and at the vendor: rules 12 to 14.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;
use usher_core::{Account, Facet, Handles, Hold, Snapshot};
use usher_engine::{Answer, AppPolicy, Lost, Targets, goal};
use usher_journal::{Execution, Holder, Ledger, Mark, Request, RequestId};

use crate::support::{ADA, Applying, House, Observing, policy, reason, seconds};

const NOW: &str = "2026-11-24T09:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A person in a sentence: who holds what by which approval, what the vendor shows, and what is asked.
struct Case {
    house: House,
    ledger: Ledger,
    apps: BTreeMap<String, AppPolicy>,
    seen: Option<Snapshot>,
}

impl Case {
    async fn new() -> Self {
        let house = House::new().await;
        let apps = BTreeMap::from([("app".to_owned(), policy()), ("other".to_owned(), policy())]);
        Self { house, ledger: Ledger::default(), apps, seen: None }
    }

    /// A confirmed approval.
    fn holds(mut self, app: &str, permission: &str, seq: u64) -> Self {
        self.ledger.holders.push(Holder {
            app: app.to_owned(),
            permission: permission.to_owned(),
            facets: policy().permissions[permission].clone(),
            request: RequestId(format!("seq-{seq}")),
            seq,
            until: None,
            confirmed: true,
        });
        self
    }

    fn unconfirmed(mut self) -> Self {
        self.ledger.holders.last_mut().unwrap().confirmed = false;
        self
    }

    fn until(mut self, time: &str) -> Self {
        self.ledger.holders.last_mut().unwrap().until = Some(time.parse().unwrap());
        self
    }

    fn former(mut self, value: &str) -> Self {
        self.ledger.former.insert("role".to_owned(), Some(value.to_owned()));
        self
    }

    /// What the vendor shows in the slot of one value.
    fn shows(mut self, role: &str) -> Self {
        self.seen = Some(Snapshot {
            account: Account::Found { id: None },
            facets: BTreeMap::from([(Facet::new("role", role), Hold::Present)]),
            current: BTreeMap::from([("role".to_owned(), role.to_owned())]),
            handles: Handles::new(),
            watches: Vec::new(),
            facts: Value::Null,
            lag: seconds(0),
            evidence: Vec::new(),
        });
        self
    }

    /// An order that came after, and is marked in the ledger.
    fn marked(mut self, request: &Request) -> Self {
        for permission in &request.permissions {
            self.ledger.marks.push(Mark {
                direction: request.direction,
                app: request.app_key.clone(),
                permission: (!request.all).then(|| permission.name.clone()),
                seq: request.seq,
            });
        }
        self
    }

    fn targets(&self, request: &Request) -> Targets {
        goal(request, &self.ledger, &self.apps, &self.house.vendor, self.seen.as_ref(), now())
    }

    fn grant(&self, seq: u64, permissions: &[&str]) -> Request {
        Request { seq, ..self.house.grant(ADA, permissions) }
    }

    fn order(&self, seq: u64, permissions: &[&str]) -> Request {
        Request { seq, ..self.house.order(ADA, permissions) }
    }

    fn order_of_all(&self, seq: u64) -> Request {
        Request { seq, ..self.house.order_of_all(ADA) }
    }
}

fn told(facets: &BTreeSet<Facet>) -> String {
    facets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn back(targets: &Targets) -> Option<&str> {
    targets.goal.restore.get("role").map(String::as_str)
}

#[tokio::test(start_paused = true)]
async fn rule_12_a_provision_holds_the_facets_of_its_permissions() {
    let case = Case::new().await;
    let targets = case.targets(&case.grant(1, &["both", "b"]));
    assert_eq!(told(&targets.goal.hold), "role agent, team a, team b");
    assert_eq!(told(&targets.goal.release), "");
}

#[tokio::test(start_paused = true)]
async fn rule_12_an_order_releases_what_is_mapped_and_what_the_ledger_holds_under_the_name() {
    let mut case = Case::new().await.holds("app", "a", 1);
    case.ledger.holders[0].facets = BTreeSet::from([Facet::new("team", "old")]);
    assert_eq!(told(&case.targets(&case.order(2, &["a"])).goal.release), "team a, team old");
}

#[tokio::test(start_paused = true)]
async fn rule_12_an_order_spares_what_another_approval_that_stands_has() {
    let case = Case::new().await.holds("app", "both", 1).holds("app", "a", 2);
    assert_eq!(told(&case.targets(&case.order(3, &["both"])).goal.release), "role agent");
}

#[tokio::test(start_paused = true)]
async fn rule_12_an_order_does_not_spare_what_nobody_has_proven_or_what_is_over() {
    let case = Case::new().await.holds("app", "both", 1).holds("app", "a", 2).unconfirmed();
    assert_eq!(told(&case.targets(&case.order(3, &["both"])).goal.release), "role agent, team a");
    let case = Case::new().await.holds("app", "both", 1).holds("app", "a", 2).until(NOW);
    assert_eq!(told(&case.targets(&case.order(3, &["both"])).goal.release), "role agent, team a");
}

#[tokio::test(start_paused = true)]
async fn rule_12_a_dry_run_sees_what_an_order_would_release_though_it_revokes_nothing() {
    let case = Case::new().await.holds("app", "a", 1);
    assert_eq!(told(&case.targets(&case.order(2, &["a"])).goal.release), "team a");
}

#[tokio::test(start_paused = true)]
async fn rule_13_an_order_of_everything_releases_whatever_the_app_maps_and_the_ledger_holds() {
    let mut case = Case::new().await.holds("app", "a", 1);
    case.ledger.holders[0].facets = BTreeSet::from([Facet::new("team", "old")]);
    let targets = case.targets(&case.order_of_all(2));
    assert_eq!(told(&targets.goal.release), "role agent, role light, team a, team b, team old");
}

#[tokio::test(start_paused = true)]
async fn rule_13_an_order_of_everything_releases_what_is_held_under_names_that_nobody_maps_any_more() {
    let mut case = Case::new().await.holds("app", "a", 1);
    case.ledger.holders[0].permission = "former name".to_owned();
    case.ledger.holders[0].facets = BTreeSet::from([Facet::new("team", "old")]);
    let targets = case.targets(&case.order_of_all(2));
    assert_eq!(told(&targets.goal.release), "role agent, role light, team a, team b, team old");
}

#[tokio::test(start_paused = true)]
async fn rule_13_an_order_of_everything_releases_what_is_only_implied_and_was_there_before() {
    let case = Case::new().await.holds("app", "both", 1).former("agent").shows("agent");
    case.house.vendor.implies();
    assert_eq!(told(&case.targets(&case.order(2, &["both"])).goal.release), "team a");
    let mut order = case.order_of_all(2);
    order.permissions.retain(|permission| permission.name == "both");
    assert_eq!(told(&case.targets(&order).goal.release), "role agent, team a");
}

#[tokio::test(start_paused = true)]
async fn rule_13_an_order_of_everything_spares_other_apps_and_later_approvals() {
    let case = Case::new().await.holds("other", "a", 1).holds("app", "b", 3);
    let order = case.order_of_all(2);
    let case = case.marked(&order);
    assert_eq!(told(&case.targets(&order).goal.release), "role agent, role light");
}

#[tokio::test(start_paused = true)]
async fn rule_13_an_order_of_everything_puts_slots_to_the_baseline() {
    let case = Case::new().await.holds("app", "agent", 1).former("light-agent").shows("agent");
    assert_eq!(back(&case.targets(&case.order_of_all(2))), Some("end-user"));
}

#[tokio::test(start_paused = true)]
async fn rule_13_the_account_goes_only_where_it_is_so_configured_and_nobody_else_needs_it() {
    let mut case = Case::new().await;
    assert!(!case.targets(&case.order_of_all(2)).goal.remove_account);
    case.apps.get_mut("app").unwrap().remove_account = true;
    assert!(case.targets(&case.order_of_all(2)).goal.remove_account);
    assert!(!case.targets(&case.order(2, &["a"])).goal.remove_account);
    let case = case.holds("other", "a", 1);
    assert!(!case.targets(&case.order_of_all(2)).goal.remove_account);
}

#[tokio::test(start_paused = true)]
async fn rule_13_an_empty_ledger_and_an_empty_mapping_prove_nothing() {
    let mut house = House::new().await;
    house.vendor.gives(ADA, "team", "a");
    // Whoever gave it.
    let order = house.order_of_all(ADA);
    assert_eq!(house.send(&order).await.answer, Answer::Positive);
    assert_eq!(house.vendor.held(ADA), "");
    house.policy.permissions.clear();
    house.crash().await;
    house.vendor.gives(ADA, "team", "a");
    let order = house.order_of_all(ADA);
    let reply = house.send(&order).await;
    assert!(reason(&reply.answer).starts_with("nothing of this app is mapped"), "{}", reason(&reply.answer));
    assert_eq!(house.row(&order).await.execution, Execution::NeedsHuman);
    assert!(house.alerts()[0].starts_with("failed-removal:"));
}

#[tokio::test(start_paused = true)]
async fn rule_13_what_is_still_unreadable_is_negative_with_an_alert() {
    let house = House::new().await;
    house.vendor.hides("team", "b");
    let reply = house.send(&house.order_of_all(ADA)).await;
    assert!(matches!(reply.answer, Answer::Negative { .. }));
    assert!(house.alerts()[0].starts_with("failed-removal:"));
}

#[tokio::test(start_paused = true)]
async fn rule_13_the_account_itself_is_removed_last() {
    let house = House::with(AppPolicy { remove_account: true, ..policy() }).await;
    house.vendor.gives(ADA, "role", "end-user");
    house.send(&house.grant(ADA, &["both"])).await;
    assert_eq!(house.send(&house.order_of_all(ADA)).await.answer, Answer::Positive);
    assert_eq!(house.vendor.calls().last().unwrap(), "remove account");
    assert_eq!(house.vendor.held(ADA), "");
}

#[tokio::test(start_paused = true)]
async fn rule_14_on_release_a_slot_goes_to_the_newest_approval_then_the_former_value_then_the_baseline() {
    let case = Case::new().await.holds("app", "agent", 1).former("staff").shows("agent");
    assert_eq!(back(&case.targets(&case.order(3, &["agent"]))), Some("staff"));
    let case = case.holds("other", "light", 2);
    assert_eq!(back(&case.targets(&case.order(3, &["agent"]))), Some("light"));
    let case = Case::new().await.holds("app", "agent", 1).shows("agent");
    assert_eq!(back(&case.targets(&case.order(3, &["agent"]))), Some("end-user"));
}

#[tokio::test(start_paused = true)]
async fn rule_14_a_slot_never_goes_back_to_a_value_that_is_being_released() {
    let case = Case::new().await.holds("app", "agent", 1).former("light").shows("agent");
    assert_eq!(back(&case.targets(&case.order(3, &["agent", "light"]))), Some("end-user"));
}

#[tokio::test(start_paused = true)]
async fn rule_14_what_somebody_else_set_meanwhile_stays() {
    let case = Case::new().await.holds("app", "agent", 1).former("staff").shows("admin");
    let targets = case.targets(&case.order(3, &["agent"]));
    assert!(targets.goal.restore.is_empty());
}

#[tokio::test(start_paused = true)]
async fn rule_14_whoever_shows_the_baseline_has_nothing_to_give_back() {
    let mut case = Case::new().await.shows("end-user");
    let plain = BTreeSet::from([Facet::new("role", "end-user")]);
    case.apps.get_mut("app").unwrap().permissions.insert("plain".to_owned(), plain.clone());
    let mut order = case.order(3, &["plain"]);
    order.permissions[0].facets = Some(plain);
    let targets = case.targets(&order);
    assert_eq!(told(&targets.goal.release), "");
}

#[tokio::test(start_paused = true)]
async fn rule_14_an_earlier_request_never_displaces_a_later_approval() {
    let case = Case::new().await.holds("app", "light", 2);
    let targets = case.targets(&case.grant(1, &["both", "b"]));
    assert_eq!(targets.lost, [("both".to_owned(), Lost::Displaced)]);
    assert_eq!(told(&targets.goal.hold), "team b");
    // Of the same value there is nothing to displace.
    let case = Case::new().await.holds("app", "agent", 2);
    assert_eq!(case.targets(&case.grant(1, &["both"])).lost, []);
}

#[tokio::test(start_paused = true)]
async fn rule_14_two_permissions_that_want_different_values_are_refused() {
    let house = House::new().await;
    let grant = house.grant(ADA, &["agent", "light"]);
    let reply = house.send(&grant).await;
    assert!(reason(&reply.answer).contains("different values of role"), "{}", reason(&reply.answer));
    assert_eq!(house.row(&grant).await.execution, Execution::Refused);
    assert!(house.vendor.calls().is_empty());
    assert_eq!(house.send(&house.grant(ADA, &["agent", "both"])).await.answer, Answer::Positive);
}

#[tokio::test(start_paused = true)]
async fn rule_14_an_earlier_request_that_resumes_ends_negative() {
    let house = House::new().await;
    house.vendor.will([Applying::Throttled(Some(seconds(60)))]);
    let earlier = house.grant(ADA, &["agent"]);
    house.send(&earlier).await;
    assert_eq!(house.send(&house.grant(ADA, &["light"])).await.answer, Answer::Positive);
    house.pass(seconds(120)).await;
    assert_eq!(house.vendor.held(ADA), "role light");
    let row = house.row(&earlier).await;
    assert_eq!(row.execution, Execution::Superseded);
    assert!(row.reason.unwrap().contains("a later approval"));
}

#[tokio::test(start_paused = true)]
async fn rule_14_a_slot_comes_home_through_two_approvals_and_two_removals_in_all_orders() {
    let orders: [[&str; 4]; 6] = [
        ["+agent", "-agent", "+light", "-light"],
        ["+agent", "+light", "-agent", "-light"],
        ["+agent", "+light", "-light", "-agent"],
        ["+light", "-light", "+agent", "-agent"],
        ["+light", "+agent", "-light", "-agent"],
        ["+light", "+agent", "-agent", "-light"],
    ];
    for (app_of_light, order) in
        [false, true].into_iter().flat_map(|other| orders.map(|order| (other, order)))
    {
        let house = House::new().await;
        house.vendor.gives(ADA, "role", "staff");
        let mut approved: Vec<&str> = Vec::new();
        for step in order {
            let (gives, permission) = (step.starts_with('+'), &step[1..]);
            let request =
                if gives { house.grant(ADA, &[permission]) } else { house.order(ADA, &[permission]) };
            let request =
                if app_of_light && permission == "light" { house.of_other_app(request) } else { request };
            assert_eq!(house.send(&request).await.answer, Answer::Positive, "{order:?} {step}");
            approved.retain(|other| *other != permission);
            if gives {
                approved.push(permission);
            }
            let expected = approved.last().copied().unwrap_or("staff");
            assert_eq!(house.vendor.held(ADA), format!("role {expected}"), "{order:?} after {step}");
        }
        assert!(house.ledger(ADA).await.former.is_empty(), "{order:?}");
    }
}

/// Found by the model checker: the superseded grant took the former value along, and the order went to the baseline.
#[tokio::test(start_paused = true)]
async fn rule_14_an_order_that_overtakes_its_grant_gives_the_former_value_back() {
    let house = House::new().await;
    house.vendor.gives(ADA, "role", "light").will([Applying::Held]);
    let grant = house.post(&house.grant(ADA, &["agent"]));
    house.vendor.arrival(1).await;
    let order = house.post(&house.order(ADA, &["agent"]));
    house.pass(seconds(1)).await;
    house.vendor.release();
    assert_ne!(grant.await.unwrap().answer, Answer::Positive);
    assert_eq!(order.await.unwrap().answer, Answer::Positive);
    assert_eq!(house.vendor.held(ADA), "role light");
    assert!(house.ledger(ADA).await.former.is_empty(), "and it is forgotten with the order");
}

#[tokio::test(start_paused = true)]
async fn rule_14_an_order_that_names_the_former_value_erases_it() {
    let house = House::new().await;
    house.vendor.gives(ADA, "role", "light");
    house.send(&house.grant(ADA, &["agent"])).await;
    house.send(&house.order(ADA, &["light"])).await;
    assert_eq!(house.vendor.held(ADA), "role agent");
    // A later approval of the slot takes none in its place: it was not the first holder.
    house.send(&house.of_other_app(house.grant(ADA, &["light"]))).await;
    house.send(&house.order(ADA, &["agent"])).await;
    house.send(&house.of_other_app(house.order(ADA, &["light"]))).await;
    assert_eq!(house.vendor.held(ADA), "role end-user");
}

#[tokio::test(start_paused = true)]
async fn rule_14_an_approvals_value_never_becomes_a_former_value() {
    let house = House::that_stops().await;
    house.vendor.gives(ADA, "role", "end-user");
    // It cannot be read until it is too late; a person finishes it by hand, and another request's reading confirms it.
    house.vendor.will_show([Observing::Takes(seconds(60))]);
    house.send(&house.grant(ADA, &["agent"])).await;
    house.pass(seconds(60)).await;
    house.vendor.gives(ADA, "role", "agent");
    house.send(&house.grant(ADA, &["a"])).await;
    assert!(house.ledger(ADA).await.holders[0].confirmed);
    let light = house.of_other_app(house.grant(ADA, &["light"]));
    assert_eq!(house.send(&light).await.answer, Answer::Positive);
    assert_eq!(house.send(&house.order(ADA, &["agent"])).await.answer, Answer::Positive);
    let order = house.of_other_app(house.order(ADA, &["light"]));
    assert_eq!(house.send(&order).await.answer, Answer::Positive);
    assert_eq!(house.vendor.held(ADA), "role end-user, team a");
}
