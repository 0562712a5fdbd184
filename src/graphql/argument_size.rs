//! Computes the size of argument values with all variables substituted, since the library copies a variable at each use.

use async_graphql::{
    Name, Positioned, Value, Variables,
    parser::types::{Directive, Field, OperationDefinition},
};
use std::{collections::HashMap, convert::Infallible};

/// The bytes that a value takes in addition to its text.
const VALUE_OVERHEAD: u64 = 64;

/// The sizes of the variables of a request, each computed once.
pub(super) struct Sizes(HashMap<Name, u64>);

impl Sizes {
    pub(super) fn new(chosen: &OperationDefinition, variables: &Variables) -> Self {
        let defaults = chosen.variable_definitions.iter().filter_map(|definition| {
            let default = definition.node.default_value.as_ref()?;
            Some((definition.node.name.node.clone(), size(&default.node)))
        });
        let given = variables.iter().map(|(name, value)| (name.clone(), size(value)));
        Self(defaults.chain(given).collect())
    }

    /// Returns the size of the arguments of a field and of its directives, in bytes.
    pub(super) fn of_field(&self, field: &Field) -> u64 {
        let arguments = field
            .arguments
            .iter()
            .map(|(_, value)| self.expanded_size(|variable| value.node.clone().into_const_with(variable)));
        sum(arguments).saturating_add(self.of_directives(&field.directives))
    }

    /// Returns the size of the arguments of directives, in bytes.
    pub(super) fn of_directives(&self, directives: &[Positioned<Directive>]) -> u64 {
        sum(directives
            .iter()
            .flat_map(|directive| &directive.node.arguments)
            .map(|(_, value)| self.expanded_size(|variable| value.node.clone().into_const_with(variable))))
    }

    /// Returns the size of the value that `convert` creates with `null` for each variable, plus that of the variables.
    fn expanded_size(
        &self,
        convert: impl FnOnce(&mut dyn FnMut(Name) -> Result<Value, Infallible>) -> Result<Value, Infallible>,
    ) -> u64 {
        let mut copies = 0_u64;
        let Ok(literal) = convert(&mut |name| {
            let copy = self.0.get(&name).copied().unwrap_or_default();
            copies = copies.saturating_add(copy.saturating_sub(VALUE_OVERHEAD));
            Ok(Value::Null)
        });
        size(&literal).saturating_add(copies)
    }
}

fn size(value: &Value) -> u64 {
    let inner = match value {
        Value::String(text) => bytes(text),
        Value::Enum(name) => bytes(name),
        Value::List(items) => sum(items.iter().map(size)),
        Value::Object(fields) => sum(fields.iter().map(|(name, value)| bytes(name).saturating_add(size(value)))),
        Value::Binary(_) | Value::Null | Value::Boolean(_) | Value::Number(_) => 0,
    };
    inner.saturating_add(VALUE_OVERHEAD)
}

fn bytes(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

fn sum(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(0, u64::saturating_add)
}
