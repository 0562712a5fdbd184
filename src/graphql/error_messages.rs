//! Replaces the library's error messages. They repeat parts of the document, which may contain a secret, such as a token
//! value that was pasted into the wrong place.

use super::{schema_index, validation::MAX_ERRORS};
use crate::domain::error::Code;
use async_graphql::{ErrorExtensionValues, ServerError};

/// Matches a message of the library, which quotes the names in it, and replaces it.
struct MessageRule {
    /// The start of the message, up to the first quote.
    start: &'static str,
    /// The start of the text after the first quoted name.
    continuation: &'static str,
    /// The replacement, with `{}` for the name of a type.
    replacement: &'static str,
    /// The index of the quoted name that is the name of the type.
    type_index: usize,
}

const fn rule(start: &'static str, continuation: &'static str, replacement: &'static str) -> MessageRule {
    MessageRule { start, continuation, replacement, type_index: 0 }
}

const MESSAGE_RULES: &[MessageRule] = &[
    MessageRule {
        start: "Unknown field ",
        continuation: " on type ",
        replacement: "{} has no such field.",
        type_index: 1,
    },
    MessageRule {
        start: "Field ",
        continuation: " must not have a ",
        replacement: "{} has no fields to select.",
        type_index: 1,
    },
    MessageRule { start: "Field ", continuation: " of type ", replacement: "Select fields of {}.", type_index: 1 },
    rule("Field ", " argument ", "A required argument is missing."),
    rule("Unknown argument ", " on field ", "This field has no such argument."),
    rule("Unknown argument ", " on directive ", "This directive has no such argument."),
    rule("There can only be one argument named ", "", "An argument is given twice."),
    rule("There can only be one variable named ", "", "Two variables have the same name."),
    rule("Invalid value for argument ", "", "The value has the wrong type for the argument."),
    rule("Invalid default value for argument: ", "", "The default value has the wrong type for the variable."),
    rule("Unknown type ", "", "The schema has no type with this name."),
    rule("Unknown directive ", "", "There is no such directive."),
    rule("Duplicate directive ", "", "A directive is repeated here."),
    rule("Directive ", " may not be used on ", "This directive is not allowed here."),
    rule("Directive ", " argument ", "A required argument of the directive is missing."),
    rule("The number of directives on the field ", "", "One field has at most five directives."),
    rule("Unknown fragment: ", "", "The document has no such fragment."),
    rule("Fragment ", " is never used", "This fragment is never used."),
    rule("Fragment ", " cannot be spread here ", "This fragment can never match here."),
    rule("Fragment cannot be spread here as objects of type ", "", "This fragment can never match here."),
    rule("Fragment ", " cannot condition ", "A fragment has a type condition on a type without fields."),
    rule(
        "Fragment cannot condition non composite type ",
        "",
        "A fragment has a type condition on a type without fields.",
    ),
    rule("Variable ", " is not defined", "A variable is used here that the operation does not define."),
    rule("Variable ", " is not used", "This variable is never used."),
    rule("Variable ", " of type ", "The type of the variable does not match its position."),
    rule(
        "Fields ",
        " conflict because ",
        "Two different fields have the same name in the response; give one an alias.",
    ),
    rule("Schema is not configured for ", "", "The schema has no subscriptions."),
];

const DEFAULT_MESSAGE: &str = "The document is not valid here.";
/// The message for an error that occurs only when a field is resolved.
const FIELD_ERROR_MESSAGE: &str = "The value has the wrong type for this position.";

/// Replaces the messages of the library's errors. If no error belongs to a field, keeps only the first [`MAX_ERRORS`].
pub(super) fn replace_messages(errors: &mut Vec<ServerError>) {
    for error in errors
        .iter_mut()
        .filter(|error| error.extensions.as_ref().is_none_or(|extensions| extensions.get("code").is_none()))
    {
        let message = if error.path.is_empty() { replacement(&error.message) } else { FIELD_ERROR_MESSAGE.into() };
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", Code::InvalidInput.as_str());
        *error = ServerError { message, source: None, extensions: Some(extensions), ..error.clone() };
    }
    if errors.iter().all(|error| error.path.is_empty()) {
        errors.sort_by_key(|error| error.locations.first().map(|position| (position.line, position.column)));
        errors.dedup_by(|one, other| (&one.message, &one.locations) == (&other.message, &other.locations));
        errors.truncate(MAX_ERRORS);
    }
}

fn replacement(message: &str) -> String {
    let mut parts = message.split(['"', '`']);
    let start = parts.next().unwrap_or_default();
    let mut names = Vec::new();
    let mut continuation = None;
    while let (Some(name), text) = (parts.next(), parts.next()) {
        names.push(name);
        continuation = continuation.or(text);
    }
    let continuation = continuation.unwrap_or_default();
    let rule =
        MESSAGE_RULES.iter().find(|rule| start.starts_with(rule.start) && continuation.starts_with(rule.continuation));
    let Some(rule) = rule else { return DEFAULT_MESSAGE.into() };
    let type_name = names.get(rule.type_index).filter(|name| schema_index::kind(name).is_some());
    rule.replacement.replace("{}", type_name.unwrap_or(&"The type"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::{PathSegment, Pos};

    #[test]
    fn messages_name_types_of_the_schema_and_repeat_no_other_name() {
        for (message, expected) in [
            ("Unknown field \"secret\" on type \"Token\".", "Token has no such field."),
            ("Unknown field \"secret\" on type \"__Type\".", "The type has no such field."),
            (
                "Field \"id\" must not have a selection since type \"ID\" has no subfields",
                "ID has no fields to select.",
            ),
            ("Field \"viewer\" of type \"User\" must have a selection of subfields", "Select fields of User."),
            (
                "Variable \"$secret\" is not defined by operation \"secret\"",
                "A variable is used here that the operation does not define.",
            ),
            (
                "The number of directives on the field `secret` cannot be greater than `5`",
                "One field has at most five directives.",
            ),
            (
                "Invalid value for argument \"if\", enumeration \"a\"b\"",
                "The value has the wrong type for the argument.",
            ),
            ("A message of no known release: \"secret\"", DEFAULT_MESSAGE),
            ("", DEFAULT_MESSAGE),
        ] {
            assert_eq!(replacement(message), expected, "{message}");
        }
    }

    #[test]
    fn errors_of_the_document_are_limited_to_five_and_those_of_fields_are_not() {
        let error = |line: usize| ServerError::new("Unknown fragment: \"x\"", Some(Pos { line, column: 1 }));
        let mut errors: Vec<_> = (1..10).rev().map(error).collect();
        replace_messages(&mut errors);
        assert_eq!(errors.iter().map(|error| error.locations[0].line).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        let at_a_field = |line| ServerError { path: vec![PathSegment::Field("a".into())], ..error(line) };
        let mut errors: Vec<_> = (1..10).map(at_a_field).collect();
        replace_messages(&mut errors);
        assert_eq!(errors.len(), 9);
        assert!(errors.iter().all(|error| error.message == FIELD_ERROR_MESSAGE));
    }
}
