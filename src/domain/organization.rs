//! Users, organizations and memberships.

use crate::domain::{
    id::{OrganizationId, UserId},
    state::UserStatus,
    time::Time,
};

/// An account that owns tokens or administers organizations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The ID of the user.
    pub id: UserId,
    /// The unique username.
    pub username: String,
    /// The display name.
    pub name: String,
    /// The email address. `None` if it is unknown.
    pub email: Option<String>,
    /// Whether the email address is known to belong to the user, so that they can be looked up by it.
    pub email_verified: bool,
    /// The time when the user was created.
    pub created_at: Time,
    /// The time when the user was disabled. Their tokens, JWTs and sessions are rejected while it is set.
    pub disabled_at: Option<Time>,
}

impl User {
    /// The status of the user, who was not deleted.
    pub const fn status(&self) -> UserStatus {
        UserStatus::of(self.disabled_at, None)
    }
}

/// An organization whose data tokens can access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// The ID of the organization.
    pub id: OrganizationId,
    /// The unique slug, which never changes.
    pub slug: String,
    /// The display name.
    pub name: String,
    /// The time when the organization was created.
    pub created_at: Time,
}

/// The role of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Audits tokens, removes the organization from tokens, and manages members.
    Admin,
    /// Creates tokens that have access to the organization.
    Member,
}

impl Role {
    /// Returns the name in the schema.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "ADMIN",
            Self::Member => "MEMBER",
        }
    }
}

/// The membership of a user in an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The organization.
    pub organization: OrganizationId,
    /// The user.
    pub user: UserId,
    /// The role of the user.
    pub role: Role,
    /// The time when the user joined.
    pub joined_at: Time,
}

/// A reference to an organization: by ID in the API, by slug on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrganizationRef {
    /// The ID.
    Id(OrganizationId),
    /// The slug.
    Slug(String),
}

impl From<OrganizationId> for OrganizationRef {
    fn from(id: OrganizationId) -> Self {
        Self::Id(id)
    }
}

impl From<&str> for OrganizationRef {
    fn from(slug: &str) -> Self {
        Self::Slug(slug.to_owned())
    }
}

/// A reference to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserRef {
    /// The ID.
    Id(UserId),
    /// The username, or an email address that no other user has.
    Named(String),
}

impl From<UserId> for UserRef {
    fn from(id: UserId) -> Self {
        Self::Id(id)
    }
}

impl From<&str> for UserRef {
    fn from(name: &str) -> Self {
        Self::Named(name.to_owned())
    }
}

impl From<String> for UserRef {
    fn from(name: String) -> Self {
        Self::Named(name)
    }
}
