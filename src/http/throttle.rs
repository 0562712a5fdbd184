//! Who guesses? An address that sends many well-shaped values which no token has is refused for a while, before anybody
//! is asked. Gateways and APIs ask for many clients from one address: their doors know no such limit.

use super::problem::Problem;
use axum::http::{HeaderValue, StatusCode, header};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// So many unknown values an address may send within the window.
const MOST: u32 = 60;
const WINDOW: Duration = Duration::from_mins(1);
/// More addresses than guess at once; beyond it the ones whose window is over are forgotten first.
const MOST_ADDRESSES: usize = 50_000;

/// How many unknown values each address has sent lately.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<HashMap<IpAddr, Count>>);

#[derive(Debug)]
struct Count {
    since: Instant,
    unknown: u32,
}

impl Throttle {
    /// Refuses an address that has sent too many.
    pub(super) fn check(&self, address: Option<IpAddr>, now: Instant) -> Result<(), Problem> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = address.and_then(|address| counts.get(&address)) else { return Ok(()) };
        match WINDOW.checked_sub(now.saturating_duration_since(count.since)) {
            Some(left) if count.unknown >= MOST && !left.is_zero() => Err(too_many(left)),
            _ => Ok(()),
        }
    }

    /// Counts a value that no token has.
    pub(super) fn unknown(&self, address: Option<IpAddr>, now: Instant) {
        let Some(address) = address else { return };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MOST_ADDRESSES && !counts.contains_key(&address) {
            counts.retain(|_, count| !count.is_over(now));
            if counts.len() >= MOST_ADDRESSES {
                return;
            }
        }
        let count = counts.entry(address).or_insert(Count { since: now, unknown: 0 });
        if count.is_over(now) {
            *count = Count { since: now, unknown: 0 };
        }
        count.unknown = count.unknown.saturating_add(1);
    }
}

impl Count {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= WINDOW
    }
}

fn too_many(left: Duration) -> Problem {
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "Too many unknown access tokens from this address.");
    // Whole seconds, and never none.
    let seconds = HeaderValue::from(left.as_secs() + 1);
    problem.with(header::RETRY_AFTER, seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUESSER: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1)));
    const NEIGHBOUR: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 2)));

    ///
    #[test]
    fn an_address_that_guesses_is_refused_until_its_window_is_over_and_others_are_not() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        for _ in 0..MOST {
            assert!(throttle.check(GUESSER, start).is_ok());
            throttle.unknown(GUESSER, start);
        }
        let problem = throttle.check(GUESSER, start + Duration::from_secs(10)).expect_err("a refusal");
        assert_eq!(
            (problem.status, &problem.headers[0].1),
            (StatusCode::TOO_MANY_REQUESTS, &HeaderValue::from(51_u64))
        );
        assert!(throttle.check(NEIGHBOUR, start).is_ok() && throttle.check(None, start).is_ok());
        assert!(throttle.check(GUESSER, start + WINDOW).is_ok());
        throttle.unknown(GUESSER, start + WINDOW);
        assert!(throttle.check(GUESSER, start + WINDOW).is_ok(), "the count begins anew");
    }

    #[test]
    fn what_is_remembered_has_a_limit() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        let one = |number: u32| Some(IpAddr::from(number.to_be_bytes()));
        let most = u32::try_from(MOST_ADDRESSES).expect("a small number");
        for number in 0..most + 10 {
            throttle.unknown(one(number), start);
        }
        assert_eq!(throttle.0.lock().expect("the counts").len(), MOST_ADDRESSES);
        throttle.unknown(one(most + 20), start + WINDOW);
        assert_eq!(throttle.0.lock().expect("the counts").len(), 1);
    }
}
