//! The demo's rows are checked against the vendor's own ledger: each of them fails under a fault that should make it fail.
#![cfg(feature = "demo")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use usher_router::demo::{Row, Sabotage, Scene, Stage, scenes};
use usher_sandbox::{AccountSeed, Fault, Matcher, Operation, Rule, Sandbox, UserSeed};

/// Plays every scene; `spoil` is called with each after it was prepared.
async fn play(spoil: Option<Sabotage>) -> Vec<Row> {
    let stage = Stage::set(spoil).await.unwrap();
    let rows = stage.play(|_| {}).await.unwrap();
    stage.strike().await;
    rows
}

fn failed(rows: &[Row]) -> Vec<Scene> {
    rows.iter().filter(|row| row.fault.is_some()).map(|row| row.scene).collect()
}

fn forbid(sandbox: &Sandbox, operation: Operation) {
    sandbox.fault(Rule::always(Matcher::operation(operation), Fault::Forbidden)).unwrap();
}

fn refuse(sandbox: &Sandbox, email: &str) {
    let update = Matcher::operation(Operation::UpdateUser).about(email);
    sandbox.fault(Rule::always(update, Fault::Forbidden)).unwrap();
}

/// Somebody makes an end user of Kate again, past the router.
fn demote_kate(sandbox: &Sandbox) {
    let id = Some(sandbox.user("kate@example.com").unwrap().id);
    sandbox.seed_user(UserSeed { id, ..UserSeed::end_user("kate@example.com") }).unwrap();
}

/// A call about Ned reaches the vendor.
fn ask_for_ned(sandbox: &Sandbox) {
    let mut vendor = TcpStream::connect(sandbox.address()).unwrap();
    let request = "GET /zendesk/api/v2/users/search?query=email:ned@example.com HTTP/1.1\r\nHost: vendor\r\nConnection: close\r\n\r\n";
    vendor.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    vendor.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

/// What makes this scene come out wrong.
fn spoil(scene: Scene, stage: &Stage) {
    let sandbox = stage.sandbox();
    match scene {
        // Refused by the vendor: not granted, or not removed.
        Scene::Granted => refuse(sandbox, "kate@example.com"),
        Scene::LightAgent => refuse(sandbox, "miles@example.com"),
        Scene::Deprovisioned => refuse(sandbox, "kate@example.com"),
        // Gone again behind the router's back: the repetition must not be positive.
        Scene::Again => demote_kate(sandbox),
        // Nothing is lost: the row is not what it is told as.
        Scene::AnswerLost => sandbox.clear_faults(),
        // Not late at all.
        Scene::Late => sandbox.clear_faults(),
        // A seat is there.
        Scene::NoSeat => sandbox.configure_zendesk(|settings| settings.max_agents = None),
        // A call where there must be none.
        Scene::Unmapped => ask_for_ned(sandbox),
        // Refused by the vendor.
        Scene::Invited => forbid(sandbox, Operation::CreateInvitation),
        Scene::BesideOthers | Scene::OthersStay => forbid(sandbox, Operation::ReplaceRoles),
        Scene::MadeLater => sandbox.configure_directory(|settings| settings.operations_fail = true),
        // Ada leaves again at once.
        Scene::Accepted => {
            let seed = AccountSeed::outside("ada-lovelace", "ada@example.com");
            sandbox.seed_account(seed).unwrap();
        }
        // The definition says something else than its tests.
        Scene::OwnTests => {
            let file = stage.config().with_file_name("directory.toml");
            let text = std::fs::read_to_string(&file).unwrap();
            std::fs::write(&file, text.replace("/api/users/{{ person.hit.id }}/roles", "/api/users"))
                .unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_comes_out_as_it_should() {
    let rows = play(None).await;
    assert_eq!(rows.iter().map(|row| row.scene).collect::<Vec<_>>(), scenes());
    let faults: Vec<_> = rows.iter().filter_map(|row| row.fault.as_ref()).collect();
    assert!(faults.is_empty(), "{faults:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_offers_to_type_works() {
    let stage = Stage::set(None).await.unwrap();
    let usher = |arguments: &[&OsStr]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_usher"));
        command.args(arguments).arg("--config").arg(stage.config()).output()
    };
    let checked = usher(&["check".as_ref(), "--live".as_ref()]).await.unwrap();
    assert!(checked.status.success(), "{checked:?}");
    let (url, sample) = (stage.webhooks(), stage.sample());
    let sent = usher(&["send".as_ref(), "--url".as_ref(), url.as_ref(), sample.as_ref()]).await.unwrap();
    assert!(sent.status.success(), "{sent:?}");
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_fails_under_a_fault_that_should_make_it_fail() {
    // One run for each: a spoiled scene may spoil those after it, but its own row must be among the failed.
    let runs = scenes().into_iter().map(|wanted| async move {
        let spoil: Sabotage = Arc::new(move |scene, stage: &Stage| {
            if scene == wanted {
                spoil(scene, stage);
            }
        });
        let failed = failed(&play(Some(spoil)).await);
        assert!(failed.contains(&wanted), "{wanted:?} was spoiled, and failed were {failed:?}");
        // Each plays at a stand-in of its own, and those before it there are over: only what comes later may fail with it.
        let early = failed.iter().filter(|scene| **scene < wanted && **scene != Scene::Late);
        assert_eq!(early.count(), 0, "{wanted:?} was spoiled, and failed were {failed:?}");
    });
    futures_util::future::join_all(runs).await;
}
