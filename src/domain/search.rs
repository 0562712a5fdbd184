//! The search box: parses its text into criteria for tokens.
//!
//! Words are separated by whitespace, and all must match; quotes keep whitespace. A word that begins with the prefix of
//! token values is never searched as text, not even in quotes: a possible value must not be stored or shown. The part
//! before a colon is a key, unless the word is an IP address or a URL: `2001:db8::1`, `https://example.com`.

use crate::domain::{
    error::{Error, Result},
    ip_address::canonical,
    redact::redacted,
    scope::{Catalogue, ScopeName},
    secret::{Fingerprint, Prefix, Secret, is_hint, looks_like_token},
    state::TokenStatus,
    text,
    time::{DAY, MAX_SPAN_DAYS},
};
use std::{net::IpAddr, time::Duration};

/// The name of the field in errors.
const FIELD: &str = "query";
/// The maximum number of characters of a search.
const MAX_LENGTH: usize = 1000;
/// The maximum number of words of a search.
const MAX_WORDS: usize = 20;
/// The word that selects tokens of administrators.
const ADMIN: &str = "admin";
/// The keys before a colon, in the order in which errors suggest them.
const KEYS: [&str; 5] = ["unused", "used", "expires", "status", "owner"];
/// The minimum similarity of an unknown key to a key that is suggested instead, from 0 to 1.
const MIN_SIMILARITY: f64 = 0.5;
const NEVER: &str = "never";
/// The units of spans, in days.
const UNITS: [(char, u32); 3] = [('d', 1), ('w', 7), ('y', 365)];

/// The parsed criteria. A token must match all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Search {
    /// The token has all of these scopes.
    pub scopes: Vec<ScopeName>,
    /// Whether the owner must be an administrator.
    pub admin: bool,
    /// The IP address of the most recent request, in canonical form.
    pub addresses: Vec<IpAddr>,
    /// The fingerprint of the token value. `None` for a word that only begins like a value; it matches no token.
    pub values: Vec<Option<Fingerprint>>,
    /// The hint of the token value.
    pub hints: Vec<String>,
    /// Folded words that occur in the description or in the owner's username, name or email address.
    pub words: Vec<String>,
    /// Folded parts of the owner's username, name or email address.
    pub owners: Vec<String>,
    /// Not used for at least this long, or never.
    pub unused_for: Option<Duration>,
    /// Never used.
    pub never_used: bool,
    /// Expires within this time.
    pub expires_within: Option<Duration>,
    /// Never expires.
    pub never_expires: bool,
    /// Any of these, since a token has one status at a time.
    pub status: Vec<TokenStatus>,
    /// The words, in the order of the text.
    pub parsed_words: Vec<ParsedWord>,
}

/// A word of the search and its interpretation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedWord {
    /// The word as written. A token value, or a text that begins like one, is replaced by its hint.
    pub text: String,
    /// The interpretation.
    pub kind: WordKind,
}

/// The interpretation of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordKind {
    /// The name of a scope.
    Scope,
    /// `admin`.
    Administrator,
    /// An IP address.
    Address,
    /// A token value, a text that begins like one, or a hint.
    Value,
    /// Anything else.
    Text,
    /// `unused:90d`.
    Unused,
    /// `used:never`.
    Used,
    /// `expires:30d` or `expires:never`.
    Expires,
    /// `status:revoked`.
    Status,
    /// `owner:ada`.
    Owner,
}

impl Search {
    /// Parses the text of the search box.
    pub fn parse(text: &str, catalogue: &Catalogue, prefix: &Prefix) -> Result<Self> {
        if text.chars().nth(MAX_LENGTH).is_some() {
            return Err(wrong(format!("The search is too long; write at most {MAX_LENGTH} characters.")));
        }
        text::visible(FIELD, text)?;
        // Variation selectors are removed here, since words are compared without them: a value may contain some, and a word may
        // consist of nothing else.
        let text = text::without_invisible(text);
        let words = words(&text);
        if words.len() > MAX_WORDS {
            return Err(wrong(format!("The search has too many words; write at most {MAX_WORDS}.")));
        }
        let mut search = Self::default();
        for word in words {
            let kind = search.add(&word, catalogue, prefix)?;
            search.parsed_words.push(ParsedWord { text: word.shown(kind, prefix), kind });
        }
        Ok(search)
    }

