//! Sessions, which only their users can see.

use super::{connection::connection, request, scalar::DateTime};
use crate::domain::session::Session;
use async_graphql::{Context, ID, Object};

#[derive(Clone)]
pub(super) struct SessionNode(pub(super) Session);

/// A session of a user who signed in with a password in a browser. Visible to the user only, and not through a token.
#[Object(name = "Session")]
impl SessionNode {
    /// The ID of the session.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The time when the user signed in.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// The time when the session was last used, to the minute. A session expires after one hour without use.
    async fn last_seen_at(&self) -> DateTime {
        DateTime(self.0.last_seen_at)
    }

    /// The time when the session expires, however much it is used.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.0.expires_at())
    }

    /// The time until which the session counts as freshly authenticated. After it, changes that extend access require
    /// the password again.
    async fn fresh_until(&self) -> DateTime {
        DateTime(self.0.fresh_until())
    }

    /// The IP address from which the user signed in.
    async fn ip_address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// The user agent with which the user signed in.
    async fn user_agent(&self) -> Option<&str> {
        self.0.user_agent.as_deref()
    }

    /// Whether the request is made in this session.
    async fn current(&self, ctx: &Context<'_>) -> bool {
        request(ctx).caller.session() == Some(self.0.id)
    }
}

connection!(SessionConnection, SessionEdge, "sessions", "session", SessionNode => SessionNode, SessionNode::clone);
