//! Mistakes as they are shown: the file, the line, a mark below what is wrong, and what to do.

use crate::support::{base_and, base_with, shown};

macro_rules! mistake {
    ($name:ident, $text:expr) => {
        #[test]
        fn $name() {
            insta::assert_snapshot!(shown(&$text));
        }
    };
}

mistake!(an_unknown_section, base_and("[sever]\nlisten = \"127.0.0.1:1\"\n"));
mistake!(an_unknown_key, base_and("[server]\nanswer_whithin = \"10s\"\n"));
mistake!(a_text_where_a_switch_belongs, base_and("[server]\nbehind_proxy = \"yes\"\n"));
mistake!(a_number_where_a_duration_belongs, base_and("[server]\nanswer_within = 12\n"));
mistake!(an_answer_that_comes_too_late, base_and("[server]\nanswer_within = \"15s\"\n"));
mistake!(no_time_for_any_change, base_and("[server]\nanswer_within = \"5s\"\nmin_change_budget = \"5s\"\n"));
mistake!(a_size_without_a_unit, base_and("[server]\nmax_body = \"256\"\n"));
mistake!(listening_to_all_without_a_proxy, base_and("[server]\nlisten = \"0.0.0.0:8080\"\n"));
mistake!(an_admin_listener_for_all, base_and("[admin]\nlisten = \"0.0.0.0:9470\"\n"));
mistake!(
    tls_of_our_own,
    base_and("[server.tls]\ncertificate = \"cert.pem\"\nkey = { file = \"key.pem\" }\n")
);
mistake!(nobody_authenticates, "[server]\nlisten = \"127.0.0.1:8080\"\n");
mistake!(an_empty_file, "");
mistake!(a_webhook_secret_written_out, base_with("[{ env = \"KEY\" }]", "[\"hunter2\"]"));
mistake!(one_secret_written_out_instead_of_a_list, base_with("[{ env = \"KEY\" }]", "\"hunter2\""));
mistake!(a_secret_where_its_variable_belongs, base_with("\"KEY\"", "\"hunter2-is-no-name\""));
mistake!(a_secret_under_another_key, base_with("{ env = \"KEY\" }", "{ value = \"hunter2\" }"));
mistake!(a_secret_that_is_not_there, base_with("\"KEY\"", "\"UNSET\""));
mistake!(a_secret_file_that_is_not_there, base_with("env = \"KEY\"", "file = \"missing\""));
mistake!(a_secret_that_no_header_can_carry, base_with("\"KEY\"", "\"BAD\""));
mistake!(an_operator_that_is_a_token, base_and("[admin.operators]\ndana = \"hunter2\"\n"));
mistake!(
    an_operators_token_written_out,
    base_and("[admin.operators]\ndana = { token = \"hunter2\", role = \"operator\" }\n")
);
mistake!(
    an_unknown_role,
    base_and("[admin.operators]\ndana = { token = { env = \"DANA\" }, role = \"operater\" }\n")
);
mistake!(
    two_operators_with_one_token,
    base_and(
        "[admin.operators]\na = { token = { env = \"SAME1\" }, role = \"viewer\" }\nb = { token = { env = \"SAME2\" }, role = \"viewer\" }\n"
    )
);
mistake!(a_postgres_journal, base_and("[journal]\nurl = \"postgres://usher:hunter2@db/usher\"\n"));
mistake!(a_journal_in_memory, base_and("[journal]\nurl = \"sqlite::memory:\"\n"));
mistake!(
    a_payload_that_outlives_its_request,
    base_and("[journal]\nkeep = \"30 days\"\nkeep_payload = \"31 days\"\n")
);
mistake!(keeping_for_less_than_a_day, base_and("[journal]\nkeep = \"12h\"\nkeep_payload = 90\n"));
mistake!(a_token_of_lumos_written_out, base_and("[lumos]\napi_token = \"lsk_hunter2\"\n"));
mistake!(lumos_without_a_token, base_and("[lumos]\non_late_success = \"close\"\ntasks = true\n"));
mistake!(
    lumos_at_an_address_in_the_clear,
    base_and("[lumos]\napi_token = { env = \"LUMOS\" }\nbase_url = \"http://u:hunter2@lumos.example\"\n")
);
mistake!(a_slack_address_that_is_none, base_and("[alerts]\nslack = { env = \"SLACK\" }\n"));
mistake!(
    a_slack_address_written_out,
    base_and("[alerts]\nslack = \"https://hooks.slack.com/services/hunter2\"\n")
);
mistake!(
    an_alert_webhook_unencrypted_and_a_secret_in_another_form,
    base_and("[alerts]\nwebhook = { url = \"http://alerts.acme.com/\", secret = { env = \"PLAIN\" } }\n")
);
mistake!(
    an_alert_webhook_with_a_password_and_its_secret_written_out,
    base_and(
        "[alerts]\nwebhook = { url = \"https://usher:hunter2@alerts.acme.com/\", secret = \"whsec_hunter2\" }\n"
    )
);
mistake!(
    an_alert_webhook_without_its_secret_and_a_slip,
    base_and("[alerts]\nsubject = true\nwebhook = { url = \"https://alerts.acme.com/\" }\n")
);
mistake!(an_unknown_connector, base_with("connector = \"desk\"", "connector = \"desc\""));
mistake!(
    a_connector_that_is_not_compiled_in,
    base_with("connector = \"desk\"", "connector = \"zendesk-license\"")
);
mistake!(
    a_slip_in_the_name_of_a_connector_that_is_not_compiled_in,
    base_with("connector = \"desk\"", "connector = \"githb-org\"")
);
mistake!(a_connector_that_no_build_has, base_with("connector = \"desk\"", "connector = \"mainframe\""));
mistake!(
    a_connector_that_is_not_built_yet,
    base_with("connector = \"desk\"", "connector = \"sql-database\"")
);
mistake!(no_connector, base_with("connector = \"desk\"\n", ""));
mistake!(
    a_connectors_unknown_key,
    base_with("subdomain = \"acme\"", "subdomian = \"acme\"\nsubdomain = \"acme\"")
);
mistake!(a_connectors_missing_key, base_with("subdomain = \"acme\"\n", ""));
mistake!(
    a_connectors_secret_written_out,
    base_with(
        "subdomain = \"acme\"",
        "subdomain = \"acme\"\nlogin = { client_id = \"usher\", client_secret = \"hunter2\" }"
    )
);
mistake!(
    a_connectors_secret_that_is_not_there,
    base_with("subdomain = \"acme\"", "subdomain = \"acme\"\nlogin.client_secret = { env = \"UNSET\" }")
);
mistake!(
    a_connectors_secret_under_another_key,
    base_with("subdomain = \"acme\"", "subdomain = \"acme\"\nlogin.client_secret = { value = \"hunter2\" }")
);
mistake!(
    limits_that_are_none,
    base_with("subdomain = \"acme\"", "subdomain = \"acme\"\nlimits = { per_minute = 0, at_once = 3 }")
);
mistake!(
    a_breaker_that_is_none,
    base_with("subdomain = \"acme\"", "subdomain = \"acme\"\nbreaker = \"off\"")
);
mistake!(
    a_breaker_that_would_open_at_the_first_failure_or_for_a_day,
    base_with(
        "subdomain = \"acme\"",
        "subdomain = \"acme\"\nbreaker = { failures = 1, longest = \"24h\", after = 3 }"
    )
);
mistake!(
    two_connections_to_one_account,
    base_and("[connections.again]\nconnector = \"desk\"\nsubdomain = \"acme\"\n")
);
mistake!(an_app_without_a_connection, base_with("connection = \"desk\"\n", ""));
mistake!(an_app_with_an_unknown_connection, base_with("connection = \"desk\"", "connection = \"dsk\""));
mistake!(what_must_be_said, base_with("email_domains = [\"acme.com\"]\nafter_deadline = \"continue\"\n", ""));
mistake!(a_domain_that_is_none, base_with("[\"acme.com\"]", "[\"@acme.com\", \"*.acme.com\"]"));
mistake!(an_unknown_word, base_with("\"continue\"", "\"contineu\""));
mistake!(
    what_the_connector_cannot,
    base_with("after_deadline", "remove_account = true\ncounts_as_provisioned = \"invited\"\nafter_deadline")
);
mistake!(
    an_entitlements_unknown_key,
    base_with("{ role = \"agent\" }", "{ rolle = \"agent\", groups = [\"a\", 2] }")
);
mistake!(an_entitlement_that_gives_nothing, base_with("{ role = \"agent\" }", "{}"));
mistake!(an_entitlement_that_is_a_word, base_with("{ role = \"agent\" }", "\"ingore\""));
mistake!(
    rule_14_two_values_for_one_slot,
    base_with("{ role = \"agent\" }", "{ roles = [\"agent\", \"admin\"] }")
);
mistake!(
    two_entries_with_one_label,
    base_and("one = { label = \"Same\", role = \"agent\" }\ntwo = { label = \"Same\", role = \"admin\" }\n")
);
mistake!(
    an_operators_name_that_is_none,
    base_and("[admin.operators]\n\"a b\" = { token = { env = \"A\" }, role = \"viewer\" }\n")
);
mistake!(
    a_name_that_is_kept,
    base_with(
        "subdomain = \"acme\"",
        "subdomain = \"acme\"\nlogin.client_secret = { env = \"USHER_SECRET_WRITTEN_OUT\" }"
    )
    .replace("\"KEY\"", "\"USHER_SECRET_WRITTEN_OUT\"")
);
mistake!(
    a_permission_with_the_defaults_name,
    base_with("after_deadline", "default = { role = \"agent\" }\nafter_deadline")
        + "default = { role = \"agent\" }\n"
);
mistake!(
    keys_that_are_steps_in_a_path,
    base_and("\"..\" = { role = \"agent\" }\n\"\" = { role = \"agent\" }\n")
);
mistake!(
    two_apps_for_one_payload,
    base_and(
        "[apps.two]\napp_id = \"desk\"\nconnection = \"desk\"\nemail_domains = [\"*\"]\nafter_deadline = \"stop\"\n"
    )
);
mistake!(
    two_apps_for_one_instance,
    base_and(
        "[apps.a]\napp_id = \"x\"\ninstance_id = \"1\"\nconnection = \"desk\"\nemail_domains = [\"*\"]\nafter_deadline = \"stop\"\n\
         [apps.b]\napp_id = \"x\"\ninstance_id = \"1\"\nconnection = \"desk\"\nemail_domains = [\"*\"]\nafter_deadline = \"stop\"\n"
    )
);
mistake!(a_hook_on_a_missing_app, base_and("[hooks.h]\napp = \"dsk\"\npermission = \"agent\"\n"));
mistake!(a_hook_on_a_missing_permission, base_and("[hooks.h]\napp = \"desk\"\npermission = \"agnet\"\n"));
mistake!(
    a_hook_on_an_ignored_permission,
    base_and("x = \"ignore\"\n[hooks.h]\napp = \"desk\"\npermission = \"x\"\n")
);
mistake!(a_hook_with_an_apps_name, base_and("[hooks.desk]\napp = \"desk\"\npermission = \"agent\"\n"));
mistake!(
    a_hook_with_the_shared_secret,
    base_and("[hooks.h]\napp = \"desk\"\npermission = \"agent\"\nsecrets = [{ env = \"KEY\" }]\n")
);

