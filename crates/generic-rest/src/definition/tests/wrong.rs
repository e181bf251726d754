//! Wrong definitions, each with its lines and messages.

use std::fmt::Write as _;

use super::{GOOD, load, shown};

/// What is altered, and why that is wrong.
const WRONG: &[(&str, &str, &str)] = &[
    ("no version", "schema = 1\n", ""),
    ("another version", "schema = 1", "schema = 2"),
    ("not TOML", "lag = \"5s\"", "lag = \"5s"),
    ("an unknown key at the top", "[[refuse]]", "[[refuze]]"),
    ("an unknown key in a block", "for_each = ", "for_every = "),
    ("a plain base URL", "https://directory", "http://directory"),
    ("a password in the base URL", "https://directory", "https://usher:hunter2@directory"),
    ("a base URL that is none", "https://directory.acme.example", "directory"),
    ("no credential", "auth = { type = \"bearer\", token = \"{{ secret.token }}\" }\n", ""),
    ("a secret that is written out", "{{ secret.token }}", "hunter2"),
    ("an unknown kind of credential", "\"bearer\"", "\"bearr\""),
    ("a kind of credential that is not built", "\"bearer\"", "\"hmac\""),
    (
        "a grant that is not built",
        "{ type = \"bearer\", token =",
        "{ type = \"oauth2\", grant_type = \"refresh_token\", token_url = \"/t\", client_id = \"a\", client_secret =",
    ),
    ("an expression in auth", "{{ secret.token }}", "{{ secret.token | upper }}"),
    ("a variable in auth that is not there", "{{ secret.token }}", "{{ vars.page }}{{ secret.token }}"),
    ("a secret in an expression", "search = \"{{ user.email }}\"", "search = \"{{ secret.token }}\""),
    ("a variable that is a table", "vars.page_size = 100", "vars.page_size = { a = 1 }"),
    ("a hole in a variable", "vars.page_size = 100", "vars.page_size = \"{{ user.email }}\""),
    ("a date", "vars.page_size = 100", "vars.page_size = 2026-11-24"),
    ("an entitlement key of no type", "type = \"string\", default", "type = \"text\", default"),
    ("values of another type", "\"editor\"] }", "7] }"),
    (
        "a key of an entry that means something else",
        "role = { type",
        "label = { type = \"string\", default = \"\" }\nrole = { type",
    ),
    ("a default that the values do not have", "\"editor\"] }", "\"editor\"], default = \"admin\" }"),
    ("a look-up with a taken name", "id = \"person\"", "id = \"user\""),
    ("a look-up without a name", "id = \"person\"\n", ""),
    ("one bracket too few", "[[lookup]]", "[lookup]"),
    (
        "a look-up that changes something",
        "get = \"/api/users\"\nquery = {",
        "delete = \"/api/users\"\nquery = {",
    ),
    ("two requests in one block", "post = \"/api/users\"", "post = \"/api/users\"\nput = \"/api/users\""),
    ("no request", "put = \"/api/users/{{ person.hit.id }}/roles\"\n", ""),
    ("a path without its slash", "put = \"/api", "put = \"api"),
    ("a whole URL as a path", "put = \"/api", "put = \"https://elsewhere.example/api"),
    ("a query in a path", "/roles\"\njson", "/roles?a=b\"\njson"),
    ("a path that walks up", "put = \"/api/users/", "put = \"/api/../"),
    ("a link that is posted to", "post = \"/api/users\"", "post = \"{{ person.hit.url }}\""),
    ("a body for a GET", "get = \"/api/users\"\nquery = {", "get = \"/api/users\"\njson.a = 1\nquery = {"),
    ("a form", "json.user = \"{{ known.user }}\"", "form.user = \"{{ known.user }}\""),
    ("a header that is Usher's own", "json.user = ", "headers.Authorization = \"x\"\njson.user = "),
    ("a statement", "message = \"is an administrator\"", "message = \"{% if true %}is{% endif %}\""),
    ("a comment", "message = \"is an administrator\"", "message = \"is {# who? #}\""),
    ("braces around an expression", "account = \"person.hit\"", "account = \"{{ person.hit }}\""),
    ("an expression that is none", "account = \"person.hit\"", "account = \"person.hit and\""),
    ("a filter that is not there", "| one_or_none", "| one_or_nothing"),
    ("a name that is not there", "account = \"person.hit\"", "account = \"persn.hit\""),
    ("a capture that is not there", "account = \"person.hit\"", "account = \"person.hits\""),
    (
        "a member of the person that is not there",
        "search = \"{{ user.email }}\"",
        "search = \"{{ user.mail }}\"",
    ),
    ("the request in a look-up", "search = \"{{ user.email }}\"", "search = \"{{ request.id }}\""),
    (
        "the entitlement outside wants",
        "account = \"person.hit\"",
        "account = \"entitlement.role == 'editor'\"",
    ),
    ("the person in wants", "wants = \"entitlement.role\"", "wants = \"user.email\""),
    ("a slot that is not there", "for_each = \"slot.team.add\"", "for_each = \"slot.teams.add\""),
    ("an item without for_each", "json.roles = \"{{ slot.role.after }}\"", "json.roles = [\"{{ item }}\"]"),
    ("an answer where there is none", "account = \"person.hit\"", "account = \"status == 200\""),
    ("the last page instead of all items", "capture.hit = \"items", "capture.hit = \"json.users"),
    ("something known that nothing keeps", "{{ known.user }}", "{{ known.id }}"),
    ("a table that is not there", "tables.teams[", "tables.team["),
    ("an expression without quotes", "account = \"person.hit\"", "account = true"),
    ("no account", "account = \"person.hit\"\n", ""),
    ("a lag that is no duration", "lag = \"5s\"", "lag = \"5 parsecs\""),
    ("a lag of days", "lag = \"5s\"", "lag = \"3 days\""),
    (
        "a baseline in a slot of many values",
        "has = \"person.hit.teams if person.hit else []\"",
        "has = \"person.hit.teams if person.hit else []\"\nbaseline = \"eng\"",
    ),
    ("no end of paging", ", max_pages = 50", ""),
    ("too many pages", "max_pages = 50", "max_pages = 5000"),
    (
        "paging by cursor",
        "page = \"page\", first = 1, pages = \"json.pages\"",
        "cursor = \"json.next\", param = \"after\"",
    ),
    ("a page number in the query as well", "size = \"{{ vars.page_size }}\"", "page = 1"),
    ("a status that is none", "[201]", "[20]"),
    ("a status without its list", "[201]", "201"),
    ("an unknown class", "as = \"no-seat\"", "as = \"no-seats\""),
    ("a refusal that is no refusal", "as = \"protected\"", "as = \"retry\""),
    (
        "another way to repeat",
        "for_each = \"slot.team.add\"",
        "for_each = \"slot.team.add\"\nrepeat = \"always\"",
    ),
    ("retries", "capture.hit", "retry = { times = 2 }\ncapture.hit"),
    (
        "a capture in a step",
        "for_each = \"slot.team.add\"",
        "capture.id = \"json.id\"\nfor_each = \"slot.team.add\"",
    ),
    ("two steps of one name", "for_each = \"slot.team.add\"", "id = \"roles\"\nfor_each = \"slot.team.add\""),
    ("a step that is called as another is", "id = \"roles\"\nwhen", "id = \"update 2\"\nwhen"),
    (
        "a key in a header that is set already",
        "json.user = \"{{ known.user }}\"",
        "headers.x-key = \"{{ uuid }}\"\nidempotency_key = { header = \"X-Key\" }\njson.user = \"{{ known.user }}\"",
    ),
    ("JSON text that is none", "json.user = \"{{ known.user }}\"", "json = '{ \"user\": {{ known.user }} }'"),
    ("a key twice in JSON text", "json.user = \"{{ known.user }}\"", "json = '{ \"a\": 1, \"a\": 2 }'"),
    (
        "a wrong name in JSON text",
        "json.user = \"{{ known.user }}\"",
        "json = '''\n{ \"user\":\n  \"{{ known.usr }}\" }'''",
    ),
    ("a test of an entry that cannot be", "{ role = \"editor\" }", "{ role = \"edtor\", groups = [] }"),
    ("a test without its person", "user.email = \"ada@acme.example\"\n", ""),
    ("an unknown outcome", "permissions.editing", "outcome = \"grant\"\npermissions.editing"),
    ("an answer after a fault", "answer.json", "fault = \"timeout\"\nanswer.json"),
    ("a header that no answer can have", "answer.json", "answer.headers = { \"a b\" = \"c\" }\nanswer.json"),
    (
        "a name in two tests",
        "[[test]]",
        "[[test]]\nname = \"an editor\"\nuser.email = \"b@acme.example\"\npermissions.editing = { role = \"viewer\" }\n[[test]]",
    ),
];

