//! Reads the text of a document before the parser: limits nesting that would exhaust the stack, and decodes escapes.
//!
//! The parser (async-graphql 7.2) recurses once for each bracket, with no limit in values, and supports only `\uXXXX` outside
//! the range of surrogates. The GraphQL specification, section String Value, also has `\u{X…}` and pairs of surrogates.

use crate::domain::error::Code;
use async_graphql::Pos;
use std::borrow::Cow;

/// The maximum nesting of `(`, `[` and `{` outside strings and comments.
const MAX_NESTING: usize = 64;
/// The maximum length of a name or alias, in characters.
const MAX_NAME_LENGTH: usize = 128;
const BLOCK_QUOTE: &str = "\"\"\"";
const ESCAPED_BLOCK_QUOTE: &str = "\\\"\"\"";

/// A syntax error. The parser's message is not used, since it would repeat a part of the document.
#[derive(Debug, PartialEq, Eq)]
pub struct DocumentError {
    /// The position of the error, if it is known.
    pub position: Option<Pos>,
    /// `TOO_COMPLEX` if the document is nested too deep, otherwise `INVALID_INPUT`.
    pub code: Code,
    /// The message for the client.
    pub message: &'static str,
}

/// Returns an equivalent text that the parser can read, in which every token outside a string keeps its position.
pub(super) fn prepare(text: &str) -> Result<Cow<'_, str>, DocumentError> {
    let mut lexer = Lexer { text, rest: text, nesting: 0, output: None };
    while let Some(ch) = lexer.rest.chars().next() {
        match ch {
            '"' if lexer.rest.starts_with(BLOCK_QUOTE) => lexer.block_string()?,
            '"' => lexer.string()?,
            '#' => lexer.keep(lexer.rest.find(['\n', '\r']).unwrap_or(lexer.rest.len())),
            '(' | '[' | '{' => lexer.open()?,
            ')' | ']' | '}' => {
                lexer.nesting = lexer.nesting.saturating_sub(1);
                lexer.keep(1);
            }
            ch if is_name_character(ch) => lexer.name()?,
            ch => lexer.keep(ch.len_utf8()),
        }
    }
    Ok(lexer.output.map_or(Cow::Borrowed(text), Cow::Owned))
}

const fn is_name_character(ch: char) -> bool {
    ch.is_ascii_alphanumeric() || ch == '_'
}

struct Lexer<'text> {
    text: &'text str,
    rest: &'text str,
    nesting: usize,
    /// The text for the parser up to `rest`; `None` until a part of the text is replaced.
    output: Option<String>,
}

impl<'text> Lexer<'text> {
    /// Skips `length` bytes and returns them.
    fn skip(&mut self, length: usize) -> &'text str {
        let (skipped, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        skipped
    }

    /// Skips `length` bytes and keeps them unchanged.
    fn keep(&mut self, length: usize) {
        let kept = self.skip(length);
        if let Some(output) = &mut self.output {
            output.push_str(kept);
        }
    }

    /// Skips `length` bytes and replaces them by `written`.
    fn replace(&mut self, length: usize, written: &str) {
        let before = self.before();
        self.skip(length);
        self.output.get_or_insert_with(|| before.to_owned()).push_str(written);
    }

