//! Who there is, what they belong to, and as what.

use crate::domain::{
    id::{OrganizationId, UserId},
    time::Time,
};

/// A person who owns tokens or administers organizations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Which one.
    pub id: UserId,
    /// Their unique handle.
    pub username: String,
    /// What people call them.
    pub name: String,
    /// Where letters go; nothing when unknown.
    pub email: Option<String>,
    /// Whether that address is known to be theirs, so that they can be found by it.
    pub email_verified: bool,
    /// When they came.
    pub created_at: Time,
    /// Since when every token, JWT and session of theirs is refused.
    pub disabled_at: Option<Time>,
}

/// Somebody whose data tokens may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Which one.
    pub id: OrganizationId,
    /// Its unique handle, which stays.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// When it came.
    pub created_at: Time,
}

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Audits tokens, removes the organization from them, manages members.
    Admin,
    /// Makes tokens that reach the organization.
    Member,
}

impl Role {
    /// Its name in the schema.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "ADMIN",
            Self::Member => "MEMBER",
        }
    }
}

/// Who belongs to what, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// To what.
    pub organization: OrganizationId,
    /// Who.
    pub user: UserId,
    /// As what.
    pub role: Role,
    /// Since when.
    pub joined_at: Time,
}

/// An organization that somebody means: clients say its id, the command line its slug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrganizationRef {
    /// By its id.
    Id(OrganizationId),
    /// By its handle.
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

/// A person whom somebody means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserRef {
    /// By their id.
    Id(UserId),
    /// By their handle, or by an e-mail address that nobody else has.
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
