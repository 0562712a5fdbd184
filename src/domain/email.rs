//! Notification emails: copied at the commit, so that nothing is looked up when the email is sent.

use serde::{Deserialize, Serialize};

/// An email and its recipient, as the outbox stores them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailPayload {
    /// The recipient's name at the time of the commit.
    pub to_name: String,
    /// The recipient's address at the time of the commit.
    pub to_address: String,
    /// The content.
    pub email: EmailContent,
}

/// The content of an email.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EmailContent {
    /// An organization was removed from one token.
    OrganizationRemoved {
        /// The organization.
        organization: EmailOrganization,
        /// The token that lost access.
        token: EmailToken,
        /// The user who removed it. `None` for the command line and the system.
        by: Option<EmailUser>,
        /// The reason that the user gave.
        reason: Option<String>,
        /// The time of the change, in microseconds since 1970-01-01T00:00:00Z.
        at_micros: i64,
    },
    /// A membership ended, and all tokens of the user lost access to the organization.
    MembershipEnded {
        /// The organization.
        organization: EmailOrganization,
        /// The tokens that lost access, oldest first.
        tokens: Vec<EmailToken>,
        /// The user who ended the membership. `None` for the command line and the system.
        by: Option<EmailUser>,
        /// The reason that the user gave.
        reason: Option<String>,
        /// The time of the change, in microseconds since 1970-01-01T00:00:00Z.
        at_micros: i64,
    },
}

/// An organization, with its names at the time of the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailOrganization {
    /// The slug.
    pub slug: String,
    /// The display name.
    pub name: String,
    /// Whether the same change deleted the organization.
    #[serde(default)]
    pub deleted: bool,
}

/// A user, with their names at the time of the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailUser {
    /// The username.
    pub username: String,
    /// The display name.
    pub name: String,
}

/// A token, with what its owner recognizes it by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailToken {
    /// The ID, as GraphQL shows it.
    pub id: String,
    /// The description.
    pub description: String,
    /// The hint.
    pub hint: String,
}
