//! The connectors of this build.

use usher_core::Connector;

/// A connector that some build may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownConnector {
    /// Its name in the configuration, which is the name of its feature.
    pub kind: &'static str,
    /// Whether its source is there: `cargo build --features KIND` brings it. Else it is not built yet.
    pub exists: bool,
}

/// Every connector that Usher has or is to have.
pub const KNOWN: &[KnownConnector] = &[
    KnownConnector { kind: "generic-rest", exists: false },
    KnownConnector { kind: "github-org", exists: false },
    KnownConnector { kind: "sql-database", exists: false },
    KnownConnector { kind: "zendesk-license", exists: true },
];

/// The connectors compiled in: one line each.
#[must_use]
pub fn all() -> Vec<Box<dyn Connector>> {
    vec![
        #[cfg(feature = "zendesk-license")]
        Box::new(usher_zendesk_license::ZendeskLicense),
    ]
}
