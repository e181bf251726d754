//! What Usher writes. Every service of these tests logs all that it can (`USHER_LOG=trace`), and is searched for secrets and
//! addresses when it ends (`support::Usher`); here is what keeps that search honest.

use rustix::process::Signal;
use usher_sandbox::{Fault, Operation, Rule};

use crate::support::{
    AUDIT, BEARER, CLIENT_SECRET, DANA, HOOK_KEY, KEY, Payload, about, addresses_in, secrets_in, world,
};

#[tokio::test]
async fn neither_logs_nor_the_journal_have_a_secret_in_them_whatever_happened() {
    let (sandbox, mut usher) = world().await;
    sandbox.end_users(&["ann@example.com", "ben@example.com"]).await;
    let update = |email| about(Operation::UpdateUser, email);
    let reset = Fault::Unauthorized { revoke_tokens: true };
    sandbox.fault(Rule::once(update("ann@example.com"), reset)).await;
    sandbox.fault(Rule::once(update("ben@example.com"), Fault::Garbage { apply: true })).await;
    assert!(usher.send(&Payload::grant("ann@example.com", &["support_agent"])).await.is_positive());
    assert!(usher.send(&Payload::grant("ben@example.com", &["agent"])).await.is_positive());
    usher.send(&Payload::grant("ben@example.com", &["nothing"])).await;
    usher.send(&Payload::grant("ben@elsewhere.com", &["agent"])).await;
    let bad = format!("{{\"target_user\": {{\"email\": \"eve@example.com {KEY}\"}}");
    usher.post_with("/webhooks/provision", &[("X-Usher-Key", KEY)], bad.into_bytes()).await;
    usher.post_with("/webhooks/provision", &[("X-Usher-Key", HOOK_KEY)], Vec::new()).await;
    assert_eq!(usher.command(&["requests", "list"]).await.code, 0);
    usher.signal(Signal::TERM);
    let (code, stdout, stderr) = usher.end().await;
    assert_eq!(code, Some(0));
    // It did log, and all of it.
    for told in ["\"level\":\"INFO\"", "called the vendor", "/api/v2/users/{id}", "answered"] {
        assert!(stderr.contains(told), "{told} is not in the log");
    }
    assert_eq!(secrets_in(stdout.as_bytes()), [""; 0]);
    assert_eq!(secrets_in(stderr.as_bytes()), [""; 0]);
    assert_eq!(addresses_in(&stderr), [""; 0]);
    let journal = usher.journal_bytes();
    assert_eq!(secrets_in(&journal), [""; 0]);
    // The journal is the place that has the payload, and was really searched.
    assert!(!addresses_in(&String::from_utf8_lossy(&journal)).is_empty());
}

#[tokio::test]
async fn the_search_finds_each_of_the_secrets_and_addresses_in_any_spelling() {
    let (sandbox, _usher) = world().await;
    let token = sandbox.bearer_token().await;
    assert!(token.starts_with(BEARER), "{token}");
    for secret in [KEY, HOOK_KEY, DANA, AUDIT, CLIENT_SECRET, &token] {
        assert_eq!(secrets_in(format!("a line with {secret} in it").as_bytes()).len(), 1, "{secret}");
    }
    assert_eq!(secrets_in(b"a line with none in it"), [""; 0]);
    for text in ["for ann@example.com: no", "query=email%3Aann%40example.com", "{\"e\":\"ann@example.com\"}"]
    {
        assert_eq!(addresses_in(text).len(), 1, "{text}");
    }
    assert_eq!(addresses_in("https://app.lumosidentity.com/tasks at 127.0.0.1"), [""; 0]);
}
