//! Checks that every value in a document and its variables has the type that the schema requires, before the document runs.
//! The messages never repeat a value.

use super::{
    error::to_graphql_error,
    schema_index::{self, InputValue, Kind, base, root},
};
use crate::domain::{
    error::Error,
    redact::contains_token,
    secret::Prefix,
    time::{self, Time},
};
use async_graphql::{
    Name, Pos, Positioned, ServerError, Value, Variables,
    indexmap::IndexMap,
    parser::types::{
        BaseType, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet, Type,
        VariableDefinition,
    },
};
use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
};

/// The maximum number of errors that are returned for a document.
pub(super) const MAX_ERRORS: usize = 5;
/// The maximum number of values in a list: more than any catalogue has scopes.
const MAX_ITEMS: usize = 500;

/// Returns the invalid values of a document and of the variables of the chosen operation; none if all are valid. A text of a
/// mutation that contains a token value is invalid, since it would be stored, shown and sent by email.
pub fn invalid_values(
    document: &ExecutableDocument,
    chosen: &OperationDefinition,
    variables: &Variables,
    prefix: &Prefix,
) -> Vec<ServerError> {
    let mut walk = Walk {
        document,
        forbidden: (chosen.ty == OperationType::Mutation).then_some(prefix),
        provided: Some(variables),
        uses: HashMap::new(),
        defined: HashMap::new(),
        seen: HashSet::new(),
        errors: Vec::new(),
    };
    walk.operation(chosen);
    // The variables belong to the chosen operation only.
    walk.provided = None;
    for (_, other) in document.operations.iter().filter(|(_, other)| !std::ptr::eq(&raw const other.node, chosen)) {
        walk.operation(&other.node);
    }
    for name in document.fragments.keys() {
        walk.fragment(name);
    }
    walk.errors.truncate(MAX_ERRORS);
    walk.errors
}

/// Checks a value in JSON of the input type `of`, or null. `field` is the start of the path in errors.
pub(super) fn check_input(ty: &str, field: &'static str, value: &Value) -> Result<(), Error> {
    let bug = || Error::Bug("a type that is none".into());
    let (defined, mut uses) = (HashMap::new(), HashMap::new());
    let path = vec![Step::Key(field)];
    let mut validator =
        ValueValidator { is_json: true, forbidden: None, provided: None, defined: &defined, path, uses: &mut uses };
    let result = validator.check(&Type::new(ty).ok_or_else(bug)?, value);
    result.map_err(|message| Error::invalid(validator.path(), message))
}

struct Walk<'document> {
    document: &'document ExecutableDocument,
    /// The prefix of token values that no text may contain.
    forbidden: Option<&'document Prefix>,
    provided: Option<&'document Variables>,
    /// The variables of the current operation.
    defined: HashMap<&'document Name, &'document VariableDefinition>,
    /// The path of the first use of each variable.
    uses: HashMap<Name, String>,
    seen: HashSet<&'document str>,
    errors: Vec<ServerError>,
}

/// A value with its required type and its location.
struct LocatedValue<'walk> {
    value: &'walk Value,
    ty: &'walk Type,
    path: &'walk str,
    position: Pos,
    /// Whether the value is JSON, in which enum values are strings.
    is_json: bool,
}

impl<'document> Walk<'document> {
    fn operation(&mut self, operation: &'document OperationDefinition) {
        let definitions = operation.variable_definitions.iter().map(|definition| &definition.node);
        self.defined = definitions.map(|definition| (&definition.name.node, definition)).collect();
        self.selection(&operation.selection_set, root(operation.ty));
        for definition in &operation.variable_definitions {
            let (name, position) = (&definition.node.name.node, definition.pos);
            let ty = &definition.node.var_type.node;
            let path = self.uses.remove(name).unwrap_or_else(|| "variables".into());
            match schema_index::kind(base(ty)) {
                None => self.report(position, &path, "A variable is of a type that the schema does not have."),
                Some(Kind::Fields(_)) => self.report(position, &path, "The type of a variable is not an input type."),
                Some(_) => {
                    let default = definition.node.default_value.as_ref().map(|default| &default.node);
                    let provided = self.provided.and_then(|provided| provided.get(name));
                    if let Some(value) = default {
                        self.value(&LocatedValue { value, ty, path: &path, position, is_json: false });
                    }
                    if let Some(value) = provided {
                        self.value(&LocatedValue { value, ty, path: &path, position, is_json: true });
                    }
                    if self.provided.is_some() && provided.or(default).is_none() && !ty.nullable {
                        self.report(position, &path, &format!("A variable of the type {ty} is missing."));
                    }
                }
            }
        }
    }

