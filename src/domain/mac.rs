//! Keyed hashes: HMAC-SHA-256 under random keys, of which each database generates one for each purpose.

use crate::domain::{error::Result, secret::random_text};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt;

/// The characters of a stored key: 256 bits.
const KEY_CHARS: usize = 43;
/// The block of SHA-256, to which HMAC fills a key with zeros.
const BLOCK: usize = 64;

/// What a key is for. A key of one purpose is never used for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To authenticate cursors.
    Cursors,
    /// To recognize usernames that were given up.
    Usernames,
}

impl Purpose {
    /// The name under which its key is stored.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Cursors => "cursor.key",
            Self::Usernames => "usernames.key",
        }
    }
}

/// A secret key.
#[derive(Clone, PartialEq, Eq)]
pub struct MacKey([u8; BLOCK]);

impl MacKey {
    /// Generates the text of a key, for storage.
    pub fn generate() -> Result<String> {
        random_text(KEY_CHARS)
    }

    /// Reads a stored key.
    pub fn parse(text: &str) -> Self {
        Self::of(text.as_bytes())
    }

    fn of(bytes: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        block.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Self(block)
    }

    /// Begins the hash of a message.
    pub fn mac(&self, message: &[u8]) -> Hmac<Sha256> {
        Hmac::<Sha256>::new(&self.0.into()).chain_update(message)
    }

    /// The hash of a message.
    pub fn hash(&self, message: &[u8]) -> [u8; 32] {
        self.mac(message).finalize().into_bytes().into()
    }

    /// A key that belongs to this one and a message.
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
    fn generated_keys_differ_and_debugging_one_shows_nothing() {
        let (one, other) = (MacKey::generate().expect("a key"), MacKey::generate().expect("a key"));
        assert_ne!(MacKey::parse(&one), MacKey::parse(&other));
        assert_ne!(MacKey::parse(&one).derived(b"a"), MacKey::parse(&one).derived(b"b"));
        assert_eq!(format!("{:?}", MacKey::parse(&one)), "MacKey(…)");
    }
}
