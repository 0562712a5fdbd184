//! Works on passwords a few at a time: each takes 19 MiB and a moment of a whole processor, which nobody else waits for.

use super::App;
use crate::domain::{
    error::{Error, Result},
    password::{Hashed, Password},
};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// How many are worked on at once; others wait their turn.
const AT_ONCE: usize = 2;

/// Who works on passwords.
#[derive(Debug, Clone)]
pub(super) struct Passwords(Arc<Semaphore>);

impl Default for Passwords {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl App {
    /// Whether the password is the one that is kept. Nothing is nobody's, and takes as long.
    pub async fn is_password(&self, given: Password, kept: Option<Hashed>) -> Result<bool> {
        self.at_work(move || given.is(kept.as_ref())).await
    }

    /// What is to be kept of the password that somebody of these names chooses, if it may be chosen.
    pub async fn password_chosen(&self, field: &'static str, text: String, names: Vec<String>) -> Result<Hashed> {
        self.at_work(move || {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            Password::chosen(field, &text, &names)?.hashed()
        })
        .await?
    }

    async fn at_work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let place = Arc::clone(&self.passwords.0).acquire_owned().await.map_err(Error::unavailable)?;
        let working = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        working.await.map_err(|error| Error::Bug(error.to_string().into()))
    }
}
