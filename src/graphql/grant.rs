//! Grants and the requests that were made with them.

use super::{
    connection::connection,
    error::{NullableField, shared_to_graphql_error, to_graphql_error},
    organization::OrganizationNode,
    request,
    scalar::DateTime,
    token::TokenNode,
    user::UserNode,
};
use crate::domain::{
    error::Error,
    grant::{Grant, Request},
    policy, state,
};
use async_graphql::{Context, Enum, ID, Object};

#[derive(Clone)]
pub(super) struct GrantNode(pub(super) Grant);

/// A period in which a token has access to an organization. It starts when the owner adds the organization and ends
/// when the organization is removed. Adding the organization again creates a new grant. The usage fields cover requests
/// with this organization only.
#[Object(name = "TokenGrant")]
impl GrantNode {
    /// The ID of the grant.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The ID of the token, also if the viewer cannot see the token itself.
    async fn token_id(&self) -> ID {
        self.0.token.to_string().into()
    }

    /// The token. Null if the viewer cannot see it; see `Query.token`.
    async fn token(&self, ctx: &Context<'_>) -> NullableField<TokenNode> {
        let found =
            request(ctx).load(self.0.token).await.map_err(|error| shared_to_graphql_error(&error)).transpose()?;
        Some(found.map(|(token, view)| TokenNode { token, view }))
    }

    /// The organization that the grant gives access to.
    async fn organization(&self, ctx: &Context<'_>) -> async_graphql::Result<OrganizationNode> {
        let found = request(ctx).load(self.0.organization).await.map_err(|error| shared_to_graphql_error(&error))?;
        found
            .map(OrganizationNode::from)
            .ok_or_else(|| to_graphql_error(Error::Bug("a grant without an organization".into())))
    }

    /// The status of the grant.
    async fn status(&self, ctx: &Context<'_>) -> TokenGrantStatus {
        self.0.status(request(ctx).caller.at).into()
    }

    /// The time when the owner added the organization.
    async fn granted_at(&self) -> DateTime {
        DateTime(self.0.granted_at)
    }

    /// The time when the organization was removed from the token.
    async fn removed_at(&self) -> Option<DateTime> {
        self.0.removal.as_ref().map(|removal| DateTime(removal.at))
    }

    /// The user who removed the organization. Null if the grant has not been removed, or if the system removed it.
    async fn removed_by(&self, ctx: &Context<'_>) -> NullableField<UserNode> {
        let by = self.0.removal.as_ref()?.by?;
        named_user(ctx, by).await
    }

    /// The reason for the removal, as given by the user who removed the organization.
    async fn removal_reason(&self) -> Option<&str> {
        self.0.removal.as_ref()?.reason.as_deref()
    }

    /// Whether the owner of the token is currently an administrator of the organization.
    async fn owner_is_admin(&self) -> bool {
        self.0.owner_is_admin
    }

    /// The time of the last allowed request with this organization. Null if there was none.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.0.usage.last_used_at.map(DateTime)
    }

    /// The most recent request with this organization, allowed or not.
    async fn last_request(&self) -> Option<TokenRequest> {
        self.0.usage.last_request.clone().map(TokenRequest)
    }
}

/// Returns a user who is named in data that the viewer can see, even if they have left all organizations of the viewer.
pub(super) async fn named_user(ctx: &Context<'_>, user: crate::domain::id::UserId) -> NullableField<UserNode> {
    let found = request(ctx).load(user).await.map_err(|error| shared_to_graphql_error(&error)).transpose()?;
    Some(found.map(UserNode))
}

/// Returns a user if the viewer can see them.
pub(super) async fn visible_user(ctx: &Context<'_>, user: crate::domain::id::UserId) -> NullableField<UserNode> {
    let request = request(ctx);
    let found = request.load(user).await.map_err(|error| shared_to_graphql_error(&error)).transpose()?;
    match found {
        Ok(record) if policy::can_see_user(&request.auth_context, user, &record.belongs_to) => {
            Some(Ok(UserNode(record)))
        }
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    }
}

/// The statuses of a grant.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "state::GrantStatus")]
pub(super) enum TokenGrantStatus {
    /// The token has access to the organization.
    Active,
    /// The token has expired or was revoked.
    Ended,
    /// The organization was removed from the token.
    Removed,
}

pub(super) struct TokenRequest(pub(super) Request);

/// A request that was made with a token.
#[Object]
impl TokenRequest {
    /// The time of the request.
    async fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// The IP address of the client. Null if the service that checked the token did not provide it.
    async fn ip_address(&self) -> Option<String> {
        self.0.address.map(|address| address.to_string())
    }

    /// The user agent of the client.
    async fn user_agent(&self) -> Option<&str> {
        self.0.user_agent.as_deref()
    }

    /// The HTTP method of the request.
    async fn method(&self) -> Option<&str> {
        self.0.method.as_deref()
    }

    /// The path of the request, without the query string.
    async fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }

    /// The scope that the request required, if the service that checked the token provided it.
    async fn scope(&self) -> Option<&str> {
        self.0.scope.as_deref()
    }

    /// Whether the request was allowed.
    async fn allowed(&self) -> bool {
        self.0.allowed
    }
}

connection!(TokenGrantConnection, TokenGrantEdge, "grants", "grant", searched Grant => GrantNode, |grant: &Grant| GrantNode(grant.clone()));
