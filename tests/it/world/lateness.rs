//! How late is this machine itself? Whoever promises something within a span cannot be blamed for a processor that stood
//! still meanwhile.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// A sleeper is woken up so often.
const NAP: Duration = Duration::from_millis(20);

/// Keeps by how much a sleeper was woken up too late, at the worst, since this was made.
pub(crate) struct Lateness(Arc<Sleeper>);

#[derive(Default)]
struct Sleeper {
    naps: AtomicU64,
    worst_micros: AtomicU64,
}

impl Lateness {
    /// Looks from now on, as long as this value is there.
    pub(crate) fn watched() -> Self {
        let sleeper = Arc::<Sleeper>::default();
        let watched = Arc::downgrade(&sleeper);
        // A thread of its own, so that it tells of the machine and not of the runtime.
        thread::spawn(move || sleep(&watched));
        Self(sleeper)
    }

    /// The limit, and as much more as the machine was late until now.
    pub(crate) async fn on_top_of(&self, limit: Duration) -> Duration {
        // Who is asleep now knows of the last moments when it wakes up.
        let naps = self.0.naps.load(Ordering::Acquire);
        while self.0.naps.load(Ordering::Acquire) == naps {
            tokio::time::sleep(NAP / 4).await;
        }
        limit + Duration::from_micros(self.0.worst_micros.load(Ordering::Acquire))
    }
}

fn sleep(watched: &Weak<Sleeper>) {
    let mut lay_down = Instant::now();
    while let Some(sleeper) = watched.upgrade() {
        thread::sleep(NAP);
        let late = lay_down.elapsed().saturating_sub(NAP);
        lay_down = Instant::now();
        sleeper.worst_micros.fetch_max(u64::try_from(late.as_micros()).unwrap_or(u64::MAX), Ordering::AcqRel);
        sleeper.naps.fetch_add(1, Ordering::AcqRel);
    }
}

mod tests {
    use super::*;

    #[tokio::test]
    async fn a_limit_grows_by_no_more_than_the_time_that_passed() {
        let (start, lateness) = (Instant::now(), Lateness::watched());
        let limit = Duration::from_secs(2);
        let granted = lateness.on_top_of(limit).await;
        assert!((limit..limit + start.elapsed()).contains(&granted), "{granted:?}");
        let sleeper = Arc::downgrade(&lateness.0);
        drop(lateness);
        while sleeper.strong_count() > 0 {
            assert!(start.elapsed() < Duration::from_secs(30), "it still looks");
            thread::sleep(NAP);
        }
    }
}
