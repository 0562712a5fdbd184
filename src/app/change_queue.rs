//! Lets a user make few changes at once, so that the changes of one user do not hold up the revocations of others.

use crate::domain::{
    error::{Error, Result},
    id::UserId,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The number of changes of one user that run at once: fewer than there are connections for changes.
const MAX_AT_ONCE: usize = 2;
/// The number of queues from which those that no change uses are removed.
const MAX_UNUSED: usize = 1_024;

/// The queues of users who make changes.
#[derive(Debug, Clone, Default)]
pub(super) struct ChangeQueues(Arc<Mutex<HashMap<UserId, Weak<Semaphore>>>>);

/// The place of one running change. The next change of the user runs when it is dropped.
pub(super) struct Turn {
    queue: Arc<Semaphore>,
    _permit: OwnedSemaphorePermit,
}

impl ChangeQueues {
    /// Waits until a change of this user may run. `UNAVAILABLE` if the store failed one that was ahead of it.
    pub(super) async fn turn(&self, user: UserId) -> Result<Turn> {
        let queue = self.of(user);
        let permit = Arc::clone(&queue).acquire_owned().await;
        let permit = permit.map_err(|_| Error::unavailable("a change that was ahead in the queue failed"))?;
        Ok(Turn { queue, _permit: permit })
    }

    fn of(&self, user: UserId) -> Arc<Semaphore> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(&user).and_then(Weak::upgrade).filter(|queue| !queue.is_closed()) {
            return queue;
        }
        if queues.len() >= MAX_UNUSED {
            queues.retain(|_, queue| queue.strong_count() > 0);
        }
        let queue = Arc::new(Semaphore::new(MAX_AT_ONCE));
        queues.insert(user, Arc::downgrade(&queue));
        queue
    }
}

impl Turn {
    /// Fails the changes that wait behind this one: a store that does not answer is not asked by one after the other.
    pub(super) fn fail_waiting(&self) {
        self.queue.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Time;
    use std::time::Duration;

    fn user(number: i64) -> UserId {
        UserId::new(Time::from_micros(number))
    }

    async fn waits(queues: &ChangeQueues, user: UserId) -> bool {
        tokio::time::timeout(Duration::from_millis(50), queues.turn(user)).await.is_err()
    }

    #[tokio::test]
    async fn user_makes_two_changes_at_once_and_others_do_not_wait() {
        let queues = ChangeQueues::default();
        let (bob, ada) = (user(1), user(2));
        let (first, second) = (queues.turn(bob).await, queues.turn(bob).await);
        assert!(first.is_ok() && second.is_ok());
        assert!(waits(&queues, bob).await && !waits(&queues, ada).await);
        drop(first);
        assert!(!waits(&queues, bob).await);
    }

    #[tokio::test]
    async fn changes_behind_one_that_the_store_failed_fail_and_later_ones_run() {
        let queues = ChangeQueues::default();
        let bob = user(1);
        let (first, second) = (queues.turn(bob).await.expect("a turn"), queues.turn(bob).await);
        let fail = async {
            tokio::task::yield_now().await;
            first.fail_waiting();
        };
        let (waiting, ()) = tokio::join!(queues.turn(bob), fail);
        assert!(matches!(waiting, Err(Error::Unavailable(_))));
        assert!(queues.turn(bob).await.is_ok());
        drop((first, second));
    }

    #[tokio::test]
    async fn queues_that_no_change_uses_are_removed() {
        let queues = ChangeQueues::default();
        let bob = user(0);
        let kept = queues.turn(bob).await;
        for number in 1..5_000 {
            drop(queues.turn(user(number)).await);
        }
        assert!(queues.0.lock().expect("queues").len() <= MAX_UNUSED);
        let other = queues.turn(bob).await;
        assert!(kept.is_ok() && other.is_ok() && waits(&queues, bob).await, "a queue that is used is kept");
    }
}
