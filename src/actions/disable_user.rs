//! Disables a user: all their tokens, JWTs and sessions are rejected from then on.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::{Error, Result},
        event::{Event, EventType},
        policy,
    },
};

/// Disables a user on behalf of the operator.
#[derive(Debug, Clone)]
pub struct DisableUser {
    /// The username of the user.
    pub username: String,
}

impl Change for DisableUser {
    type Done = ();

    async fn apply(&self, ChangeContext { tx, .. }: ChangeContext<'_>) -> Result<()> {
        let operator = policy::operator(tx.caller())?;
        let user = tx.find_user(&self.username.as_str().into()).await?;
        if !tx.set_disabled(&operator, user.id, true).await? {
            return Err(Error::Conflict("This user is already disabled.".into()));
        }
        let organizations = tx.lock_organizations_of(&user).await?;
        tx.record(Event::new(EventType::UserDisabled, tx.caller().at).of_user(user.id).in_organizations(organizations));
        Ok(())
    }
}
