//! Tokens, as far as the viewer sees them. Never a value.

use super::{
    connection::{Count, Rows, connection, page},
    error::{Answer, answer, fail, fail_shared},
    event::{AuditEventConnection, EventNode},
    grant::{TokenGrantConnection, TokenGrantStatus, TokenRequest},
    input::distinct,
    loaders::{AddressesOf, EventsCount, EventsPage, GrantsCount, GrantsPage, ReachOf, UseOf},
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
        list::{Page, Slice},
        policy::View,
        token::{self, Token},
    },
    store::GrantsOf,
};
use async_graphql::{Context, Enum, ID, Object};
use std::sync::Arc;

#[derive(Clone)]
pub(super) struct TokenNode {
    pub(super) token: Token,
    pub(super) view: View,
}

/// One access token. It never holds the token's value: that is shown once, by `createToken`.
#[Object(name = "Token")]
impl TokenNode {
    /// Its TypeID.
    pub(super) async fn id(&self) -> ID {
        self.token.id.to_string().into()
    }

    /// The same as REST, headers and `jti` tell it.
    async fn uuid(&self) -> Uuid {
        Uuid(self.token.id.uuid())
    }

    /// What it is for, in its owner's words.
    async fn description(&self) -> &str {
        &self.token.description
    }

    /// Enough of the value to recognise it by, too little to call with.
    async fn hint(&self) -> &str {
        &self.token.hint
    }

    /// Whoever made it and may revoke it.
    async fn owner(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        let owner = request(ctx).load(self.token.owner).await.map_err(|error| fail_shared(&error))?;
        owner.map(UserNode).ok_or_else(|| fail(Error::Bug("a token without an owner".into())))
    }

    /// What it may do, in the order of the catalogue.
    async fn scopes(&self, ctx: &Context<'_>) -> Vec<Scope> {
        let catalogue = request(ctx).app.catalogue();
        catalogue.sorted(&self.token.scopes).iter().map(|name| Scope(catalogue.describe(name))).collect()
    }

    /// The organizations it reaches now, oldest first: all of them for the owner, for an administrator the ones they
    /// administer.
    async fn organizations(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<OrganizationNode>> {
        let request = request(ctx);
        let reach = request.load(ReachOf(self.token.id)).await.map_err(|error| fail_shared(&error))?;
        let seen = reach.unwrap_or_default().into_iter().filter(|one| self.shows(*one));
        let mut found = request.loader.load_many(seen).await.map_err(|error| fail_shared(&error))?;
        let mut ids: Vec<_> = found.keys().copied().collect();
        ids.sort_unstable();
        Ok(ids.iter().filter_map(|id| found.remove(id)).map(OrganizationNode::from).collect())
    }

    /// Its periods of access, newest first; removed ones say who ended them and why. All of them for the owner, for an
    /// administrator those of the organizations they administer.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn grants(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        organization_id: Option<ID>,
        status: Option<Vec<TokenGrantStatus>>,
    ) -> Answer<TokenGrantConnection> {
        let asked = organization_id.as_ref().map(|id| OrganizationId::parse(id));
        let organizations = match (asked, self.view.organizations()) {
            (Some(one), _) => Some(one.into_iter().filter(|one| self.shows(*one)).collect()),
            (None, seen) => seen.cloned(),
        };
        let status = distinct(status.unwrap_or_default().into_iter().map(Into::into));
        let which = GrantsOf { organizations, status };
        answer(self.grants_page(ctx, which, &page(first, after, last, before)).await)
    }

    /// What happened to it, newest first. Only the owner sees it; administrators read their organization's
    /// `auditEvents`.
    async fn events(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Answer<AuditEventConnection> {
        if !self.view.is_owner() {
            return None;
        }
        answer(self.events_page(ctx, &page(first, after, last, before)).await)
    }

    /// Whether it may be used.
    async fn status(&self, ctx: &Context<'_>) -> TokenStatus {
        self.token.status(request(ctx).caller.at).into()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.token.created_at)
    }

    /// When it ends by itself; null for never.
    async fn expires_at(&self) -> Option<DateTime> {
        self.token.expires_at.map(DateTime)
    }

