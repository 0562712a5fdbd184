//! Enumerations of the schema that inputs and objects share.

use crate::domain::{event::EventType, organization::Role, state};
use async_graphql::Enum;

/// The types of audit events.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "EventType")]
pub(super) enum AuditEventType {
    /// A token was created.
    TokenCreated,
    /// The description, scopes or expiry of a token changed.
    TokenUpdated,
    /// A token was revoked.
    TokenRevoked,
    /// A token expired. The time is when the service recorded it.
    TokenExpired,
    /// The owner of a token added an organization to it.
    TokenOrganizationAdded,
    /// An organization was removed from a token.
    TokenOrganizationRemoved,
    /// A user was created.
    UserCreated,
    /// The details of a user changed.
    UserUpdated,
    /// A user was disabled.
    UserDisabled,
    /// A disabled user was enabled again.
    UserEnabled,
    /// A user was deleted.
    UserDeleted,
    /// An organization was created.
    OrganizationCreated,
    /// The name of an organization changed.
    OrganizationUpdated,
    /// An organization was deleted.
    OrganizationDeleted,
    /// A user was added to an organization.
    OrganizationMemberAdded,
    /// The role of a member changed.
    OrganizationMemberUpdated,
    /// A member left or was removed from an organization.
    OrganizationMemberRemoved,
    /// A resource server was added.
    ResourceServerAdded,
    /// A resource server was disabled.
    ResourceServerDisabled,
}

/// The role of a user in an organization.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Role")]
pub(super) enum OrganizationRole {
    /// The user can audit tokens, remove the organization from them, and manage members.
    Admin,
    /// The user can create tokens that have access to the organization.
    Member,
}

/// The statuses of a token.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "state::TokenStatus")]
pub(super) enum TokenStatus {
    /// The token can be used.
    Active,
    /// The token has expired.
    Expired,
    /// The token was revoked.
    Revoked,
}