    fn fragment(&mut self, name: &'document Name) {
        let document = self.document;
        if let Some(fragment) = document.fragments.get(name)
            && self.seen.insert(name)
        {
            self.selection(&fragment.node.selection_set, &fragment.node.type_condition.node.on.node);
        }
    }

    fn selection(&mut self, selection: &'document Positioned<SelectionSet>, on: &str) {
        for item in &selection.node.items {
            if self.errors.len() >= MAX_ERRORS {
                return;
            }
            match &item.node {
                Selection::Field(field) => self.field(field, on),
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let on = condition.map_or(on, |condition| condition.node.on.node.as_str());
                    self.selection(&inline.node.selection_set, on);
                }
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
            }
        }
    }

    fn field(&mut self, field: &'document Positioned<Field>, on: &str) {
        // The library reports unknown fields and validates introspection.
        let definition = schema_index::field(on, &field.node.name.node);
        if let Some(definition) = definition {
            self.arguments(field, &definition.arguments);
        }
        self.selection(&field.node.selection_set, definition.map_or("", |definition| base(&definition.ty).as_str()));
    }

    fn arguments(&mut self, field: &'document Positioned<Field>, definitions: &'static IndexMap<Name, InputValue>) {
        for (name, value) in &field.node.arguments {
            let Some((path, definition)) = definitions.get_key_value(&name.node) else {
                self.report(name.pos, "", "This field has no such argument.");
                continue;
            };
            let Ok(literal) = value.node.clone().into_const_with(|name| Ok::<_, Infallible>(placeholder(&name)));
            self.value(&LocatedValue {
                value: &literal,
                ty: &definition.ty,
                path,
                position: value.pos,
                is_json: false,
            });
        }
        for (name, _) in definitions.iter().filter(|(_, definition)| definition.is_required()) {
            if field.node.get_argument(name).is_none() {
                self.report(field.pos, name, &format!("The argument {name} is missing."));
            }
        }
    }

    fn value(&mut self, located: &LocatedValue<'_>) {
        let mut validator = ValueValidator {
            is_json: located.is_json,
            forbidden: self.forbidden,
            provided: self.provided,
            defined: &self.defined,
            path: vec![Step::Key(located.path)],
            uses: &mut self.uses,
        };
        if let Err(message) = validator.check(located.ty, located.value) {
            let path = validator.path();
            self.report(located.position, &path, &message);
        }
    }

    fn report(&mut self, position: Pos, path: &str, message: &str) {
        let mut error = to_graphql_error(Error::invalid(path.to_owned(), message)).into_server_error(position);
        if let Some(extensions) = error.extensions.as_mut().filter(|_| path.is_empty()) {
            extensions.unset("field");
        }
        self.errors.push(error);
    }
}

/// Represents a variable within a literal as bytes, which neither a document nor JSON can contain.
fn placeholder(variable: &Name) -> Value {
    Value::Binary(variable.as_str().to_owned().into())
}

struct ValueValidator<'walk> {
    is_json: bool,
    forbidden: Option<&'walk Prefix>,
    provided: Option<&'walk Variables>,
    defined: &'walk HashMap<&'walk Name, &'walk VariableDefinition>,
    /// The path of the current value; after an error, of the invalid value.
    path: Vec<Step<'walk>>,
    uses: &'walk mut HashMap<Name, String>,
}

enum Step<'walk> {
    Key(&'walk str),
    Index(usize),
}