    /// When it was revoked.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.token.revoked_at.map(DateTime)
    }

    /// The last allowed request, over every organization; only the owner sees it, and not through a token, which knows
    /// only the organizations that it reaches. Administrators read the grant's.
    async fn last_used_at(&self, ctx: &Context<'_>) -> Answer<DateTime> {
        let usage = self.usage(ctx).await.map(|usage| usage.and_then(|usage| usage.last_used_at).map(DateTime));
        usage.map_err(|error| fail_shared(&error)).transpose()
    }

    /// The most recent request, allowed or not, over every organization; only the owner sees it, and not through a
    /// token, which knows only the organizations that it reaches. Administrators read the grant's.
    async fn last_request(&self, ctx: &Context<'_>) -> Answer<TokenRequest> {
        let usage = self.usage(ctx).await.map(|usage| usage.and_then(|usage| usage.last_request).map(TokenRequest));
        usage.map_err(|error| fail_shared(&error)).transpose()
    }

    /// The addresses of its most recent requests, one for each organization it reaches, none twice and latest first; only
    /// the owner sees them, and not through a token. Administrators read the grant's.
    async fn recent_addresses(&self, ctx: &Context<'_>) -> Answer<Vec<String>> {
        if self.view != View::Owner {
            return None;
        }
        let found = request(ctx).load(AddressesOf(self.token.id)).await.map_err(|error| fail_shared(&error));
        Some(found.map(|found| found.unwrap_or_default().iter().map(ToString::to_string).collect()))
    }
}

impl TokenNode {
    fn shows(&self, organization: OrganizationId) -> bool {
        self.view.organizations().is_none_or(|seen| seen.contains(&organization))
    }

    async fn usage(&self, ctx: &Context<'_>) -> Result<Option<Usage>, Arc<Error>> {
        match self.view {
            View::Owner => request(ctx).load(UseOf(self.token.id)).await,
            View::OwnerWithin(_) | View::Admin(_) => Ok(None),
        }
    }

    async fn grants_page(
        &self,
        ctx: &Context<'_>,
        which: GrantsOf,
        page: &crate::domain::list::PageArguments,
    ) -> Result<TokenGrantConnection> {
        let request = request(ctx);
        let list = request.list(ListKind::Grants, self.token.id.uuid(), &which).await?;
        let page = Page::parse(page, &list)?;
        let key = GrantsPage(self.token.id, which.clone(), page.clone());
        let slice = request.load(key).await.map_err(shared)?;
        let (loader, key) = (Arc::clone(&request.loader), GrantsCount(self.token.id, which));
        let count = Count::by(move || {
            let (loader, key) = (Arc::clone(&loader), key.clone());
            async move { Ok(loader.load_one(key).await.map_err(shared)?.unwrap_or_default()) }
        });
        Ok(TokenGrantConnection(Rows { slice: own(slice, &page), list, count }, Vec::new()))
    }

    async fn events_page(
        &self,
        ctx: &Context<'_>,
        page: &crate::domain::list::PageArguments,
    ) -> Result<AuditEventConnection> {
        let request = request(ctx);
        let list = request.list(ListKind::TokenEvents, self.token.id.uuid(), &()).await?;
        let page = Page::parse(page, &list)?;
        let only = self.view.organizations().cloned();
        let slice = request.load(EventsPage(self.token.id, only.clone(), page.clone())).await.map_err(shared)?;
        let (loader, key) = (Arc::clone(&request.loader), EventsCount(self.token.id, only));
        let count = Count::by(move || {
            let (loader, key) = (Arc::clone(&loader), key.clone());
            async move { Ok(loader.load_one(key).await.map_err(shared)?.unwrap_or_default()) }
        });
        Ok(AuditEventConnection(Rows { slice: EventNode::slice(own(slice, &page)), list, count }))
    }
}

/// A token without rows has no slice.
fn own<T: Clone>(slice: Option<Arc<Slice<T>>>, page: &Page) -> Slice<T> {
    slice.map_or_else(|| Slice::of(page, Vec::new()), Arc::unwrap_or_clone)
}

/// An error that several fields share, for one of them.
fn shared(error: Arc<Error>) -> Error {
    match Arc::try_unwrap(error) {
        Ok(error) => error,
        // The loaders only read: they fail when the store does.
        Err(shared) => Error::unavailable(shared.to_string()),
    }
}

/// The states of a token; all but the first are final.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "token::TokenStatus")]
pub(super) enum TokenStatus {
    /// It may be used.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

connection!(TokenConnection, TokenEdge, searched TokenNode => TokenNode, TokenNode::clone);
