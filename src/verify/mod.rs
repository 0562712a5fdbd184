//! Checks of tokens. A check writes nothing, so that it can run thousands of times a second.
//!
//! Every check reads its snapshot in one statement that begins after the request arrived, so that every acknowledged
//! removal is effective.

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
    telemetry::CheckOutcome,
};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// Checks tokens and buffers their usage until it is written.
#[derive(Debug, Clone)]
pub struct Verifier {
    store: Store,
    catalogue: Arc<Catalogue>,
    usage: Arc<UsageBuffer>,
    latest: Arc<AtomicI64>,
}

/// The result of a check of a known token.
#[derive(Debug, Clone)]
pub struct CheckResult {
    /// The verdict, with the reason for a denial.
    pub verdict: Verdict,
    /// The snapshot that the verdict is based on, within the limits of the caller.
    pub snapshot: Snapshot,
}

impl CheckResult {
    /// Returns the scopes that checks accept: those that are not retired, in the order of the catalogue.
    pub fn scopes(&self, catalogue: &Catalogue) -> Vec<ScopeName> {
        catalogue
            .sorted(&self.snapshot.scopes)
            .into_iter()
            .filter(|name| catalogue.get(name.as_str()).is_some())
            .collect()
    }
}

impl Verifier {
    /// Creates a verifier.
    pub fn new(store: Store, catalogue: Arc<Catalogue>) -> Self {
        Self { store, catalogue, usage: Arc::default(), latest: Arc::default() }
    }

    /// Checks a token and records the request. Returns `None` if no token has this value.
    pub async fn check(
        &self,
        secret: &Secret,
        request: &CheckRequest,
        observed: ObservedRequest,
    ) -> Result<Option<CheckResult>> {
        let result = self.evaluate(secret, request, observed).await;
        self.store.metrics().checked(match &result {
            Ok(Some(result)) => CheckOutcome::Decided(result.verdict),
            Ok(None) => CheckOutcome::Unknown,
            Err(_) => CheckOutcome::Unavailable,
        });
        result
    }

    async fn evaluate(
        &self,
        secret: &Secret,
        request: &CheckRequest,
        observed: ObservedRequest,
    ) -> Result<Option<CheckResult>> {
        let timed_request = CheckRequest { at: self.latest_time(request.at), ..request.clone() };
        let found = self.store.snapshot(&secret.fingerprint(), timed_request.at).await?;
        let Some(mut snapshot) = found else { return Ok(None) };
        let verdict = if request.limits.limit_to(&mut snapshot) {
            decide(&snapshot, &timed_request, &self.catalogue)
        } else {
            Verdict::Deny(DenyReason::NotGranted)
        };
        self.usage.record(&snapshot, &affected_grants(&snapshot, request, verdict), request, verdict, observed);
        Ok(Some(CheckResult { verdict, snapshot }))
    }

    /// Returns the usage buffer.
    pub fn usage(&self) -> &UsageBuffer {
        &self.usage
    }

    /// Returns the latest time of all checks, so that an expired token stays expired when the clock is set back.
    fn latest_time(&self, at: Time) -> Time {
        let latest = self.latest.fetch_max(at.micros(), Ordering::Relaxed);
        Time::from_micros(latest.max(at.micros()))
    }
}
