//! What Lumos sends, what it is told, and what is so at the vendor afterwards.

use usher_sandbox::{Operation, UserSeed};

use crate::support::{Config, HOOK_KEY, KEY, Payload, Sandbox, Usher, about, world};

const GRANTED: (u16, &str) = (200, "PROVISIONED_USER");

#[tokio::test]
async fn an_approved_request_becomes_a_licence_and_the_answer_comes_after_it_is_there() {
    let (sandbox, usher) = world().await;
    sandbox.end_users(&["ann@example.com"]).await;
    let answer = usher.send(&Payload::grant("ann@example.com", &["support_agent"])).await;
    assert_eq!(answer.said(), GRANTED);
    assert_eq!(answer.body, serde_json::json!({ "response": "PROVISIONED_USER" }));
    let ann = sandbox.user("ann@example.com").await.unwrap();
    assert_eq!(ann.role_name, "agent");
    assert!(ann.groups.contains(&"Tier 1".to_owned()), "{ann:?}");
    assert_eq!(usher.ended(&answer.id).await.word(), "granted");
}

#[tokio::test]
async fn somebody_without_an_account_gets_one() {
    let (sandbox, usher) = world().await;
    let answer = usher.send(&Payload::grant("new@example.com", &["reader"])).await;
    assert_eq!(answer.said(), GRANTED);
    assert_eq!(sandbox.role("new@example.com").await, "Light agent");
    let effects = sandbox.effects_on("new@example.com").await;
    assert_eq!(effects.iter().filter(|effect| effect.operation == Operation::CreateUser).count(), 1);
}

#[tokio::test]
async fn a_removal_gives_the_former_role_back_and_is_told_with_204() {
    let (sandbox, usher) = world().await;
    sandbox.end_users(&["ann@example.com"]).await;
    sandbox.seed_users(&[UserSeed::with_role("ben@example.com", "Light agent")]).await;
    for (email, former) in [("ann@example.com", "end-user"), ("ben@example.com", "Light agent")] {
        assert_eq!(usher.send(&Payload::grant(email, &["agent"])).await.said(), GRANTED);
        assert_eq!(sandbox.role(email).await, "agent");
        let answer = usher.send(&Payload::removal(email, &["agent"])).await;
        assert_eq!((answer.status, &answer.body), (204, &serde_json::Value::Null));
        assert_eq!(sandbox.role(email).await, former);
        assert_eq!(usher.ended(&answer.id).await.word(), "removed");
    }
}

#[tokio::test]
async fn each_success_is_told_in_the_style_that_the_app_asks_for() {
    let sandbox = Sandbox::start().await;
    sandbox.end_users(&["ann@example.com"]).await;
    let styles = Config::new(&sandbox).app("success = \"no-content\"").app("deprovision_success = \"json\"");
    let usher = Usher::start(&styles).await;
    let given = usher.send(&Payload::grant("ann@example.com", &["agent"])).await;
    assert_eq!((given.status, &given.body), (204, &serde_json::Value::Null));
    let taken = usher.send(&Payload::removal("ann@example.com", &["agent"])).await;
    assert_eq!(taken.said(), (200, "DEPROVISIONED_USER"));
}

#[tokio::test]
async fn every_permission_has_a_webhook_of_its_own_in_both_directions() {
    let (sandbox, usher) = world().await;
    sandbox.end_users(&["ann@example.com"]).await;
    // Whatever else the payload lists is left to its own webhook.
    let payload = Payload::grant("ann@example.com", &["agent", "light_agent", "nobody_mapped_this"]);
    let answer = usher.post("/webhooks/zendesk/agent/provision", &payload).await;
    assert_eq!(answer.said(), GRANTED);
    assert_eq!(sandbox.role("ann@example.com").await, "agent");
    let payload = Payload::removal("ann@example.com", &[]);
    let answer = usher.post("/webhooks/zendesk/agent/deprovision", &payload).await;
    assert_eq!(answer.status, 204);
    assert_eq!(sandbox.role("ann@example.com").await, "end-user");
}

#[tokio::test]
async fn a_permission_webhook_grants_nothing_where_its_own_permission_is_not_listed() {
    let (sandbox, usher) = world().await;
    let payload = Payload::grant("ann@example.com", &["reader"]);
    assert!(usher.post("/webhooks/zendesk/agent/provision", &payload).await.is_no());
    let other_app = Payload::grant("ann@example.com", &["agent"]).app("github");
    assert!(usher.post("/webhooks/zendesk/agent/provision", &other_app).await.is_no());
    assert_eq!(sandbox.calls().await, []);
}