    fn before(&self) -> &'text str {
        self.text.strip_suffix(self.rest).unwrap_or_default()
    }

    fn error(&self, code: Code, message: &'static str) -> DocumentError {
        let before = self.before();
        let line = before.rsplit('\n').next().unwrap_or_default();
        let position = Pos { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 };
        DocumentError { position: Some(position), code, message }
    }

    fn open(&mut self) -> Result<(), DocumentError> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            let message = "Brackets are nested more than 64 deep; nest selections and values less deeply.";
            return Err(self.error(Code::TooComplex, message));
        }
        self.keep(1);
        Ok(())
    }

    fn name(&mut self) -> Result<(), DocumentError> {
        let length = self.rest.find(|ch| !is_name_character(ch)).unwrap_or(self.rest.len());
        if length > MAX_NAME_LENGTH {
            return Err(self.error(Code::InvalidInput, "A name or alias is longer than 128 characters; shorten it."));
        }
        self.keep(length);
        Ok(())
    }

    /// Reads a block string. The parser would read an unterminated one as an empty string followed by another string, and its
    /// content as brackets.
    fn block_string(&mut self) -> Result<(), DocumentError> {
        let unfinished = self.unfinished();
        self.keep(BLOCK_QUOTE.len());
        while let Some(ch) = self.rest.chars().next() {
            if self.rest.starts_with(BLOCK_QUOTE) {
                self.keep(BLOCK_QUOTE.len());
                return Ok(());
            }
            let escaped = self.rest.starts_with(ESCAPED_BLOCK_QUOTE);
            self.keep(if escaped { ESCAPED_BLOCK_QUOTE.len() } else { ch.len_utf8() });
        }
        Err(unfinished)
    }

    fn unfinished(&self) -> DocumentError {
        self.error(Code::InvalidInput, "A string has no end; close it on its line, or a block string by three quotes.")
    }

    fn string(&mut self) -> Result<(), DocumentError> {
        let unfinished = self.unfinished();
        self.keep(1);
        let mut saved = 0;
        while let Some(ch) = self.rest.chars().next() {
            match ch {
                '"' => {
                    self.keep(1);
                    // Tokens that follow on the line keep their columns.
                    if saved > 0 {
                        self.replace(0, &" ".repeat(saved));
                    }
                    return Ok(());
                }
                '\n' | '\r' => break,
                '\\' if self.rest.starts_with("\\u") => saved += self.unicode_escape()?,
                // The escaped character may be a quote.
                '\\' if self.rest.chars().nth(1).is_some_and(|ch| !matches!(ch, '\n' | '\r')) => {
                    self.keep(1 + self.rest.chars().nth(1).map_or(0, char::len_utf8));
                }
                _ => self.keep(ch.len_utf8()),
            }
        }
        Err(unfinished)
    }

    /// Decodes a Unicode escape. Returns by how many characters this shortened the text.
    fn unicode_escape(&mut self) -> Result<usize, DocumentError> {
        let Some((code, length)) = code_point(self.rest) else {
            // The parser reports the malformed escape.
            self.keep(2);
            return Ok(0);
        };
        let (ch, length) = match (char::from_u32(code), code) {
            // The parser supports this form.
            (Some(_), _) if !self.rest.starts_with("\\u{") => {
                self.keep(length);
                return Ok(0);
            }
            (Some(ch), _) => (ch, length),
            (None, 0xD800..0xDC00) => self.surrogate_pair(code, length)?,
            (None, _) => return Err(self.not_a_character()),
        };
        let written = written(ch);
        self.replace(length, &written);
        Ok(length.saturating_sub(written.chars().count()))
    }

    fn surrogate_pair(&self, high: u32, length: usize) -> Result<(char, usize), DocumentError> {
        let low = self.rest.get(length..).and_then(code_point);
        let pair = low.filter(|(low, _)| (0xDC00..0xE000).contains(low)).and_then(|(low, low_length)| {
            let ch = char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))?;
            Some((ch, length + low_length))
        });
        let fixed_width =
            !self.rest.starts_with("\\u{") && !self.rest.get(length..).is_some_and(|rest| rest.starts_with("\\u{"));
        pair.filter(|_| fixed_width).ok_or_else(|| self.not_a_character())
    }

    fn not_a_character(&self) -> DocumentError {
        let message = "An escape in a string is not a Unicode character; write surrogates in pairs, or use \\u{…}.";
        self.error(Code::InvalidInput, message)
    }
}

/// Returns the code point of the `\uXXXX` or `\u{X…}` at the start of the text, and the length of the escape in bytes.
fn code_point(text: &str) -> Option<(u32, usize)> {
    let digits = text.strip_prefix("\\u")?;
    let (digits, length) = match digits.strip_prefix('{') {
        Some(rest) => {
            let digits = rest.split_once('}')?.0;
            (digits, "\\u{}".len() + digits.len())
        }
        None => (digits.get(..4)?, "\\uXXXX".len()),
    };
    let significant = digits.trim_start_matches('0');
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    // A number of more than eight significant digits is never a character.
    let number = if significant.len() > 8 { Ok(u32::MAX) } else { u32::from_str_radix(&format!("0{significant}"), 16) };
    is_number.then_some(number.ok()?).map(|number| (number, length))
}

