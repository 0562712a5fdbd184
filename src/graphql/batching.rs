//! Runs a request and its loaders in rounds. Loaders read when no other part of the request can continue. By then every row
//! has requested what it needs, so that a page of a hundred rows costs as many statements as one of two. A timer cannot
//! decide this: it would expire too early on a busy machine.

use super::budget::Budget;
use futures_util::{
    future::BoxFuture,
    stream::{FuturesUnordered, StreamExt as _},
    task::AtomicWaker,
};
use std::{
    future::poll_fn,
    mem,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

/// The loads that the next round of a request runs.
#[derive(Clone, Default)]
pub(super) struct Queue(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl Queue {
    pub(super) fn push(&self, load: BoxFuture<'static, ()>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(load);
    }

    fn take(&self) -> Vec<BoxFuture<'static, ()>> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Records whether the work was woken since it was last polled.
#[derive(Default)]
struct Signal {
    woken: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.task.wake();
    }
}

/// Runs the work and the loads that it queues, in the current task. A round starts when the previous round has ended and the
/// work is waiting; loads that are queued during a round run in the next one. Returns `None` if the budget is exceeded.
pub(super) async fn run_batched<T>(queue: Queue, budget: Budget, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut round = FuturesUnordered::new();
    let signal = Arc::new(Signal { woken: AtomicBool::new(true), task: AtomicWaker::new() });
    let waker = Waker::from(Arc::clone(&signal));
    poll_fn(move |task| {
        signal.task.register(task.waker());
        // Polled only once: work that wakes itself yields to other tasks first.
        budget.start_poll();
        if signal.woken.swap(false, Ordering::SeqCst)
            && let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(&waker))
        {
            return Poll::Ready(Some(done));
        }
        if budget.is_exceeded() {
            return Poll::Ready(None);
        }
        while let Poll::Ready(end) = round.poll_next_unpin(task) {
            if end.is_none() {
                if signal.woken.load(Ordering::SeqCst) {
                    break;
                }
                round.extend(queue.take());
                if round.is_empty() {
                    break;
                }
            }
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::budget::MAX_FIELDS;
    use futures_util::future::join_all;
    use std::sync::atomic::{AtomicU64, AtomicUsize};
    use tokio::sync::oneshot;

    /// Yields by waking itself, as lists of the library do.
    async fn yield_once() {
        let mut yielded = false;
        poll_fn(|task| {
            task.waker().wake_by_ref();
            if mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Each row waits for a load, yields up to six times, and waits for a second load.
    #[tokio::test]
    async fn loads_wait_until_no_row_can_continue() {
        let (queue, requested, rounds) =
            (Queue::default(), Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let load = async || {
            let (done, loaded) = oneshot::channel();
            requested.fetch_add(1, Ordering::SeqCst);
            let (requested, rounds) = (Arc::clone(&requested), Arc::clone(&rounds));
            queue.push(Box::pin(async move {
                if requested.swap(0, Ordering::SeqCst) > 0 {
                    rounds.fetch_add(1, Ordering::SeqCst);
                }
                tokio::task::yield_now().await;
                done.send(()).expect("the row waits");
            }));
            loaded.await.expect("the load ends");
        };
        let row = async |number: usize| {
            load().await;
            for _ in 0..number % 7 {
                yield_once().await;
            }
            load().await;
        };
        run_batched(queue.clone(), Budget::default(), join_all((0..100).map(row))).await;
        assert_eq!(rounds.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn work_without_loads_completes() {
        assert_eq!(run_batched(Queue::default(), Budget::default(), async { 7 }).await, Some(7));
    }

    /// Resolves fields in nested lists, as the library does. Returns how often the work was polled, and its result.
    async fn polls_of(fields: u64) -> (u64, Option<()>) {
        let (budget, polls) = (Budget::default(), AtomicU64::new(0));
        let rows = (0..fields / 100).map(|_| async {
            budget.resolve_field().await;
            join_all((1..100).map(|_| budget.resolve_field())).await;
        });
        let mut work = pin!(join_all(rows));
        let work = poll_fn(|task| {
            polls.fetch_add(1, Ordering::SeqCst);
            work.as_mut().poll(task).map(|_| ())
        });
        let done = run_batched(Queue::default(), budget.clone(), work).await;
        (polls.into_inner(), done)
    }

    #[tokio::test]
    async fn large_requests_yield_after_each_thousand_fields() {
        for (fields, at_least) in [(900, 1), (1_100, 2), (20_000, 20), (MAX_FIELDS, 80)] {
            let (polls, done) = polls_of(fields).await;
            assert!((at_least..=2 * at_least).contains(&polls), "{polls} polls for {fields} fields");
            assert_eq!(done, Some(()), "{fields}");
        }
    }

    #[tokio::test]
    async fn requests_over_the_field_limit_are_stopped() {
        assert_eq!(polls_of(MAX_FIELDS + 100).await.1, None);
        assert_eq!(polls_of(10 * MAX_FIELDS).await.1, None);
    }
}
