//! Computes the cost of a document before it runs, in time that is linear in the document.
//!
//! A field costs 1, and so does a directive. Fields below a connection (`nodes`, `edges`) count once for each row of its page,
//! fields below `Query.nodes` once for each ID, and fields below a plain list ten times. A field that runs its own statement
//! costs 20 instead, so that the limit also applies to statements. Introspection costs 1 for each two fields that it returns.
//! Each fragment is computed once, however often it is spread: 27 fragments that each spread the next one twice are 134
//! million fields.

use super::{
    argument_size::Sizes,
    introspection,
    schema_index::{self, base},
};
use async_graphql::{
    Name, Pos, Positioned, Value, Variables,
    parser::types::{
        BaseType, Directive, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
    },
};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    convert::Infallible,
    rc::Rc,
};

/// The maximum cost of an operation.
pub const MAX_COST: u64 = 10_000;
/// The maximum number of selections in all operations of a document with every spread expanded, as the library reads them.
const MAX_EXPANDED_LENGTH: u64 = 3 * MAX_COST;
/// The maximum nesting of fields.
const MAX_DEPTH: u64 = 15;
/// The maximum nesting of fields, inline fragments and spreads together.
const MAX_SELECTION_DEPTH: u64 = 32;
/// How often one selection may contain the same field, aliased or not.
const MAX_FIELD_REPETITIONS: u64 = 30;
/// The maximum nesting of introspection lists, since each level multiplies the size of the response.
const MAX_INTROSPECTION_LISTS: u64 = 3;
/// The page size if neither `first` nor `last` is given.
const DEFAULT_PAGE_SIZE: u64 = crate::domain::list::DEFAULT_PAGE_SIZE as u64;
const MAX_PAGE_SIZE: u64 = crate::domain::list::MAX_PAGE_SIZE as u64;
const PLAIN_LIST_SIZE: u64 = 10;
/// The maximum number of items of a plain list: a token has access to at most so many organizations.
const MAX_LIST_ITEMS: u64 = 100;
/// The maximum number of IDs that `nodes` looks up.
const MAX_IDS: u64 = super::query::MAX_IDS as u64;
/// The cost of a field that runs its own statement.
const STATEMENT_COST: u64 = 20;
/// The estimated number of statements of a mutation, including its events and emails.
const MUTATION_STATEMENTS: u64 = 15;
/// The maximum number of fields that a mutation may return, so that its response, which may contain the value of a new token,
/// is never too large to be sent.
const MAX_MUTATION_FIELDS: u64 = 2_000;
/// The maximum total size of the values of arguments in bytes, each counted as often as the library copies it.
const MAX_ARGUMENT_SIZE: u64 = 4 * 1024 * 1024;
/// The maximum number of fields that all operations and fragments of a document introspect together.
const MAX_INTROSPECTED: u64 = 3 * INTROSPECTION_FIELDS * MAX_COST;
/// The number of introspected fields that cost 1 together: they are read from memory.
const INTROSPECTION_FIELDS: u64 = 2;

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
    fn with_cost(self, cost: u64) -> Self {
        match self {
            Self::TooComplex { value, limit, message, position, .. } => {
                Self::TooComplex { value, limit, message, position, cost: Some(cost) }
            }
            cycle @ Self::Cycle { .. } => cycle,
        }
    }
}

/// The cost of a selection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Cost {
    /// The cost that counts once for each row of the enclosing list; of an operation, its total cost.
    per_row: u64,
    /// The cost that counts once for the enclosing connection, independent of its page size.
    once_for_connection: u64,
    /// The cost that counts once in the operation, since a loader reads for all rows together.
    once: u64,
    /// Whether the selection runs a statement for each row.
    runs_statements: bool,
    /// The maximum number of fields and list items in the response. For simplicity, all fields below a connection count for
    /// each row.
    fields: u64,
    /// The size of the arguments over all rows in bytes, with variables substituted.
    argument_size: u64,
    /// The number of fields, spreads and inline fragments with every spread expanded.
    expanded_length: u64,
    depth: u64,
    introspection: u64,
    counts: HashMap<Name, u64>,
}

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

