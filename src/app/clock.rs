//! The clock of the process: the only source of the system time.

use crate::domain::time::Time;
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

/// The system time, which never goes back within the process: what has expired stays expired when the system clock is set back.
/// A clone is another handle to the same clock.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// The latest time that was returned, in microseconds.
    latest: Arc<AtomicI64>,
    /// The difference from the system clock, in microseconds.
    offset: Arc<AtomicI64>,
    /// The part of the offset, in microseconds, that has passed for the database as well.
    simulated: Arc<AtomicI64>,
}

impl Clock {
    /// Returns the clock of the system.
    pub fn machine() -> Self {
        Self::default()
    }

    /// Sets the system clock ahead by so many microseconds, or back if negative. For tests.
    #[cfg(feature = "testing")]
    pub fn shift(&self, micros: i64) {
        self.offset.fetch_add(micros, Ordering::Relaxed);
    }

    /// Simulates that this much time has passed, for the database as well. For tests.
    #[cfg(feature = "testing")]
    pub fn advance(&self, span: Duration) {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        self.simulated.fetch_add(micros, Ordering::Relaxed);
        self.shift(micros);
    }

    pub(super) fn simulated(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.simulated.load(Ordering::Relaxed)).unwrap_or_default())
    }

    /// Returns the current time, or the latest one that was returned if the system clock was set back behind it.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> Time {
        let system = chrono::Utc::now().timestamp_micros() + self.offset.load(Ordering::Relaxed);
        let latest = self.latest.fetch_max(system, Ordering::Relaxed);
        Time::from_micros(latest.max(system))
    }

    /// Returns how far the system clock was set back behind the latest time that was returned, in microseconds.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub(super) fn set_back_by(&self) -> u64 {
        let system = chrono::Utc::now().timestamp_micros() + self.offset.load(Ordering::Relaxed);
        u64::try_from(self.latest.load(Ordering::Relaxed) - system).unwrap_or_default()
    }

    /// Returns the current time of the monotonic clock, which a change of the system time does not affect. A positive offset
    /// moves it ahead; a negative one does not move it back.
    pub fn instant(&self) -> Instant {
        let ahead = u64::try_from(self.offset.load(Ordering::Relaxed)).unwrap_or_default();
        Instant::now() + Duration::from_micros(ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-10
    #[test]
    fn clock_that_is_set_back_stands_still_until_it_catches_up() {
        let clock = Clock::machine();
        let hour = 3_600_000_000;
        clock.shift(hour);
        let latest = clock.now();
        clock.clone().shift(-hour);
        assert_eq!((clock.now(), clock.clone().now()), (latest, latest));
        clock.shift(hour + 1);
        assert!(clock.now() > latest);
    }
}
