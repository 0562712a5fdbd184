//! What a password may be, what is kept of one, and whether one is the right one.
//!
//! A long one that nobody would guess is asked for, and nothing about its signs. What is kept is made by Argon2id: it takes
//! 19 MiB and a moment of work, on purpose, so none of this is for a thread that others wait for.

use crate::domain::error::{Error, Result};
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use unicode_normalization::UnicodeNormalization as _;
use zxcvbn::{Score, zxcvbn};

/// The fewest characters of a password.
pub const MIN_LENGTH: usize = 15;
/// The most characters of a password.
pub const MAX_LENGTH: usize = 256;

/// The number of characters that the estimate looks at: its work grows with the square of them, to seconds at a hundred.
const MAX_ESTIMATED: usize = 40;

/// What is compared where nobody has a password, so that it takes as long as where somebody has. No password leads to it.
const DUMMY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password, in one form however it was typed. It cannot be printed, copied or compared.
pub struct Password(String);

impl Password {
    /// As somebody gives it to sign in.
    pub fn given(text: &str) -> Self {
        Self(text.nfc().collect())
    }

    /// As somebody chooses it, who is called `names`: 15 to 256 characters, and not among the first that would be guessed.
    pub fn chosen(field: &str, text: &str, names: &[&str]) -> Result<Self> {
        let refuse = |why: &str| Err(Error::invalid(field.to_owned(), why));
        let password = Self::given(text);
        let length = password.0.chars().count();
        if length < MIN_LENGTH {
            return refuse("The password is too short; choose one of at least 15 characters, such as a few words.");
        }
        if length > MAX_LENGTH {
            return refuse("The password is too long; choose one of at most 256 characters.");
        }
        if password.is_easily_guessed(names) {
            return refuse(
                "This password is among the first that would be guessed; choose another, such as words that do not belong together.",
            );
        }
        Ok(password)
    }

    /// Whether the first characters are among the first guesses of an attacker who knows these names.
    fn is_easily_guessed(&self, names: &[&str]) -> bool {
        let words = names.iter().flat_map(|name| name.split(|letter: char| !letter.is_alphanumeric()));
        // A name that is longer than what is looked at cannot be part of it.
        let fits = |name: &&str| name.chars().take(MAX_ESTIMATED + 1).count() <= MAX_ESTIMATED;
        let known: Vec<_> = names.iter().copied().chain(words).chain(["tokenward"]).filter(fits).collect();
        let beginning: String = self.0.chars().take(MAX_ESTIMATED).collect();
        zxcvbn(&beginning, &known).score() < Score::Three
    }

    /// What is kept of it.
    pub fn hashed(&self) -> Result<Hashed> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(Error::unavailable)?;
        let hash = Argon2::default().hash_password_with_salt(self.0.as_bytes(), &salt);
        hash.map(|hash| Hashed(hash.to_string())).map_err(|error| Error::Bug(error.to_string().into()))
    }

    /// Whether this is what is kept of it. Nothing is nobody's, and takes as long.
    pub fn is(&self, kept: Option<&Hashed>) -> bool {
        let text = kept.map_or(DUMMY_HASH, |kept| &kept.0);
        Argon2::default().verify_password(self.0.as_bytes(), text).is_ok() && kept.is_some()
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What is kept of a password: salt, cost and digest, as a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct Hashed(String);

impl Hashed {
    /// From what the store holds.
    pub const fn from_text(text: String) -> Self {
        Self(text)
    }

    /// As the store holds it.
    pub fn as_text(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Hashed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hashed(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> Result<Password> {
        Password::chosen("password", text, &["ada", "Ada Lovelace", "ada@example.test"])
    }

    ///
    #[test]
    fn a_password_has_15_to_256_characters() {
        let unlike = "k7Qz-vw mRt4éP";
        for (text, good) in [
            (unlike.to_owned(), false),
            (format!("{unlike}x"), true),
            (unlike.repeat(20).chars().take(256).collect(), true),
            (unlike.repeat(20).chars().take(257).collect(), false),
            ("🦀 correct horse 🦀".into(), true),
            // What is typed as two and kept as one character counts as one.
            ("k7Qz-vw mRt4Pe\u{301}".into(), false),
        ] {
            let found = chosen(&text);
            assert_eq!(found.is_ok(), good, "{text}");
        }
    }

    ///
    #[test]
    fn what_would_be_guessed_first_is_refused_and_not_repeated() {
        for common in [
            "passwordpassword",
            "123456789012345",
            "qwertyuiopasdfgh",
            "aaaaaaaaaaaaaaaa",
            "abcdefghijklmnop",
            "iloveyouiloveyou",
            "tokenwardtokenward",
            "adalovelaceadalovelace",
            "ada@example.test1",
        ] {
            let error = chosen(common).expect_err(common);
            assert!(matches!(&error, Error::Invalid { field, why } if field == "password" && !why.contains(common)));
        }
        for good in [
            "rT5kXwq0ZbP3mNs",
            "x9Fh2LqTz7Wc4VbKp0RyN8sDmJgA3uEoQi6tYvXh1CkZn5BwSr2MfPjUlHdOaGeI",
            "plover gantry ounce misfit",
        ] {
            assert!(chosen(good).is_ok(), "{good}");
        }
    }

    ///
    #[test]
    fn estimate_looks_at_the_first_forty_characters_only() {
        let (good, bad) = ("plover gantry ounce misfit tundra willow", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        assert_eq!((good.chars().count(), bad.chars().count()), (MAX_ESTIMATED, MAX_ESTIMATED));
        assert!(chosen(&format!("{good}{bad}")).is_ok());
        assert!(chosen(&format!("{bad}{good}")).is_err());
    }

    ///
    #[test]
    fn one_that_is_kept_is_known_again_in_either_form_and_another_is_not() {
        let kept = Password::given("correct horse batt\u{e9}ry").hashed().expect("a hash");
        assert!(kept.as_text().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(Password::given("correct horse batte\u{301}ry").is(Some(&kept)));
        assert!(!Password::given("correct horse battery").is(Some(&kept)));
        assert!(!Password::given("correct horse batt\u{e9}ry").is(None));
        assert_ne!(Password::given("one").hashed().expect("a hash"), Password::given("one").hashed().expect("a hash"));
    }

    ///
    #[test]
    fn where_nobody_has_a_password_the_same_work_is_done() {
        let cost = |text: &str| text.rsplitn(3, '$').last().map(ToOwned::to_owned);
        let kept = Password::given("any").hashed().expect("a hash");
        assert_eq!(cost(DUMMY_HASH), cost(kept.as_text()));
        assert_eq!(DUMMY_HASH.len(), kept.as_text().len());
    }

    ///
    #[test]
    fn what_is_printed_of_a_password_is_a_placeholder() {
        let password = Password::given("correct horse");
        let printed = format!("{password:?} {:?}", password.hashed().expect("a hash"));
        assert_eq!(printed, "Password(…) Hashed(…)");
    }
}
