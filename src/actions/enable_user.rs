//! Enables a user who was disabled.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::{Error, Result},
        event::{Event, EventType},
        policy,
    },
};

/// Enables a user on behalf of the operator.
#[derive(Debug, Clone)]
pub struct EnableUser {
    /// The username of the user.
    pub username: String,
}

impl Change for EnableUser {
    type Done = ();

    async fn apply(&self, ChangeContext { tx, .. }: ChangeContext<'_>) -> Result<()> {
        let operator = policy::operator(tx.caller())?;
        let user = tx.find_user(&self.username.as_str().into()).await?;
        if !tx.set_disabled(&operator, user.id, false).await? {
            return Err(Error::Conflict("This user is not disabled.".into()));
        }
        let organizations = tx.lock_organizations_of(&user).await?;
        tx.record(Event::new(EventType::UserEnabled, tx.caller().at).of_user(user.id).in_organizations(organizations));
        Ok(())
    }
}