mistake!(
    an_operators_token_that_opens_webhooks_too,
    base_and("[admin.operators]\ndana = { token = { env = \"KEY\" }, role = \"operator\" }\n")
);
mistake!(
    a_hook_with_an_operators_token,
    base_and(
        "[hooks.h]\napp = \"desk\"\npermission = \"agent\"\nsecrets = [{ env = \"DANA\" }]\n[admin.operators]\ndana = { token = { env = \"DANA\" }, role = \"operatr\" }\n"
    )
);
mistake!(
    a_hook_that_opens_what_another_guards,
    base_and(
        "[hooks.guard]\napp = \"desk\"\npermission = \"agent\"\nsecrets = [{ env = \"OWN\" }]\n[hooks.open]\napp = \"desk\"\npermission = \"agent\"\n"
    )
);

#[test]
fn a_build_without_connectors_says_what_brings_them() {
    let file = crate::support::File::new(crate::support::BASE);
    let with = crate::support::surroundings(Vec::new());
    let report = usher_router::config::load_with(&file.path, with).unwrap_err();
    assert_eq!(
        report.mistakes()[0].hint.as_deref().unwrap(),
        "use one that is compiled in (this build has none); this build lacks generic-rest, github-org, zendesk-license: \
         --features generic-rest,github-org,zendesk-license brings what you need of them"
    );
}

