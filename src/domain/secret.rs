//! Token values, their hints and their fingerprints.
//!
//! A value consists of a prefix, an underscore, 32 random characters of base 62, and 6 more: the CRC-32 of all before
//! them, by which a scanner or an endpoint can reject a mistyped value without a lookup.

use crate::domain::error::{Error, Result};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The digits of base 62.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The number of random characters of a value: more than 190 bits.
const RANDOM: usize = 32;
/// The number of characters of the checksum: enough for 32 bits.
const CHECKSUM: usize = 6;
/// The number of characters that a hint shows of either end of a value.
pub(super) const SHOWN: usize = 4;

/// The prefix of token values, without the underscore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// Validates a configured prefix: 2 to 10 of `a-z 0-9`, of which the first is not a digit.
    pub fn new(text: &str) -> Result<Self> {
        let fits = (2..=10).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::invalid(
                "token.prefix",
                "A prefix has 2 to 10 of the characters a-z and 0-9 and begins with one of a-z, such as twd.",
            ))
        }
    }

    /// Returns the text of the prefix, without the underscore.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self("twd".into())
    }
}

/// A token value. It cannot be printed, cloned or compared: it is shown once or converted to a fingerprint.
pub struct Secret(String);

impl Secret {
    /// Generates a value from the random source of the operating system.
    pub fn generate(prefix: &Prefix) -> Result<Self> {
        let mut text = format!("{}_{}", prefix.as_str(), random_text(RANDOM)?);
        let sum = checksum(&text);
        text.push_str(&sum);
        Ok(Self(text))
    }

    /// Parses a value. Returns `None` if the prefix, length, characters or checksum are wrong.
    pub fn parse(prefix: &Prefix, text: &str) -> Option<Self> {
        let body = text.strip_prefix(prefix.as_str())?.strip_prefix('_')?;
        if body.len() != RANDOM + CHECKSUM || !body.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let (summed, sum) = text.split_at_checked(text.len() - CHECKSUM)?;
        (checksum(summed) == sum).then(|| Self(text.to_owned()))
    }

    /// Returns the text, for the response that shows a new token to its owner.
    pub fn reveal_once(self) -> String {
        self.0
    }

    /// Returns the fingerprint, which is stored and looked up.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0)
    }

    /// Returns the hint, by which the owner recognizes the value: `twd_Ab3x…9Zk0`.
    pub fn hint(&self) -> String {
        let head = self.0.len().saturating_sub(RANDOM + CHECKSUM - SHOWN);
        let tail = self.0.len().saturating_sub(SHOWN);
        format!("{}…{}", self.0.get(..head).unwrap_or_default(), self.0.get(tail..).unwrap_or_default())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Returns whether a word begins like a token value. Even if it is not valid, it must not be stored or shown.
pub fn looks_like_token(prefix: &Prefix, word: &str) -> bool {
    word.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with('_'))
}

/// Returns whether a word is the hint of a token value with this prefix.
pub fn is_hint(prefix: &Prefix, word: &str) -> bool {
    let ends = word.strip_prefix(prefix.as_str()).and_then(|rest| rest.strip_prefix('_'));
    let is_end = |end: &str| end.len() == SHOWN && end.bytes().all(|byte| byte.is_ascii_alphanumeric());
    ends.and_then(|ends| ends.split_once('…')).is_some_and(|(head, tail)| is_end(head) && is_end(tail))
}

/// The SHA-256 of a secret, the only form that is stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Computes the fingerprint of a complete secret.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Wraps the stored form.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the stored form.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares in constant time, for a secret that is not looked up by its fingerprint.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fingerprint(…)")
    }
}