/// Returns a character as it is written in a string for the parser.
fn written(ch: char) -> String {
    match ch {
        '"' | '\\' => format!("\\{ch}"),
        '\n' => "\\n".into(),
        '\r' => "\\r".into(),
        ch => ch.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::{
        Value,
        parser::{
            parse_query,
            types::{DocumentOperations, Selection},
        },
    };
    use proptest::{prelude::*, test_runner::TestRunner};
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    fn argument(document: &str) -> (Value, Pos) {
        let prepared = prepare(document).expect("a readable text");
        let parsed = parse_query(&prepared).expect("a document");
        let DocumentOperations::Single(operation) = &parsed.operations else { panic!("one operation") };
        let selection = &operation.node.selection_set.node;
        let Selection::Field(field) = &selection.items[0].node else { panic!("a field") };
        let value = field.node.arguments[0].1.node.clone().into_const().expect("a constant");
        (value, selection.items[1].pos)
    }

    fn code_of(document: &str) -> Option<(Code, usize, usize)> {
        let error = prepare(document).err()?;
        error.position.map(|position| (error.code, position.line, position.column))
    }

    #[test]
    fn unicode_escapes_are_decoded_and_positions_are_preserved() {
        for (written, decoded) in [
            (r"\ud83d\udd11", "🔑"),
            (r"\u{1F511}", "🔑"),
            (r"\u{000000000001f511}", "🔑"),
            (r"a\u{41}b", "aAb"),
            (r"\u{22}\u{5C}\u{a}\u{D}", "\"\\\n\r"),
            (r"\u0022\\u{41}\\", "\"\\u{41}\\"),
            (r"\uD83D\uDD11\u00e9\u{e9}é", "🔑ééé"),
        ] {
            let document = format!("{{ a(b: \"{written}\") c }}");
            let column = document.chars().count() - 2;
            assert_eq!(argument(&document), (Value::from(decoded), Pos { line: 1, column }), "{document}");
        }
        let block = r#"{ a(b: """\u{41} \""" [[[""") c }"#;
        assert_eq!(argument(block).0, Value::from(r#"\u{41} \""" [[["#), "block strings have no Unicode escapes");
        assert!(matches!(prepare("{ a(b: \"plain\") # \\u{41}\n }"), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn escapes_of_no_character_are_rejected_with_their_position() {
        for escape in [
            r"\ud83d",
            r"\udd11",
            r"\ud83dx",
            r"\ud83d\u0041",
            r"\ud83d\ud83d",
            r"\u{d83d}",
            r"\u{110000}",
            r"\ud83d\u{dd11}",
            r"\u{fffffffffff}",
        ] {
            assert_eq!(code_of(&format!("{{\n a(b: \"é{escape}\") }}")), Some((Code::InvalidInput, 2, 9)), "{escape}");
        }
        for malformed in [r"\u12", r"\u{}", r"\u{12", r"\u{xyz}", r"\q"] {
            let document = format!("{{ a(b: \"{malformed}\") }}");
            let prepared = prepare(&document).expect("left to the parser");
            assert!(parse_query(prepared).is_err(), "{malformed}");
        }
    }

    #[test]
    fn brackets_nest_at_most_64_deep_outside_strings_and_comments() {
        for bracket in ["[", "{", "(", "[{(", "{a(b:["] {
            let depth = |levels: usize| bracket.repeat(levels / bracket.matches(['[', '{', '(']).count());
            assert_eq!(code_of(&depth(60)), None, "{bracket}");
            assert!(matches!(code_of(&depth(2_000)), Some((Code::TooComplex, 1, _))), "{bracket}");
        }
        assert_eq!(code_of(&"[".repeat(64)), None);
        assert_eq!(code_of(&"[".repeat(65)), Some((Code::TooComplex, 1, 65)));
        assert_eq!(code_of(&"()[]{}".repeat(1_000)), None);
        let brackets = "[".repeat(2_000);
        assert_eq!(
            code_of(&format!("\"{brackets}\" # {brackets}\n \"\"\" \n {brackets} \\\"\"\" {brackets} \"\"\"")),
            None
        );
        // Texts that the parser would read differently are rejected.
        for hidden in [
            format!("\"\n{brackets}"),
            format!("\"\"\"\" {brackets}"),
            format!("{{node(id:[\"\"\"x\" {brackets}"),
            format!("{{node(id:[\"\"\"x\\\"\"\" {brackets}"),
            format!("\"\\\n{brackets}"),
            format!("\"x {brackets}"),
            format!("# \r{brackets}"),
            format!("\"\\\\\" {brackets}"),
        ] {
            assert!(code_of(&hidden).is_some(), "{}", &hidden[..8]);
        }
    }

    #[test]
    fn names_have_at_most_128_characters() {
        assert_eq!(code_of(&format!("{{ {}: id }}", "a".repeat(128))), None);
        assert_eq!(code_of(&format!("{{ {}: id }}", "a".repeat(129))), Some((Code::InvalidInput, 1, 3)));
    }

    /// Returns whether every string in the text is terminated (GraphQL specification of October 2021, section String Value).
    fn is_whole(text: &str) -> bool {
        let mut rest = text;
        while let Some(ch) = rest.chars().next() {
            let length = if rest.starts_with(BLOCK_QUOTE) {
                // Each escape becomes as many other characters.
                let content = rest[3..].replace(ESCAPED_BLOCK_QUOTE, "____");
                content.find(BLOCK_QUOTE).map(|end| end + 6)
            } else if ch == '"' {
                let line = rest[1..].split(['\n', '\r']).next().unwrap_or_default();
                let content = line.replace("\\\\", "__").replace("\\\"", "__");
                content.find('"').map(|end| end + 2)
            } else if ch == '#' {
                Some(rest.find(['\n', '\r']).unwrap_or(rest.len()))
            } else {
                Some(ch.len_utf8())
            };
            let Some(length) = length else { return false };
            rest = &rest[length..];
        }
        true
    }

    /// Returns the nesting that the lexer counts: the limit minus the brackets that can be added.
    fn counted_nesting(text: &str) -> usize {
        let fits = |more: &usize| prepare(&format!("{}{text}", "[".repeat(*more))).is_ok();
        MAX_NESTING - (0..=MAX_NESTING).rev().find(fits).expect("a text within the limit")
    }

    /// Computes the nesting of brackets in the text of a parsed document.
    mod nesting {
        use async_graphql::{
            Name, Positioned, Value,
            parser::types::{BaseType, Directive, ExecutableDocument, Selection, SelectionSet, Type},
        };
        use std::convert::Infallible;

        fn in_brackets(inner: impl Iterator<Item = usize>) -> usize {
            inner.max().map_or(0, |deepest| 1 + deepest)
        }

        fn of_value(value: &Value) -> usize {
            match value {
                Value::List(items) => 1 + in_brackets(items.iter().map(of_value)).saturating_sub(1),
                Value::Object(fields) => 1 + in_brackets(fields.values().map(of_value)).saturating_sub(1),
                _ => 0,
            }
        }

        fn of_type(of: &Type) -> usize {
            match &of.base {
                BaseType::Named(_) => 0,
                BaseType::List(inner) => 1 + of_type(inner),
            }
        }

        /// Returns the nesting of arguments, whose values may contain variables.
        macro_rules! of_arguments {
            ($arguments:expr) => {
                in_brackets($arguments.iter().map(|(_, value)| {
                    let Ok(value) = value.node.clone().into_const_with(|_: Name| Ok::<_, Infallible>(Value::Null));
                    of_value(&value)
                }))
            };
        }

        fn of_directives(directives: &[Positioned<Directive>]) -> usize {
            directives.iter().map(|directive| of_arguments!(directive.node.arguments)).max().unwrap_or_default()
        }

        fn of_selection(selection: &SelectionSet) -> usize {
            in_brackets(selection.items.iter().map(|item| {
                match &item.node {
                    Selection::Field(field) => of_arguments!(field.node.arguments)
                        .max(of_directives(&field.node.directives))
                        .max(of_selection(&field.node.selection_set.node)),
                    Selection::InlineFragment(inline) => {
                        of_directives(&inline.node.directives).max(of_selection(&inline.node.selection_set.node))
                    }
                    Selection::FragmentSpread(spread) => of_directives(&spread.node.directives),
                }
            }))
        }

        pub(super) fn of_document(document: &ExecutableDocument) -> usize {
            let operations = document.operations.iter().map(|(_, operation)| {
                let definitions = in_brackets(operation.node.variable_definitions.iter().map(|definition| {
                    let default = definition.node.default_value.as_ref().map_or(0, |value| of_value(&value.node));
                    of_type(&definition.node.var_type.node).max(default).max(of_directives(&definition.node.directives))
                }));
                definitions
                    .max(of_directives(&operation.node.directives))
                    .max(of_selection(&operation.node.selection_set.node))
            });
            let fragments = document.fragments.values().map(|fragment| {
                of_directives(&fragment.node.directives).max(of_selection(&fragment.node.selection_set.node))
            });
            operations.chain(fragments).max().unwrap_or_default()
        }
    }

    /// Generates mixes of the tokens that decide where strings and comments end. The long piece exhausts the stack of a parser
    /// that reads it as brackets.
    fn mix() -> impl Strategy<Value = String> {
        const PIECES: &[&str] = &[
            "\"", "\"\"", "\"\"\"", "\\\"\"\"", "\\", "\\\\", "\\\"", "\\n", "\n", "\r", "\r\n", "#", "[", "]", "{",
            "}", "(", ")", "a", " ", ":", ",", "$a", "@a", "...", "1", "é", "🔑", "\u{feff}", "\u{2028}",
        ];
        let long = "[".repeat(3_000);
        let piece = prop_oneof![
            60 => proptest::sample::select(PIECES).prop_map(ToOwned::to_owned),
            1 => Just(long),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    fn value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("1".to_owned()),
            Just("$a".to_owned()),
            mix().prop_map(|content| format!("\"{content}\"")),
            mix().prop_map(|content| format!("\"\"\"{content}\"\"\"")),
            mix().prop_map(|content| format!("#{content}\n 2")),
        ];
        leaf.prop_recursive(3, 8, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(" "))),
                inner.clone().prop_map(|inner| format!("{{a: {inner}}}")),
                (1..70_usize, inner).prop_map(|(depth, inner)| format!(
                    "{}{inner}{}",
                    "[".repeat(depth),
                    "]".repeat(depth)
                )),
            ]
        })
    }

    /// Generates documents and texts that are almost documents.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            mix(),
            mix().prop_map(|mix| format!("{{a(b:[{mix}])}}")),
            mix().prop_map(|mix| format!("{{a(b:\"{mix}")),
            value().prop_map(|value| format!("{{a(b: {value}) {{c}}}}")),
            (value(), value(), 0..30_usize).prop_map(|(first, second, depth)| format!(
                "query($a: [[A]] = {first} @a(b: 1)) @b(c: {second}) {{ {} ... @c(d: {first}) {{ b(x: {second}, y: {first}) {{a}} }} {} }}",
                "{a ".repeat(depth).replacen('{', "", 1),
                "}".repeat(depth.saturating_sub(1)),
            )),
            (value(), mix()).prop_map(|(value, comment)| format!(
                "{{ ...F }} #{comment}\n fragment F on A @b(c: {value}) {{ a @d(e: {value}) }}"
            )),
        ]
    }

    /// The lexer limits the recursion of the parser only if both agree where strings and comments end.
    #[test]
    fn lexer_and_parser_agree_on_strings_and_brackets() {
        let (parsed, rejected) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let checked = TestRunner::default().run(&text(), |text| {
            match prepare(&text) {
                Ok(prepared) => {
                    prop_assert!(is_whole(&text), "an unterminated string was accepted");
                    if let Ok(document) = parse_query(&prepared) {
                        parsed.fetch_add(1, Relaxed);
                        prop_assert_eq!(counted_nesting(&text), nesting::of_document(&document));
                    }
                }
                Err(error) if error.code == Code::TooComplex => {}
                Err(error) => {
                    rejected.fetch_add(1, Relaxed);
                    prop_assert!(!is_whole(&text), "{}", error.message);
                }
            }
            Ok(())
        });
        assert!(checked.is_ok(), "{checked:?}");
        assert!(parsed.into_inner() > 20 && rejected.into_inner() > 20, "too few texts were parsed or rejected");
    }
}
