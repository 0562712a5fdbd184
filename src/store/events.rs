//! Reads of the event log.

use super::{
    Store, all, col,
    column_types::FieldChanges,
    entity::{event, event_organization},
    pagination::{self, SortColumn, SortOrder, same},
    run,
};
use crate::domain::{
    cursor::{Cursor, SortKey},
    error::Result,
    event::RecordedEvent,
    filter::EventFilter,
    id::{EventId, OrganizationId, TokenId, UserId},
    page::{Page, Slice},
    policy::{Operator, OrgAdmin},
};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, ExprTrait as _, Iterable as _, QueryFilter as _,
    sea_query::{Expr, JoinType, Order, Query, SelectStatement},
};
use std::collections::{BTreeSet, HashMap};

impl From<event::Model> for RecordedEvent {
    fn from(row: event::Model) -> Self {
        Self {
            number: row.number,
            id: row.id,
            cause: row.cause_id,
            kind: row.kind,
            at: row.at,
            actor: row.actor_id,
            actor_address: row.actor_address.and_then(|address| address.parse().ok()),
            actor_user_agent: row.actor_user_agent,
            via: row.via,
            resource_server: row.resource_server_name,
            token: row.token_id,
            user: row.user_id,
            reason: row.reason,
            scopes_added: row.scopes_added.iter().cloned().collect(),
            scopes_removed: row.scopes_removed.iter().cloned().collect(),
            field_changes: row.changes.map(|FieldChanges(all)| all).unwrap_or_default(),
        }
    }
}

fn row_with_cursor(row: event::Model) -> (Cursor, RecordedEvent) {
    (Cursor { key: SortKey::Number(row.number), id: row.id.uuid() }, row.into())
}

/// A search of the operator in the event log.
#[derive(Debug, Clone, Default)]
pub struct EventSearch {
    /// The conditions that every event must match.
    pub filter: EventFilter,
    /// Only events about this user or by them.
    pub with_user: Option<UserId>,
    /// Only events that concern this organization.
    pub organization: Option<OrganizationId>,
}

impl Store {
    /// Returns the newest events of the service, including those that concern no organization, up to a limit.
    pub async fn search_events(&self, _: &Operator, search: &EventSearch, limit: u64) -> Result<Vec<RecordedEvent>> {
        let rows = all::<event::Model>(&self.read, &search_events(search, limit)).await?;
        Ok(rows.into_iter().map(RecordedEvent::from).collect())
    }

    /// Returns a page of the events that concern an organization, newest first.
    pub async fn events_in(&self, admin: &OrgAdmin, filter: &EventFilter, page: &Page) -> Result<Slice<RecordedEvent>> {
        let order = SortOrder {
            key: SortColumn::Number(col("c", event_organization::Column::Number)),
            id: None::<(&str, &str)>,
            descending: true,
        };
        let select = pagination::paginate(events_in(admin, filter), &order, page);
        pagination::page_of(&self.read, &select, page, row_with_cursor).await
    }

    /// Counts the events of an organization that match a filter.
    pub async fn count_events_in(&self, admin: &OrgAdmin, filter: &EventFilter) -> Result<u64> {
        pagination::count(&self.read, events_in(admin, filter)).await
    }

    /// Returns a page of the events of each token, newest first, for its owner. If the owner acts through a token, only
    /// events that concern the organizations in `within`.
    pub async fn events_of(
        &self,
        tokens: &[TokenId],
        within: Option<&BTreeSet<OrganizationId>>,
        page: &Page,
    ) -> Result<HashMap<TokenId, Slice<RecordedEvent>>> {
        let order = SortOrder {
            key: SortColumn::Number(col("e", event::Column::Number)),
            id: None::<(&str, &str)>,
            descending: true,
        };
        let select =
            pagination::paginate_each(events_of(tokens, within), col("e", event::Column::TokenId), &order, page);
        let rows = all::<event::Model>(&self.read, &select).await?;
        Ok(pagination::slices(rows, page, |row| row.token_id, row_with_cursor))
    }

    /// Counts the events of each token.
    pub async fn count_events_of(
        &self,
        tokens: &[TokenId],
        within: Option<&BTreeSet<OrganizationId>>,
    ) -> Result<HashMap<TokenId, u64>> {
        pagination::count_each(&self.read, events_of(tokens, within), "token_id", TokenId::from_uuid).await
    }

    /// Returns events by their IDs. Policy decides who may see them.
    pub async fn events(&self, ids: &[EventId]) -> Result<HashMap<EventId, RecordedEvent>> {
        let select = entries().and_where(Expr::col(col("e", event::Column::Id)).is_in(ids.iter().copied())).take();
        let rows = all::<event::Model>(&self.read, &select).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
    }

    /// Returns the organizations that each event concerns, by the number of the event.
    pub async fn event_organizations(&self, numbers: &[i64]) -> Result<HashMap<i64, BTreeSet<OrganizationId>>> {
        let find = event_organization::Entity::find()
            .filter(event_organization::Column::Number.is_in(numbers.iter().copied()));
        let mut organizations = HashMap::<_, BTreeSet<_>>::new();
        for row in run(find.all(&self.read)).await? {
            organizations.entry(row.number).or_default().insert(row.organization_id);
        }
        Ok(organizations)
    }
}

fn entries() -> SelectStatement {
    let mut select = Query::select();
    for column in event::Column::iter() {
        select.column(col("e", column));
    }
    select.from_as(event::Entity, "e").take()
}

fn events_in(admin: &OrgAdmin, filter: &EventFilter) -> SelectStatement {
    let mut select = entries();
    select
        .join_as(
            JoinType::InnerJoin,
            event_organization::Entity,
            "c",
            same(col("c", event_organization::Column::Number), col("e", event::Column::Number)),
        )
        .and_where(Expr::col(col("c", event_organization::Column::OrganizationId)).eq(*admin.organization()))
        .cond_where(matching(filter));
    select
}

