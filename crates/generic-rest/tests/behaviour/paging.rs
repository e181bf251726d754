//! Lists in pages: nobody is missed, and a list that does not end proves nothing.

use serde_json::json;
use usher_core::{Account, Hold, Remedy};

use crate::support::{App, DIRECTORY, account, nobody, ok, page, role};

const BY_LINK: &str = r#"
[[lookup]]
id = "member"
get = "/members"
query = { email = "{{ user.email }}" }
paginate = { next = "json.next", items = "json.list", max_pages = 3 }
capture.hit = "items | where('email', user.email) | one_or_none"

[state]
account = "member.hit"

[[provision]]
post = "/members"
json.email = "{{ user.email }}"
"#;

fn by_number(paginate: &str) -> App {
    App::new(&DIRECTORY.replace("page = \"page\", first = 1, pages = \"json.pages\"", paginate))
}

fn bob(n: u32) -> serde_json::Value {
    json!({"id": n, "email": format!("bob{n}@acme.example"), "roles": []})
}

#[tokio::test(start_paused = true)]
async fn the_person_on_page_two_is_found() {
    let app = App::new(DIRECTORY);
    let pages = [
        page(2, json!([{"id": "6", "email": "xada@acme.example", "roles": ["editor"]}])),
        page(2, json!([{"id": "7", "email": "ada@ACME.example", "roles": ["viewer"]}])),
    ];
    let seen = app.see(&[role("editor")], pages).await;
    assert_eq!(seen.account, Account::Found { id: Some("7".to_owned()) });
    assert_eq!((seen.hold(&role("viewer")), seen.hold(&role("editor"))), (&Hold::Present, &Hold::Absent));
    assert_eq!(
        app.sent(),
        [
            "GET /api/users?search=ada%40acme.example&page=1",
            "GET /api/users?search=ada%40acme.example&page=2",
        ]
    );
    assert_eq!(seen.evidence[0].call, "GET /api/users");
    assert_eq!(seen.evidence[0].shows, "2 entries on 2 pages, hit: found");
}

#[tokio::test(start_paused = true)]
async fn two_hits_on_two_pages_are_ambiguous_and_never_the_first_one() {
    let app = App::new(DIRECTORY);
    let ada = |id: u32| json!([{"id": id, "email": "ada@acme.example", "roles": ["editor"]}]);
    let seen = app.see(&[role("editor")], [page(2, ada(1)), page(2, ada(2))]).await;
    assert_eq!(seen.account, Account::Ambiguous { hits: 2 });
    assert_eq!(seen.hold(&role("editor")), &Hold::Unreadable);
}

#[tokio::test(start_paused = true)]
async fn one_person_whom_two_pages_list_since_the_list_moved_on_is_one_hit() {
    let app = App::new(DIRECTORY);
    let ada = json!({"id": "7", "email": "ada@acme.example", "roles": ["editor"]});
    let pages = [page(2, json!([bob(1), ada])), page(2, json!([ada, bob(2)]))];
    let seen = app.see(&[role("editor")], pages).await;
    assert_eq!(seen.account, Account::Found { id: Some("7".to_owned()) });
    assert_eq!(seen.hold(&role("editor")), &Hold::Present);
    // On one page it is two entries, whatever they look like.
    let seen = app.see(&[role("editor")], [page(1, json!([ada, ada]))]).await;
    assert_eq!(seen.account, Account::Ambiguous { hits: 2 });
}

