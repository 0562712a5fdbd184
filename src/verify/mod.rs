//! Is this token good, for what, for which organization? Asked thousands of times a second; writes nothing.
//!
//! Every check reads what it rests on in one statement that begins after the request arrived, so a removal that was
//! acknowledged holds for it.

mod usage_buffer;

pub use usage_buffer::{ObservedRequest, UsageBuffer};

use crate::{
    domain::{
        decision::{CheckRequest, DenyReason, Snapshot, Verdict, affected_grants, decide},
        error::Result,
        scope::{Catalogue, ScopeName},
        secret::Secret,
        time::Time,
    },
    store::Store,
    telemetry::Check,
};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// Judges tokens and remembers their use until it is written.
#[derive(Debug, Clone)]
pub struct Verifier {
    store: Store,
    catalogue: Arc<Catalogue>,
    usage: Arc<UsageBuffer>,
    latest: Arc<AtomicI64>,
}

/// A token that is known, and what was decided.
#[derive(Debug, Clone)]
pub struct CheckResult {
    /// The answer, and why it is no.
    pub verdict: Verdict,
    /// What it rests on, as far as whoever asked may be told of it.
    pub snapshot: Snapshot,
}

impl CheckResult {
    /// The scopes that checks accept: those the catalogue still holds, in its order.
    pub fn scopes(&self, catalogue: &Catalogue) -> Vec<ScopeName> {
        catalogue
            .sorted(&self.snapshot.scopes)
            .into_iter()
            .filter(|name| catalogue.get(name.as_str()).is_some())
            .collect()
    }
}

impl Verifier {
    /// A verifier over this store.
    pub fn new(store: Store, catalogue: Arc<Catalogue>) -> Self {
        Self { store, catalogue, usage: Arc::default(), latest: Arc::default() }
    }

    /// Judges a token and notes the request; nothing when no token has this value.
    pub async fn check(
        &self,
        secret: &Secret,
        ask: &CheckRequest,
        observed: ObservedRequest,
    ) -> Result<Option<CheckResult>> {
        let checked = self.evaluate(secret, ask, observed).await;
        self.store.metrics().checked(match &checked {
            Ok(Some(checked)) => Check::Judged(checked.verdict),
            Ok(None) => Check::Unknown,
            Err(_) => Check::Unavailable,
        });
        checked
    }

    async fn evaluate(
        &self,
        secret: &Secret,
        ask: &CheckRequest,
        observed: ObservedRequest,
    ) -> Result<Option<CheckResult>> {
        let Some(mut known) = self.store.snapshot(&secret.fingerprint()).await? else { return Ok(None) };
        let judged = CheckRequest { at: self.latest_time(ask.at), ..ask.clone() };
        let verdict = if ask.limits.limit_to(&mut known) {
            decide(&known, &judged, &self.catalogue)
        } else {
            Verdict::No(DenyReason::NotGranted)
        };
        self.usage.record(&known, &affected_grants(&known, ask, verdict), ask, verdict, observed);
        Ok(Some(CheckResult { verdict, snapshot: known }))
    }

    /// What was used and is not written yet.
    pub fn tally(&self) -> &UsageBuffer {
        &self.usage
    }

    /// A token that was seen expired stays so when the machine's clock goes back.
    fn latest_time(&self, at: Time) -> Time {
        let latest = self.latest.fetch_max(at.micros(), Ordering::Relaxed);
        Time::from_micros(latest.max(at.micros()))
    }
}
