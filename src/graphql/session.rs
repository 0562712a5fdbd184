//! Who is signed in by a browser, as far as they see it themselves.

use super::{connection::connection, request, scalar::DateTime};
use crate::domain::session::Session;
use async_graphql::{Context, ID, Object};

#[derive(Clone)]
pub(super) struct SessionNode(pub(super) Session);

/// One sign-in of a browser with a password. Only its owner sees it, and not through a token.
#[Object(name = "Session")]
impl SessionNode {
    /// Its TypeID.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// When it began.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it was last used, to the minute. After an hour without use it ends.
    async fn last_seen_at(&self) -> DateTime {
        DateTime(self.0.last_seen_at)
    }

    /// When it ends at the latest.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.0.expires_at())
    }

    /// Until when it counts as freshly authenticated; then what widens access asks for the password again.
    async fn fresh_until(&self) -> DateTime {
        DateTime(self.0.fresh_until())
    }

    /// From where its owner signed in.
    async fn ip_address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// With what its owner signed in.
    async fn user_agent(&self) -> Option<&str> {
        self.0.user_agent.as_deref()
    }

    /// Whether the request is made in it.
    async fn current(&self, ctx: &Context<'_>) -> bool {
        request(ctx).caller.session() == Some(self.0.id)
    }
}

connection!(SessionConnection, SessionEdge, SessionNode => SessionNode, SessionNode::clone);