/// What is missing is stood in for, so that it hides neither the next mistake nor those of the apps.
#[test]
fn a_connectors_missing_key_hides_no_mistake_of_its_apps() {
    let text = base_with("subdomain = \"acme\"\n", "")
        .replace("{ role = \"agent\" }", "{ rolle = \"agent\" }")
        + "[connections.too]\nconnector = \"desk\"\n";
    let report = crate::support::File::new(&text).load().unwrap_err();
    let keys: Vec<&str> = report.mistakes().iter().map(|mistake| mistake.key.as_str()).collect();
    // And the two that lack it are not taken for one account.
    assert_eq!(
        keys,
        ["connections.desk.subdomain", "apps.desk.permissions.agent.rolle", "connections.too.subdomain"]
    );
}

/// Two slips in one place, and two in one definition with one path.
#[test]
fn mistakes_with_one_path_are_all_told() {
    let text = base_with("subdomain = \"acme\"", "subdomain = \"acme\"\ndefinition = \"wiki.toml\"");
    let file = crate::support::File::new(&text);
    std::fs::write(file.folder.path().join("wiki.toml"), "state = \"wrong\"\nagain = \"wrong\"\n").unwrap();
    let report = file.load().unwrap_err();
    let lines: Vec<usize> =
        report.mistakes().iter().map(|mistake| mistake.place.as_ref().unwrap().line).collect();
    assert_eq!(lines, [1, 2], "{report}");
}

