use std::path::PathBuf;

use serde_json::{Map, Value};

/// Which connector serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `zendesk-license`
    Zendesk,
    /// `github-org`
    GitHub,
    /// `generic-rest`
    Generic,
}

impl Kind {
    /// All of them, by their names in the configuration.
    pub const ALL: [Self; 3] = [Self::Zendesk, Self::GitHub, Self::Generic];

    /// Its name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Zendesk => "zendesk-license",
            Self::GitHub => "github-org",
            Self::Generic => "generic-rest",
        }
    }

    /// What its account is called.
    #[must_use]
    pub fn account(self) -> &'static str {
        match self {
            Self::Zendesk => "the subdomain: acme of acme.zendesk.com",
            Self::GitHub => "the organisation: acme of github.com/acme",
            Self::Generic => "the definition's file, beside the configuration",
        }
    }

    /// What the app is called where nobody says.
    #[must_use]
    pub fn app_id(self) -> &'static str {
        match self {
            Self::Zendesk => "zendesk",
            Self::GitHub => "github",
            Self::Generic => "app",
        }
    }

    /// A permission, where nobody says.
    #[must_use]
    pub fn permission(self) -> &'static str {
        match self {
            Self::Zendesk => "support_agent",
            Self::GitHub => "engineering",
            Self::Generic => "member",
        }
    }
}

/// A permission's entry, by what it says.
pub type Entitlement = Map<String, Value>;

/// A vendor's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// Zendesk.
    Zendesk {
        /// `acme` of acme.zendesk.com.
        subdomain: String,
    },
    /// GitHub.
    GitHub {
        /// `acme` of github.com/acme.
        org: String,
    },
    /// An application that is described in a file.
    Generic {
        /// The definition, below the configuration's folder.
        file: PathBuf,
        /// Its text, where it is to be written there.
        text: Option<&'static str>,
        /// Where it says that the application is.
        base_url: String,
        /// The secrets that its `auth` names.
        secrets: Vec<String>,
        /// Its variables.
        vars: Vec<(String, Value)>,
        /// What a permission may say.
        entitlement: Entitlement,
    },
}

impl Vendor {
    /// Which connector serves it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Zendesk { .. } => Kind::Zendesk,
            Self::GitHub { .. } => Kind::GitHub,
            Self::Generic { .. } => Kind::Generic,
        }
    }

    /// An application by its definition, which has been read. `text`: it is to be written to `file`.
    #[cfg(feature = "generic-rest")]
    #[must_use]
    pub fn described(
        file: PathBuf,
        text: Option<&'static str>,
        definition: &usher_generic_rest::definition::Definition,
    ) -> Self {
        use usher_generic_rest::definition::EntitlementType;

        let entries = definition.entitlement.iter().filter(|(_, key)| key.default.is_none());
        let entitlement = entries.map(|(name, key)| {
            let first = key.values.first().cloned();
            let value = match key.kind {
                EntitlementType::String => first.unwrap_or_else(|| "…".into()),
                EntitlementType::Integer => first.unwrap_or_else(|| 1.into()),
                EntitlementType::Boolean => first.unwrap_or_else(|| true.into()),
                EntitlementType::List => Value::Array(vec![first.unwrap_or_else(|| "…".into())]),
            };
            (name.clone(), value)
        });
        Self::Generic {
            file,
            text,
            base_url: definition.base_url.clone(),
            secrets: definition.secrets().into_iter().collect(),
            vars: definition.vars.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            entitlement: entitlement.collect(),
        }
    }
}
