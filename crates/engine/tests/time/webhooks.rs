//! What is delivered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;
use usher_core::{App, Direction, Facet, Subject};
use usher_engine::{Delivery, Engine};
use usher_journal::{AnswerState, Arrival, AskedPermission, Execution, Journal, Request, RequestId, Telling};

use crate::history::Story;
use crate::properties;
use crate::steps::{APPS, PEOPLE};
use crate::world::Told;

/// `agent`, `light`: values of the one-value slot `role`. `a`, `b`: teams. `both`: an agent in team a.
pub(crate) fn permissions() -> BTreeMap<String, BTreeSet<Facet>> {
    let of = |facets: &[(&str, &str)]| facets.iter().map(|(slot, value)| Facet::new(*slot, *value)).collect();
    BTreeMap::from([
        ("agent".to_owned(), of(&[("role", "agent")])),
        ("light".to_owned(), of(&[("role", "light")])),
        ("a".to_owned(), of(&[("team", "a")])),
        ("b".to_owned(), of(&[("team", "b")])),
        ("both".to_owned(), of(&[("role", "agent"), ("team", "a")])),
    ])
}

impl Story {
    pub(crate) fn earlier(&self, back: usize) -> Option<Told> {
        let told = self.world.told.lock().unwrap();
        told.iter().rev().nth(back).or(told.last()).cloned()
    }

    pub(crate) fn new_id(&self) -> RequestId {
        RequestId(format!("r{}", self.world.told.lock().unwrap().len() + 1))
    }

    pub(crate) fn request(&self, direction: Direction, who: usize, app: usize, names: &[&str]) -> Request {
        let subject = Subject {
            email: PEOPLE[who].to_owned(),
            given_name: None,
            family_name: None,
            custom_fields: BTreeMap::new(),
        };
        let mapped = permissions();
        let asked =
            |name: &&str| AskedPermission { name: (*name).to_owned(), facets: mapped.get(*name).cloned() };
        let id = self.new_id();
        let now = self.world.time.wall();
        Request {
            lumos_request: Some(format!("lumos-{id}")),
            id,
            seq: 0,
            attempt: 1,
            received: now,
            updated: now,
            direction,
            route: String::new(),
            connection: "acme".to_owned(),
            app_key: APPS[app].to_owned(),
            app: App { id: APPS[app].to_owned(), instance: None, label: None },
            permissions: names.iter().map(asked).collect(),
            all: false,
            subject_key: subject.key(),
            subject,
            task_url: None,
            comment: None,
            until: None,
            config: String::new(),
            dry_run: false,
            execution: Execution::Accepted,
            reason: None,
            answer: AnswerState::None,
            telling: Telling::None,
            next_at: None,
        }
    }

    /// Delivers it, and listens for the answer beside all else.
    pub(crate) fn deliver(&self, engine: &Engine, inner: &Arc<dyn Journal>, request: Request) {
        let world = self.world.clone();
        let place = {
            let mut told = world.told.lock().unwrap();
            let began = world.time.now();
            told.push(Told { request: request.clone(), began, reply: None, lost: false });
            told.len() - 1
        };
        world.count("deliveries");
        // Whatever it turns out to be a duplicate of, it approves until its own end.
        let same = |told: &&Told| told.request.lumos_request == request.lumos_request;
        let first = world.told.lock().unwrap().iter().find(same).map(|told| told.request.id.clone());
        if request.direction == Direction::Provision {
            for id in first.iter().chain([&request.id]) {
                world.approve(id, &request);
            }
        }
        let began = usher_core::Clock::instant(world.time.as_ref());
        let delivery = Delivery { arrival: Arrival { request, body: b"{}".to_vec() }, began };
        let (engine, inner) = (engine.clone(), inner.clone());
        tokio::spawn(async move {
            let reply = engine.deliver(delivery).await;
            properties::heard(&world, &inner, place, reply).await;
        });
    }

    /// A delivery once more, with an end that counts from now.
    pub(crate) fn again(&self, back: usize) -> Option<Request> {
        let first = self.earlier(back)?.request;
        let length = first.until.map(|until| until.duration_since(first.received));
        let received = self.world.time.wall();
        let until = length.map(|length| received + length);
        Some(Request { id: self.new_id(), received, until, ..first })
    }

    /// A grant, for so many hours.
    pub(crate) fn grant(&self, who: usize, app: usize, names: &[&str], hours: Option<u64>) -> Request {
        let request = self.request(Direction::Provision, who, app, names);
        let length = hours.map(|hours| SignedDuration::from_hours(i64::try_from(hours).unwrap()));
        Request { until: length.map(|length| request.received + length), ..request }
    }

    /// An order; of everything that is mapped where it names nothing.
    pub(crate) fn order(&self, who: usize, app: usize, names: &[&str]) -> Request {
        let all: Vec<String> = permissions().into_keys().collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let run = if names.is_empty() { all.as_slice() } else { names };
        Request { all: names.is_empty(), ..self.request(Direction::Deprovision, who, app, run) }
    }
}
