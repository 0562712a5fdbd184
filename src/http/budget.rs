//! A maximum number of bytes, and reservations that share it.
//!
//! Written by hand: a semaphore of `tokio` counts bytes as well, but keeps no last part for some of its users and cannot be exceeded
//! by a reservation that must succeed.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// The number of reserved bytes and its maximum.
#[derive(Debug)]
pub(super) struct Budget {
    used: AtomicUsize,
    max: usize,
}

impl Budget {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), max })
    }

    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    /// Reserves a part of the budget; `None` if it does not fit.
    pub(super) fn reserve(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        self.reserve_below(self.max, bytes)
    }

    /// Reserves a part of the budget, if an eighth of the budget is left afterwards.
    pub(super) fn reserve_but_an_eighth(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        self.reserve_below(self.max - self.max / 8, bytes)
    }

    /// Reserves a part of the budget, if a sixteenth of the budget is left afterwards.
    pub(super) fn reserve_but_a_sixteenth(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        self.reserve_below(self.max - self.max / 16, bytes)
    }

    /// Reserves bytes even if they exceed the budget.
    pub(super) fn force(self: &Arc<Self>, bytes: usize) -> Reservation {
        self.used.fetch_add(bytes, Relaxed);
        Reservation { bytes, budget: Arc::clone(self) }
    }

    fn reserve_below(self: &Arc<Self>, max: usize, bytes: usize) -> Option<Reservation> {
        self.take_below(max, bytes).then(|| Reservation { bytes, budget: Arc::clone(self) })
    }

    fn take_below(&self, max: usize, bytes: usize) -> bool {
        let fits = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= max);
        self.used.fetch_update(Relaxed, Relaxed, fits).is_ok()
    }
}

/// A reserved part of a budget, which is released when this value is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    bytes: usize,
    budget: Arc<Budget>,
}

impl Reservation {
    /// Reserves more, if an eighth of the budget is left afterwards.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let fits = self.budget.take_below(self.budget.max - self.budget.max / 8, bytes);
        self.bytes += if fits { bytes } else { 0 };
        fits
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Relaxed);
    }
}
