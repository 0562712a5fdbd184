//! Organizations, their members and their audit.

use super::{
    Request,
    connection::{ConnectionPage, Count, connection, page},
    enums::OrganizationRole,
    error::{NullableField, field_result, optional_field_result, to_graphql_error},
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
        organization::{Membership, Organization, Role},
        page::{Page, PageArguments, Slice},
        policy::{self, AuthContext},
        text,
    },
    store::{MemberFilter, UserRecord},
};
use async_graphql::{Context, ID, Object};
use std::borrow::Cow;

#[derive(Clone)]
pub(super) struct OrganizationNode {
    organization: Organization,
    /// The role that this request has given the viewer, if any.
    role: Option<Role>,
}

impl From<Organization> for OrganizationNode {
    fn from(organization: Organization) -> Self {
        Self { organization, role: None }
    }
}

impl OrganizationNode {
    /// Returns an organization in which this request has given the viewer a role.
    pub(super) const fn with_viewer_role(organization: Organization, role: Role) -> Self {
        Self { organization, role: Some(role) }
    }

    /// Returns the authorization of the viewer, including the role that this request has given them.
    fn auth_context<'request>(&self, request: &'request Request) -> Cow<'request, AuthContext> {
        match self.role {
            Some(role) => Cow::Owned(request.auth_context.clone().with_role(self.organization.id, role)),
            None => Cow::Borrowed(&request.auth_context),
        }
    }
}

/// An organization whose data tokens can access.
#[Object(name = "Organization")]
impl OrganizationNode {
    /// The ID of the organization.
    pub(super) async fn id(&self) -> ID {
        self.organization.id.to_string().into()
    }

    /// The UUID of the organization.
    async fn uuid(&self) -> Uuid {
        Uuid(self.organization.id.uuid())
    }

    /// The unique slug. It cannot be changed.
    async fn slug(&self) -> &str {
        &self.organization.slug
    }

    /// The display name of the organization.
    async fn name(&self) -> &str {
        &self.organization.name
    }

    /// The time when the organization was created.
    async fn created_at(&self) -> DateTime {
        DateTime(self.organization.created_at)
    }

    /// Whether the viewer is an administrator of the organization.
    async fn viewer_is_admin(&self, ctx: &Context<'_>) -> bool {
        self.auth_context(request(ctx)).role_in(self.organization.id) == Some(Role::Admin)
    }

