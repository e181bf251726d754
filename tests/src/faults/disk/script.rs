//! The run that is cut off at every point: always the same requests, about people whom no other run knows.

use futures_util::future::join_all;
use rustix::process::Signal;
use usher_sandbox::{Fault, Operation, Rule};

use crate::support::{Answer, PATIENCE, Payload, Sandbox, Usher, about};

/// The change of one of them is made this long after it was sent, and never answered.
const LATE_MS: u64 = 3_000;

/// Who plays in it.
#[derive(Clone, Debug)]
pub(super) struct Cast {
    /// Gets something and loses it again.
    pub leaver: String,
    /// Is asked for twice at once.
    pub twice: String,
    /// Whose change ends in a time-out.
    pub late: String,
}

impl Cast {
    pub(super) async fn new(sandbox: &Sandbox, run: usize) -> Self {
        let email = |who: &str| format!("{who}-{run}@example.com");
        let cast = Self { leaver: email("leaver"), twice: email("twice"), late: email("late") };
        sandbox.end_users(&cast.everybody()).await;
        let fault = Fault::ApplyLate { after_ms: Some(LATE_MS) };
        sandbox.fault(Rule::once(about(Operation::UpdateUser, &cast.late), fault)).await;
        cast
    }

    pub(super) fn everybody(&self) -> [&str; 3] {
        [&self.leaver, &self.twice, &self.late]
    }
}

/// What was heard until it was over or the process was gone, and how the process ended: its exit code, or none where it was killed.
pub(super) struct Played {
    pub heard: Vec<(Payload, Answer)>,
    pub code: Option<i32>,
}

/// Plays it to its end, an orderly stop, or until the process is killed.
pub(super) async fn play(usher: &mut Usher, cast: &Cast) -> Played {
    let twice = Payload::grant(&cast.twice, &["agent"]);
    let steps = [
        vec![Payload::grant(&cast.leaver, &["support_agent"])],
        vec![Payload::removal(&cast.leaver, &["support_agent"])],
        vec![twice.clone(), twice, Payload::grant(&cast.late, &["agent"])],
    ];
    let mut heard = Vec::new();
    for step in steps {
        let answers = join_all(step.iter().map(|payload| usher.try_send(payload))).await;
        let is_cut = answers.iter().any(Option::is_none);
        heard.extend(step.into_iter().zip(answers).filter_map(|(payload, answer)| Some((payload, answer?))));
        if is_cut {
            break;
        }
    }
    // Where it was killed already, it has nobody who would hear.
    usher.signal(Signal::TERM);
    let ended = tokio::time::timeout(PATIENCE, usher.end()).await.expect("it ends");
    Played { heard, code: ended.0 }
}
