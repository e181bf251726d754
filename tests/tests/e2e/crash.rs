//! `kill -9` in the middle: after a restart on the same journal every request ends, and every change has happened once.

use futures_util::future::join_all;
use usher_sandbox::{Matcher, Operation, UserSeed};

use crate::support::{Config, Payload, Sandbox, Usher, about, world};

const EMAIL: &str = "ann@example.com";

/// At which moment it is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// The vendor is being read, and nothing has been sent.
    BeforeTheChange,
    /// The change is on its way, and the vendor has not made it.
    BeforeItIsApplied,
    /// The vendor has made it, and not answered.
    AfterItIsApplied,
    /// It was answered, and is being read back.
    BeforeTheAnswer,
}

fn readings() -> Matcher {
    Matcher { method: Some("GET".to_owned()), ..Matcher::default() }.about(EMAIL)
}

/// Brings a request to this moment and ends the process there.
async fn killed_at(moment: Moment, sandbox: &Sandbox, usher: &mut Usher, payload: &Payload) -> String {
    let arrives = async |query: &str, after: usize| {
        sandbox.wait_for(&format!("{query}&subject={EMAIL}&after={after}")).await;
    };
    let update = || about(Operation::UpdateUser, EMAIL);
    let before = sandbox.calls().await.len();
    let first = match moment {
        Moment::BeforeTheChange => sandbox.hold(readings(), false).await,
        Moment::BeforeItIsApplied => sandbox.hold(update(), false).await,
        Moment::AfterItIsApplied | Moment::BeforeTheAnswer => sandbox.hold(update(), true).await,
    };
    let sent = tokio::spawn(usher.try_send(payload));
    match moment {
        Moment::BeforeTheChange => arrives("method=GET", before).await,
        _ => arrives("operation=update_user", before).await,
    }
    if matches!(moment, Moment::BeforeTheAnswer) {
        let read_back = sandbox.calls().await.len();
        sandbox.hold(readings(), false).await;
        sandbox.release(first).await;
        arrives("method=GET", read_back).await;
    }
    let id = usher.row_of(payload).await.id().to_owned();
    usher.kill_9();
    assert!(sent.await.unwrap().is_none(), "nobody was answered");
    // The vendor has seen that its caller is gone.
    arrives("end=caller_left", before).await;
    id
}

async fn one_effect_after_a_kill(moment: Moment, payload: Payload) {
    let (sandbox, mut usher) = world().await;
    sandbox.end_users(&[EMAIL]).await;
    let is_grant = payload.direction() == "provision";
    if !is_grant {
        assert!(usher.send(&Payload::grant(EMAIL, &["agent"])).await.is_positive());
    }
    let before = sandbox.effects_on(EMAIL).await.len();
    let id = killed_at(moment, &sandbox, &mut usher, &payload).await;
    usher.restart().await;
    let row = usher.ended(&id).await;
    let (word, role) = if is_grant { ("granted", "agent") } else { ("removed", "end-user") };
    let history = usher.history(&id).await;
    assert_eq!(row.word(), word, "{moment:?}: {history:#?}");
    assert_eq!(sandbox.role(EMAIL).await, role, "{moment:?}");
    let effects = &sandbox.effects_on(EMAIL).await[before..];
    assert_eq!(effects.len(), 1, "{moment:?}: {effects:?} {history:#?}");
    assert!(history.iter().any(|line| line == "Taken up again after a restart."), "{history:#?}");
    assert_eq!(row.0["answer"], "lost", "{moment:?}");
    // And whoever asks again hears of it.
    let again = usher.send(&payload).await;
    assert!(again.is_positive() && again.id == id, "{moment:?}: {again:?}");
    assert_eq!(sandbox.effects_on(EMAIL).await.len(), before + 1, "{moment:?}");
}

const MOMENTS: [Moment; 4] =
    [Moment::BeforeTheChange, Moment::BeforeItIsApplied, Moment::AfterItIsApplied, Moment::BeforeTheAnswer];

#[tokio::test]
async fn a_request_that_is_killed_at_any_moment_ends_as_it_should_and_has_one_effect() {
    let grants = MOMENTS.map(|moment| one_effect_after_a_kill(moment, Payload::grant(EMAIL, &["agent"])));
    let removals = MOMENTS.map(|moment| one_effect_after_a_kill(moment, Payload::removal(EMAIL, &["agent"])));
    // One that names nothing, and so releases everything.
    let all = MOMENTS.map(|moment| one_effect_after_a_kill(moment, Payload::removal(EMAIL, &[])));
    tokio::join!(join_all(grants), join_all(removals), join_all(all));
}

#[tokio::test]
async fn an_answer_that_lumos_got_is_true_after_a_kill_as_well() {
    let (sandbox, mut usher) = world().await;
    sandbox.end_users(&[EMAIL]).await;
    let payload = Payload::grant(EMAIL, &["support_agent"]);
    let answer = usher.send(&payload).await;
    assert!(answer.is_positive());
    usher.kill_9();
    usher.restart().await;
    assert_eq!(usher.row(&answer.id).await.word(), "granted");
    // What it knows of the former role has outlived the process too.
    assert_eq!(usher.send(&Payload::removal(EMAIL, &["support_agent"])).await.status, 204);
    assert_eq!(sandbox.role(EMAIL).await, "end-user");
}

#[tokio::test]
async fn rule_29_a_grant_whose_permission_means_something_else_after_the_restart_waits_for_a_person() {
    let (sandbox, mut usher) = world().await;
    sandbox.seed_users(&[UserSeed::end_user(EMAIL)]).await;
    let payload = Payload::grant(EMAIL, &["reader"]);
    let id = killed_at(Moment::BeforeTheChange, &sandbox, &mut usher, &payload).await;
    let text = Config::new(&sandbox).text();
    let other = text.replace("reader = { role = \"light-agent\" }", "reader = { role = \"agent\" }");
    assert_ne!(text, other);
    std::fs::write(usher.folder().join("usher.toml"), other).unwrap();
    usher.restart().await;
    assert_eq!(usher.ended(&id).await.word(), "needs-you");
    assert!(sandbox.effects_on(EMAIL).await.is_empty());
}
