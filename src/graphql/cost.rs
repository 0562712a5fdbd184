//! Computes the cost of a document before anything of it runs, in time that is linear in the document.
//!
//! A field costs 1, and so does a directive. The rows of a connection (`nodes`, `edges`) count once for each row of its page,
//! what stands below `Query.nodes` once for each id, below a plain list ten times. A field that runs a statement of its own costs 20 instead, so
//! that the limit also bounds the statements. Introspection costs what it returns. Each fragment is counted once, however
//! often it is spread: 27 fragments that each spread the next one twice are 134 million fields.

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

/// The most that one operation may cost.
pub const LIMIT: u64 = 10_000;
/// How long all operations of a document may be with every spread written out, as the library reads them.
const LONGEST_WRITTEN_OUT: u64 = 3 * LIMIT;
/// The deepest nesting of fields.
const DEEPEST: u64 = 15;
/// The deepest nesting of anything: fields, inline fragments and spreads.
const DEEPEST_OF_ALL: u64 = 32;
/// How often one field may stand in one selection, aliased or not.
const MOST_OF_ONE: u64 = 30;
/// How deep lists of introspection may be nested; each level multiplies the answer.
const MOST_INTROSPECTION_LISTS: u64 = 3;
/// A page of somebody who did not say, as everywhere.
const USUAL_PAGE: u64 = crate::domain::list::USUAL_PAGE as u64;
const LARGEST_PAGE: u64 = crate::domain::list::LARGEST_PAGE as u64;
const LIST: u64 = 10;
/// The most items of a plain list: a token has access to at most so many organizations.
const MAX_LIST_ITEMS: u64 = 100;
/// The most ids that `nodes` looks up.
const MAX_IDS: u64 = super::query::MAX_IDS as u64;
/// What a field costs that runs a statement of its own.
const STATEMENT: u64 = 20;
/// The statements of a mutation, with its events and emails.
const MUTATION_STATEMENTS: u64 = 15;
/// The most fields that a mutation may return, so that its response, which may hold the value of a new token, is never too
/// large to be sent.
const MAX_MUTATION_FIELDS: u64 = 2_000;
/// The most bytes that the values of arguments take together, each counted as often as the library copies it.
const MAX_ARGUMENT_SIZE: u64 = 4 * 1024 * 1024;
/// The most fields that all operations and fragments of a document introspect.
const MAX_INTROSPECTED: u64 = 3 * INTROSPECTION_FIELDS * LIMIT;
/// So many returned fields of introspection cost 1: they are in memory.
const INTROSPECTION_FIELDS: u64 = 2;

/// Why a document is not executed.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It costs too much.
    TooComplex {
        /// Of whatever the limit is on.
        cost: u64,
        /// The most that is allowed of it.
        limit: u64,
        /// What is too much, and the remedy.
        message: &'static str,
        /// Where.
        place: Option<Pos>,
        /// What the chosen operation costs, where that is known.
        price: Option<u64>,
    },
    /// Its fragments spread each other in a circle.
    Circle {
        /// Where.
        place: Pos,
    },
}

impl Refusal {
    fn of_an_operation_that_costs(self, price: u64) -> Self {
        match self {
            Self::TooComplex { cost, limit, message, place, .. } => {
                Self::TooComplex { cost, limit, message, place, price: Some(price) }
            }
            circle @ Self::Circle { .. } => circle,
        }
    }
}

/// What a selection costs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Price {
    cost: u64,
    /// What counts once for the connection in which it stands, whatever its page size.
    once_for_connection: u64,
    /// What counts once wherever it stands: a loader reads for all rows together.
    once: u64,
    /// Whether a statement runs for each row.
    runs_statements: bool,
    /// The most fields and items of lists that the response may have; for simplicity, all below a connection are taken for
    /// rows.
    fields: u64,
    /// The size of the arguments, with variables written out, over all rows.
    argument_size: u64,
    /// Fields, spreads and inline fragments, as many as there are once every spread is written out.
    written_out: u64,
    depth: u64,
    introspection: u64,
    counts: HashMap<Name, u64>,
}