/// Returns the name of the root type of an operation.
pub(super) const fn root(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

struct Walk<'document> {
    document: &'document ExecutableDocument,
    chosen: &'document OperationDefinition,
    variables: &'document Variables,
    sizes: Sizes,
    /// The costs of fragments, by name.
    computed: HashMap<&'document str, Rc<Cost>>,
    /// The number of fields that introspection returns, over all operations and fragments.
    introspected: u64,
    /// The fragments whose costs are being computed.
    in_progress: HashSet<&'document str>,
}

impl<'document> Walk<'document> {
    fn new(
        document: &'document ExecutableDocument,
        chosen: &'document OperationDefinition,
        variables: &'document Variables,
    ) -> Self {
        let sizes = Sizes::new(chosen, variables);
        let (computed, in_progress) = (HashMap::new(), HashSet::new());
        Self { document, chosen, variables, sizes, computed, introspected: 0, in_progress }
    }

    fn operation(&mut self, operation: &'document OperationDefinition) -> Result<Cost, CostError> {
        let mut cost = self.selection(&operation.selection_set, root(operation.ty), 0)?;
        cost.per_row = cost.total().saturating_add(count(operation.directives.len()));
        let message = "The operation costs too much; ask for smaller pages (first) or fewer fields.";
        check_limit(cost.per_row, MAX_COST, message, None).map_err(|error| error.with_cost(cost.per_row))?;
        let definitions = operation.variable_definitions.iter().map(|definition| &definition.node.directives);
        for directives in definitions.chain([&operation.directives]) {
            cost.argument_size = cost.argument_size.saturating_add(self.sizes.of_directives(directives));
        }
        check_argument_size(cost.argument_size).map_err(|error| error.with_cost(cost.per_row))?;
        if operation.ty == OperationType::Mutation {
            let message = "The mutation returns too many fields; select fewer, and query the rest afterwards.";
            let result = check_limit(cost.fields, MAX_MUTATION_FIELDS, message, None);
            result.map_err(|error| error.with_cost(cost.per_row))?;
        }
        Ok(cost)
    }

    /// Checks all operations and fragments, since the library validates them too.
    fn check_all(&mut self) -> Result<(), CostError> {
        let document = self.document;
        let mut expanded_length = 0_u64;
        for (_, operation) in document.operations.iter() {
            expanded_length = expanded_length.saturating_add(self.operation(&operation.node)?.expanded_length);
            let message = "With its fragments written out, the document is too long.";
            check_limit(expanded_length, MAX_EXPANDED_LENGTH, message, None)?;
        }
        for name in document.fragments.keys() {
            self.fragment(name, Pos::default(), 0)?;
        }
        Ok(())
    }

    fn fragment(&mut self, name: &'document Name, position: Pos, level: u64) -> Result<Rc<Cost>, CostError> {
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else { return Ok(Rc::default()) };
        if let Some(cost) = self.computed.get(name.as_str()) {
            return Ok(Rc::clone(cost));
        }
        if !self.in_progress.insert(name) {
            return Err(CostError::Cycle { position });
        }
        let on = &fragment.node.type_condition.node.on.node;
        let mut cost = self.selection(&fragment.node.selection_set, on, level)?;
        cost.argument_size = cost.argument_size.saturating_add(self.sizes.of_directives(&fragment.node.directives));
        let cost = Rc::new(cost);
        self.in_progress.remove(name.as_str());
        check_argument_size(cost.argument_size)?;
        check_limit(
            cost.total(),
            MAX_COST,
            "A fragment costs too much; ask for smaller pages (first) or fewer fields.",
            None,
        )?;
        self.computed.insert(name, Rc::clone(&cost));
        Ok(cost)
    }

    fn selection(
        &mut self,
        selection: &'document Positioned<SelectionSet>,
        on: &str,
        level: u64,
    ) -> Result<Cost, CostError> {
        let position = Some(selection.pos);
        check_limit(level, MAX_SELECTION_DEPTH, "The document is nested too deep.", position)?;
        let mut cost = Cost::default();
        for item in &selection.node.items {
            match &item.node {
                Selection::Field(field) => {
                    *cost.counts.entry(field.node.name.node.clone()).or_default() += 1;
                    cost.add_field(&self.field(&field.node, on, level)?);
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let on = condition.map_or(on, |condition| condition.node.on.node.as_str());
                    let below = self.selection(&inline.node.selection_set, on, level + 1)?;
                    cost.add_fragment(&below, &inline.node.directives, &self.sizes);
                }
                Selection::FragmentSpread(spread) => {
                    let below = self.fragment(&spread.node.fragment_name.node, item.pos, level + 1)?;
                    cost.add_fragment(&below, &spread.node.directives, &self.sizes);
                }
            }
        }
        check_limit(cost.depth, MAX_DEPTH, "The fields are nested too deep.", position)?;
        let repetitions = cost.counts.values().copied().max().unwrap_or_default();
        check_limit(repetitions, MAX_FIELD_REPETITIONS, "One field stands too often in one selection.", position)?;
        let message = "Lists of introspection are nested too deep.";
        check_limit(cost.introspection, MAX_INTROSPECTION_LISTS, message, position)?;
        Ok(cost)
    }

