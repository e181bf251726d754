//! What is looked at before a journal is served from.

use rustix::process::Signal;

use crate::faults::{Bound, Found};
use crate::support::{Config, Payload, Sandbox, Usher, run as command};

const CHECKED: &str = "the journal was not closed in order: checking it";

/// A second process on one journal, and a journal that was closed in order or not.
pub async fn run(_: Bound, _: u64) -> Found {
    let mut found = Found::default();
    let sandbox = Sandbox::start().await;
    let mut usher = Usher::start(&Config::new(&sandbox)).await;
    sandbox.end_users(&["ann@example.com", "ben@example.com"]).await;
    let ann = Payload::grant("ann@example.com", &["agent"]);
    let first = usher.send(&ann).await;

    let second = command(usher.folder(), &["serve", "--json"], &[]).await;
    found.figure("a second process ends with", second.code);
    if second.code != 1 || !second.stderr.contains("usher.db") || !second.stderr.contains("another") {
        found.trouble(format!("a second process was not refused: {second:?}"));
    }
    let ben = usher.send(&Payload::grant("ben@example.com", &["agent"])).await;
    if !first.is_positive() || !ben.is_positive() {
        found.trouble(format!("the first process was disturbed: {first:?}, {ben:?}"));
    }

    usher.kill_9();
    usher.restart().await;
    usher.signal(Signal::TERM);
    let unclean = usher.end().await;
    usher.restart().await;
    usher.signal(Signal::TERM);
    let clean = usher.end().await;
    for (what, ended, is_checked) in [("kill -9", unclean, true), ("an orderly stop", clean, false)] {
        let was_checked = ended.2.contains(CHECKED);
        found.figure(format!("checked after {what}"), was_checked);
        if ended.0 != Some(0) || was_checked != is_checked {
            found.trouble(format!("after {what} it was not checked as it should be: {ended:?}"));
        }
    }
    usher.restart().await;
    if usher.row(&first.id).await.word() != "granted" {
        found.trouble("what was granted is not there");
    }
    found
}
