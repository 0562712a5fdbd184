//! Sessions: how long they last, and how long their authentication is fresh.

use crate::domain::{
    id::{SessionId, UserId},
    time::Time,
};
use std::time::Duration;

/// A session ends if it is not used for this long.
pub const IDLE_TIMEOUT: Duration = Duration::from_hours(1);
/// The maximum lifetime of a session, however often it is used.
pub const MAX_LIFETIME: Duration = Duration::from_hours(24);
/// The time for which a confirmed password is fresh authentication.
pub const PASSWORD_VALIDITY: Duration = Duration::from_mins(15);

/// A session of a browser, from sign-in to sign-out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The ID of the session.
    pub id: SessionId,
    /// The user who signed in.
    pub user: UserId,
    /// The time when the user signed in.
    pub created_at: Time,
    /// The time when the session was last used, to the minute.
    pub last_seen_at: Time,
    /// The time when the password was last confirmed.
    pub authenticated_at: Time,
    /// The IP address from which the user signed in.
    pub address: Option<String>,
    /// The user agent with which the user signed in.
    pub user_agent: Option<String>,
}

impl Session {
    /// Returns the time when the session ends at the latest.
    pub fn expires_at(&self) -> Time {
        self.created_at.plus(MAX_LIFETIME)
    }

    /// Returns the time until which the authentication is fresh.
    pub fn fresh_until(&self) -> Time {
        self.authenticated_at.plus(PASSWORD_VALIDITY)
    }
}

/// Returns whether a password that was confirmed at `authenticated_at` is still fresh authentication.
pub fn is_authentication_recent(authenticated_at: Time, at: Time) -> bool {
    at < authenticated_at.plus(PASSWORD_VALIDITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn authentication_is_fresh_for_15_minutes() {
        let given = Time::from_micros(1_795_426_200_000_000);
        assert!(is_authentication_recent(given, given));
        assert!(is_authentication_recent(given, given.plus(PASSWORD_VALIDITY).minus(Duration::from_micros(1))));
        assert!(!is_authentication_recent(given, given.plus(PASSWORD_VALIDITY)));
    }
}
