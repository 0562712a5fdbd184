//! One change by one caller. Its writes and its events are committed together or not at all.

use super::{
    Store,
    column_types::FieldChanges,
    entity::{event, event_head, event_organization, resource_server},
    pool::Transaction,
    run,
};
use crate::domain::{
    caller::{AuthMethod, Caller},
    error::{Error, Result},
    event::{CommittedEvent, Event, EventSource},
};
use sea_orm::{ActiveModelTrait as _, ActiveValue::Set, EntityTrait as _, ExprTrait as _, sea_query::Expr};

/// A change in progress.
#[derive(Debug)]
pub struct Tx {
    pub(super) db: Transaction,
    caller: Caller,
    events: Vec<Event>,
    is_no_op: bool,
}

impl Tx {
    /// Begins a change by this caller.
    pub(crate) async fn begin(store: &Store, caller: Caller) -> Result<Self> {
        Ok(Self { db: store.begin().await?, caller, events: Vec::new(), is_no_op: false })
    }

    /// Returns the caller who makes the change.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Records an event. A change that records none is not committed.
    pub fn record(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Returns whether a recorded event extends access.
    pub(crate) fn grants_access(&self) -> bool {
        self.events.iter().any(Event::grants_access)
    }

    /// Returns whether a recorded event changes a name, a description or an expiry, or sets a password.
    pub(crate) fn changes_descriptions(&self) -> bool {
        self.events.iter().any(Event::changes_descriptions)
    }

    /// Marks the change as a no-op: there is nothing to commit.
    pub const fn mark_no_op(&mut self) {
        self.is_no_op = true;
    }

    /// Returns whether the change is a no-op.
    pub(crate) const fn is_no_op(&self) -> bool {
        self.is_no_op
    }

    /// Writes emails and events, commits, and returns the events with their numbers. Fails if no event was recorded.
    pub(crate) async fn commit(self) -> Result<Vec<CommittedEvent>> {
        if self.events.is_empty() {
            return Err(Error::Bug("a change recorded no event".into()));
        }
        self.enqueue_notifications(&self.events).await?;
        let committed = self.write_events().await?;
        run(self.db.commit()).await?;
        Ok(committed)
    }

    /// Ends a no-op. Fails if an event was recorded.
    pub(crate) async fn finish_no_op(self) -> Result<()> {
        if !self.events.is_empty() {
            return Err(Error::Bug("a no-op recorded an event".into()));
        }
        run(self.db.rollback()).await
    }

    /// Rolls the change back.
    pub(crate) async fn rollback(self) -> Result<()> {
        run(self.db.rollback()).await
    }

    /// Locks the head row last, so that a slow change does not delay the numbers of others. Only inserts follow.
    async fn write_events(&self) -> Result<Vec<CommittedEvent>> {
        let count = i64::try_from(self.events.len()).unwrap_or(i64::MAX);
        let update = event_head::Entity::update_many()
            .col_expr(event_head::Column::Number, Expr::col(event_head::Column::Number).add(count))
            .col_expr(event_head::Column::EventId, Expr::value(self.events.last().map(|event| event.id)))
            .exec_with_returning(&self.db);
        let (via, by_server) = (via(self.caller.auth_method)?, self.acting_resource_server().await?);
        let head = run(update).await?.pop().ok_or_else(|| Error::Bug("the event head is missing".into()))?;
        let numbers = head.number - count + 1..;
        let rows: Vec<_> = numbers
            .zip(&self.events)
            .map(|(number, event)| self.event_row(number, event, via, by_server.as_ref()))
            .collect();
        let event_organizations = rows.iter().zip(&self.events).flat_map(|(row, event)| {
            event.organizations.iter().map(|organization| event_organization::ActiveModel {
                organization_id: Set(*organization),
                number: Set(row.number),
            })
        });
        let event_organizations: Vec<_> = event_organizations.collect();
        // Databases limit the parameters of one statement.
        for rows in chunks(rows.clone(), 200) {
            let rows = rows.into_iter().map(|row| event::ActiveModel::from(row).reset_all());
            run(event::Entity::insert_many(rows).exec_without_returning(&self.db)).await?;
        }
        for rows in chunks(event_organizations, 1_000) {
            run(event_organization::Entity::insert_many(rows).exec_without_returning(&self.db)).await?;
        }
        let committed = rows
            .into_iter()
            .zip(&self.events)
            .map(|(row, event)| CommittedEvent { event: row.into(), organizations: event.organizations.clone() });
        Ok(committed.collect())
    }

    /// Returns the name of the resource server that makes the change, if one does.
    async fn acting_resource_server(&self) -> Result<Option<String>> {
        let AuthMethod::ResourceServer(id) = self.caller.auth_method else { return Ok(None) };
        let found = run(resource_server::Entity::find_by_id(id).one(&self.db)).await?;
        Ok(found.map(|server| server.name))
    }

    fn event_row(&self, number: i64, event: &Event, via: EventSource, by_server: Option<&String>) -> event::Model {
        event::Model {
            number,
            id: event.id,
            cause_id: event.cause,
            kind: event.kind,
            at: self.caller.at,
            actor_id: self.caller.user(),
            actor_address: self.caller.address.map(|address| address.to_string()),
            actor_user_agent: self.caller.user_agent.clone(),
            via,
            resource_server_name: event.resource_server.as_ref().or(by_server).cloned(),
            token_id: event.token,
            user_id: event.user,
            reason: event.reason.clone(),
            scopes_added: event.scopes_added.iter().cloned().collect(),
            scopes_removed: event.scopes_removed.iter().cloned().collect(),
            changes: (!event.field_changes.is_empty()).then(|| FieldChanges(event.field_changes.clone())),
        }
    }
}

fn via(auth_method: AuthMethod) -> Result<EventSource> {
    Ok(match auth_method {
        AuthMethod::CommandLine => EventSource::CommandLine,
        AuthMethod::System => EventSource::System,
        AuthMethod::Anonymous => return Err(Error::Bug("an anonymous caller made a change".into())),
        AuthMethod::Jwt(_) => EventSource::Jwt,
        AuthMethod::Session { .. } => EventSource::Session,
        AuthMethod::Token { .. } | AuthMethod::Value { .. } => EventSource::Token,
        AuthMethod::ResourceServer(_) => EventSource::ResourceServer,
    })
}

/// Splits rows into chunks of at most `size`.
pub(super) fn chunks<T>(rows: Vec<T>, size: usize) -> impl Iterator<Item = Vec<T>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let portion: Vec<_> = rows.by_ref().take(size).collect();
        (!portion.is_empty()).then_some(portion)
    })
}
