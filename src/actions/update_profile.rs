//! Changes what somebody is called. What an identity provider says of them takes its place when they come by it again.

use crate::{
    app::Change,
    domain::{
        error::Result,
        event::{Event, EventType},
        id::UserId,
        policy,
    },
    store::Tx,
};

/// What somebody wants changed of themselves; what is nothing stays as it is.
#[derive(Debug, Clone)]
pub struct UpdateProfile {
    /// What people shall call them: a text that was checked.
    pub name: Option<String>,
}

impl Change for UpdateProfile {
    type Done = UserId;

    async fn make(&self, tx: &mut Tx) -> Result<UserId> {
        let oneself = policy::oneself(&tx.standing().await?)?;
        let user = *oneself.user();
        let before = tx.lock_user(user).await?;
        let organizations = tx.hold_organizations_of(&before).await?;
        let Some(name) = self.name.as_ref().filter(|name| **name != before.name) else {
            tx.leave_as_it_is();
            return Ok(user);
        };
        tx.rename_user(&oneself, &before, name).await?;
        tx.record(Event::new(EventType::UserUpdated, tx.caller().at).of_user(user).concerning(organizations));
        Ok(user)
    }
}
