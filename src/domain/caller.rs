//! Who asks, through what, from where, and at what time: made once, at the door.

use crate::domain::{
    id::{ResourceServerId, SessionId, TokenId, UserId},
    time::Time,
};
use std::net::IpAddr;

/// One request, command or job, as far as rules depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The one "now" of this request.
    pub at: Time,
    /// From where; nothing for the command line and the system.
    pub address: Option<IpAddr>,
    /// With what, at most 200 characters.
    pub user_agent: Option<String>,
    /// As whom, and by what credential.
    pub auth_method: AuthMethod,
}

/// What a caller came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    /// The operator, at the command line.
    CommandLine,
    /// Tokenward itself.
    System,
    /// A JWT of the host application or the identity provider.
    Jwt(UserId),
    /// A session of a browser, which began with a password.
    Session {
        /// Who signed in.
        user: UserId,
        /// The session.
        session: SessionId,
        /// When they last gave their password.
        authenticated_at: Time,
    },
    /// A token with the scope `graphql`, as its owner.
    Token {
        /// The owner.
        user: UserId,
        /// The acting token.
        token: TokenId,
    },
    /// Whoever holds the value of a token, which may read and end itself.
    Value {
        /// The owner.
        user: UserId,
        /// The token itself.
        token: TokenId,
    },
    /// A resource server that was given the value of a token to revoke it, as RFC 7009 has it.
    ResourceServer(ResourceServerId),
}

impl Caller {
    /// The operator at the command line.
    pub const fn command_line(at: Time) -> Self {
        Self { at, address: None, user_agent: None, auth_method: AuthMethod::CommandLine }
    }

    /// The person acting, if it is one.
    pub const fn user(&self) -> Option<UserId> {
        match self.auth_method {
            AuthMethod::Jwt(user)
            | AuthMethod::Session { user, .. }
            | AuthMethod::Token { user, .. }
            | AuthMethod::Value { user, .. } => Some(user),
            AuthMethod::CommandLine | AuthMethod::System | AuthMethod::ResourceServer(_) => None,
        }
    }

    /// The token that the request is made with, where it is one.
    pub const fn acting_token(&self) -> Option<TokenId> {
        match self.auth_method {
            AuthMethod::Token { token, .. } | AuthMethod::Value { token, .. } => Some(token),
            AuthMethod::CommandLine
            | AuthMethod::System
            | AuthMethod::ResourceServer(_)
            | AuthMethod::Jwt(_)
            | AuthMethod::Session { .. } => None,
        }
    }

    /// The session that the request is made in, where it is one.
    pub const fn session(&self) -> Option<SessionId> {
        match self.auth_method {
            AuthMethod::Session { session, .. } => Some(session),
            _ => None,
        }
    }
}
