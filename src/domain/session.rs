//! How long does a session hold, and for how long does it count as freshly authenticated?

use crate::domain::{
    id::{SessionId, UserId},
    time::Time,
};
use std::time::Duration;

/// A session that nobody uses for so long is over.
pub const IDLE_TIMEOUT: Duration = Duration::from_hours(1);
/// No session lasts longer, however much it is used.
pub const MAX_LIFETIME: Duration = Duration::from_hours(24);
/// For so long a password that was given counts for what only its owner may do.
pub const PASSWORD_VALIDITY: Duration = Duration::from_mins(15);

/// One sign-in of a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Which one.
    pub id: SessionId,
    /// Who signed in.
    pub user: UserId,
    /// When.
    pub created_at: Time,
    /// When it was used, to the minute.
    pub last_seen_at: Time,
    /// When the password was given last.
    pub authenticated_at: Time,
    /// From where they signed in.
    pub address: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
}

impl Session {
    /// When it ends at the latest.
    pub fn expires_at(&self) -> Time {
        self.created_at.plus(MAX_LIFETIME)
    }

    /// Until when it counts as freshly authenticated.
    pub fn fresh_until(&self) -> Time {
        self.authenticated_at.plus(PASSWORD_VALIDITY)
    }
}

/// Whether a password that was given then still counts.
pub fn is_authentication_recent(authenticated_at: Time, at: Time) -> bool {
    at < authenticated_at.plus(PASSWORD_VALIDITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn a_password_counts_for_a_quarter_of_an_hour() {
        let given = Time::from_micros(1_795_426_200_000_000);
        assert!(is_authentication_recent(given, given));
        assert!(is_authentication_recent(given, given.plus(PASSWORD_VALIDITY).minus(Duration::from_micros(1))));
        assert!(!is_authentication_recent(given, given.plus(PASSWORD_VALIDITY)));
    }
}
