//! What is a link worth by which somebody chooses a password, and how does it read?

use crate::domain::{
    error::Result,
    secret::{Fingerprint, random_text},
};
use std::time::Duration;

/// For how long it is good, once.
pub const LIFETIME: Duration = Duration::from_hours(24);
/// The characters of a code: 256 bits.
const LENGTH: usize = 43;

/// What stands at the end of a link. Whoever has it chooses the password; it cannot be printed, copied or compared.
pub struct Code(String);

impl Code {
    /// A new one, from the random source of the operating system.
    pub fn generate() -> Result<Self> {
        random_text(LENGTH).map(Self)
    }

    /// The link, for the one who hands it on.
    pub fn link_once(self, public_url: &str) -> String {
        format!("{public_url}/invitations/{}", self.0)
    }

    /// What is kept of it, and found by.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0)
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(…)")
    }
}
