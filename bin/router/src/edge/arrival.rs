//! From a routed webhook to what the engine accepts. Pure.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use usher_core::{App, Subject};
use usher_journal::{AnswerState, Arrival, Execution, Request, RequestId, Telling};
use usher_lumos::{Payload, Style};

use crate::routes::{Accept, Hook, Refuse, Routed, Target};

/// What stands in the history of a test.
const TEST: &str = "Lumos's test button: nothing is provisioned";

/// What every arrival of one request needs.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) id: RequestId,
    pub(crate) hook: &'a Hook,
    pub(crate) now: Timestamp,
    pub(crate) config: &'a str,
}

/// How a routed webhook is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As the engine says.
    Run(Style),
    /// As a working hook that did nothing.
    Test,
}

/// The arrival of a webhook, and how it is answered.
pub(crate) fn arrival(place: Place<'_>, payload: Payload, routed: Routed, body: &Bytes) -> (Arrival, Kind) {
    let mut request = row(place, payload);
    let kind = match routed {
        Routed::Accept(accept) => run(&mut request, accept),
        Routed::Refuse(refuse) => end(&mut request, refuse),
        Routed::Test => close(&mut request),
    };
    (Arrival { request, body: body.to_vec() }, kind)
}

/// The arrival of a body with nothing in it: Lumos's test button. It names nobody.
pub(crate) fn empty(place: Place<'_>, body: &Bytes) -> (Arrival, Kind) {
    let nobody =
        Subject { email: String::new(), given_name: None, family_name: None, custom_fields: BTreeMap::new() };
    let payload = Payload {
        app: App::default(),
        permissions: Vec::new(),
        subject: nobody,
        access_length: None,
        comment: None,
        task_url: None,
        request_id: None,
    };
    let app_key = match &place.hook.target {
        Target::Permission { app, .. } => app.clone(),
        Target::App | Target::Unknown => String::new(),
    };
    let mut request = row(place, payload);
    request.app_key = app_key;
    let kind = close(&mut request);
    (Arrival { request, body: body.to_vec() }, kind)
}

fn row(place: Place<'_>, payload: Payload) -> Request {
    let Place { id, hook, now, config } = place;
    Request {
        id,
        seq: 0,
        attempt: 1,
        received: now,
        updated: now,
        direction: hook.direction,
        route: hook.route.clone(),
        connection: String::new(),
        app_key: String::new(),
        app: payload.app,
        permissions: Vec::new(),
        all: false,
        subject_key: payload.subject.key(),
        subject: payload.subject,
        lumos_request: payload.request_id,
        task_url: payload.task_url,
        comment: payload.comment,
        until: None,
        config: config.to_owned(),
        dry_run: false,
        execution: Execution::Accepted,
        reason: None,
        answer: AnswerState::None,
        telling: Telling::None,
        next_at: None,
    }
}

fn run(request: &mut Request, accept: Accept) -> Kind {
    request.connection = accept.connection;
    request.app_key = accept.app_key;
    request.permissions = accept.permissions;
    request.all = accept.all;
    request.dry_run = accept.dry_run;
    request.until = accept.until;
    Kind::Run(accept.style)
}

fn end(request: &mut Request, refuse: Refuse) -> Kind {
    request.connection = refuse.connection;
    request.app_key = refuse.app_key;
    request.permissions = refuse.permissions;
    request.all = refuse.all;
    request.execution = Execution::Refused;
    request.reason = Some(refuse.reason);
    // A refusal is never positive: the style does not matter.
    Kind::Run(Style::default())
}

fn close(request: &mut Request) -> Kind {
    request.execution = Execution::Closed;
    request.reason = Some(TEST.to_owned());
    // Lumos's example bears the same request id each time: every press of the button is a test of its own, with a page of its own.
    request.lumos_request = None;
    Kind::Test
}
