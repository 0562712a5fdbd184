//! Grants: the periods in which a token has access to an organization, with their usage.

use crate::domain::{
    id::{GrantId, OrganizationId, TokenId, UserId},
    state::GrantStatus,
    time::Time,
};
use std::net::IpAddr;

/// One period of access, from the addition of an organization to its removal. Adding it again creates another grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The ID of the grant.
    pub id: GrantId,
    /// The organization that the token has access to.
    pub organization: OrganizationId,
    /// The token.
    pub token: TokenId,
    /// The owner of the token.
    pub owner: UserId,
    /// The expiry of the token. `None` if it never expires.
    pub expires_at: Option<Time>,
    /// The time when the token was revoked or first found expired.
    pub ended_at: Option<Time>,
    /// The time when the owner added the organization.
    pub granted_at: Time,
    /// The removal. `None` if the organization was not removed.
    pub removal: Option<Removal>,
    /// Whether the owner is an administrator of the organization now.
    pub owner_is_admin: bool,
    /// The usage of the token with this organization.
    pub usage: Usage,
}

/// The removal of an organization from a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The time of the removal.
    pub at: Time,
    /// The user who removed it. `None` for the command line and the system.
    pub by: Option<UserId>,
    /// The reason that the user gave.
    pub reason: Option<String>,
}

impl Grant {
    /// Returns the status at a time.
    pub fn status(&self, at: Time) -> GrantStatus {
        GrantStatus::of(at, self.expires_at, self.ended_at, self.removal.as_ref().map(|removal| removal.at))
    }
}

/// The usage of a token, or of a token with one organization.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// The time of the last allowed request.
    pub last_used_at: Option<Time>,
    /// The most recent request, allowed or denied.
    pub last_request: Option<Request>,
}

/// A request that was made with a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The time of the request.
    pub at: Time,
    /// The IP address of the client, in canonical form.
    pub address: Option<IpAddr>,
    /// The user agent, at most 200 characters.
    pub user_agent: Option<String>,
    /// The HTTP method.
    pub method: Option<String>,
    /// The path without its query, at most 500 characters.
    pub path: Option<String>,
    /// The scopes that it needed, separated by spaces. `None` if the check named no valid scope.
    pub scope: Option<String>,
    /// Whether the request was allowed.
    pub allowed: bool,
}
