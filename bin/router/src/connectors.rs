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
    KnownConnector { kind: "generic-rest", exists: true },
    KnownConnector { kind: "github-org", exists: true },
    KnownConnector { kind: "sql-database", exists: false },
    KnownConnector { kind: "zendesk-license", exists: true },
];

/// The connectors compiled in: one line each.
#[must_use]
pub fn all() -> Vec<Box<dyn Connector>> {
    vec![
        #[cfg(feature = "generic-rest")]
        Box::new(usher_generic_rest::GenericRest),
        #[cfg(feature = "github-org")]
        Box::new(usher_github_org::GithubOrg),
        #[cfg(feature = "zendesk-license")]
        Box::new(usher_zendesk_license::ZendeskLicense),
    ]
}

/// The connectors that `compiled` lacks and that a build could have: each is the name of the feature that brings it.
#[must_use]
pub fn lacking(compiled: &[Box<dyn Connector>]) -> Vec<&'static str> {
    let is_there = |kind: &str| compiled.iter().any(|connector| connector.kind() == kind);
    KNOWN.iter().filter(|known| known.exists && !is_there(known.kind)).map(|known| known.kind).collect()
}

/// What would bring connectors into a build: `--features github-org,zendesk-license`.
#[must_use]
pub fn features(kinds: &[&str]) -> String {
    format!("--features {}", kinds.join(","))
}
