//! Walks the operations and fragments of a document, and adds up their costs.

use super::{
    limits::{
        self, CostError, INTROSPECTION_FIELDS, MAX_ARGUMENT_SIZE, MAX_COST, MAX_DEPTH, MAX_EXPANDED_LENGTH,
        MAX_FIELD_REPETITIONS, MAX_INTROSPECTED, MAX_INTROSPECTION_LISTS, MAX_MUTATION_FIELDS, MAX_SELECTION_DEPTH,
        check_limit,
    },
    statements::{STATEMENT_COST, Statements, statements},
};
use crate::{
    domain::page,
    graphql::{
        argument_size::Sizes,
        introspection,
        schema_index::{self, base, root},
    },
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

/// The page size if neither `first` nor `last` is given.
const DEFAULT_PAGE_SIZE: u64 = page::DEFAULT_PAGE_SIZE as u64;
const MAX_PAGE_SIZE: u64 = page::MAX_PAGE_SIZE as u64;
/// The number of items that the cost assumes for a plain list.
const PLAIN_LIST_SIZE: u64 = 10;
/// The maximum number of items of a plain list: a token has access to at most so many organizations.
const MAX_LIST_ITEMS: u64 = 100;
const MAX_IDS: u64 = limits::MAX_IDS as u64;

/// The cost of a selection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// The cost that counts once for each row of the enclosing list; of an operation, its total cost.
    pub(super) per_row: u64,
    /// The cost that counts once for the enclosing connection, independent of its page size.
    once_for_connection: u64,
    /// The cost that counts once in the operation, since a loader reads for all rows together.
    once: u64,
    /// Whether the selection runs a statement for each row.
    runs_statements: bool,
    /// The maximum number of fields and list items in the response. For simplicity, all fields below a connection count for
    /// each row.
    pub(super) fields: u64,
    /// The size of the arguments over all rows in bytes, with variables substituted.
    argument_size: u64,
    /// The number of fields, spreads and inline fragments with every spread expanded.
    expanded_length: u64,
    /// The nesting of fields.
    depth: u64,
    /// The nesting of introspection lists.
    introspection: u64,
    /// How often the selection contains each field.
    counts: HashMap<Name, u64>,
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

pub(super) struct Walk<'document> {
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
    pub(super) fn new(
        document: &'document ExecutableDocument,
        chosen: &'document OperationDefinition,
        variables: &'document Variables,
    ) -> Self {
        let sizes = Sizes::new(chosen, variables);
        let (computed, in_progress) = (HashMap::new(), HashSet::new());
        Self { document, chosen, variables, sizes, computed, introspected: 0, in_progress }
    }

    pub(super) fn operation(&mut self, operation: &'document OperationDefinition) -> Result<Cost, CostError> {
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
    pub(super) fn check_all(&mut self) -> Result<(), CostError> {
        let document = self.document;
        let mut expanded_length = 0_u64;
        for (_, operation) in document.operations.iter() {
            expanded_length = expanded_length.saturating_add(self.operation(&operation.node)?.expanded_length);
            let message = "The document is too long once its fragments are expanded.";
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
        check_limit(repetitions, MAX_FIELD_REPETITIONS, "A field is repeated too often in one selection.", position)?;
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

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
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
#[expect(clippy::format_collect, reason = "short code that builds documents")]
mod tests {
    use super::{
        super::tests::{cost, cost_of, rejected},
        *,
    };
    use async_graphql::parser::{parse_query, types::DocumentOperations};
    use proptest::prelude::*;
    use serde_json::json;

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