#[test]
fn each_wrong_definition_is_refused_with_its_line_and_what_to_do() {
    load(GOOD).unwrap();
    let mut out = String::new();
    for (title, from, to) in WRONG {
        assert!(GOOD.contains(from), "{title}: {from}");
        let text = GOOD.replacen(from, to, 1);
        let errors = load(&text).expect_err(title);
        writeln!(out, "# {title}").unwrap();
        for error in errors {
            assert!(!error.to_string().contains("hunter2"), "{error}");
            writeln!(out, "{}", shown(&text, &error)).unwrap();
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn every_mistake_of_a_file_is_told_at_once_in_the_order_of_the_file() {
    let text = [
        ("schema = 1", "schema = 3"),
        ("\"bearer\"", "\"bearr\""),
        ("user.email }}\", size", "user.mail }}\", size"),
        ("account = \"person.hit\"", "acount = \"person.hit\""),
        ("slot.team.add", "slot.teem.add"),
        ("[201]", "[20]"),
        ("as = \"protected\"", "as = \"nope\""),
        ("query.search", "qery.search"),
    ]
    .iter()
    .fold(GOOD.to_owned(), |text, (from, to)| text.replacen(from, to, 1));
    let errors = load(&text).unwrap_err();
    let lines: Vec<usize> = errors
        .iter()
        .map(|error| text[..error.span.clone().unwrap().start].matches('\n').count() + 1)
        .collect();
    assert!(lines.is_sorted(), "{lines:?}");
    assert_eq!(errors.len(), 9, "{errors:#?}");
}

#[test]
fn what_is_too_large_or_too_deep_is_refused() {
    let long = format!("{GOOD}# {}", "x".repeat(1 << 20));
    assert!(load(&long).unwrap_err()[0].message.contains("larger"));
    let deep = format!("json = '{}1{}'", "[".repeat(40), "]".repeat(40));
    let deep = GOOD.replacen("json.user = \"{{ known.user }}\"", &deep, 1);
    assert!(load(&deep).unwrap_err()[0].message.contains("nested deeper"));
    let many: String = (0..40).map(|n| format!("[[lookup]]\nid = \"l{n}\"\nget = \"/l\"\n")).collect();
    let many = GOOD.replacen("[state]", &format!("{many}[state]"), 1);
    assert!(load(&many).unwrap_err().iter().any(|error| error.message.contains("41 entries")));
}

proptest::proptest! {
    /// Whatever is written: an answer, never a panic, and every mistake has a place that can be drawn, and a hint.
    #[test]
    fn a_file_with_anything_in_it_is_read_or_refused_in_order(
        at in 0..GOOD.len(),
        length in 0_usize..40,
        with in "[ -~äß\\n]{0,12}|\\{\\{ [a-z.|'()]{0,12} \\}\\}|\\[\\[[a-z]{0,6}\\]\\]|\\[{0,60}",
    ) {
        let end = (at + length).min(GOOD.len());
        let text = format!("{}{with}{}", &GOOD[..at], &GOOD[end..]);
        for error in load(&text).err().unwrap_or_default() {
            if let Some(span) = &error.span {
                proptest::prop_assert!(text.get(span.clone()).is_some(), "{error:?}");
            }
            proptest::prop_assert!(error.hint.is_some() && error.file.is_some(), "{error:?}");
        }
    }
}
