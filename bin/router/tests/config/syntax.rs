//! Files that are not TOML. What may be a secret is not shown, though nothing is known of the keys for sure.

use crate::support::{BASE, File, base_and, shown};

#[test]
fn where_it_stops_being_toml_is_shown() {
    insta::assert_snapshot!(shown(&base_and("[server]\nlisten = \n")));
}

#[test]
fn a_key_that_is_there_twice_is_shown() {
    insta::assert_snapshot!(shown(&base_and("agent = { role = \"agent\" }\n")));
}

#[test]
fn no_broken_line_shows_a_secret() {
    for broken in [
        "[admin.operators]\ndana = { token = \"hunter2 }\n",
        "[connections.x]\nclient_secret = \"hunter2\n",
        "[connections.x]\nclient_secret = hunter2\n",
        "[connections.x]\napi_key == \"hunter2\"\n",
        "[connections.x]\nprivate_key = \"\"\"-----BEGIN\nhunter2\nhunter2\n",
        "[connections.x]\nprivate_key = '''\nhunter2\n'''\nx = = 1\n",
        "[connections.x]\noauth = { client_id = \"a\", client_secret = \"hunter2\" }}\n",
        "[connections.x]\nsecrets.one = \"hunter2\" \"\n",
        "[server.auth]\nsecrets = [\n  \"hunter2\",\n",
        "[connections.x]\nprivate_key =\nhunter2=\nx = [\n",
        "[connections.x]\nkey = { file = \"a\", secret = \"=hunter2\" } }\n",
        "password = \"hunter2\"\npassword = \"hunter2\"\n",
    ] {
        let shown = File::new(&base_and(broken)).shown();
        assert!(shown.contains("help:"), "{shown}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let file = File::new(BASE);
    std::fs::remove_file(&file.path).unwrap();
    insta::assert_snapshot!(file.shown());
    std::fs::write(&file.path, [0xff, 0xfe]).unwrap();
    insta::assert_snapshot!(file.shown());
    std::fs::write(&file.path, "#".repeat(5 << 20)).unwrap();
    insta::assert_snapshot!(file.shown());
}

#[test]
fn one_slip_on_a_line_is_one_mistake() {
    let shown = File::new(&base_and("lead = { role = \"Team lead, groups = [\"Tier 1\"] }\n")).shown();
    assert!(shown.contains("1 mistake in"), "{shown}");
}
