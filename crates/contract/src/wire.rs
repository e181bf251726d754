//! The connector's transport: reqwest, with a log in the suite's time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::time::Instant;
use usher_core::{Clock, ConfigError, HttpFailure, HttpRequest, HttpResponse, SecretRef, Secrets, Transport};
use usher_vendor_client::{ReqwestTransport, TransportSettings};

use crate::time::Outside;
use crate::{Kind, Secret, VendorUnderTest};

/// One exchange.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) kind: Kind,
    /// Method and path with its query.
    pub(crate) what: String,
    /// When it began: time stands still until it is over.
    pub(crate) at: Instant,
    pub(crate) answered: bool,
}

#[derive(Debug)]
pub(crate) struct Wire {
    inner: &'static ReqwestTransport,
    clock: Arc<dyn Clock>,
    vendor: Arc<dyn VendorUnderTest>,
    log: Mutex<Vec<Exchange>>,
}

impl Wire {
    pub(crate) fn new(vendor: Arc<dyn VendorUnderTest>, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        Ok(Self { inner: shared()?, clock, vendor, log: Mutex::default() })
    }

    /// In the order in which they began.
    pub(crate) fn log(&self) -> Vec<Exchange> {
        self.lock().clone()
    }

    pub(crate) fn of(&self, kind: Kind) -> Vec<Exchange> {
        self.log().into_iter().filter(|exchange| exchange.kind == kind).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One for the process: reading the machine's root certificates takes longer than most cases. Every stage has a server, and so
/// connections, of its own.
fn shared() -> Result<&'static ReqwestTransport, ConfigError> {
    static TRANSPORT: OnceLock<Result<ReqwestTransport, ConfigError>> = OnceLock::new();
    let made = TRANSPORT.get_or_init(|| ReqwestTransport::new(TransportSettings::default()));
    made.as_ref().map_err(Clone::clone)
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let place = {
            let mut log = self.lock();
            log.push(Exchange {
                kind: self.vendor.kind(&request.method, request.url.path()),
                what: format!("{} {}", request.method, &request.url[url::Position::BeforePath..]),
                at: self.clock.instant(),
                answered: false,
            });
            log.len() - 1
        };
        let outside = Outside::begin();
        let result = self.inner.send(request).await;
        drop(outside);
        if let Some(exchange) = self.lock().get_mut(place) {
            exchange.answered = result.is_ok();
        }
        result
    }
}

/// The secrets of the settings, right or wrong.
#[derive(Debug)]
pub(crate) struct Purse {
    secrets: HashMap<SecretRef, SecretString>,
}

impl Purse {
    pub(crate) fn new(vendor: &dyn VendorUnderTest, right: bool) -> Self {
        let value = |secret: &Secret| if right { secret.value.clone() } else { vendor.wrong(secret) };
        let secrets = vendor.secrets().into_iter();
        Self { secrets: secrets.map(|secret| (secret.place.clone(), value(&secret).into())).collect() }
    }
}

/// A secret that is not the right one, and must not be seen either.
pub(crate) fn wrong(value: &str) -> String {
    format!("{}-mistaken", value.chars().rev().collect::<String>())
}

impl Secrets for Purse {
    fn read(&self, from: &SecretRef) -> Result<SecretString, ConfigError> {
        self.secrets
            .get(from)
            .cloned()
            .ok_or_else(|| ConfigError::at(Vec::<String>::new(), format!("nothing stands at {from:?}")))
    }
}
