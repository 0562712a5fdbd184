//! Bounds how many fields a request resolves, in total and before other requests run.
//!
//! The cost of a document counts a plain list as ten items, and it may have more. This counts what is really resolved.

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

/// The most fields and items of lists that a query resolves.
pub(super) const MAX_FIELDS: u64 = 80_000;
/// The most of them that one poll resolves.
const MAX_FIELDS_PER_POLL: u64 = 1_000;

/// The fields that one request may still resolve.
#[derive(Clone, Default)]
pub(super) struct Budget(Arc<Counts>);

#[derive(Default)]
struct Counts {
    resolved: AtomicU64,
    started_in_this_poll: AtomicU64,
    is_unlimited: AtomicBool,
}

impl Budget {
    /// The request is polled again, after others had their turn.
    pub(super) fn start_poll(&self) {
        self.0.started_in_this_poll.store(0, Relaxed);
    }

    /// Returns whether the request resolves more than it may. It then makes no progress.
    pub(super) fn is_exceeded(&self) -> bool {
        self.0.resolved.load(Relaxed) > MAX_FIELDS && !self.0.is_unlimited.load(Relaxed)
    }

    /// Waits for its turn to resolve a field.
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

/// Takes every field of every request from its budget.
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
        // Our own reading of the schema is no request.
        if let Some(request) = context.data_opt::<Request>() {
            // A change is never stopped halfway; its fields are bounded before it runs.
            if info.parent_type == "Mutation" {
                request.budget.0.is_unlimited.store(true, Relaxed);
            }
            request.budget.resolve_field().await;
        }
        next.run(context, info).await
    }
}
