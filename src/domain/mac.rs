//! Keyed hashes: HMAC-SHA-256. Each database has one random key per purpose.

use crate::domain::{error::Result, secret::random_text};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt;

/// The number of characters of a stored key: 256 bits.
const KEY_CHARS: usize = 43;
/// The block size of SHA-256. HMAC pads a key with zeros to this size.
const BLOCK: usize = 64;

/// The purpose of a key. A key is never used for another purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Cursors are authenticated.
    Cursors,
    /// Usernames that are no longer used are recognized by their hash.
    Usernames,
}

impl Purpose {
    /// Returns the name of the setting that stores the key.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Cursors => "cursor.key",
            Self::Usernames => "usernames.key",
        }
    }
}

/// A secret key, padded to a block.
#[derive(Clone, PartialEq, Eq)]
pub struct MacKey([u8; BLOCK]);

impl MacKey {
    /// Generates a key in its stored form.
    pub fn generate() -> Result<String> {
        random_text(KEY_CHARS)
    }

    /// Parses a stored key.
    pub fn parse(text: &str) -> Self {
        Self::of(text.as_bytes())
    }

    fn of(bytes: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        block.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Self(block)
    }

    /// Returns the MAC of a message before it is finalized, so that more can be added or a tag verified.
    pub fn mac(&self, message: &[u8]) -> Hmac<Sha256> {
        Hmac::<Sha256>::new(&self.0.into()).chain_update(message)
    }

    /// Returns the MAC of a message.
    pub fn hash(&self, message: &[u8]) -> [u8; 32] {
        self.mac(message).finalize().into_bytes().into()
    }

    /// Derives another key: the MAC of a message.
    #[must_use]
    pub fn derived(&self, message: &[u8]) -> Self {
        Self::of(&self.hash(message))
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn hash_is_hmac_sha_256() {
        let hash = MacKey::parse("Jefe").hash(b"what do ya want for nothing?");
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn generated_keys_differ_and_debug_hides_them() {
        let (one, other) = (MacKey::generate().expect("a key"), MacKey::generate().expect("a key"));
        assert_ne!(MacKey::parse(&one), MacKey::parse(&other));
        assert_ne!(MacKey::parse(&one).derived(b"a"), MacKey::parse(&one).derived(b"b"));
        assert_eq!(format!("{:?}", MacKey::parse(&one)), "MacKey(…)");
    }
}