    /// The members of the organization, ordered by username. Members can see each other. `search` matches usernames and
    /// names, and for administrators also email addresses.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of items to return.")] first: Option<i32>,
        #[graphql(desc = "Return items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of items to return.")] last: Option<i32>,
        #[graphql(desc = "Return items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Return only members that match this text.")] search: Option<String>,
        #[graphql(desc = "Return only members with this role.")] role: Option<OrganizationRole>,
    ) -> async_graphql::Result<OrganizationMemberConnection> {
        let search = text::search_text("search", search.as_deref()).map_err(to_graphql_error)?;
        let filter = MemberFilter { search, role: role.map(Into::into) };
        self.members_page(ctx, filter, &page(first, after, last, before)).await.map_err(to_graphql_error)
    }

    /// The audit: every token that currently has access to the organization, newest first by default. With
    /// `filter.status`, also tokens that expired or were revoked while they had access. Administrators only.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn token_grants(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of items to return.")] first: Option<i32>,
        #[graphql(desc = "Return items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of items to return.")] last: Option<i32>,
        #[graphql(desc = "Return items before this cursor.")] before: Option<String>,
        #[graphql(desc = "The conditions that the tokens must match.")] filter: Option<TokenFilter>,
        #[graphql(desc = "The order of the tokens.")] order_by: Option<TokenOrder>,
    ) -> NullableField<TokenGrantConnection> {
        let request = request(ctx);
        field_result(
            async {
                let admin = policy::org_admin(&self.auth_context(request), self.organization.id)?;
                let ((filter, search), order) = (TokenFilter::read(filter, &request.app)?, TokenOrder::read(order_by));
                let list = request.list(ListKind::Audit(order), self.organization.id.uuid(), &filter).await?;
                let page = Page::parse(&page(first, after, last, before), &list)?;
                let at = request.caller.at;
                let slice = request.app.store().audit_list(&admin, &filter, order, &page, at).await?;
                let app = request.app.clone();
                let count = Count::new(move || {
                    let (app, admin, filter) = (app.clone(), admin.clone(), filter.clone());
                    async move { app.store().count_audit_list(&admin, &filter, at).await }
                });
                Ok(TokenGrantConnection(ConnectionPage { slice, list, count }, search))
            }
            .await,
        )
    }

    /// Look up one row of the audit by the ID of the token, including expired and revoked tokens. Null if the grant was
    /// removed or never existed. Administrators only.
    async fn token_grant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID of the token.")] token_id: ID,
    ) -> NullableField<GrantNode> {
        let request = request(ctx);
        optional_field_result(
            async {
                let admin = policy::org_admin(&self.auth_context(request), self.organization.id)?;
                let Some(token) = TokenId::parse(&token_id) else { return Ok(None) };
                let grant = request.app.store().audit_entry(&admin, token, request.caller.at).await?;
                Ok(grant.map(GrantNode))
            }
            .await,
        )
    }

    /// The events that concern the tokens and settings of the organization, newest first. Administrators only.
    async fn audit_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of items to return.")] first: Option<i32>,
        #[graphql(desc = "Return items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of items to return.")] last: Option<i32>,
        #[graphql(desc = "Return items before this cursor.")] before: Option<String>,
        #[graphql(desc = "The conditions that the events must match.")] filter: Option<AuditEventFilter>,
    ) -> NullableField<AuditEventConnection> {
        let request = request(ctx);
        field_result(
            async {
                let admin = policy::org_admin(&self.auth_context(request), self.organization.id)?;
                let filter = AuditEventFilter::read(filter);
                let list = request.list(ListKind::Events, self.organization.id.uuid(), &filter).await?;
                let page = Page::parse(&page(first, after, last, before), &list)?;
                let slice = request.app.store().events_in(&admin, &filter, &page).await?;
                let app = request.app.clone();
                let count = Count::new(move || {
                    let (app, admin, filter) = (app.clone(), admin.clone(), filter.clone());
                    async move { app.store().count_events_in(&admin, &filter).await }
                });
                Ok(AuditEventConnection(ConnectionPage { slice: EventNode::slice(slice), list, count }))
            }
            .await,
        )
    }
}

impl OrganizationNode {
    async fn members_page(
        &self,
        ctx: &Context<'_>,
        filter: MemberFilter,
        page: &PageArguments,
    ) -> Result<OrganizationMemberConnection> {
        let request = request(ctx);
        let list = request.list(ListKind::Members, self.organization.id.uuid(), &filter).await?;
        let page = Page::parse(page, &list)?;
        // A former member still sees the organization on the ended grants of their tokens, but none of its members.
        let Some(member) = policy::org_member(&self.auth_context(request), self.organization.id) else {
            let (slice, count) = (Slice::of(&page, Vec::new()), Count::new(async || Ok(0)));
            return Ok(OrganizationMemberConnection(ConnectionPage { slice, list, count }));
        };
        let slice = request.app.store().members_of(&member, &filter, &page).await?;
        let app = request.app.clone();
        let count = Count::new(move || {
            let (app, member, filter) = (app.clone(), member.clone(), filter.clone());
            async move { app.store().count_members_of(&member, &filter).await }
        });
        Ok(OrganizationMemberConnection(ConnectionPage { slice, list, count }))
    }
}

connection!(
    OrganizationConnection,
    OrganizationEdge,
    "organizations",
    "organization",
    (Organization, Role) => OrganizationNode,
    |row: &(Organization, Role)| OrganizationNode::from(row.0.clone()),
    /// The role of the user in the organization.
    role: OrganizationRole = |row: &(Organization, Role)| OrganizationRole::from(row.1)
);

connection!(
    OrganizationMemberConnection,
    OrganizationMemberEdge,
    "members",
    "member",
    (UserRecord, Membership) => UserNode,
    |row: &(UserRecord, Membership)| UserNode(row.0.clone()),
    /// The role of the member.
    role: OrganizationRole = |row: &(UserRecord, Membership)| OrganizationRole::from(row.1.role),
    /// The time when the member joined the organization.
    joined_at: DateTime = |row: &(UserRecord, Membership)| DateTime(row.1.joined_at)
);
