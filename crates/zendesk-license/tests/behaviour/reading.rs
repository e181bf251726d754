//! Finding a person, and what a reading says.

use std::time::Duration;

use serde_json::json;
use usher_core::{Account, Hold, Known, RefusalKind, Remedy};

use crate::support::world::{Instead, LIGHT_AGENT, TIER_1};
use crate::support::{Zendesk, group, hold, names, remembered, role};

const ADA: &str = "ada@example.com";

#[tokio::test]
async fn rule_27_a_remembered_account_counts_only_while_it_bears_the_address() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, "grace@example.com", "agent", None);
    zendesk.world().put(2, ADA, "end-user", None);
    let goal = hold([role("agent")]);
    let seen = zendesk.see(ADA, &remembered(1), &goal).await;
    assert_eq!(seen.account, Account::Found { id: Some("2".to_owned()) });
    assert_eq!(seen.handles["user_id"], "2");
    assert_eq!(seen.facets[&role("agent")], Hold::Absent);
}

#[tokio::test]
async fn rule_27_a_remembered_account_counts_while_the_address_is_one_of_its_secondary_ones() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, "ada.l@example.com", "agent", None).others.push(ADA.to_owned());
    zendesk.world().unsearchable.insert(1);
    let seen = zendesk.see(ADA, &remembered(1), &hold([role("agent")])).await;
    assert_eq!(seen.account, Account::Found { id: Some("1".to_owned()) });
    assert!(!zendesk.world().requests.iter().any(|sent| sent.contains("search")));
}

#[tokio::test]
async fn rule_27_an_address_is_compared_whatever_its_case_and_its_way_to_write_an_accent() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, "ZOE\u{308}@Example.com", "end-user", None);
    zendesk.world().put(2, "zoe@example.com", "end-user", None);
    let found = zendesk.see("zo\u{eb}@example.com", &remembered(1), &hold([role("agent")])).await;
    assert_eq!(found.account, Account::Found { id: Some("1".to_owned()) });
}

#[tokio::test]
async fn what_was_reached_stays_reached_for_a_reading_by_the_id_and_for_one_without() {
    let zendesk = Zendesk::start().await;
    let goal = hold([role("light-agent"), group("Tier 1"), group("Tier 2")]);
    let reached = zendesk.reach(ADA, &goal).await;
    assert_eq!(reached.actions(), ["create-user", "join-group", "join-group"]);
    assert_eq!(reached.known.handles, reached.seen.handles, "the creation told the id");
    for known in [reached.known, Known::default()] {
        let seen = zendesk.see(ADA, &known, &goal).await;
        assert!(goal.hold.iter().all(|facet| *seen.hold(facet) == Hold::Present));
        assert_eq!(zendesk.plan(ADA, &seen, &goal), usher_core::Plan::default());
    }
}

#[tokio::test]
async fn a_remembered_account_that_is_deleted_or_unknown_gives_way_to_the_search() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "agent", None).active = false;
    zendesk.world().put(2, ADA, "end-user", None);
    let goal = hold([role("agent")]);
    for id in [1, 77] {
        let seen = zendesk.see(ADA, &remembered(id), &goal).await;
        assert_eq!(seen.account, Account::Found { id: Some("2".to_owned()) });
    }
}

#[tokio::test]
async fn a_name_at_a_network_that_looks_like_the_address_is_no_address() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, "grace@example.com", "agent", None).handle = Some(ADA.to_owned());
    let seen = zendesk.see(ADA, &Known::default(), &hold([role("agent")])).await;
    assert_eq!(seen.account, Account::Absent);
}

#[tokio::test]
async fn whom_the_search_shows_under_an_address_that_they_no_longer_bear_is_somebody_else() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, "grace@example.com", "agent", None).stale_email = Some(ADA.to_owned());
    let seen = zendesk.see(ADA, &Known::default(), &hold([role("agent")])).await;
    assert_eq!(seen.account, Account::Absent);
    assert_eq!(seen.lag, Duration::from_mins(5));
}

