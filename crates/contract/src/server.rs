//! A vendor's behaviour on a wiremock server, with troubles.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::time::Outside;
use crate::{Kind, Trouble, VendorUnderTest};

/// A request that reached the vendor.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) kind: Kind,
    pub(crate) request: Request,
}

#[derive(Debug, Default)]
struct State {
    arrived: Vec<Arrived>,
    next: VecDeque<(Kind, Trouble)>,
    always: Option<(Kind, Trouble)>,
}

#[derive(Debug)]
struct Desk {
    vendor: Arc<dyn VendorUnderTest>,
    state: Mutex<State>,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kind(&self, request: &Request) -> Kind {
        self.vendor.kind(&request.method, request.url.path())
    }

    fn trouble_ahead(&self, request: &Request) -> Option<Trouble> {
        let kind = self.kind(request);
        let state = self.lock();
        let next = state.next.front().or(state.always.as_ref());
        next.filter(|(of, _)| *of == kind).map(|(_, trouble)| *trouble)
    }

    /// Enters a request into the log, and takes the trouble that awaits it.
    fn enter(&self, request: &Request) -> Option<Trouble> {
        let trouble = self.trouble_ahead(request);
        let kind = self.kind(request);
        let mut state = self.lock();
        state.arrived.push(Arrived { kind, request: request.clone() });
        if trouble.is_some() {
            state.next.pop_front();
        }
        trouble
    }

    fn respond(&self, request: &Request) -> ResponseTemplate {
        match self.enter(request) {
            None => self.vendor.answer(request),
            Some(trouble @ (Trouble::AnswerLost | Trouble::FailsAfter)) => {
                // Done first; what it would have answered is lost.
                drop(self.vendor.answer(request));
                self.vendor.troubled(trouble, request)
            }
            Some(trouble) => self.vendor.troubled(trouble, request),
        }
    }
}

/// The vendor at its address.
#[derive(Debug)]
pub(crate) struct Server {
    desk: Arc<Desk>,
    address: String,
    /// Serves as long as it lives.
    _server: MockServer,
}

impl Server {
    pub(crate) async fn start(vendor: Arc<dyn VendorUnderTest>) -> Self {
        let _outside = Outside::begin();
        let desk = Arc::new(Desk { vendor, state: Mutex::default() });
        let server = MockServer::builder().disable_request_recording().start().await;
        let (losing, matching) = (desk.clone(), desk.clone());
        Mock::given(move |request: &Request| matching.trouble_ahead(request) == Some(Trouble::AnswerLost))
            .respond_with_err(move |request: &Request| {
                drop(losing.respond(request));
                io::Error::from(io::ErrorKind::ConnectionReset)
            })
            .with_priority(1)
            .mount(&server)
            .await;
        let answering = desk.clone();
        Mock::given(wiremock::matchers::any())
            .respond_with(move |request: &Request| answering.respond(request))
            .mount(&server)
            .await;
        Self { desk, address: server.uri(), _server: server }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The next request of a kind meets this trouble.
    pub(crate) fn trouble_next(&self, kind: Kind, trouble: Trouble) {
        self.desk.lock().next.push_back((kind, trouble));
    }

    /// Every request of a kind meets this trouble from here on.
    pub(crate) fn trouble_always(&self, kind: Kind, trouble: Trouble) {
        self.desk.lock().always = Some((kind, trouble));
    }

    /// Nothing is troubled any more.
    pub(crate) fn recover(&self) {
        let mut state = self.desk.lock();
        state.always = None;
        state.next.clear();
    }

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.desk.lock().arrived.clone()
    }

    /// How many changing requests reached the vendor so far.
    pub(crate) fn changes(&self) -> usize {
        self.desk.lock().arrived.iter().filter(|arrived| arrived.kind == Kind::Change).count()
    }
}
