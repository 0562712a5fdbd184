//! One change by one caller. Its writes and its events are committed together or not at all.

use super::{
    Store,
    column_types::{DeliveryKind, FieldChanges},
    entity::{delivery, event, event_head, event_organization, organization, resource_server, token, user},
    pool::Transaction,
    run,
};
use crate::domain::{
    caller::{AuthMethod, Caller},
    email::{EmailContent, EmailOrganization, EmailPayload, EmailToken, EmailUser},
    error::{Error, Result},
    event::{EmailKind, Event, EventSource, EventType, Notification},
    id::{DeliveryId, OrganizationId, TokenId, UserId},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, EntityTrait as _, ExprTrait as _, QueryFilter as _, sea_query::Expr,
};

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

    /// Returns the types of the recorded events.
    pub(crate) fn recorded(&self) -> Vec<EventType> {
        self.events.iter().map(|event| event.kind).collect()
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

    /// Writes emails and events, and commits. Fails if no event was recorded.
    pub(crate) async fn commit(self) -> Result<()> {
        if self.events.is_empty() {
            return Err(Error::Bug("a change recorded no event".into()));
        }
        for event in &self.events {
            for notification in event.notifications(self.caller.user()) {
                self.write_delivery(event, &notification).await?;
            }
        }
        self.write_events().await?;
        run(self.db.commit()).await
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

    async fn write_delivery(&self, event: &Event, notification: &Notification) -> Result<()> {
        let Some(to) = run(user::Entity::find_by_id(notification.to).one(&self.db)).await? else { return Ok(()) };
        // A user without an address, or a deleted one, receives no email.
        let (Some(to_address), None) = (to.email, to.deleted_at) else { return Ok(()) };
        let email = self.email_content(event, notification).await?;
        let payload = EmailPayload { to_name: to.name, to_address, email };
        let payload = serde_json::to_string(&payload).map_err(|error| Error::Bug(error.to_string().into()))?;
        let row = delivery::ActiveModel {
            id: Set(DeliveryId::new(self.caller.at)),
            kind: Set(DeliveryKind::Email),
            cause_id: Set(event.id),
            user_id: Set(Some(to.id)),
            payload: Set(payload),
            created_at: Set(self.caller.at),
            retrying_since: Set(self.caller.at),
            attempts: Set(0),
            next_at: Set(self.caller.at),
            sent_at: Set(None),
            abandoned_at: Set(None),
            last_error: Set(None),
        };
        run(delivery::Entity::insert(row).exec_without_returning(&self.db)).await?;
        Ok(())
    }

    async fn email_content(&self, event: &Event, notification: &Notification) -> Result<EmailContent> {
        let organization = self.email_organization(notification.organization).await?;
        let by = match self.caller.user() {
            Some(by) => self.email_user(by).await?,
            None => None,
        };
        let mut tokens = self.email_tokens(&notification.tokens).await?;
        let (reason, at_micros) = (event.reason.clone(), self.caller.at.micros());
        match notification.email {
            EmailKind::OrganizationRemoved => {
                let token = tokens.pop().ok_or_else(|| Error::Bug("an email without a token".into()))?;
                Ok(EmailContent::OrganizationRemoved { organization, token, by, reason, at_micros })
            }
            EmailKind::MembershipEnded => {
                Ok(EmailContent::MembershipEnded { organization, tokens, by, reason, at_micros })
            }
        }
    }

    async fn email_organization(&self, id: OrganizationId) -> Result<EmailOrganization> {
        let found = run(organization::Entity::find_by_id(id).one(&self.db)).await?;
        let found = found.ok_or_else(|| Error::Bug("an email without an organization".into()))?;
        Ok(EmailOrganization { slug: found.slug, name: found.name, deleted: found.deleted_at.is_some() })
    }

    async fn email_user(&self, id: UserId) -> Result<Option<EmailUser>> {
        let found = run(user::Entity::find_by_id(id).one(&self.db)).await?;
        Ok(found.map(|found| EmailUser { username: found.username, name: found.name }))
    }

    async fn email_tokens(&self, ids: &[TokenId]) -> Result<Vec<EmailToken>> {
        let find = token::Entity::find().filter(token::Column::Id.is_in(ids.iter().copied()));
        let mut found = run(find.all(&self.db)).await?;
        found.sort_unstable_by_key(|token| token.id);
        Ok(found
            .into_iter()
            .map(|token| EmailToken { id: token.id.to_string(), description: token.description, hint: token.hint })
            .collect())
    }

    /// Locks the head row last, so that a slow change does not delay the numbers of others. Only inserts follow.
    async fn write_events(&self) -> Result<()> {
        let count = i64::try_from(self.events.len()).unwrap_or(i64::MAX);
        let update = event_head::Entity::update_many()
            .col_expr(event_head::Column::Number, Expr::col(event_head::Column::Number).add(count))
            .col_expr(event_head::Column::EventId, Expr::value(self.events.last().map(|event| event.id)))
            .exec_with_returning(&self.db);
        let by_server = self.acting_resource_server().await?;
        let head = run(update).await?.pop().ok_or_else(|| Error::Bug("the event head is missing".into()))?;
        let numbers = head.number - count + 1..;
        let (mut events, mut event_organizations) = (Vec::new(), Vec::new());
        for (number, event) in numbers.zip(&self.events) {
            events.push(self.event_row(number, event, by_server.as_ref()));
            event_organizations.extend(event.organizations.iter().map(|organization| {
                event_organization::ActiveModel { organization_id: Set(*organization), number: Set(number) }
            }));
        }
        // Databases limit the parameters of one statement.
        for rows in chunks(events, 200) {
            run(event::Entity::insert_many(rows).exec_without_returning(&self.db)).await?;
        }
        for rows in chunks(event_organizations, 1_000) {
            run(event_organization::Entity::insert_many(rows).exec_without_returning(&self.db)).await?;
        }
        Ok(())
    }

    /// Returns the name of the resource server that makes the change, if one does.
    async fn acting_resource_server(&self) -> Result<Option<String>> {
        let AuthMethod::ResourceServer(id) = self.caller.auth_method else { return Ok(None) };
        let found = run(resource_server::Entity::find_by_id(id).one(&self.db)).await?;
        Ok(found.map(|server| server.name))
    }

    fn event_row(&self, number: i64, event: &Event, by_server: Option<&String>) -> event::ActiveModel {
        event::ActiveModel {
            number: Set(number),
            id: Set(event.id),
            cause_id: Set(event.id),
            kind: Set(event.kind),
            at: Set(self.caller.at),
            actor_id: Set(self.caller.user()),
            actor_address: Set(self.caller.address.map(|address| address.to_string())),
            actor_user_agent: Set(self.caller.user_agent.clone()),
            via: Set(via(self.caller.auth_method)),
            resource_server_name: Set(event.resource_server.as_ref().or(by_server).cloned()),
            token_id: Set(event.token),
            user_id: Set(event.user),
            reason: Set(event.reason.clone()),
            scopes_added: Set(event.scopes_added.iter().cloned().collect()),
            scopes_removed: Set(event.scopes_removed.iter().cloned().collect()),
            changes: Set((!event.field_changes.is_empty()).then(|| FieldChanges(event.field_changes.clone()))),
        }
    }
}

const fn via(through: AuthMethod) -> EventSource {
    match through {
        AuthMethod::CommandLine => EventSource::CommandLine,
        AuthMethod::Anonymous => EventSource::System,
        AuthMethod::Jwt(_) => EventSource::Jwt,
        AuthMethod::Session { .. } => EventSource::Session,
        AuthMethod::Token { .. } | AuthMethod::Value { .. } => EventSource::Token,
        AuthMethod::ResourceServer(_) => EventSource::ResourceServer,
    }
}

/// Splits rows into chunks of at most `size`.
pub(super) fn chunks<T>(rows: Vec<T>, size: usize) -> impl Iterator<Item = Vec<T>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let portion: Vec<_> = rows.by_ref().take(size).collect();
        (!portion.is_empty()).then_some(portion)
    })
}