    fn add(&mut self, word: &Word<'_>, catalogue: &Catalogue, prefix: &Prefix) -> Result<WordKind> {
        let whole = word.text.trim_matches(is_sign);
        if is_hint(prefix, whole) {
            self.hints.push(whole.to_owned());
            return Ok(WordKind::Value);
        }
        if looks_like_token(prefix, word.bare()) {
            self.values.push(word.value(prefix).map(|secret| secret.fingerprint()));
            return Ok(WordKind::Value);
        }
        if let Some(key) = word.key {
            return self.add_keyed(key, word.text);
        }
        if !word.quoted {
            if word.text == ADMIN {
                self.admin = true;
                return Ok(WordKind::Administrator);
            }
            if let Some(scope) = catalogue.get(word.text) {
                self.scopes.push(scope.name.clone());
                return Ok(WordKind::Scope);
            }
            if let Ok(address) = word.text.parse() {
                self.addresses.push(canonical(address));
                return Ok(WordKind::Address);
            }
        }
        self.words.push(text::fold(word.text));
        Ok(WordKind::Text)
    }

    fn add_keyed(&mut self, key: &str, value: &str) -> Result<WordKind> {
        match key.to_ascii_lowercase().as_str() {
            "unused" => {
                let message = "The filter unused: needs a span in days, weeks or years, such as unused:90d.";
                // The longest span implies all shorter ones.
                self.unused_for = self.unused_for.max(Some(span(value).ok_or_else(|| wrong(message))?));
                Ok(WordKind::Unused)
            }
            "used" if value == NEVER => {
                self.never_used = true;
                Ok(WordKind::Used)
            }
            "used" => Err(wrong(
                "The filter used: allows only never, as in used:never. For a span, write unused:, such as unused:90d.",
            )),
            "expires" if value == NEVER => {
                self.never_expires = true;
                Ok(WordKind::Expires)
            }
            "expires" => {
                let message =
                    "The filter expires: needs never, or a span in days, weeks or years, such as expires:30d.";
                let span = span(value).ok_or_else(|| wrong(message))?;
                self.expires_within = Some(self.expires_within.map_or(span, |other| other.min(span)));
                Ok(WordKind::Expires)
            }
            "status" => {
                let known = TokenStatus::ALL.into_iter().find(|status| status.as_str() == value);
                self.status.push(known.ok_or_else(|| wrong("The filter status: needs active, expired or revoked."))?);
                Ok(WordKind::Status)
            }
            "owner" if value.trim().is_empty() => {
                Err(wrong("The filter owner: needs a part of a username, name or email address, such as owner:ada."))
            }
            "owner" => {
                self.owners.push(text::fold(value.trim()));
                Ok(WordKind::Owner)
            }
            other => Err(no_such_key(other)),
        }
    }
}

fn wrong(message: impl Into<String>) -> Error {
    Error::invalid(FIELD, message)
}

/// The message does not repeat the key, which may be a secret.
fn no_such_key(key: &str) -> Error {
    let likeness = |known: &str| strsim::normalized_damerau_levenshtein(key, known);
    let alike = KEYS.iter().map(|known| (likeness(known), known)).filter(|(likeness, _)| *likeness >= MIN_SIMILARITY);
    let hint = match alike.rev().max_by(|one, other| one.0.total_cmp(&other.0)) {
        Some((_, near)) => format!("Did you mean {near}:?"),
        None => format!("The filters are {}:.", KEYS.join(":, ")),
    };
    wrong(format!("Unknown filter before a colon. {hint} To search for text with a colon, put it in quotes."))
}

/// Parses `90d`, `12w` or `1y`.
fn span(text: &str) -> Option<Duration> {
    let (number, unit) = UNITS.iter().find_map(|(unit, days)| Some((text.strip_suffix(*unit)?, days)))?;
    let digits = number.bytes().all(|digit| digit.is_ascii_digit());
    let days = number.parse::<u32>().ok().filter(|_| digits)?.checked_mul(*unit)?;
    (1..=MAX_SPAN_DAYS).contains(&days).then(|| DAY * days)
}

