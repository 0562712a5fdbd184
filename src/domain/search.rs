//! What the search box asks for, and which address somebody means.
//!
//! Words are separated by blanks, and all must hold; quotes keep blanks. A word that begins like a token's value is never
//! taken for text, not even in quotes: what may be a value must not be kept or shown.

use crate::domain::{
    error::{Error, Result},
    scope::{Catalogue, ScopeName},
    secret::{Fingerprint, Prefix, Secret, begins_like_a_value},
    text,
};
use std::net::IpAddr;

/// The field's name in every refusal.
const FIELD: &str = "query";
/// The most characters of a search.
const LONGEST: usize = 1000;
/// The most words of a search.
const MOST_WORDS: usize = 20;
/// The word that asks for administrators.
const ADMIN: &str = "admin";

/// What was asked for. Everything that is said must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Search {
    /// The token holds all of these.
    pub scopes: Vec<ScopeName>,
    /// Its owner is an administrator.
    pub admin: bool,
    /// Of its most recent request, canonical.
    pub addresses: Vec<IpAddr>,
    /// Its value; nothing stands for what only begins like one, and matches no token.
    pub values: Vec<Option<Fingerprint>>,
    /// Folded words, in its description or about its owner.
    pub words: Vec<String>,
}

impl Search {
    /// Reads what somebody wrote into the search box.
    pub fn parse(text: &str, catalogue: &Catalogue, prefix: &Prefix) -> Result<Self> {
        if text.chars().nth(LONGEST).is_some() {
            return Err(Error::invalid(FIELD, format!("The search is too long; write at most {LONGEST} characters.")));
        }
        text::visible(FIELD, text)?;
        let words = words(text);
        if words.len() > MOST_WORDS {
            return Err(Error::invalid(FIELD, format!("The search has too many words; write at most {MOST_WORDS}.")));
        }
        let mut search = Self::default();
        for word in words {
            search.add(word, catalogue, prefix);
        }
        Ok(search)
    }

    fn add(&mut self, word: Word<'_>, catalogue: &Catalogue, prefix: &Prefix) {
        // A value is often copied together with a bracket or a comma.
        let sign = |letter: char| !letter.is_ascii_alphanumeric();
        let start = word.text.trim_start_matches(sign);
        if begins_like_a_value(prefix, start) {
            self.values.push(Secret::parse(prefix, start.trim_end_matches(sign)).map(|secret| secret.fingerprint()));
        } else if word.quoted {
            self.words.push(text::fold(word.text));
        } else if word.text == ADMIN {
            self.admin = true;
        } else if let Some(scope) = catalogue.get(word.text) {
            self.scopes.push(scope.name.clone());
        } else if let Ok(address) = word.text.parse() {
            self.addresses.push(canonical(address));
        } else {
            self.words.push(text::fold(word.text));
        }
    }
}

#[derive(Clone, Copy)]
struct Word<'text> {
    text: &'text str,
    quoted: bool,
}

/// A quote at the beginning of a word reaches to the next quote, or to the end if there is none.
fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (word, behind) = if let Some(inside) = rest.strip_prefix('"') {
            let (text, behind) = inside.split_once('"').unwrap_or((inside, ""));
            (Word { text, quoted: true }, behind)
        } else {
            let (text, behind) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
            (Word { text, quoted: false }, behind)
        };
        if !word.text.trim().is_empty() {
            words.push(word);
        }
        rest = behind.trim_start();
    }
    words
}