#[tokio::test]
async fn a_hook_with_a_secret_of_its_own_is_opened_by_that_alone() {
    let (sandbox, usher) = world().await;
    sandbox.end_users(&["ann@example.com"]).await;
    let payload = Payload::grant("ann@example.com", &["light_agent"]);
    let with = |key| [("X-Usher-Key", key)];
    let shared = usher.post_with("/webhooks/light/provision", &with(KEY), payload.bytes()).await;
    assert_eq!(shared.status, 401);
    // The permission's own webhook gives way to the hook, and so does the app's: they would be ways around its secret.
    assert!(usher.post("/webhooks/zendesk/light_agent/provision", &payload).await.is_no());
    assert!(usher.send(&payload).await.is_no());
    assert_eq!(usher.post_with(&payload.path(), &with(HOOK_KEY), payload.bytes()).await.status, 401);
    assert_eq!(sandbox.calls().await, []);
    let answer = usher.post_with("/webhooks/light/provision", &with(HOOK_KEY), payload.bytes()).await;
    assert_eq!(answer.said(), GRANTED);
    assert_eq!(sandbox.role("ann@example.com").await, "Light agent");
    let removal = Payload::removal("ann@example.com", &["light_agent"]).bytes();
    let answer = usher.post_with("/webhooks/light/deprovision", &with(HOOK_KEY), removal).await;
    assert_eq!(answer.status, 204);
    assert_eq!(sandbox.role("ann@example.com").await, "end-user");
}

#[tokio::test]
async fn rule_13_a_removal_that_names_nothing_removes_all_that_the_app_gives_whoever_gave_it() {
    let (sandbox, usher) = world().await;
    let by_hand = UserSeed { groups: vec!["Tier 1".to_owned()], ..UserSeed::agent("ben@example.com") };
    sandbox.seed_users(&[UserSeed::end_user("ann@example.com"), by_hand]).await;
    let answer = usher.send(&Payload::grant("ann@example.com", &["support_agent"])).await;
    assert_eq!(answer.said(), GRANTED);
    for email in ["ann@example.com", "ben@example.com"] {
        let answer = usher.send(&Payload::removal(email, &[])).await;
        assert_eq!(answer.status, 204, "{email}: {answer:?}");
        let user = sandbox.user(email).await.unwrap();
        assert_eq!((user.role_name.as_str(), user.groups.len()), ("end-user", 0), "{email}");
    }
}

#[tokio::test]
async fn rule_10_a_repeated_delivery_has_one_effect_and_is_positive_again() {
    let (sandbox, usher) = world().await;
    sandbox.end_users(&["ann@example.com"]).await;
    let payload = Payload::grant("ann@example.com", &["agent"]);
    let first = usher.send(&payload).await;
    assert_eq!(first.said(), GRANTED);
    let again = usher.send(&payload).await;
    assert_eq!((again.said(), &again.id), (GRANTED, &first.id));
    assert_eq!(sandbox.effects_on("ann@example.com").await.len(), 1);
    assert_eq!(usher.rows().await.len(), 1);
}

#[tokio::test]
async fn rule_10_two_deliveries_at_the_same_time_have_one_effect_and_both_are_positive() {
    let (sandbox, usher) = world().await;
    sandbox.end_users(&["ann@example.com", "ben@example.com"]).await;
    let payload = Payload::grant("ann@example.com", &["agent"]);
    let hold = sandbox.hold(about(Operation::UpdateUser, "ann@example.com"), false).await;
    let first = tokio::spawn(usher.try_send(&payload));
    sandbox.wait_for_call(Operation::UpdateUser, "ann@example.com").await;
    let second = tokio::spawn(usher.try_send(&payload));
    // Somebody else is served meanwhile, which shows besides that the second delivery has been taken in.
    assert_eq!(usher.send(&Payload::grant("ben@example.com", &["agent"])).await.said(), GRANTED);
    sandbox.release(hold).await;
    let (first, second) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
    assert_eq!((first.said(), second.said()), (GRANTED, GRANTED));
    assert_eq!(first.id, second.id);
    assert_eq!(sandbox.effects_on("ann@example.com").await.len(), 1);
}

#[tokio::test]
async fn rule_08_many_requests_at_once_for_one_person_end_as_the_last_one_says() {
    let (sandbox, usher) = world().await;
    sandbox.end_users(&["ann@example.com"]).await;
    for _ in 0..3 {
        let given = usher.send(&Payload::grant("ann@example.com", &["agent"])).await;
        let taken = usher.send(&Payload::removal("ann@example.com", &["agent"])).await;
        assert_eq!((given.said(), taken.status), (GRANTED, 204));
    }
    assert_eq!(sandbox.effects_on("ann@example.com").await.len(), 6);
    let same = Payload::grant("ann@example.com", &["agent"]);
    let many = (0..8).map(|_| usher.send(&same));
    let answers = futures_util::future::join_all(many).await;
    assert!(answers.iter().all(|answer| answer.said() == GRANTED), "{answers:?}");
    assert_eq!(sandbox.effects_on("ann@example.com").await.len(), 7);
}

