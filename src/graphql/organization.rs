//! Organizations and their audit.

use super::{
    connection::{Count, Rows, connection, page},
    error::{Answer, answer, maybe},
    event::{AuditEventConnection, EventNode},
    grant::{GrantNode, TokenGrantConnection},
    input::{AuditEventFilter, TokenFilter, TokenOrder},
    request,
    scalar::{DateTime, Uuid},
};
use crate::domain::{
    id::TokenId,
    list::{List, Page},
    organization::{Organization, Role},
    policy,
};
use async_graphql::{Context, Enum, ID, Object};

#[derive(Clone)]
pub(super) struct OrganizationNode(pub(super) Organization);

/// An organization whose data tokens may reach.
#[Object(name = "Organization")]
impl OrganizationNode {
    /// Its TypeID.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The same as REST tells it.
    async fn uuid(&self) -> Uuid {
        Uuid(self.0.id.uuid())
    }

    /// The unique handle, which stays.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// When it came.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Whether the viewer administers it.
    async fn viewer_is_admin(&self, ctx: &Context<'_>) -> bool {
        request(ctx).standing.role_in(self.0.id) == Some(Role::Admin)
    }

    /// The audit: every token that reaches this organization now, newest first. With `filter.status` also those that
    /// expired or were revoked while they reached it. Administrators only.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn token_grants(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<TokenFilter>,
        order_by: Option<TokenOrder>,
    ) -> Answer<TokenGrantConnection> {
        let request = request(ctx);
        answer(
            async {
                let admin = policy::admin_of(&request.standing, self.0.id)?;
                let (filter, order) = (TokenFilter::read(filter, &request.app)?, TokenOrder::read(order_by));
                let list = List::of_tokens("audit", self.0.id.uuid(), &filter, order);
                let page = Page::parse(&page(first, after, last, before), &list)?;
                let at = request.caller.at;
                let slice = request.app.store().reaching(&admin, &filter, order, &page, at).await?;
                let app = request.app.clone();
                let count = Count::by(move || {
                    let (app, admin, filter) = (app.clone(), admin.clone(), filter.clone());
                    async move { app.store().count_reaching(&admin, &filter, at).await }
                });
                Ok(TokenGrantConnection(Rows { slice, list, count }))
            }
            .await,
        )
    }

    /// One row of the audit, by the token's id, expired and revoked ones included. Null when its grant was removed or
    /// never was. Administrators only.
    async fn token_grant(&self, ctx: &Context<'_>, token_id: ID) -> Answer<GrantNode> {
        let request = request(ctx);
        maybe(
            async {
                let admin = policy::admin_of(&request.standing, self.0.id)?;
                let Some(token) = TokenId::parse(&token_id) else { return Ok(None) };
                let grant = request.app.store().audited(&admin, token, request.caller.at).await?;
                Ok(grant.map(GrantNode))
            }
            .await,
        )
    }

    /// What happened to the tokens and settings of this organization, newest first. Administrators only.
    async fn audit_events(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<AuditEventFilter>,
    ) -> Answer<AuditEventConnection> {
        let request = request(ctx);
        answer(
            async {
                let admin = policy::admin_of(&request.standing, self.0.id)?;
                let filter = AuditEventFilter::read(filter);
                let list = List::new("events", self.0.id.uuid(), &filter);
                let page = Page::parse(&page(first, after, last, before), &list)?;
                let slice = request.app.store().events_in(&admin, &filter, &page).await?;
                let app = request.app.clone();
                let count = Count::by(move || {
                    let (app, admin, filter) = (app.clone(), admin.clone(), filter.clone());
                    async move { app.store().count_events_in(&admin, &filter).await }
                });
                Ok(AuditEventConnection(Rows { slice: EventNode::slice(slice), list, count }))
            }
            .await,
        )
    }
}

/// What a member may do.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Role")]
pub(super) enum OrganizationRole {
    /// Audits tokens, removes the organization from them, manages members.
    Admin,
    /// Makes tokens that reach the organization.
    Member,
}

connection!(
    OrganizationConnection,
    OrganizationEdge,
    (Organization, Role) => OrganizationNode,
    |row: &(Organization, Role)| OrganizationNode(row.0.clone()),
    /// The role of the person whose list this is.
    role: OrganizationRole = |row: &(Organization, Role)| OrganizationRole::from(row.1)
);