/// One address for all its spellings: that of IPv4 where it is one inside IPv6.
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Reads a whole address, in any of its spellings.
pub fn parse_address(field: &str, text: &str) -> Result<IpAddr> {
    text.parse().map(canonical).map_err(|_| {
        let why = "This is not an IP address; write a whole one, such as 198.51.100.2 or 2001:db8::1, without blanks.";
        Error::invalid(field.to_owned(), why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Search> {
        Search::parse(text, &Catalogue::built_in(), &Prefix::default())
    }

    fn found(text: &str) -> Search {
        parse(text).expect("a search")
    }

    fn why(text: &str) -> String {
        match parse(text).expect_err("a refusal") {
            Error::Invalid { field, why } if field == "query" => why,
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
        let print = secret.fingerprint();
        (secret.reveal_once(), print)
    }

    #[test]
    fn the_searches_that_people_know_are_understood() {
        assert_eq!(found("read_artifacts"), Search { scopes: vec![scope("read_artifacts")], ..Default::default() });
        assert_eq!(
            found("admin graphql"),
            Search { scopes: vec![scope("graphql")], admin: true, ..Default::default() }
        );
        let address = "198.51.100.2".parse().expect("an address");
        assert_eq!(found("198.51.100.2"), Search { addresses: vec![address], ..Default::default() });
    }

    #[test]
    fn words_are_separated_by_blanks_and_quotes_keep_them() {
        assert_eq!(found("Deploy  bot"), text_of(&["deploy", "bot"]));
        assert_eq!(found("\"Deploy  bot\" x"), text_of(&["deploy  bot", "x"]));
        assert_eq!(found("\"a b\"c \"d e"), text_of(&["a b", "c", "d e"]));
        assert_eq!(found("5\" a\"b"), text_of(&["5\"", "a\"b"]));
        for blank in ["", "  ", "\"\"", "\" \" \"", "\u{A0}"] {
            assert_eq!(found(blank), Search::default());
        }
    }

    #[test]
    fn what_stands_in_quotes_is_text() {
        assert_eq!(found("\"admin\" \"graphql\" \"198.51.100.2\""), text_of(&["admin", "graphql", "198.51.100.2"]));
    }

    ///
    #[test]
    fn signs_that_sql_knows_are_ordinary_characters() {
        assert_eq!(found("% _ \\ a_b '; --"), text_of(&["%", "_", "\\", "a_b", "';", "--"]));
    }

    ///
    #[test]
    fn a_word_composed_and_decomposed_is_one_word() {
        assert_eq!(found("AME\u{301}LIE"), found("am\u{e9}lie"));
    }

    ///
    #[test]
    fn a_word_that_begins_like_a_value_is_never_text() {
        let (value, print) = a_value();
        let only = |value| Search { values: vec![value], ..Default::default() };
        for text in [
            value.clone(),
            format!("\"{value}\""),
            format!("\" {value} \""),
            format!("({value}),"),
            format!("'{value}'"),
        ] {
            assert_eq!(found(&text), only(Some(print)), "in {text}");
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
    fn debugging_a_search_shows_no_value() {
        let (value, _) = a_value();
        let shown = format!("{:?}", found(&format!("{value} \"{value}\" \"{value} x\" <{value}> deploy")));
        assert!(!shown.contains("twd_") && !shown.contains(&value[4..12]) && shown.contains("deploy"), "{shown}");
    }

    ///
    #[test]
    fn every_spelling_of_an_address_is_one_address() {
        let address = |text: &str| parse_address("ipAddress", text).expect("an address").to_string();
        assert_eq!(address("1.2.3.4"), "1.2.3.4");
        assert_eq!(address("::ffff:1.2.3.4"), "1.2.3.4");
        assert_eq!(address("::FFFF:102:304"), "1.2.3.4");
        assert_eq!(address("2001:DB8:0::1"), "2001:db8::1");
        assert_eq!(found("::ffff:1.2.3.4"), found("1.2.3.4"));
        assert_eq!(found("2001:DB8:0::1"), found("2001:db8::1"));
    }

    ///
    #[test]
    fn a_malformed_address_is_refused_as_a_filter_and_text_in_the_search_box() {
        for text in [
            "",
            "1.2.3",
            " 1.2.3.4",
            "1.2.3.4 ",
            "01.2.3.4",
            "1.2.3.4/32",
            "1.2.3.4:80",
            "[::1]",
            "::1%eth0",
            "localhost",
            "1.2.3.4\0",
        ] {
            match parse_address("filter.ipAddress", text).expect_err("no address") {
                Error::Invalid { field, why } => {
                    assert!(field == "filter.ipAddress" && why.contains("write a whole one"));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(found("1.2.3"), text_of(&["1.2.3"]));
    }

    ///
    #[test]
    fn a_search_with_hidden_characters_or_without_end_is_refused() {
        for hidden in ['\0', '\n', '\t', '\u{200B}', '\u{202E}', '\u{2066}', '\u{FEFF}'] {
            for text in [format!("a{hidden}b"), format!("\"a{hidden}b\""), format!("twd_{hidden}"), hidden.to_string()]
            {
                assert!(why(&text).ends_with("leave it out."));
            }
        }
        assert_eq!(why(&"x".repeat(1001)), "The search is too long; write at most 1000 characters.");
        assert_eq!(why(&"x ".repeat(30 * 1024)), "The search is too long; write at most 1000 characters.");
        assert_eq!(why(&"x ".repeat(21)), "The search has too many words; write at most 20.");
        assert_eq!(found(&"é".repeat(1000)).words.len(), 1);
        assert_eq!(found(&"x ".repeat(20)).words.len(), 20);
    }

    proptest! {
        ///
        #[test]
        fn no_text_upsets_the_search_box(text in "\\PC{0,80}|[\" a-z_.:0-9]{0,80}|(twd_|\"| |admin|::1|graphql){0,20}", any: String) {
            let _ = parse(&any);
            if let Ok(search) = parse(&text) {
                let said = search.words.len() + search.scopes.len() + search.addresses.len() + search.values.len();
                prop_assert!(said <= MOST_WORDS);
                let prefix = Prefix::default();
                prop_assert!(!search.words.iter().any(|word| word.is_empty() || begins_like_a_value(&prefix, word.trim())));
            }
        }

        #[test]
        fn words_are_found_as_they_were_written(words in proptest::collection::vec("[a-zA-ZäÖ%\\\\'-]{1,12}( [a-z]{1,5})?", 0..20)) {
            prop_assume!(!words.iter().any(|word| word == "admin" || word == "graphql"));
            let quote = |word: &String| if word.contains(' ') { format!("\"{word}\"") } else { word.clone() };
            let text = words.iter().map(quote).collect::<Vec<_>>().join("  ");
            let folded: Vec<_> = words.iter().map(|word| text::fold(word)).collect();
            prop_assert_eq!(found(&text), Search { words: folded, ..Default::default() });
        }

        ///
        #[test]
        fn every_address_is_found_by_its_own_spelling(address: IpAddr) {
            prop_assert_eq!(parse_address("ipAddress", &address.to_string()).ok(), Some(canonical(address)));
            prop_assert_eq!(found(&address.to_string()).addresses, vec![canonical(address)]);
        }
    }
}
