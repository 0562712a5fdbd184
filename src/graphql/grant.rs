//! Periods of access, and the requests that were made in them.

use super::{
    connection::connection,
    error::{Answer, fail, fail_shared},
    organization::OrganizationNode,
    request,
    scalar::DateTime,
    token::TokenNode,
    user::UserNode,
};
use crate::domain::{
    error::Error,
    grant::{self, Grant, Request},
    policy,
};
use async_graphql::{Context, Enum, ID, Object};

#[derive(Clone)]
pub(super) struct GrantNode(pub(super) Grant);

/// One period in which a token has access to one organization: from the owner's adding it to somebody's removing it.
/// Adding it again makes a new one. What it says of use is use with this organization alone.
#[Object(name = "TokenGrant")]
impl GrantNode {
    /// Its TypeID.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The token's id, even where the token itself cannot be seen.
    async fn token_id(&self) -> ID {
        self.0.token.to_string().into()
    }

    /// Null when the viewer cannot see it, see `Query.token`.
    async fn token(&self, ctx: &Context<'_>) -> Answer<TokenNode> {
        let seen = request(ctx).load(self.0.token).await.map_err(|error| fail_shared(&error)).transpose()?;
        Some(seen.map(|(token, seer)| TokenNode { token, view: seer.view().clone() }))
    }

    /// The organization whose data it opens.
    async fn organization(&self, ctx: &Context<'_>) -> async_graphql::Result<OrganizationNode> {
        let found = request(ctx).load(self.0.organization).await.map_err(|error| fail_shared(&error))?;
        found.map(OrganizationNode::from).ok_or_else(|| fail(Error::Bug("a grant without an organization".into())))
    }

    /// Whether it stands.
    async fn status(&self, ctx: &Context<'_>) -> TokenGrantStatus {
        self.0.status(request(ctx).caller.at).into()
    }

    /// When the owner added the organization.
    async fn granted_at(&self) -> DateTime {
        DateTime(self.0.granted_at)
    }

    /// When the organization was removed.
    async fn removed_at(&self) -> Option<DateTime> {
        self.0.removal.as_ref().map(|removal| DateTime(removal.at))
    }

    /// Null while it stands, and when the system or the command line ended it.
    async fn removed_by(&self, ctx: &Context<'_>) -> Answer<UserNode> {
        let by = self.0.removal.as_ref()?.by?;
        named_user(ctx, by).await
    }

    /// Why the organization was removed, in their words.
    async fn removal_reason(&self) -> Option<&str> {
        self.0.removal.as_ref()?.reason.as_deref()
    }

    /// Whether the token's owner administers the organization now.
    async fn owner_is_admin(&self) -> bool {
        self.0.owner_is_admin
    }

    /// The last allowed request. Null: never used with this organization.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.0.usage.last_used_at.map(DateTime)
    }

    /// The most recent request with this organization, allowed or not.
    async fn last_request(&self) -> Option<TokenRequest> {
        self.0.usage.last_request.clone().map(TokenRequest)
    }
}

/// Somebody who is named by what the viewer may see, also when they have left since: an audit says who did it.
pub(super) async fn named_user(ctx: &Context<'_>, user: crate::domain::id::UserId) -> Answer<UserNode> {
    let found = request(ctx).load(user).await.map_err(|error| fail_shared(&error)).transpose()?;
    Some(found.map(UserNode))
}

/// Somebody whom the viewer may see.
pub(super) async fn seen_user(ctx: &Context<'_>, user: crate::domain::id::UserId) -> Answer<UserNode> {
    let request = request(ctx);
    let found = request.load(user).await.map_err(|error| fail_shared(&error)).transpose()?;
    match found {
        Ok(person) if policy::sees_user(&request.standing, user, &person.belongs_to) => Some(Ok(UserNode(person))),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    }
}

/// The states of a period of access.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "grant::GrantStatus")]
pub(super) enum TokenGrantStatus {
    /// The token reaches the organization.
    Active,
    /// The token expired or was revoked.
    Ended,
    /// Somebody took the organization away from the token.
    Removed,
}

pub(super) struct TokenRequest(pub(super) Request);

/// One request that was made with a token.
#[Object]
impl TokenRequest {
    /// When.
    async fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// From where. Null when whoever asked did not say.
    async fn ip_address(&self) -> Option<String> {
        self.0.address.map(|address| address.to_string())
    }

    /// With what.
    async fn user_agent(&self) -> Option<&str> {
        self.0.user_agent.as_deref()
    }

    /// The HTTP method.
    async fn method(&self) -> Option<&str> {
        self.0.method.as_deref()
    }

    /// The path, without its query.
    async fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }

    /// The scope that the request needed, where the caller said so.
    async fn scope(&self) -> Option<&str> {
        self.0.scope.as_deref()
    }

    /// Whether it was allowed.
    async fn allowed(&self) -> bool {
        self.0.allowed
    }
}

connection!(TokenGrantConnection, TokenGrantEdge, searched Grant => GrantNode, |grant: &Grant| GrantNode(grant.clone()));
