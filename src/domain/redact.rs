//! Redaction of texts that clients wrote, before they are logged or recorded: removes token values and codes of
//! invitations, however they are spelled.

use crate::domain::{
    secret::{Prefix, SHOWN},
    text,
};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization as _;

/// A text that is percent-encoded more often than this is omitted.
const MAX_DECODINGS: usize = 8;
/// The maximum length of a word after [`INVITATIONS`] that is not redacted. Codes have 43 characters.
const MAX_WORD_LENGTH: usize = 15;
/// The segment before the code in a link, in any case.
const INVITATIONS: &str = "invitations";
const OMITTED: &str = "…";

/// The maximum length of a text, in bytes: several times the length of any text that is recorded. The rest is dropped.
const MAX_LENGTH: usize = 4 * 1024;

fn beginning(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_LENGTH)).unwrap_or(text)
}

/// Returns the text itself if it contains no secret; otherwise its decoded, normalized form without secrets. Long texts
/// are truncated.
pub fn redacted(prefix: &Prefix, text: &str) -> String {
    let text = beginning(text);
    let Some(plain) = normalized(text) else { return OMITTED.into() };
    let redacted_text = without_codes(&redact_tokens(prefix, &plain));
    if redacted_text == plain { text.to_owned() } else { redacted_text }
}

/// Redacts a path of this service. Everything after [`INVITATIONS`] is a code.
pub fn own_path(prefix: &Prefix, path: &str) -> String {
    let path = beginning(path);
    let Some(plain) = normalized(path) else { return OMITTED.into() };
    match split_at_codes(&plain) {
        Some((before, after)) if after.len() > 1 => format!("{}/{OMITTED}", redact_tokens(prefix, before)),
        _ => redacted(prefix, path),
    }
}

/// Returns whether the text contains a token value.
pub fn contains_token(prefix: &Prefix, text: &str) -> bool {
    normalized(text).is_none_or(|plain| redact_tokens(prefix, &plain) != plain)
}

/// Replaces each possible token value, in any case, by its prefix and an ellipsis.
fn redact_tokens(prefix: &Prefix, text: &str) -> String {
    let head = format!("{}_", prefix.as_str());
    // Lowercasing ASCII keeps all positions.
    let folded = text.to_ascii_lowercase();
    let (mut rest, mut folded) = (text, folded.as_str());
    let mut masked = String::with_capacity(text.len());
    while let Some(at) = folded.find(&head) {
        let (before, after) = rest.split_at_checked(at + head.len()).unwrap_or((rest, ""));
        let value = after.find(|ch: char| !ch.is_ascii_alphanumeric()).unwrap_or(after.len());
        masked.push_str(before);
        // A text that is not longer than the two ends of a hint reveals nothing, and may be an ordinary word. It is not
        // skipped, since another prefix and value may begin within it.
        let skipped = if value > 2 * SHOWN { value } else { 0 };
        if skipped > 0 {
            masked.push('…');
        }
        rest = after.get(skipped..).unwrap_or_default();
        folded = folded.get(before.len() + skipped..).unwrap_or_default();
    }
    masked + rest
}

/// Decodes percent-encodings until none is left, removes invisible characters and applies NFKC. Returns `None` if that
/// takes more than [`ROUNDS`].
fn normalized(text: &str) -> Option<Cow<'_, str>> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'%') {
        return Some(text.into());
    }
    let mut plain = Cow::Borrowed(text);
    for _ in 0..MAX_DECODINGS {
        let next: String = text::without_invisible(&percent_decode_str(&plain).decode_utf8_lossy()).nfkc().collect();
        if next == plain {
            return Some(plain);
        }
        plain = next.into();
    }
    None
}

fn split_at_codes(plain: &str) -> Option<(&str, &str)> {
    let at = plain.to_ascii_lowercase().find(INVITATIONS)?;
    plain.split_at_checked(at + INVITATIONS.len())
}

