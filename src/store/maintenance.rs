//! Writes that no user decides: usage, deliveries and sessions. They record no event and take no event number.

use super::{Store, pool::Pool};

/// The entry point for writes that record no event.
#[derive(Debug)]
pub struct Maintenance<'store> {
    pub(super) store: &'store Store,
}

impl Store {
    /// Returns the entry point for writes that record no event.
    pub const fn maintenance(&self) -> Maintenance<'_> {
        Maintenance { store: self }
    }
}

impl Maintenance<'_> {
    pub(super) const fn db(&self) -> &Pool {
        &self.store.write
    }
}
