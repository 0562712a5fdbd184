//! Which types, fields and arguments does the service say that it has? For tests that leave none of them out.

use super::client::Client;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What introspection tells.
pub(crate) struct Schema {
    types: BTreeMap<String, Value>,
}

impl Schema {
    pub(crate) async fn of(client: &Client<'_>) -> Self {
        let told = client.ask(include_str!("../../../src/graphql/introspection.graphql"), json!({})).await;
        let types = told["__schema"]["types"].as_array().unwrap().iter();
        Self { types: types.map(|told| (name(told).to_owned(), told.clone())).collect() }
    }

    /// `OBJECT`, `INPUT_OBJECT`, `ENUM` and so on.
    pub(crate) fn kind(&self, of: &str) -> &str {
        self.types[of]["kind"].as_str().unwrap()
    }

    /// The object types, without those of introspection itself.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &str> {
        self.types.keys().map(String::as_str).filter(|of| self.kind(of) == "OBJECT" && !of.starts_with("__"))
    }

    /// The fields of an object or an interface.
    pub(crate) fn fields(&self, of: &str) -> &[Value] {
        list(&self.types[of]["fields"])
    }

    /// The fields of an input.
    pub(crate) fn inputs(&self, of: &str) -> &[Value] {
        list(&self.types[of]["inputFields"])
    }

    /// The values of an enum.
    pub(crate) fn values(&self, of: &str) -> &[Value] {
        list(&self.types[of]["enumValues"])
    }

    /// The first value of an enum.
    pub(crate) fn first_value(&self, of: &str) -> &str {
        name(&self.values(of)[0])
    }

    /// Adds an optional field to an input, for tests of tests.
    pub(crate) fn add_input(&mut self, to: &str, name: &str, of: &str) {
        let field = json!({ "name": name, "type": { "kind": "SCALAR", "name": of }, "defaultValue": null });
        self.types.get_mut(to).unwrap()["inputFields"].as_array_mut().unwrap().push(field);
    }

    /// The object types that stand behind an interface.
    pub(crate) fn possible(&self, of: &str) -> &[Value] {
        list(&self.types[of]["possibleTypes"])
    }
}

fn list(told: &Value) -> &[Value] {
    told.as_array().map_or(&[], Vec::as_slice)
}

/// What a type, a field or an argument is called.
pub(crate) fn name(told: &Value) -> &str {
    told["name"].as_str().unwrap()
}

/// The arguments of a field.
pub(crate) fn arguments(field: &Value) -> &[Value] {
    list(&field["args"])
}

/// A type without its lists and exclamation marks.
pub(crate) fn base(of: &Value) -> &str {
    of["name"].as_str().unwrap_or_else(|| base(&of["ofType"]))
}

/// A type as a document writes it: `[ID!]!`.
pub(crate) fn written(of: &Value) -> String {
    match of["kind"].as_str().unwrap() {
        "NON_NULL" => format!("{}!", written(&of["ofType"])),
        "LIST" => format!("[{}]", written(&of["ofType"])),
        _ => name(of).to_owned(),
    }
}

/// Whether something must be said.
pub(crate) fn is_required(argument: &Value) -> bool {
    argument["type"]["kind"] == "NON_NULL"
}
