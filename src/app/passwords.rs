//! Limits the work on passwords: a hash takes 19 MiB and one processor for a moment, a strength estimate some milliseconds.

use super::App;
use crate::domain::{
    error::{Error, Result},
    password::{Password, PasswordHash},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// The number of jobs of one kind that run at once.
const MAX_RUNNING: usize = 2;
/// The number of jobs of one kind that wait. Further requests are rejected at once.
const MAX_WAITING: usize = 16;
/// The number of these places that only users with a session can use, so that guesses at sign-in cannot take them.
const MAX_WAITING_KNOWN: usize = 4;
/// The time in which a full queue empties.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Separate workers for hashes and estimates, so that neither waits behind the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Passwords {
    hashing: Workers,
    estimating: Workers,
}

/// A few workers with a short queue.
#[derive(Debug, Clone)]
struct Workers {
    /// One permit per running or waiting job.
    places: Arc<Semaphore>,
    /// Further permits, only for users with a session.
    reserved: Arc<Semaphore>,
    /// One permit per running job.
    running: Arc<Semaphore>,
}

impl Default for Workers {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MAX_RUNNING + MAX_WAITING - MAX_WAITING_KNOWN)),
            reserved: Arc::new(Semaphore::new(MAX_WAITING_KNOWN)),
            running: Arc::new(Semaphore::new(MAX_RUNNING)),
        }
    }
}

impl App {
    /// Returns whether the password matches the stored one. If none is stored, it does not match, after the same work. Users
    /// with a session have places in the queue that others cannot take.
    pub async fn is_correct_password(
        &self,
        password: Password,
        stored: Option<PasswordHash>,
        has_session: bool,
    ) -> Result<bool> {
        self.passwords.hashing.run(has_session, move || password.matches(stored.as_ref())).await
    }

    /// Returns the hash of a new password, or an error about `field` if the password is too short, too long or easily guessed
    /// by an attacker who knows the user's names.
    pub async fn hash_new_password(
        &self,
        field: &'static str,
        text: String,
        names: Vec<String>,
        has_session: bool,
    ) -> Result<PasswordHash> {
        let estimate = move || {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            Password::validate(field, &text, &names)
        };
        let password = self.passwords.estimating.run(has_session, estimate).await??;
        self.passwords.hashing.run(has_session, move || password.hash()).await?
    }
}

impl Workers {
    async fn run<T: Send + 'static>(&self, has_session: bool, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = if has_session { place.or_else(|_| Arc::clone(&self.reserved).try_acquire_owned()) } else { place };
        let place = place.map_err(|_| Error::RateLimited {
            message: "Too many passwords are being checked at the moment; try again in a moment.",
            retry_after: RETRY_AFTER,
        })?;
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(Error::unavailable)?;
        let task = tokio::task::spawn_blocking(move || {
            let done = work();
            drop((turn, place));
            done
        });
        task.await.map_err(|error| Error::Bug(error.to_string().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use tokio::task::JoinSet;

    ///
    #[tokio::test]
    async fn full_queue_rejects_and_frees_its_places() {
        let (workers, others) = (Workers::default(), Workers::default());
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(std::sync::Mutex::new(released));
        let mut jobs = JoinSet::new();
        let fill = |has_session: bool, jobs: &mut JoinSet<Result<bool>>| {
            let (workers, released) = (workers.clone(), Arc::clone(&released));
            let work = move || released.lock().is_ok_and(|released| released.recv().is_ok());
            jobs.spawn(async move { workers.run(has_session, work).await });
        };
        for _ in 0..MAX_RUNNING + MAX_WAITING - MAX_WAITING_KNOWN {
            fill(false, &mut jobs);
        }
        while workers.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let is_rejected = |outcome: &Result<()>| matches!(outcome, Err(Error::RateLimited { retry_after, .. }) if *retry_after == RETRY_AFTER);
        assert!(is_rejected(&workers.run(false, || ()).await));
        for _ in 0..MAX_WAITING_KNOWN {
            fill(true, &mut jobs);
        }
        while workers.reserved.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(is_rejected(&workers.run(true, || ()).await));
        assert!(others.run(false, || true).await.is_ok(), "other work does not wait");
        for _ in 0..jobs.len() {
            release.send(()).expect("a running job");
        }
        for done in jobs.join_all().await {
            assert!(matches!(done, Ok(true)));
        }
        assert!(workers.run(false, || ()).await.is_ok());
    }
}
