//! What the search box was understood as.

use crate::domain::search::{Said, WordKind};
use async_graphql::{Enum, SimpleObject};

/// One word of a search, and what it was taken for.
#[derive(SimpleObject, Clone)]
pub(super) struct SearchWord {
    /// As it was written; of what begins like a token's value only its hint.
    text: String,
    /// What it was taken for.
    kind: SearchWordKind,
}

impl From<Said> for SearchWord {
    fn from(said: Said) -> Self {
        Self { text: said.text, kind: said.kind.into() }
    }
}

/// What a word of a search may be taken for.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "WordKind")]
pub(super) enum SearchWordKind {
    /// The name of a scope: tokens that hold it.
    Scope,
    /// The word "admin": tokens of administrators.
    Administrator,
    /// A full IP address: of the most recent request.
    Address,
    /// A token's value or its hint, or what begins like a value: that token, or none.
    Value,
    /// Anything else: looked for in what the owner is called and in the description.
    Text,
    /// `unused:90d`: not used for so long, or never.
    Unused,
    /// `used:never`.
    Used,
    /// `expires:30d`: ends by itself within so long. `expires:never`: has no end.
    Expires,
    /// `status:active`, `status:expired` or `status:revoked`; several ask for any of them.
    Status,
    /// `owner:ada`: a part of the owner's username, name or e-mail.
    Owner,
}
