//! Checks of tokens. A check writes nothing, so that it can run thousands of times a second.
//!
//! Every check reads its snapshot in one statement that begins after the request arrived, so that every acknowledged
//! removal is effective.

mod usage_buffer;

pub use usage_buffer::{ObservedRequest, UsageBuffer};

use crate::{
    domain::{
        decision::{CheckRequest, Limits, Snapshot, Verdict, VisibleSnapshot, affected_grants, decide},
        error::Result,
        scope::Catalogue,
        secret::Secret,
    },
    store::Store,
    telemetry::CheckOutcome,
};
use std::sync::Arc;

/// Checks tokens and buffers their usage until it is written.
#[derive(Debug, Clone)]
pub struct Verifier {
    store: Store,
    catalogue: Arc<Catalogue>,
    usage: Arc<UsageBuffer>,
}

/// The result of a check of a known token.
#[derive(Debug, Clone)]
pub struct CheckResult<'limits> {
    /// The verdict, with the reason for a denial.
    pub verdict: Verdict,
    /// The snapshot that the verdict is based on, with parts that the caller may not see.
    pub snapshot: Snapshot,
    limits: &'limits Limits,
}

impl CheckResult<'_> {
    /// Returns the part of the snapshot that the caller may see.
    pub const fn visible(&self) -> VisibleSnapshot<'_> {
        self.snapshot.within(self.limits)
    }
}

impl Verifier {
    /// Creates a verifier.
    pub fn new(store: Store, catalogue: Arc<Catalogue>) -> Self {
        Self { store, catalogue, usage: Arc::default() }
    }

    /// Checks a token and records the request. Returns `None` if no token has this value.
    pub async fn check<'limits>(
        &self,
        secret: &Secret,
        request: &CheckRequest<'limits>,
        observed: ObservedRequest,
    ) -> Result<Option<CheckResult<'limits>>> {
        let result = self.evaluate(secret, request, observed).await;
        self.store.metrics().checked(match &result {
            Ok(Some(result)) => CheckOutcome::Decided(result.verdict),
            Ok(None) => CheckOutcome::Unknown,
            Err(_) => CheckOutcome::Unavailable,
        });
        result
    }

    async fn evaluate<'limits>(
        &self,
        secret: &Secret,
        request: &CheckRequest<'limits>,
        observed: ObservedRequest,
    ) -> Result<Option<CheckResult<'limits>>> {
        let Some(snapshot) = self.store.snapshot(&secret.fingerprint(), request.at).await? else { return Ok(None) };
        let verdict = decide(&snapshot, request, &self.catalogue);
        self.usage.record(&snapshot, &affected_grants(&snapshot, request, verdict), request, verdict, observed);
        Ok(Some(CheckResult { verdict, snapshot, limits: request.limits }))
    }

    /// Returns the usage buffer.
    pub fn usage(&self) -> &UsageBuffer {
        &self.usage
    }
}
