//! Stops a person at once: every token, JWT and session of theirs is refused.

use crate::{
    app::Change,
    domain::{
        error::{Error, Result},
        event::{Event, EventType},
        policy,
    },
    store::Tx,
};

/// Whom the operator means.
#[derive(Debug, Clone)]
pub struct DisableUser {
    /// Their handle.
    pub username: String,
}

impl Change for DisableUser {
    type Done = ();

    async fn make(&self, tx: &mut Tx) -> Result<()> {
        let operator = policy::operator(tx.caller())?;
        let user = tx.find_user(&self.username.as_str().into()).await?;
        if !tx.set_disabled(&operator, user.id, true).await? {
            return Err(Error::Conflict("This user is already disabled.".into()));
        }
        let organizations = tx.hold_organizations_of(&user).await?;
        tx.record(Event::new(EventType::UserDisabled, tx.caller().at).of_user(user.id).concerning(organizations));
        Ok(())
    }
}
