//! Who guesses? Whoever does something in vain too often is refused for a while, before anybody is asked.

use super::problem::Problem;
use axum::http::{HeaderValue, StatusCode, header};
use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// More than guess at once; beyond it those are forgotten whose window is over, or else who failed least often.
const MOST_KEPT: usize = 50_000;

/// How often each has done something in vain lately.
#[derive(Debug)]
pub(super) struct Throttle<K> {
    counts: Mutex<HashMap<K, Count>>,
    most: u32,
    window: Duration,
    message: &'static str,
}

#[derive(Debug)]
struct Count {
    since: Instant,
    failures: u32,
}

impl<K: Hash + Eq> Throttle<K> {
    /// Lets each fail so often within a window, and refuses with this message.
    pub(super) fn new(most: u32, window: Duration, message: &'static str) -> Self {
        Self { counts: Mutex::default(), most, window, message }
    }

    /// Refuses whoever has failed too often.
    pub(super) fn check(&self, who: Option<&K>, now: Instant) -> Result<(), Problem> {
        let counts = self.counts();
        match who.and_then(|who| counts.get(who)) {
            Some(count) if count.failures >= self.most => self.unless_over(count, now),
            _ => Ok(()),
        }
    }

    /// Counts a failure.
    pub(super) fn failed(&self, who: Option<K>, now: Instant) {
        if let Some(who) = who {
            let mut counts = self.counts();
            let count = self.count(&mut counts, who, now);
            count.failures = count.failures.saturating_add(1);
        }
    }

    /// Counts a failure before it is known to be one, so that those who try at once are not let in together.
    pub(super) fn begins(&self, who: K, now: Instant) -> Result<(), Problem> {
        let mut counts = self.counts();
        let count = self.count(&mut counts, who, now);
        if count.failures >= self.most {
            return self.unless_over(count, now);
        }
        count.failures = count.failures.saturating_add(1);
        Ok(())
    }

    /// It was none.
    pub(super) fn succeeded(&self, who: &K) {
        if let Some(count) = self.counts().get_mut(who) {
            count.failures = count.failures.saturating_sub(1);
        }
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<K, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The count of this window.
    fn count<'counts>(&self, counts: &'counts mut HashMap<K, Count>, who: K, now: Instant) -> &'counts mut Count {
        if counts.len() >= MOST_KEPT && !counts.contains_key(&who) {
            counts.retain(|_, count| !self.is_over(count, now));
            // Whoever comes from many places, or with many names, makes nobody forgotten who guesses at one.
            let fewest = counts.values().map(|count| count.failures).min().filter(|_| counts.len() >= MOST_KEPT);
            counts.retain(|_, count| fewest.is_none_or(|fewest| count.failures > fewest));
        }
        let count = counts.entry(who).or_insert(Count { since: now, failures: 0 });
        if self.is_over(count, now) {
            *count = Count { since: now, failures: 0 };
        }
        count
    }

    fn is_over(&self, count: &Count, now: Instant) -> bool {
        now.saturating_duration_since(count.since) >= self.window
    }

    fn unless_over(&self, count: &Count, now: Instant) -> Result<(), Problem> {
        match self.window.checked_sub(now.saturating_duration_since(count.since)) {
            Some(left) if !left.is_zero() => {
                let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, self.message);
                // Whole seconds, and never none.
                Err(problem.with(header::RETRY_AFTER, HeaderValue::from(left.as_secs() + 1)))
            }
            _ => Ok(()),
        }
    }
}

/// Where somebody is: of IPv6 the network, since each has as many addresses as they like.
pub(super) fn place(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUESSER: u32 = 1;
    const NEIGHBOUR: u32 = 2;
    const WINDOW: Duration = Duration::from_mins(1);

    fn throttle() -> Throttle<u32> {
        Throttle::new(60, WINDOW, "Too many.")
    }

    ///
    #[test]
    fn whoever_guesses_is_refused_until_the_window_is_over_and_others_are_not() {
        let (throttle, start) = (throttle(), Instant::now());
        for _ in 0..60 {
            assert!(throttle.check(Some(&GUESSER), start).is_ok());
            throttle.failed(Some(GUESSER), start);
        }
        let problem = throttle.check(Some(&GUESSER), start + Duration::from_secs(10)).expect_err("a refusal");
        assert_eq!(
            (problem.status, &problem.headers[0].1),
            (StatusCode::TOO_MANY_REQUESTS, &HeaderValue::from(51_u64))
        );
        assert!(throttle.check(Some(&NEIGHBOUR), start).is_ok() && throttle.check(None, start).is_ok());
        assert!(throttle.check(Some(&GUESSER), start + WINDOW).is_ok());
        throttle.failed(Some(GUESSER), start + WINDOW);
        assert!(throttle.check(Some(&GUESSER), start + WINDOW).is_ok(), "the count begins anew");
    }

    ///
    #[test]
    fn what_is_under_way_counts_as_a_failure_until_it_was_none() {
        let (throttle, start) = (throttle(), Instant::now());
        for _ in 0..60 {
            assert!(throttle.begins(GUESSER, start).is_ok());
        }
        assert!(throttle.begins(GUESSER, start).is_err());
        throttle.succeeded(&GUESSER);
        assert!(throttle.begins(GUESSER, start).is_ok());
        assert!(throttle.begins(GUESSER, start).is_err());
        assert!(throttle.begins(NEIGHBOUR, start).is_ok());
        assert!(throttle.begins(GUESSER, start + WINDOW).is_ok());
    }

    #[test]
    fn what_is_remembered_has_a_limit() {
        let (throttle, start) = (throttle(), Instant::now());
        let most = u32::try_from(MOST_KEPT).expect("a small number");
        let guesser = most + 1;
        for _ in 0..60 {
            throttle.failed(Some(guesser), start);
        }
        for number in 1..most {
            throttle.failed(Some(number), start);
        }
        assert_eq!(throttle.counts().len(), MOST_KEPT);
        for _ in 0..60 {
            assert!(throttle.begins(GUESSER + most + 1, start).is_ok());
        }
        assert!(
            throttle.begins(GUESSER + most + 1, start).is_err(),
            "whoever comes when all places are taken is counted"
        );
        assert!(throttle.check(Some(&guesser), start).is_err(), "and whoever guesses is not forgotten for it");
        for number in 0..most {
            throttle.failed(Some(number), start);
        }
        assert!(throttle.counts().len() <= MOST_KEPT);
        assert!(throttle.check(Some(&guesser), start).is_err());
        for number in 0..most {
            throttle.failed(Some(number), start + WINDOW);
        }
        assert!(throttle.counts().len() <= MOST_KEPT);
    }

    #[test]
    fn the_addresses_of_one_network_are_one_place() {
        let of = |text: &str| place(text.parse().expect("an address"));
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