fn search_events(search: &EventSearch, limit: u64) -> SelectStatement {
    let mut select = entries();
    select.cond_where(matching(&search.filter)).order_by(col("e", event::Column::Number), Order::Desc).limit(limit);
    if let Some(user) = search.with_user {
        select.and_where(
            Expr::col(col("e", event::Column::UserId))
                .eq(user)
                .or(Expr::col(col("e", event::Column::ActorId)).eq(user)),
        );
    }
    if let Some(organization) = search.organization {
        select.and_where(affects_any(&BTreeSet::from([organization])));
    }
    select
}

fn matching(filter: &EventFilter) -> Condition {
    let types = (!filter.types.is_empty()).then(|| filter.types.iter().copied());
    pagination::within(col("e", event::Column::At), filter.at, None)
        .add_option(types.map(|types| Expr::col(col("e", event::Column::Kind)).is_in(types)))
        .add_option(filter.token.map(|token| Expr::col(col("e", event::Column::TokenId)).eq(token)))
        .add_option(filter.actor.map(|actor| Expr::col(col("e", event::Column::ActorId)).eq(actor)))
        .add_option(filter.user.map(|user| Expr::col(col("e", event::Column::UserId)).eq(user)))
}

fn affects_any(organizations: &BTreeSet<OrganizationId>) -> Expr {
    let concerns = Query::select()
        .expr(Expr::value(1))
        .from_as(event_organization::Entity, "c")
        .and_where(same(col("c", event_organization::Column::Number), col("e", event::Column::Number)))
        .and_where(Expr::col(col("c", event_organization::Column::OrganizationId)).is_in(organizations.iter().copied()))
        .take();
    Expr::exists(concerns)
}

fn events_of(tokens: &[TokenId], within: Option<&BTreeSet<OrganizationId>>) -> SelectStatement {
    let mut select = entries();
    select.and_where(Expr::col(col("e", event::Column::TokenId)).is_in(tokens.iter().copied()));
    if let Some(organizations) = within {
        select.and_where(affects_any(organizations));
    }
    select
}

#[cfg(test)]
mod tests {
    use super::{
        super::sql_snapshots::{FIRST, NOW, TOKENS, org_admin, page_after, plan, sql_of},
        *,
    };
    use crate::domain::{event::EventType, filter::TimeRange};
    use insta::assert_snapshot;

    fn log(filter: &EventFilter, page: &Page) -> SelectStatement {
        let order = SortOrder {
            key: SortColumn::Number(col("c", event_organization::Column::Number)),
            id: None::<(&str, &str)>,
            descending: true,
        };
        pagination::paginate(events_in(&org_admin(), filter), &order, page)
    }

    #[test]
    fn event_log_is_one_statement() {
        let filter = EventFilter {
            types: vec![EventType::TokenCreated, EventType::TokenRevoked],
            token: Some(TOKENS[0]),
            actor: Some(UserId::from_uuid(TOKENS[1].uuid())),
            user: Some(UserId::from_uuid(TOKENS[0].uuid())),
            at: TimeRange { from: Some(NOW), to: Some(NOW) },
        };
        assert_snapshot!(sql_of(&log(&filter, &page_after(SortKey::Number(9)))), @r#"
        SELECT "e"."number", "e"."id", "e"."cause_id", "e"."type", "e"."at", "e"."actor_id", "e"."actor_address", "e"."actor_user_agent", "e"."via", "e"."resource_server_name", "e"."token_id", "e"."user_id", "e"."reason", "e"."scopes_added", "e"."scopes_removed", "e"."changes"
        FROM "events" AS "e"
        INNER JOIN "event_organizations" AS "c" ON "c"."number" = "e"."number"
        WHERE "c"."organization_id" = $1
        AND "e"."at" >= $2
        AND "e"."at" < $3
        AND "e"."type" IN ($4, $5)
        AND "e"."token_id" = $6
        AND "e"."actor_id" = $7
        AND "e"."user_id" = $8
        AND "c"."number" < $9
        ORDER BY "c"."number" DESC
        LIMIT $10
        "#);
    }

    #[test]
    fn events_of_many_tokens_are_one_statement() {
        let order = SortOrder {
            key: SortColumn::Number(col("e", event::Column::Number)),
            id: None::<(&str, &str)>,
            descending: true,
        };
        let query =
            pagination::paginate_each(events_of(&TOKENS, None), col("e", event::Column::TokenId), &order, &FIRST);
        assert_snapshot!(sql_of(&query), @r#"
        SELECT *
        FROM (SELECT "e"."number", "e"."id", "e"."cause_id", "e"."type", "e"."at", "e"."actor_id", "e"."actor_address", "e"."actor_user_agent", "e"."via", "e"."resource_server_name", "e"."token_id", "e"."user_id", "e"."reason", "e"."scopes_added", "e"."scopes_removed", "e"."changes", ROW_NUMBER() OVER ( PARTITION BY "e"."token_id"
        ORDER BY "e"."number" DESC ) AS "place"
        FROM "events" AS "e"
        WHERE "e"."token_id" IN ($1, $2)) AS "each"
        WHERE "place" <= $3
        ORDER BY "place" ASC
        "#);
    }

    #[tokio::test]
    async fn event_log_uses_one_index_without_sorting() {
        let plan = plan(&log(&EventFilter::default(), &FIRST)).await;
        assert!(plan[0].contains("(organization_id=?"), "{plan:?}");
        assert!(plan.iter().all(|step| step.starts_with("SEARCH ")), "{plan:?}");
    }
}
