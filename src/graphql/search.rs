//! The interpretation of a search.

use crate::domain::search::{ParsedWord, WordKind};
use async_graphql::{Enum, SimpleObject};

/// A word of a search, and how it was interpreted.
#[derive(SimpleObject, Clone)]
pub(super) struct SearchWord {
    /// The word as it was written. Of a token value, or text that begins like one, only the hint.
    text: String,
    /// How the word was interpreted.
    kind: SearchWordKind,
}

impl From<ParsedWord> for SearchWord {
    fn from(word: ParsedWord) -> Self {
        Self { text: word.text, kind: word.kind.into() }
    }
}

/// The ways in which a word of a search can be interpreted.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "WordKind")]
pub(super) enum SearchWordKind {
    /// The name of a scope that the token must have.
    Scope,
    /// The word "admin": the owner must be an administrator.
    Administrator,
    /// A full IP address: that of the most recent request.
    Address,
    /// A token value, a hint, or text that begins like a value.
    Value,
    /// Any other word: searched for in the owner's username, name and email and in the description.
    Text,
    /// `unused:90d`: not used for this long, or never used.
    Unused,
    /// `used:never`: never used.
    Used,
    /// `expires:30d`: expires within this time. `expires:never`: never expires.
    Expires,
    /// `status:active`, `status:expired` or `status:revoked`. Several words match any of these.
    Status,
    /// `owner:ada`: part of the owner's username, name or email.
    Owner,
}