fn without_codes(plain: &str) -> String {
    let Some((before, after)) = split_at_codes(plain) else { return plain.to_owned() };
    let other = |ch: char| !ch.is_ascii_alphanumeric();
    let words = after.split_inclusive(other).map(|piece| {
        let word = piece.trim_end_matches(other);
        if word.len() > MAX_WORD_LENGTH { piece.replacen(word, OMITTED, 1) } else { piece.to_owned() }
    });
    before.to_owned() + &words.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{invitation::Code, secret::Secret};
    use proptest::prelude::*;

    fn twd() -> Prefix {
        Prefix::default()
    }

    fn a_value() -> String {
        Secret::generate(&twd()).expect("a random source").reveal_once()
    }

    fn a_code() -> String {
        let link = Code::generate().expect("a random source").link_once("");
        link.rsplit('/').next().expect("a code").to_owned()
    }

    /// Percent-encodes every byte.
    fn encoded(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat()
    }

    /// Converts ASCII to full-width characters.
    fn wide(text: &str) -> String {
        text.chars().map(|ch| char::from_u32(u32::from(ch) + 0xFEE0).expect("a character")).collect()
    }

    ///
    #[test]
    fn value_is_redacted_at_any_position() {
        let value = a_value();
        assert_eq!(redact_tokens(&twd(), &format!("/a/{value}/b?x={value}")), "/a/twd_…/b?x=twd_…");
        assert_eq!(redact_tokens(&twd(), &value[..20]), "twd_…");
        for ordinary in ["/v1/builds", "twd_", "/twd_x/y", "", "twd"] {
            assert_eq!(redact_tokens(&twd(), ordinary), ordinary);
        }
        assert_eq!(redact_tokens(&twd(), &format!("é{}é{value}é", value.to_uppercase())), "éTWD_…étwd_…é");
    }

    ///
    #[test]
    fn value_after_another_prefix_is_redacted() {
        let value = a_value();
        for before in ["twd_", "twd_12345_", "twdtwd_", "twd_twd_", "twd_1twd_"] {
            let text = format!("/v1/{before}{value}");
            assert!(!redacted(&twd(), &text).contains(&value[4..]), "{before}");
            assert!(contains_token(&twd(), &text), "{before}");
        }
        assert_eq!(redacted(&twd(), "/v1/twd_12345/twd_x"), "/v1/twd_12345/twd_x");
    }

    #[test]
    fn long_text_is_truncated_before_it_is_redacted() {
        assert_eq!(redacted(&twd(), &"é".repeat(50_000)).len(), MAX_LENGTH);
        let value = format!("{}{}", "x".repeat(MAX_LENGTH - 20), a_value());
        assert!(redacted(&twd(), &value).ends_with("twd_…"));
    }

    ///
    #[test]
    fn value_is_redacted_in_every_spelling() {
        let value = a_value();
        let (head, tail) = value.split_at(8);
        for spelling in [
            value.clone(),
            value.replace('_', "%5F"),
            value.replace('_', "%5f"),
            value.replace('_', "%255F"),
            value.replace('_', "%%35F"),
            value.replace("twd", "TWD"),
            value.replace("twd_", "%74%57d%EF%BC%BF"),
            encoded(&value),
            encoded(&encoded(&value)),
            wide(&value),
            encoded(&wide(&value)),
            format!("{head}\u{200B}{tail}"),
            format!("{head}%E2%80%8B{tail}"),
            format!("{head}%0A{tail}"),
            format!("{head}\u{AD}{tail}"),
            format!("{head}\u{FE0F}{tail}"),
            format!("{head}\u{180B}{tail}"),
            format!("{head}\u{180F}{tail}"),
            format!("{head}\u{E0101}{tail}"),
        ] {
            let text = format!("/v1/é%20/{spelling}/builds");
            assert_eq!(redacted(&twd(), &text).to_lowercase(), "/v1/é /twd_…/builds", "{spelling}");
            assert!(contains_token(&twd(), &text), "{spelling}");
        }
        let deep = (0..20).fold(value, |text, _| text.replace('_', "%5F").replace('%', "%25"));
        assert_eq!(redacted(&twd(), &deep), OMITTED);
    }

    ///
    #[test]
    fn invitation_code_is_redacted_in_every_spelling() {
        let code = a_code();
        for path in [
            format!("/invitations/{code}"),
            format!("//invitations//{code}/"),
            format!("/INVITATIONS/{code}"),
            format!("/%69nvitations/{code}"),
            format!("/%2569nvitations/{code}"),
            format!("/invitations%2F{code}"),
            format!("/invitations%252f{}", encoded(&code)),
            format!("/./x/../invitations/./{code}"),
            format!("\\invitations\\{code}"),
            format!("/invitations;a=b/{code}"),
            format!("/prefix/invitations/{code}?x#y"),
            format!("/invit\u{200B}ations/{code}"),
            format!("/invitations?code={code}"),
            format!("{}{}", wide("/invitations/"), wide(&code)),
            format!("Mozilla/5.0 (https://tokens.example.com/invitations/{code})"),
        ] {
            for redacted_text in [redacted(&twd(), &path), own_path(&twd(), &path)] {
                let lower = redacted_text.to_lowercase();
                assert!(lower.contains("invitations") && redacted_text.contains('…'), "{path}: {redacted_text}");
                assert!(
                    !redacted_text.contains(&code[..16]) && !redacted_text.contains(&code[27..]),
                    "{path}: {redacted_text}"
                );
            }
        }
        for short in ["/invitations/a-code", "/Invitations/a-code/x", "/%69nvitations%2Fa-code"] {
            assert!(own_path(&twd(), short).to_lowercase().ends_with("/invitations/…"), "{short}");
        }
    }

    #[test]
    fn ordinary_text_is_unchanged() {
        for text in [
            "",
            "/v1/builds",
            "/v1/100%25/é%2Fx/%zz?%",
            "curl/8 (Ünïcode; ﬁ)",
            "/twd_x/y",
            "/v1/invitations/42/accept",
            "/v1/invitations/0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071",
            "/organizations/acme/members",
        ] {
            assert_eq!(redacted(&twd(), text), text);
            assert!(!contains_token(&twd(), text), "{text}");
        }
        assert_eq!(own_path(&twd(), "/invitations/"), "/invitations/");
    }

    proptest! {
        ///
        #[test]
        fn mixed_encodings_never_keep_a_value(choices in prop::collection::vec(0..5_usize, 42), before: String) {
            let value = a_value();
            let spelled: String = value.chars().zip(&choices).map(|(ch, choice)| match choice {
                0 => encoded(&ch.to_string()),
                1 => encoded(&encoded(&ch.to_string())),
                2 => wide(&ch.to_string()),
                3 => format!("\u{200D}{ch}"),
                _ => ch.to_string(),
            }).collect();
            let redacted_text = redacted(&twd(), &format!("{before}/{spelled}"));
            let plain = normalized(&redacted_text).unwrap_or_default().into_owned();
            prop_assert!(!plain.contains(&value[4..]), "{redacted_text}");
        }
    }
}
