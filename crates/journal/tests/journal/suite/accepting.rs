use usher_core::App;
use usher_journal::{Arrival, Arrived, Execution, JournalError, Record, Request, RequestId};

use crate::harness::Harness;
use crate::samples::{
    accept, ada, at, commit, confirmed, ended, grant, holders, id, ledger, of, order, parked, permission,
    released,
};

fn kinds(history: &[usher_journal::History]) -> Vec<&'static str> {
    history.iter().map(|entry| entry.record.kind()).collect()
}

pub(crate) async fn rule_01_what_was_accepted_is_there_after_a_restart<H: Harness>() {
    let mut harness = H::fresh().await;
    let accepted = accept(harness.journal(), grant("a")).await;
    harness.reopen().await;
    let stored = harness.journal().find(&id("a")).await.unwrap().unwrap();
    assert_eq!(stored.request, accepted.request);
    assert_eq!(stored.body, b"body of a");
    assert_eq!(kinds(&stored.history), ["accepted"]);
    assert_eq!(ledger(harness.journal()).await, accepted.ledger);
}

pub(crate) async fn rule_01_a_grants_holder_enters_unconfirmed<H: Harness>() {
    let harness = H::fresh().await;
    let accepted = accept(harness.journal(), grant("a")).await;
    assert_eq!(holders(&accepted.ledger), [("agent", false)]);
    let holder = &accepted.ledger.holders[0];
    assert_eq!((&holder.request, holder.seq), (&id("a"), accepted.request.seq));
    assert_eq!(Some(&holder.facets), grant("a").permissions[0].facets.as_ref());
    assert_eq!(accepted.ledger.unfinished.get(&id("a")), Some(&accepted.request.seq));
    let order = accept(harness.journal(), order("b")).await;
    assert_eq!(order.ledger.holders.len(), 1, "an order holds nothing");
}

pub(crate) async fn rule_01_every_acceptance_has_a_later_place_than_all_before_it<H: Harness>() {
    let mut harness = H::fresh().await;
    let mut last = 0;
    for round in 0..4 {
        for n in 0..3 {
            let lumos_request = Some(format!("{round}-{n}"));
            let request = Request { lumos_request, ..grant(&format!("{round}-{n}")) };
            let accepted = accept(harness.journal(), request).await;
            assert!(accepted.request.seq > last, "{} after {last}", accepted.request.seq);
            last = accepted.request.seq;
        }
        let replayed = harness.journal().replay(&id("0-0"), None, "dana", "again", at(5)).await.unwrap();
        assert!(replayed.request.seq > last);
        last = replayed.request.seq;
        harness.reopen().await;
    }
}

pub(crate) async fn rule_02_the_ledgers_version_before_and_after_is_told<H: Harness>() {
    let harness = H::fresh().await;
    let first = accept(harness.journal(), grant("a")).await;
    assert_eq!((first.version_before, first.ledger.version), (0, 1));
    let committed = commit(harness.journal(), "a", vec![confirmed(&["agent"])]).await;
    assert_eq!(committed.ledger.version, 2);
    let again = accept(harness.journal(), grant("b")).await;
    assert_eq!(again.version_before, 2);
    assert!(again.ledger.version > 2, "a delivery is seen by readings that began before it");
}

pub(crate) async fn rule_10_a_first_delivery_is_fresh<H: Harness>() {
    let harness = H::fresh().await;
    let accepted = accept(harness.journal(), grant("a")).await;
    assert_eq!(accepted.arrived, Arrived::Fresh);
    assert_eq!(accepted.request, Request { seq: accepted.request.seq, attempt: 1, ..grant("a") });
}

pub(crate) async fn rule_10_a_delivery_that_is_refused_at_once_is_kept_and_runs_nothing<H: Harness>() {
    let harness = H::fresh().await;
    let reason = Some("it is not mapped".to_owned());
    let request = Request { execution: Execution::Refused, reason, ..grant("a") };
    let accepted = accept(harness.journal(), request).await;
    assert_eq!((accepted.arrived, accepted.request.execution), (Arrived::Fresh, Execution::Refused));
    assert!(accepted.ledger.holders.is_empty() && accepted.ledger.marks.is_empty());
    assert!(accepted.ledger.unfinished.is_empty());
    let stored = harness.journal().find(&id("a")).await.unwrap().unwrap();
    assert_eq!(kinds(&stored.history), ["accepted", "ended"]);
}

pub(crate) async fn rule_10_a_duplicate_of_a_running_request_waits_for_it<H: Harness>() {
    let harness = H::fresh().await;
    let first = accept(harness.journal(), grant("a")).await;
    let second = accept(harness.journal(), grant("b")).await;
    assert_eq!(second.arrived, Arrived::Running);
    assert_eq!(second.request, first.request);
    assert_eq!(harness.journal().find(&id("b")).await.unwrap().map(|stored| stored.request), None);
    let stored = harness.journal().find(&id("a")).await.unwrap().unwrap();
    assert_eq!(kinds(&stored.history), ["accepted", "delivered"]);
}

pub(crate) async fn rule_10_a_duplicate_of_a_confirmed_request_looks_again<H: Harness>() {
    let harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    commit(harness.journal(), "a", vec![confirmed(&["agent"])]).await;
    let second = accept(harness.journal(), grant("b")).await;
    assert_eq!((second.arrived, second.request.execution), (Arrived::Recheck, Execution::Confirmed));
    assert!(second.ledger.unfinished.is_empty());
}

pub(crate) async fn rule_10_a_duplicate_of_a_refused_request_runs_again_on_its_row_as_compiled_today<
    H: Harness,
