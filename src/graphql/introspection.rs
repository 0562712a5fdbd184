//! Counts the fields that introspection returns before it runs. The lengths of all lists of the schema are known.

use async_graphql::{
    Name,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};
use serde_json::Value;
use std::{
    collections::HashMap,
    pin::pin,
    sync::LazyLock,
    task::{Context, Poll, Waker},
};

/// Selects all objects that introspection can return. Of a reference to a named type, only the name is needed.
const EVERYTHING: &str = "
    { __schema {
        queryType { kind name } mutationType { kind name } subscriptionType { kind name }
        types {
            kind name
            fields(includeDeprecated: true) { name args(includeDeprecated: true) { ...Value } type { ...Type } }
            interfaces { kind name } possibleTypes { kind name } enumValues(includeDeprecated: true) { name }
            inputFields(includeDeprecated: true) { ...Value }
        }
        directives { name args(includeDeprecated: true) { ...Value } }
    } }
    fragment Value on __InputValue { name type { ...Type } }
    fragment Type on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }";

/// The objects of introspection and the references between them.
struct Graph {
    nodes: Vec<Node>,
    types: HashMap<String, usize>,
    schema: usize,
}

#[derive(Default)]
struct Node {
    objects: HashMap<String, usize>,
    lists: HashMap<String, Vec<usize>>,
}

/// The maximum number of polls. Introspection never waits, it only yields.
const MAX_POLLS: usize = 100_000;

static GRAPH: LazyLock<Option<Graph>> = LazyLock::new(|| {
    let schema = super::schema();
    let mut work = pin!(schema.execute(EVERYTHING));
    let mut task = Context::from_waker(Waker::noop());
    let response = (0..MAX_POLLS).find_map(|_| match work.as_mut().poll(&mut task) {
        Poll::Ready(response) => Some(response),
        Poll::Pending => None,
    })?;
    let data = response.data.into_json().unwrap_or_default();
    let mut graph = Graph { nodes: Vec::new(), types: HashMap::new(), schema: 0 };
    let types = data.pointer("/__schema/types").and_then(Value::as_array).into_iter().flatten();
    for name in types.filter_map(|definition| definition.get("name")?.as_str()) {
        graph.types.insert(name.to_owned(), graph.nodes.len());
        graph.nodes.push(Node::default());
    }
    graph.schema = graph.add(data.get("__schema")?);
    Some(graph)
});

impl Graph {
    /// Adds an object and all objects below it. A reference to a named type resolves to the type itself.
    fn add(&mut self, object: &Value) -> usize {
        let named = object.get("kind").and_then(|_| self.types.get(object.get("name")?.as_str()?)).copied();
        match named {
            Some(named) if object.get("fields").is_none() => return named,
            _ => {}
        }
        let mut node = Node::default();
        for (key, value) in object.as_object().into_iter().flatten() {
            match value {
                Value::Object(_) => {
                    let below = self.add(value);
                    node.objects.insert(key.clone(), below);
                }
                Value::Array(items) => {
                    let below = items.iter().map(|item| self.add(item)).collect();
                    node.lists.insert(key.clone(), below);
                }
                _ => {}
            }
        }
        let index = named.unwrap_or(self.nodes.len());
        match self.nodes.get_mut(index) {
            Some(defined) => *defined = node,
            None => self.nodes.push(node),
        }
        index
    }
}

/// Returns the number of fields that `__schema { … }` returns, or `__type(name: …) { … }` if a name is given, as if every
/// fragment and directive applied. Stops counting at `limit + 1`. The fragments must not contain a cycle.
pub(super) fn returned_fields(
    document: &ExecutableDocument,
    selection: &SelectionSet,
    type_name: Option<&str>,
    limit: u64,
) -> u64 {
    // If the fields cannot be counted, the document is rejected.
    let Some(graph) = &*GRAPH else { return limit.saturating_add(1) };
    let root = match type_name {
        Some(name) => graph.types.get(name).copied(),
        None => Some(graph.schema),
    };
    let mut count = Count { document, graph, limit, fields: 1 };
    if let Some(root) = root {
        count.selection(selection, root);
    }
    count.fields.min(limit.saturating_add(1))
}

