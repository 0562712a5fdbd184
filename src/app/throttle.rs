//! Limits the events of a key within a window of time, for example failed sign-ins of a network or changes of a user.
//!
//! Written by hand: `governor` spreads its limit evenly over time and cannot take an event back, as a correct password must; here a
//! window has a count, and the number of keys is limited.

use crate::domain::error::{Error, Result};
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The number of keys that are counted at once. Beyond it, keys whose window has ended are dropped or, if there are none,
/// those with the lowest count.
const MAX_KEYS: usize = 50_000;

/// Counts events per key within a window.
#[derive(Debug)]
pub struct Throttle<K> {
    counts: Mutex<HashMap<K, Count>>,
    window: Duration,
    message: &'static str,
}

/// A key and its limit within the window.
pub type Limit<K> = (K, u32);

#[derive(Debug)]
struct Count {
    since: Instant,
    events: u32,
}

impl<K: Hash + Eq + Clone> Throttle<K> {
    /// Creates a throttle that rejects with this message.
    pub fn new(window: Duration, message: &'static str) -> Self {
        Self { counts: Mutex::default(), window, message }
    }

    /// Returns `RATE_LIMITED` if any of the keys is at its limit.
    pub fn check(&self, limits: &[Limit<K>], now: Instant) -> Result<()> {
        self.check_in(&self.counts(), limits, now)
    }

    /// Counts an event for each key.
    pub fn count(&self, limits: &[Limit<K>], now: Instant) {
        self.count_in(&mut self.counts(), limits, now);
    }

    /// Checks and counts in one step, so that concurrent requests do not pass a limit together. The caller takes back
    /// the events that turn out not to count.
    pub fn begin(&self, limits: &[Limit<K>], now: Instant) -> Result<()> {
        let mut counts = self.counts();
        self.check_in(&counts, limits, now)?;
        self.count_in(&mut counts, limits, now);
        Ok(())
    }

    /// Takes back one event of each key.
    pub fn undo(&self, limits: &[Limit<K>]) {
        let mut counts = self.counts();
        for (key, _) in limits {
            if let Some(count) = counts.get_mut(key) {
                count.events = count.events.saturating_sub(1);
            }
        }
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<K, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_in(&self, counts: &HashMap<K, Count>, limits: &[Limit<K>], now: Instant) -> Result<()> {
        let at_limit = limits.iter().filter_map(|(key, max)| counts.get(key).filter(|count| count.events >= *max));
        match at_limit.filter_map(|count| self.remaining(count, now)).max() {
            Some(retry_after) => Err(Error::RateLimited { message: self.message, retry_after }),
            None => Ok(()),
        }
    }

    fn count_in(&self, counts: &mut HashMap<K, Count>, limits: &[Limit<K>], now: Instant) {
        for (key, _) in limits {
            if counts.len() >= MAX_KEYS && !counts.contains_key(key) {
                counts.retain(|_, count| self.remaining(count, now).is_some());
                // A client with many networks or names cannot displace the count of the user whose password it guesses.
                let lowest = counts.values().map(|count| count.events).min().filter(|_| counts.len() >= MAX_KEYS);
                counts.retain(|_, count| lowest.is_none_or(|lowest| count.events > lowest));
            }
            let count = counts.entry(key.clone()).or_insert(Count { since: now, events: 0 });
            if self.remaining(count, now).is_none() {
                *count = Count { since: now, events: 0 };
            }
            count.events = count.events.saturating_add(1);
        }
    }

    /// Returns the remaining time of the window, or `None` if it has ended.
    fn remaining(&self, count: &Count, now: Instant) -> Option<Duration> {
        let remaining = self.window.saturating_sub(now.saturating_duration_since(count.since));
        (!remaining.is_zero()).then_some(remaining)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUESSER: u32 = 1;
    const NEIGHBOUR: u32 = 2;
    const WINDOW: Duration = Duration::from_mins(1);

    fn throttle() -> Throttle<u32> {
        Throttle::new(WINDOW, "Too many.")
    }

    fn limited(key: u32) -> [Limit<u32>; 1] {
        [(key, 60)]
    }

    ///
    #[test]
    fn key_at_its_limit_is_rejected_until_its_window_ends() {
        let (throttle, start) = (throttle(), Instant::now());
        for _ in 0..60 {
            assert!(throttle.check(&limited(GUESSER), start).is_ok());
            throttle.count(&limited(GUESSER), start);
        }
        let rejected = throttle.check(&limited(GUESSER), start + Duration::from_secs(10));
        assert!(
            matches!(rejected, Err(Error::RateLimited { retry_after, .. }) if retry_after == Duration::from_secs(50))
        );
        assert!(throttle.check(&limited(NEIGHBOUR), start).is_ok() && throttle.check(&[], start).is_ok());
        assert!(throttle.check(&limited(GUESSER), start + WINDOW).is_ok());
        throttle.count(&limited(GUESSER), start + WINDOW);
        assert!(throttle.check(&limited(GUESSER), start + WINDOW).is_ok(), "a new window begins with a new count");
    }

    ///
    #[test]
    fn event_in_progress_counts_until_taken_back() {
        let (throttle, start) = (throttle(), Instant::now());
        for _ in 0..60 {
            assert!(throttle.begin(&limited(GUESSER), start).is_ok());
        }
        assert!(throttle.begin(&limited(GUESSER), start).is_err());
        throttle.undo(&limited(GUESSER));
        assert!(throttle.begin(&limited(GUESSER), start).is_ok());
        assert!(throttle.begin(&limited(GUESSER), start).is_err());
        assert!(throttle.begin(&limited(NEIGHBOUR), start).is_ok());
        assert!(throttle.begin(&limited(GUESSER), start + WINDOW).is_ok());
    }

    ///
    #[test]
    fn one_key_at_its_limit_rejects_and_counts_none() {
        let (throttle, start) = (throttle(), Instant::now());
        for neighbour in 10..15 {
            assert!(throttle.begin(&[(neighbour, 2), (GUESSER, 5)], start).is_ok());
        }
        assert!(throttle.begin(&[(NEIGHBOUR, 1), (GUESSER, 5)], start).is_err());
        assert!(throttle.begin(&[(NEIGHBOUR, 1)], start).is_ok(), "the rejected attempt was not counted");
    }

    #[test]
    fn number_of_keys_is_bounded() {
        let (throttle, start) = (throttle(), Instant::now());
        let max = u32::try_from(MAX_KEYS).expect("a number that fits u32");
        let guesser = max + 1;
        for _ in 0..60 {
            throttle.count(&limited(guesser), start);
        }
        for number in 1..max {
            throttle.count(&limited(number), start);
        }
        assert_eq!(throttle.counts().len(), MAX_KEYS);
        for _ in 0..60 {
            assert!(throttle.begin(&limited(GUESSER + max + 1), start).is_ok());
        }
        assert!(throttle.begin(&limited(GUESSER + max + 1), start).is_err(), "a full throttle counts a new key");
        assert!(throttle.check(&limited(guesser), start).is_err(), "the highest count is kept");
        for number in 0..max {
            throttle.count(&limited(number), start);
        }
        assert!(throttle.counts().len() <= MAX_KEYS);
        assert!(throttle.check(&limited(guesser), start).is_err());
        for number in 0..max {
            throttle.count(&limited(number), start + WINDOW);
        }
        assert!(throttle.counts().len() <= MAX_KEYS);
    }
}