>() {
    let mut harness = H::fresh().await;
    let first = accept(harness.journal(), grant("a")).await;
    commit(harness.journal(), "a", vec![ended(Execution::Refused)]).await;
    harness.reopen().await;
    let mut mended = grant("b");
    mended.permissions[0].facets = permission("light-agent").facets;
    let second = accept(harness.journal(), mended.clone()).await;
    assert_eq!(second.arrived, Arrived::Again);
    assert_eq!(second.request.id, id("a"));
    assert_eq!((second.request.attempt, second.request.execution), (2, Execution::Accepted));
    assert!(second.request.seq > first.request.seq);
    assert_eq!(second.request.permissions, mended.permissions);
    assert_eq!(holders(&second.ledger), [("agent", false)]);
    assert_eq!(second.ledger.holders[0].seq, second.request.seq);
    let stored = harness.journal().find(&id("a")).await.unwrap().unwrap();
    assert_eq!(kinds(&stored.history), ["accepted", "ended", "delivered"]);
    assert_eq!(stored.history.iter().map(|entry| entry.attempt).collect::<Vec<_>>(), [1, 1, 2]);
}

pub(crate) async fn rule_10_a_duplicate_of_any_other_request_is_answered_from_its_state<H: Harness>() {
    let states = [
        parked(Execution::Waiting),
        parked(Execution::BackingOff),
        parked(Execution::NeedsHuman),
        ended(Execution::Superseded),
        ended(Execution::Expired),
        ended(Execution::Closed),
    ];
    for record in states {
        let harness = H::fresh().await;
        accept(harness.journal(), grant("a")).await;
        let before = commit(harness.journal(), "a", vec![record]).await;
        let second = accept(harness.journal(), grant("b")).await;
        assert_eq!(second.arrived, Arrived::Settled, "{:?}", before.request.execution);
        assert_eq!(second.request, before.request);
    }
}

pub(crate) async fn rule_10_a_delivery_that_an_opposite_one_has_followed_is_not_run<H: Harness>() {
    let harness = H::fresh().await;
    accept(harness.journal(), grant("grant")).await;
    commit(harness.journal(), "grant", vec![confirmed(&["agent"])]).await;
    accept(harness.journal(), order("order")).await;
    let late = accept(harness.journal(), grant("late")).await;
    assert_eq!((late.arrived, late.request.id), (Arrived::Followed, id("grant")));
    let agent = usher_core::Facet::new("role", "agent");
    commit(harness.journal(), "order", vec![released(&[agent])]).await;
    let anew = Request { lumos_request: Some("lumos-3".to_owned()), ..grant("anew") };
    accept(harness.journal(), anew).await;
    let late = accept(harness.journal(), order("late")).await;
    assert_eq!((late.arrived, late.request.id), (Arrived::Followed, id("order")));
    // Even a refused one is not run again by a delivery.
    let again = accept(harness.journal(), grant("late")).await;
    assert_eq!(again.arrived, Arrived::Followed);
}

pub(crate) async fn rule_10_without_lumoss_request_id_every_delivery_is_fresh<H: Harness>() {
    let harness = H::fresh().await;
    for name in ["a", "b", "c"] {
        let accepted = accept(harness.journal(), Request { lumos_request: None, ..grant(name) }).await;
        assert_eq!((accepted.arrived, accepted.request.id), (Arrived::Fresh, id(name)));
    }
}

pub(crate) async fn rule_10_access_length_comment_and_label_do_not_matter<H: Harness>() {
    let harness = H::fresh().await;
    accept(harness.journal(), grant("a")).await;
    let other = Request {
        until: Some(at(3600).wall),
        comment: Some("please".to_owned()),
        app: App { label: Some("another label".to_owned()), ..grant("b").app },
        route: "/webhooks/desk/agent/provision".to_owned(),
        config: "another hash".to_owned(),
        ..grant("b")
    };
    assert_eq!(accept(harness.journal(), other).await.arrived, Arrived::Running);
}

pub(crate) async fn rule_10_what_makes_another_request_of_it<H: Harness>() {
    let harness = H::fresh().await;
    accept(harness.journal(), order("a")).await;
    let others = [
        grant("direction"),
        Request { connection: "zendesk-eu".to_owned(), ..order("connection") },
        Request { app_key: "desk-eu".to_owned(), ..order("app") },
        Request { app: App { instance: Some("eu".to_owned()), ..order("b").app }, ..order("instance") },
        Request { permissions: vec![permission("light-agent")], ..order("permission") },
        Request { permissions: vec![permission("agent"), permission("light-agent")], ..order("more") },
        Request { all: true, ..order("all") },
        of("bea@example.com", order("subject")),
    ];
    for mut other in others {
        other.lumos_request = order("a").lumos_request;
        let RequestId(name) = other.id.clone();
        assert_eq!(accept(harness.journal(), other).await.arrived, Arrived::Fresh, "{name}");
    }
    let other = Request { lumos_request: Some("lumos-9".to_owned()), ..order("lumos") };
    assert_eq!(accept(harness.journal(), other).await.arrived, Arrived::Fresh);
}

pub(crate) async fn an_id_that_is_taken_is_refused_and_its_row_kept<H: Harness>() {
    let harness = H::fresh().await;
    let first = accept(harness.journal(), grant("a")).await;
    let other = Request { lumos_request: Some("lumos-9".to_owned()), ..grant("a") };
    let refused = harness.journal().accept(Arrival { request: other, body: Vec::new() }, at(3)).await;
    assert!(matches!(refused, Err(JournalError::OutOfReach(_))), "{refused:?}");
    let stored = harness.journal().find(&id("a")).await.unwrap().unwrap();
    assert_eq!(stored.request, first.request);
    assert_eq!(stored.history.len(), 1);
    assert!(matches!(stored.history[0].record, Record::Accepted { .. }));
    assert_eq!(harness.journal().ledger("zendesk", &ada()).await.unwrap(), first.ledger);
}
