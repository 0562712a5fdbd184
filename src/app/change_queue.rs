//! Limits how many changes of a user run at once, so that the changes of one user do not delay the revocations of others.
//! The tokens of a user share one queue and the signed-in user has another one, since a token may have been stolen.

use crate::domain::{
    caller::{AuthMethod, Caller},
    error::{Error, Result},
    id::UserId,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The number of changes that run at once: fewer than there are connections for changes.
pub(super) const MAX_CHANGES: usize = 2;
/// The number of requests with mutations that run at once: each has memory reserved for its response.
pub(super) const MAX_REQUESTS: usize = 4;
/// The number of queues at which unused ones are removed.
const MAX_UNUSED: usize = 1_024;

#[derive(Debug, Clone)]
pub(super) struct ChangeQueues {
    queues: Arc<Mutex<HashMap<Key, Weak<Semaphore>>>>,
    max_at_once: usize,
}

/// A user, and whether a token acts for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    user: UserId,
    by_token: bool,
}

/// The place of a running change or request. When it is dropped, the next one of the user runs.
#[derive(Debug)]
pub struct Turn {
    queue: Arc<Semaphore>,
    _permit: OwnedSemaphorePermit,
}

impl ChangeQueues {
    pub(super) fn new(max_at_once: usize) -> Self {
        Self { queues: Arc::default(), max_at_once }
    }

    /// Waits until this caller may continue. Returns `UNAVAILABLE` if the store failed a change that was ahead, and `None` for
    /// callers that have no queue: those that are not users, and those that revoke a token by its value.
    pub(super) async fn turn(&self, caller: &Caller) -> Result<Option<Turn>> {
        let key = match caller.auth_method {
            AuthMethod::Jwt(user) | AuthMethod::Session { user, .. } => Key { user, by_token: false },
            AuthMethod::Token { user, .. } => Key { user, by_token: true },
            AuthMethod::Value { .. }
            | AuthMethod::ResourceServer(_)
            | AuthMethod::CommandLine
            | AuthMethod::System
            | AuthMethod::Anonymous => {
                return Ok(None);
            }
        };
        let queue = self.queue(key);
        let permit = Arc::clone(&queue).acquire_owned().await;
        let permit = permit.map_err(|_| Error::unavailable("a change that was ahead in the queue failed"))?;
        Ok(Some(Turn { queue, _permit: permit }))
    }

    fn queue(&self, key: Key) -> Arc<Semaphore> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(&key).and_then(Weak::upgrade).filter(|queue| !queue.is_closed()) {
            return queue;
        }
        if queues.len() >= MAX_UNUSED {
            queues.retain(|_, queue| queue.strong_count() > 0);
        }
        let queue = Arc::new(Semaphore::new(self.max_at_once));
        queues.insert(key, Arc::downgrade(&queue));
        queue
    }
}

impl Turn {
    /// Fails the changes that wait behind this one, so that they do not each wait for a store that does not answer.
    pub fn fail_waiting(&self) {
        self.queue.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{id::TokenId, time::Time};
    use std::time::Duration;

    fn caller(auth_method: AuthMethod) -> Caller {
        Caller { auth_method, ..Caller::command_line(Time::from_micros(0)) }
    }

    fn user() -> Caller {
        caller(AuthMethod::Jwt(UserId::new(Time::from_micros(0))))
    }

    async fn waits(queues: &ChangeQueues, caller: &Caller) -> bool {
        tokio::time::timeout(Duration::from_millis(50), queues.turn(caller)).await.is_err()
    }

    #[tokio::test]
    async fn users_run_two_changes_at_once_without_delaying_others() {
        let queues = ChangeQueues::new(2);
        let (bob, ada) = (user(), user());
        let (first, second) = (queues.turn(&bob).await, queues.turn(&bob).await);
        assert!(first.is_ok() && second.is_ok());
        assert!(waits(&queues, &bob).await && !waits(&queues, &ada).await);
        drop(first);
        assert!(!waits(&queues, &bob).await);
    }

    #[tokio::test]
    async fn tokens_delay_neither_their_owner_nor_a_revocation_by_value() {
        let queues = ChangeQueues::new(1);
        let (user, token) = (UserId::new(Time::from_micros(0)), TokenId::new(Time::from_micros(0)));
        let first = caller(AuthMethod::Token { user, token });
        let other = caller(AuthMethod::Token { user, token: TokenId::new(Time::from_micros(0)) });
        let running = queues.turn(&first).await;
        assert!(running.is_ok() && waits(&queues, &other).await);
        for free in [AuthMethod::Jwt(user), AuthMethod::Value { user, token }, AuthMethod::CommandLine] {
            assert!(!waits(&queues, &caller(free)).await, "{free:?}");
        }
    }

    #[tokio::test]
    async fn failed_store_fails_waiting_changes_but_not_later_ones() {
        let queues = ChangeQueues::new(2);
        let bob = user();
        let first = queues.turn(&bob).await.expect("a turn").expect("a queue");
        let second = queues.turn(&bob).await;
        let fail = async {
            tokio::task::yield_now().await;
            first.fail_waiting();
        };
        let (waiting, ()) = tokio::join!(queues.turn(&bob), fail);
        assert!(matches!(waiting, Err(Error::Unavailable(_))));
        assert!(queues.turn(&bob).await.is_ok());
        drop((first, second));
    }

    #[tokio::test]
    async fn unused_queues_are_removed() {
        let queues = ChangeQueues::new(2);
        let bob = user();
        let kept = queues.turn(&bob).await;
        for _ in 1..5_000 {
            drop(queues.turn(&user()).await);
        }
        assert!(queues.queues.lock().expect("queues").len() <= MAX_UNUSED);
        let other = queues.turn(&bob).await;
        assert!(kept.is_ok() && other.is_ok() && waits(&queues, &bob).await, "a queue in use is kept");
    }
}