/// What the chosen operation costs. All others, and all fragments, are held to the same limits: the library looks at them
/// too.
pub fn price(
    document: &ExecutableDocument,
    chosen: &OperationDefinition,
    variables: &Variables,
) -> Result<u64, Refusal> {
    let mut walk = Walk::new(document, chosen, variables);
    let price = walk.operation(chosen)?.cost;
    walk.everything().map_err(|refusal| refusal.of_an_operation_that_costs(price))?;
    Ok(price)
}

/// The most fields that the response to the chosen operation may have.
pub fn max_fields(document: &ExecutableDocument, chosen: &OperationDefinition, variables: &Variables) -> u64 {
    let mut walk = Walk::new(document, chosen, variables);
    walk.operation(chosen).map_or(u64::MAX, |price| price.fields)
}

/// The root that the fields of an operation belong to.
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
    known: HashMap<&'document str, Rc<Price>>,
    /// The fields that introspection returns, over all operations and fragments.
    introspected: u64,
    open: HashSet<&'document str>,
}

impl<'document> Walk<'document> {
    fn new(
        document: &'document ExecutableDocument,
        chosen: &'document OperationDefinition,
        variables: &'document Variables,
    ) -> Self {
        let sizes = Sizes::new(chosen, variables);
        let (known, open) = (HashMap::new(), HashSet::new());
        Self { document, chosen, variables, sizes, known, introspected: 0, open }
    }

    fn operation(&mut self, operation: &'document OperationDefinition) -> Result<Price, Refusal> {
        let mut price = self.selection(&operation.selection_set, root(operation.ty), 0)?;
        price.cost = price.total().saturating_add(count(operation.directives.len()));
        let message = "The operation costs too much; ask for smaller pages (first) or fewer fields.";
        over(price.cost, LIMIT, message, None).map_err(|refusal| refusal.of_an_operation_that_costs(price.cost))?;
        let definitions = operation.variable_definitions.iter().map(|definition| &definition.node.directives);
        for directives in definitions.chain([&operation.directives]) {
            price.argument_size = price.argument_size.saturating_add(self.sizes.of_directives(directives));
        }
        copies_little(price.argument_size).map_err(|refusal| refusal.of_an_operation_that_costs(price.cost))?;
        if operation.ty == OperationType::Mutation {
            let message = "The mutation returns too many fields; select fewer, and query the rest afterwards.";
            let fits = over(price.fields, MAX_MUTATION_FIELDS, message, None);
            fits.map_err(|refusal| refusal.of_an_operation_that_costs(price.cost))?;
        }
        Ok(price)
    }

    /// What the library looks at besides the chosen operation.
    fn everything(&mut self) -> Result<(), Refusal> {
        let document = self.document;
        let mut written_out = 0_u64;
        for (_, operation) in document.operations.iter() {
            written_out = written_out.saturating_add(self.operation(&operation.node)?.written_out);
            let message = "With its fragments written out, the document is too long.";
            over(written_out, LONGEST_WRITTEN_OUT, message, None)?;
        }
        for name in document.fragments.keys() {
            self.fragment(name, Pos::default(), 0)?;
        }
        Ok(())
    }

    fn fragment(&mut self, name: &'document Name, place: Pos, level: u64) -> Result<Rc<Price>, Refusal> {
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else { return Ok(Rc::default()) };
        if let Some(price) = self.known.get(name.as_str()) {
            return Ok(Rc::clone(price));
        }
        if !self.open.insert(name) {
            return Err(Refusal::Circle { place });
        }
        let on = &fragment.node.type_condition.node.on.node;
        let mut price = self.selection(&fragment.node.selection_set, on, level)?;
        price.argument_size = price.argument_size.saturating_add(self.sizes.of_directives(&fragment.node.directives));
        let price = Rc::new(price);
        self.open.remove(name.as_str());
        copies_little(price.argument_size)?;
        over(price.total(), LIMIT, "A fragment costs too much; ask for smaller pages (first) or fewer fields.", None)?;
        self.known.insert(name, Rc::clone(&price));
        Ok(price)
    }

