//! The feed of committed events: all of them, in the order of the commits. Whatever follows changes reads it, such as caches,
//! subscriptions and webhooks.

use super::{Store, entity::event, run};
use crate::domain::{error::Result, event::CommittedEvent};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

/// The maximum number of events that one call returns.
const MAX_EVENTS: u64 = 1_000;

impl Store {
    /// Returns the events with higher numbers than this one, in the order of their commits, up to a limit. A number is committed
    /// after all lower ones, so that a reader that continues after the last number misses none.
    #[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "the email queue only waits for the number"))]
    pub async fn events_after(&self, number: i64, limit: u64) -> Result<Vec<CommittedEvent>> {
        let find = event::Entity::find()
            .filter(event::Column::Number.gt(number))
            .order_by_asc(event::Column::Number)
            .limit(limit.min(MAX_EVENTS));
        let rows = run(find.all(&self.read)).await?;
        let numbers: Vec<_> = rows.iter().map(|row| row.number).collect();
        let mut organizations = self.event_organizations(&numbers).await?;
        Ok(rows
            .into_iter()
            .map(|row| CommittedEvent {
                organizations: organizations.remove(&row.number).unwrap_or_default().into_iter().collect(),
                event: row.into(),
            })
            .collect())
    }
}
