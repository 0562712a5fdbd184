//! When do loaders read? When nothing else of the request can go on: then every row has said what it needs, and a page
//! of a hundred rows costs as many statements as one of two. A clock would not do, it runs out on a busy machine.

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

/// What loaders of one request shall read in its next round.
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

/// Whether the work was woken since it was last asked.
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

/// Does the work, and what it queues, in this one task. A round begins when the round before it has ended and the work
/// waits; what the work queues meanwhile goes into the next one. Nothing is returned when the budget is exceeded.
pub(super) async fn in_rounds<T>(queue: Queue, budget: Budget, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut round = FuturesUnordered::new();
    let signal = Arc::new(Signal { woken: AtomicBool::new(true), task: AtomicWaker::new() });
    let waker = Waker::from(Arc::clone(&signal));
    poll_fn(move |task| {
        signal.task.register(task.waker());
        // Asked once only: work that wakes itself wants to let others run first.
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

    /// As lists of the library do, which wake themselves.
    async fn lets_others_run() {
        let mut asked = false;
        poll_fn(|task| {
            task.waker().wake_by_ref();
            if mem::replace(&mut asked, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Rows of which each waits for a load, and then lets others run and waits for another.
    #[tokio::test]
    async fn no_load_begins_while_any_row_can_go_on() {
        let (queue, asked, rounds) = (Queue::default(), Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let load = async || {
            let (done, loaded) = oneshot::channel();
            asked.fetch_add(1, Ordering::SeqCst);
            let (asked, rounds) = (Arc::clone(&asked), Arc::clone(&rounds));
            queue.push(Box::pin(async move {
                if asked.swap(0, Ordering::SeqCst) > 0 {
                    rounds.fetch_add(1, Ordering::SeqCst);
                }
                tokio::task::yield_now().await;
                done.send(()).expect("a row that waits");
            }));
            loaded.await.expect("a load that ends");
        };
        let row = async |number: usize| {
            load().await;
            for _ in 0..number % 7 {
                lets_others_run().await;
            }
            load().await;
        };
        in_rounds(queue.clone(), Budget::default(), join_all((0..100).map(row))).await;
        assert_eq!(rounds.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn work_without_loads_is_done() {
        assert_eq!(in_rounds(Queue::default(), Budget::default(), async { 7 }).await, Some(7));
    }

    /// Resolves fields in nested lists, as the library does. Returns how often the work was polled.
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
        let done = in_rounds(Queue::default(), budget.clone(), work).await;
        (polls.into_inner(), done)
    }

    #[tokio::test]
    async fn a_request_with_many_fields_lets_others_run_after_each_thousand() {
        for (fields, at_least) in [(900, 1), (1_100, 2), (20_000, 20), (MAX_FIELDS, 80)] {
            let (polls, done) = polls_of(fields).await;
            assert!((at_least..=2 * at_least).contains(&polls), "{polls} polls for {fields} fields");
            assert_eq!(done, Some(()), "{fields}");
        }
    }

    #[tokio::test]
    async fn a_request_with_more_fields_than_the_limit_is_stopped() {
        assert_eq!(polls_of(MAX_FIELDS + 100).await.1, None);
        assert_eq!(polls_of(10 * MAX_FIELDS).await.1, None);
    }
}
