//! Changes the profile of the caller. The next sign-in through an identity provider overwrites it with the provider's claims.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::Result,
        event::{Event, EventType},
        id::UserId,
        policy,
    },
};

/// Changes the profile of the caller. Fields that are `None` stay unchanged.
#[derive(Debug, Clone)]
pub struct UpdateProfile {
    /// The new name, which was validated.
    pub name: Option<String>,
}

impl Change for UpdateProfile {
    type Done = UserId;

    async fn apply(&self, ChangeContext { tx, .. }: ChangeContext<'_>) -> Result<UserId> {
        let signed_in_user = policy::signed_in_user(&tx.auth_context().await?)?;
        let user = *signed_in_user.user();
        let before = tx.lock_user(user).await?;
        let organizations = tx.lock_organizations_of(&before).await?;
        let Some(name) = self.name.as_ref().filter(|name| **name != before.name) else {
            tx.mark_no_op();
            return Ok(user);
        };
        tx.rename_user(&signed_in_user, &before, name).await?;
        tx.record(Event::new(EventType::UserUpdated, tx.caller().at).of_user(user).in_organizations(organizations));
        Ok(user)
    }
}
