//! The caller of a request: its authentication, client and time. Created once, by the endpoint.

use crate::domain::{
    id::{ResourceServerId, SessionId, TokenId, UserId},
    time::Time,
};
use std::net::IpAddr;

/// The caller of a request, command or job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The time of the request, its only "now".
    pub at: Time,
    /// The IP address of the client. `None` for the command line.
    pub address: Option<IpAddr>,
    /// The user agent, at most 200 characters.
    pub user_agent: Option<String>,
    /// How the caller is authenticated.
    pub auth_method: AuthMethod,
}

/// How a caller is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    /// The operator, at the command line.
    CommandLine,
    /// Tokenward itself: a job. No request authenticates as it.
    System,
    /// No credential, such as a request to sign in.
    Anonymous,
    /// A JWT of the host application or the identity provider.
    Jwt(UserId),
    /// A session of a browser, which began with a password.
    Session {
        /// The user who signed in.
        user: UserId,
        /// The session.
        session: SessionId,
        /// The time when the user last confirmed their password.
        authenticated_at: Time,
    },
    /// A token with the scope `graphql`, as its owner.
    Token {
        /// The owner.
        user: UserId,
        /// The acting token.
        token: TokenId,
    },
    /// The holder of a token value. The token may read and revoke itself.
    Value {
        /// The owner.
        user: UserId,
        /// The token.
        token: TokenId,
    },
    /// A resource server that received a token value to revoke the token (RFC 7009).
    ResourceServer(ResourceServerId),
}

impl Caller {
    /// Returns the operator on the command line.
    pub const fn command_line(at: Time) -> Self {
        Self { at, address: None, user_agent: None, auth_method: AuthMethod::CommandLine }
    }

    /// Returns Tokenward itself, for jobs.
    pub const fn system(at: Time) -> Self {
        Self { at, address: None, user_agent: None, auth_method: AuthMethod::System }
    }

    /// Returns the user who acts. `None` for the command line, jobs, resource servers and anonymous requests.
    pub const fn user(&self) -> Option<UserId> {
        match self.auth_method {
            AuthMethod::Jwt(user)
            | AuthMethod::Session { user, .. }
            | AuthMethod::Token { user, .. }
            | AuthMethod::Value { user, .. } => Some(user),
            AuthMethod::CommandLine | AuthMethod::System | AuthMethod::Anonymous | AuthMethod::ResourceServer(_) => {
                None
            }
        }
    }

    /// Returns the session of the request. `None` for other methods.
    pub const fn session(&self) -> Option<SessionId> {
        match self.auth_method {
            AuthMethod::Session { session, .. } => Some(session),
            _ => None,
        }
    }
}
