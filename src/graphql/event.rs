//! Events, with the fields that the viewer can see.

use super::{
    connection::connection,
    enums::AuditEventType,
    error::{NullableField, shared_to_graphql_error},
    grant::named_user,
    loaders::{NotificationOf, OrganizationsOfEvent},
    organization::OrganizationNode,
    request,
    scalar::{DateTime, Uuid},
    token::TokenNode,
    user::UserNode,
};
use crate::domain::{
    event::{EventSource, FieldChange, RecordedEvent},
    page::Slice,
    policy,
    scope::ScopeName,
};
use async_graphql::{Context, Enum, ID, Object, SimpleObject};

#[derive(Clone)]
pub(super) struct EventNode(pub(super) RecordedEvent);

/// A change that was recorded in the event log.
#[Object(name = "AuditEvent")]
impl EventNode {
    /// The ID of the event.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The UUID of the event.
    async fn uuid(&self) -> Uuid {
        Uuid(self.0.id.uuid())
    }

    /// The ID of the event that caused this one: the end of a membership causes the removal of the organization from each
    /// token of the member. Null if no event caused it.
    async fn cause_id(&self) -> Option<ID> {
        (self.0.cause != self.0.id).then(|| self.0.cause.to_string().into())
    }

    /// The type of the event.
    #[graphql(name = "type")]
    async fn kind(&self) -> AuditEventType {
        self.0.kind.into()
    }

    /// The time of the event.
    async fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// The user who made the change. Null if the system, an operator on the command line, or a resource server made it.
    async fn actor(&self, ctx: &Context<'_>) -> NullableField<UserNode> {
        named_user(ctx, self.0.actor?).await
    }

    /// The IP address of the actor.
    async fn actor_ip_address(&self) -> Option<String> {
        self.0.actor_address.map(|address| address.to_string())
    }

    /// The user agent of the actor.
    async fn actor_user_agent(&self) -> Option<&str> {
        self.0.actor_user_agent.as_deref()
    }

    /// The organizations that the event concerns. An administrator sees those that they administer; the owner of the
    /// token sees all of them.
    async fn organizations(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<OrganizationNode>> {
        let request = request(ctx);
        let organizations =
            request.load(OrganizationsOfEvent(self.0.number)).await.map_err(|error| shared_to_graphql_error(&error))?;
        let visible = policy::visible_organizations_of_event(
            &request.auth_context,
            &organizations.unwrap_or_default(),
            self.0.token_owner(),
        );
        let mut found = request
            .loader
            .load_many(visible.unwrap_or_default())
            .await
            .map_err(|error| shared_to_graphql_error(&error))?;
        let mut ids: Vec<_> = found.keys().copied().collect();
        ids.sort_unstable();
        Ok(ids.iter().filter_map(|id| found.remove(id)).map(OrganizationNode::from).collect())
    }

    /// The ID of the token that the event concerns. It remains after the token has ended.
    async fn token_id(&self) -> Option<ID> {
        self.0.token.map(|token| token.to_string().into())
    }

    /// The token that the event concerns. Null if the viewer can no longer see it.
    async fn token(&self, ctx: &Context<'_>) -> NullableField<TokenNode> {
        let found =
            request(ctx).load(self.0.token?).await.map_err(|error| shared_to_graphql_error(&error)).transpose()?;
        Some(found.map(|(token, view)| TokenNode { token, view }))
    }

    /// How the actor authenticated.
    async fn via(&self) -> AuditEventSource {
        self.0.via.into()
    }

    /// The name of the resource server that made the change, or that the event concerns. Null if there is none.
    async fn resource_server_name(&self) -> Option<&str> {
        self.0.resource_server.as_deref()
    }

    /// The member or token owner that the event concerns.
    async fn user(&self, ctx: &Context<'_>) -> NullableField<UserNode> {
        named_user(ctx, self.0.user?).await
    }

    /// The names of the scopes that the change added to the token.
    async fn scopes_added(&self) -> Vec<&str> {
        self.0.scopes_added.iter().map(ScopeName::as_str).collect()
    }

    /// The names of the scopes that the change removed from the token.
    async fn scopes_removed(&self) -> Vec<&str> {
        self.0.scopes_removed.iter().map(ScopeName::as_str).collect()
    }

    /// The other values that the change replaced: a token's description and expiry, a member's role, an organization's
    /// name.
    async fn changes(&self) -> Vec<AuditEventChange> {
        self.0.field_changes.iter().cloned().map(AuditEventChange::from).collect()
    }

    /// The ID of the notification email about this event that was sent to the viewer. Null if none was sent to them.
    async fn notification_id(&self, ctx: &Context<'_>) -> NullableField<ID> {
        let notification = request(ctx)
            .load(NotificationOf(self.0.id))
            .await
            .map_err(|error| shared_to_graphql_error(&error))
            .transpose()?;
        Some(notification.map(|notification| notification.to_string().into()))
    }

    /// The reason that the actor gave.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }
}

impl EventNode {
    pub(super) fn slice(slice: Slice<RecordedEvent>) -> Slice<Self> {
        let rows = slice.rows.into_iter().map(|(cursor, event)| (cursor, Self(event))).collect();
        Slice { rows, has_next: slice.has_next, has_previous: slice.has_previous }
    }
}

/// A value that a change replaced.
#[derive(SimpleObject)]
pub(super) struct AuditEventChange {
    /// The name of the field in this schema: `description` or `expiresAt` of the token, `role` of the member, or `name`
    /// of the organization.
    field: String,
    /// The value before the change. Null if there was none.
    before: Option<String>,
    /// The value after the change. Null if there is none.
    after: Option<String>,
}

impl From<FieldChange> for AuditEventChange {
    fn from(FieldChange { field, before, after }: FieldChange) -> Self {
        Self { field, before, after }
    }
}

/// The ways in which an actor can authenticate.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "EventSource")]
pub(super) enum AuditEventSource {
    /// A browser session.
    Session,
    /// A JWT from the host application or the identity provider.
    Jwt,
    /// An API access token.
    Token,
    /// A resource server, through `/oauth/revoke`.
    ResourceServer,
    /// The operator's command line.
    CommandLine,
    /// The service itself.
    System,
}

connection!(AuditEventConnection, AuditEventEdge, "events", "event", EventNode => EventNode, EventNode::clone);