impl ValueValidator<'_> {
    fn check(&mut self, ty: &Type, value: &Value) -> Result<(), String> {
        match (value, &ty.base) {
            (Value::Binary(name), _) => self.variable(ty, &String::from_utf8_lossy(name)),
            (Value::Null, _) if ty.nullable => Ok(()),
            (Value::Null, _) => Err(format!("Expected a value of the type {ty}, not null.")),
            (Value::List(items), BaseType::List(_)) if items.len() > MAX_ITEMS => {
                Err(format!("The list has too many values; write at most {MAX_ITEMS}."))
            }
            (Value::List(items), BaseType::List(ty)) => items
                .iter()
                .enumerate()
                .try_for_each(|(index, item)| self.below(Step::Index(index), |validator| validator.check(ty, item))),
            // A single value is accepted as a list of one.
            (_, BaseType::List(ty)) => self.check(ty, value),
            (_, BaseType::Named(name)) => self.check_named(name, value),
        }
    }
    fn check_named(&mut self, name: &Name, value: &Value) -> Result<(), String> {
        match (schema_index::kind(name), value) {
            (Some(Kind::Input(fields)), Value::Object(provided)) => self.check_input(name, fields, provided),
            (Some(Kind::Input(_)), _) => Err(format!("Expected an object of the type {name}.")),
            (Some(Kind::Enum(values)), Value::Enum(value)) if values.contains(value) => Ok(()),
            (Some(Kind::Enum(values)), Value::String(value)) if self.is_json && values.contains(value.as_str()) => {
                Ok(())
            }
            (Some(Kind::Enum(_)), _) => Err(format!("This is not a value of {name}.")),
            (Some(Kind::Scalar), Value::String(text))
                if name == "String" && self.forbidden.is_some_and(|prefix| contains_token(prefix, text)) =>
            {
                Err("The text contains a token value, which would be stored; leave it out.".into())
            }
            (Some(Kind::Scalar), value) => check_scalar(name, value),
            // A type that is not an input type was reported at the definition of the variable.
            _ => Ok(()),
        }
    }

    fn check_input(
        &mut self,
        name: &Name,
        fields: &'static IndexMap<Name, InputValue>,
        provided: &IndexMap<Name, Value>,
    ) -> Result<(), String> {
        if provided.keys().any(|key| !fields.contains_key(key)) {
            return Err(format!("{name} has no field with this name."));
        }
        fields.iter().try_for_each(|(key, definition)| {
            self.below(Step::Key(key), |validator| match provided.get(key) {
                Some(value) => validator.check(&definition.ty, value),
                None if definition.is_required() => Err(format!("{name}.{key} is missing.")),
                None => Ok(()),
            })
        })
    }

    fn variable(&mut self, ty: &Type, name: &str) -> Result<(), String> {
        let (path, name) = (self.path(), &Name::new(name));
        self.uses.entry(name.clone()).or_insert(path);
        // An unknown type of a variable was reported at its definition.
        let defined = self.defined.get(name).filter(|definition| is_input(&definition.var_type.node));
        if defined
            .is_some_and(|definition| !is_assignable(&definition.var_type.node, definition.default_value.is_some(), ty))
        {
            return Err(format!("The variable does not match the type {ty} of its position."));
        }
        match self.provided.and_then(|provided| provided.get(name)) {
            Some(Value::Null) if !ty.nullable => {
                Err(format!("Expected a value of the type {ty}, but the variable is null."))
            }
            _ => Ok(()),
        }
    }

    fn below(
        &mut self,
        step: Step<'static>,
        check: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        self.path.push(step);
        check(self)?;
        self.path.pop();
        Ok(())
    }

    fn path(&self) -> String {
        let steps = self.path.iter().map(|step| match step {
            Step::Key(key) => (*key).to_owned(),
            Step::Index(index) => index.to_string(),
        });
        steps.collect::<Vec<_>>().join(".")
    }
}

fn is_input(ty: &Type) -> bool {
    matches!(schema_index::kind(base(ty)), Some(Kind::Input(_) | Kind::Enum(_) | Kind::Scalar))
}

/// Returns whether a variable of the type `variable` may be used where the type `required` is expected.
fn is_assignable(variable: &Type, has_default: bool, required: &Type) -> bool {
    let same_type = match (&variable.base, &required.base) {
        (BaseType::Named(variable), BaseType::Named(required)) => variable == required,
        (BaseType::List(variable), BaseType::List(required)) => is_assignable(variable, false, required),
        _ => false,
    };
    same_type && (required.nullable || !variable.nullable || has_default)
}