    /// Returns the cost of a field, including everything below it.
    fn field(&mut self, field: &'document Field, on: &str, level: u64) -> Result<Cost, CostError> {
        let name = field.name.node.as_str();
        let meta = meta(on, name);
        let definition = schema_index::field(on, name);
        let type_name = meta
            .map_or_else(|| definition.map_or("", |definition| base(&definition.ty).as_str()), |meta| meta.type_name);
        let mut cost = self.selection(&field.selection_set, type_name, level + 1)?;
        // The number of rows that the cost assumes, and the maximum number.
        let (rows, max_rows) = match definition {
            _ if meta.is_some() => (1, 1),
            _ if type_name.ends_with("Connection") => (self.page_size(field), self.page_size(field)),
            _ if (on, name) == ("Query", "nodes") => (self.id_count(field), self.id_count(field)),
            // The connection itself multiplies by its rows.
            Some(definition) if matches!(definition.ty.base, BaseType::List(_)) && !on.ends_with("Connection") => {
                // The item itself counts as a field, too.
                cost.fields = cost.fields.saturating_add(1);
                (if cost.runs_statements { MAX_LIST_ITEMS } else { PLAIN_LIST_SIZE }, MAX_LIST_ITEMS)
            }
            _ => (1, 1),
        };
        cost.per_row = cost.per_row.saturating_mul(rows).saturating_add(cost.once_for_connection);
        cost.once_for_connection = 0;
        cost.fields = cost.fields.saturating_mul(max_rows).saturating_add(1);
        cost.argument_size = cost.argument_size.saturating_mul(max_rows).saturating_add(self.sizes.of_field(field));
        if on == "Query" && meta.is_some() {
            cost.fields = self.introspected_fields(field)?;
            cost.per_row = cost.fields / INTROSPECTION_FIELDS;
        }
        match statements(on, name) {
            Statements::None => cost.per_row = cost.per_row.saturating_add(1),
            Statements::EachRow(number) => {
                cost.per_row = cost.per_row.saturating_add(number * STATEMENT_COST);
                cost.runs_statements = true;
            }
            Statements::Once => {
                cost.per_row = cost.per_row.saturating_add(1);
                cost.once = cost.once.saturating_add(STATEMENT_COST);
            }
        }
        cost.per_row = cost.per_row.saturating_add(count(field.directives.len()));
        if on.ends_with("Connection") && !matches!(name, "nodes" | "edges") {
            cost.once_for_connection = std::mem::take(&mut cost.per_row);
        }
        cost.expanded_length = cost.expanded_length.saturating_add(1);
        cost.depth += 1;
        cost.introspection += u64::from(meta.is_some_and(|meta| meta.is_list));
        cost.counts.clear();
        Ok(cost)
    }

    /// Returns the page size of a connection. A size that is out of range is rejected later, and counts as the maximum here.
    fn page_size(&self, field: &Field) -> u64 {
        let sizes = ["first", "last"].into_iter().filter_map(|name| self.argument(field, name));
        let sizes = sizes.filter_map(|value| match &*value {
            Value::Number(number) => number.as_i64(),
            Value::Null => None,
            _ => Some(i64::MAX),
        });
        let size = sizes.max().map(|size| u64::try_from(size).unwrap_or(MAX_PAGE_SIZE));
        size.unwrap_or(DEFAULT_PAGE_SIZE).clamp(1, MAX_PAGE_SIZE)
    }

    /// Returns the number of objects that `nodes` looks up.
    fn id_count(&self, field: &Field) -> u64 {
        match self.argument(field, "ids").as_deref() {
            Some(Value::List(ids)) => count(ids.len()).clamp(1, MAX_IDS),
            _ => 1,
        }
    }

