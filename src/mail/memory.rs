//! A mailbox in memory, for tests: what was sent, and a failure to come.

use super::{Failure, render::RenderedEmail};
use lettre::Message;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a mailer sent; all clones are one mailbox.
#[derive(Debug, Clone, Default)]
pub struct Mailbox(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    sent: Vec<Sent>,
    refused: usize,
    failure: Option<Failure>,
}

/// A letter that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// To whom the server would have been told to deliver it.
    pub recipients: Vec<String>,
    /// As it was rendered.
    pub letter: RenderedEmail,
    /// As it would have gone over the line.
    pub source: String,
}

impl Mailbox {
    /// Everything that was sent, in that order.
    pub fn sent(&self) -> Vec<Sent> {
        self.inside().sent.clone()
    }

    /// Whether nothing was sent.
    pub fn is_empty(&self) -> bool {
        self.inside().sent.is_empty()
    }

    /// How many letters failed because they were told to.
    pub fn refused(&self) -> usize {
        self.inside().refused
    }

    /// Lets every letter from now on fail so; with nothing, they are sent again.
    pub fn fail_with(&self, failure: Option<Failure>) {
        self.inside().failure = failure;
    }

    pub(super) fn receive(&self, message: &Message, letter: &RenderedEmail) -> Result<(), Failure> {
        let mut inside = self.inside();
        if let Some(failure) = inside.failure.clone() {
            inside.refused += 1;
            return Err(failure);
        }
        inside.sent.push(Sent {
            recipients: message.envelope().to().iter().map(ToString::to_string).collect(),
            letter: letter.clone(),
            source: String::from_utf8_lossy(&message.formatted()).into_owned(),
        });
        Ok(())
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