struct Count<'document> {
    document: &'document ExecutableDocument,
    graph: &'static Graph,
    limit: u64,
    fields: u64,
}

impl Count<'_> {
    fn selection(&mut self, selection: &SelectionSet, node: usize) {
        for item in &selection.items {
            // Spreads and inline fragments count too, so that the count limits the time.
            self.fields += 1;
            if self.fields > self.limit {
                return;
            }
            match &item.node {
                Selection::Field(field) => self.field(&field.node.name.node, &field.node.selection_set.node, node),
                Selection::InlineFragment(inline) => self.selection(&inline.node.selection_set.node, node),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) {
                        self.selection(&fragment.node.selection_set.node, node);
                    }
                }
            }
        }
    }

    fn field(&mut self, name: &Name, below: &SelectionSet, node: usize) {
        let graph = self.graph;
        let Some(node) = graph.nodes.get(node) else { return };
        let object = node.objects.get(name.as_str());
        let list = node.lists.get(name.as_str()).into_iter().flatten();
        for next in object.into_iter().chain(list) {
            self.selection(below, *next);
        }
    }
}

#[cfg(test)]
#[expect(clippy::format_collect, reason = "short code that builds documents")]
mod tests {
    use super::*;
    use async_graphql::parser::{parse_query, types::DocumentOperations};

    fn counted(query: &str, type_name: Option<&str>) -> u64 {
        let document = parse_query(query).expect("a document");
        let DocumentOperations::Single(operation) = &document.operations else { panic!("one operation") };
        let Selection::Field(root) = &operation.node.selection_set.node.items[0].node else { panic!("a field") };
        returned_fields(&document, &root.node.selection_set.node, type_name, 1_000_000)
    }

    fn fields(value: &Value) -> u64 {
        match value {
            Value::Object(object) => object.values().map(|value| 1 + fields(value)).sum(),
            Value::Array(items) => items.iter().map(fields).sum(),
            _ => 0,
        }
    }

    #[tokio::test]
    async fn count_equals_the_fields_of_the_response() {
        for (query, name) in [
            ("{ __schema { types { kind name description } } }", None),
            (
                "{ __schema { types { fields(includeDeprecated: true) { args(includeDeprecated: true) { name } } } } }",
                None,
            ),
            (
                "{ __schema { types { possibleTypes { fields(includeDeprecated: true) { name type { name ofType { name ofType { kind } } } } } } } }",
                None,
            ),
            (
                "{ __schema { queryType { name fields(includeDeprecated: true) { type { ofType { fields(includeDeprecated: true) { name } } } } } } }",
                None,
            ),
            (
                "{ __schema { directives { name locations args(includeDeprecated: true) { type { kind ofType { kind } } } } mutationType { kind } } }",
                None,
            ),
            (
                "{ __schema { types { enumValues(includeDeprecated: true) { name isDeprecated } inputFields(includeDeprecated: true) { name defaultValue } interfaces { name } } } }",
                None,
            ),
            (
                "{ __type(name: \"Token\") { name fields(includeDeprecated: true) { name type { name kind } } } }",
                Some("Token"),
            ),
            ("{ __type(name: \"__Type\") { name fields(includeDeprecated: true) { name } } }", Some("__Type")),
            ("{ __type(name: \"Nothing\") { name } }", Some("Nothing")),
        ] {
            let response = super::super::schema().execute(query).await;
            assert_eq!(response.errors, [], "{query}");
            assert_eq!(counted(query, name), fields(&response.data.into_json().expect("JSON")), "{query}");
        }
    }

    #[test]
    fn counting_stops_at_the_limit() {
        let aliases = (0..30).map(|index| format!("a{index}: description ")).collect::<String>();
        let query = format!("{{ __schema {{ types {{ fields {{ args {{ {aliases} }} {aliases} }} {aliases} }} }} }}");
        let document = parse_query(&query).expect("a document");
        let DocumentOperations::Single(operation) = &document.operations else { panic!("one operation") };
        let Selection::Field(root) = &operation.node.selection_set.node.items[0].node else { panic!("a field") };
        assert_eq!(returned_fields(&document, &root.node.selection_set.node, None, 5_000), 5_001);
        assert!(counted(&query, None) > 10_000);
    }
}
