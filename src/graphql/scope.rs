//! Scopes, as clients are shown them.

use crate::domain::scope::{Access, Scope as Known};
use async_graphql::{Enum, Object};

pub(super) struct Scope(pub(super) Known);

/// Something that a token may do.
#[Object]
impl Scope {
    /// What an API checks: `read_builds`.
    async fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// What a person reads: Read Builds.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// Permission to list and retrieve details of builds.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// What it gives access to.
    async fn access(&self) -> ScopeAccess {
        self.0.access.into()
    }

    /// True when the catalogue no longer holds it: tokens keep it, nobody can grant it, and no check accepts it.
    async fn retired(&self) -> bool {
        self.0.retired
    }
}

/// What a scope gives access to.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Access")]
pub(super) enum ScopeAccess {
    /// Looking.
    Read,
    /// Changing.
    Write,
    /// Deleting.
    Delete,
    /// The GraphQL API, within the organizations that the token reaches. The other scopes cannot limit it.
    #[graphql(name = "GRAPHQL")]
    GraphQl,
}
