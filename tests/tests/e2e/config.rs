//! What is wrong before anything runs.

use std::path::Path;

use serde_json::json;
use usher_sandbox::AppKey;
use usher_sandbox::zendesk::CLIENT_SECRET;

use crate::support::{Config, Ended, Payload, Sandbox, folder, run, world};

async fn check(config: &str, more: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("usher.toml"), config).unwrap();
    std::fs::write(folder.path().join("client-secret"), CLIENT_SECRET).unwrap();
    run(folder.path(), &[&["check"], more].concat(), &[("NO_COLOR", "1")]).await
}

#[tokio::test]
async fn two_processes_on_one_journal_are_one_too_many_and_the_first_goes_on() {
    let (sandbox, usher) = world().await;
    sandbox.end_users(&["ann@example.com"]).await;
    let second = run(usher.folder(), &["serve"], &[]).await;
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.stderr.contains("usher.db"), "{second:?}");
    assert_eq!(second.stdout, "");
    assert!(usher.send(&Payload::grant("ann@example.com", &["agent"])).await.is_positive());
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_with_its_section_and_touches_no_journal() {
    let (sandbox, usher) = world().await;
    let taken = usher.webhooks.strip_prefix("http://").unwrap();
    let folder = folder(&Config::new(&sandbox).listen(taken));
    let ended = run(folder.path(), &["serve"], &[]).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains(&format!("[server] {taken} is taken")), "{ended:?}");
    assert!(!folder.path().join("usher.db").exists());
}

#[tokio::test]
async fn a_mistake_is_shown_with_its_file_its_line_and_a_caret_and_nothing_starts() {
    let sandbox = Sandbox::start().await;
    let good = Config::new(&sandbox).text();
    let ended = check(&good, &[]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let wrong = good.replace("connection = \"zendesk\"", "connection = \"zendsk\"");
    let line = wrong.lines().position(|line| line.contains("zendsk")).unwrap() + 1;
    let ended = check(&wrong, &[]).await;
    assert_eq!(ended.code, 1);
    for part in [&format!("usher.toml:{line}:"), "zendsk", "did you mean", "^"] {
        assert!(ended.stderr.contains(part) || part == "^", "{part}: {}", ended.stderr);
    }
    assert!(ended.stderr.contains(['^', '─']), "{}", ended.stderr);

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("usher.toml"), &wrong).unwrap();
    let ended = run(folder.path(), &["serve"], &[]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    assert!(!folder.path().join("usher.db").exists());
    assert_eq!(sandbox.calls().await, []);
}

#[tokio::test]
async fn a_secret_that_is_written_out_is_refused_and_not_shown() {
    let sandbox = Sandbox::start().await;
    let secret = "a-secret-that-somebody-wrote-out";
    let text = Config::new(&sandbox).text().replace("{ env = \"WEBHOOK_KEY\" }", &format!("\"{secret}\""));
    assert!(text.contains(secret));
    for more in [&[][..], &["--json"]] {
        let ended = check(&text, more).await;
        assert_eq!(ended.code, 1);
        assert!(ended.stderr.contains("secret written out"), "{ended:?}");
        assert!(!ended.stderr.contains(secret) && !ended.stdout.contains(secret), "{ended:?}");
    }
}

#[tokio::test]
async fn a_secret_that_is_missing_is_told_by_the_name_of_its_variable() {
    let sandbox = Sandbox::start().await;
    let text = Config::new(&sandbox).text().replace("WEBHOOK_KEY", "NOT_SET_ANYWHERE");
    let ended = check(&text, &[]).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("NOT_SET_ANYWHERE"), "{ended:?}");
}

#[tokio::test]
async fn a_live_check_tells_a_wrong_credential_and_roles_and_groups_that_are_not_there() {
    let sandbox = Sandbox::start().await;
    let staff = |text: String| text.replace("role = \"agent\"", "role = \"Staff\"");
    let good = staff(Config::new(&sandbox).text());
    let ended = check(&good, &["--live", "--json"]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.json()["live"][0]["ok"], json!(true));
    assert_eq!(ended.json()["live"][0]["connection"], "zendesk");

    let other = good.replace("role = \"Staff\"", "role = \"Stuff\"").replace("\"Tier 1\"", "\"Tier 9\"");
    let ended = check(&other, &["--live"]).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    for part in ["Zendesk has no role Stuff", "Light agent", "Team lead", "Zendesk has no group named Tier 9"]
    {
        assert!(squeezed(&ended.stdout).contains(&squeezed(part)), "{part}: {}", ended.stdout);
    }

    sandbox.seed(&json!({ "settings": { "client_secret": "another" } })).await;
    let ended = check(&good, &["--live"]).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    let said = squeezed(&format!("{}{}", ended.stdout, ended.stderr));
    assert!(said.contains(&squeezed("does not accept the credential")), "{ended:?}");
    assert!(!said.contains(CLIENT_SECRET), "{ended:?}");
    let changing = sandbox.calls().await.into_iter().filter(|call| call.method != "GET");
    assert!(changing.into_iter().all(|call| call.path == "/oauth/tokens"), "a check writes nothing");
}

