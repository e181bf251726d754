//! `usher backup`, and a service that goes on from what it has written.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::{AUDIT, Config, DANA, Payload, Usher, world};

const EMAIL: &str = "ann@example.com";

async fn holdings(usher: &Usher) -> Value {
    let (status, page) = usher.api_as(DANA, reqwest::Method::GET, "/api/v1/holdings?limit=1000", None).await;
    assert_eq!(status, 200, "{page}");
    page
}

/// A service on a copy of another one's journal.
async fn restored(config: &Config, from: &Usher, file: &str) -> Usher {
    let mut usher = Usher::start(config).await;
    usher.signal(rustix::process::Signal::TERM);
    usher.end().await;
    std::fs::copy(from.folder().join(file), usher.folder().join("usher.db")).unwrap();
    usher.restart().await;
    usher
}

#[tokio::test]
async fn a_service_that_is_started_on_a_backup_has_every_request_and_every_holding() {
    let (sandbox, usher) = world().await;
    sandbox.end_users(&[EMAIL, "ben@example.com", "cem@example.com"]).await;
    assert!(usher.send(&Payload::grant(EMAIL, &["support_agent"])).await.is_positive());
    assert!(usher.send(&Payload::grant("ben@example.com", &["agent"])).await.is_positive());
    assert_eq!(usher.send(&Payload::removal("ben@example.com", &["agent"])).await.status, 204);
    let refused = usher.send(&Payload::grant("cem@example.com", &["nothing"])).await;
    usher.ended(&refused.id).await;

    let made = usher.command(&["backup", "copy.db"]).await;
    assert_eq!(made.code, 0, "{made:?}");
    assert!(made.stdout.contains("copy.db holds the journal as it was: 4 requests"), "{made:?}");
    let copy = usher.folder().join("copy.db");
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);

    let restored = restored(&Config::new(&sandbox), &usher, "copy.db").await;
    assert_eq!(holdings(&restored).await, holdings(&usher).await);
    let (was, is) = (usher.rows().await, restored.rows().await);
    assert_eq!(was.len(), 4);
    for (was, is) in was.iter().zip(&is) {
        assert_eq!(was.0, is.0);
        assert_eq!(usher.history(was.id()).await, restored.history(is.id()).await);
    }
    // What it knows of the former role has come along too.
    assert_eq!(restored.send(&Payload::removal(EMAIL, &["support_agent"])).await.status, 204);
    assert_eq!(sandbox.role(EMAIL).await, "end-user");
}

#[tokio::test]
async fn a_backup_is_taken_while_requests_are_running_and_what_was_unfinished_goes_on() {
    let (sandbox, mut usher) = world().await;
    let people: Vec<String> = (0..40).map(|n| format!("p{n}@example.com")).collect();
    let seeds: Vec<&str> = people.iter().map(String::as_str).collect();
    sandbox.end_users(&seeds).await;
    let load: Vec<_> =
        people.iter().map(|email| tokio::spawn(usher.try_send(&Payload::grant(email, &["agent"])))).collect();
    let made = usher.command(&["--json", "backup", "copy.db"]).await;
    assert_eq!(made.code, 0, "{made:?}");
    let requests = made.json()["holds"]["requests"].as_u64().unwrap();
    for answer in load {
        assert!(answer.await.unwrap().expect("it is answered").is_positive(), "a backup holds nobody up");
    }
    let before = usher.rows().await;
    // The other goes on from here, as the same service would.
    usher.kill_9();
    let restored = restored(&Config::new(&sandbox), &usher, "copy.db").await;
    let rows = restored.all_ended().await;
    assert_eq!(rows.len() as u64, requests);
    for row in &rows {
        assert_eq!(row.word(), "granted", "{row:?}");
        assert!(before.iter().any(|was| was.id() == row.id()));
        assert_eq!(sandbox.effects_on(row.subject()).await.len(), 1, "and nothing happened twice");
    }
}

#[tokio::test]
async fn a_backup_replaces_no_file_unless_it_is_told_to_and_leaves_no_part_behind() {
    let (_sandbox, usher) = world().await;
    let copy = usher.folder().join("copy.db");
    std::fs::write(&copy, "mine").unwrap();
    let refused = usher.command(&["backup", "copy.db"]).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("replace it with --force"), "{refused:?}");
    assert_eq!(std::fs::read(&copy).unwrap(), b"mine");
    let folder = usher.command(&["backup", ".", "--force"]).await;
    assert_eq!(folder.code, 2, "{folder:?}");
    let nowhere = usher.command(&["backup", "none/copy.db"]).await;
    assert_eq!(nowhere.code, 1, "{nowhere:?}");
    assert_eq!(usher.command(&["backup", "copy.db", "--force"]).await.code, 0);
    assert!(std::fs::read(&copy).unwrap().starts_with(b"SQLite format 3\0"));
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let mut names: Vec<String> = std::fs::read_dir(usher.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("copy") || name.contains("backup"))
        .collect();
    names.sort();
    assert_eq!(names, ["copy.db"]);
}

#[tokio::test]
async fn only_an_operator_may_take_a_backup() {
    let (_sandbox, usher) = world().await;
    let viewer = usher.command_as(AUDIT, &["backup", "copy.db"]).await;
    assert_eq!(viewer.code, 1, "{viewer:?}");
    assert!(viewer.stderr.contains("may only read"), "{viewer:?}");
    let nobody = usher.command_as("nobody's token", &["backup", "copy.db"]).await;
    assert_eq!(nobody.code, 1, "{nobody:?}");
    assert!(!usher.folder().join("copy.db").exists());
    let (status, _) = usher.api_as(DANA, reqwest::Method::GET, "/api/v1/backup", None).await;
    assert_eq!(status, 405);
}
