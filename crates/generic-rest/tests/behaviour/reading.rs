//! Look-ups, the state, and what is remembered.

use std::time::Duration;

use serde_json::{Value, json};
use usher_core::{Account, Awaits, Facet, Hold, Known, RefusalKind, Remedy, Sent, Subject};

use crate::support::{
    ADA, App, DIRECTORY, Reply, SECRET, account, ada, call, lost, nobody, ok, page, remembered, reply, role,
    text, with_roles,
};

/// Members and invitations: no slots, the account is what is held.
const MEMBERS: &str = r#"
[[lookup]]
id = "member"
get = "/members/{{ user.email }}"
expect.status = [200, 404]
capture.hit = "json.member if status == 200 else none"

[[lookup]]
id = "invitation"
when = "not member.hit"
get = "/invitations"
query = { email = "{{ user.email }}" }
capture.hit = "json.list | one_or_none"

[state]
account = "member.hit"
pending = "invitation.hit"

[[provision]]
post = "/invitations"
json.email = "{{ user.email }}"
notifies = true

[[deprovision]]
when = "member.hit"
delete = "/members/{{ member.hit.id }}"

[[deprovision]]
when = "invitation.hit"
delete = "/invitations/{{ invitation.hit.id }}"
"#;

/// A search that lags, bridged by what is known.
const LAGGING: &str = r#"
[entitlement]
role = { type = "string" }

[[lookup]]
id = "remembered"
when = "known.id"
get = "/users/{{ known.id }}"
expect.status = [200, 404]
capture.hit = "json if status == 200 and json.email | lower == user.email | lower else none"

[[lookup]]
id = "searched"
when = "not remembered.hit"
get = "/users"
query = { email = "{{ user.email }}" }
capture.hit = "json | where('email', user.email) | one_or_none"
keep.id = "(json | where('email', user.email) | one_or_none).id if json | where('email', user.email) else known.id"

[state]
account = "remembered.hit or searched.hit"
id = "(remembered.hit or searched.hit).id if remembered.hit or searched.hit else none"
lag = "1m"

[slots.role]
wants = "entitlement.role"
has = "(remembered.hit or searched.hit).roles if remembered.hit or searched.hit else []"

[[provision]]
when = "not remembered.hit and not searched.hit"
post = "/users"
json = { email = "{{ user.email }}", roles = "{{ slot.role.after }}" }
keep.id = "json.id"

[[update]]
when = "remembered.hit or searched.hit"
put = "/users/{{ (remembered.hit or searched.hit).id }}"
json.roles = "{{ slot.role.after }}"
"#;

#[tokio::test(start_paused = true)]
async fn the_credential_goes_along_and_the_reading_says_what_it_rests_on() {
    let app = App::new(DIRECTORY);
    app.answers([with_roles(json!(["viewer", "auditor"]))]);
    let of = [role("viewer"), role("editor")].into();
    let seen = usher_core::Provisioner::observe(&app.connection, &call(), &ada(), &Known::default(), &of)
        .await
        .unwrap();
    assert_eq!(app.last_header("authorization"), Some(format!("Bearer {SECRET}")));
    assert_eq!(seen.account, Account::Found { id: Some("7".to_owned()) });
    let held: Vec<&Facet> = seen.facets.keys().collect();
    assert_eq!(held, [&role("auditor"), &role("editor"), &role("viewer")]);
    assert_eq!(seen.hold(&role("editor")), &Hold::Absent);
    let evidence: Vec<String> =
        seen.evidence.iter().map(|line| format!("{}: {}", line.call, line.shows)).collect();
    assert_eq!(
        evidence,
        [
            "GET /api/users: 1 entry on 1 page, hit: found",
            "all look-ups: an account, role auditor, role viewer"
        ]
    );
    assert_eq!((seen.lag, seen.handles.len()), (Duration::ZERO, 0));
}

#[tokio::test(start_paused = true)]
async fn of_very_many_things_that_one_holds_the_evidence_names_some() {
    let app = App::new(DIRECTORY);
    let roles: Vec<String> = (100..160).map(|n| format!("r{n}")).collect();
    let seen = app.see(&[], [with_roles(json!(roles))]).await;
    assert_eq!(seen.facets.len(), 60);
    let shows = &seen.evidence[1].shows;
    assert!(shows.contains("role r149 and 10 more") && !shows.contains("r150"), "{shows}");
}

