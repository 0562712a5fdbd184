//! The limits of documents, and the errors of those that exceed them.

use async_graphql::Pos;

/// The maximum number of IDs that `nodes` looks up.
pub(in crate::graphql) const MAX_IDS: usize = 100;
/// The maximum cost of an operation.
pub const MAX_COST: u64 = 10_000;
/// The maximum number of selections in all operations of a document with every spread expanded, as the library reads them.
pub(super) const MAX_EXPANDED_LENGTH: u64 = 3 * MAX_COST;
/// The maximum nesting of fields.
pub(super) const MAX_DEPTH: u64 = 15;
/// The maximum nesting of fields, inline fragments and spreads together.
pub(super) const MAX_SELECTION_DEPTH: u64 = 32;
/// How often one selection may contain the same field, aliased or not.
pub(super) const MAX_FIELD_REPETITIONS: u64 = 30;
/// The maximum nesting of introspection lists, since each level multiplies the size of the response.
pub(super) const MAX_INTROSPECTION_LISTS: u64 = 3;
/// The maximum number of fields that a mutation may return, so that its response, which may contain the value of a new token,
/// is never too large to be sent.
pub(super) const MAX_MUTATION_FIELDS: u64 = 2_000;
/// The maximum total size of the values of arguments in bytes, each counted as often as the library copies it.
pub(super) const MAX_ARGUMENT_SIZE: u64 = 4 * 1024 * 1024;
/// The maximum number of fields that all operations and fragments of a document introspect together.
pub(super) const MAX_INTROSPECTED: u64 = 3 * INTROSPECTION_FIELDS * MAX_COST;
/// The number of introspected fields that cost 1 together: they are read from memory.
pub(super) const INTROSPECTION_FIELDS: u64 = 2;

/// The reason why a document is rejected.
#[derive(Debug, PartialEq, Eq)]
pub enum CostError {
    /// The document exceeds a limit.
    TooComplex {
        /// The value that exceeds the limit.
        value: u64,
        /// The maximum value.
        limit: u64,
        /// The message for the client.
        message: &'static str,
        /// The position in the document, if there is one.
        position: Option<Pos>,
        /// The cost of the chosen operation, if it is known.
        cost: Option<u64>,
    },
    /// The fragments of the document form a cycle.
    Cycle {
        /// The position of a spread in the cycle.
        position: Pos,
    },
}

impl CostError {
    pub(super) fn with_cost(self, cost: u64) -> Self {
        match self {
            Self::TooComplex { value, limit, message, position, .. } => {
                Self::TooComplex { value, limit, message, position, cost: Some(cost) }
            }
            cycle @ Self::Cycle { .. } => cycle,
        }
    }
}

/// Checks that a value is within a limit.
pub(super) fn check_limit(
    value: u64,
    limit: u64,
    message: &'static str,
    position: Option<Pos>,
) -> Result<(), CostError> {
    if value > limit { Err(CostError::TooComplex { value, limit, message, position, cost: None }) } else { Ok(()) }
}
