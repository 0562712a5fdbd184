//! The types, fields and arguments of the GraphQL schema, by introspection, for tests that cover all of them.

use super::client::Client;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The result of an introspection query.
pub(crate) struct Schema {
    types: BTreeMap<String, Value>,
}

impl Schema {
    pub(crate) async fn of(client: &Client<'_>) -> Self {
        let data = client.query(include_str!("../../../src/graphql/introspection.graphql"), json!({})).await;
        let types = data["__schema"]["types"].as_array().unwrap().iter();
        Self { types: types.map(|each| (name(each).to_owned(), each.clone())).collect() }
    }

    /// Returns the kind of a type: `OBJECT`, `INPUT_OBJECT`, `ENUM` and so on.
    pub(crate) fn kind(&self, of: &str) -> &str {
        self.types[of]["kind"].as_str().unwrap()
    }

    /// Returns the names of the object types, without those of introspection.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &str> {
        self.types.keys().map(String::as_str).filter(|of| self.kind(of) == "OBJECT" && !of.starts_with("__"))
    }

    /// Returns the fields of an object or interface type.
    pub(crate) fn fields(&self, of: &str) -> &[Value] {
        list(&self.types[of]["fields"])
    }

    /// Returns the fields of an input type.
    pub(crate) fn inputs(&self, of: &str) -> &[Value] {
        list(&self.types[of]["inputFields"])
    }

    /// Returns the values of an enum.
    pub(crate) fn values(&self, of: &str) -> &[Value] {
        list(&self.types[of]["enumValues"])
    }

    /// Returns the first value of an enum.
    pub(crate) fn first_value(&self, of: &str) -> &str {
        name(&self.values(of)[0])
    }

    /// Adds an optional field to an input type, for tests of tests.
    pub(crate) fn add_input(&mut self, to: &str, name: &str, of: &str) {
        let field = json!({ "name": name, "type": { "kind": "SCALAR", "name": of }, "defaultValue": null });
        self.types.get_mut(to).unwrap()["inputFields"].as_array_mut().unwrap().push(field);
    }

    /// Returns the object types that implement an interface.
    pub(crate) fn possible(&self, of: &str) -> &[Value] {
        list(&self.types[of]["possibleTypes"])
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Returns the name of a type, field or argument.
pub(crate) fn name(of: &Value) -> &str {
    of["name"].as_str().unwrap()
}

/// Returns the arguments of a field.
pub(crate) fn arguments(field: &Value) -> &[Value] {
    list(&field["args"])
}

/// Returns the name of a type without lists and non-null marks.
pub(crate) fn base(of: &Value) -> &str {
    of["name"].as_str().unwrap_or_else(|| base(&of["ofType"]))
}

/// Returns a type as a document writes it: `[ID!]!`.
pub(crate) fn written(of: &Value) -> String {
    match of["kind"].as_str().unwrap() {
        "NON_NULL" => format!("{}!", written(&of["ofType"])),
        "LIST" => format!("[{}]", written(&of["ofType"])),
        _ => name(of).to_owned(),
    }
}

/// Returns whether the type of an argument is non-null.
pub(crate) fn is_required(argument: &Value) -> bool {
    argument["type"]["kind"] == "NON_NULL"
}
