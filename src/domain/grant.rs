//! One period in which a token has access to one organization, and what its use with that organization was.

use crate::domain::{
    id::{GrantId, OrganizationId, TokenId, UserId},
    time::Time,
};
use std::net::IpAddr;

/// From the owner's adding an organization to somebody's removing it. Adding it again makes a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Which one.
    pub id: GrantId,
    /// Whose data it opens.
    pub organization: OrganizationId,
    /// To which token.
    pub token: TokenId,
    /// Whose token that is.
    pub owner: UserId,
    /// The token's end, if it has one.
    pub expires_at: Option<Time>,
    /// When the token was revoked or first seen expired.
    pub ended_at: Option<Time>,
    /// When the owner added the organization.
    pub granted_at: Time,
    /// How it was taken away, if it was.
    pub removal: Option<Removal>,
    /// Whether the owner administers the organization now.
    pub owner_is_admin: bool,
    /// Use with this organization alone.
    pub usage: Usage,
}

/// The end of a grant that somebody decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// When.
    pub at: Time,
    /// By whom; nothing for the command line and the system.
    pub by: Option<UserId>,
    /// Why, in their words.
    pub reason: Option<String>,
}

/// The states of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GrantStatus {
    /// The token reaches the organization.
    Active,
    /// The token expired or was revoked.
    Ended,
    /// Somebody took the organization away from the token.
    Removed,
}

impl Grant {
    /// The state at that time.
    pub fn status(&self, at: Time) -> GrantStatus {
        if self.removal.is_some() {
            GrantStatus::Removed
        } else if self.ended_at.is_some() || self.expires_at.is_some_and(|end| at >= end) {
            GrantStatus::Ended
        } else {
            GrantStatus::Active
        }
    }
}

/// When something was last used, and the most recent request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// The last allowed request.
    pub last_used_at: Option<Time>,
    /// The most recent request, allowed or not.
    pub last_request: Option<Request>,
}

/// One request that was made with a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// When.
    pub at: Time,
    /// From where, in canonical form.
    pub address: Option<IpAddr>,
    /// With what; at most 200 characters.
    pub user_agent: Option<String>,
    /// How.
    pub method: Option<String>,
    /// To what, without the query; at most 500 characters.
    pub path: Option<String>,
    /// The scope it needed, as far as whoever asked said so; several are separated by blanks.
    pub scope: Option<String>,
    /// What the answer was.
    pub allowed: bool,
}
