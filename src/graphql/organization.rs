//! Organizations and their audit.

use super::{
    Request,
    connection::{Count, Rows, connection, page},
    error::{Answer, answer, fail, maybe},
    event::{AuditEventConnection, EventNode},
    grant::{GrantNode, TokenGrantConnection},
    input::{AuditEventFilter, TokenFilter, TokenOrder},
    request,
    scalar::{DateTime, Uuid},
    user::UserNode,
};
use crate::{
    domain::{
        cursor::ListKind,
        error::Result,
        id::TokenId,
        list::{Page, PageArguments, Slice},
        organization::{Membership, Organization, Role},
        policy::{self, Standing},
        text,
    },
    store::{Members, Person},
};
use async_graphql::{Context, Enum, ID, Object};
use std::borrow::Cow;

#[derive(Clone)]
pub(super) struct OrganizationNode {
    organization: Organization,
    /// The viewer's role where this request has just changed it.
    role: Option<Role>,
}

impl From<Organization> for OrganizationNode {
    fn from(organization: Organization) -> Self {
        Self { organization, role: None }
    }
}

impl OrganizationNode {
    /// An organization in which this request has just given the viewer a role.
    pub(super) const fn anew(organization: Organization, role: Role) -> Self {
        Self { organization, role: Some(role) }
    }

    /// What the viewer is, with the role that this request has just given them.
    fn standing<'request>(&self, request: &'request Request) -> Cow<'request, Standing> {
        match self.role {
            Some(role) => Cow::Owned(request.standing.clone().joined(self.organization.id, role)),
            None => Cow::Borrowed(&request.standing),
        }
    }
}

/// An organization whose data tokens may reach.
#[Object(name = "Organization")]
impl OrganizationNode {
    /// Its TypeID.
    pub(super) async fn id(&self) -> ID {
        self.organization.id.to_string().into()
    }

    /// The same as REST tells it.
    async fn uuid(&self) -> Uuid {
        Uuid(self.organization.id.uuid())
    }

    /// The unique handle, which stays.
    async fn slug(&self) -> &str {
        &self.organization.slug
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.organization.name
    }

    /// When it came.
    async fn created_at(&self) -> DateTime {
        DateTime(self.organization.created_at)
    }

    /// Whether the viewer administers it.
    async fn viewer_is_admin(&self, ctx: &Context<'_>) -> bool {
        self.standing(request(ctx)).role_in(self.organization.id) == Some(Role::Admin)
    }

    /// Who belongs to it, in the order of their usernames. Members see the others; `search` looks through usernames and
    /// names, for administrators also through e-mail addresses.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn members(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        search: Option<String>,
        role: Option<OrganizationRole>,
    ) -> async_graphql::Result<OrganizationMemberConnection> {
        let which = text::sought("search", search.as_deref()).map_err(fail)?;
        let which = Members { search: which, role: role.map(Into::into) };
        self.members_page(ctx, which, &page(first, after, last, before)).await.map_err(fail)
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
                let admin = policy::admin_of(&self.standing(request), self.organization.id)?;
                let ((filter, search), order) = (TokenFilter::read(filter, &request.app)?, TokenOrder::read(order_by));
                let list = request.list(ListKind::Audit(order), self.organization.id.uuid(), &filter).await?;
                let page = Page::parse(&page(first, after, last, before), &list)?;
                let at = request.caller.at;
                let slice = request.app.store().reaching(&admin, &filter, order, &page, at).await?;
                let app = request.app.clone();
                let count = Count::by(move || {
                    let (app, admin, filter) = (app.clone(), admin.clone(), filter.clone());
                    async move { app.store().count_reaching(&admin, &filter, at).await }
                });
                Ok(TokenGrantConnection(Rows { slice, list, count }, search))
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
                let admin = policy::admin_of(&self.standing(request), self.organization.id)?;
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
                let admin = policy::admin_of(&self.standing(request), self.organization.id)?;
                let filter = AuditEventFilter::read(filter);
                let list = request.list(ListKind::Events, self.organization.id.uuid(), &filter).await?;
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

impl OrganizationNode {
    async fn members_page(
        &self,
        ctx: &Context<'_>,
        which: Members,
        page: &PageArguments,
    ) -> Result<OrganizationMemberConnection> {
        let request = request(ctx);
        let list = request.list(ListKind::Members, self.organization.id.uuid(), &which).await?;
        let page = Page::parse(page, &list)?;
        // Whoever left still sees the organization on the ended grants of their tokens, and nobody in it.
        let Some(insider) = policy::insider(&self.standing(request), self.organization.id) else {
            let (slice, count) = (Slice::of(&page, Vec::new()), Count::by(async || Ok(0)));
            return Ok(OrganizationMemberConnection(Rows { slice, list, count }));
        };
        let slice = request.app.store().members_of(&insider, &which, &page).await?;
        let app = request.app.clone();
        let count = Count::by(move || {
            let (app, insider, which) = (app.clone(), insider.clone(), which.clone());
            async move { app.store().count_members_of(&insider, &which).await }
        });
        Ok(OrganizationMemberConnection(Rows { slice, list, count }))
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
    |row: &(Organization, Role)| OrganizationNode::from(row.0.clone()),
    /// The role of the person whose list this is.
    role: OrganizationRole = |row: &(Organization, Role)| OrganizationRole::from(row.1)
);

connection!(
    OrganizationMemberConnection,
    OrganizationMemberEdge,
    (Person, Membership) => UserNode,
    |row: &(Person, Membership)| UserNode(row.0.clone()),
    /// Their role.
    role: OrganizationRole = |row: &(Person, Membership)| OrganizationRole::from(row.1.role),
    /// Since when they belong to it.
    joined_at: DateTime = |row: &(Person, Membership)| DateTime(row.1.joined_at)
);
