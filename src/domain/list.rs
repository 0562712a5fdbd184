//! Which rows of a list are wanted, in which order, and from where on.

use crate::domain::{
    cursor::{Cursor, List},
    error::{Error, Result},
    event::EventType,
    id::{TokenId, UserId},
    scope::ScopeName,
    search::Search,
    secret::Fingerprint,
    time::Time,
    token::TokenStatus,
};
use std::{net::IpAddr, time::Duration};

/// The largest page.
pub const MAX_PAGE_SIZE: u32 = 100;
/// The page of somebody who did not say.
pub const DEFAULT_PAGE_SIZE: u32 = 50;

/// From is included, to is not; either may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeRange {
    /// The first moment.
    pub from: Option<Time>,
    /// The moment after the last.
    pub to: Option<Time>,
}

/// Which tokens, or which grants by their tokens. Everything that is said must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenFilter {
    /// Folded parts of the owner's username, name or e-mail.
    pub owner: Vec<String>,
    /// Folded words in these or in the token's description.
    pub words: Vec<String>,
    /// Whole values; nothing stands for what cannot be one, and matches no token.
    pub values: Vec<Option<Fingerprint>>,
    /// Hints of values.
    pub hints: Vec<String>,
    /// All of these.
    pub scopes: Vec<ScopeName>,
    /// Of the most recent request, canonical.
    pub addresses: Vec<IpAddr>,
    /// Whether the owner administers the organization.
    pub owner_is_admin: Vec<bool>,
    /// Any of these; left out: active ones.
    pub status: Option<Vec<TokenStatus>>,
    /// When it was made.
    pub created_at: TimeRange,
    /// The last allowed request.
    pub last_used_at: TimeRange,
    /// Not used since then, or never.
    pub unused_since: Option<Time>,
    /// Not used for so long before it is asked, or never. A span and no moment, so that the next page, which is asked
    /// later, is one of the same list.
    pub unused_for: Option<Duration>,
    /// Its end.
    pub expires_at: TimeRange,
    /// Ends within so long after it is asked.
    pub ends_within: Option<Duration>,
    /// Without an end, or with one.
    pub never_expires: Vec<bool>,
    /// Never used, or used at least once.
    pub never_used: Vec<bool>,
}

impl TokenFilter {
    /// Adds what the search box asks for.
    pub fn and(&mut self, search: Search) {
        self.words.extend(search.words);
        self.values.extend(search.values);
        self.hints.extend(search.hints);
        self.scopes.extend(search.scopes);
        self.addresses.extend(search.addresses);
        self.owner.extend(search.owners);
        self.owner_is_admin.extend(search.admin.then_some(true));
        self.unused_for = search.unused_for;
        self.never_used.extend(search.never_used.then_some(true));
        self.ends_within = search.ends_within;
        self.never_expires.extend(search.never_expires.then_some(true));
        if !search.status.is_empty() {
            let wanted = |status: &TokenStatus| search.status.contains(status);
            let both = |said: Vec<TokenStatus>| said.into_iter().filter(wanted).collect();
            self.status = Some(self.status.take().map_or_else(|| search.status.clone(), both));
        }
    }

    /// The states that are wanted.
    pub fn statuses(&self) -> &[TokenStatus] {
        self.status.as_deref().unwrap_or(&[TokenStatus::Active])
    }

    /// Whether the most recent use decides, so that the rows of use are needed.
    pub fn depends_on_usage(&self) -> bool {
        !self.addresses.is_empty()
            || self.last_used_at != TimeRange::default()
            || self.unused_since.is_some()
            || self.unused_for.is_some()
            || !self.never_used.is_empty()
    }
}

/// What a list of tokens can be ordered by; ties are broken by the token's id, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenOrderField {
    /// The order of ids.
    CreatedAt,
    /// Never used counts as oldest.
    LastUsedAt,
    /// The owner's username.
    Owner,
    /// Never expires counts as latest.
    ExpiresAt,
}

