//! Texts of users and programs: the allowed characters, the maximum lengths, and the form that is stored.
//!
//! Texts are stored in NFC and without variation selectors, so that a word has the same bytes however it was typed. No
//! message repeats the text.

use crate::domain::error::{Error, Result};
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{BidiControl, DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup, VariationSelector},
};
use unicode_normalization::UnicodeNormalization as _;

/// The maximum number of characters of a description.
pub const MAX_DESCRIPTION_LENGTH: usize = 255;
/// The maximum number of characters of the name of a user or an organization.
pub const MAX_NAME_LENGTH: usize = 100;
/// The maximum number of characters of a username or a slug.
pub const MAX_USERNAME_LENGTH: usize = 64;
/// The maximum number of characters of a reason.
pub const MAX_REASON_LENGTH: usize = 500;

/// The maximum number of bytes of an email address (RFC 5321).
const MAX_EMAIL_LENGTH: usize = 254;
/// An upper bound of the code points that any accepted character is composed of.
const MAX_COMPOSED_OF: usize = 8;

/// Validates the description of a token: 1 to 255 characters.
pub fn description(field: &str, text: &str) -> Result<String> {
    plain(field, text, MAX_DESCRIPTION_LENGTH)
}

/// Validates the name of a user or an organization: 1 to 100 characters.
pub fn name(field: &str, text: &str) -> Result<String> {
    plain(field, text, MAX_NAME_LENGTH)
}

/// Validates a reason: at most 500 characters. Returns `None` for a blank one.
pub fn reason(field: &str, text: Option<&str>) -> Result<Option<String>> {
    unless_blank(text).map(|text| plain(field, text, MAX_REASON_LENGTH)).transpose()
}

/// Validates and folds a text to search for. Returns `None` for a blank one.
pub fn search_text(field: &str, text: Option<&str>) -> Result<Option<String>> {
    unless_blank(text).map(|text| plain(field, text, MAX_DESCRIPTION_LENGTH).map(|text| fold(&text))).transpose()
}

/// Validates a text of one line: 1 to `most` characters. Returns it in NFC and without whitespace at its ends.
pub fn plain(field: &str, text: &str, max: usize) -> Result<String> {
    // A longer text cannot be valid, and composing it would take time.
    if text.chars().nth(max * MAX_COMPOSED_OF).is_some() {
        return Err(too_long(field, max));
    }
    visible(field, text)?;
    let text = composed(text);
    if text.is_empty() {
        return Err(invalid(field, "The text is empty; write at least one character."));
    }
    if !text.chars().any(is_visible) {
        return Err(invalid(field, "The text has no visible character; write at least one."));
    }
    if text.chars().count() > max {
        return Err(too_long(field, max));
    }
    Ok(text)
}

fn too_long(field: &str, max: usize) -> Error {
    invalid(field, format!("The text is too long; write at most {max} characters."))
}

/// Validates a username: 1 to 64 of `a-z 0-9 - _ .`, except `.`, `..` and the names of deleted users.
pub fn username(field: &str, text: &str) -> Result<String> {
    reject_dot_segment(field, text)?;
    if text.starts_with(DELETED) {
        return Err(invalid(
            field,
            "Usernames that begin with `deleted-` are reserved for deleted users; choose another one.",
        ));
    }
    word(text).ok_or_else(|| {
        invalid(
            field,
            "A username has 1 to 64 of the characters a-z, 0-9, - (minus), _ (underscore) and . (dot), and no others.",
        )
    })
}

/// Validates a slug: 1 to 64 of `a-z 0-9 - _ .`, except `.` and `..`.
pub fn slug(field: &str, text: &str) -> Result<String> {
    reject_dot_segment(field, text)?;
    word(text).ok_or_else(|| {
        invalid(
            field,
            "A slug has 1 to 64 of the characters a-z, 0-9, - (minus), _ (underscore) and . (dot), and no others.",
        )
    })
}

