//! The states of tokens, grants and users: the one place that says what is active. `store/conditions.rs` says the same in SQL.

use crate::domain::{
    error::{Error, Result},
    time::Time,
};

/// The status of a token. Only `Active` can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenStatus {
    /// The token can be used.
    Active,
    /// The expiry of the token has passed.
    Expired,
    /// The token was revoked.
    Revoked,
}

impl TokenStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Active, Self::Expired, Self::Revoked];

    /// Its name in searches and cursors; GraphQL and tables write it in capitals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// The status at a time. `expired_at` is when the expiry was recorded: a token stays expired if the clock goes back.
    pub fn of(at: Time, expires_at: Option<Time>, expired_at: Option<Time>, revoked_at: Option<Time>) -> Self {
        if revoked_at.is_some() {
            Self::Revoked
        } else if expired_at.is_some() || is_past(expires_at, at) {
            Self::Expired
        } else {
            Self::Active
        }
    }

    /// `CONFLICT` unless the token is active.
    pub fn require_active(self) -> Result<()> {
        match self {
            Self::Active => Ok(()),
            Self::Expired => Err(Error::Conflict("The token has expired; create a new one.".into())),
            Self::Revoked => Err(Error::Conflict("The token has been revoked; create a new one.".into())),
        }
    }
}

/// The status of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GrantStatus {
    /// The token has access to the organization.
    Active,
    /// The token expired or was revoked.
    Ended,
    /// The organization was removed from the token.
    Removed,
}

impl GrantStatus {
    /// Every status.
    #[cfg(test)]
    pub const ALL: [Self; 3] = [Self::Active, Self::Ended, Self::Removed];

    /// The status at a time. `expires_at` is the token's expiry; `ended_at` is when its end was recorded.
    pub fn of(at: Time, expires_at: Option<Time>, ended_at: Option<Time>, removed_at: Option<Time>) -> Self {
        if removed_at.is_some() {
            Self::Removed
        } else if ended_at.is_some() || is_past(expires_at, at) {
            Self::Ended
        } else {
            Self::Active
        }
    }
}

/// The status of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UserStatus {
    /// The user can sign in, and their tokens can be used.
    Enabled,
    /// The operator disabled the user.
    Disabled,
    /// The user was deleted.
    Deleted,
}

impl UserStatus {
    /// Every status.
    #[cfg(test)]
    pub const ALL: [Self; 3] = [Self::Enabled, Self::Disabled, Self::Deleted];

    /// The status of a user who was disabled and deleted at these times, if ever.
    pub const fn of(disabled_at: Option<Time>, deleted_at: Option<Time>) -> Self {
        match (disabled_at, deleted_at) {
            (_, Some(_)) => Self::Deleted,
            (Some(_), None) => Self::Disabled,
            (None, None) => Self::Enabled,
        }
    }
}

/// Returns whether an expiry has passed: at that moment exactly, it has.
fn is_past(expires_at: Option<Time>, at: Time) -> bool {
    expires_at.is_some_and(|expiry| at >= expiry)
}
