//! Filters and orders of lists.

use crate::domain::{
    event::EventType,
    id::{TokenId, UserId},
    scope::ScopeName,
    search::Search,
    secret::Fingerprint,
    state::TokenStatus,
    time::Time,
};
use std::{net::IpAddr, time::Duration};

/// A range of times. Both bounds are optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeRange {
    /// The first time of the range.
    pub from: Option<Time>,
    /// The end of the range, exclusive.
    pub to: Option<Time>,
}

/// A filter of tokens, or of grants by their tokens. All criteria must match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenFilter {
    /// Folded parts of the owner's username, name or email address.
    pub owner: Vec<String>,
    /// Folded words that occur in these or in the description.
    pub words: Vec<String>,
    /// The fingerprints of token values. `None` for a text that is not a value; it matches no token.
    pub values: Vec<Option<Fingerprint>>,
    /// The hints of token values.
    pub hints: Vec<String>,
    /// Scopes that the token has, all of them.
    pub scopes: Vec<ScopeName>,
    /// The IP address of the most recent request, in canonical form.
    pub addresses: Vec<IpAddr>,
    /// Whether the owner is an administrator of the organization.
    pub owner_is_admin: Option<bool>,
    /// Any of these statuses. `None` means active tokens.
    pub status: Option<Vec<TokenStatus>>,
    /// The time when the token was created.
    pub created_at: TimeRange,
    /// The time of the last allowed request.
    pub last_used_at: TimeRange,
    /// Not used since this time, or never.
    pub unused_since: Option<Time>,
    /// Not used for this long before the request, or never. This is a span instead of a time, so that the next page, which is
    /// requested later, belongs to the same list.
    pub unused_for: Option<Duration>,
    /// The expiry.
    pub expires_at: TimeRange,
    /// Expires within this time after the request.
    pub expires_within: Option<Duration>,
    /// Whether the token never expires.
    pub never_expires: Option<bool>,
    /// Whether the token was never used.
    pub never_used: Option<bool>,
}

impl TokenFilter {
    /// Adds the criteria of a search. If they contradict the filter, no status matches.
    pub fn and(&mut self, search: Search) {
        self.words.extend(search.words);
        self.values.extend(search.values);
        self.hints.extend(search.hints);
        self.scopes.extend(search.scopes);
        self.addresses.extend(search.addresses);
        self.owner.extend(search.owners);
        self.unused_for = search.unused_for;
        self.expires_within = search.expires_within;
        if !search.status.is_empty() {
            let wanted = |status: &TokenStatus| search.status.contains(status);
            let intersection = |statuses: Vec<TokenStatus>| statuses.into_iter().filter(wanted).collect();
            self.status = Some(self.status.take().map_or_else(|| search.status.clone(), intersection));
        }
        for (is_required, criterion) in [
            (search.admin, &mut self.owner_is_admin),
            (search.never_used, &mut self.never_used),
            (search.never_expires, &mut self.never_expires),
        ] {
            if is_required && criterion.replace(true) == Some(false) {
                self.status = Some(Vec::new());
            }
        }
    }

    /// Returns the statuses that match.
    pub fn statuses(&self) -> &[TokenStatus] {
        self.status.as_deref().unwrap_or(&[TokenStatus::Active])
    }

    /// Returns whether the filter needs the rows of usage.
    pub fn depends_on_usage(&self) -> bool {
        !self.addresses.is_empty()
            || self.last_used_at != TimeRange::default()
            || self.unused_since.is_some()
            || self.unused_for.is_some()
            || self.never_used.is_some()
    }
}

/// The field by which tokens are sorted. Ties are broken by the ID of the token, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenOrderField {
    /// The order of IDs, which is that of creation.
    CreatedAt,
    /// The time of last use. Tokens that were never used come before all others.
    LastUsedAt,
    /// The owner's username.
    Owner,
    /// The expiry. Tokens that never expire come after all others.
    ExpiresAt,
}

/// The order of a list of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenOrder {
    /// The field.
    pub field: TokenOrderField,
    /// Whether the order is descending.
    pub descending: bool,
}

impl Default for TokenOrder {
    fn default() -> Self {
        Self { field: TokenOrderField::CreatedAt, descending: true }
    }
}

/// A filter of events. All criteria must match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Any of these types. Empty means all.
    pub types: Vec<EventType>,
    /// The token that was changed.
    pub token: Option<TokenId>,
    /// The user who made the change.
    pub actor: Option<UserId>,
    /// The user that was changed, or the owner of the token.
    pub user: Option<UserId>,
    /// The time of the change.
    pub at: TimeRange,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_that_contradicts_the_filter_matches_no_status() {
        let search = || Search { admin: true, never_used: true, never_expires: true, ..Default::default() };
        let and = |mut filter: TokenFilter| {
            filter.and(search());
            assert_eq!(
                (filter.owner_is_admin, filter.never_used, filter.never_expires),
                (Some(true), Some(true), Some(true))
            );
            filter.statuses().to_vec()
        };
        let none = TokenFilter::default;
        assert_eq!(and(none()), [TokenStatus::Active]);
        assert_eq!(and(TokenFilter { never_used: Some(true), ..none() }), [TokenStatus::Active]);
        assert_eq!(and(TokenFilter { owner_is_admin: Some(false), ..none() }), []);
        assert_eq!(and(TokenFilter { never_used: Some(false), ..none() }), []);
        assert_eq!(and(TokenFilter { never_expires: Some(false), ..none() }), []);
    }
}