#[test]
fn fifteen_mistakes_in_one_file_are_told_at_once() {
    let text = r#"
[server]
answer_within = "20s"
behind_proxy = 1
lisen = "127.0.0.1:8080"

[server.auth]
secrets = ["hunter2", { env = "KEY" }]

[journal]
keep = 400

[lumos]
api_token = "hunter2-of-lumos"

[connections.desk]
connector = "desk"
subdomain = "acme"
colour = "blue"
login = { client_secret = "hunter2-too" }

[connections.again]
connector = "desk"
subdomain = "acme"

[connections.git]
connector = "github-org"
private_key = """-----BEGIN PRIVATE KEY-----
hunter2
-----END PRIVATE KEY-----"""

[connections.licences]
connector = "zendesk-license"

[apps.desk]
connection = "desk"
email_domains = ["acme.com"]

[apps.desk.permissions]
agent = { role = "agent", team = "a" }
twice = { roles = ["a", "b"] }

[apps.other]
app_id = "desk"
connection = "dask"
email_domains = ["acme.com"]
after_deadline = "stop"

[hooks.h]
app = "desk"
permission = "missing"
"#;
    let file = crate::support::File::new(text);
    insta::assert_snapshot!(file.shown());
    let report = file.load().unwrap_err();
    assert!(report.mistakes().len() >= 15, "{}", report.mistakes().len());
    assert!(report.mistakes().iter().all(|mistake| mistake.hint.is_some()));
    let places: Vec<_> = report.mistakes().iter().filter_map(|mistake| mistake.place.as_ref()).collect();
    assert!(places.is_sorted_by_key(|place| place.bytes.start), "in the order of the file");
}

#[test]
fn a_mistake_in_a_connectors_own_file_is_shown_in_that_file() {
    let text = base_with(
        "subdomain = \"acme\"",
        "subdomain = \"acme\"\ndefinition = \"wiki.toml\"\ncolour = \"blue\"",
    );
    let file = crate::support::File::new(&text);
    std::fs::write(file.folder.path().join("wiki.toml"), "token = \"hunter2\"\nstate = \"wrong\"\n").unwrap();
    insta::assert_snapshot!(file.shown());
}

#[test]
fn machines_are_told_the_same() {
    let file = crate::support::File::new(&base_and("[server]\nanswer_whithin = \"10s\"\n"));
    let mut told = file.load().unwrap_err().to_json();
    told["errors"][0]["file"] = "[file]".into();
    insta::assert_json_snapshot!(told);
}