/// Validates the syntax of an email address. Only a mail server can check that it exists.
pub fn email(field: &str, text: &str) -> Result<String> {
    let too_long = || invalid(field, "The email address is too long; write at most 254 characters.");
    if text.chars().nth(MAX_EMAIL_LENGTH * MAX_COMPOSED_OF).is_some() {
        return Err(too_long());
    }
    visible(field, text)?;
    let text = composed(text);
    if text.len() > MAX_EMAIL_LENGTH {
        return Err(too_long());
    }
    if !is_address(&text) {
        return Err(invalid(field, "This is not an email address; write one such as ada@example.com."));
    }
    Ok(text)
}

/// Rejects invisible characters, and those that control a terminal or the direction of text.
pub fn visible(field: &str, text: &str) -> Result<()> {
    let Some((index, ch, what)) = text.chars().enumerate().find_map(|(index, ch)| Some((index, ch, hidden(ch)?)))
    else {
        return Ok(());
    };
    let (place, code) = (index + 1, u32::from(ch));
    Err(invalid(field, format!("Character {place} of the text (U+{code:04X}) {what}; leave it out.")))
}

/// Returns the form in which texts are compared without regard to case.
pub fn fold(text: &str) -> String {
    // Characters are folded one by one, so that the folded part of a text is a part of the folded text. `str::to_lowercase`
    // breaks this for final sigmas.
    let text = text.chars().filter(|ch| !is_selector(*ch)).nfc();
    text.flat_map(char::to_lowercase).map(|ch| if ch == 'ς' { 'σ' } else { ch }).nfc().collect()
}

/// Derives a username from a claim of an identity provider: folds it and replaces other characters by `-`. Returns
/// `None` if that gives no valid username.
pub fn username_from(text: &str) -> Option<String> {
    let fit = |ch| if is_word_char(ch) { ch } else { '-' };
    let text: String = fold(&allowed(text)?).chars().map(fit).take(MAX_USERNAME_LENGTH).collect();
    word(&text).filter(|text| !text.starts_with(DELETED))
}

/// Derives a name from a claim of an identity provider. Returns `None` if it is not valid.
pub fn name_from(text: &str) -> Option<String> {
    name("name", text).ok()
}

/// The beginning of the placeholder that replaces the username of a deleted user. No other username has it.
pub const DELETED: &str = "deleted-";

/// Derives an email address from a claim of an identity provider. Returns `None` if it is not valid.
pub fn email_from(text: &str) -> Option<String> {
    email("email", text).ok()
}

/// Returns the first 200 characters of a user agent, without those that are not allowed.
pub fn user_agent(text: &str) -> Option<String> {
    truncated(text, 200)
}

/// Returns the first 500 characters of a path, without its query and the characters that are not allowed.
pub fn path(text: &str) -> Option<String> {
    truncated(text.split(['?', '#']).next().unwrap_or_default(), 500)
}

/// Returns an HTTP method in uppercase. Returns `None` if the text cannot be a method.
pub fn method(text: &str) -> Option<String> {
    let fits = (1..=20).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_'));
    fits.then(|| text.to_ascii_uppercase())
}

/// Returns a text without its invisible characters.
pub fn without_invisible(text: &str) -> String {
    text.chars().filter(|ch| is_kept(*ch)).collect()
}

/// Returns whether a character is neither invisible nor rejected in every text.
pub fn is_kept(ch: char) -> bool {
    hidden(ch).is_none() && !is_selector(ch)
}

fn invalid(field: &str, message: impl Into<String>) -> Error {
    Error::invalid(field.to_owned(), message)
}

fn unless_blank(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.chars().all(|ch| ch.is_whitespace() || is_selector(ch)))
}

fn composed(text: &str) -> String {
    let text: String = text.chars().filter(|ch| !is_selector(*ch)).nfc().collect();
    text.trim().to_owned()
}

/// Returns the composed text if it has a visible character, and only allowed ones.
fn allowed(text: &str) -> Option<String> {
    let fits = text.chars().all(|ch| hidden(ch).is_none());
    Some(composed(text)).filter(|text| fits && text.chars().any(is_visible))
}

/// Returns the beginning of a text, without the characters that are not allowed.
fn truncated(text: &str, max: usize) -> Option<String> {
    let text: String = composed(&without_invisible(text)).chars().take(max).collect();
    Some(text.trim_end().to_owned()).filter(|text| !text.is_empty())
}

