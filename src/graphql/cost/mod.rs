//! Computes the cost of a document before it runs, in time that is linear in the document.
//!
//! A field costs 1, and so does a directive. Fields below a connection (`nodes`, `edges`) count once for each row of its page,
//! fields below `Query.nodes` once for each ID, and fields below a plain list ten times. A field that runs its own statement
//! costs 20 instead, so that the limit also applies to statements. Introspection costs 1 for each two fields that it returns.
//! Each fragment is computed once, however often it is spread: 27 fragments that each spread the next one twice are 134
//! million fields.

mod limits;
mod statements;
mod walk;

pub(super) use limits::MAX_IDS;
pub use limits::{CostError, MAX_COST};

use async_graphql::{
    Variables,
    parser::types::{ExecutableDocument, OperationDefinition},
};
use walk::Walk;

/// Returns the cost of the chosen operation. The same limits apply to all other operations and fragments, since the library
/// validates them too.
pub fn cost(
    document: &ExecutableDocument,
    chosen: &OperationDefinition,
    variables: &Variables,
) -> Result<u64, CostError> {
    let mut walk = Walk::new(document, chosen, variables);
    let cost = walk.operation(chosen)?.per_row;
    walk.check_all().map_err(|error| error.with_cost(cost))?;
    Ok(cost)
}

/// Returns the maximum number of fields in the response to the chosen operation.
pub fn max_fields(document: &ExecutableDocument, chosen: &OperationDefinition, variables: &Variables) -> u64 {
    let mut walk = Walk::new(document, chosen, variables);
    walk.operation(chosen).map_or(u64::MAX, |cost| cost.fields)
}

#[cfg(test)]
#[expect(clippy::format_push_string, clippy::format_collect, reason = "short code that builds documents")]
mod tests {
    use super::{
        limits::{
            MAX_ARGUMENT_SIZE, MAX_DEPTH, MAX_EXPANDED_LENGTH, MAX_FIELD_REPETITIONS, MAX_INTROSPECTED,
            MAX_INTROSPECTION_LISTS, MAX_MUTATION_FIELDS, MAX_SELECTION_DEPTH,
        },
        *,
    };
    use crate::graphql::budget::MAX_FIELDS;
    use async_graphql::parser::{parse_query, types::DocumentOperations};
    use serde_json::json;

    pub(super) fn cost_of(query: &str, variables: serde_json::Value) -> Result<u64, CostError> {
        let document = parse_query(query).expect("a document");
        let chosen = match &document.operations {
            DocumentOperations::Single(only) => &only.node,
            DocumentOperations::Multiple(all) => &all.values().next().expect("an operation").node,
        };
        super::cost(&document, chosen, &Variables::from_json(variables))
    }

    pub(super) fn cost(query: &str) -> u64 {
        cost_of(query, json!({})).expect("a cost")
    }

    pub(super) fn rejected(query: &str) -> (u64, u64) {
        match cost_of(query, json!({})) {
            Err(CostError::TooComplex { value, limit, .. }) => (value, limit),
            other => panic!("{other:?}"),
        }
    }

    /// Returns the cost of a document with `uses` uses of a variable of `length` bytes.
    fn copies(document: &str, uses: usize, length: usize) -> Result<u64, CostError> {
        cost_of(&document.replace("USES", &"$a,".repeat(uses)), json!({ "a": "x".repeat(length) }))
    }