#[tokio::test]
async fn two_users_with_one_address_are_ambiguous_and_neither_is_touched() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "end-user", None);
    zendesk.world().put(2, "ADA@example.com", "end-user", None);
    let goal = hold([role("agent"), group("Tier 1")]);
    let seen = zendesk.see(ADA, &Known::default(), &goal).await;
    assert_eq!(seen.account, Account::Ambiguous { hits: 2 });
    assert_eq!(seen.facets[&role("agent")], Hold::Unreadable);
    let plan = zendesk.plan(ADA, &seen, &goal);
    assert_eq!(names(&plan), [""; 0]);
    assert_eq!(plan.refused[0].0, goal.hold);
    assert_eq!(plan.refused[0].1.kind, RefusalKind::Ambiguous);
}

#[tokio::test]
async fn the_search_is_read_to_its_last_page() {
    let zendesk = Zendesk::start().await;
    zendesk.world().page_size = 2;
    for id in 1..=5 {
        zendesk.world().put(id, &format!("ada@example{id}.com"), "end-user", None);
    }
    zendesk.world().put(6, ADA, "end-user", None);
    let seen = zendesk.see(ADA, &Known::default(), &hold([role("agent")])).await;
    assert_eq!(seen.account, Account::Found { id: Some("6".to_owned()) });
}

#[tokio::test]
async fn a_list_that_goes_on_without_saying_where_is_no_reading() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "agent", None);
    let page = json!({"users": [], "meta": {"has_more": true}, "links": {"next": null}});
    zendesk.world().instead("GET /api/v2/users/search", Instead::Answer(200, page));
    let fault = zendesk.observe(ADA, &Known::default(), &[role("agent")].into()).await.unwrap_err();
    assert!(matches!(fault.remedy, Remedy::Retry { .. }), "{fault}");
}

#[tokio::test]
async fn nothing_is_decided_on_more_similar_users_than_are_looked_at() {
    let zendesk = Zendesk::start().await;
    for id in 1..=26 {
        zendesk.world().put(id, &format!("ada@example{id}.com"), "end-user", None);
    }
    let fault = zendesk.observe(ADA, &Known::default(), &[role("agent")].into()).await.unwrap_err();
    assert!(matches!(fault.remedy, Remedy::Refused(refusal) if refusal.kind == RefusalKind::Unresolvable));
}

#[tokio::test]
async fn what_is_not_an_address_is_not_searched_for() {
    let zendesk = Zendesk::start().await;
    for email in
        ["", "ada", "a b@example.com", "ada@example.com role:admin", "\"x\"@example.com", "@example.com"]
    {
        let fault = zendesk.observe(email, &Known::default(), &[role("agent")].into()).await.unwrap_err();
        assert!(matches!(fault.remedy, Remedy::Refused(refusal) if refusal.kind == RefusalKind::Invalid));
    }
    assert!(zendesk.world().requests.is_empty());
}

#[tokio::test]
async fn an_address_with_a_plus_or_an_apostrophe_reaches_the_search_as_it_is() {
    let zendesk = Zendesk::start().await;
    for (id, email) in [(1, "ada+test@example.com"), (2, "o'brien@example.com"), (3, "a&b=c@example.com")] {
        zendesk.world().put(id, email, "end-user", None);
        let seen = zendesk.see(email, &Known::default(), &hold([role("agent")])).await;
        assert_eq!(seen.account, Account::Found { id: Some(id.to_string()) }, "{email}");
    }
}

#[tokio::test]
async fn a_remembered_user_without_an_id_is_the_anonymous_one_and_needs_a_person() {
    let zendesk = Zendesk::start().await;
    zendesk.world().instead(
        "GET /api/v2/users/1",
        Instead::Answer(200, json!({"user": {"id": null, "role": "end-user"}})),
    );
    let fault = zendesk.observe(ADA, &remembered(1), &[role("agent")].into()).await.unwrap_err();
    assert_eq!(fault.remedy, Remedy::Person);
}