    /// Returns the number of fields that an introspection returns; one that costs too much is counted only until its cost
    /// exceeds the limit.
    fn introspected_fields(&mut self, field: &Field) -> Result<u64, CostError> {
        let name = match self.argument(field, "name").as_deref() {
            Some(Value::String(name)) if field.name.node == "__type" => Some(name.clone()),
            // A missing name is rejected later, and counts as the whole schema here.
            _ => None,
        };
        let limit = MAX_COST * INTROSPECTION_FIELDS + INTROSPECTION_FIELDS;
        let fields = introspection::returned_fields(self.document, &field.selection_set.node, name.as_deref(), limit);
        // The counting itself takes time, for each operation and fragment of the document.
        self.introspected = self.introspected.saturating_add(fields);
        check_limit(
            self.introspected,
            MAX_INTROSPECTED,
            "The document introspects too much; select fewer fields.",
            None,
        )?;
        Ok(fields)
    }

    /// Returns the value of an argument. Variables within it are not substituted, since a document could copy them many times.
    fn argument<'walk>(&'walk self, field: &'walk Field, name: &str) -> Option<Cow<'walk, Value>> {
        let literal = field.get_argument(name)?.node.clone();
        // A variable is represented as bytes, which neither a document nor JSON can contain.
        let Ok(literal) =
            literal.into_const_with(|name| Ok::<_, Infallible>(Value::Binary(name.as_str().to_owned().into())));
        match &literal {
            Value::Binary(name) => self.variable(&Name::new(String::from_utf8_lossy(name))).map(Cow::Borrowed),
            _ => Some(Cow::Owned(literal)),
        }
    }

    fn variable(&self, name: &Name) -> Option<&Value> {
        let default = || {
            let definition =
                self.chosen.variable_definitions.iter().find(|definition| definition.node.name.node == *name)?;
            definition.node.default_value.as_ref().map(|value| &value.node)
        };
        self.variables.get(name).or_else(default)
    }
}

/// The statements that a field runs, except those of loaders that read for the whole request.
enum Statements {
    None,
    /// This many for each row or connection that contains the field.
    EachRow(u64),
    /// One for all rows together.
    Once,
}

