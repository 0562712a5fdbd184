//! Limits the number of fields that a request resolves, in total and before it yields to other requests.
//!
//! The cost of a document estimates a plain list as ten items, although it may have more. The budget counts the fields that
//! are actually resolved.

use super::Request;
use async_graphql::{
    ServerResult, Value,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextResolve, ResolveInfo},
};
use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::Poll,
};

/// The maximum number of fields and list items that a query resolves.
pub(super) const MAX_FIELDS: u64 = 80_000;
/// The maximum number of fields and list items that are resolved in one poll.
const MAX_FIELDS_PER_POLL: u64 = 1_000;

/// The field counts of one request.
#[derive(Clone, Default)]
pub(super) struct Budget(Arc<Counts>);

#[derive(Default)]
struct Counts {
    resolved: AtomicU64,
    started_in_this_poll: AtomicU64,
    is_unlimited: AtomicBool,
}

impl Budget {
    /// Resets the count of the current poll.
    pub(super) fn start_poll(&self) {
        self.0.started_in_this_poll.store(0, Relaxed);
    }

    /// Returns whether the request has exceeded its limit. It then makes no further progress.
    pub(super) fn is_exceeded(&self) -> bool {
        self.0.resolved.load(Relaxed) > MAX_FIELDS && !self.0.is_unlimited.load(Relaxed)
    }

    /// Waits until the request may resolve another field; forever if it has exceeded its limit.
    pub(super) async fn resolve_field(&self) {
        self.0.resolved.fetch_add(1, Relaxed);
        poll_fn(|task| {
            if self.is_exceeded() {
                return Poll::Pending;
            }
            if self.0.started_in_this_poll.fetch_add(1, Relaxed) < MAX_FIELDS_PER_POLL {
                return Poll::Ready(());
            }
            task.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

/// Counts each resolved field in the budget of its request.
pub(super) struct CountFields;

impl ExtensionFactory for CountFields {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for CountFields {
    async fn resolve(
        &self,
        context: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        // The introspection that the service runs itself has no request.
        if let Some(request) = context.data_opt::<Request>() {
            // A mutation is never stopped halfway. Its fields are limited before it runs.
            if info.parent_type == "Mutation" {
                request.budget.0.is_unlimited.store(true, Relaxed);
            }
            request.budget.resolve_field().await;
        }
        next.run(context, info).await
    }
}
