//! An index of the types of the schema, built once from its SDL, for the checks before a document runs.

use async_graphql::{
    Name, Positioned,
    indexmap::IndexMap,
    parser::types::{BaseType, InputValueDefinition, OperationType, Type, TypeKind, TypeSystemDefinition},
};
use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

/// A type of the schema. Introspection types are not included.
pub(super) enum Kind {
    /// An object or an interface.
    Fields(HashMap<Name, Field>),
    /// An input object.
    Input(IndexMap<Name, InputValue>),
    /// An enum with its values.
    Enum(HashSet<Name>),
    /// A scalar.
    Scalar,
}

/// A field of an object or an interface.
pub(super) struct Field {
    pub(super) ty: Type,
    pub(super) arguments: IndexMap<Name, InputValue>,
}

/// An argument, or a field of an input object.
pub(super) struct InputValue {
    pub(super) ty: Type,
    pub(super) has_default: bool,
}

impl InputValue {
    pub(super) fn is_required(&self) -> bool {
        !self.ty.nullable && !self.has_default
    }
}

/// Returns the name of the root type of an operation.
pub(super) const fn root(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

static SCHEMA_INDEX: LazyLock<HashMap<Name, Kind>> = LazyLock::new(|| {
    let built_in = ["Int", "Float", "String", "Boolean", "ID"].map(|name| (Name::new(name), Kind::Scalar));
    let document = async_graphql::parser::parse_schema(super::sdl());
    let definitions = document.map(|document| document.definitions).unwrap_or_default();
    built_in.into_iter().chain(definitions.into_iter().filter_map(kind_of)).collect()
});

fn kind_of(definition: TypeSystemDefinition) -> Option<(Name, Kind)> {
    let TypeSystemDefinition::Type(definition) = definition else { return None };
    let fields = |fields: Vec<Positioned<async_graphql::parser::types::FieldDefinition>>| {
        let field = |field: Positioned<async_graphql::parser::types::FieldDefinition>| {
            (field.node.name.node, Field { ty: field.node.ty.node, arguments: input_values(field.node.arguments) })
        };
        Kind::Fields(fields.into_iter().map(field).collect())
    };
    let kind = match definition.node.kind {
        TypeKind::Object(object) => fields(object.fields),
        TypeKind::Interface(interface) => fields(interface.fields),
        TypeKind::InputObject(input) => Kind::Input(input_values(input.fields)),
        TypeKind::Enum(values) => Kind::Enum(values.values.into_iter().map(|value| value.node.value.node).collect()),
        TypeKind::Scalar => Kind::Scalar,
        TypeKind::Union(_) => Kind::Fields(HashMap::new()),
    };
    Some((definition.node.name.node, kind))
}

fn input_values(definitions: Vec<Positioned<InputValueDefinition>>) -> IndexMap<Name, InputValue> {
    let input_value = |definition: Positioned<InputValueDefinition>| {
        let definition = definition.node;
        let input_value = InputValue { ty: definition.ty.node, has_default: definition.default_value.is_some() };
        (definition.name.node, input_value)
    };
    definitions.into_iter().map(input_value).collect()
}

/// Returns the type with a name.
pub(super) fn kind(name: &str) -> Option<&'static Kind> {
    SCHEMA_INDEX.get(name)
}

/// Returns a field of the type with the name `on`.
pub(super) fn field(on: &str, name: &str) -> Option<&'static Field> {
    match kind(on)? {
        Kind::Fields(fields) => fields.get(name),
        _ => None,
    }
}

/// Returns the name of a type without its lists.
pub(super) fn base(ty: &Type) -> &Name {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => base(inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_contains_all_kinds_of_types_and_no_unknown_name() {
        assert!(matches!(kind("Query"), Some(Kind::Fields(fields)) if fields.contains_key("viewer")));
        assert!(matches!(kind("Node"), Some(Kind::Fields(fields)) if fields.len() == 1));
        assert!(matches!(kind("TokenStatus"), Some(Kind::Enum(values)) if values.len() == 3));
        assert!(matches!(kind("DateTime"), Some(Kind::Scalar)) && matches!(kind("Int"), Some(Kind::Scalar)));
        let Some(Kind::Input(input)) = kind("CreateTokenInput") else { panic!("an input") };
        assert!(input["description"].is_required() && !input["expiresAt"].is_required());
        assert!(kind("Nothing").is_none() && field("Query", "nothing").is_none() && field("Int", "x").is_none());
        assert_eq!(base(&field("Query", "nodes").expect("a field").ty).as_str(), "Node");
    }
}
