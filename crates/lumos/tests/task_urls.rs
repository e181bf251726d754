//! The request's id, and which task addresses become links.

use usher_lumos::{HostPattern, default_task_url_hosts, request_id, task_link};

#[test]
fn rule_10_the_request_id_comes_out_of_the_query() {
    let long = "x".repeat(200);
    let cases = [
        ("http://lumosidentity.com/tasks?requestId=12898293343", Some("12898293343")),
        ("https://app.lumosidentity.com/tasks?tab=mine&requestId=77002#top", Some("77002")),
        ("/tasks?requestId=1", Some("1")),
        ("?requestId=1", Some("1")),
        ("app.lumosidentity.com/tasks?requestId=1", Some("1")),
        ("https://a/?requestId=%31%32", Some("12")),
        ("https://a/?request%49d=1", Some("1")),
        ("https://a/?requestId=%20a-b_c%20", Some("a-b_c")),
        ("https://a/?requestId=a+b", Some("a+b")),
        ("https://a/?requestId=a=b", Some("a=b")),
        ("https://a/?requestId=&requestId=%20&requestId=2&requestId=3", Some("2")),
        ("https://a/?next=/b?requestId=1", None),
        ("https://a/?requestid=1&request_id=2&xrequestId=3", None),
        ("https://a/#/tasks?requestId=1", None),
        ("https://a/?a=1#requestId=1", None),
        ("https://a/tasks;requestId=1", None),
        ("https://a/?requestId", None),
        ("https://a/?requestId=", None),
        ("https://a/?requestId=a%20b", None),
        ("https://a/?requestId=%00", None),
        ("https://a/?requestId=%C3%A9", None),
        ("https://a/?requestId=%ff&requestId=2", None),
        ("requestId=1", None),
        ("", None),
    ];
    for (url, expected) in cases {
        assert_eq!(request_id(url).as_deref(), expected, "{url}");
    }
    assert_eq!(request_id(&format!("?requestId={long}")), Some(long.clone()));
    assert_eq!(request_id(&format!("?requestId={long}x")), None);
}

#[test]
fn only_lumos_becomes_a_link() {
    let hosts = default_task_url_hosts();
    let links = [
        "http://lumosidentity.com/tasks?requestId=1",
        "https://lumosidentity.com",
        "HTTPS://App.LumosIdentity.COM/tasks",
        "https://a.b.lumosidentity.com/",
        "https://app.lumos.com/",
    ];
    for url in links {
        assert!(task_link(url, &hosts).is_some(), "{url}");
    }
    let texts = [
        "https://lumos.com/",
        "https://evillumosidentity.com/",
        "https://lumosidentity.com.evil.example/",
        "https://evil.example/lumosidentity.com",
        "https://evil.example/?lumosidentity.com",
        "https://evil.example\\@lumosidentity.com/",
        "https://lumosidentity.com@evil.example/",
        "https://ada:secret@lumosidentity.com/",
        "https://ada@lumosidentity.com/",
        "https://.lumosidentity.com/",
        "https://a..lumosidentity.com/",
        "javascript:alert(1)//lumosidentity.com",
        "javascript://lumosidentity.com/%0aalert(1)",
        "data:text/html,lumosidentity.com",
        "ftp://lumosidentity.com/",
        "//lumosidentity.com/",
        "lumosidentity.com/tasks",
        "/tasks?requestId=1",
        "",
    ];
    for url in texts {
        assert!(task_link(url, &hosts).is_none(), "{url}");
    }
    assert!(task_link("https://lumosidentity.com/", &[]).is_none());
}

#[test]
fn a_wildcard_is_what_stands_below_and_never_the_domain_itself() -> Result<(), usher_lumos::HostPatternError>
{
    let wildcard: HostPattern = "*.Bücher.example".parse()?;
    assert!(wildcard.matches("a.xn--bcher-kva.example"));
    assert!(wildcard.matches("a.b.xn--bcher-kva.example"));
    assert!(!wildcard.matches("xn--bcher-kva.example"));
    assert!(!wildcard.matches("axn--bcher-kva.example"));
    assert_eq!(wildcard.to_string(), "*.xn--bcher-kva.example");
    let address: HostPattern = "127.0.0.1".parse()?;
    assert!(task_link("http://127.0.0.1:9470/tasks", &[address]).is_some());
    Ok(())
}

#[test]
fn what_is_no_host_is_refused_with_the_way_to_write_it() {
    for text in
        ["", "*", "*.", "*.*.example", "a*.example", "https://a", "a/b", "a:80", "a b", ".a", "*.127.0.0.1"]
    {
        assert!(text.parse::<HostPattern>().is_err(), "{text}");
    }
    let error = "https://a".parse::<HostPattern>().map_err(|error| error.to_string());
    assert_eq!(
        error.err().as_deref(),
        Some(
            "`https://a` is no host: write a name such as `lumosidentity.com`, or `*.lumosidentity.com` for all below it"
        )
    );
}

#[test]
fn the_default_hosts_are_the_ones_that_are_documented() {
    let written: Vec<String> = default_task_url_hosts().iter().map(ToString::to_string).collect();
    assert_eq!(written, ["lumosidentity.com", "*.lumosidentity.com", "*.lumos.com"]);
    for pattern in default_task_url_hosts() {
        assert_eq!(pattern.to_string().parse(), Ok(pattern));
    }
}
