//! Users, with the fields that the viewer can see.

use super::{
    connection::{ConnectionPage, Count, page},
    error::{NullableField, field_result},
    input::{TokenFilter, TokenOrder},
    organization::OrganizationConnection,
    request,
    scalar::{DateTime, Uuid},
    session::{SessionConnection, SessionNode},
    token::{TokenConnection, TokenNode},
};
use crate::{
    domain::{
        cursor::ListKind,
        filter::TokenOrderField,
        page::{Page, Slice},
        policy::{self, SignedInUser, Viewer},
    },
    store::UserRecord,
};
use async_graphql::{Context, ID, Object};

#[derive(Clone)]
pub(super) struct UserNode(pub(super) UserRecord);

/// A user who can own tokens and belong to organizations.
#[Object(name = "User")]
impl UserNode {
    /// The ID of the user.
    pub(super) async fn id(&self) -> ID {
        self.0.user.id.to_string().into()
    }

    /// The UUID of the user.
    async fn uuid(&self) -> Uuid {
        Uuid(self.0.user.id.uuid())
    }

    /// The unique username.
    async fn username(&self) -> &str {
        &self.0.user.username
    }

    /// The display name of the user.
    async fn name(&self) -> &str {
        &self.0.user.name
    }

    /// The email address of the user. Null unless the user is the viewer, or is a member of an organization that the
    /// viewer administers.
    async fn email(&self, ctx: &Context<'_>) -> Option<&str> {
        let is_visible = policy::can_see_email(&request(ctx).auth_context, self.0.user.id, &self.0.belongs_to);
        self.0.user.email.as_deref().filter(|_| is_visible)
    }

    /// The time when the user was created.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.user.created_at)
    }

    /// The organizations that the user is a member of, oldest first. Visible to the user only.
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of items to return.")] first: Option<i32>,
        #[graphql(desc = "Return items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of items to return.")] last: Option<i32>,
        #[graphql(desc = "Return items before this cursor.")] before: Option<String>,
    ) -> NullableField<OrganizationConnection> {
        let request = request(ctx);
        let viewer = self.viewer(ctx)?;
        field_result(
            async {
                let list = request.list(ListKind::Organizations, viewer.user().uuid(), &()).await?;
                let page = Page::parse(&page(first, after, last, before), &list)?;
                let slice = request.app.store().organizations_of(&viewer, &page).await?;
                let app = request.app.clone();
                let count = Count::new(move || {
                    let (app, viewer) = (app.clone(), viewer.clone());
                    async move { app.store().count_organizations_of(&viewer).await }
                });
                Ok(OrganizationConnection(ConnectionPage { slice, list, count }))
            }
            .await,
        )
    }

    /// The active sessions of the user, newest first. Visible to the user only, and not through a token.
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of items to return.")] first: Option<i32>,
        #[graphql(desc = "Return items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of items to return.")] last: Option<i32>,
        #[graphql(desc = "Return items before this cursor.")] before: Option<String>,
    ) -> NullableField<SessionConnection> {
        let request = request(ctx);
        let signed_in_user = self.signed_in_user(ctx)?;
        field_result(
            async {
                let list = request.list(ListKind::Sessions, signed_in_user.user().uuid(), &()).await?;
                let page = Page::parse(&page(first, after, last, before), &list)?;
                let at = request.caller.at;
                let slice = request.app.store().sessions_of(&signed_in_user, &page, at).await?;
                let rows = slice.rows.into_iter().map(|(cursor, session)| (cursor, SessionNode(session))).collect();
                let slice = Slice { rows, has_next: slice.has_next, has_previous: slice.has_previous };
                let app = request.app.clone();
                let count = Count::new(move || {
                    let (app, signed_in_user) = (app.clone(), signed_in_user.clone());
                    async move { app.store().count_sessions_of(&signed_in_user, at).await }
                });
                Ok(SessionConnection(ConnectionPage { slice, list, count }))
            }
            .await,
        )
    }

    /// Whether the user can sign in with a password. Visible to the user only, and not through a token.
    async fn has_password(&self, ctx: &Context<'_>) -> NullableField<bool> {
        let user = *self.signed_in_user(ctx)?.user();
        let sign_in = request(ctx).app.store().sign_in(user).await;
        field_result(sign_in.map(|sign_in| sign_in.is_some_and(|sign_in| sign_in.hash.is_some())))
    }

    /// The tokens that the user owns, newest first by default. Visible to the user only.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn tokens(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of items to return.")] first: Option<i32>,
        #[graphql(desc = "Return items after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of items to return.")] last: Option<i32>,
        #[graphql(desc = "Return items before this cursor.")] before: Option<String>,
        #[graphql(desc = "The conditions that the tokens must match.")] filter: Option<TokenFilter>,
        #[graphql(desc = "The order of the tokens.")] order_by: Option<TokenOrder>,
    ) -> NullableField<TokenConnection> {
        let request = request(ctx);
        let viewer = self.viewer(ctx)?;
        field_result(
            async {
                let ((filter, search), order) = (TokenFilter::read(filter, &request.app)?, TokenOrder::read(order_by));
                if filter.depends_on_usage() || order.field == TokenOrderField::LastUsedAt {
                    policy::can_see_all_usage(&request.auth_context)?;
                }
                let list = request.list(ListKind::Tokens(order), viewer.user().uuid(), &filter).await?;
                let page = Page::parse(&page(first, after, last, before), &list)?;
                let at = request.caller.at;
                let slice = request.app.store().tokens_of(&viewer, &filter, order, &page, at).await?;
                let view = policy::own_visibility(&request.auth_context);
                let node = |token| TokenNode { token, view: view.clone() };
                let rows = slice.rows.into_iter().map(|(cursor, token)| (cursor, node(token))).collect();
                let slice = Slice { rows, has_next: slice.has_next, has_previous: slice.has_previous };
                let app = request.app.clone();
                let count = Count::new(move || {
                    let (app, viewer, filter) = (app.clone(), viewer.clone(), filter.clone());
                    async move { app.store().count_tokens_of(&viewer, &filter, at).await }
                });
                Ok(TokenConnection(ConnectionPage { slice, list, count }, search))
            }
            .await,
        )
    }
}

impl UserNode {
    /// Returns the proof that the viewer is this user and does not use a token, or `None`.
    fn signed_in_user(&self, ctx: &Context<'_>) -> Option<SignedInUser> {
        policy::signed_in_user(&request(ctx).auth_context)
            .ok()
            .filter(|signed_in_user| *signed_in_user.user() == self.0.user.id)
    }

    /// Returns the proof that the viewer is this user, or `None`.
    fn viewer(&self, ctx: &Context<'_>) -> Option<Viewer> {
        policy::viewer(&request(ctx).auth_context).ok().filter(|viewer| *viewer.user() == self.0.user.id)
    }
}