fn word(text: &str) -> Option<String> {
    let fits =
        (1..=MAX_USERNAME_LENGTH).contains(&text.len()) && text.chars().all(is_word_char) && !is_dot_segment(text);
    fits.then(|| text.to_owned())
}

/// Returns whether a word has a special meaning as a segment of a path.
fn is_dot_segment(text: &str) -> bool {
    matches!(text, "." | "..")
}

fn reject_dot_segment(field: &str, text: &str) -> Result<()> {
    if is_dot_segment(text) {
        return Err(invalid(field, "`.` and `..` are not allowed; use at least one other character."));
    }
    Ok(())
}

const fn is_word_char(ch: char) -> bool {
    matches!(ch, 'a'..='z' | '0'..='9' | '-' | '_' | '.')
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let local_fits = (1..=64).contains(&local.len())
        && local.split('.').all(|part| !part.is_empty())
        && !local.contains(|ch: char| ch.is_whitespace() || is_blank(ch) || "\"(),:;<>[\\]".contains(ch));
    let domain_fits = domain.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|ch| ch == '-' || ch.is_alphanumeric())
    });
    local_fits && domain_fits
}

/// Returns why a character is not allowed in any text. Returns `None` if it is allowed.
fn hidden(ch: char) -> Option<&'static str> {
    match ch {
        _ if ch.is_control() => Some("is a control character"),
        '\u{2028}' | '\u{2029}' => Some("is a line break"),
        _ if CodePointSetData::new::<BidiControl>().contains(ch) => Some("changes the direction of writing"),
        // Variation selectors are dropped when the text is composed.
        _ if is_selector(ch) => None,
        _ if is_noncharacter(ch) => Some("is not assigned to a character"),
        // Each font draws these differently or not at all. Unassigned code points are accepted: newer versions of Unicode
        // assign them.
        _ if category(ch) == GeneralCategory::PrivateUse => Some("is for private use"),
        // Interlinear annotations are as invisible, but not default-ignorable code points.
        '\u{FFF9}'..='\u{FFFB}' => Some("is invisible"),
        _ if CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(ch) => Some("is invisible"),
        _ => None,
    }
}

/// Returns whether Unicode will never assign a code point.
const fn is_noncharacter(ch: char) -> bool {
    matches!(ch, '\u{FDD0}'..='\u{FDEF}') || ch as u32 & 0xFFFE == 0xFFFE
}

fn category(ch: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(ch)
}

/// Returns whether a character only selects a form of the one before it.
fn is_selector(ch: char) -> bool {
    CodePointSetData::new::<VariationSelector>().contains(ch)
}

/// Returns whether a character is drawn as nothing, although its category is that of visible characters: the Braille
/// pattern without dots, the null notehead, the blanks of hieroglyphs and the filler of Khitan.
const fn is_blank(ch: char) -> bool {
    matches!(ch, '\u{2800}' | '\u{1D159}' | '\u{13441}' | '\u{13442}' | '\u{16FE4}')
}

