use std::fmt;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::ApiError;
use crate::config::Role;
use crate::edge::{digest, presented};

/// Who calls. The name stands in the history of what they do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The key in `[admin.operators]`.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

impl Operator {
    /// Passes whoever may change something.
    ///
    /// # Errors
    /// 403 for viewers.
    pub fn may_change(&self) -> Result<(), ApiError> {
        match self.role {
            Role::Operator => Ok(()),
            Role::Viewer => Err(ApiError::forbidden(format!(
                "{} may only read: use the token of somebody with role = \"operator\"",
                self.name
            ))),
        }
    }
}

/// All operators, by the digests of their tokens.
#[derive(Clone, Default)]
pub struct Operators {
    known: Vec<([u8; 32], Operator)>,
}

impl Operators {
    /// Adds one. Two with the same token cannot be told apart: the last one added counts.
    pub fn add(&mut self, name: impl Into<String>, role: Role, token: &SecretString) {
        let operator = Operator { name: name.into(), role };
        self.known.push((digest(token.expose_secret().as_bytes()), operator));
    }

    /// Who shows a token in `Authorization: Bearer …`. Every token is compared, each in constant time.
    #[must_use]
    pub fn admit(&self, headers: &HeaderMap) -> Option<&Operator> {
        let shown = digest(presented(headers, &AUTHORIZATION, true)?);
        let mut found = None;
        for (known, operator) in &self.known {
            if bool::from(known.as_slice().ct_eq(&shown)) {
                found = Some(operator);
            }
        }
        found
    }
}

impl fmt::Debug for Operators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.known.iter().map(|(_, operator)| operator)).finish()
    }
}