/// Generates a text of `length` characters of base 62 from the random source of the operating system.
pub fn random_text(length: usize) -> Result<String> {
    let mut text = String::with_capacity(length);
    let mut bytes = [0; 64];
    while text.len() < length {
        getrandom::fill(&mut bytes).map_err(Error::unavailable)?;
        let missing = length - text.len();
        // 248 is 4 times 62: larger bytes would make some characters more frequent than others.
        let chars = bytes.iter().filter(|byte| **byte < 248).filter_map(|byte| ALPHABET.get(usize::from(byte % 62)));
        text.extend(chars.take(missing).map(|byte| char::from(*byte)));
    }
    Ok(text)
}

/// Returns the CRC-32 of a text in base 62, padded with zeros.
fn checksum(text: &str) -> String {
    let sum = crc32fast::hash(text.as_bytes());
    (0..CHECKSUM)
        .rev()
        .filter_map(|place| {
            let digit = sum / 62_u32.pow(u32::try_from(place).ok()?) % 62;
            ALPHABET.get(usize::try_from(digit).ok()?)
        })
        .map(|byte| char::from(*byte))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn twd() -> Prefix {
        Prefix::default()
    }

    fn a_secret() -> Secret {
        Secret::generate(&twd()).expect("a random source")
    }

    fn many() -> Vec<String> {
        (0..10_000).map(|_| a_secret().reveal_once()).collect()
    }

    /// Computes Pearson's chi-square statistic of the random characters, compared with a uniform distribution.
    fn chi_square(values: &[String]) -> f64 {
        let mut counts = [0_u32; 62];
        for byte in values.iter().flat_map(|value| value.bytes().skip(4).take(RANDOM)) {
            counts[ALPHABET.iter().position(|known| *known == byte).expect("base 62")] += 1;
        }
        let expected = f64::from(counts.iter().sum::<u32>()) / 62.0;
        counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum()
    }

    ///
    #[test]
    fn values_are_unique_and_contain_190_random_bits() {
        let values = many();
        let random: HashSet<_> = values.iter().map(|value| &value[4..4 + RANDOM]).collect();
        assert_eq!(random.len(), 10_000);
        assert!(62_f64.log2() * f64::from(u32::try_from(RANDOM).expect("a small number")) >= 190.0);
    }

    ///
    #[test]
    fn random_characters_are_uniform() {
        // 100.9 is exceeded with p = 0.001 (61 degrees of freedom): three times in a row, once in a thousand million runs.
        assert!((0..3).any(|_| chi_square(&many()) < 100.9));
    }

    ///
    #[test]
    fn value_with_a_changed_character_is_rejected() {
        let value = a_secret().reveal_once();
        assert!(Secret::parse(&twd(), &value).is_some());
        for place in 0..value.len() {
            for other in (0..=127_u8).filter(|other| *other != value.as_bytes()[place]) {
                let mut changed = value.clone().into_bytes();
                changed[place] = other;
                let changed = String::from_utf8(changed).expect("ASCII");
                assert!(Secret::parse(&twd(), &changed).is_none(), "place {place}, character {other}");
            }
            assert!(Secret::parse(&twd(), &format!("{}{}", &value[..place], &value[place + 1..])).is_none());
            assert!(Secret::parse(&twd(), &format!("{}é{}", &value[..place], &value[place..])).is_none());
        }
    }

    #[test]
    fn checksum_is_crc_32_in_base_62() {
        // The published check value: the CRC-32 of this text is 0xCBF43926.
        assert_eq!(checksum("123456789"), "3jZRME");
        assert_eq!(checksum(""), "000000");
    }

    #[test]
    fn value_has_the_published_format() {
        let value = a_secret().reveal_once();
        let body = value.strip_prefix("twd_").expect("the prefix");
        assert_eq!(body.len(), 38);
        assert!(body.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    #[test]
    fn value_with_another_prefix_is_rejected() {
        let other = Prefix::new("acme").expect("a prefix");
        let value = Secret::generate(&other).expect("a random source").reveal_once();
        assert!(Secret::parse(&other, &value).is_some());
        assert!(Secret::parse(&twd(), &value).is_none());
        assert!(!looks_like_token(&twd(), &value));
    }

    #[test]
    fn prefix_format_is_validated() {
        for good in ["twd", "ab", "a1", "abcdefghij"] {
            assert_eq!(Prefix::new(good).expect("a prefix").as_str(), good);
        }
        for bad in ["", "a", "1a", "abcdefghijk", "Twd", "t_d", "t-d", "twd ", "tẃd"] {
            assert_eq!(Prefix::new(bad).expect_err("no prefix").code().as_str(), "INVALID_INPUT");
        }
    }

    ///
    #[test]
    fn word_that_begins_like_a_value_need_not_be_valid() {
        assert!(looks_like_token(&twd(), "twd_"));
        assert!(looks_like_token(&twd(), "twd_0000"));
        for word in ["", "twd", "twdx", "_twd_", "atwd_0", "TWD_0"] {
            assert!(!looks_like_token(&twd(), word));
        }
        assert!(Secret::parse(&twd(), "twd_0000").is_none());
    }

    #[test]
    fn hint_shows_four_characters_of_either_end() {
        let secret = a_secret();
        let hint = secret.hint();
        let value = secret.reveal_once();
        assert_eq!(hint, format!("{}…{}", &value[..8], &value[value.len() - 4..]));
        let is = |word: &str| is_hint(&Prefix::default(), word);
        assert!(is(&hint));
        let (half, short, other) = (&value[..8], hint.replace('_', "_a"), hint.replace("twd", "abc"));
        for word in [value.as_str(), half, &short, &other, &format!("{hint}a"), &format!("{hint}…"), "twd_…", ""] {
            assert!(!is(word), "{word}");
        }
    }

    ///
    #[test]
    fn debug_of_secret_is_a_placeholder() {
        let secret = a_secret();
        assert_eq!(format!("{secret:?} {:?}", secret.fingerprint()), "Secret(…) Fingerprint(…)");
    }

    ///
    #[test]
    fn secret_implements_no_trait_that_reveals_it() {
        // If `Secret` implemented one of these traits, `_` would be ambiguous and this would not compile.
        macro_rules! never {
            ($($bound:path),*) => {$({
                trait Way<T> {
                    fn one() {}
                }
                impl<T> Way<()> for T {}
                impl<T: $bound> Way<u8> for T {}
                <Secret as Way<_>>::one();
            })*};
        }
        never!(Clone, PartialEq, std::fmt::Display, serde::Serialize, AsRef<str>, std::ops::Deref);
    }

    #[test]
    fn fingerprint_is_sha_256_of_the_complete_value() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hex: Vec<_> = Fingerprint::of("abc").as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex.concat(), known);
        let secret = a_secret();
        let fingerprint = secret.fingerprint();
        assert!(fingerprint.matches(&Fingerprint::of(&secret.reveal_once())));
        assert!(!fingerprint.matches(&Fingerprint::from_bytes([0; 32])));
    }

    #[test]
    fn random_text_has_the_requested_length() {
        for length in [0, 1, 43, 64, 1000] {
            let text = random_text(length).expect("a random source");
            assert_eq!(text.len(), length);
            assert!(text.bytes().all(|byte| ALPHABET.contains(&byte)));
        }
    }

    proptest! {
        #[test]
        fn value_parser_accepts_any_text_without_panic(text: String, tail in "\\PC{0,60}") {
            prop_assert!(Secret::parse(&twd(), &text).is_none());
            let _ = Secret::parse(&twd(), &format!("twd_{tail}"));
        }

        #[test]
        fn generated_value_is_parsed(prefix in "[a-z][a-z0-9]{1,9}") {
            let prefix = Prefix::new(&prefix).expect("a prefix");
            let secret = Secret::generate(&prefix).expect("a random source");
            let fingerprint = secret.fingerprint();
            let value = secret.reveal_once();
            prop_assert!(looks_like_token(&prefix, &value));
            prop_assert_eq!(Secret::parse(&prefix, &value).map(|again| again.fingerprint()), Some(fingerprint));
        }
    }
}
