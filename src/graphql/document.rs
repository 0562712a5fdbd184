//! Parses documents. Nesting is limited before the parser runs, and the parser's error messages are replaced.

pub use super::lexer::DocumentError;

use super::lexer::prepare;
use crate::domain::error::Code;
use async_graphql::parser::{Error, parse_query, types::ExecutableDocument};

/// Parses a document.
pub fn read(text: &str) -> Result<ExecutableDocument, DocumentError> {
    parse_query(prepare(text)?).map_err(|error| {
        let (code, message) = message_of(&error);
        DocumentError { position: error.positions().next(), code, message }
    })
}

const fn message_of(error: &Error) -> (Code, &'static str) {
    let message = match error {
        Error::MultipleOperations { .. } => "An operation without a name must be the only operation of its document.",
        Error::OperationDuplicated { .. } => "Two operations have the same name.",
        Error::FragmentDuplicated { .. } => "Two fragments have the same name.",
        Error::MissingOperation => "The document has no operation.",
        Error::RecursionLimitExceeded => return (Code::TooComplex, "The document is nested too deep."),
        _ => "The document has a syntax error.",
    };
    (Code::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::Pos;

    ///
    #[test]
    fn documents_that_would_exhaust_the_stack_are_rejected() {
        for bomb in [
            format!("{{ a(b: {}", "[".repeat(60_000)),
            format!("{{ a(b: {}", "{x:".repeat(20_000)),
            format!("{{ a @b(c: {}", "[".repeat(60_000)),
            format!("query($x: {}", "[".repeat(60_000)),
            "{a".repeat(30_000),
            "{...".repeat(15_000),
        ] {
            assert!(read(&bomb).is_err(), "{}", &bomb[..40]);
        }
    }

    /// The time of a parser that retries alternatives at each level doubles with each level: sixty levels would never end.
    #[test]
    fn deepest_allowed_documents_are_parsed_quickly() {
        let (done, waits) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            read_nested_documents();
            done.send(()).expect("the test waits");
        });
        waits
            .recv_timeout(std::time::Duration::from_mins(2))
            .expect("all documents are parsed as expected, and in time");
    }

    fn read_nested_documents() {
        let nested = |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(60), close.repeat(60));
        for (document, is_readable) in [
            (format!("{{ a(b: {}) }}", nested("[", "1", "]")), true),
            (format!("{{ a(b: {}) }}", nested("{x:", "1", "}")), true),
            (format!("{{ a(b: {} }}", nested("[{x:", "1", "")), false),
            (format!("{{ a @b(c: {}) }}", nested("[", "$d", "]")), true),
            (format!("query($x: [Int] = {}) {{ a }}", nested("[", "1", "]")), true),
            (format!("query($x: {}) {{ a }}", nested("[", "Int", "]")), true),
            (format!("query($x: {} {{ a }}", nested("[", "Int", "")), false),
            (nested("{a", "", "}"), true),
            (nested("{...on A", "{a}", "}"), true),
            (nested("{a", "", ""), false),
        ] {
            assert_eq!(read(&document).is_ok(), is_readable, "{document}");
        }
    }

    #[test]
    fn syntax_errors_state_a_position_and_repeat_no_text() {
        for (text, message, position) in [
            ("{ a(secret: ", "The document has a syntax error.", Some((1, 13))),
            (
                "{ a } query Secret { a }",
                "An operation without a name must be the only operation of its document.",
                Some((1, 1)),
            ),
            ("query A { a }\nquery A { a }", "Two operations have the same name.", Some((2, 1))),
            ("{ a } fragment F on T { a } fragment F on T { a }", "Two fragments have the same name.", Some((1, 29))),
            ("fragment F on T { a }", "The document has no operation.", None),
        ] {
            let position = position.map(|(line, column)| Pos { line, column });
            let error = DocumentError { position, code: Code::InvalidInput, message };
            assert_eq!(read(text).map(|_| ()), Err(error), "{text}");
        }
    }
}
