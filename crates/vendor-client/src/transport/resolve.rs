use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

use super::is_private;

/// Addresses of one name that are tried at the most.
const MAX_ADDRESSES: usize = 16;

/// A name's addresses are all private.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the host name has private addresses only")]
pub(super) struct PrivateOnly;

/// Resolves names, and leaves out what may not be connected to. The client connects to exactly what comes out here, so
/// that a name cannot change its address between the check and the connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddressRules {
    pub(super) allow_private: bool,
}

impl Resolve for AddressRules {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let all: Vec<SocketAddr> = lookup_host((name.as_str(), 0)).await?.take(MAX_ADDRESSES).collect();
            let allowed: Vec<SocketAddr> =
                all.iter().copied().filter(|address| allow_private || !is_private(address.ip())).collect();
            if allowed.is_empty() && !all.is_empty() {
                return Err(PrivateOnly.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
