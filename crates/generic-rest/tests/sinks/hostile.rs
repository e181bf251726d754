//! Values that want to be something else, through every sink.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Vendor, body, get, headers, link, query, request, scope};

/// What somebody could have as their name, or what a vendor could answer.
fn hostile() -> Vec<String> {
    let mut values: Vec<String> = [
        "plain",
        "ada@acme.example",
        "a/../b+c@x.io",
        "..",
        ".",
        "",
        "...",
        "../../admin",
        "..\\admin",
        "a/./b",
        "/",
        "//evil.example/",
        "%2e%2e",
        "%2e%2e%2f",
        "%252e",
        "%00",
        "%",
        "%zz",
        "100%",
        "a%20b",
        "?admin=true",
        "#part",
        "a?b#c",
        "a&b=c",
        "a=b",
        "a+b",
        "a b",
        " a",
        "a ",
        "a;b",
        "a,b",
        "a:b",
        "http://evil.example/",
        "@evil.example",
        "user:pass@evil.example",
        "x\r\nX-Admin: true",
        "x\ny",
        "x\ry",
        "x\r\n\r\nGET /admin HTTP/1.1\r\n\r\n",
        "\r\n",
        "\u{b}\u{c}",
        "x\ty",
        "{{ secret.x }}",
        "{{ 7 * 7 }}",
        "{% for x in y %}{% endfor %}",
        "{# c #}",
        "{{",
        "}}",
        "{id}",
        "{",
        "}",
        "\"",
        "'",
        "\\",
        "\\\"",
        "\",\"role\":\"admin",
        "\"}, {\"role\": \"admin\"}",
        "\\u0000",
        "`id`",
        "$(id)",
        "' OR 1=1 --",
        "x\0y",
        "\0",
        "\u{7f}",
        "\u{85}",
        "\u{1b}[31m",
        "\u{fffe}",
        "\u{feff}x",
        "\u{202e}nimda",
        "\u{2066}x\u{2069}",
        "a\u{200b}b",
        "\u{200d}",
        "\u{ad}",
        "x\u{2028}y",
        "x\u{2029}y",
        "\u{a0}x",
        "\u{3000}",
        "é",
        "e\u{301}",
        "ﬀ",
        "İ",
        "ß",
        "日本語",
        "🧑‍💻",
        "\u{10ffff}",
        "．．／",
        "∕",
        "／..／",
        "478",
        "007",
        "1e3",
        "0x1F",
        "-0",
        "1.0",
        "NaN",
        "Infinity",
        "null",
        "true",
        "false",
        "none",
        "undefined",
        "omit",
        "{\"role\":\"admin\"}",
        "[1,2]",
        "[]",
        "{}",
        "\"text\"",
        "9007199254740993",
        "18446744073709551616",
        "__proto__",
        "<script>alert(1)</script>",
        "<!--#exec-->",
        "CON",
        "~",
        "*",
        "|id",
        "file:///etc/passwd",
        "\u{0}\u{1}\u{2}\u{1f}",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    values.extend([
        "x".repeat(10_000),
        "é".repeat(5_000),
        "%".repeat(3_000),
        "{{".repeat(2_000),
        "../".repeat(500),
        "\"".repeat(10_000),
    ]);
    values
}

/// Whether no path may carry a value: said here once more, and otherwise than the code says it.
fn leaves_its_segment(value: &str) -> bool {
    let slashes = value.replace('\\', "/");
    let framed = format!("/{slashes}/");
    value.is_empty()
        || framed.contains("/./")
        || framed.contains("/../")
        || value.chars().any(char::is_control)
}

fn encoded_length(value: &str) -> usize {
    value
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) { 1 } else { 3 })
        .sum()
}

/// What an error says of a value: nothing, so far as that can be told from its words.
fn is_silent(message: &str, value: &str) {
    assert!(message.contains('`') || message.contains("longer than"), "names the expression: {message}");
    assert!(value.chars().count() < 8 || !message.contains(value), "{message}");
    assert!(message.len() < 400 && !message.chars().any(char::is_control), "{message}");
}