#[tokio::test]
async fn the_groups_are_read_to_their_last_page_and_compared_exactly() {
    let zendesk = Zendesk::start().await;
    zendesk.world().page_size = 1;
    zendesk.world().put(1, ADA, "agent", None);
    zendesk.world().join(1, TIER_1);
    let goal = hold([role("agent"), group("Tier 2"), group("tier 1")]);
    let seen = zendesk.see(ADA, &Known::default(), &goal).await;
    assert_eq!(seen.facets[&group("Tier 1")], Hold::Present, "seen without being asked");
    assert_eq!(seen.facets[&group("tier 1")], Hold::Unreadable, "it may have been the other one's name");
    let plan = zendesk.plan(ADA, &seen, &goal);
    assert_eq!(names(&plan), ["join-group"]);
    assert_eq!(plan.refused[0].0, [group("tier 1")].into());
    assert_eq!(plan.refused[0].1.kind, RefusalKind::Unresolvable);
}

#[tokio::test]
async fn a_group_that_was_deleted_is_not_there() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "agent", None);
    zendesk.world().deleted_groups.insert(TIER_1);
    let goal = hold([role("agent"), group("Tier 1")]);
    let seen = zendesk.see(ADA, &Known::default(), &goal).await;
    let plan = zendesk.plan(ADA, &seen, &goal);
    assert!(plan.actions.is_empty());
    assert_eq!(plan.refused[0].1.kind, RefusalKind::Unresolvable);
}

#[tokio::test]
async fn a_reading_never_writes() {
    let zendesk = Zendesk::with(json!({"reassign_to": 5})).await;
    zendesk.world().put(1, ADA, "agent", Some(LIGHT_AGENT)).suspended = true;
    zendesk.see(ADA, &Known::default(), &hold([role("light-agent"), group("Tier 1")])).await;
    zendesk.see("new@example.com", &Known::default(), &hold([role("light-agent"), group("Tier 1")])).await;
    zendesk.check(&[role("agent"), group("Tier 1")]).await.unwrap();
    assert_eq!(zendesk.changes(), [""; 0]);
}

#[tokio::test]
async fn the_evidence_shows_templates_and_words_and_no_person() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "agent", Some(LIGHT_AGENT)).suspended = true;
    let seen = zendesk.see(ADA, &Known::default(), &hold([role("agent")])).await;
    let shown: Vec<String> = seen.evidence.iter().map(|one| format!("{}: {}", one.call, one.shows)).collect();
    assert_eq!(
        shown,
        [
            "GET /api/v2/users/search: hits: 1, with exactly this address: 1",
            "GET /api/v2/users/{id}: role light-agent, suspended",
            "GET /api/v2/users/{id}/group_memberships: groups: 0",
        ]
    );
    assert!(!format!("{seen:?}").contains("ada"), "{seen:?}");
}

#[tokio::test]
async fn the_lag_of_the_search_is_the_configured_one_and_a_reading_by_id_has_none() {
    let zendesk = Zendesk::with(json!({"search_lag": "30s"})).await;
    let goal = hold([role("agent")]);
    assert_eq!(zendesk.see(ADA, &Known::default(), &goal).await.lag, Duration::from_secs(30));
    zendesk.world().put(1, ADA, "agent", None);
    assert_eq!(zendesk.see(ADA, &Known::default(), &goal).await.lag, Duration::ZERO);
}

#[tokio::test]
async fn an_account_without_custom_roles_is_read_as_well() {
    for status in [403, 404] {
        let zendesk = Zendesk::start().await;
        zendesk.world().roles_status = Some(status);
        zendesk.world().put(1, ADA, "agent", None);
        let goal = hold([role("light-agent")]);
        let seen = zendesk.see(ADA, &Known::default(), &goal).await;
        assert_eq!(seen.current["role"], "agent");
        let plan = zendesk.plan(ADA, &seen, &goal);
        assert_eq!(plan.refused[0].1.kind, RefusalKind::Unresolvable);
        assert!(plan.actions.is_empty());
    }
}

#[tokio::test]
async fn a_200_with_an_error_in_it_is_no_reading() {
    let zendesk = Zendesk::start().await;
    zendesk.world().put(1, ADA, "agent", None);
    zendesk.world().instead("GET /api/v2/users/search", Instead::Answer(200, json!({"error": "Whoops"})));
    let fault = zendesk.observe(ADA, &Known::default(), &[role("agent")].into()).await.unwrap_err();
    assert!(matches!(fault.remedy, Remedy::Retry { .. }), "{fault}");
}
