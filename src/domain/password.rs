//! Passwords: which are accepted, how they are hashed and verified.
//!
//! A password must be long and hard to guess, and may consist of any characters. It is hashed by Argon2id, which takes
//! 19 MiB of memory and a noticeable time on purpose. These functions must not run on a thread that serves requests.

use crate::domain::error::{Error, Result};
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use unicode_normalization::UnicodeNormalization as _;
use zxcvbn::{Score, zxcvbn};

/// The minimum number of characters of a password.
pub const MIN_LENGTH: usize = 15;
/// The maximum number of characters of a password.
pub const MAX_LENGTH: usize = 256;

/// The number of characters that the estimate considers. Its work grows with the square: 100 characters take seconds.
const MAX_ESTIMATED: usize = 40;

/// The hash that is verified for a user without a password, so that this takes as long as for a user with one. No password
/// has this hash.
const DUMMY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password in NFC, so that it is the same however it was typed. It cannot be printed, cloned or compared.
pub struct Password(String);

impl Password {
    /// Wraps a password that a user enters to sign in.
    pub fn new(text: &str) -> Self {
        Self(text.nfc().collect())
    }

    /// Validates a new password: 15 to 256 characters, and hard to guess for an attacker who knows the `names` of the user.
    pub fn validate(field: &str, text: &str, names: &[&str]) -> Result<Self> {
        let refuse = |message: &str| Err(Error::invalid(field.to_owned(), message));
        let password = Self::new(text);
        let length = password.0.chars().count();
        if length < MIN_LENGTH {
            return refuse("The password is too short; choose one of at least 15 characters, such as a few words.");
        }
        if length > MAX_LENGTH {
            return refuse("The password is too long; choose one of at most 256 characters.");
        }
        if password.is_easily_guessed(names) {
            return refuse("This password is easy to guess; choose another one, such as a few unrelated words.");
        }
        Ok(password)
    }

    /// Returns whether an attacker who knows these names would guess the first characters early.
    fn is_easily_guessed(&self, names: &[&str]) -> bool {
        let words = names.iter().flat_map(|name| name.split(|ch: char| !ch.is_alphanumeric()));
        // A name that is longer than these characters cannot be part of them.
        let fits = |name: &&str| name.chars().take(MAX_ESTIMATED + 1).count() <= MAX_ESTIMATED;
        let known: Vec<_> = names.iter().copied().chain(words).chain(["tokenward"]).filter(fits).collect();
        let beginning: String = self.0.chars().take(MAX_ESTIMATED).collect();
        zxcvbn(&beginning, &known).score() < Score::Three
    }

    /// Hashes the password with a random salt.
    pub fn hash(&self) -> Result<PasswordHash> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(Error::unavailable)?;
        let hash = Argon2::default().hash_password_with_salt(self.0.as_bytes(), &salt);
        hash.map(|hash| PasswordHash(hash.to_string())).map_err(|error| Error::Bug(error.to_string().into()))
    }

    /// Returns whether the password has this hash. Without a hash it takes as long and returns false.
    pub fn matches(&self, hash: Option<&PasswordHash>) -> bool {
        let text = hash.map_or(DUMMY_HASH, |hash| &hash.0);
        Argon2::default().verify_password(self.0.as_bytes(), text).is_ok() && hash.is_some()
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The hash of a password: a PHC string with salt, cost and hash.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps the stored form.
    pub const fn from_text(text: String) -> Self {
        Self(text)
    }

    /// Returns the stored form.
    pub fn as_text(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> Result<Password> {
        Password::validate("password", text, &["ada", "Ada Lovelace", "ada@example.test"])
    }

    ///
    #[test]
    fn password_has_15_to_256_characters() {
        let unlike = "k7Qz-vw mRt4éP";
        for (text, good) in [
            (unlike.to_owned(), false),
            (format!("{unlike}x"), true),
            (unlike.repeat(20).chars().take(256).collect(), true),
            (unlike.repeat(20).chars().take(257).collect(), false),
            ("🦀 correct horse 🦀".into(), true),
            // Two code points that are composed to one character count as one.
            ("k7Qz-vw mRt4Pe\u{301}".into(), false),
        ] {
            let found = chosen(&text);
            assert_eq!(found.is_ok(), good, "{text}");
        }
    }

    ///
    #[test]
    fn easily_guessed_password_is_rejected_and_not_repeated() {
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
            assert!(
                matches!(&error, Error::Invalid { field, message } if field == "password" && !message.contains(common))
            );
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
    fn estimate_considers_the_first_40_characters_only() {
        let (good, bad) = ("plover gantry ounce misfit tundra willow", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        assert_eq!((good.chars().count(), bad.chars().count()), (MAX_ESTIMATED, MAX_ESTIMATED));
        assert!(chosen(&format!("{good}{bad}")).is_ok());
        assert!(chosen(&format!("{bad}{good}")).is_err());
    }

    ///
    #[test]
    fn password_matches_its_hash_in_either_unicode_form() {
        let hash = Password::new("correct horse batt\u{e9}ry").hash().expect("a hash");
        assert!(hash.as_text().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(Password::new("correct horse batte\u{301}ry").matches(Some(&hash)));
        assert!(!Password::new("correct horse battery").matches(Some(&hash)));
        assert!(!Password::new("correct horse batt\u{e9}ry").matches(None));
        assert_ne!(Password::new("one").hash().expect("a hash"), Password::new("one").hash().expect("a hash"));
    }

    ///
    #[test]
    fn missing_hash_takes_the_same_work() {
        let cost = |text: &str| text.rsplitn(3, '$').last().map(ToOwned::to_owned);
        let hash = Password::new("any").hash().expect("a hash");
        assert_eq!(cost(DUMMY_HASH), cost(hash.as_text()));
        assert_eq!(DUMMY_HASH.len(), hash.as_text().len());
    }

    ///
    #[test]
    fn debug_of_password_is_a_placeholder() {
        let password = Password::new("correct horse");
        let printed = format!("{password:?} {:?}", password.hash().expect("a hash"));
        assert_eq!(printed, "Password(…) PasswordHash(…)");
    }
}