    fn selection(
        &mut self,
        selection: &'document Positioned<SelectionSet>,
        on: &str,
        level: u64,
    ) -> Result<Price, Refusal> {
        let place = Some(selection.pos);
        over(level, DEEPEST_OF_ALL, "The document is nested too deep.", place)?;
        let mut price = Price::default();
        for item in &selection.node.items {
            match &item.node {
                Selection::Field(field) => {
                    *price.counts.entry(field.node.name.node.clone()).or_default() += 1;
                    price.add_below(&self.field(&field.node, on, level)?);
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let on = condition.map_or(on, |condition| condition.node.on.node.as_str());
                    let below = self.selection(&inline.node.selection_set, on, level + 1)?;
                    price.add_beside(&below, &inline.node.directives, &self.sizes);
                }
                Selection::FragmentSpread(spread) => {
                    let below = self.fragment(&spread.node.fragment_name.node, item.pos, level + 1)?;
                    price.add_beside(&below, &spread.node.directives, &self.sizes);
                }
            }
        }
        over(price.depth, DEEPEST, "The fields are nested too deep.", place)?;
        let most = price.counts.values().copied().max().unwrap_or_default();
        over(most, MOST_OF_ONE, "One field stands too often in one selection.", place)?;
        let message = "Lists of introspection are nested too deep.";
        over(price.introspection, MOST_INTROSPECTION_LISTS, message, place)?;
        Ok(price)
    }

    /// The price of one field and all below it.
    fn field(&mut self, field: &'document Field, on: &str, level: u64) -> Result<Price, Refusal> {
        let name = field.name.node.as_str();
        let meta = meta(on, name);
        let known = schema_index::field(on, name);
        let of = meta.map_or_else(|| known.map_or("", |field| base(&field.of).as_str()), |meta| meta.of);
        let mut price = self.selection(&field.selection_set, of, level + 1)?;
        // As the cost counts them, and the most that there may be.
        let (times, at_most) = match known {
            _ if meta.is_some() => (1, 1),
            _ if of.ends_with("Connection") => (self.page(field), self.page(field)),
            _ if (on, name) == ("Query", "nodes") => (self.ids(field), self.ids(field)),
            // The rows of a connection were counted with it.
            Some(field) if matches!(field.of.base, BaseType::List(_)) && !on.ends_with("Connection") => {
                // Each item counts as a field.
                price.fields = price.fields.saturating_add(1);
                (if price.runs_statements { MAX_LIST_ITEMS } else { LIST }, MAX_LIST_ITEMS)
            }
            _ => (1, 1),
        };
        price.cost = price.cost.saturating_mul(times).saturating_add(price.once_for_connection);
        price.once_for_connection = 0;
        price.fields = price.fields.saturating_mul(at_most).saturating_add(1);
        price.argument_size = price.argument_size.saturating_mul(at_most).saturating_add(self.sizes.of_field(field));
        if on == "Query" && meta.is_some() {
            price.fields = self.introspection(field)?;
            price.cost = price.fields / INTROSPECTION_FIELDS;
        }
        match statements(on, name) {
            Statements::None => price.cost = price.cost.saturating_add(1),
            Statements::EachRow(number) => {
                price.cost = price.cost.saturating_add(number * STATEMENT);
                price.runs_statements = true;
            }
            Statements::Once => {
                price.cost = price.cost.saturating_add(1);
                price.once = price.once.saturating_add(STATEMENT);
            }
        }
        price.cost = price.cost.saturating_add(count(field.directives.len()));
        if on.ends_with("Connection") && !matches!(name, "nodes" | "edges") {
            price.once_for_connection = std::mem::take(&mut price.cost);
        }
        price.written_out = price.written_out.saturating_add(1);
        price.depth += 1;
        price.introspection += u64::from(meta.is_some_and(|meta| meta.list));
        price.counts.clear();
        Ok(price)
    }

    /// How many rows a connection may have. What is out of bounds is rejected later, and costs the most until then.
    fn page(&self, field: &Field) -> u64 {
        let sizes = ["first", "last"].into_iter().filter_map(|name| self.argument(field, name));
        let most = sizes.filter_map(|value| match &*value {
            Value::Number(number) => number.as_i64(),
            Value::Null => None,
            _ => Some(i64::MAX),
        });
        let most = most.max().map(|size| u64::try_from(size).unwrap_or(LARGEST_PAGE));
        most.unwrap_or(USUAL_PAGE).clamp(1, LARGEST_PAGE)
    }

