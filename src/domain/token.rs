//! Tokens, their status, and the rules for their expiry.

use crate::domain::{
    error::{Error, Result},
    id::{TokenId, UserId},
    scope::ScopeSet,
    state::TokenStatus,
    time::{DAY, MAX_SPAN_DAYS, Time},
};
use std::time::Duration;

/// The maximum number of organizations that a token has access to.
pub const MAX_ORGANIZATIONS: usize = 100;

/// The latest expiry, counted from the change that sets it: about a century.
pub const MAX_LIFETIME: Duration = DAY.saturating_mul(MAX_SPAN_DAYS);

/// An access token. It contains neither the value nor its fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The ID of the token.
    pub id: TokenId,
    /// The user who owns it.
    pub owner: UserId,
    /// The description that the owner gave it.
    pub description: String,
    /// The hint of its value.
    pub hint: String,
    /// Its scopes, including retired ones.
    pub scopes: ScopeSet,
    /// The time when it was created.
    pub created_at: Time,
    /// Its expiry. `None` if it never expires.
    pub expires_at: Option<Time>,
    /// The time when it was first found expired. It remains expired even if the clock is set back.
    pub expired_at: Option<Time>,
    /// The time when it was revoked.
    pub revoked_at: Option<Time>,
    /// The number of changes, by which concurrent changes are detected.
    pub version: i64,
}

impl Token {
    /// Returns the status at a time.
    pub fn status(&self, at: Time) -> TokenStatus {
        TokenStatus::of(at, self.expires_at, self.expired_at, self.revoked_at)
    }
}

/// Validates the number of organizations of a token.
pub fn check_organization_count(field: &'static str, number: usize) -> Result<()> {
    if (1..=MAX_ORGANIZATIONS).contains(&number) {
        Ok(())
    } else {
        Err(Error::invalid(
            field,
            format!("A token has access to 1 to {MAX_ORGANIZATIONS} organizations; you specified {number}."),
        ))
    }
}

/// Validates the expiry of a new token: in the future and at most [`MAX_LIFETIME`] ahead, or never.
pub fn check_new_expiry(field: &'static str, expires_at: Option<Time>, at: Time) -> Result<Option<Time>> {
    match expires_at {
        Some(end) if end <= at => {
            Err(Error::invalid(field, "The time must be in the future; omit it for a token that never expires."))
        }
        Some(end) => check_expiry_limit(field, end, at).map(|()| Some(end)),
        None => Ok(None),
    }
}

fn check_expiry_limit(field: &'static str, end: Time, at: Time) -> Result<()> {
    if end <= at.plus(MAX_LIFETIME) {
        return Ok(());
    }
    Err(Error::invalid(field, format!("The time must be at most {MAX_SPAN_DAYS} days ahead. Choose an earlier time.")))
}

/// Validates a new expiry of an existing token: in the future, and not later than the current one.
pub fn check_earlier_expiry(field: &'static str, current: Option<Time>, expires_at: Time, at: Time) -> Result<()> {
    if current == Some(expires_at) {
        return Ok(());
    }
    if expires_at <= at {
        return Err(Error::invalid(
            field,
            "The time must be in the future; revoke the token to remove its access now.",
        ));
    }
    if current.is_some_and(|end| expires_at > end) {
        return Err(Error::invalid(
            field,
            "The expiry of a token can only be brought forward; create a new token for a later one.",
        ));
    }
    check_expiry_limit(field, expires_at, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(1_795_426_200_000_000);

    #[test]
    fn expired_token_stays_expired_when_the_clock_is_set_back() {
        let before = NOW.minus(Duration::from_hours(1));
        assert_eq!(TokenStatus::of(before, Some(NOW), None, None), TokenStatus::Active);
        assert_eq!(TokenStatus::of(before, Some(NOW), Some(NOW), None), TokenStatus::Expired);
        assert_eq!(TokenStatus::of(NOW, Some(NOW), None, None), TokenStatus::Expired);
        assert_eq!(TokenStatus::of(NOW, None, None, Some(before)), TokenStatus::Revoked);
    }

    #[test]
    fn expiry_can_only_be_brought_forward() {
        let later = NOW.plus(Duration::from_mins(1));
        let latest = NOW.plus(Duration::from_mins(2));
        assert!(check_earlier_expiry("expiresAt", None, later, NOW).is_ok());
        assert!(check_earlier_expiry("expiresAt", Some(latest), later, NOW).is_ok());
        assert!(check_earlier_expiry("expiresAt", Some(later), latest, NOW).is_err());
        assert!(check_earlier_expiry("expiresAt", None, NOW, NOW).is_err());
        assert!(check_new_expiry("expiresAt", Some(NOW), NOW).is_err());
        assert!(check_new_expiry("expiresAt", None, NOW).is_ok());
    }

    #[test]
    fn expiry_is_at_most_36500_days_ahead() {
        let max_expiry = NOW.plus(Duration::from_hours(24 * 36_500));
        let too_late = max_expiry.plus(Duration::from_micros(1));
        assert!(check_new_expiry("expiresAt", Some(max_expiry), NOW).is_ok());
        assert!(check_new_expiry("expiresAt", Some(too_late), NOW).is_err());
        assert!(check_earlier_expiry("expiresAt", None, max_expiry, NOW).is_ok());
        assert!(check_earlier_expiry("expiresAt", None, too_late, NOW).is_err());
        // An expiry that an earlier release accepted can be sent back.
        let latest = Time::from_micros(i64::MAX);
        assert!(check_earlier_expiry("expiresAt", Some(latest), latest, NOW).is_ok());
        assert!(check_earlier_expiry("expiresAt", Some(latest), too_late, NOW).is_err());
    }
}
