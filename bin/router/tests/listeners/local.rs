//! Commands that need no service.

use crate::support::{Ended, usher};

async fn run(arguments: &[&str]) -> Ended {
    usher(arguments, &[], "").await
}

#[tokio::test]
async fn the_help_names_every_command_in_a_line() {
    let ended = run(&["--help"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    for command in [
        "init",
        "serve",
        "check",
        "test",
        "plan",
        "send",
        "requests",
        "holdings",
        "pause",
        "resume",
        "connectors",
        "schema",
        "completions",
    ] {
        assert!(
            ended.stdout.lines().any(|line| line.trim_start().starts_with(&format!("{command} "))),
            "{command} is missing:\n{}",
            ended.stdout
        );
    }
}

#[tokio::test]
async fn wrong_use_of_any_command_is_exit_2_and_goes_to_standard_error() {
    for wrong in [
        &["init", "--connector", "jira"][..],
        &["serve", "now"],
        &["check", "--alive"],
        &["test"],
        &["plan"],
        &["send"],
        &["holdings", "one", "two"],
        &["pause"],
        &["connectors", "one", "two"],
        &["schema", "everything"],
        &["completions"],
    ] {
        let ended = run(wrong).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{wrong:?}");
        assert!(!ended.stderr.is_empty(), "{wrong:?}");
    }
    // A token is needed to speak with a service, and none is set.
    for command in [&["plan", "-"][..], &["holdings"], &["requests", "list"]] {
        let ended = run(command).await;
        assert_eq!(ended.code, 2, "{command:?}");
        assert!(ended.stderr.contains("USHER_OPERATOR_TOKEN"), "{command:?}: {ended:?}");
    }
}

#[cfg(not(feature = "generic-rest"))]
#[tokio::test]
async fn what_this_build_lacks_is_told_with_the_features_that_would_bring_it() {
    for command in [&["test", "wiki.toml"][..], &["schema", "definition"], &["connectors", "generic-rest"]] {
        let ended = run(command).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{command:?}");
        assert!(ended.stderr.contains("--features generic-rest"), "{command:?}: {ended:?}");
    }
}

#[tokio::test]
async fn the_connectors_of_this_build_are_listed_with_what_would_bring_the_others() {
    let ended = run(&["connectors"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert!(ended.stdout.starts_with("CONNECTOR "), "{}", ended.stdout);
    for (kind, is_there) in [
        ("generic-rest", cfg!(feature = "generic-rest")),
        ("github-org", cfg!(feature = "github-org")),
        ("zendesk-license", cfg!(feature = "zendesk-license")),
    ] {
        let row = ended.stdout.lines().find(|line| line.starts_with(kind)).unwrap();
        assert_eq!(row.contains("  yes"), is_there, "{row}");
        assert_eq!(row.contains(&format!("no: --features {kind}")), !is_there, "{row}");
    }
    let json = run(&["connectors", "--json"]).await.json();
    for connector in json["connectors"].as_array().unwrap() {
        assert!(connector["settings"].is_object() && connector["entitlement"].is_object(), "{connector}");
    }
    assert!(json["lacking"].is_array());
}

#[cfg(feature = "zendesk-license")]
#[tokio::test]
async fn one_connector_is_shown_with_its_settings_and_what_a_permission_says() {
    let ended = run(&["connectors", "zendesk-license"]).await;
    assert_eq!(ended.code, 0);
    insta::assert_snapshot!(ended.stdout);
    assert_eq!(run(&["connectors", "sql-database"]).await.code, 1);
    let ended = run(&["connectors", "zendesk"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    assert!(ended.stderr.starts_with("usher: there is no connector zendesk"), "{ended:?}");
}

#[tokio::test]
async fn completions_are_written_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = run(&["completions", shell]).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{shell}");
        assert!(ended.stdout.contains("holdings"), "{shell}: {}", ended.stdout);
    }
    assert_eq!(run(&["completions", "bash", "--json"]).await.json()["shell"], "bash");
    assert_eq!(run(&["completions", "cmd"]).await.code, 2);
}

#[tokio::test]
async fn the_schema_is_json_with_and_without_being_asked_for_it() {
    for arguments in [&["schema"][..], &["schema", "configuration"], &["schema", "--json"]] {
        let schema = run(arguments).await.json();
        assert_eq!(schema["title"], "usher.toml");
    }
    assert_eq!(run(&["schema", "everything"]).await.code, 2);
}

#[cfg(feature = "zendesk-license")]
#[tokio::test]
async fn init_without_a_terminal_asks_nothing_and_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("usher.toml");
    let file = file.to_str().unwrap();
    let ended = run(&["init", "--output", file]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    assert!(ended.stderr.contains("--connector"), "{ended:?}");
    let whole = [
        "init",
        "--output",
        file,
        "--connector",
        "zendesk-license",
        "--account",
        "acme",
        "--domain",
        "acme.com",
        "--json",
    ];
    let ended = run(&whole).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.json()["set"][0]["name"], "USHER_WEBHOOK_KEY");
    assert_eq!(ended.json()["next"][0], format!("usher check --config {file}"));
    let ended = run(&whole).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    assert!(ended.stderr.contains("is there already"), "{ended:?}");
    // And the three commands that it names begin with one that finds nothing wrong.
    let secrets = [
        ("USHER_WEBHOOK_KEY", "0123456789abcdef0123"),
        ("USHER_OPERATOR_TOKEN", "fedcba98765432100123"),
        ("ZENDESK_CLIENT_SECRET", "secret"),
    ];
    let ended = usher(&["check", "--config", file], &secrets, "").await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
}

#[cfg(feature = "generic-rest")]
mod definitions {
    use tempfile::TempDir;

    use super::{Ended, run, usher};

    const DEFINITION: &str = r#"
schema = 1
base_url = "https://wiki.example"
auth = { type = "bearer", token = "{{ secret.key }}" }

[[lookup]]
id = "member"
get = "/members"
query.email = "{{ user.email }}"
capture.hit = "json.members | one_or_none"

[state]
account = "member.hit"

[[provision]]
post = "/members"
json.email = "{{ user.email }}"
expect.status = [201]

[[deprovision]]
delete = "/members/{{ member.hit.id }}"
expect.status = [204]
"#;

    const TEST: &str = r#"
[[test]]
name = "who is there already is left alone"
user.email = "ada@acme.example"
permissions.member = {}
outcome = "granted"
[[test.exchange]]
get = "/members"
query.email = "ada@acme.example"
answer.json = { members = [{ id = "7" }] }
"#;

    fn written(text: &str) -> (TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wiki.toml");
        std::fs::write(&file, text).unwrap();
        let name = file.to_str().unwrap().to_owned();
        (folder, name)
    }

    async fn tested(text: &str) -> Ended {
        let (folder, file) = written(text);
        let mut ended = run(&["test", &file]).await;
        // The columns are as wide as the folder's name, which differs from run to run.
        let stdout = ended.stdout.replace(&format!("{}/", folder.path().display()), "");
        let cells = |line: &str| {
            let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
            format!("{}\n", cells.join("  "))
        };
        ended.stdout = stdout.lines().map(cells).collect();
        ended
    }

    #[tokio::test]
    async fn a_definition_s_tests_are_run_and_listed() {
        let ended = tested(&format!("{DEFINITION}{TEST}")).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
        insta::assert_snapshot!(ended.stdout);
        let (_folder, file) = written(DEFINITION);
        let ended = run(&["test", &file]).await;
        assert_eq!(ended.code, 1, "nothing is shown to work: {ended:?}");
        assert!(ended.stdout.contains("  no tests\n"), "{ended:?}");
        assert!(
            ended.stdout.ends_with(
                "wiki.toml has no tests: add a [[test]], or take it as it is with --allow-empty\n"
            ),
            "{ended:?}"
        );
        assert_eq!(run(&["test", &file, "--json"]).await.json()["ok"], false);
        assert_eq!(run(&["test", &file, "--allow-empty"]).await.code, 0);
    }

    #[tokio::test]
    async fn a_test_that_fails_is_exit_1_with_the_line_and_both_sides() {
        let text = format!("{DEFINITION}{}", TEST.replace("\"granted\"", "\"refused\""));
        let ended = tested(&text).await;
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.stdout.contains("  failed\n") && ended.stdout.contains("wiki.toml:2"), "{ended:?}");
        let (_folder, file) = written(&text);
        let json = run(&["test", &file, "--json"]).await.json();
        let failure = &json["definitions"][0]["tests"][0]["failures"][0];
        assert!(failure["line"].is_u64() && failure["message"].is_string(), "{json}");
    }

    #[tokio::test]
    async fn a_definition_that_cannot_be_read_is_exit_1_with_its_places() {
        let ended = tested(&DEFINITION.replace("capture.hit", "capturing.hit")).await;
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.stdout.contains("cannot be read") && ended.stdout.contains("capturing"), "{ended:?}");
        let ended = run(&["test", "/nowhere/wiki.toml"]).await;
        assert_eq!(ended.code, 1, "{ended:?}");
        let json = run(&["test", "/nowhere/wiki.toml", "--json"]).await.json();
        assert_eq!(json["definitions"][0]["errors"].as_array().unwrap().len(), 1, "{json}");
        assert_eq!(run(&["test"]).await.code, 2);
    }

    #[tokio::test]
    async fn a_secret_that_is_written_out_is_in_no_snippet_and_nothing_steers_the_terminal() {
        let good = "auth = ";
        assert!(DEFINITION.contains(good), "the definition has its credential on one line");
        let line = DEFINITION.lines().find(|line| line.starts_with(good)).unwrap();
        let wrong = |auth: &str| DEFINITION.replace(line, auth);
        for text in [
            wrong("auth = { type = \"bearer\", token = \"sk-live-hunter2\" }"),
            wrong("auth = { type = \"bearer\", tokn = \"sk-live-hunter2\" }"),
            wrong("auth = { type = \"api_key\", header = \"X-Key\", value = \"sk-live-hunter2\" }"),
            wrong("auth = { type = \"jwt\", algorithm = \"HS256\", key = \"sk-live-hunter2\", ttl = 7 }"),
            wrong("auth = { type = \"api_key\", header = \"X-Key\", value = \"sk-live-hunter2\""),
            DEFINITION.replace("base_url = \"https://", "base_url = \"https://usher:sk-live-hunter2@"),
        ] {
            for arguments in [&["test"][..], &["test", "--json"]] {
                let (_folder, file) = written(&text);
                let mut arguments = arguments.to_vec();
                arguments.push(&file);
                let ended = run(&arguments).await;
                assert_eq!(ended.code, 1, "{ended:?}");
                assert!(!format!("{ended:?}").contains("hunter2"), "{text}\n{ended:?}");
            }
        }
        let ended = tested(&DEFINITION.replace("capture.hit", "# \u{202e}\ncapturing.hit")).await;
        assert!(ended.stdout.contains("capturing") && !ended.stdout.contains('\u{202e}'), "{ended:?}");
    }

    #[tokio::test]
    async fn what_is_no_file_is_told_at_once_and_never_read_to_an_end_that_does_not_come() {
        for (name, said) in
            [("/dev/zero", "/dev/zero: is not a file"), (env!("CARGO_MANIFEST_DIR"), "is a folder")]
        {
            let ended = run(&["test", name]).await;
            assert_eq!(ended.code, 1, "{ended:?}");
            assert!(ended.stdout.contains("1 mistake in the definition"), "{ended:?}");
            let words: Vec<&str> = ended.stdout.split_whitespace().filter(|word| *word != "│").collect();
            assert!(words.join(" ").contains(said), "{ended:?}");
        }
    }

    async fn checked(definition: &str) -> Ended {
        let (folder, _) = written(definition);
        let config = folder.path().join("usher.toml");
        let text = r#"
[server.auth]
secrets = [{ env = "KEY" }]
[connections.wiki]
connector = "generic-rest"
definition = "wiki.toml"
secrets.key = { env = "WIKI" }
[apps.wiki]
connection = "wiki"
email_domains = ["*"]
after_deadline = "stop"
permissions.member = {}
"#;
        std::fs::write(&config, text).unwrap();
        let environment = [("KEY", "0123456789abcdef0123"), ("WIKI", "wiki-secret")];
        usher(&["check", "--json", "--config", config.to_str().unwrap()], &environment, "").await
    }

    #[tokio::test]
    async fn a_check_runs_the_tests_of_the_definitions_that_the_configuration_names() {
        let ended = checked(&format!("{DEFINITION}{TEST}")).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        assert_eq!(ended.json()["definitions"][0]["tests"][0]["passed"], true);
        let ended = checked(&format!("{DEFINITION}{}", TEST.replace("\"granted\"", "\"refused\""))).await;
        assert_eq!((ended.code, &ended.json()["ok"]), (1, &serde_json::json!(false)), "{ended:?}");
        let ended = checked(DEFINITION).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(ended.json()["configuration"]["notes"].to_string().contains("has no tests"), "{ended:?}");
    }
}