/// An order of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenOrder {
    /// By what.
    pub field: TokenOrderField,
    /// From the greatest to the least.
    pub descending: bool,
}

impl Default for TokenOrder {
    fn default() -> Self {
        Self { field: TokenOrderField::CreatedAt, descending: true }
    }
}

/// Which lines of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Any of these; none: all.
    pub types: Vec<EventType>,
    /// About this token.
    pub token: Option<TokenId>,
    /// By this person.
    pub actor: Option<UserId>,
    /// About this person.
    pub user: Option<UserId>,
    /// When.
    pub at: TimeRange,
}

/// What a client says of the page it wants, as Relay names it.
#[derive(Debug, Clone, Default)]
pub struct PageArguments {
    /// So many from the beginning.
    pub first: Option<i32>,
    /// Behind this row.
    pub after: Option<String>,
    /// So many from the end.
    pub last: Option<i32>,
    /// Ahead of this row.
    pub before: Option<String>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Page {
    /// At most so many rows.
    pub limit: u32,
    /// Counted from the end of the list.
    pub backward: bool,
    /// Behind this row.
    pub after: Option<Cursor>,
    /// Ahead of this row.
    pub before: Option<Cursor>,
}

impl Page {
    /// Reads a client's arguments for one list.
    pub fn parse(arguments: &PageArguments, list: &List) -> Result<Self> {
        let cursor = |field: &'static str, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => Cursor::decode(list, text).map(Some).ok_or_else(|| {
                Error::invalid(
                    field,
                    "This is no cursor of this list. Give back a cursor of a page with the same filter and order.",
                )
            }),
        };
        let (limit, backward) = match (arguments.first, arguments.last) {
            (Some(_), Some(_)) => {
                return Err(Error::invalid("last", "Say either first or last, not both."));
            }
            (Some(first), None) => (size("first", first)?, false),
            (None, Some(last)) => (size("last", last)?, true),
            (None, None) => (DEFAULT_PAGE_SIZE, false),
        };
        Ok(Self {
            limit,
            backward,
            after: cursor("after", &arguments.after)?,
            before: cursor("before", &arguments.before)?,
        })
    }
}

fn size(field: &'static str, asked: i32) -> Result<u32> {
    u32::try_from(asked)
        .ok()
        .filter(|size| *size <= MAX_PAGE_SIZE)
        .ok_or_else(|| Error::invalid(field, format!("A page holds 0 to {MAX_PAGE_SIZE} rows.")))
}

/// The rows of one page, in the order of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<T> {
    /// Each with its place.
    pub rows: Vec<(Cursor, T)>,
    /// There are rows behind the last of these.
    pub has_next: bool,
    /// There are rows ahead of the first of these.
    pub has_previous: bool,
}

impl<T> Slice<T> {
    /// From one row more than the page holds, read in the page's direction.
    pub fn of(page: &Page, mut rows: Vec<(Cursor, T)>) -> Self {
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        if page.backward {
            rows.reverse();
            Self { rows, has_next: page.before.is_some(), has_previous: more }
        } else {
            Self { rows, has_next: more, has_previous: page.after.is_some() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{cursor::ListKind, mac::MacKey};

    ///
    #[test]
    fn a_page_holds_0_to_100_rows_and_50_unless_asked() {
        let list = MacKey::parse("a key").list(ListKind::Grants, uuid::Uuid::nil(), &());
        let page = |first, last| Page::parse(&PageArguments { first, last, ..Default::default() }, &list);
        assert_eq!(page(None, None).expect("the usual page").limit, 50);
        assert_eq!(page(Some(0), None).expect("an empty page").limit, 0);
        assert_eq!(page(None, Some(100)).map(|page| (page.limit, page.backward)).expect("the last 100"), (100, true));
        for (first, last) in
            [(Some(-1), None), (Some(101), None), (Some(i32::MAX), None), (None, Some(-1)), (Some(1), Some(1))]
        {
            assert_eq!(page(first, last).expect_err("out of bounds").code().as_str(), "INVALID_INPUT");
        }
    }
}