    /// How many objects `nodes` looks up.
    fn ids(&self, field: &Field) -> u64 {
        match self.argument(field, "ids").as_deref() {
            Some(Value::List(ids)) => count(ids.len()).clamp(1, MAX_IDS),
            _ => 1,
        }
    }

    /// How many fields an introspection returns; more than the limit when it is too much.
    fn introspection(&mut self, field: &Field) -> Result<u64, Refusal> {
        let name = match self.argument(field, "name").as_deref() {
            Some(Value::String(name)) if field.name.node == "__type" => Some(name.clone()),
            // Without a name it is rejected later, and costs the most until then.
            _ => None,
        };
        let limit = LIMIT * INTROSPECTION_FIELDS + INTROSPECTION_FIELDS;
        let fields = introspection::returned_fields(self.document, &field.selection_set.node, name.as_deref(), limit);
        // Counting takes time too, for each operation and fragment of the document.
        self.introspected = self.introspected.saturating_add(fields);
        over(self.introspected, MAX_INTROSPECTED, "The document introspects too much; select fewer fields.", None)?;
        Ok(fields)
    }

    /// The value of an argument, without the variables within it, of which a document could make many copies.
    fn argument<'walk>(&'walk self, field: &'walk Field, name: &str) -> Option<Cow<'walk, Value>> {
        let literal = field.get_argument(name)?.node.clone();
        // Neither a document nor JSON can write bytes: they stand for a variable.
        let Ok(literal) =
            literal.into_const_with(|name| Ok::<_, Infallible>(Value::Binary(name.as_str().to_owned().into())));
        match &literal {
            Value::Binary(name) => self.variable(&Name::new(String::from_utf8_lossy(name))).map(Cow::Borrowed),
            _ => Some(Cow::Owned(literal)),
        }
    }

    fn variable(&self, name: &Name) -> Option<&Value> {
        let default = || {
            let defined = self.chosen.variable_definitions.iter().find(|one| one.node.name.node == *name)?;
            defined.node.default_value.as_ref().map(|value| &value.node)
        };
        self.variables.get(name).or_else(default)
    }
}

/// The statements that a field runs besides those of its loaders' rounds.
enum Statements {
    None,
    /// So many for each row, or connection, in which it stands.
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
        // The page, its users, and their memberships.
        ("Organization", "members") => Statements::EachRow(3),
        ("Token", "grants" | "events") => Statements::Once,
        _ => Statements::None,
    }
}

impl Price {
    fn total(&self) -> u64 {
        self.cost.saturating_add(self.once_for_connection).saturating_add(self.once)
    }

    /// A field of the selection.
    fn add_below(&mut self, field: &Self) {
        self.cost = self.cost.saturating_add(field.cost);
        self.once_for_connection = self.once_for_connection.saturating_add(field.once_for_connection);
        self.once = self.once.saturating_add(field.once);
        self.runs_statements |= field.runs_statements;
        self.fields = self.fields.saturating_add(field.fields);
        self.argument_size = self.argument_size.saturating_add(field.argument_size);
        self.written_out = self.written_out.saturating_add(field.written_out);
        self.depth = self.depth.max(field.depth);
        self.introspection = self.introspection.max(field.introspection);
    }

