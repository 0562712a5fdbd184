//! An in-memory mailbox for tests, which records sent emails and can simulate failures.

use super::{Failure, render::RenderedEmail};
use lettre::Message;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The emails that a mailer sent. All clones share one mailbox.
#[derive(Debug, Clone, Default)]
pub struct Mailbox(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    sent: Vec<Sent>,
    refused: usize,
    failure: Option<Failure>,
}

/// An email that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The recipients of the SMTP envelope.
    pub recipients: Vec<String>,
    /// The rendered email.
    pub email: RenderedEmail,
    /// The message as SMTP transmits it.
    pub source: String,
}

impl Mailbox {
    /// Returns the sent emails in the order of sending.
    pub fn sent(&self) -> Vec<Sent> {
        self.state().sent.clone()
    }

    /// Returns whether no email was sent.
    pub fn is_empty(&self) -> bool {
        self.state().sent.is_empty()
    }

    /// Returns how many emails failed because of `fail_with`.
    pub fn refused(&self) -> usize {
        self.state().refused
    }

    /// Fails all further emails with this failure, or sends them again if `None`.
    pub fn fail_with(&self, failure: Option<Failure>) {
        self.state().failure = failure;
    }

    pub(super) fn receive(&self, message: &Message, email: &RenderedEmail) -> Result<(), Failure> {
        let mut state = self.state();
        if let Some(failure) = state.failure.clone() {
            state.refused += 1;
            return Err(failure);
        }
        state.sent.push(Sent {
            recipients: message.envelope().to().iter().map(ToString::to_string).collect(),
            email: email.clone(),
            source: String::from_utf8_lossy(&message.formatted()).into_owned(),
        });
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