/// Returns whether a character is visible on its own.
pub fn is_visible(ch: char) -> bool {
    let category = category(ch);
    let is_invisible = GeneralCategoryGroup::Separator.contains(category)
        || GeneralCategoryGroup::Mark.contains(category)
        || matches!(category, GeneralCategory::Control | GeneralCategory::Format);
    !is_invisible && hidden(ch).is_none() && !is_blank(ch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HIDDEN: [char; 24] = [
        '\0',
        '\t',
        '\n',
        '\r',
        '\u{7F}',
        '\u{85}',
        '\u{61C}',
        '\u{200B}',
        '\u{200C}',
        '\u{200D}',
        '\u{200E}',
        '\u{200F}',
        '\u{2028}',
        '\u{202A}',
        '\u{202B}',
        '\u{202D}',
        '\u{202E}',
        '\u{2060}',
        '\u{2066}',
        '\u{2069}',
        '\u{AD}',
        '\u{FEFF}',
        '\u{3164}',
        '\u{E0041}',
    ];

    type Check = fn(&str, &str) -> Result<String>;
    const CHECKS: [Check; 5] = [description, name, username, slug, email];

    fn message(error: &Error) -> String {
        assert_eq!(error.code().as_str(), "INVALID_INPUT");
        error.to_string()
    }

    /// R-59
    #[test]
    fn hidden_characters_are_rejected() {
        for ch in HIDDEN {
            for check in CHECKS {
                for text in [format!("{ch}hold"), format!("ho{ch}ld"), format!("hold{ch}"), ch.to_string()] {
                    let message = message(&check("input.text", &text).expect_err("a hidden character"));
                    assert!(!message.contains("hold") && !message.contains(ch), "{message}");
                }
            }
            assert!(reason("reason", Some(&format!("a{ch}b"))).is_err());
            assert!(search_text("owner", Some(&format!("a{ch}b"))).is_err());
        }
        let error = description("input.description", "ab\u{202E}c").expect_err("an override");
        assert_eq!(message(&error), "Character 3 of the text (U+202E) changes the direction of writing; leave it out.");
        assert!(matches!(error, Error::Invalid { field, .. } if field == "input.description"));
    }

    /// R-59
    #[test]
    fn long_texts_are_rejected() {
        let long = "x".repeat(60 * 1024);
        for check in CHECKS {
            assert!(message(&check("text", &long).expect_err("too long")).len() < 200);
        }
        assert!(description("text", &"é".repeat(255)).is_ok());
        assert!(description("text", &"é".repeat(256)).is_err());
        assert!(name("text", &"é".repeat(100)).is_ok());
        assert!(name("text", &"é".repeat(101)).is_err());
        assert!(reason("text", Some(&"é".repeat(500))).is_ok());
        assert!(reason("text", Some(&"é".repeat(501))).is_err());
    }

    #[test]
    fn blank_text_is_rejected_or_omitted() {
        for blank in ["", " ", "\u{A0}\u{3000} "] {
            assert_eq!(
                message(&description("d", blank).expect_err("blank")),
                "The text is empty; write at least one character."
            );
            assert_eq!(reason("r", Some(blank)).expect("an omitted text"), None);
            assert_eq!(search_text("o", Some(blank)).expect("an omitted text"), None);
        }
        assert_eq!(reason("r", None).expect("an omitted text"), None);
        assert_eq!(reason("r", Some(" old ")).expect("a reason").as_deref(), Some("old"));
        assert_eq!(description("d", "  two  words\u{A0}").expect("a text"), "two  words");
    }

    /// R-59
    #[test]
    fn text_without_a_visible_character_is_rejected() {
        let blank = ["\u{2800}", " \u{2800}\u{2800} ", "\u{1D159}", "\u{13441}\u{13442}", "\u{16FE4}", "\u{301}"];
        for text in blank {
            for check in [description, name] {
                assert_eq!(
                    message(&check("d", text).expect_err("no visible character")),
                    "The text has no visible character; write at least one."
                );
            }
            assert!(reason("r", Some(text)).is_err());
            assert_eq!((name_from(text), username_from(text)), (None, None));
            assert!(email("email", &format!("{text}@example.com")).is_err() || text == "\u{301}");
        }
        assert!(name("name", "\u{2800}a").is_ok());
        // Emoji, the replacement character and unassigned code points are drawn.
        for text in ["\u{1F600}", "\u{1F44D}\u{1F3FD}", "\u{1F1EB}\u{1F1F7}", "\u{FFFD}", "\u{2FE0}", "-", "1"] {
            assert_eq!(name("name", text).expect("a name"), text);
        }
    }

    /// R-59
    #[test]
    fn noncharacters_and_private_use_are_rejected_in_every_text() {
        let planes = (0..=0x10_u32).flat_map(|plane| [plane << 16 | 0xFFFE, plane << 16 | 0xFFFF]);
        let noncharacters: Vec<_> = (0xFDD0..=0xFDEF).chain(planes).filter_map(char::from_u32).collect();
        assert_eq!(noncharacters.len(), 66);
        let private = ['\u{E000}', '\u{F8FF}', '\u{F0000}', '\u{FFFFD}', '\u{100000}', '\u{10FFFD}'];
        let refused = noncharacters.iter().map(|ch| (*ch, "is not assigned to a character"));
        for (ch, what) in refused.chain(private.map(|ch| (ch, "is for private use"))) {
            let (text, code) = (format!("ab{ch}c"), u32::from(ch));
            for check in [description, name, email] {
                let expected = format!("Character 3 of the text (U+{code:04X}) {what}; leave it out.");
                assert_eq!(message(&check("text", &text).expect_err("a rejected character")), expected);
            }
            assert!(reason("reason", Some(&text)).is_err() && search_text("owner", Some(&text)).is_err());
            assert!(username("username", &text).is_err() && slug("slug", &text).is_err());
            assert_eq!(
                (name_from(&text), username_from(&text), email_from(&format!("{text}@a.b"))),
                (None, None, None)
            );
            assert!(!is_visible(ch));
        }
    }

    /// R-59
    #[test]
    fn default_ignorable_code_points_are_rejected_and_variation_selectors_are_dropped() {
        let mut rejected = 0;
        for ch in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let text = format!("a{ch}b");
            if is_selector(ch) {
                assert_eq!(name("name", &text).expect("a name"), "ab");
                assert_eq!(fold(&text), "ab");
                assert_eq!(
                    description("d", &ch.to_string()).expect_err("an empty text").code().as_str(),
                    "INVALID_INPUT"
                );
                assert_eq!(reason("r", Some(&ch.to_string())).expect("an omitted text"), None);
            } else if CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(ch) {
                assert!(name("name", &text).is_err() && name_from(&text).is_none(), "{}", ch.escape_unicode());
                rejected += 1;
            }
        }
        // There are 260 variation selectors in addition.
        assert!(rejected > 3_800, "{rejected}");
        assert_eq!(name("name", "\u{2764}\u{FE0F}").expect("a heart"), "\u{2764}");
        // A variation selector does not separate a character from its accent.
        assert_eq!(name("name", "e\u{FE00}\u{301}").expect("a name"), "\u{e9}");
    }

    /// R-61
    #[test]
    fn dot_segments_are_not_usernames_or_slugs() {
        for dots in [".", ".."] {
            for check in [username, slug] {
                assert!(message(&check("slug", dots).expect_err("a path")).starts_with("`.` and `..` are not allowed"));
            }
            assert_eq!(username_from(dots), None);
        }
        assert_eq!(slug("slug", "...").expect("a slug"), "...");
        assert_eq!(username_from(".a").as_deref(), Some(".a"));
    }

    /// R-61
    #[test]
    fn composed_and_decomposed_names_are_equal() {
        assert_eq!(name("name", "Ame\u{301}lie").expect("a name"), "Am\u{e9}lie");
        assert_eq!(name("name", "Am\u{e9}lie").expect("a name"), "Am\u{e9}lie");
        assert_eq!(fold("AME\u{301}LIE"), fold("am\u{e9}lie"));
        // The limit applies to the composed form, which has fewer characters.
        assert!(name("name", &"e\u{301}".repeat(100)).is_ok());
    }

    /// R-61
    #[test]
    fn usernames_and_slugs_allow_few_ascii_characters() {
        for check in [username, slug] {
            for good in ["a", "ada", "ada.lovelace", "a-b_c.9", &"a".repeat(64)] {
                assert_eq!(check("input.username", good).expect("a word"), good);
            }
            for bad in ["", "Ada", "\u{430}da", "ad\u{e9}", "a b", " ada", "ada ", "a/b", "a@b", "a%", &"a".repeat(65)]
            {
                let message = message(&check("input.username", bad).expect_err("an invalid word"));
                assert!(message.ends_with("and no others."), "{message}");
            }
        }
    }

    #[test]
    fn email_addresses_are_validated() {
        for good in [
            "ada@example.com",
            "a@b",
            "a.b+c_d'e@mail-1.example.org",
            "jos\u{e9}@b\u{fc}cher.example",
            " ada@example.com ",
        ] {
            assert_eq!(email("email", good).expect("an address"), good.trim());
        }
        let long = format!("{}@{}.example", "a".repeat(64), "b.".repeat(95));
        for bad in [
            "",
            "ada",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            "a@b c",
            "a@b..c",
            "a@.b",
            "a@b.",
            "a..b@c",
            ".a@b",
            "a@-b",
            "a@b-",
            "<a@b>",
            "a,b@c",
            "Ada <a@b>",
            "a@[1.2.3.4]",
            "\"a\"@b",
            "a:b@c",
            &long,
            &format!("{}@b", "a".repeat(65)),
        ] {
            assert!(email("email", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn identity_provider_claims_are_adapted_or_omitted() {
        assert_eq!(username_from("deleted-018f6c1e7a3b7c4d8e5f0123456789ab"), None);
        assert!(username("username", "deleted-ada").is_err() && username("username", "ada-deleted").is_ok());
        assert_eq!(username_from("Ada.Lovelace").as_deref(), Some("ada.lovelace"));
        assert_eq!(username_from(" Ada Lovelace ").as_deref(), Some("ada-lovelace"));
        assert_eq!(username_from("ada@example.com").as_deref(), Some("ada-example.com"));
        assert_eq!(username_from("\u{430}da").as_deref(), Some("-da"));
        assert_eq!(username_from("Jose\u{301}").as_deref(), Some("jos-"));
        assert_eq!(username_from(&"A".repeat(70)), Some("a".repeat(64)));
        assert_eq!(username_from("  "), None);
        assert_eq!(username_from("a\u{202E}b"), None);
        assert_eq!(name_from(" Ada "), Some("Ada".into()));
        assert_eq!(name_from("A\0da"), None);
        assert_eq!(name_from(&"x".repeat(101)), None);
        assert_eq!(email_from("ada@example.com").as_deref(), Some("ada@example.com"));
        assert_eq!(email_from("ada"), None);
    }

    #[test]
    fn user_agent_path_and_method_are_cleaned() {
        assert_eq!(user_agent("curl/8\u{202E}\r\n.5 ").as_deref(), Some("curl/8.5"));
        assert_eq!(user_agent(&"x".repeat(300)), Some("x".repeat(200)));
        assert_eq!(user_agent("\u{1}"), None);
        assert_eq!(path("/v2/builds?token=1#top").as_deref(), Some("/v2/builds"));
        assert_eq!(path("/v2#top?token=1").as_deref(), Some("/v2"));
        assert_eq!(path("/a\0b").as_deref(), Some("/ab"));
        assert_eq!(path(&format!("/{}", "é".repeat(600))), Some(format!("/{}", "é".repeat(499))));
        assert_eq!(path("?token=1"), None);
        assert_eq!(method("get").as_deref(), Some("GET"));
        assert_eq!(method("VERSION-CONTROL").as_deref(), Some("VERSION-CONTROL"));
        for bad in ["", "GET /", "G\u{301}T", &"A".repeat(21)] {
            assert_eq!(method(bad), None);
        }
    }

    #[test]
    fn folding_ignores_case() {
        assert_eq!(fold("ADA Lovelace"), "ada lovelace");
        assert_eq!(fold("ΟΔΟΣ"), fold("οδος"));
        assert_eq!(fold("%_\\"), "%_\\");
    }

    proptest! {
        /// R-59
        #[test]
        fn any_text_is_checked_without_panic_and_valid_text_is_stable(text: String) {
            for check in CHECKS {
                if let Ok(kept) = check("field", &text) {
                    prop_assert_eq!(check("field", &kept).ok(), Some(kept.clone()));
                    prop_assert!(kept.chars().all(|ch| hidden(ch).is_none() && !is_selector(ch)));
                    prop_assert!(kept.chars().any(is_visible));
                }
            }
            let _ = (email_from(&text), method(&text));
            for kept in [user_agent(&text), path(&text)].into_iter().flatten() {
                prop_assert!(visible("field", &kept).is_ok() && kept.chars().count() <= 500);
            }
        }

        /// R-61
        #[test]
        fn derived_username_is_valid(text: String) {
            if let Some(found) = username_from(&text) {
                prop_assert_eq!(username("username", &found).ok(), Some(found));
            }
        }

        /// R-61
        #[test]
        fn folding_is_idempotent(text: String) {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
            prop_assert_eq!(fold(&text.nfd().collect::<String>()), fold(&text));
        }
    }
}