#[tokio::test(start_paused = true)]
async fn a_list_that_became_shorter_while_it_was_read_proves_nothing() {
    let app = App::new(DIRECTORY);
    let fault = app.fails([page(3, json!([bob(1)])), page(2, json!([bob(3)]))]).await;
    assert_eq!(fault.remedy, Remedy::Retry { after: None });
    assert!(fault.to_string().contains("from 3 pages to 2"), "{fault}");
    // One that grew lists somebody twice at the most.
    let seen =
        app.see(&[], [page(2, json!([bob(1)])), page(3, json!([bob(2)])), page(3, json!([bob(3)]))]).await;
    assert_eq!(seen.account, Account::Absent);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_gone_throws_nobody_away_who_was_on_a_page_before() {
    let gone = "classify = [{ when = \"status == 404\", as = \"gone\" }]\ncapture.hit";
    let ada = json!({"id": "7", "email": "ada@acme.example", "roles": ["editor"]});
    let nowhere = || crate::support::reply(404, json!({}));
    let open = DIRECTORY
        .replace("page = \"page\", first = 1, pages = \"json.pages\"", "page = \"page\"")
        .replace("capture.hit", gone);
    let seen = App::new(&open).see(&[role("editor")], [page(0, json!([ada])), nowhere()]).await;
    assert_eq!(seen.account, Account::Found { id: Some("7".to_owned()) });
    // Where the list says that the page is there, it proves nothing.
    let app = App::new(&DIRECTORY.replace("capture.hit", gone));
    let fault = app.fails([page(2, json!([bob(1)])), nowhere()]).await;
    assert_eq!(fault.remedy, Remedy::Retry { after: None });
    assert!(fault.to_string().contains("page 2 is not there"), "{fault}");
    let seen = app.see(&[], [nowhere()]).await;
    assert_eq!(seen.account, Account::Absent);
}

#[tokio::test(start_paused = true)]
async fn more_pages_than_max_pages_are_an_error_and_never_nobody() {
    let app = App::new(DIRECTORY);
    let fault = app.fails([1, 2, 3].map(|n| page(9, json!([bob(n)])))).await;
    assert_eq!(fault.remedy, Remedy::Person);
    assert!(fault.to_string().contains("more than 3 pages: raise max_pages"), "{fault}");
    assert_eq!(app.sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_last_page_that_max_pages_allows_is_read() {
    let app = App::new(DIRECTORY);
    let seen = app.see(&[], [1, 2, 3].map(|n| page(3, json!([bob(n)])))).await;
    assert_eq!(seen.account, Account::Absent);
    assert_eq!(app.sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_the_one_before_once_more_is_an_error() {
    let app = App::new(DIRECTORY);
    let fault = app.fails([page(2, json!([bob(1)])), page(2, json!([bob(1)]))]).await;
    assert!(fault.to_string().contains("page 2 is the same as the one before it"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn pages_may_be_counted_from_zero() {
    let app = by_number("page = \"p\", first = 0, pages = \"json.pages\"");
    app.see(&[], [page(2, json!([bob(1)])), page(2, json!([bob(2)]))]).await;
    let sent = app.sent();
    assert!(sent[0].ends_with("&p=0") && sent[1].ends_with("&p=1") && sent.len() == 2, "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn where_nobody_says_how_many_there_are_an_empty_page_is_the_end() {
    let app = by_number("page = \"page\"");
    let seen = app.see(&[], [page(0, json!([bob(1)])), nobody()]).await;
    assert_eq!(seen.account, Account::Absent);
    assert_eq!(app.sent().len(), 2);
    let fault = app.fails([1, 2, 3].map(|n| page(0, json!([bob(n)])))).await;
    assert!(fault.to_string().contains("more than 3 pages"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn a_link_leads_to_the_next_page_until_there_is_none() {
    let app = App::new(BY_LINK);
    let pages = [
        ok(json!({"next": "/members?cursor=b", "list": [{"email": "bob@acme.example"}]})),
        ok(json!({"next": "https://api.acme.example/members?cursor=c", "list": []})),
        ok(json!({"next": null, "list": [{"email": "ADA@acme.example"}]})),
    ];
    let seen = app.see(&[account()], pages).await;
    assert_eq!(seen.hold(&account()), &Hold::Present);
    assert_eq!(
        app.sent(),
        ["GET /members?email=ada%40acme.example", "GET /members?cursor=b", "GET /members?cursor=c"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_link_that_was_followed_before_is_an_error() {
    let app = App::new(BY_LINK);
    let pages = ["a", "b"].map(|name| ok(json!({"next": "/members?cursor=b", "list": [{"email": name}]})));
    let fault = app.fails(pages).await;
    assert!(fault.to_string().contains("page 2 leads back to a page before it"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn a_link_to_another_origin_is_not_followed() {
    let app = App::new(BY_LINK);
    for next in ["https://evil.example/members", "//evil.example/", "http://api.acme.example/members"] {
        let fault = app.fails([ok(json!({"next": next, "list": []}))]).await;
        assert_eq!(fault.remedy, Remedy::Person);
        assert!(fault.to_string().contains("leads to another origin"), "{fault}");
        assert_eq!(app.sent().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_no_list_proves_nothing() {
    let app = App::new(DIRECTORY);
    for body in [
        json!({"pages": 1, "users": null}),
        json!({"pages": 1}),
        json!({"pages": "1", "users": []}),
        json!([]),
    ] {
        let fault = app.fails([ok(body.clone())]).await;
        assert_eq!(fault.remedy, Remedy::Person, "{body}: {fault}");
        app.sent();
    }
}
