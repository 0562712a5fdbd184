//! The statements that the fields of the schema run.

/// The cost of a field that runs its own statement.
pub(super) const STATEMENT_COST: u64 = 20;
/// The estimated number of statements of a mutation, including its events and emails.
const MUTATION_STATEMENTS: u64 = 15;

/// The statements that a field runs, except those of loaders that read for the whole request.
pub(super) enum Statements {
    None,
    /// This many for each row or connection that contains the field.
    EachRow(u64),
    /// One for all rows together.
    Once,
}

/// Returns the statements that a field of the type `on` runs.
pub(super) fn statements(on: &str, field: &str) -> Statements {
    match (on, field) {
        ("Mutation", _) => Statements::EachRow(MUTATION_STATEMENTS),
        ("Query", "organization")
        | ("User", "organizations" | "sessions" | "tokens" | "hasPassword")
        | ("Organization", "tokenGrants" | "tokenGrant" | "auditEvents")
        | (_, "totalCount") => Statements::EachRow(1),
        // One each for the page, its users, and their memberships.
        ("Organization", "members") => Statements::EachRow(3),
        ("Token", "grants" | "events") => Statements::Once,
        _ => Statements::None,
    }
}

#[cfg(test)]
#[expect(clippy::format_collect, reason = "short code that builds documents")]
mod tests {
    use super::super::{
        MAX_COST,
        tests::{cost, rejected},
    };

    #[test]
    fn statements_cost_twenty_per_row_or_connection_or_once() {
        // For each row.
        let members = "{ viewer { organizations(first: 7) { nodes { members(first: 3) { nodes { id } } } } } }";
        assert_eq!(cost(members), 1 + 20 + 7 * (1 + 3 * 20 + 3 * 2));
        // For each connection, whatever its page size.
        for first in [1, 100] {
            let page = format!(
                "{{ viewer {{ tokens(first: {first}) {{ totalCount ...F }} }} }} fragment F on TokenConnection {{ t: totalCount }}"
            );
            assert_eq!(cost(&page), 1 + 20 + 2 * 20);
        }
        let counts = "{ viewer { organizations(first: 7) { nodes { members(first: 3) { totalCount } } } } }";
        assert_eq!(cost(counts), 1 + 20 + 7 * (1 + 3 * 20 + 20));
        // Once for all rows, by a loader.
        let grants = "{ viewer { tokens(first: 100) { nodes { grants(first: 3) { nodes { id } } } } } }";
        assert_eq!(cost(grants), 1 + 20 + 100 * (1 + 1 + 3 * 2) + 20);
        assert_eq!(cost("mutation { revokeToken(input: {tokenId: \"a\"}) { token { id } } }"), 15 * 20 + 2);
    }

    #[test]
    fn documents_with_too_many_statements_are_rejected() {
        let ids = vec!["\"org_00000000000000000000000000\""; 100].join(",");
        let members = (0..30).map(|index| format!("m{index}: members(first: 1) {{ totalCount }} ")).collect::<String>();
        let node = format!("nodes(ids: [{ids}]) {{ ... on Organization {{ {members} }} }}");
        let nodes = (0..16).map(|index| format!("n{index}: {node} ")).collect::<String>();
        assert_eq!(rejected(&format!("{{ {node} }}")).1, MAX_COST);
        assert_eq!(rejected(&format!("{{ {nodes} }}")).1, MAX_COST);
    }
}