fn check_scalar(name: &Name, value: &Value) -> Result<(), String> {
    let is_valid = match (name.as_str(), value) {
        ("Int", Value::Number(number)) => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        ("ID", Value::Number(number)) => number.is_i64(),
        ("DateTime", Value::String(text)) => Time::parse(text).is_some(),
        ("Boolean", Value::Boolean(_)) | ("Float", Value::Number(_)) => true,
        (_, Value::String(_)) => !["Int", "Float", "Boolean"].contains(&name.as_str()),
        _ => false,
    };
    match name.as_str() {
        _ if is_valid => Ok(()),
        "Int" => Err(format!("Expected an integer from {} to {}.", i32::MIN, i32::MAX)),
        "DateTime" => Err(time::EXPECTED.into()),
        _ => Err(format!("Expected a value of the type {name}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::{parse_query, types::DocumentOperations};
    use serde_json::json;

    /// Returns the errors of the operation `Q`, each as `line:column field message`.
    fn errors_of(query: &str, variables: serde_json::Value) -> Vec<String> {
        let document = parse_query(query).expect("a document");
        let DocumentOperations::Multiple(operations) = &document.operations else { panic!("named operations") };
        let errors =
            invalid_values(&document, &operations["Q"].node, &Variables::from_json(variables), &Prefix::default());
        let describe = |error: ServerError| {
            let extensions = error.extensions.expect("extensions");
            let (position, field) = (error.locations[0], extensions.get("field").cloned().unwrap_or_default());
            format!("{}:{} {field} {}", position.line, position.column, error.message)
        };
        errors.into_iter().map(describe).collect()
    }

    #[test]
    fn invalid_values_are_reported_with_position_and_path() {
        for (query, variables, expected) in [
            (
                "query Q($secret: ID!) { token(id: $secret) { id } }",
                json!({}),
                "1:9 \"id\" A variable of the type ID! is missing.",
            ),
            (
                "query Q($s: [TokenStatus!]) { viewer { tokens(filter: {status: $s}) { totalCount } } }",
                json!({ "s": ["ACTIVE", "secret"] }),
                "1:9 \"filter.status.1\" This is not a value of TokenStatus.",
            ),
            (
                "query Q($i: Int = \"secret\") { viewer { tokens(first: $i) { totalCount } } }",
                json!({}),
                "1:9 \"first\" Expected an integer from -2147483648 to 2147483647.",
            ),
            (
                "query Q($slug: String = \"acme\") { organization(slug: $slug) { id } }",
                json!({ "slug": null }),
                "1:54 \"slug\" Expected a value of the type String!, but the variable is null.",
            ),
            (
                "query Q($x: ID) { token(id: $x) { id } }",
                json!({ "x": "secret" }),
                "1:29 \"id\" The variable does not match the type ID! of its position.",
            ),
            (
                "query Q($x: [ID]!) { nodes(ids: $x) { id } }",
                json!({ "x": [] }),
                "1:33 \"ids\" The variable does not match the type [ID!]! of its position.",
            ),
            ("query Q { organization { id } }", json!({}), "1:11 \"slug\" The argument slug is missing."),
            (
                "query Q { organization(secret: 1, slug: \"x\") { id } }",
                json!({}),
                "1:24 null This field has no such argument.",
            ),
            (
                "query Q($x: [Secret] = [1]) { nodes(ids: $x) { id } }",
                json!({}),
                "1:9 \"ids\" A variable is of a type that the schema does not have.",
            ),
            (
                "query Q($x: Token) { token(id: $x) { id } }",
                json!({}),
                "1:9 \"id\" The type of a variable is not an input type.",
            ),
            (
                "query Q { viewer { ...F } }\nfragment F on User { tokens(filter: \"secret\") { totalCount } }",
                json!({}),
                "2:37 \"filter\" Expected an object of the type TokenFilter.",
            ),
            (
                "query Q { viewer { id } }\nquery Other { token(id: null) { id } }",
                json!({}),
                "2:25 \"id\" Expected a value of the type ID!, not null.",
            ),
        ] {
            assert_eq!(errors_of(query, variables), [expected], "{query}");
        }
    }

    #[test]
    fn valid_values_are_accepted() {
        for (query, variables) in [
            ("query Q($x: ID!) { token(id: $x) { id } }", json!({ "x": "anything" })),
            ("query Q($x: ID!) { token(id: $x) { id } }", json!({ "x": 7 })),
            ("query Q { token(id: 7) { id } nodes(ids: \"x\") { id } }", json!({})),
            ("query Q($x: Int) { viewer { tokens(first: $x, filter: null) { totalCount } } }", json!({ "x": null })),
            ("query Q($x: String = \"x\") { organization(slug: $x) { id } }", json!({})),
            ("query Q($x: [ID!]!) { nodes(ids: $x) { id } }", json!({ "x": "one" })),
            ("query Q($x: Boolean! = true) { viewer { id @include(if: $x) } }", json!({})),
            // The variables of other operations are unknown.
            ("query Q { scopes { name } } query Other($x: ID!) { token(id: $x) { id } }", json!({})),
            // The library reports what the schema does not have.
            ("query Q { nothing(x: secret) { x(y: 1) } ...F }", json!({})),
            ("query Q { __type(name: \"Token\") { fields(includeDeprecated: true) { name } } }", json!({})),
        ] {
            assert_eq!(errors_of(query, variables), [""; 0], "{query}");
        }
    }

    ///
    #[test]
    fn at_most_five_errors_are_reported() {
        let query = format!("query Q {{ {} }}", "token(id: null) { id } ".repeat(20));
        assert_eq!(errors_of(&query, json!({})).len(), MAX_ERRORS);
        let query = format!("query Q({}) {{ viewer {{ id }} }}", "$x: Secret ".repeat(20));
        assert_eq!(errors_of(&query, json!({})).len(), MAX_ERRORS);
    }
}