/// A word of the text.
#[derive(Clone, Copy)]
struct Word<'text> {
    /// The complete word, with its key and quotes.
    whole: &'text str,
    /// The part before the colon.
    key: Option<&'text str>,
    /// The part after the colon, without quotes.
    text: &'text str,
    quoted: bool,
}

impl<'text> Word<'text> {
    /// Returns the first word of a text, and the rest. A quote at its beginning or after its key extends to the next quote,
    /// or to the end of the text.
    fn first(rest: &'text str) -> (Self, &'text str) {
        let (key, body) = key(rest).map_or((None, rest), |(key, body)| (Some(key), body));
        let (text, after) = match body.strip_prefix('"') {
            Some(inside) => inside.split_once('"').unwrap_or((inside, "")),
            None => body.split_at(body.find(char::is_whitespace).unwrap_or(body.len())),
        };
        let whole = rest.strip_suffix(after).unwrap_or(rest);
        (Self { whole, key, text, quoted: body.starts_with('"') }, after)
    }

    /// Returns the text without leading signs: a value is often copied together with a bracket or a comma.
    fn bare(&self) -> &'text str {
        self.text.trim_start_matches(is_sign)
    }

    fn value(&self, prefix: &Prefix) -> Option<Secret> {
        Secret::parse(prefix, self.bare().trim_end_matches(is_sign))
    }

    fn shown(&self, kind: WordKind, prefix: &Prefix) -> String {
        match self.value(prefix).filter(|_| kind == WordKind::Value) {
            Some(value) => value.hint(),
            None => redacted(prefix, self.whole),
        }
    }
}

const fn is_sign(ch: char) -> bool {
    !ch.is_ascii_alphanumeric()
}

