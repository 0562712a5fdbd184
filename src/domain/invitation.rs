//! Invitations: links with a code, by which a user chooses a password.

use crate::domain::{
    error::Result,
    secret::{Fingerprint, random_text},
};
use std::time::Duration;

/// The time for which a link is valid. It can be used once.
pub const LIFETIME: Duration = Duration::from_hours(24);
/// The number of characters of a code: 256 bits.
const LENGTH: usize = 43;

/// The code at the end of a link. Its holder chooses the password, so that it cannot be printed, cloned or compared.
pub struct Code(String);

impl Code {
    /// Generates a code from the random source of the operating system.
    pub fn generate() -> Result<Self> {
        random_text(LENGTH).map(Self)
    }

    /// Returns the link, to be shown once to the user who passes it on.
    pub fn link_once(self, public_url: &str) -> String {
        format!("{public_url}/invitations/{}", self.0)
    }

    /// Returns the fingerprint, which is stored and looked up.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0)
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(…)")
    }
}
