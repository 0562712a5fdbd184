//! What a letter says: copied at the commit, so that nothing is looked up when it is sent.

use serde::{Deserialize, Serialize};

/// One letter, as it waits in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "letter", rename_all = "snake_case")]
pub enum EmailContent {
    /// An organization was removed from one token.
    OrganizationRemoved {
        /// Which organization.
        organization: EmailOrganization,
        /// From which token.
        token: EmailToken,
        /// By whom; nothing for the command line and the system.
        by: Option<EmailUser>,
        /// Why, in their words.
        reason: Option<String>,
        /// When, in microseconds since 1970.
        at_micros: i64,
    },
    /// A membership ended, and with it the access of all of the person's tokens.
    MembershipEnded {
        /// Which organization.
        organization: EmailOrganization,
        /// Which tokens lost it, oldest first.
        tokens: Vec<EmailToken>,
        /// By whom; nothing for the command line and the system.
        by: Option<EmailUser>,
        /// Why, in their words.
        reason: Option<String>,
        /// When, in microseconds since 1970.
        at_micros: i64,
    },
}

/// An organization as it was called then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailOrganization {
    /// Its handle.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// Whether it was deleted in the same change.
    #[serde(default)]
    pub deleted: bool,
}

/// A person as they were called then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailUser {
    /// Their handle.
    pub username: String,
    /// What people call them.
    pub name: String,
}

/// A token, as its owner recognises it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailToken {
    /// Its id, as GraphQL shows it.
    pub id: String,
    /// What it is for.
    pub description: String,
    /// Enough of the value to recognise it by.
    pub hint: String,
}
