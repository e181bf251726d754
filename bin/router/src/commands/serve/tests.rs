use std::collections::BTreeMap;

use usher_engine::Parts;
use usher_journal::{JournalError, MemoryJournal, Pause};
use usher_vendor_client::{ReqwestTransport, TransportSettings};

use super::*;
use crate::alerts::Sending;

/// A service over `journal` whose listeners serve nothing and end when they are told to.
async fn started(journal: &Arc<MemoryJournal>) -> Started {
    let alerts = Senders::start(Sending {
        receivers: Vec::new(),
        subjects: false,
        transport: Arc::new(ReqwestTransport::new(TransportSettings::default()).unwrap()),
        clock: Arc::new(SystemClock),
        journal: journal.clone(),
        boot: 1,
    });
    let parts = Parts {
        journal: journal.clone(),
        clock: Arc::new(SystemClock),
        boot: 1,
        connections: BTreeMap::new(),
        limits: usher_engine::Limits::default(),
        alerts: alerts.inbox(),
        lumos: None,
    };
    let (stop_webhooks, stop_admin) = (CancellationToken::new(), CancellationToken::new());
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    Started {
        addresses: Addresses { webhooks: nowhere, admin: nowhere },
        answer_within: Duration::from_secs(1),
        engine: Engine::start(parts).await.unwrap(),
        alerts,
        webhooks: tokio::spawn(stop_webhooks.clone().cancelled_owned()),
        admin: tokio::spawn(stop_admin.clone().cancelled_owned()),
        stop_webhooks,
        stop_admin,
    }
}

#[tokio::test]
async fn rule_21_a_journal_that_is_lost_ends_the_process_with_what_to_do() {
    let journal = Arc::new(MemoryJournal::new());
    let started = started(&journal).await;
    journal.break_with(Some(JournalError::Lost("disk I/O error".to_owned())));
    let pause = Pause { by: "dana".to_owned(), reason: "x".to_owned(), since: SystemClock.now() };
    started.engine.pause("zendesk", Some(pause)).await.unwrap_err();

    let ended = started.until_the_end(Signals::listen().unwrap()).await;
    let Err(Failure::Failed(sentence)) = ended else { panic!("{ended:?}") };
    assert!(sentence.contains("disk I/O error"), "{sentence}");
    assert!(sentence.ends_with("mend the disk and start Usher again"), "{sentence}");
}