#[tokio::test]
async fn no_seat_left_is_a_refusal_that_says_so_and_can_be_run_again_once_there_is_one() {
    let (sandbox, usher) = world().await;
    sandbox.end_users(&["ann@example.com"]).await;
    let taken = sandbox.seats_taken().await;
    sandbox.seed(&serde_json::json!({ "settings": { "max_agents": taken } })).await;
    let answer = usher.send(&Payload::grant("ann@example.com", &["agent"])).await;
    assert!(answer.is_no(), "{answer:?}");
    let row = usher.ended(&answer.id).await;
    assert_eq!(row.word(), "refused");
    assert!(row.reason().contains("seat"), "{}", row.reason());
    assert_eq!(sandbox.role("ann@example.com").await, "end-user");
    sandbox.seed(&serde_json::json!({ "settings": { "max_agents": taken + 1 } })).await;
    let replayed = usher.command(&["requests", "replay", row.id(), "--reason", "a seat was bought"]).await;
    assert_eq!(replayed.code, 0, "{replayed:?}");
    usher.wait_until(&answer.id, |row| row.word() == "granted").await;
    assert_eq!(sandbox.role("ann@example.com").await, "agent");
}

#[tokio::test]
async fn whoever_is_the_owner_is_not_touched() {
    let (sandbox, usher) = world().await;
    sandbox.seed_users(&[UserSeed::admin("boss@example.com")]).await;
    assert!(usher.send(&Payload::grant("boss@example.com", &["reader"])).await.is_no());
    let removal = usher.send(&Payload::removal("boss@example.com", &["agent"])).await;
    assert_eq!(sandbox.changes_of("boss@example.com").await, Vec::<String>::new());
    assert_eq!(sandbox.role("boss@example.com").await, "admin");
    assert!(usher.ended(&removal.id).await.has_ended());
}

#[tokio::test]
async fn lumos_s_test_button_is_answered_as_a_working_hook_and_provisions_nothing() {
    let (sandbox, usher) = world().await;
    let with = [("X-Usher-Key", KEY)];
    let demo = Payload::grant("ann@example.com", &["agent"]).app("demo_app").bytes();
    for path in ["/webhooks/provision", "/webhooks/deprovision", "/webhooks/zendesk/agent/provision"] {
        // Each press of it has a page of its own, though the example bears the same request id each time.
        for body in [Vec::new(), demo.clone(), demo.clone()] {
            let answer = usher.post_with(path, &with, body).await;
            assert!(answer.is_no(), "{path}: {answer:?}");
            let row = usher.row(&answer.id).await;
            assert!(row.reason().contains("test button"), "{}", row.reason());
        }
    }
    assert_eq!(sandbox.calls().await, []);
}

#[tokio::test]
async fn rule_28_only_ignored_permissions_are_negative_and_touch_nothing() {
    let (sandbox, usher) = world().await;
    let answer = usher.send(&Payload::grant("ann@example.com", &["okta_group"])).await;
    assert!(answer.is_no());
    assert_eq!(usher.ended(&answer.id).await.word(), "refused");
    assert_eq!(usher.send(&Payload::removal("ann@example.com", &["okta_group"])).await.status, 502);
    let mut from_okta = Payload::grant("ann@example.com", &["agent"]).json();
    from_okta["permissions"][0]["source"] = "OKTA".into();
    let body = from_okta.to_string().into_bytes();
    assert!(usher.post_with("/webhooks/provision", &[("X-Usher-Key", KEY)], body).await.is_no());
    assert_eq!(sandbox.calls().await, []);
}

#[tokio::test]
async fn rule_10_a_repeated_refusal_is_told_with_the_id_of_the_page_that_it_has() {
    let (sandbox, usher) = world().await;
    let payload = Payload::grant("ann@example.com", &["talk_supervisor"]);
    let first = usher.send(&payload).await;
    assert_eq!(usher.ended(&first.id).await.word(), "refused");
    let again = usher.send(&payload).await;
    assert!(again.is_no(), "{again:?}");
    assert_eq!(usher.ended(&again.id).await.word(), "refused");
    assert_eq!(usher.rows().await.len(), 1, "it is the same request");
    assert_eq!(sandbox.calls().await, []);
}

#[tokio::test]
async fn rule_19_a_dry_run_says_what_it_would_do_and_sends_nothing() {
    let sandbox = Sandbox::start().await;
    sandbox.end_users(&["ann@example.com"]).await;
    let usher = Usher::start(&Config::new(&sandbox).app("mode = \"dry-run\"")).await;
    let answer = usher.send(&Payload::grant("ann@example.com", &["agent"])).await;
    assert!(answer.is_no());
    let row = usher.ended(&answer.id).await;
    assert!(row.reason().contains("would give the user the role agent"), "{}", row.reason());
    assert!(sandbox.calls().await.iter().all(|call| call.method == "GET" || call.path == "/oauth/tokens"));
    assert_eq!(sandbox.role("ann@example.com").await, "end-user");
}