    #[test]
    fn copies_of_variables_are_limited_wherever_they_are_used() {
        let list = "query($a: ID!) { nodes(ids: [USES]) { id } }";
        // Each use takes the text and 64 bytes, and the list 64 bytes.
        assert_eq!(copies(list, 1_023, 4_032), Ok(1 + 100));
        let all = MAX_ARGUMENT_SIZE - 64;
        assert_eq!(copies(list, 1, usize::try_from(all).expect("a length") - 64), Ok(1 + 1));
        let message = |result| match result {
            Err(CostError::TooComplex { value, limit: MAX_ARGUMENT_SIZE, message, cost, .. }) => (value, message, cost),
            other => panic!("{other:?}"),
        };
        let (size, why, cost) = message(copies(list, 1, usize::try_from(all).expect("a length") - 63));
        assert_eq!((size, cost), (MAX_ARGUMENT_SIZE + 1, Some(1 + 1)));
        assert!(why.contains("shorter values"));
        for document in [
            list,
            "query($a: ID!) { nodes(ids: {x: [{y: [USES]}]}) { id } }",
            "query($a: ID!) { viewer { id @skip(if: [USES]) } }",
            "query($a: ID!) @x(y: [USES]) { viewer { id } }",
            "query($a: ID!, $b: ID @x(y: [USES])) { viewer { id } }",
            "query($a: ID!) { viewer { ... @include(if: [USES]) { id } } }",
            "query($a: ID!) { viewer { ...F @include(if: [USES]) } } fragment F on User { id }",
            "query($a: ID!) { viewer { ...F } } fragment F on User { tokens(filter: {query: [USES]}) { totalCount } }",
            // Unused fragments and operations, which the library validates too.
            "query($a: ID!) { viewer { id } } fragment F on User { tokens(filter: {query: [USES]}) { totalCount } }",
            "query A { viewer { id } } query B($a: ID!) { nodes(ids: [USES]) { id } }",
            "query A { nodes(ids: [USES]) { id } }",
        ] {
            assert!(copies(document, 900, 4_000).is_ok(), "{document}");
            message(copies(document, 1_100, 4_000));
        }
        // A default value, a large list, and a small value that is copied for many rows.
        let default =
            format!("query($a: ID = \"{}\") {{ nodes(ids: [{}]) {{ id }} }}", "x".repeat(4_000), "$a,".repeat(1_100));
        message(cost_of(&default, json!({})));
        let large = json!({ "a": vec!["x"; 1_000] });
        message(cost_of(
            "query($a: [ID!]) { nodes(ids: [USES]) { id } }".replace("USES", &"$a,".repeat(65)).as_str(),
            large,
        ));
        let rows = "query($a: ID!) { viewer { tokens(first: 100) { nodes { grants(first: 1, organizationId: [USES]) { nodes { id } } } } } }";
        assert!(copies(rows, 9, 4_000).is_ok());
        message(copies(rows, 11, 4_000));
        let literals = rows.replace("USES", &format!("\"{}\"", "x".repeat(42_000)));
        message(copies(&literals, 0, 0));
    }

    #[test]
    fn introspection_is_limited_over_all_operations() {
        let operation = |index| format!("query q{index} {{ __schema {{ ...F }} }} ");
        let document = |number| {
            let operations = (0..number).map(operation).collect::<String>();
            operations + "fragment F on __Schema { types { fields { name args { name } type { name } } } }"
        };
        assert!(cost(&document(2)) > 100);
        assert_eq!(rejected(&document(2_000)).1, MAX_INTROSPECTED);
    }

    #[test]
    fn mutations_return_at_most_2000_fields() {
        let mutation =
            |grants: &str| format!("mutation {{ createToken(input: {{}}) {{ value token {{ {grants} }} }} }}");
        let grants = "grants(first: 100) { nodes { id status grantedAt organization { slug name id uuid createdAt viewerIsAdmin } } }";
        assert!(cost(&mutation(grants)) < MAX_COST);
        assert_eq!(rejected(&mutation(&format!("{grants} again: {grants}"))), (2_205, MAX_MUTATION_FIELDS));
        // A plain list counts with its maximum length.
        let organizations = |number: usize| {
            let aliases = (0..number).map(|index| format!("a{index}: name ")).collect::<String>();
            mutation(&format!("organizations {{ {aliases} }}"))
        };
        assert!(cost(&organizations(18)) < 1_000);
        assert_eq!(rejected(&organizations(19)), (4 + 100 * 20, MAX_MUTATION_FIELDS));
    }

