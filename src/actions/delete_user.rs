//! Removes a person for good: their tokens end, their memberships too, and placeholders take the place of what was
//! personal. What they did stays in the audit.

use crate::{
    app::Change,
    domain::{
        error::Result,
        event::{Event, EventType},
        policy,
    },
    store::Tx,
};

/// Whom the operator means.
#[derive(Debug, Clone)]
pub struct DeleteUser {
    /// Their handle.
    pub username: String,
}

impl Change for DeleteUser {
    type Done = ();

    async fn make(&self, tx: &mut Tx) -> Result<()> {
        let operator = policy::operator(tx.caller())?;
        let (erased, at) = (tx.find_user(&self.username.as_str().into()).await?, tx.caller().at);
        let user = erased.id;
        tx.can_leave_all(&operator, user).await?;
        let mut revoked = tx.revoke_tokens_of(&operator, user).await?;
        revoked.sort_unstable();
        let organizations = tx.leave_all(&operator, user).await?;
        let mut reached = tx.end_access_of(&operator, user).await?;
        // Last, so that emails which other changes queued meanwhile are included.
        tx.erase_user(&operator, &erased).await?;
        for token in revoked {
            let there = reached.remove(&token).unwrap_or_default();
            tx.record(Event::new(EventType::TokenRevoked, at).of_token(token, user).concerning(there));
        }
        tx.record(Event::new(EventType::UserDeleted, at).of_user(user).concerning(organizations));
        Ok(())
    }
}