#[tokio::test(start_paused = true)]
async fn who_is_not_there_holds_nothing() {
    let app = App::new(DIRECTORY);
    let seen = app.see(&[role("editor")], [nobody()]).await;
    assert_eq!((&seen.account, seen.hold(&role("editor"))), (&Account::Absent, &Hold::Absent));
    assert_eq!(seen.evidence[1].shows, "no account");
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_the_definition_does_not_have_cannot_be_read() {
    let app = App::new(DIRECTORY);
    let other = Facet::new("team", "blue");
    let seen = app.see(std::slice::from_ref(&other), [nobody()]).await;
    assert_eq!(seen.hold(&other), &Hold::Unreadable);
}

#[tokio::test(start_paused = true)]
async fn a_look_up_is_skipped_where_its_when_says_so_and_captures_none() {
    let app = App::new(MEMBERS);
    let seen = app.see(&[account()], [ok(json!({"member": {"id": 7}}))]).await;
    assert_eq!((&seen.account, seen.hold(&account())), (&Account::Found { id: None }, &Hold::Present));
    assert_eq!(app.sent(), ["GET /members/ada%40acme.example"]);
    assert_eq!(seen.facts["captures"], json!({"member": {"hit": {"id": 7}}, "invitation": {"hit": null}}));
}

#[tokio::test(start_paused = true)]
async fn a_status_may_be_expected_and_captured() {
    let app = App::new(MEMBERS);
    let seen = app.see(&[account()], [text(404, "no such member"), ok(json!({"list": []}))]).await;
    assert_eq!((&seen.account, seen.hold(&account())), (&Account::Absent, &Hold::Absent));
    assert_eq!(seen.evidence[0].shows, "status 404, hit: nothing");
}

#[tokio::test(start_paused = true)]
async fn rule_22_who_is_invited_waits_for_the_invitee_alone() {
    let app = App::new(MEMBERS);
    let replies = [reply(404, json!({})), ok(json!({"list": [{"id": 3}]}))];
    let seen = app.see(&[account()], replies).await;
    assert_eq!(seen.account, Account::Invited);
    assert_eq!(seen.hold(&account()), &Hold::Pending { awaits: Awaits::Invitee, until: None });
}

#[tokio::test(start_paused = true)]
async fn rule_22_what_an_account_has_that_waits_for_the_invitee_is_on_its_way() {
    let app = App::new(&DIRECTORY.replace(
        "account = \"person.hit\"",
        "account = \"person.hit\"\npending = \"person.hit and person.hit.invited\"",
    ));
    let invited =
        |invited: bool| page(1, json!([{"id": "7", "email": ADA, "roles": ["editor"], "invited": invited}]));
    let seen = app.see(&[role("editor")], [invited(true)]).await;
    assert_eq!(seen.hold(&role("editor")), &Hold::Pending { awaits: Awaits::Invitee, until: None });
    let seen = app.see(&[role("editor")], [invited(false)]).await;
    assert_eq!(seen.hold(&role("editor")), &Hold::Present);
}

#[tokio::test(start_paused = true)]
async fn rule_23_an_invitation_that_is_not_seen_any_more_is_unreadable_until_the_person_is_found_or_it_is_listed_as_over()
 {
    let nobody = || [reply(404, json!({})), ok(json!({"list": []}))];
    let known =
        Known { invited: Some("2026-11-20T08:00:00Z".parse().unwrap()), ..remembered(&[("known.id", "7")]) };
    let see = |definition: String, replies: Vec<Reply>| {
        let known = known.clone();
        async move {
            let app = App::new(&definition);
            app.answers(replies);
            app.try_see(&known, &[account()]).await.unwrap()
        }
    };
    let seen = see(MEMBERS.to_owned(), nobody().into()).await;
    assert_eq!((&seen.account, seen.hold(&account())), (&Account::Absent, &Hold::Unreadable));
    assert!(seen.evidence.last().unwrap().shows.contains("an invitation"), "{:?}", seen.evidence);
    let seen = see(MEMBERS.to_owned(), vec![ok(json!({"member": {"id": 7}}))]).await;
    assert_eq!(seen.hold(&account()), &Hold::Present);
    let listed = MEMBERS.replace("[state]", "[state]\nlapsed = \"not invitation.hit\"");
    let seen = see(listed, nobody().into()).await;
    assert_eq!(seen.hold(&account()), &Hold::Absent);
    // Where nobody is ever invited, nothing is in doubt: the step sent a welcome.
    let seen = see(MEMBERS.replace("pending = \"invitation.hit\"", ""), nobody().into()).await;
    assert_eq!(seen.hold(&account()), &Hold::Absent);
}

#[tokio::test(start_paused = true)]
async fn two_entries_where_there_may_be_one_are_ambiguous() {
    let app = App::new(MEMBERS);
    let seen =
        app.see(&[account()], [reply(404, json!({})), ok(json!({"list": [{"id": 3}, {"id": 4}]}))]).await;
    assert_eq!((&seen.account, seen.hold(&account())), (&Account::Ambiguous { hits: 2 }, &Hold::Unreadable));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_a_look_up_does_not_expect_is_a_fault_and_never_nobody() {
    let app = App::new(DIRECTORY);
    let person = [400, 401, 403, 404, 409, 410, 422];
    for status in person {
        let fault = app.fails([reply(status, json!({"pages": 0, "users": []}))]).await;
        assert_eq!((fault.remedy, fault.sent), (Remedy::Person, Sent::Yes), "{status}");
        assert!(fault.context.contains(&("status".to_owned(), status.to_string())), "{:?}", fault.context);
        app.sent();
    }
    for status in [202, 204, 500, 501, 408, 425] {
        let app = App::new(&DIRECTORY.replace("capture.hit", "expect.status = [200]\ncapture.hit"));
        let fault = app.fails([reply(status, json!({"pages": 0, "users": []}))]).await;
        assert_eq!(fault.remedy, Remedy::Retry { after: None }, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_that_is_out_of_reach_is_a_fault_and_never_nobody() {
    let app = App::new(DIRECTORY);
    for sent in [Sent::No, Sent::Maybe] {
        let fault = app.fails([lost(sent), lost(sent), lost(sent)]).await;
        assert_eq!(fault.remedy, Remedy::Retry { after: None });
        assert_eq!(fault.operation, "look-up person");
        app.sent();
    }
    let throttled = || reply(429, json!({})).header("retry-after", "60");
    let fault = app.fails([throttled()]).await;
    assert_eq!(fault.remedy, Remedy::Throttled { after: Some(Duration::from_secs(60)) });
}

#[tokio::test(start_paused = true)]
async fn a_page_of_a_gateway_instead_of_json_is_tried_again() {
    let app = App::new(DIRECTORY);
    let fault = app.fails([text(200, "<html>soon back</html>")]).await;
    assert_eq!(fault.remedy, Remedy::Retry { after: None });
    assert!(!fault.to_string().contains("soon back"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn an_error_in_a_200_is_no_answer_where_expect_that_says_so() {
    let app = App::new(&DIRECTORY.replace("capture.hit", "expect.that = \"json.ok\"\ncapture.hit"));
    let fault = app.fails([ok(json!({"ok": false, "pages": 0, "users": []}))]).await;
    assert_eq!(fault.remedy, Remedy::Retry { after: None });
    let seen = app.see(&[], [ok(json!({"ok": true, "pages": 0, "users": []}))]).await;
    assert_eq!(seen.account, Account::Absent);
    // Neither yes nor no.
    let fault = app.fails([ok(json!({"pages": 0, "users": []}))]).await;
    assert_eq!(fault.remedy, Remedy::Person);
}

#[tokio::test(start_paused = true)]
async fn a_look_up_classifies_answers_as_well() {
    let classify = r#"classify = [{ when = "status == 410", as = "gone" }, { when = "status == 418", as = "throttled" }, { when = "status == 403", as = "forbidden" }, { when = "status == 401", as = "retry" }, { when = "status == 409", as = "read-back" }]"#;
    let app = App::new(&DIRECTORY.replace("capture.hit", &format!("{classify}\ncapture.hit")));
    let seen = app.see(&[role("editor")], [reply(410, json!({}))]).await;
    assert_eq!((&seen.account, seen.hold(&role("editor"))), (&Account::Absent, &Hold::Absent));
    assert_eq!(seen.evidence[0].shows, "nothing (status 410)");
    app.sent();
    let fault = app.fails([reply(418, json!({})).header("retry-after", "5")]).await;
    assert_eq!(fault.remedy, Remedy::Throttled { after: Some(Duration::from_secs(5)) });
    let fault = app.fails([reply(403, json!({}))]).await;
    assert!(
        matches!(&fault.remedy, Remedy::Refused(refusal) if refusal.kind == RefusalKind::Forbidden),
        "{fault}"
    );
    for status in [401, 409] {
        let fault = app.fails([reply(status, json!({}))]).await;
        assert_eq!(fault.remedy, Remedy::Retry { after: None });
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_elsewhere_is_not_followed() {
    let app = App::new(DIRECTORY);
    let fault = app.fails([reply(302, json!({})).header("location", "https://evil.example/")]).await;
    assert_eq!(fault.remedy, Remedy::Person);
    assert_eq!(app.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_state_cannot_be_told_from_needs_a_person() {
    let app = App::new(DIRECTORY);
    let ada = |fields: Value| {
        let mut ada = json!({"id": "7", "email": ADA, "roles": []});
        ada.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        page(1, json!([ada]))
    };
    for (fields, said) in [
        (json!({"roles": [7]}), "slots.role.has"),
        (json!({"roles": [""]}), "an empty text"),
        (json!({"roles": {"a": 1}}), "slots.role.has"),
        (json!({"id": {"value": 7}}), "state.id"),
        (json!({"id": ""}), "state.id"),
    ] {
        let fault = app.fails([ada(fields)]).await;
        assert_eq!(fault.remedy, Remedy::Person);
        assert!(fault.to_string().contains(said), "{fault}");
        assert!(!fault.to_string().contains(ADA), "{fault}");
    }
    let seen = app.see(&[], [ada(json!({"id": 7, "roles": null}))]).await;
    assert_eq!(seen.account, Account::Found { id: Some("7".to_owned()) });
}

#[tokio::test(start_paused = true)]
async fn a_post_may_ask_and_is_sent_again_like_a_get() {
    let search = "post = \"/api/search\"\njson = { email = \"{{ user.email }}\", exact = true }";
    let app = App::new(
        &DIRECTORY.replace("get = \"/api/users\"\nquery = { search = \"{{ user.email }}\" }", search),
    );
    app.see(&[], [reply(503, json!({})), nobody()]).await;
    let sent = app.sent();
    let first: Value =
        serde_json::from_str(sent[0].split_once(' ').unwrap().1.split_once(' ').unwrap().1).unwrap();
    assert_eq!(first, json!({"email": ADA, "exact": true}));
    assert_eq!((sent.len(), &sent[0]), (2, &sent[1]));
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_known_the_next_time_and_bridges_a_search_that_lags() {
    let app = App::new(LAGGING);
    let goal = crate::support::hold([role("editor")]);
    let seen = app.see(&[role("editor")], [ok(json!([]))]).await;
    assert_eq!((&seen.account, seen.lag), (&Account::Absent, Duration::from_secs(60)));
    let create = app.action(&seen, &goal);
    let receipt = app.apply(&seen, &create, reply(201, json!({"id": 478}))).await.unwrap();
    assert_eq!(receipt.handles, remembered(&[("known.id", "478")]).handles);
    app.sent();
    // The search does not show the account yet: what is known does.
    app.answers([ok(json!({"id": 478, "email": "ADA@acme.example", "roles": ["editor"]}))]);
    let known = Known { handles: receipt.handles, ..Known::default() };
    let seen = app.try_see(&known, &[role("editor")]).await.unwrap();
    assert_eq!(app.sent(), ["GET /users/478"]);
    assert_eq!(
        (seen.account, seen.facets[&role("editor")].clone()),
        (Account::Found { id: Some("478".to_owned()) }, Hold::Present)
    );
    assert_eq!(seen.handles, known.handles);
}

#[tokio::test(start_paused = true)]
async fn rule_27_what_is_known_counts_only_if_the_account_still_bears_the_address() {
    let app = App::new(LAGGING);
    app.answers([
        ok(json!({"id": 478, "email": "bob@acme.example", "roles": ["editor"]})),
        ok(json!([{"id": 9, "email": ADA, "roles": []}])),
    ]);
    let seen = app.try_see(&remembered(&[("known.id", "478")]), &[role("editor")]).await.unwrap();
    assert_eq!(seen.account, Account::Found { id: Some("9".to_owned()) });
    assert_eq!(seen.handles["known.id"], "9");
}

#[tokio::test(start_paused = true)]
async fn what_is_known_of_somebody_who_is_gone_is_forgotten_and_what_is_others_stays() {
    let app = App::new(DIRECTORY);
    let known = remembered(&[("known.id", "\"7\""), ("engine", "x")]);
    app.answers([nobody(), with_roles(json!([]))]);
    let seen = app.try_see(&known, &[]).await.unwrap();
    assert_eq!(seen.handles, remembered(&[("engine", "x")]).handles);
    let seen = app.try_see(&known, &[]).await.unwrap();
    assert_eq!(seen.handles, known.handles);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_address_is_refused_before_anything_is_asked() {
    let app = App::new(DIRECTORY);
    for email in ["", " ", "..", "ada", "ada@acme.example\r\nX: 1", "a b@acme.example"] {
        let who = Subject { email: email.to_owned(), ..ada() };
        let of = [].into();
        let read =
            usher_core::Provisioner::observe(&app.connection, &call(), &who, &Known::default(), &of).await;
        let fault = read.unwrap_err();
        assert!(
            matches!(&fault.remedy, Remedy::Refused(refusal) if refusal.kind == RefusalKind::Invalid),
            "{fault}"
        );
        assert_eq!(app.sent(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn variables_tables_and_the_persons_fields_are_in_scope_and_null_stays_null() {
    let definition = r#"
vars.org = "ORG"
tables.region.eu = "europe"

[[lookup]]
id = "person"
get = "/orgs/{{ vars.org }}/{{ tables.region['eu'] }}"
query = { cost = "{{ user.custom_fields.cost_center }}", family = "{{ user.family_name or 'none' }}", given = "{{ user.given_name }}" }
capture.hit = "json"

[state]
account = "person.hit"

[[provision]]
post = "/p"
"#;
    let app = App::with(definition, json!({"vars": {"org": "OTHER/ORG"}}));
    app.see(&[], [ok(json!({}))]).await;
    assert_eq!(app.sent(), ["GET /orgs/OTHER%2FORG/europe?cost=R%26D&family=none&given=Ada"]);
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_cannot_be_written_for_this_person_is_refused_and_nothing_is_sent() {
    let definition = MEMBERS.replace("/members/{{ user.email }}", "/members/{{ user.custom_fields.login }}");
    let app = App::new(&definition);
    let with = |login: Option<Value>| Subject {
        custom_fields: login.map(|login| ("login".to_owned(), login)).into_iter().collect(),
        ..ada()
    };
    for login in [
        None,
        Some(json!(null)),
        Some(json!("")),
        Some(json!("..")),
        Some(json!("a\r\nb")),
        Some(json!(["a"])),
    ] {
        let who = with(login.clone());
        let read =
            usher_core::Provisioner::observe(&app.connection, &call(), &who, &Known::default(), &[].into())
                .await;
        let fault = read.unwrap_err();
        let Remedy::Refused(refusal) = &fault.remedy else { panic!("{login:?}: {fault}") };
        assert_eq!((fault.sent, refusal.kind), (Sent::No, RefusalKind::Invalid));
        assert!(
            refusal.sentence.starts_with("The look-up member cannot be written: the path: "),
            "{}",
            refusal.sentence
        );
    }
    assert_eq!(app.sent(), [""; 0]);
    app.answers([ok(json!({"member": {"id": 7}}))]);
    let who = with(Some(json!("../ada")));
    usher_core::Provisioner::observe(&app.connection, &call(), &who, &Known::default(), &[].into())
        .await
        .unwrap_err();
    let who = with(Some(json!("a/b")));
    usher_core::Provisioner::observe(&app.connection, &call(), &who, &Known::default(), &[].into())
        .await
        .unwrap();
    assert_eq!(app.sent(), ["GET /members/a%2Fb"]);
}
