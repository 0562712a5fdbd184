//! Tokens, with the fields that the viewer can see. They never contain the token value.

use super::{
    connection::{ConnectionPage, Count, connection, page},
    enums::TokenStatus,
    error::{NullableField, field_result, shared_to_graphql_error, to_graphql_error},
    event::{AuditEventConnection, EventNode},
    grant::{TokenGrantConnection, TokenGrantStatus, TokenRequest},
    input::distinct,
    loaders::{AddressesOf, EventsCount, EventsPage, GrantsCount, GrantsPage, OrganizationsOf, UsageOf},
    organization::OrganizationNode,
    request,
    scalar::{DateTime, Uuid},
    scope::Scope,
    user::UserNode,
};
use crate::{
    domain::{
        cursor::ListKind,
        error::{Error, Result},
        grant::Usage,
        id::OrganizationId,
        page::{Page, Slice},
        policy::Visibility,
        token::Token,
    },
    store::GrantFilter,
};
use async_graphql::{Context, ID, Object};
use std::sync::Arc;

#[derive(Clone)]
pub(super) struct TokenNode {
    pub(super) token: Token,
    pub(super) view: Visibility,
}

/// An API access token. It never contains the token value, which `createToken` returns once.
#[Object(name = "Token")]
impl TokenNode {
    /// The ID of the token.
    pub(super) async fn id(&self) -> ID {
        self.token.id.to_string().into()
    }

    /// The UUID of the token.
    async fn uuid(&self) -> Uuid {
        Uuid(self.token.id.uuid())
    }

    /// The purpose of the token, as described by its owner.
    async fn description(&self) -> &str {
        &self.token.description
    }

    /// The first and last characters of the value: enough to recognize the token, too little to use it.
    async fn hint(&self) -> &str {
        &self.token.hint
    }

    /// The user who owns the token.
    async fn owner(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        let owner = request(ctx).load(self.token.owner).await.map_err(|error| shared_to_graphql_error(&error))?;
        owner.map(UserNode).ok_or_else(|| to_graphql_error(Error::Bug("a token without an owner".into())))
    }

    /// The scopes that are granted to the token, in the order of the catalogue.
    async fn scopes(&self, ctx: &Context<'_>) -> Vec<Scope> {
        let catalogue = request(ctx).app.catalogue();
        catalogue.sorted(&self.token.scopes).iter().map(|name| Scope(catalogue.describe(name))).collect()
    }

    /// The organizations that the token currently has access to, oldest first. The owner sees all of them; an
    /// administrator sees those that they administer.
    async fn organizations(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<OrganizationNode>> {
        let request = request(ctx);
        let organizations =
            request.load(OrganizationsOf(self.token.id)).await.map_err(|error| shared_to_graphql_error(&error))?;
        let visible = organizations.unwrap_or_default().into_iter().filter(|id| self.shows(*id));
        let mut found = request.loader.load_many(visible).await.map_err(|error| shared_to_graphql_error(&error))?;
        let mut ids: Vec<_> = found.keys().copied().collect();
        ids.sort_unstable();
        Ok(ids.iter().filter_map(|id| found.remove(id)).map(OrganizationNode::from).collect())
    }

    /// The periods of access to organizations, newest first. A removed grant states who removed it and why. The owner
    /// sees all grants; an administrator sees those of the organizations that they administer.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn grants(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of items to return.")] first: Option<i32>,
        #[graphql(desc = "Return items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of items to return.")] last: Option<i32>,
        #[graphql(desc = "Return items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Return only grants for this organization.")] organization_id: Option<ID>,
        #[graphql(desc = "Return only grants with one of these statuses.")] status: Option<Vec<TokenGrantStatus>>,
    ) -> NullableField<TokenGrantConnection> {
        let requested = organization_id.as_ref().map(|id| OrganizationId::parse(id));
        let organizations = match (requested, self.view.organizations()) {
            (Some(id), _) => Some(id.into_iter().filter(|id| self.shows(*id)).collect()),
            (None, visible) => visible.cloned(),
        };
        let status = distinct(status.unwrap_or_default().into_iter().map(Into::into));
        let filter = GrantFilter { organizations, status };
        field_result(self.grants_page(ctx, filter, &page(first, after, last, before)).await)
    }

