//! The factory.

use std::sync::Arc;

use serde_json::Value;
use usher_core::{Capabilities, ConfigError, Connector, Ports, Provisioner};

use crate::config::Settings;
use crate::runtime::{GenericRestConnection, entitlement};

/// What any definition can do at the most; a connection says what its own does.
const CAPABILITIES: Capabilities =
    Capabilities { invites: true, counts_invited: false, removes_account: true };

/// Makes connections to applications that are described in a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct GenericRest;

impl Connector for GenericRest {
    fn kind(&self) -> &'static str {
        "generic-rest"
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn schema(&self) -> Value {
        Settings::schema()
    }

    fn entitlement_schema(&self) -> Value {
        entitlement::schema()
    }

    fn build(&self, settings: Value, ports: Ports) -> Result<Arc<dyn Provisioner>, Vec<ConfigError>> {
        Ok(Arc::new(GenericRestConnection::new(&settings, ports)?))
    }
}
