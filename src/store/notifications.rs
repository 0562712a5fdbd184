//! Puts the notification emails that follow from the events of a change into the outbox, in its commit. An email is complete: the
//! names of users, organizations and tokens are those of the commit. It never contains a secret that can be used.

use super::{
    column_types::DeliveryKind,
    entity::{delivery, organization, token, user},
    run,
    tx::{Tx, chunks},
};
use crate::domain::{
    email::{EmailContent, EmailOrganization, EmailPayload, EmailToken, EmailUser},
    error::{Error, Result},
    event::{EmailKind, Event, Notification},
    id::{DeliveryId, OrganizationId, TokenId, UserId},
};
use sea_orm::{ActiveValue::Set, ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use std::collections::{BTreeSet, HashMap};

/// The maximum number of parameters of one statement.
const CHUNK: usize = 1_000;

impl Tx {
    /// Adds a delivery for each notification of these events, with a fixed number of statements for a thousand of them.
    pub(super) async fn enqueue_notifications(&self, events: &[Event]) -> Result<()> {
        let actor = self.caller().user();
        let notifications: Vec<_> = events
            .iter()
            .flat_map(|event| event.notifications(actor).into_iter().map(move |notification| (event, notification)))
            .collect();
        if notifications.is_empty() {
            return Ok(());
        }
        let names = self.names(notifications.iter().map(|(_, notification)| notification), actor).await?;
        let mut rows = Vec::new();
        for (event, notification) in notifications {
            if let Some(payload) = names.payload(event, &notification, actor, self.caller().at.micros())? {
                rows.push(self.delivery(event, &notification, &payload)?);
            }
        }
        for rows in chunks(rows, 200) {
            run(delivery::Entity::insert_many(rows).exec_without_returning(&self.db)).await?;
        }
        Ok(())
    }

    fn delivery(
        &self,
        event: &Event,
        notification: &Notification,
        payload: &EmailPayload,
    ) -> Result<delivery::ActiveModel> {
        let at = self.caller().at;
        Ok(delivery::ActiveModel {
            id: Set(DeliveryId::new(at)),
            kind: Set(DeliveryKind::Email),
            cause_id: Set(event.cause),
            recipient_id: Set(notification.to),
            payload: Set(serde_json::to_string(payload).map_err(|error| Error::Bug(error.to_string().into()))?),
            created_at: Set(at),
            retrying_since: Set(at),
            attempts: Set(0),
            next_at: Set(at),
            sent_at: Set(None),
            abandoned_at: Set(None),
            last_error: Set(None),
        })
    }

    /// Reads what emails say about the users, organizations and tokens of notifications.
    async fn names<'a>(
        &self,
        notifications: impl Iterator<Item = &'a Notification> + Clone,
        actor: Option<UserId>,
    ) -> Result<Names> {
        let mut names = Names::default();
        let users: BTreeSet<_> = notifications.clone().map(|it| it.to).chain(actor).collect();
        for ids in chunks(users.into_iter().collect(), CHUNK) {
            let find = user::Entity::find().filter(user::Column::Id.is_in(ids));
            names.users.extend(run(find.all(&self.db)).await?.into_iter().map(|row| (row.id, row)));
        }
        let organizations: BTreeSet<_> = notifications.clone().map(|it| it.organization).collect();
        for ids in chunks(organizations.into_iter().collect(), CHUNK) {
            let find = organization::Entity::find().filter(organization::Column::Id.is_in(ids));
            names.organizations.extend(run(find.all(&self.db)).await?.into_iter().map(|row| (row.id, row)));
        }
        let tokens: BTreeSet<_> = notifications.flat_map(|it| it.tokens.iter().copied()).collect();
        for ids in chunks(tokens.into_iter().collect(), CHUNK) {
            let find = token::Entity::find().filter(token::Column::Id.is_in(ids));
            names.tokens.extend(run(find.all(&self.db)).await?.into_iter().map(|row| (row.id, row)));
        }
        Ok(names)
    }
}

#[derive(Default)]
struct Names {
    users: HashMap<UserId, user::Model>,
    organizations: HashMap<OrganizationId, organization::Model>,
    tokens: HashMap<TokenId, token::Model>,
}

impl Names {
    /// Returns the email; `None` if the recipient has no address or is deleted.
    fn payload(
        &self,
        event: &Event,
        notification: &Notification,
        actor: Option<UserId>,
        at_micros: i64,
    ) -> Result<Option<EmailPayload>> {
        let recipient = self.users.get(&notification.to).filter(|user| user.deleted_at.is_none());
        let Some((to_name, to_address)) = recipient.and_then(|user| Some((user.name.clone(), user.email.clone()?)))
        else {
            return Ok(None);
        };
        let organization = self.organization(notification.organization)?;
        let mut tokens = self.tokens(&notification.tokens);
        let by = actor.and_then(|id| self.users.get(&id));
        let by = by.map(|user| EmailUser { username: user.username.clone(), name: user.name.clone() });
        let reason = event.reason.clone();
        let email = match notification.email {
            EmailKind::OrganizationRemoved => {
                let token = tokens.pop().ok_or_else(|| Error::Bug("an email without a token".into()))?;
                EmailContent::OrganizationRemoved { organization, token, by, reason, at_micros }
            }
            EmailKind::MembershipEnded => EmailContent::MembershipEnded { organization, tokens, by, reason, at_micros },
        };
        Ok(Some(EmailPayload { to_name, to_address, email }))
    }

    fn organization(&self, id: OrganizationId) -> Result<EmailOrganization> {
        let found = self.organizations.get(&id).ok_or_else(|| Error::Bug("an email without an organization".into()))?;
        Ok(EmailOrganization {
            slug: found.slug.clone(),
            name: found.name.clone(),
            deleted: found.deleted_at.is_some(),
        })
    }

    /// Returns the tokens in the order of their creation.
    fn tokens(&self, ids: &[TokenId]) -> Vec<EmailToken> {
        let ids: BTreeSet<_> = ids.iter().collect();
        let email_token = |token: &token::Model| EmailToken {
            id: token.id.to_string(),
            description: token.description.clone(),
            hint: token.hint.clone(),
        };
        ids.into_iter().filter_map(|id| self.tokens.get(id)).map(email_token).collect()
    }
}
