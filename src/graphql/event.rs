//! What happened, as far as the viewer may read of it.

use super::{
    connection::connection,
    error::{Answer, fail_shared},
    grant::named_user,
    loaders::{ConcernedBy, NoticeOf},
    organization::OrganizationNode,
    request,
    scalar::{DateTime, Uuid},
    token::TokenNode,
    user::UserNode,
};
use crate::domain::{
    event::{Difference, Entry, EventType, Via},
    list::Slice,
    policy,
    scope::ScopeName,
};
use async_graphql::{Context, Enum, ID, Object, SimpleObject};

#[derive(Clone)]
pub(super) struct EventNode(pub(super) Entry);

/// One change: what happened, when, by whom, and through what.
#[Object(name = "AuditEvent")]
impl EventNode {
    /// Its TypeID.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The same as a UUID.
    async fn uuid(&self) -> Uuid {
        Uuid(self.0.id.uuid())
    }

    /// What happened.
    #[graphql(name = "type")]
    async fn kind(&self) -> AuditEventType {
        self.0.kind.into()
    }

    /// When.
    async fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// Null when the system, the command line or a resource server acted.
    async fn actor(&self, ctx: &Context<'_>) -> Answer<UserNode> {
        named_user(ctx, self.0.actor?).await
    }

    /// From where the actor came.
    async fn actor_ip_address(&self) -> Option<String> {
        self.0.actor_address.map(|address| address.to_string())
    }

    /// What the actor came with.
    async fn actor_user_agent(&self) -> Option<&str> {
        self.0.actor_user_agent.as_deref()
    }

    /// Those it concerns that the viewer administers; all of them for the token's owner.
    async fn organizations(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<OrganizationNode>> {
        let request = request(ctx);
        let concerned = request.load(ConcernedBy(self.0.number)).await.map_err(|error| fail_shared(&error))?;
        let seen = policy::sees_event(&request.standing, &concerned.unwrap_or_default(), self.0.token_owner());
        let mut found =
            request.loader.load_many(seen.unwrap_or_default()).await.map_err(|error| fail_shared(&error))?;
        let mut ids: Vec<_> = found.keys().copied().collect();
        ids.sort_unstable();
        Ok(ids.iter().filter_map(|id| found.remove(id)).map(OrganizationNode::from).collect())
    }

    /// The token it is about, even after it is gone.
    async fn token_id(&self) -> Option<ID> {
        self.0.token.map(|token| token.to_string().into())
    }

    /// Null when the viewer can no longer see it.
    async fn token(&self, ctx: &Context<'_>) -> Answer<TokenNode> {
        let seen = request(ctx).load(self.0.token?).await.map_err(|error| fail_shared(&error)).transpose()?;
        Some(seen.map(|(token, seer)| TokenNode { token, view: seer.view().clone() }))
    }

    /// What the actor came through.
    async fn via(&self) -> AuditEventSource {
        self.0.via.into()
    }

    /// The name of the resource server that acted, or that the event is about. Null if there is none.
    async fn resource_server_name(&self) -> Option<&str> {
        self.0.resource_server.as_deref()
    }

    /// The member or owner it is about.
    async fn user(&self, ctx: &Context<'_>) -> Answer<UserNode> {
        named_user(ctx, self.0.user?).await
    }

    /// The scopes that the token has since then.
    async fn scopes_added(&self) -> Vec<&str> {
        self.0.scopes_added.iter().map(ScopeName::as_str).collect()
    }

    /// The scopes that the token no longer has.
    async fn scopes_removed(&self) -> Vec<&str> {
        self.0.scopes_removed.iter().map(ScopeName::as_str).collect()
    }

    /// What else is different since then: a token's description and end, a member's role, an organization's name.
    async fn changes(&self) -> Vec<AuditEventChange> {
        self.0.differences.iter().cloned().map(AuditEventChange::from).collect()
    }

    /// The id in the letter in which the viewer was told of it. Null where none was written to them.
    async fn notice_id(&self, ctx: &Context<'_>) -> Answer<ID> {
        let notice = request(ctx).load(NoticeOf(self.0.id)).await.map_err(|error| fail_shared(&error)).transpose()?;
        Some(notice.map(|notice| notice.to_string().into()))
    }

    /// Why, in the actor's words.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }
}

impl EventNode {
    pub(super) fn slice(slice: Slice<Entry>) -> Slice<Self> {
        let rows = slice.rows.into_iter().map(|(cursor, entry)| (cursor, Self(entry))).collect();
        Slice { rows, has_next: slice.has_next, has_previous: slice.has_previous }
    }
}

/// One field that a change left different.
#[derive(SimpleObject)]
pub(super) struct AuditEventChange {
    /// The field's name in this schema: `description` and `expiresAt` of the token, `role` of the member, `name` of the
    /// organization.
    field: String,
    /// What it was. Null where there was none before.
    before: Option<String>,
    /// What it is since then.
    after: Option<String>,
}

impl From<Difference> for AuditEventChange {
    fn from(Difference { field, before, after }: Difference) -> Self {
        Self { field, before, after }
    }
}

/// What an actor came through.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Via")]
pub(super) enum AuditEventSource {
    /// A signed-in browser.
    Session,
    /// A JWT of the host application or the identity provider.
    Jwt,
    /// A token, or whoever holds its value.
    Token,
    /// A resource server, by `/oauth/revoke`.
    ResourceServer,
    /// The operator at the command line.
    CommandLine,
    /// The service itself.
    System,
}

/// The kinds of change.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "EventType")]
pub(super) enum AuditEventType {
    /// A token was made.
    TokenCreated,
    /// Its description, scopes or end changed.
    TokenUpdated,
    /// It was ended for good.
    TokenRevoked,
    /// Its owner added an organization.
    TokenOrganizationAdded,
    /// An organization was removed from it.
    TokenOrganizationRemoved,
    /// A person came.
    UserCreated,
    /// Their name, handle or address changed.
    UserUpdated,
    /// They were stopped.
    UserDisabled,
    /// They were let back.
    UserEnabled,
    /// They were removed.
    UserDeleted,
    /// An organization came.
    OrganizationCreated,
    /// Its name changed.
    OrganizationUpdated,
    /// It was removed.
    OrganizationDeleted,
    /// Somebody joined.
    OrganizationMemberAdded,
    /// Their role changed.
    OrganizationMemberUpdated,
    /// They left or were removed.
    OrganizationMemberRemoved,
    /// An API may introspect tokens.
    ResourceServerAdded,
    /// It may no longer.
    ResourceServerDisabled,
}

connection!(AuditEventConnection, AuditEventEdge, EventNode => EventNode, EventNode::clone);