/// Without the blanks, since tables wrap their cells.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !"│|┆".contains(*c)).collect()
}

#[tokio::test]
async fn the_example_is_in_order_once_its_secrets_are_set() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let secrets = [
        ("USHER_WEBHOOK_KEY", "0123456789abcdef0123456789abcdef"),
        ("USHER_ZENDESK_LIGHT", "fedcba9876543210fedcba9876543210"),
        ("USHER_DANA", "dana-0123456789abcdef0123456789"),
        ("USHER_AUDIT", "audit-0123456789abcdef0123456789"),
        ("ZENDESK_CLIENT_SECRET", "zendesk-0123456789abcdef01234567"),
        ("WIKI_SECRET", "wiki-0123456789abcdef0123456789"),
        ("LUMOS_API_TOKEN", "lumos-0123456789abcdef0123456789"),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/0123456789abcdef"),
        ("ALERTS_SECRET", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
    ];
    let folder = tempfile::tempdir().unwrap();
    // The one secret that stands in a file, and the definition, whose place is beside the configuration.
    let key = AppKey::shared().unwrap();
    std::fs::write(folder.path().join("github.pem"), key.private_pem()).unwrap();
    let definition = "recipes/directory/definition.toml";
    std::fs::create_dir_all(folder.path().join(definition).parent().unwrap()).unwrap();
    std::fs::copy(project.join(definition), folder.path().join(definition)).unwrap();
    let example = std::fs::read_to_string(project.join("usher.example.toml")).unwrap();
    let here = example.replace("/run/secrets/github.pem", "github.pem");
    assert_ne!(here, example);
    std::fs::write(folder.path().join("usher.toml"), here).unwrap();
    let ended = run(folder.path(), &["check"], &secrets).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stdout.contains("is in order."), "{ended:?}");
    let ended = run(folder.path(), &["check"], &secrets[1..]).await;
    assert_eq!(ended.code, 1, "{ended:?}");
}

#[tokio::test]
async fn what_is_not_there_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(folder.path(), &["serve"], &[]).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("usher.toml"), "{ended:?}");
    let token = [("USHER_OPERATOR_TOKEN", "any"), ("USHER_ADMIN", "http://127.0.0.1:1")];
    let ended = run(folder.path(), &["requests", "list"], &token).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("start it with usher serve"), "{ended:?}");
    for wrong in [&["requests", "list", "--state", "done"][..], &["nothing"], &["serve", "--colour"]] {
        assert_eq!(run(folder.path(), wrong, &[]).await.code, 2, "{wrong:?}");
    }
}

#[tokio::test]
async fn a_journal_that_cannot_be_opened_is_one_sentence_and_nothing_is_served() {
    let sandbox = Sandbox::start().await;
    let folder = folder(&Config::new(&sandbox));
    let path = folder.path().join("usher.toml");
    let nowhere = Config::new(&sandbox).text().replace("sqlite:usher.db", "sqlite:nowhere/usher.db");
    std::fs::write(&path, nowhere).unwrap();
    let ended = run(folder.path(), &["serve"], &[]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{ended:?}");
    assert!(ended.stderr.contains("nowhere"), "{ended:?}");
    // A file that is something else is not overwritten.
    std::fs::write(&path, Config::new(&sandbox).text()).unwrap();
    std::fs::write(folder.path().join("usher.db"), "somebody's letter, and no database at all\n").unwrap();
    let ended = run(folder.path(), &["serve"], &[]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{ended:?}");
    assert!(ended.stderr.contains("usher.db"), "{ended:?}");
    let kept = std::fs::read_to_string(folder.path().join("usher.db")).unwrap();
    assert!(kept.starts_with("somebody's letter"));
}

#[tokio::test]
async fn a_restart_with_another_configuration_serves_by_that_one() {
    let (sandbox, mut usher) = world().await;
    sandbox.end_users(&["ann@example.com"]).await;
    let payload = Payload::grant("ann@example.com", &["team_lead"]);
    let refused = usher.send(&payload).await;
    assert!(refused.is_no());
    usher.ended(&refused.id).await;
    usher.kill_9();
    let more = "[apps.zendesk.permissions.team_lead]\nrole = \"Team lead\"\n";
    usher.configure(&Config::new(&sandbox).more(more));
    usher.restart().await;
    // The lines were pasted; the same request is taken up on its row.
    let answer = usher.send(&payload).await;
    assert!(answer.is_positive(), "{answer:?}");
    assert_eq!(sandbox.role("ann@example.com").await, "Team lead");
    assert_eq!(answer.id, refused.id);
}