#[tokio::test]
async fn a_value_in_a_path_stays_in_its_segment_or_is_not_sent() {
    let vendor = Vendor::start().await;
    for (path, before, after) in
        [("/users/{{ v }}/roles", "", ""), ("/users/u-{{ v }}.json/roles", "u-", ".json")]
    {
        for value in hostile() {
            match vendor.send(&get(path), &scope(value.clone())).await {
                Ok(arrived) => {
                    assert!(!leaves_its_segment(&value), "{value:?}");
                    assert_eq!(
                        arrived.segments,
                        ["users".to_owned(), format!("{before}{value}{after}"), "roles".into()]
                    );
                    assert_eq!((arrived.query.len(), arrived.body.len()), (0, 0));
                }
                Err(message) => {
                    assert!(
                        leaves_its_segment(&value) || encoded_length(&value) > 8_000,
                        "{value:?}: {message}"
                    );
                    is_silent(&message, &value);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_value_in_a_query_stays_one_value_of_one_pair() {
    let vendor = Vendor::start().await;
    let asked = query(
        get("/users"),
        &[("first", "1"), ("search", "{{ v }}"), ("part", "email:{{ v }}!"), ("last", "2")],
    );
    for value in hostile() {
        match vendor.send(&asked, &scope(value.clone())).await {
            Ok(arrived) => {
                let pair = |name: &str, value: String| (name.to_owned(), value);
                let part = format!("email:{value}!");
                assert_eq!(
                    arrived.query,
                    [
                        pair("first", "1".into()),
                        pair("search", value),
                        pair("part", part),
                        pair("last", "2".into())
                    ]
                );
                assert_eq!(arrived.segments, ["users"]);
            }
            Err(message) => {
                assert!(encoded_length(&value) > 3_900, "{value:?}: {message}");
                is_silent(&message, &value);
            }
        }
    }
}

#[tokio::test]
async fn every_entry_of_a_list_is_a_pair_of_its_own() {
    let vendor = Vendor::start().await;
    let values: Vec<String> = hostile().into_iter().filter(|value| value.len() < 40).take(100).collect();
    let arrived =
        vendor.send(&query(get("/users"), &[("id[]", "{{ v }}")]), &scope(json!(values))).await.unwrap();
    let expected: Vec<_> = values.into_iter().map(|value| ("id[]".to_owned(), value)).collect();
    assert_eq!(arrived.query, expected);
}

#[tokio::test]
async fn a_name_of_a_query_is_one_name_whatever_the_file_says() {
    let vendor = Vendor::start().await;
    for name in ["filter[email]", "a&b", "a=b", "a b", "ü", "$filter", "#", "?", "x\r\ny", "%41"] {
        let arrived = vendor.send(&query(get("/users"), &[(name, "{{ v }}")]), &scope("1")).await.unwrap();
        assert_eq!(arrived.query, [(name.to_owned(), "1".to_owned())]);
    }
}

#[tokio::test]
async fn a_value_in_a_header_is_that_headers_whole_value_or_is_not_sent() {
    let vendor = Vendor::start().await;
    for (text, before, after) in [("{{ v }}", "", ""), ("id={{ v }};x", "id=", ";x")] {
        for value in hostile() {
            let expected = format!("{before}{value}{after}");
            let carried = expected.chars().all(|c| (' '..='~').contains(&c))
                && expected.trim() == expected
                && expected.len() <= 8192;
            match vendor.send(&headers(get("/users"), &[("x-user", text)]), &scope(value.clone())).await {
                Ok(arrived) => {
                    assert!(carried, "{value:?}");
                    assert_eq!(arrived.header("x-user"), [expected.as_str()]);
                    let mut names: Vec<_> = arrived.headers.iter().map(|(name, _)| name.as_str()).collect();
                    names.sort_unstable();
                    assert_eq!(names, ["accept", "host", "user-agent", "x-user"], "no header of its own");
                }
                Err(message) => {
                    assert!(!carried, "{value:?}: {message}");
                    is_silent(&message, &value);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_value_in_a_json_body_changes_nothing_but_its_leaf() {
    let vendor = Vendor::start().await;
    let sent = body(
        request(Method::POST, "/users"),
        &json!({ "a": "{{ v }}", "b": { "c": ["x", "{{ v }}", { "d": "<{{ v }}|{{ v }}>" }], "role": "viewer" }, "list": "{{ [v] }}", "e": 1 }),
    );
    for value in hostile() {
        let arrived = vendor.send(&sent, &scope(value.clone())).await.unwrap();
        let text = format!("<{value}|{value}>");
        assert_eq!(
            arrived.json(),
            json!({ "a": value, "b": { "c": ["x", value, { "d": text }], "role": "viewer" }, "list": [value], "e": 1 })
        );
        assert_eq!(arrived.header("content-type"), ["application/json"]);
        assert_eq!((arrived.method.as_str(), arrived.segments.len(), arrived.query.len()), ("POST", 1, 0));
    }
}

#[tokio::test]
async fn a_table_or_list_from_a_vendor_is_one_leaf_too() {
    let vendor = Vendor::start().await;
    let value = json!({ "id": u64::MAX, "less": i64::MIN, "f": 0.1, "n": null, "t": true, "{{ v }}": "{{ secret.x }}", "k\"": [[], {}] });
    let sent = body(request(Method::PUT, "/users"), &json!({ "copy": "{{ v }}" }));
    let arrived = vendor.send(&sent, &scope(value.clone())).await.unwrap();
    assert_eq!(arrived.json(), json!({ "copy": value }));
    assert!(arrived.body.contains("18446744073709551615") && arrived.body.contains("-9223372036854775808"));
}

#[tokio::test]
async fn a_link_leads_within_the_origin_or_nowhere() {
    let vendor = Vendor::start().await;
    for value in hostile() {
        // It may be refused or be a path of the vendor's own; `send` has seen that nothing else was reached.
        match vendor.send(&link("v"), &scope(value.clone())).await {
            Ok(arrived) => assert_eq!(arrived.header("host").len(), 1),
            Err(message) => assert!(value.chars().count() < 8 || !message.contains(&value), "{message}"),
        }
    }
    for value in [
        "http://evil.example/base/x",
        "//evil.example/",
        "\\\\evil.example\\x",
        "/\\evil.example",
        "https:evil.example",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://127.0.0.1:1/",
        "http://user:pw@127.0.0.1/",
        "/base/a\nb",
        "/base/a b",
        " /base",
        "",
    ] {
        let message = vendor.send(&link("v"), &scope(value)).await.unwrap_err();
        assert!(message.contains("link"), "{message}");
    }
    for value in [json!(null), json!(7), json!(["/base/x"]), json!({ "href": "/base/x" })] {
        assert!(vendor.send(&link("v"), &scope(value)).await.unwrap_err().starts_with("the link: `v`: "));
    }
    let arrived = vendor.send(&link("v"), &scope("/base/next?page=2")).await.unwrap();
    assert_eq!(
        (arrived.segments, arrived.query),
        (vec!["next".to_owned()], vec![("page".to_owned(), "2".to_owned())])
    );
}

#[tokio::test]
async fn what_is_no_text_goes_nowhere_where_text_belongs() {
    let vendor = Vendor::start().await;
    let requests = [
        get("/users/{{ v }}"),
        get("/users/x{{ v }}"),
        query(get("/users"), &[("q", "{{ v }}")]),
        query(get("/users"), &[("q", "x{{ v }}")]),
        headers(get("/users"), &[("x-user", "{{ v }}")]),
        headers(get("/users"), &[("x-user", "x{{ v }}")]),
        body(request(Method::POST, "/users"), &json!({ "a": "x{{ v }}" })),
    ];
    for value in
        [Value::Null, json!({ "a": 1 }), json!(0.5), json!([null]), json!([[1]]), json!([{ "a": 1 }])]
    {
        for request in &requests {
            let message = vendor.send(request, &scope(value.clone())).await.unwrap_err();
            assert!(message.contains("a text takes texts, whole numbers and booleans"), "{message}");
        }
    }
    for (value, text) in [(json!(true), "true"), (json!(-7), "-7"), (json!(u64::MAX), "18446744073709551615")]
    {
        for request in &requests {
            let arrived = vendor.send(request, &scope(value.clone())).await.unwrap();
            let everything =
                format!("{:?} {:?} {:?} {}", arrived.segments, arrived.query, arrived.headers, arrived.body);
            assert!(everything.contains(text), "{everything}");
        }
    }
}