fn statements(on: &str, field: &str) -> Statements {
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

impl Cost {
    fn total(&self) -> u64 {
        self.per_row.saturating_add(self.once_for_connection).saturating_add(self.once)
    }

    /// Adds a field of the selection.
    fn add_field(&mut self, field: &Self) {
        self.per_row = self.per_row.saturating_add(field.per_row);
        self.once_for_connection = self.once_for_connection.saturating_add(field.once_for_connection);
        self.once = self.once.saturating_add(field.once);
        self.runs_statements |= field.runs_statements;
        self.fields = self.fields.saturating_add(field.fields);
        self.argument_size = self.argument_size.saturating_add(field.argument_size);
        self.expanded_length = self.expanded_length.saturating_add(field.expanded_length);
        self.depth = self.depth.max(field.depth);
        self.introspection = self.introspection.max(field.introspection);
    }

    /// Adds a fragment, whose fields count as fields of the selection.
    fn add_fragment(&mut self, fragment: &Self, directives: &[Positioned<Directive>], sizes: &Sizes) {
        self.add_field(fragment);
        self.per_row = self.per_row.saturating_add(count(directives.len()));
        self.argument_size = self.argument_size.saturating_add(sizes.of_directives(directives));
        self.expanded_length = self.expanded_length.saturating_add(1);
        for (name, number) in &fragment.counts {
            let count = self.counts.entry(name.clone()).or_default();
            *count = count.saturating_add(*number);
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn check_limit(value: u64, limit: u64, message: &'static str, position: Option<Pos>) -> Result<(), CostError> {
    if value > limit { Err(CostError::TooComplex { value, limit, message, position, cost: None }) } else { Ok(()) }
}

fn check_argument_size(argument_size: u64) -> Result<(), CostError> {
    let message = "The values of arguments are too large, with each variable written out wherever it is used; send shorter \
                   values, or use them less often.";
    check_limit(argument_size, MAX_ARGUMENT_SIZE, message, None)
}

/// A field of introspection.
#[derive(Clone, Copy)]
struct Meta {
    type_name: &'static str,
    is_list: bool,
}

/// Returns a field of the introspection types, which the SDL does not contain.
fn meta(on: &str, field: &str) -> Option<Meta> {
    let object = |type_name| Some(Meta { type_name, is_list: false });
    let list = |type_name| Some(Meta { type_name, is_list: true });
    match (on, field) {
        ("Query", "__schema") => object("__Schema"),
        ("Query", "__type") => object("__Type"),
        (on, _) if !on.starts_with("__") => None,
        (_, "types" | "possibleTypes" | "interfaces") => list("__Type"),
        (_, "queryType" | "mutationType" | "subscriptionType" | "type" | "ofType") => object("__Type"),
        (_, "fields") => list("__Field"),
        (_, "args" | "inputFields") => list("__InputValue"),
        (_, "enumValues") => list("__EnumValue"),
        (_, "directives") => list("__Directive"),
        _ => object("__Scalar"),
    }
}

#[cfg(test)]
#[expect(clippy::format_push_string, clippy::format_collect, reason = "short code that builds documents")]
mod tests {
    use super::*;
    use crate::graphql::budget::MAX_FIELDS;
    use async_graphql::parser::{parse_query, types::DocumentOperations};
    use proptest::prelude::*;
    use serde_json::json;

    fn cost_of(query: &str, variables: serde_json::Value) -> Result<u64, CostError> {
        let document = parse_query(query).expect("a document");
        let chosen = match &document.operations {
            DocumentOperations::Single(only) => &only.node,
            DocumentOperations::Multiple(all) => &all.values().next().expect("an operation").node,
        };
        super::cost(&document, chosen, &Variables::from_json(variables))
    }

    fn cost(query: &str) -> u64 {
        cost_of(query, json!({})).expect("a cost")
    }

    fn rejected(query: &str) -> (u64, u64) {
        match cost_of(query, json!({})) {
            Err(CostError::TooComplex { value, limit, .. }) => (value, limit),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn fields_cost_one_and_lists_multiply_by_ten() {
        assert_eq!(cost("{ viewer { id } }"), 2);
        assert_eq!(cost("{ scopes { name title description access retired } }"), 51);
        assert_eq!(cost("{ viewer { id @skip(if: false) __typename } }"), 4);
    }

    ///
    #[test]
    fn connections_multiply_by_their_page_size() {
        assert_eq!(cost("{ viewer { tokens { nodes { id } } } }"), 21 + 50 * 2);
        assert_eq!(
            cost("{ viewer { tokens(last: 7) { edges { node { scopes { name } } } } } }"),
            21 + 7 * (2 + 1 + 10)
        );
        assert_eq!(cost("query($n: Int = 9) { viewer { tokens(first: $n) { nodes { id } } } }"), 21 + 9 * 2);
        let query = "query($n: Int = 9) { viewer { tokens(first: $n) { nodes { id } } } }";
        assert_eq!(cost_of(query, json!({ "n": 3 })), Ok(21 + 3 * 2));
        for out_of_bounds in ["-1", "101", "2147483648", "\"x\""] {
            assert_eq!(cost(&format!("{{ viewer {{ tokens(first: {out_of_bounds}) {{ nodes {{ id }} }} }} }}")), 221);
        }
        let nested = "{ viewer { organizations(first: 100) { nodes { tokenGrants(first: 100) { nodes { token { grants(first: 100) { nodes { id } } } } } } } } }";
        assert_eq!(rejected(nested).1, MAX_COST);
    }

    #[test]
    fn nodes_multiplies_by_the_number_of_ids() {
        assert_eq!(cost("{ nodes(ids: [\"a\", \"b\", \"c\"]) { id } }"), 1 + 3);
        assert_eq!(cost("{ nodes(ids: \"a\") { id } }"), 1 + 1);
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
        for (number, rows) in [(0, 1), (1, 1), (42, 42), (100, 100), (20_000, 100)] {
            assert_eq!(cost_of(query, json!({ "ids": vec!["a"; number] })), Ok(1 + rows));
        }
    }

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
    fn lists_above_statements_multiply_by_one_hundred() {
        let token = |below: &str| format!("{{ token(id: \"a\") {{ organizations {{ {below} }} }} }}");
        assert_eq!(cost(&token("name")), 2 + 10);
        assert_eq!(cost(&token("name members(first: 1) { nodes { id } }")), 2 + 100 * (1 + 60 + 2));
        assert_eq!(
            rejected(&token("members(first: 1) { totalCount } m: members(first: 1) { totalCount }")).1,
            MAX_COST
        );
        let nested = "tokenGrants(first: 3) { nodes { token { organizations { name } } } }";
        assert!(cost(&token("tokenGrants(first: 1) { nodes { id } }")) < MAX_COST);
        assert!(cost(&token(nested)) > 100 * 3 * 10);
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

    #[test]
    fn introspection_costs_half_of_its_returned_fields() {
        let aliases = (0..30).map(|index| format!("a{index}: description ")).collect::<String>();
        let lists =
            (0..30).map(|index| format!("f{index}: fields {{ args {{ name }} {aliases} }} ")).collect::<String>();
        let large = format!("{{ __schema {{ types {{ {lists} }} }} }}");
        assert_eq!(rejected(&large), (MAX_COST + 2, MAX_COST));
        let by_fragments = format!(
            "{{ __schema {{ types {{ {} }} }} }} fragment A on __Type {{ fields {{ {aliases} }} }}",
            "...A ".repeat(9)
        );
        assert_eq!(rejected(&by_fragments), (MAX_COST + 2, MAX_COST));
        let small = "query($name: String!) { __type(name: $name) { name } }";
        assert_eq!(cost_of(small, json!({ "name": "Token" })), Ok(2));
        let fields = "query($name: String!) { __type(name: $name) { fields { name type { name } } } }";
        let (token, scope) = (cost_of(fields, json!({ "name": "Token" })), cost_of(fields, json!({ "name": "Scope" })));
        assert!(token.expect("a cost") > scope.expect("a cost"));
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
        let usual = include_str!("introspection.graphql");
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

    /// Computes the cost by expanding every fragment, which is exponential and obviously correct.
    fn expanded_cost(document: &ExecutableDocument, selection: &SelectionSet, on: &str) -> u64 {
        selection.items.iter().fold(0, |sum, item| {
            sum + match &item.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.as_str();
                    let of = schema_index::field(on, name).map_or(String::new(), |field| base(&field.ty).to_string());
                    let rows = match name {
                        "tokens" => 3,
                        "scopes" | "organizations" if of == "Scope" || of == "Organization" => 10,
                        _ => 1,
                    };
                    let own = if name == "tokens" { STATEMENT_COST } else { 1 };
                    own + rows * expanded_cost(document, &field.node.selection_set.node, &of)
                }
                Selection::InlineFragment(inline) => expanded_cost(document, &inline.node.selection_set.node, on),
                Selection::FragmentSpread(spread) => {
                    let fragment = &document.fragments[&spread.node.fragment_name.node].node;
                    expanded_cost(document, &fragment.selection_set.node, &fragment.type_condition.node.on.node)
                }
            }
        })
    }

    fn fields() -> impl Strategy<Value = std::string::String> {
        let leaf =
            prop_oneof![Just("id".to_owned()), Just("scopes { name title }".to_owned()), Just("hint".to_owned())];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 1..4).prop_map(|all| all.join(" ")),
                inner.clone().prop_map(|below| format!("owner {{ tokens(first: 3) {{ nodes {{ {below} }} }} }}")),
                inner.clone().prop_map(|below| format!("... on Token {{ {below} }}")),
                inner.prop_map(|below| format!("organizations {{ id }} {below}")),
            ]
        })
    }

    proptest! {
        #[test]
        fn cost_equals_that_of_the_document_with_fragments_expanded(
            own in fields(), first in fields(), second in fields(), third in fields(),
        ) {
            let query = format!(
                "{{ viewer {{ tokens(first: 3) {{ nodes {{ {own} ...A ...B ...A }} }} }} }} \
                 fragment A on Token {{ {first} ...B ...C }} fragment B on Token {{ {second} ...C ...C }} fragment C on Token {{ {third} }}"
            );
            let document = parse_query(&query).expect("a document");
            let DocumentOperations::Single(only) = &document.operations else { panic!("one operation") };
            let expected = expanded_cost(&document, &only.node.selection_set.node, "Query");
            match cost_of(&query, json!({})) {
                Ok(cost) => prop_assert_eq!(cost, expected),
                Err(CostError::TooComplex { value, limit: MAX_COST, .. }) => prop_assert!(expected >= value && value > MAX_COST),
                Err(CostError::TooComplex { .. }) => {}
                Err(other) => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
