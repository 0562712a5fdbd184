//! The queries: lookups of single objects, and the viewer.

use super::{
    cost::MAX_IDS,
    error::{NullableField, field_result, optional_field_result, shared_to_graphql_error, to_graphql_error},
    event::EventNode,
    grant::{GrantNode, visible_user},
    loaders::OrganizationsOfEvent,
    organization::OrganizationNode,
    request,
    scope::Scope,
    session::SessionNode,
    token::TokenNode,
    user::UserNode,
};
use crate::domain::{
    error::Error,
    id::{EventId, NodeId, OrganizationId, SessionId, TokenId},
    policy,
};
use async_graphql::{Context, ID, Interface, Object};

/// An object with an ID.
#[derive(Interface)]
#[graphql(field(
    name = "id",
    ty = "ID",
    desc = "The ID of the object, a TypeID: the object type, an underscore, and a UUIDv7 in base 32, such as org_…, user_…, token_…, grant_…, event_… or session_…"
))]
pub(super) enum Node {
    User(UserNode),
    Organization(OrganizationNode),
    Token(TokenNode),
    TokenGrant(GrantNode),
    AuditEvent(EventNode),
    Session(SessionNode),
}

/// The query root.
pub struct Query;

/// The query root.
#[Object]
impl Query {
    /// Look up an object by its ID. Null if the object does not exist or the viewer cannot see it.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "The ID of the object.")] id: ID) -> NullableField<Node> {
        node(ctx, &id).await
    }

    /// Look up at most 100 objects by their IDs, in the same order. An object that does not exist or that the viewer
    /// cannot see is null.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The IDs of the objects.")] ids: Vec<ID>,
    ) -> async_graphql::Result<Vec<Option<Node>>> {
        if ids.len() > MAX_IDS {
            return Err(to_graphql_error(Error::invalid("ids", format!("Request at most {MAX_IDS} IDs at once."))));
        }
        let found = futures_util::future::join_all(ids.iter().map(|id| node(ctx, id))).await;
        found.into_iter().map(Option::transpose).collect()
    }

    /// The user that the request is authenticated as.
    async fn viewer(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        let request = request(ctx);
        let user = request.caller.user().ok_or_else(|| to_graphql_error(Error::Unauthenticated))?;
        let found = request.load(user).await.map_err(|error| shared_to_graphql_error(&error))?;
        found.map(UserNode).ok_or_else(|| to_graphql_error(Error::Unauthenticated))
    }

    /// The session in which the request is made. Null for requests with a JWT or a token.
    async fn session(&self, ctx: &Context<'_>) -> NullableField<SessionNode> {
        session(ctx, request(ctx).caller.session()?).await
    }

    /// Look up an organization by its slug. Null unless the viewer is a member.
    async fn organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The slug of the organization.")] slug: String,
    ) -> NullableField<OrganizationNode> {
        let request = request(ctx);
        // An invalid slug may contain characters that a database rejects.
        let slug = crate::domain::text::slug("slug", &slug).ok()?;
        let found = request.app.store().organization_by_slug(&slug).await;
        let is_visible = |organization: &crate::domain::organization::Organization| {
            request.auth_context.role_in(organization.id).is_some()
        };
        optional_field_result(found.map(|found| found.filter(is_visible).map(OrganizationNode::from)))
    }

    /// Look up a token that the viewer owns, or whose grant for an organization that the viewer administers has not
    /// been removed. Otherwise null.
    async fn token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the token.")] id: ID,
    ) -> NullableField<TokenNode> {
        token(ctx, TokenId::parse(&id)?).await
    }

    /// The scope catalogue, in display order.
    async fn scopes(&self, ctx: &Context<'_>) -> Vec<Scope> {
        request(ctx).app.catalogue().iter().cloned().map(Scope).collect()
    }

    /// The prefix of every token value, without the underscore that follows it. Clients use it to recognize token
    /// values in text.
    async fn token_prefix(&self, ctx: &Context<'_>) -> String {
        request(ctx).app.prefix().as_str().to_owned()
    }
}

async fn node(ctx: &Context<'_>, id: &ID) -> NullableField<Node> {
    match NodeId::parse(id)? {
        NodeId::User(id) => Some(visible_user(ctx, id).await?.map(Node::User)),
        NodeId::Organization(id) => Some(organization(ctx, id).await?.map(Node::Organization)),
        NodeId::Token(id) => Some(token(ctx, id).await?.map(Node::Token)),
        NodeId::Grant(id) => {
            let grant = request(ctx).load(id).await.map_err(|error| shared_to_graphql_error(&error)).transpose()?;
            Some(grant.map(|grant| Node::TokenGrant(GrantNode(grant))))
        }
        NodeId::Event(id) => Some(event(ctx, id).await?.map(Node::AuditEvent)),
        NodeId::Session(id) => Some(session(ctx, id).await?.map(Node::Session)),
    }
}

async fn organization(ctx: &Context<'_>, id: OrganizationId) -> NullableField<OrganizationNode> {
    let request = request(ctx);
    request.auth_context.role_in(id)?;
    request
        .load(id)
        .await
        .map_err(|error| shared_to_graphql_error(&error))
        .transpose()
        .map(|found| found.map(OrganizationNode::from))
}

async fn token(ctx: &Context<'_>, id: TokenId) -> NullableField<TokenNode> {
    let found = request(ctx).load(id).await.map_err(|error| shared_to_graphql_error(&error)).transpose()?;
    Some(found.map(|(token, view)| TokenNode { token, view }))
}

async fn session(ctx: &Context<'_>, id: SessionId) -> NullableField<SessionNode> {
    let found = request(ctx).load(id).await.map_err(|error| shared_to_graphql_error(&error)).transpose()?;
    Some(found.map(SessionNode))
}

async fn event(ctx: &Context<'_>, id: EventId) -> NullableField<EventNode> {
    let request = request(ctx);
    let event = match request.load(id).await.map_err(|error| shared_to_graphql_error(&error)).transpose()? {
        Ok(event) => event,
        Err(error) => return Some(Err(error)),
    };
    let organizations =
        request.load(OrganizationsOfEvent(event.number)).await.map_err(|error| shared_to_graphql_error(&error));
    let organizations = match organizations {
        Ok(organizations) => organizations.unwrap_or_default(),
        Err(error) => return Some(Err(error)),
    };
    policy::visible_organizations_of_event(&request.auth_context, &organizations, event.token_owner())?;
    field_result(Ok(EventNode(event)))
}
