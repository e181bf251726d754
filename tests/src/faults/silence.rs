//! A vendor behind a network that swallows: no reset, no refusal, nothing comes back.
//!
//! Usher, the sandbox and this program run in a network namespace of their own, in which nftables drops what is to be dropped. Usher
//! reaches the vendor through a forwarder, so that the vendor's own port stays open for looking at it. The kernel goes on sending
//! what was not acknowledged: a change that is swallowed may still arrive when the network is back.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::{TcpListener, TcpStream};
use usher_sandbox::{Fault, Matcher, Rule};

use super::three::{self, CHANGES, Holders, Kind, Person, happened_too_often};
use super::{Bound, Found};
use crate::support::{Answer, Payload, Sandbox, Usher, in_a_network_of_its_own, lasts, nft, now};

/// As long as a network that comes back may need to be found out: a circuit breaker looks once a minute at the least.
const ENDS_WITHIN: Duration = Duration::from_secs(180);

/// Longer than the kernel sends anything again, in the worst case that these tests let it come to.
const LAST_ARRIVAL: Duration = Duration::from_secs(45);

/// `PUT `, as the first bytes behind a TCP header with time stamps, which every segment of an open connection has.
const A_PUT: &str = "@th,256,32 0x50555420";

/// The part as others see it: it runs in a namespace of its own.
pub async fn run(bound: Bound, seed: u64) -> Found {
    let mut arguments = vec!["--in-a-network-of-its-own".to_owned(), "--seed".to_owned(), seed.to_string()];
    if bound.is_long() {
        arguments.push("--long".to_owned());
    }
    let ended = in_a_network_of_its_own("faults", &arguments).await;
    let last = ended.stdout.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|_| panic!("it could not be run: {ended:?}"))
}

/// What runs inside, where `nft` meddles with nobody else.
pub async fn inside(bound: Bound) -> Found {
    assert_eq!(
        std::process::id(),
        1,
        "this is for the inside of a namespace alone: name the part `silence` instead"
    );
    let downs: &[u64] = bound.of(&[8], &[3, 8, 14, 25]);
    let downs = || downs.iter().map(|down| Duration::from_secs(*down));
    let (unreachable, swallowed, late, overtaken) = tokio::join!(
        join_all(downs().map(before_connecting)),
        join_all(downs().map(after_applying)),
        join_all(downs().map(on_the_way)),
        // Back before the kernel sends it a last time, and after Usher has taken it for over.
        join_all(
            bound
                .of(&[14_u64][..], &[13, 14, 16, 18, 21, 24])
                .iter()
                .map(|down| overtaken(Duration::from_secs(*down)))
        ),
    );
    let mut found = Found::default();
    for (name, seen) in [
        ("no connection", unreachable),
        ("answer swallowed", swallowed),
        ("change swallowed, arrives late", late),
        ("the same, and a removal follows", overtaken),
    ] {
        let seen: Seen = seen.into_iter().fold(Seen::default(), Seen::and);
        found.figure(format!("{name}: requests"), seen.requests);
        found.figure(format!("{name}: granted or removed"), seen.done);
        found.figure(format!("{name}: needs you"), seen.needs_you);
        found.figure(format!("{name}: the latest answer"), format!("{} ms", seen.latest.as_millis()));
        if seen.latest > bound.answered_within() {
            found.trouble(format!("{name}: answered after {:?}", seen.latest));
        }
        found.troubles.extend(seen.troubles.into_iter().map(|trouble| format!("{name}: {trouble}")));
    }
    found
}

/// What came of one scene.
#[derive(Debug, Default)]
struct Seen {
    requests: usize,
    done: usize,
    needs_you: usize,
    latest: Duration,
    troubles: Vec<String>,
}

impl Seen {
    fn and(mut self, other: Self) -> Self {
        self.requests += other.requests;
        self.done += other.done;
        self.needs_you += other.needs_you;
        self.latest = self.latest.max(other.latest);
        self.troubles.extend(other.troubles);
        self
    }
}

/// A sandbox, Usher, and between them the network that fails.
struct Scene {
    sandbox: Sandbox,
    usher: Usher,
    port: u16,
    people: Vec<Person>,
}

impl Scene {
    async fn of(kinds: &[Kind]) -> Self {
        let sandbox = three::sandbox().await;
        let port = forward(sandbox.url.trim_start_matches("http://")).await;
        nft(&format!(
            "add table inet t{port}; add chain inet t{port} in {{ type filter hook input priority 0; }}"
        ));
        let config = three::config_at(&sandbox, &format!("http://127.0.0.1:{port}")).await;
        let people: Vec<Person> = kinds.iter().enumerate().map(|(n, kind)| Person::of(*kind, n)).collect();
        three::seed(&sandbox, &people).await;
        Self { usher: Usher::start(&config).await, sandbox, port, people }
    }

    /// Drops every segment in this direction of which the rest is true as well.
    fn drop_all(&self, direction: &str, more: &str) {
        let port = self.port;
        nft(&format!("add rule inet t{port} in tcp {direction} {port} {more} drop"));
    }

    fn is_back(&self) {
        nft(&format!("flush chain inet t{} in", self.port));
    }

    /// Everybody's grant, under way.
    fn send(&self) -> Vec<tokio::task::JoinHandle<Option<Answer>>> {
        let payloads = self.people.iter().map(Person::grant);
        payloads.map(|payload| tokio::spawn(self.usher.try_send(&payload))).collect()
    }