/// Splits a word at its first colon if the part before it is a key. It is not a key if it consists of hexadecimal digits,
/// as in an IPv6 address, or if a slash or colon follows, as in a URL or path.
fn key(rest: &str) -> Option<(&str, &str)> {
    let (key, after) = rest.split_once(':')?;
    let is_word = key.len() > 1
        && key.starts_with(|first: char| first.is_ascii_alphabetic())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let is_address = key.bytes().all(|byte| byte.is_ascii_hexdigit()) || after.starts_with(['/', ':']);
    (is_word && !is_address).then_some((key, after))
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (word, after) = Word::first(rest);
        if word.key.is_some() || !word.text.trim().is_empty() {
            words.push(word);
        }
        rest = after.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Search> {
        Search::parse(text, &Catalogue::built_in(), &Prefix::default())
    }

    /// Parses a search and drops its list of words.
    fn found(text: &str) -> Search {
        Search { parsed_words: Vec::new(), ..parse(text).expect("a search") }
    }

    fn parsed_words(text: &str) -> Vec<(String, WordKind)> {
        parse(text).expect("a search").parsed_words.into_iter().map(|word| (word.text, word.kind)).collect()
    }

    fn message(text: &str) -> String {
        match parse(text).expect_err("a refusal") {
            Error::Invalid { field, message } if field == "query" => message,
            other => panic!("{other:?}"),
        }
    }

    fn text_of(words: &[&str]) -> Search {
        Search { words: words.iter().map(ToString::to_string).collect(), ..Default::default() }
    }

    fn scope(name: &str) -> ScopeName {
        ScopeName::new(name).expect("a name")
    }

    fn a_value() -> (String, Fingerprint) {
        let secret = Secret::generate(&Prefix::default()).expect("a random source");
        let fingerprint = secret.fingerprint();
        (secret.reveal_once(), fingerprint)
    }

    #[test]
    fn scopes_administrators_and_addresses_are_recognized() {
        assert_eq!(found("read_artifacts"), Search { scopes: vec![scope("read_artifacts")], ..Default::default() });
        assert_eq!(
            found("admin graphql"),
            Search { scopes: vec![scope("graphql")], admin: true, ..Default::default() }
        );
        let address = "198.51.100.2".parse().expect("an address");
        assert_eq!(found("198.51.100.2"), Search { addresses: vec![address], ..Default::default() });
    }

    #[test]
    fn whitespace_separates_words_outside_quotes() {
        assert_eq!(found("Deploy  bot"), text_of(&["deploy", "bot"]));
        assert_eq!(found("\"Deploy  bot\" x"), text_of(&["deploy  bot", "x"]));
        assert_eq!(found("\"a b\"c \"d e"), text_of(&["a b", "c", "d e"]));
        assert_eq!(found("5\" a\"b"), text_of(&["5\"", "a\"b"]));
        for blank in ["", "  ", "\"\"", "\" \" \"", "\u{A0}", "\u{FE0F}", "\"\u{180B}\" \u{E0101}"] {
            assert_eq!(found(blank), Search::default());
        }
    }

    #[test]
    fn quoted_words_are_text() {
        assert_eq!(found("\"admin\" \"graphql\" \"198.51.100.2\""), text_of(&["admin", "graphql", "198.51.100.2"]));
    }

    #[test]
    fn keyed_words_are_parsed() {
        let days = |days| Some(DAY * days);
        for (text, expected) in [
            ("unused:90d", Search { unused_for: days(90), ..Default::default() }),
            ("unused:12w", Search { unused_for: days(84), ..Default::default() }),
            ("UNUSED:1y", Search { unused_for: days(365), ..Default::default() }),
            ("unused:30d unused:90d unused:1d", Search { unused_for: days(90), ..Default::default() }),
            ("used:never", Search { never_used: true, ..Default::default() }),
            ("expires:30d", Search { expires_within: days(30), ..Default::default() }),
            ("expires:30d expires:1w expires:2w", Search { expires_within: days(7), ..Default::default() }),
            ("expires:never", Search { never_expires: true, ..Default::default() }),
            ("status:revoked", Search { status: vec![TokenStatus::Revoked], ..Default::default() }),
            (
                "status:expired status:active",
                Search { status: vec![TokenStatus::Expired, TokenStatus::Active], ..Default::default() },
            ),
            ("owner:Ada", Search { owners: vec!["ada".into()], ..Default::default() }),
            (
                "owner:\"Ada  L\" bot",
                Search { owners: vec!["ada  l".into()], words: vec!["bot".into()], ..Default::default() },
            ),
            ("owner:\"ada", Search { owners: vec!["ada".into()], ..Default::default() }),
            ("owner:a:b", Search { owners: vec!["a:b".into()], ..Default::default() }),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn addresses_times_and_quoted_words_have_no_key() {
        for text in [
            "https://example.com/a",
            "http:/x",
            "10:30",
            "fe80::1%eth0",
            "dead:beef",
            "00:1b:44:11:3a:b7",
            "std::vec",
            "c:\\x",
            ":)",
            "gr\u{f6}\u{df}e:5",
            "a.b:c",
            "(xx:y",
        ] {
            assert_eq!(found(text), text_of(&[text]), "{text}");
        }
        assert_eq!(found("\"status:revoked\" \"foo: bar\""), text_of(&["status:revoked", "foo: bar"]));
        for address in ["dead:beef::1", "::1", "fe80::1", "a:b:c:d:e:f:1:2"] {
            assert_eq!(found(address).addresses.len(), 1, "{address}");
        }
    }

    #[test]
    fn errors_suggest_similar_keys_and_valid_values() {
        for (text, expected) in [
            ("unusd:90d", "Did you mean unused:?"),
            ("Expire:30d", "Did you mean expires:?"),
            ("state:revoked", "Did you mean status:?"),
            ("owners:ada", "Did you mean owner:?"),
            ("localhost:8080", "The filters are unused:, used:, expires:, status:, owner:."),
            ("TODO:", "The filters are unused:, used:, expires:, status:, owner:."),
        ] {
            let message = message(text);
            assert!(message.starts_with("Unknown filter before a colon. "), "{message}");
            assert!(
                message.contains(expected) && message.ends_with(" To search for text with a colon, put it in quotes."),
                "{message}"
            );
        }
        for wrong in [
            "",
            "90",
            "d",
            "0d",
            "-1d",
            "+1d",
            "1.5y",
            "9m",
            "36501d",
            "101y",
            "never",
            "99999999999d",
            "1\u{e9}",
            "\"\"",
        ] {
            assert!(message(&format!("unused:{wrong}")).ends_with("such as unused:90d."), "{wrong}");
        }
        assert!(message("used:90d").contains("used:never"));
        assert!(message("expires:soon").contains("expires:30d"));
        assert!(message("status:gone").contains("active, expired or revoked"));
        for blank in [" ada", "\" \"", "\u{FE0F}", "\" \u{FE0F}\""] {
            assert!(message(&format!("owner:{blank}")).contains("owner:ada"), "{blank:?}");
        }
    }

    #[test]
    fn parsed_words_keep_their_text_and_order() {
        let expected = parsed_words(
            "bot  admin graphql \"Ada  L\" 198.51.100.2 unused:90d used:never Expires:1y status:active owner:\"a b\"",
        );
        let expected: Vec<_> = expected.iter().map(|(text, kind)| (text.as_str(), *kind)).collect();
        assert_eq!(
            expected,
            [
                ("bot", WordKind::Text),
                ("admin", WordKind::Administrator),
                ("graphql", WordKind::Scope),
                ("\"Ada  L\"", WordKind::Text),
                ("198.51.100.2", WordKind::Address),
                ("unused:90d", WordKind::Unused),
                ("used:never", WordKind::Used),
                ("Expires:1y", WordKind::Expires),
                ("status:active", WordKind::Status),
                ("owner:\"a b\"", WordKind::Owner),
            ]
        );
    }

    ///
    #[test]
    fn parsed_words_replace_values_by_hints() {
        let (value, fingerprint) = a_value();
        let hint = format!("{}…{}", &value[..8], &value[38..]);
        for text in [
            value.clone(),
            format!("({value}),"),
            format!("\"{value}\""),
            format!("owner:{value}"),
            format!("owner:\"{value}\""),
            format!("token:{value}"),
        ] {
            assert_eq!(parsed_words(&text), [(hint.clone(), WordKind::Value)], "{text}");
            assert_eq!(found(&text), Search { values: vec![Some(fingerprint)], ..Default::default() }, "{text}");
        }
        for (text, expected) in [
            (value[..20].to_owned(), "twd_…"),
            (format!("{value}0"), "twd_…"),
            (format!("unused:{}", &value[..20]), "unused:twd_…"),
            (format!("\"{value} {value}\""), "\"twd_… twd_…\""),
        ] {
            assert_eq!(parsed_words(&text), [(expected.to_owned(), WordKind::Value)]);
            assert_eq!(found(&text).values, [None]);
        }
        assert_eq!(parsed_words(&format!("a={value}")), [("a=twd_…".to_owned(), WordKind::Text)]);
        for text in [format!("status:x{value}"), format!("x{}:90d", &value[4..20])] {
            assert!(!message(&text).contains(&value[4..10]), "{}", message(&text));
        }
    }

    #[test]
    fn hint_is_searched_as_a_value() {
        let hint = "twd_Ab3x…9Zk0";
        let only = Search { hints: vec![hint.to_owned()], ..Default::default() };
        for text in [hint.to_owned(), format!("\"{hint}\""), format!("({hint}),"), format!("token:{hint}")] {
            assert_eq!(found(&text), only, "{text}");
        }
        assert_eq!(parsed_words(hint), [(hint.to_owned(), WordKind::Value)]);
        assert_eq!(found("twd_Ab3…9Zk0").values, [None]);
    }

    ///
    #[test]
    fn sql_wildcards_are_ordinary_characters() {
        assert_eq!(found("% _ \\ a_b '; --"), text_of(&["%", "_", "\\", "a_b", "';", "--"]));
    }

    ///
    #[test]
    fn composed_and_decomposed_words_are_equal() {
        assert_eq!(found("AME\u{301}LIE"), found("am\u{e9}lie"));
    }

    ///
    #[test]
    fn word_that_looks_like_a_value_is_never_text() {
        let (value, fingerprint) = a_value();
        let only = |value| Search { values: vec![value], ..Default::default() };
        for text in [
            value.clone(),
            format!("\"{value}\""),
            format!("\" {value} \""),
            format!("({value}),"),
            format!("'{value}'"),
            value.replace('_', "\u{FE0F}_"),
        ] {
            assert_eq!(found(&text), only(Some(fingerprint)), "in {text}");
        }
        let wrong = format!("{}{}", &value[..41], if value.ends_with('0') { '1' } else { '0' });
        for text in [
            &value[..8],
            "twd_",
            "\"twd_x y",
            "'twd_1'",
            "-twd_",
            &wrong,
            &format!("{value}0"),
            &format!("\"{value} x\""),
        ] {
            assert_eq!(found(text), only(None), "in {text}");
        }
        assert_eq!(found("twd twdx"), text_of(&["twd", "twdx"]));
    }

    ///
    #[test]
    fn debug_of_search_shows_no_value() {
        let (value, _) = a_value();
        let shown = format!("{:?}", parse(&format!("{value} \"{value}\" \"{value} x\" <{value}> deploy")));
        assert!(!shown.contains(&value[4..12]) && shown.contains("deploy"), "{shown}");
    }

    ///
    #[test]
    fn address_spellings_are_equal() {
        assert_eq!(found("::ffff:1.2.3.4"), found("1.2.3.4"));
        assert_eq!(found("2001:DB8:0::1"), found("2001:db8::1"));
    }

    ///
    #[test]
    fn malformed_address_is_text() {
        assert_eq!(found("1.2.3"), text_of(&["1.2.3"]));
    }

    ///
    #[test]
    fn hidden_characters_and_long_searches_are_rejected() {
        for hidden in ['\0', '\n', '\t', '\u{200B}', '\u{202E}', '\u{2066}', '\u{FEFF}'] {
            for text in [format!("a{hidden}b"), format!("\"a{hidden}b\""), format!("twd_{hidden}"), hidden.to_string()]
            {
                assert!(message(&text).ends_with("leave it out."));
            }
        }
        assert_eq!(message(&"x".repeat(1001)), "The search is too long; write at most 1000 characters.");
        assert_eq!(message(&"x ".repeat(30 * 1024)), "The search is too long; write at most 1000 characters.");
        assert_eq!(message(&"x ".repeat(21)), "The search has too many words; write at most 20.");
        assert_eq!(found(&"é".repeat(1000)).words.len(), 1);
        assert_eq!(found(&"x ".repeat(20)).words.len(), 20);
    }

    proptest! {
        ///
        #[test]
        fn search_parser_accepts_any_text_without_panic(text in "\\PC{0,80}|[\" a-z_.:0-9]{0,80}|(twd_|\"| |admin|::1|graphql|owner:|status:|unused:|9d){0,20}", any: String) {
            let _ = parse(&any);
            if let Ok(search) = parse(&text) {
                prop_assert!(search.parsed_words.len() <= MAX_WORDS);
                let prefix = Prefix::default();
                prop_assert!(!search.words.iter().chain(&search.owners).any(|word| word.is_empty() || looks_like_token(&prefix, word.trim())));
            }
        }

        #[test]
        fn plain_words_are_searched_as_text(words in proptest::collection::vec("[a-zA-ZäÖ%\\\\'-]{1,12}( [a-z]{1,5})?", 0..20)) {
            prop_assume!(!words.iter().any(|word| word == "admin" || word == "graphql"));
            let quote = |word: &String| if word.contains(' ') { format!("\"{word}\"") } else { word.clone() };
            let text = words.iter().map(quote).collect::<Vec<_>>().join("  ");
            let folded: Vec<_> = words.iter().map(|word| text::fold(word)).collect();
            prop_assert_eq!(found(&text), Search { words: folded, ..Default::default() });
        }

        ///
        #[test]
        fn any_address_is_recognized(address: IpAddr) {
            prop_assert_eq!(found(&address.to_string()).addresses, vec![canonical(address)]);
        }
    }
}
