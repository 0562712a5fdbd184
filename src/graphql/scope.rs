//! Scopes.

use crate::domain::scope::{Access, Scope as Known};
use async_graphql::{Enum, Object};

pub(super) struct Scope(pub(super) Known);

/// A permission that can be granted to a token.
#[Object]
impl Scope {
    /// The name that APIs check, such as `read_builds`.
    async fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// The display name, such as "Read Builds".
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// A sentence that describes what the scope permits, such as "Permission to list and retrieve details of builds".
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// The kind of access that the scope gives.
    async fn access(&self) -> ScopeAccess {
        self.0.access.into()
    }

    /// Whether the scope has been removed from the catalogue. Tokens keep a retired scope, but it can no longer be
    /// granted and no check accepts it.
    async fn retired(&self) -> bool {
        self.0.retired
    }
}

/// The kinds of access that a scope can give.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Access")]
pub(super) enum ScopeAccess {
    /// The scope permits reading data.
    Read,
    /// The scope permits changing data.
    Write,
    /// The scope permits deleting data.
    Delete,
    /// The scope permits use of the GraphQL API, within the organizations that the token has access to. Other scopes
    /// cannot restrict it.
    #[graphql(name = "GRAPHQL")]
    GraphQl,
}
