//! Sorts the keys of a response by the selections: the library returns fields in the order of their completion.
//!
//! It can go as soon as async-graphql keeps the order of the selection.

use super::request::Document;
use async_graphql::{
    Name, Value,
    indexmap::IndexMap,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};
use std::collections::HashSet;

/// Sorts the keys of the whole response.
pub(super) fn arrange(data: &mut Value, document: &Document) {
    if let Some(operation) = document.chosen() {
        sort(data, &[&operation.selection_set.node], &document.parsed);
    }
}

fn sort(value: &mut Value, selections: &[&SelectionSet], document: &ExecutableDocument) {
    match value {
        Value::List(items) => items.iter_mut().for_each(|item| sort(item, selections, document)),
        Value::Object(fields) => {
            let mut order = Order::default();
            for selection in selections {
                order.read(selection, document);
            }
            let mut sorted = IndexMap::with_capacity(fields.len());
            for (key, subselections) in order.keys {
                if let Some(mut field) = fields.swap_remove(&key) {
                    sort(&mut field, &subselections, document);
                    sorted.insert(key, field);
                }
            }
            // Keys that no selection names are kept at the end.
            sorted.append(fields);
            *fields = sorted;
        }
        _ => {}
    }
}

#[derive(Default)]
struct Order<'document> {
    keys: IndexMap<Name, Vec<&'document SelectionSet>>,
    /// The fragments that were already read.
    spread: HashSet<&'document str>,
}

impl<'document> Order<'document> {
    fn read(&mut self, selection: &'document SelectionSet, document: &'document ExecutableDocument) {
        for item in &selection.items {
            match &item.node {
                Selection::Field(field) => {
                    let subselections = self.keys.entry(field.node.response_key().node.clone()).or_default();
                    let set = &field.node.selection_set.node;
                    if !set.items.is_empty() {
                        subselections.push(set);
                    }
                }
                Selection::InlineFragment(fragment) => self.read(&fragment.node.selection_set.node, document),
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = document.fragments.get(name)
                        && self.spread.insert(name)
                    {
                        self.read(&fragment.node.selection_set.node, document);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arranged(query: &str, data: &str) -> String {
        let parsed = async_graphql::parser::parse_query(query).expect("a document");
        let mut data = Value::from_json(serde_json::from_str(data).expect("JSON")).expect("a value");
        arrange(&mut data, &Document { parsed, operation: None });
        data.to_string()
    }

    #[test]
    fn keys_are_in_the_order_of_the_selections() {
        let query = "{ a: x b { d c ...F } ...on Query { e } z { k } z { j } } fragment F on T { g ...F h }";
        let data = r#"{"z":[{"j":1,"k":2}],"e":1,"b":{"h":1,"c":2,"g":3,"d":4},"a":1}"#;
        assert_eq!(arranged(query, data), "{a: 1, b: {d: 4, c: 2, g: 3, h: 1}, e: 1, z: [{k: 2, j: 1}]}");
    }
}
