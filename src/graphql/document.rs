//! How is a document read? In whole, or not at all: the parser bounds its own depth, and what it says is put into our words.

use async_graphql::{
    Pos,
    parser::{Error, parse_query, types::ExecutableDocument},
};

/// Why a text is no document. The parser's own message would repeat a part of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Where, as far as it is known.
    pub place: Option<Pos>,
    /// What is wrong.
    pub message: &'static str,
}

/// Reads a document.
pub fn read(text: &str) -> Result<ExecutableDocument, Unreadable> {
    parse_query(text).map_err(|error| Unreadable { place: error.positions().next(), message: told(&error) })
}

const fn told(error: &Error) -> &'static str {
    match error {
        Error::MultipleOperations { .. } => "An operation without a name stands alone in its document.",
        Error::OperationDuplicated { .. } => "Two operations have one name.",
        Error::FragmentDuplicated { .. } => "Two fragments have one name.",
        Error::MissingOperation => "The document has no operation.",
        Error::RecursionLimitExceeded => "The document is nested too deep.",
        _ => "The document has a syntax error.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn what_would_be_too_deep_for_the_stack_is_refused() {
        for bomb in [
            format!("{{ a(b: {}", "[".repeat(60_000)),
            format!("{{ a(b: {}", "{x:".repeat(20_000)),
            format!("{{ a @b(c: {}", "[".repeat(60_000)),
            format!("query($x: {}", "[".repeat(60_000)),
            "{a".repeat(30_000),
            "{...".repeat(15_000),
        ] {
            let start = std::time::Instant::now();
            assert!(read(&bomb).is_err(), "{}", &bomb[..40]);
            assert!(start.elapsed().as_secs() < 5);
        }
    }

    #[test]
    fn an_error_says_where_and_repeats_nothing() {
        for (text, message, place) in [
            ("{ a(secret: ", "The document has a syntax error.", Some((1, 13))),
            ("{ a } query Secret { a }", "An operation without a name stands alone in its document.", Some((1, 1))),
            ("query A { a }\nquery A { a }", "Two operations have one name.", Some((2, 1))),
            ("{ a } fragment F on T { a } fragment F on T { a }", "Two fragments have one name.", Some((1, 29))),
            ("fragment F on T { a }", "The document has no operation.", None),
        ] {
            let place = place.map(|(line, column)| Pos { line, column });
            assert_eq!(read(text).map(|_| ()), Err(Unreadable { place, message }), "{text}");
        }
    }
}