    /// Returns all definitions in the `.graphql` files below a folder.
    fn definitions(folder: &std::path::Path) -> String {
        let mut text = String::new();
        for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                text += &definitions(&entry);
            } else if entry.extension().is_some_and(|extension| extension == "graphql") {
                text += &std::fs::read_to_string(&entry).expect("a file");
            }
        }
        text
    }

    #[test]
    fn console_operations_fit_with_50_and_100_rows() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("console/src");
        let document = parse_query(definitions(&folder)).expect("the operations of the console");
        let DocumentOperations::Multiple(operations) = &document.operations else { panic!("many operations") };
        assert!(operations.len() > 10);
        for rows in [50, 100] {
            for (name, operation) in operations {
                let alone = ExecutableDocument {
                    operations: DocumentOperations::Single(operation.clone()),
                    fragments: document.fragments.clone(),
                };
                let sizes =
                    operation.node.variable_definitions.iter().map(|one| (one.node.name.node.to_string(), json!(rows)));
                let variables = Variables::from_json(serde_json::Value::Object(sizes.collect()));
                let cost = super::cost(&alone, &operation.node, &variables);
                assert!(cost.is_ok(), "{name} at {rows} rows: {cost:?}");
                // With the console's pages of 50 rows, the fields fit even if each plain list has a hundred items.
                let fields =
                    Walk::new(&alone, &operation.node, &variables).operation(&operation.node).expect("a cost").fields;
                assert!(rows > 50 || fields <= MAX_FIELDS, "{name} at {rows} rows: {fields} fields");
            }
        }
    }

    ///
    #[test]
    fn fragment_bombs_are_rejected_at_once() {
        for length in [14, 27, 30] {
            let mut bomb = String::from("{ ...f0 }");
            for index in 0..length {
                bomb += &format!(" fragment f{index} on Query {{ ...f{0} ...f{0} }}", index + 1);
            }
            bomb += &format!(" fragment f{length} on Query {{ viewer {{ id }} }}");
            let start = std::time::Instant::now();
            assert!(matches!(cost_of(&bomb, json!({})), Err(CostError::TooComplex { .. })), "{length}");
            assert!(start.elapsed().as_millis() < 500, "the fragments were expanded");
        }
        let mut long = String::from("{ ...f0 }");
        for index in 0..400 {
            long += &format!(" fragment f{index} on Query {{ ...f{} }}", index + 1);
        }
        assert_eq!(rejected(&(long + " fragment f400 on Query { scopes { name } }")).1, MAX_SELECTION_DEPTH);
        let cycle = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
        assert!(matches!(cost_of(cycle, json!({})), Err(CostError::Cycle { .. })));
    }

    ///
    #[test]
    fn selections_contain_a_field_at_most_30_times() {
        let aliased = |number| (0..number).map(|index| format!("a{index}: id ")).collect::<String>();
        assert_eq!(cost(&format!("{{ viewer {{ {} }} }}", aliased(30))), 31);
        assert_eq!(rejected(&format!("{{ viewer {{ {} }} }}", aliased(31))), (31, MAX_FIELD_REPETITIONS));
        assert_eq!(
            rejected(&format!("{{ viewer {{ {} }} }}", "__typename ".repeat(101))),
            (101, MAX_FIELD_REPETITIONS)
        );
        let spread = format!("{{ viewer {{ id ...F }} }} fragment F on User {{ {} }}", aliased(30));
        assert_eq!(rejected(&spread), (31, MAX_FIELD_REPETITIONS));
    }

    ///
    #[test]
    fn fields_nest_at_most_15_deep_and_standard_introspection_fits() {
        let nest = |levels: usize| {
            format!(
                "{{ viewer {} id {} }}",
                "{ tokens(first: 1) { nodes { owner ".repeat(levels) + "{",
                "} } }".repeat(levels) + "}"
            )
        };
        assert!(cost_of(&nest(4), json!({})).is_ok());
        assert_eq!(
            rejected(&nest(5)),
            (16, MAX_DEPTH),
            "reported at the first level that is too deep, counted from below"
        );
        let usual = include_str!("../introspection.graphql");
        assert!((1_000..5_000).contains(&cost(usual)), "{}", cost(usual));
        let deep = "{ __schema { types { fields { args { type { fields { name } } } } } } }";
        assert_eq!(rejected(deep), (4, MAX_INTROSPECTION_LISTS));
    }

    ///
    #[test]
    fn directives_have_a_cost() {
        assert_eq!(rejected(&format!("{{ viewer {{ id {} }} }}", "@skip(if: false) ".repeat(10_000))).1, MAX_COST);
    }

    #[test]
    fn limits_apply_to_unused_operations_and_fragments() {
        let aliased: String = (0..31).map(|index| format!("a{index}: viewer {{ id }} ")).collect();
        assert_eq!(
            rejected(&format!("query a {{ viewer {{ id }} }} query b {{ {aliased} }}")),
            (31, MAX_FIELD_REPETITIONS)
        );
        assert_eq!(
            rejected(&format!("{{ viewer {{ id }} }} fragment F on Query {{ {aliased} }}")),
            (31, MAX_FIELD_REPETITIONS)
        );
    }

    ///
    #[test]
    fn expanded_length_is_limited_over_all_operations() {
        let aliased = |below: &str| (0..28).map(|index| format!("a{index}: {below} ")).collect::<String>();
        let fragments = format!(
            "fragment F on Query {{ {} }} fragment G on User {{ {} }}",
            aliased("viewer { ...G }"),
            aliased("owner { id uuid name username }"),
        );
        let operations = |number| (0..number).map(|index| format!("query q{index} {{ ...F }} ")).collect::<String>();
        let document = |number| operations(number) + &fragments;
        assert_eq!(cost(&document(1)), 28 * (1 + 28 * 5));
        assert_eq!(cost(&document(6)), cost(&document(1)));
        assert_eq!(rejected(&document(2_000)).1, MAX_EXPANDED_LENGTH);
    }
}