    /// A fragment, whose fields stand in the selection as if they were written there.
    fn add_beside(&mut self, fragment: &Self, directives: &[Positioned<Directive>], sizes: &Sizes) {
        self.add_below(fragment);
        self.cost = self.cost.saturating_add(count(directives.len()));
        self.argument_size = self.argument_size.saturating_add(sizes.of_directives(directives));
        self.written_out = self.written_out.saturating_add(1);
        for (name, number) in &fragment.counts {
            let present = self.counts.entry(name.clone()).or_default();
            *present = present.saturating_add(*number);
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn over(cost: u64, limit: u64, message: &'static str, place: Option<Pos>) -> Result<(), Refusal> {
    if cost > limit { Err(Refusal::TooComplex { cost, limit, message, place, price: None }) } else { Ok(()) }
}

fn copies_little(argument_size: u64) -> Result<(), Refusal> {
    let message = "The values of arguments are too large, with each variable written out wherever it is used; send shorter \
                   values, or use them less often.";
    over(argument_size, MAX_ARGUMENT_SIZE, message, None)
}

/// A field of introspection.
#[derive(Clone, Copy)]
struct Meta {
    of: &'static str,
    list: bool,
}

/// What introspection is made of: its own types stand in no schema document.
fn meta(on: &str, field: &str) -> Option<Meta> {
    let one = |of| Some(Meta { of, list: false });
    let list = |of| Some(Meta { of, list: true });
    match (on, field) {
        ("Query", "__schema") => one("__Schema"),
        ("Query", "__type") => one("__Type"),
        (on, _) if !on.starts_with("__") => None,
        (_, "types" | "possibleTypes" | "interfaces") => list("__Type"),
        (_, "queryType" | "mutationType" | "subscriptionType" | "type" | "ofType") => one("__Type"),
        (_, "fields") => list("__Field"),
        (_, "args" | "inputFields") => list("__InputValue"),
        (_, "enumValues") => list("__EnumValue"),
        (_, "directives") => list("__Directive"),
        _ => one("__Scalar"),
    }
}

#[cfg(test)]
#[expect(clippy::format_push_string, clippy::format_collect, reason = "documents of a test, written the short way")]
mod tests {
    use super::*;
    use crate::graphql::budget::MAX_FIELDS;
    use async_graphql::parser::{parse_query, types::DocumentOperations};
    use proptest::prelude::*;
    use serde_json::json;

    fn priced(query: &str, variables: serde_json::Value) -> Result<u64, Refusal> {
        let document = parse_query(query).expect("a document");
        let chosen = match &document.operations {
            DocumentOperations::Single(only) => &only.node,
            DocumentOperations::Multiple(all) => &all.values().next().expect("an operation").node,
        };
        price(&document, chosen, &Variables::from_json(variables))
    }

    fn cost(query: &str) -> u64 {
        priced(query, json!({})).expect("a price")
    }

    fn refused(query: &str) -> (u64, u64) {
        match priced(query, json!({})) {
            Err(Refusal::TooComplex { cost, limit, .. }) => (cost, limit),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_field_costs_one_and_what_is_below_a_list_ten_times() {
        assert_eq!(cost("{ viewer { id } }"), 2);
        assert_eq!(cost("{ scopes { name title description access retired } }"), 51);
        assert_eq!(cost("{ viewer { id @skip(if: false) __typename } }"), 4);
    }

    ///
    #[test]
    fn what_is_below_a_connection_counts_once_for_each_row_of_its_page() {
        assert_eq!(cost("{ viewer { tokens { nodes { id } } } }"), 21 + 50 * 2);
        assert_eq!(
            cost("{ viewer { tokens(last: 7) { edges { node { scopes { name } } } } } }"),
            21 + 7 * (2 + 1 + 10)
        );
        assert_eq!(cost("query($n: Int = 9) { viewer { tokens(first: $n) { nodes { id } } } }"), 21 + 9 * 2);
        let query = "query($n: Int = 9) { viewer { tokens(first: $n) { nodes { id } } } }";
        assert_eq!(priced(query, json!({ "n": 3 })), Ok(21 + 3 * 2));
        for out_of_bounds in ["-1", "101", "2147483648", "\"x\""] {
            assert_eq!(cost(&format!("{{ viewer {{ tokens(first: {out_of_bounds}) {{ nodes {{ id }} }} }} }}")), 221);
        }
        let nested = "{ viewer { organizations(first: 100) { nodes { tokenGrants(first: 100) { nodes { token { grants(first: 100) { nodes { id } } } } } } } } }";
        assert_eq!(refused(nested).1, LIMIT);
    }

    #[test]
    fn nodes_costs_the_number_of_its_ids() {
        assert_eq!(cost("{ nodes(ids: [\"a\", \"b\", \"c\"]) { id } }"), 1 + 3);
        assert_eq!(cost("{ nodes(ids: \"a\") { id } }"), 1 + 1);
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
        for (number, rows) in [(0, 1), (1, 1), (42, 42), (100, 100), (20_000, 100)] {
            assert_eq!(priced(query, json!({ "ids": vec!["a"; number] })), Ok(1 + rows));
        }
    }

    #[test]
    fn a_statement_costs_twenty_for_each_row_or_connection_or_once() {
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
    fn a_plain_list_counts_a_hundred_rows_where_statements_run_below_it() {
        let token = |below: &str| format!("{{ token(id: \"a\") {{ organizations {{ {below} }} }} }}");
        assert_eq!(cost(&token("name")), 2 + 10);
        assert_eq!(cost(&token("name members(first: 1) { nodes { id } }")), 2 + 100 * (1 + 60 + 2));
        assert_eq!(refused(&token("members(first: 1) { totalCount } m: members(first: 1) { totalCount }")).1, LIMIT);
        let nested = "tokenGrants(first: 3) { nodes { token { organizations { name } } } }";
        assert!(cost(&token("tokenGrants(first: 1) { nodes { id } }")) < LIMIT);
        assert!(cost(&token(nested)) > 100 * 3 * 10);
    }

    #[test]
    fn forty_eight_thousand_statements_are_too_many() {
        let ids = vec!["\"org_00000000000000000000000000\""; 100].join(",");
        let members = (0..30).map(|index| format!("m{index}: members(first: 1) {{ totalCount }} ")).collect::<String>();
        let node = format!("nodes(ids: [{ids}]) {{ ... on Organization {{ {members} }} }}");
        let nodes = (0..16).map(|index| format!("n{index}: {node} ")).collect::<String>();
        assert_eq!(refused(&format!("{{ {node} }}")).1, LIMIT);
        assert_eq!(refused(&format!("{{ {nodes} }}")).1, LIMIT);
    }

    #[test]
    fn introspection_costs_what_it_returns() {
        let aliases = (0..30).map(|index| format!("a{index}: description ")).collect::<String>();
        let lists =
            (0..30).map(|index| format!("f{index}: fields {{ args {{ name }} {aliases} }} ")).collect::<String>();
        let large = format!("{{ __schema {{ types {{ {lists} }} }} }}");
        assert_eq!(refused(&large), (LIMIT + 2, LIMIT));
        let by_fragments = format!(
            "{{ __schema {{ types {{ {} }} }} }} fragment A on __Type {{ fields {{ {aliases} }} }}",
            "...A ".repeat(9)
        );
        assert_eq!(refused(&by_fragments), (LIMIT + 2, LIMIT));
        let small = "query($name: String!) { __type(name: $name) { name } }";
        assert_eq!(priced(small, json!({ "name": "Token" })), Ok(2));
        let fields = "query($name: String!) { __type(name: $name) { fields { name type { name } } } }";
        let (token, scope) = (priced(fields, json!({ "name": "Token" })), priced(fields, json!({ "name": "Scope" })));
        assert!(token.expect("a cost") > scope.expect("a cost"));
    }

    #[test]
    fn many_operations_introspect_no_more_than_a_few() {
        let operation = |index| format!("query q{index} {{ __schema {{ ...F }} }} ");
        let document = |number| {
            let operations = (0..number).map(operation).collect::<String>();
            operations + "fragment F on __Schema { types { fields { name args { name } type { name } } } }"
        };
        assert!(cost(&document(2)) > 100);
        assert_eq!(refused(&document(2_000)).1, MAX_INTROSPECTED);
    }

    /// `uses` uses of a variable whose text is `length` bytes long.
    fn copies(document: &str, uses: usize, length: usize) -> Result<u64, Refusal> {
        priced(&document.replace("USES", &"$a,".repeat(uses)), json!({ "a": "x".repeat(length) }))
    }

    #[test]
    fn the_copies_of_a_variable_are_bounded_wherever_it_is_used() {
        let list = "query($a: ID!) { nodes(ids: [USES]) { id } }";
        // Each use is the text and 64 bytes, and the list is 64 bytes.
        assert_eq!(copies(list, 1_023, 4_032), Ok(1 + 100));
        let all = MAX_ARGUMENT_SIZE - 64;
        assert_eq!(copies(list, 1, usize::try_from(all).expect("a length") - 64), Ok(1 + 1));
        let message = |result| match result {
            Err(Refusal::TooComplex { cost, limit: MAX_ARGUMENT_SIZE, message, price, .. }) => (cost, message, price),
            other => panic!("{other:?}"),
        };
        let (size, why, price) = message(copies(list, 1, usize::try_from(all).expect("a length") - 63));
        assert_eq!((size, price), (MAX_ARGUMENT_SIZE + 1, Some(1 + 1)));
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
            // Fragments and operations that are not used: the library looks at them too.
            "query($a: ID!) { viewer { id } } fragment F on User { tokens(filter: {query: [USES]}) { totalCount } }",
            "query A { viewer { id } } query B($a: ID!) { nodes(ids: [USES]) { id } }",
            "query A { nodes(ids: [USES]) { id } }",
        ] {
            assert!(copies(document, 900, 4_000).is_ok(), "{document}");
            message(copies(document, 1_100, 4_000));
        }
        // A default value, a large list, and a small value that is used for each of many rows.
        let default =
            format!("query($a: ID = \"{}\") {{ nodes(ids: [{}]) {{ id }} }}", "x".repeat(4_000), "$a,".repeat(1_100));
        message(priced(&default, json!({})));
        let large = json!({ "a": vec!["x"; 1_000] });
        message(priced(
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
    fn a_mutation_returns_at_most_two_thousand_fields() {
        let mutation =
            |grants: &str| format!("mutation {{ createToken(input: {{}}) {{ value token {{ {grants} }} }} }}");
        let grants = "grants(first: 100) { nodes { id status grantedAt organization { slug name id uuid createdAt viewerIsAdmin } } }";
        assert!(cost(&mutation(grants)) < LIMIT);
        assert_eq!(refused(&mutation(&format!("{grants} again: {grants}"))), (2_205, MAX_MUTATION_FIELDS));
        // A plain list is as long as it may be.
        let organizations = |number: usize| {
            let aliases = (0..number).map(|index| format!("a{index}: name ")).collect::<String>();
            mutation(&format!("organizations {{ {aliases} }}"))
        };
        assert!(cost(&organizations(18)) < 1_000);
        assert_eq!(refused(&organizations(19)), (4 + 100 * 20, MAX_MUTATION_FIELDS));
    }

    /// All definitions in the `.graphql` files below a folder.
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
    fn every_operation_of_the_console_fits_at_50_and_100_rows() {
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
                let cost = price(&alone, &operation.node, &variables);
                assert!(cost.is_ok(), "{name} at {rows} rows: {cost:?}");
                // With the console's pages of 50 rows also where each plain list has a hundred items.
                let fields =
                    Walk::new(&alone, &operation.node, &variables).operation(&operation.node).expect("a cost").fields;
                assert!(rows > 50 || fields <= MAX_FIELDS, "{name} at {rows} rows: {fields} fields");
            }
        }
    }

    ///
    #[test]
    fn a_fragment_bomb_is_refused_at_once() {
        for length in [14, 27, 30] {
            let mut bomb = String::from("{ ...f0 }");
            for index in 0..length {
                bomb += &format!(" fragment f{index} on Query {{ ...f{0} ...f{0} }}", index + 1);
            }
            bomb += &format!(" fragment f{length} on Query {{ viewer {{ id }} }}");
            let start = std::time::Instant::now();
            assert!(matches!(priced(&bomb, json!({})), Err(Refusal::TooComplex { .. })), "{length}");
            assert!(start.elapsed().as_millis() < 500, "it took as long as the walk that it refuses");
        }
        let mut long = String::from("{ ...f0 }");
        for index in 0..400 {
            long += &format!(" fragment f{index} on Query {{ ...f{} }}", index + 1);
        }
        assert_eq!(refused(&(long + " fragment f400 on Query { scopes { name } }")).1, DEEPEST_OF_ALL);
        let circle = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
        assert!(matches!(priced(circle, json!({})), Err(Refusal::Circle { .. })));
    }

    ///
    #[test]
    fn one_field_stands_at_most_thirty_times_in_one_selection() {
        let aliased = |number| (0..number).map(|index| format!("a{index}: id ")).collect::<String>();
        assert_eq!(cost(&format!("{{ viewer {{ {} }} }}", aliased(30))), 31);
        assert_eq!(refused(&format!("{{ viewer {{ {} }} }}", aliased(31))), (31, MOST_OF_ONE));
        assert_eq!(refused(&format!("{{ viewer {{ {} }} }}", "__typename ".repeat(101))), (101, MOST_OF_ONE));
        let spread = format!("{{ viewer {{ id ...F }} }} fragment F on User {{ {} }}", aliased(30));
        assert_eq!(refused(&spread), (31, MOST_OF_ONE));
    }

    ///
    #[test]
    fn fields_are_nested_at_most_fifteen_deep_and_the_usual_introspection_is_not_refused() {
        let nest = |levels: usize| {
            format!(
                "{{ viewer {} id {} }}",
                "{ tokens(first: 1) { nodes { owner ".repeat(levels) + "{",
                "} } }".repeat(levels) + "}"
            )
        };
        assert!(priced(&nest(4), json!({})).is_ok());
        assert_eq!(refused(&nest(5)), (16, DEEPEST), "told at the first level that is too deep, counted from below");
        let usual = include_str!("introspection.graphql");
        assert!((1_000..5_000).contains(&cost(usual)), "{}", cost(usual));
        let deep = "{ __schema { types { fields { args { type { fields { name } } } } } } }";
        assert_eq!(refused(deep), (4, MOST_INTROSPECTION_LISTS));
    }

    ///
    #[test]
    fn directives_have_a_price() {
        assert_eq!(refused(&format!("{{ viewer {{ id {} }} }}", "@skip(if: false) ".repeat(10_000))).1, LIMIT);
    }

    #[test]
    fn operations_and_fragments_that_are_not_chosen_are_held_to_the_limits() {
        let aliased: String = (0..31).map(|index| format!("a{index}: viewer {{ id }} ")).collect();
        assert_eq!(refused(&format!("query a {{ viewer {{ id }} }} query b {{ {aliased} }}")), (31, MOST_OF_ONE));
        assert_eq!(refused(&format!("{{ viewer {{ id }} }} fragment F on Query {{ {aliased} }}")), (31, MOST_OF_ONE));
    }

    ///
    #[test]
    fn many_operations_may_not_each_spread_the_same_long_fragment() {
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
        assert_eq!(refused(&document(2_000)).1, LONGEST_WRITTEN_OUT);
    }

    /// The same price by writing every fragment out: exponential, and obviously right.
    fn naive(document: &ExecutableDocument, selection: &SelectionSet, on: &str) -> u64 {
        selection.items.iter().fold(0, |sum, item| {
            sum + match &item.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.as_str();
                    let of = schema_index::field(on, name).map_or(String::new(), |field| base(&field.of).to_string());
                    let times = match name {
                        "tokens" => 3,
                        "scopes" | "organizations" if of == "Scope" || of == "Organization" => 10,
                        _ => 1,
                    };
                    let own = if name == "tokens" { STATEMENT } else { 1 };
                    own + times * naive(document, &field.node.selection_set.node, &of)
                }
                Selection::InlineFragment(inline) => naive(document, &inline.node.selection_set.node, on),
                Selection::FragmentSpread(spread) => {
                    let fragment = &document.fragments[&spread.node.fragment_name.node].node;
                    naive(document, &fragment.selection_set.node, &fragment.type_condition.node.on.node)
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
        fn the_price_is_that_of_the_document_with_every_fragment_written_out(
            own in fields(), first in fields(), second in fields(), third in fields(),
        ) {
            let query = format!(
                "{{ viewer {{ tokens(first: 3) {{ nodes {{ {own} ...A ...B ...A }} }} }} }} \
                 fragment A on Token {{ {first} ...B ...C }} fragment B on Token {{ {second} ...C ...C }} fragment C on Token {{ {third} }}"
            );
            let document = parse_query(&query).expect("a document");
            let DocumentOperations::Single(only) = &document.operations else { panic!("one operation") };
            let expected = naive(&document, &only.node.selection_set.node, "Query");
            match priced(&query, json!({})) {
                Ok(price) => prop_assert_eq!(price, expected),
                Err(Refusal::TooComplex { cost, limit: LIMIT, .. }) => prop_assert!(expected >= cost && cost > LIMIT),
                Err(Refusal::TooComplex { .. }) => {}
                Err(other) => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
