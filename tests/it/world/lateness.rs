//! Scheduling delay of the machine, which tests add to their time limits: a paused processor is no failure of the service.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// The interval at which the delay is sampled.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(20);

/// Measures the longest delay with which a sleeping thread was woken since this value was created.
pub(crate) struct Lateness(Arc<Samples>);

#[derive(Default)]
struct Samples {
    count: AtomicU64,
    worst_micros: AtomicU64,
}

impl Lateness {
    /// Starts to measure, until this value is dropped.
    pub(crate) fn watched() -> Self {
        let samples = Arc::<Samples>::default();
        let watched = Arc::downgrade(&samples);
        // A thread, since a task would measure the runtime as well.
        thread::spawn(move || measure(&watched));
        Self(samples)
    }

    /// Returns the limit plus the longest delay until now.
    pub(crate) async fn on_top_of(&self, limit: Duration) -> Duration {
        // The sample that is being taken covers the last moments.
        let count = self.0.count.load(Ordering::Acquire);
        while self.0.count.load(Ordering::Acquire) == count {
            tokio::time::sleep(SAMPLE_INTERVAL / 4).await;
        }
        limit + Duration::from_micros(self.0.worst_micros.load(Ordering::Acquire))
    }
}

fn measure(watched: &Weak<Samples>) {
    let mut start = Instant::now();
    while let Some(samples) = watched.upgrade() {
        thread::sleep(SAMPLE_INTERVAL);
        let late = start.elapsed().saturating_sub(SAMPLE_INTERVAL);
        start = Instant::now();
        samples.worst_micros.fetch_max(u64::try_from(late.as_micros()).unwrap_or(u64::MAX), Ordering::AcqRel);
        samples.count.fetch_add(1, Ordering::AcqRel);
    }
}

mod tests {
    use super::*;

    #[tokio::test]
    async fn limit_grows_at_most_by_the_elapsed_time() {
        let (start, lateness) = (Instant::now(), Lateness::watched());
        let limit = Duration::from_secs(2);
        let granted = lateness.on_top_of(limit).await;
        assert!((limit..limit + start.elapsed()).contains(&granted), "{granted:?}");
        let samples = Arc::downgrade(&lateness.0);
        drop(lateness);
        while samples.strong_count() > 0 {
            assert!(start.elapsed() < Duration::from_secs(30), "the thread still runs");
            thread::sleep(SAMPLE_INTERVAL);
        }
    }
}