    /// The events of the token, newest first. Visible to the owner only; administrators read
    /// `Organization.auditEvents`.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of items to return.")] first: Option<i32>,
        #[graphql(desc = "Return items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of items to return.")] last: Option<i32>,
        #[graphql(desc = "Return items before this cursor.")] before: Option<String>,
    ) -> NullableField<AuditEventConnection> {
        if !self.view.is_owner() {
            return None;
        }
        field_result(self.events_page(ctx, &page(first, after, last, before)).await)
    }

    /// The status of the token.
    async fn status(&self, ctx: &Context<'_>) -> TokenStatus {
        self.token.status(request(ctx).caller.at).into()
    }

    /// The time when the token was created.
    async fn created_at(&self) -> DateTime {
        DateTime(self.token.created_at)
    }

    /// The time when the token expires. Null if it never expires.
    async fn expires_at(&self) -> Option<DateTime> {
        self.token.expires_at.map(DateTime)
    }

    /// The time when the token was revoked.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.token.revoked_at.map(DateTime)
    }

    /// The time of the last allowed request, across all organizations. Visible to the owner only, and not through a
    /// token; administrators read `TokenGrant.lastUsedAt`.
    async fn last_used_at(&self, ctx: &Context<'_>) -> NullableField<DateTime> {
        let usage = self.usage(ctx).await.map(|usage| usage.and_then(|usage| usage.last_used_at).map(DateTime));
        usage.map_err(|error| shared_to_graphql_error(&error)).transpose()
    }

    /// The most recent request, allowed or not, across all organizations. Visible to the owner only, and not through a
    /// token; administrators read `TokenGrant.lastRequest`.
    async fn last_request(&self, ctx: &Context<'_>) -> NullableField<TokenRequest> {
        let usage = self.usage(ctx).await.map(|usage| usage.and_then(|usage| usage.last_request).map(TokenRequest));
        usage.map_err(|error| shared_to_graphql_error(&error)).transpose()
    }

    /// The distinct IP addresses of the most recent request with each organization that the token has access to, latest
    /// first. Visible to the owner only, and not through a token; administrators read `TokenGrant.lastRequest`.
    async fn recent_addresses(&self, ctx: &Context<'_>) -> NullableField<Vec<String>> {
        if self.view != Visibility::Owner {
            return None;
        }
        let found =
            request(ctx).load(AddressesOf(self.token.id)).await.map_err(|error| shared_to_graphql_error(&error));
        Some(found.map(|found| found.unwrap_or_default().iter().map(ToString::to_string).collect()))
    }
}

impl TokenNode {
    fn shows(&self, organization: OrganizationId) -> bool {
        self.view.organizations().is_none_or(|visible| visible.contains(&organization))
    }

    async fn usage(&self, ctx: &Context<'_>) -> Result<Option<Usage>, Arc<Error>> {
        match self.view {
            Visibility::Owner => request(ctx).load(UsageOf(self.token.id)).await,
            Visibility::OwnerWithin(_) | Visibility::Admin(_) => Ok(None),
        }
    }

    async fn grants_page(
        &self,
        ctx: &Context<'_>,
        filter: GrantFilter,
        page: &crate::domain::page::PageArguments,
    ) -> Result<TokenGrantConnection> {
        let request = request(ctx);
        let list = request.list(ListKind::Grants, self.token.id.uuid(), &filter).await?;
        let page = Page::parse(page, &list)?;
        let key = GrantsPage(self.token.id, filter.clone(), page.clone());
        let slice = request.load(key).await.map_err(shared)?;
        let (loader, key) = (Arc::clone(&request.loader), GrantsCount(self.token.id, filter));
        let count = Count::new(move || {
            let (loader, key) = (Arc::clone(&loader), key.clone());
            async move { Ok(loader.load_one(key).await.map_err(shared)?.unwrap_or_default()) }
        });
        Ok(TokenGrantConnection(ConnectionPage { slice: own(slice, &page), list, count }, Vec::new()))
    }

    async fn events_page(
        &self,
        ctx: &Context<'_>,
        page: &crate::domain::page::PageArguments,
    ) -> Result<AuditEventConnection> {
        let request = request(ctx);
        let list = request.list(ListKind::TokenEvents, self.token.id.uuid(), &()).await?;
        let page = Page::parse(page, &list)?;
        let visible = self.view.organizations().cloned();
        let slice = request.load(EventsPage(self.token.id, visible.clone(), page.clone())).await.map_err(shared)?;
        let (loader, key) = (Arc::clone(&request.loader), EventsCount(self.token.id, visible));
        let count = Count::new(move || {
            let (loader, key) = (Arc::clone(&loader), key.clone());
            async move { Ok(loader.load_one(key).await.map_err(shared)?.unwrap_or_default()) }
        });
        Ok(AuditEventConnection(ConnectionPage { slice: EventNode::slice(own(slice, &page)), list, count }))
    }
}

/// Returns the loaded slice, or an empty one: loaders return no slice for a token without rows.
fn own<T: Clone>(slice: Option<Arc<Slice<T>>>, page: &Page) -> Slice<T> {
    slice.map_or_else(|| Slice::of(page, Vec::new()), Arc::unwrap_or_clone)
}

/// Converts an error that several fields share.
fn shared(error: Arc<Error>) -> Error {
    match Arc::try_unwrap(error) {
        Ok(error) => error,
        // The loaders only read, so they fail only if the store does.
        Err(shared) => Error::unavailable(shared.to_string()),
    }
}

connection!(TokenConnection, TokenEdge, "tokens", "token", searched TokenNode => TokenNode, TokenNode::clone);