    /// Once all have ended: what every scene has to come to.
    async fn seen(&self, answers: Vec<(Payload, Answer)>, removed: bool) -> Seen {
        let rows = self.usher.all_ended_within(ENDS_WITHIN).await;
        let (holders, changes) = (Holders::all(&self.sandbox).await, three::changes(&self.sandbox).await);
        let mut seen = Seen { requests: rows.len(), ..Seen::default() };
        for (payload, answer) in &answers {
            seen.latest = seen.latest.max(answer.took);
            if answer.is_positive() && removed && payload.direction() == "provision" {
                seen.troubles.push(format!("a yes through a network that lets nothing by: {payload:?}"));
            }
        }
        for person in &self.people {
            let mut troubles: Vec<String> = Vec::new();
            let own: Vec<_> = rows.iter().filter(|row| row.subject() == person.email).collect();
            let last = own.first().map(|row| (row.direction(), row.word()));
            let is_so = match last {
                Some(("provision", "granted")) => holders.has(person),
                Some(("deprovision", "removed")) => !holders.has(person),
                // Whether an invitation went out nobody can tell, and nobody gets a second one (rules 23 and 24).
                Some((_, "needs-you")) => person.kind.is_invited(),
                _ => false,
            };
            if !is_so {
                troubles.push(format!("{last:?}, and the vendor has it: {}", holders.has(person)));
            }
            let effects = changes.get(&person.email).map_or(&[][..], Vec::as_slice);
            troubles.extend(happened_too_often(effects, 1, usize::from(removed)));
            seen.done += own.iter().filter(|row| matches!(row.word(), "granted" | "removed")).count();
            seen.needs_you += own.iter().filter(|row| row.word() == "needs-you").count();
            for trouble in troubles {
                let histories = join_all(own.iter().map(|row| self.usher.history(row.id()))).await;
                seen.troubles.push(format!("{trouble}: {person:?}: {effects:#?} {histories:#?}"));
            }
        }
        seen
    }

    fn heard(&self, answers: Vec<Result<Option<Answer>, tokio::task::JoinError>>) -> Vec<(Payload, Answer)> {
        let answers = answers.into_iter().map(|answer| answer.unwrap().expect("it is answered"));
        self.people.iter().map(Person::grant).zip(answers).collect()
    }
}

/// A port before another one. What is dropped is dropped before it.
async fn forward(to: &str) -> u16 {
    let to = to.to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let to = to.clone();
            tokio::spawn(async move {
                let mut vendor = TcpStream::connect(to).await.unwrap();
                // However it ends, the other side hears of it.
                let _ended = tokio::io::copy_bidirectional(&mut from, &mut vendor).await;
            });
        }
    });
    port
}

/// It is silent before anything was said: even connecting comes to nothing.
async fn before_connecting(down: Duration) -> Seen {
    let scene = Scene::of(&Kind::ALL).await;
    scene.drop_all("dport", "");
    let sending = scene.send();
    lasts(down).await;
    let mut seen = Seen::default();
    if !three::changes(&scene.sandbox).await.is_empty() {
        seen.troubles.push("something was done through a network that lets nothing by".to_owned());
    }
    scene.is_back();
    let heard = scene.heard(join_all(sending).await);
    seen.and(scene.seen(heard, false).await)
}

/// Each change is applied, and its answer is swallowed with everything after it.
async fn after_applying(down: Duration) -> Seen {
    let scene = Scene::of(&Kind::ALL).await;
    for operation in CHANGES {
        let hold = Fault::Hold { after_applying: true };
        scene.sandbox.fault(Rule::always(Matcher::operation(operation), hold)).await;
    }
    let sending = scene.send();
    for person in &scene.people {
        scene.sandbox.wait_for(&format!("effects_on={}", person.email)).await;
    }
    scene.drop_all("dport", "");
    scene.drop_all("sport", "");
    scene.sandbox.clear_all().await;
    lasts(down).await;
    scene.is_back();
    let heard = scene.heard(join_all(sending).await);
    scene.seen(heard, false).await
}

/// Whom one PUT gives what is asked for.
const BY_PUT: [Kind; 3] = [Kind::ZendeskUser, Kind::GithubMember, Kind::DirectoryPerson];

/// The change itself is swallowed, and nothing else: it arrives when the network is back.
async fn on_the_way(down: Duration) -> Seen {
    let scene = Scene::of(&BY_PUT).await;
    scene.drop_all("dport", A_PUT);
    let sending = scene.send();
    lasts(down).await;
    let mut seen = Seen::default();
    if !three::changes(&scene.sandbox).await.is_empty() {
        seen.troubles.push("a change went through a network that lets none by".to_owned());
    }
    scene.is_back();
    let heard = scene.heard(join_all(sending).await);
    seen.and(scene.seen(heard, false).await)
}

/// The same, and a removal follows: what was swallowed must not arrive after that is done.
async fn overtaken(down: Duration) -> Seen {
    let scene = Scene::of(&BY_PUT).await;
    scene.drop_all("dport", A_PUT);
    let began = now();
    let sending = scene.send();
    let mut heard = scene.heard(join_all(sending).await);
    let removals: Vec<Payload> = scene.people.iter().map(Person::removal).collect();
    let leaving: Vec<_> =
        removals.iter().map(|payload| tokio::spawn(scene.usher.try_send(payload))).collect();
    lasts(down.saturating_sub(now() - began)).await;
    scene.is_back();
    let answers = join_all(leaving).await.into_iter().map(|answer| answer.unwrap().expect("it is answered"));
    heard.extend(removals.into_iter().zip(answers));
    scene.usher.all_ended_within(ENDS_WITHIN).await;
    // Only now can nothing arrive any more.
    lasts(LAST_ARRIVAL.saturating_sub(now() - began)).await;
    scene.seen(heard, true).await
}
