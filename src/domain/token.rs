//! What a token is, and when it may still change.

use crate::domain::{
    error::{Error, Result},
    id::{TokenId, UserId},
    scope::ScopeSet,
    time::{DAY, MAX_SPAN_DAYS, Time},
};
use std::time::Duration;

/// The most organizations that one token may reach.
pub const MAX_ORGANIZATIONS: usize = 100;

/// The furthest expiry, counted from the change that sets it: a century.
pub const MAX_LIFETIME: Duration = DAY.saturating_mul(MAX_SPAN_DAYS);

/// One access token. Never its value: only the fingerprint of that is kept, and not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Which one.
    pub id: TokenId,
    /// Whoever made it and may revoke it.
    pub owner: UserId,
    /// What it is for, in its owner's words.
    pub description: String,
    /// Enough of the value to recognise it by.
    pub hint: String,
    /// What it may do.
    pub scopes: ScopeSet,
    /// When it was made.
    pub created_at: Time,
    /// When it ends by itself; nothing for never.
    pub expires_at: Option<Time>,
    /// When it was first seen expired: it stays so, whatever the clock says later.
    pub expired_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
    /// Counts the changes: whoever changes it says which version they read.
    pub version: i64,
}

/// The states of a token; all but the first are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenStatus {
    /// It may be used.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

impl TokenStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Active, Self::Expired, Self::Revoked];

    /// Its name in searches and cursors; GraphQL and tables write it in capitals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// Derives the state from what is kept of it.
    pub fn of(at: Time, expires_at: Option<Time>, expired_at: Option<Time>, revoked_at: Option<Time>) -> Self {
        if revoked_at.is_some() {
            Self::Revoked
        } else if expired_at.is_some() || expires_at.is_some_and(|end| at >= end) {
            Self::Expired
        } else {
            Self::Active
        }
    }

    /// Refuses any change to what is final.
    pub fn changeable(self) -> Result<()> {
        match self {
            Self::Active => Ok(()),
            Self::Expired => Err(Error::Conflict("The token has expired; make a new one.".into())),
            Self::Revoked => Err(Error::Conflict("The token has been revoked; make a new one.".into())),
        }
    }
}

impl Token {
    /// The state at that time.
    pub fn status(&self, at: Time) -> TokenStatus {
        TokenStatus::of(at, self.expires_at, self.expired_at, self.revoked_at)
    }
}

/// Checks how many organizations a token shall reach.
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

/// Checks the end of a new token: in the future and at most [`MAX_LIFETIME`] ahead, or never.
pub fn expiry_of_new(field: &'static str, expires_at: Option<Time>, at: Time) -> Result<Option<Time>> {
    match expires_at {
        Some(end) if end <= at => {
            Err(Error::invalid(field, "The time must be in the future; leave it out for a token without an end."))
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

/// Checks a new end of a token that exists: in the future, and not later than the present one.
pub fn nearer_expiry(field: &'static str, present: Option<Time>, wanted: Time, at: Time) -> Result<()> {
    if present == Some(wanted) {
        return Ok(());
    }
    if wanted <= at {
        return Err(Error::invalid(field, "The time must be in the future; revoke the token to end it now."));
    }
    if present.is_some_and(|end| wanted > end) {
        return Err(Error::invalid(field, "A token's end may only come nearer; make a new token that lasts longer."));
    }
    check_expiry_limit(field, wanted, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(1_795_426_200_000_000);

    #[test]
    fn what_was_seen_expired_stays_so_when_the_clock_goes_back() {
        let before = NOW.minus(Duration::from_hours(1));
        assert_eq!(TokenStatus::of(before, Some(NOW), None, None), TokenStatus::Active);
        assert_eq!(TokenStatus::of(before, Some(NOW), Some(NOW), None), TokenStatus::Expired);
        assert_eq!(TokenStatus::of(NOW, Some(NOW), None, None), TokenStatus::Expired);
        assert_eq!(TokenStatus::of(NOW, None, None, Some(before)), TokenStatus::Revoked);
    }

    #[test]
    fn an_end_may_only_come_nearer() {
        let later = NOW.plus(Duration::from_mins(1));
        let latest = NOW.plus(Duration::from_mins(2));
        assert!(nearer_expiry("expiresAt", None, later, NOW).is_ok());
        assert!(nearer_expiry("expiresAt", Some(latest), later, NOW).is_ok());
        assert!(nearer_expiry("expiresAt", Some(later), latest, NOW).is_err());
        assert!(nearer_expiry("expiresAt", None, NOW, NOW).is_err());
        assert!(expiry_of_new("expiresAt", Some(NOW), NOW).is_err());
        assert!(expiry_of_new("expiresAt", None, NOW).is_ok());
    }

    #[test]
    fn expiry_lies_at_most_36500_days_ahead() {
        let furthest = NOW.plus(Duration::from_hours(24 * 36_500));
        let further = furthest.plus(Duration::from_micros(1));
        assert!(expiry_of_new("expiresAt", Some(furthest), NOW).is_ok());
        assert!(expiry_of_new("expiresAt", Some(further), NOW).is_err());
        assert!(nearer_expiry("expiresAt", None, furthest, NOW).is_ok());
        assert!(nearer_expiry("expiresAt", None, further, NOW).is_err());
        // An expiry that an earlier release accepted can be sent back.
        let latest = Time::from_micros(i64::MAX);
        assert!(nearer_expiry("expiresAt", Some(latest), latest, NOW).is_ok());
        assert!(nearer_expiry("expiresAt", Some(latest), further, NOW).is_err());
    }
}
