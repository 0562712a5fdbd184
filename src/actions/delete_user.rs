//! Deletes a user permanently: revokes their tokens, ends their memberships, and replaces personal data with placeholders.
//! Their events stay in the event log.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::Result,
        event::{Event, EventType},
        policy,
    },
};

/// Deletes a user on behalf of the operator.
#[derive(Debug, Clone)]
pub struct DeleteUser {
    /// The username of the user.
    pub username: String,
}

impl Change for DeleteUser {
    type Done = ();

    async fn apply(&self, ChangeContext { tx, .. }: ChangeContext<'_>) -> Result<()> {
        let operator = policy::operator(tx.caller())?;
        let (erased, at) = (tx.find_user(&self.username.as_str().into()).await?, tx.caller().at);
        let user = erased.id;
        tx.can_leave_all(&operator, user).await?;
        let mut revoked = tx.revoke_tokens_of(&operator, user).await?;
        revoked.sort_unstable();
        let organizations = tx.leave_all(&operator, user).await?;
        let mut organizations_by_token = tx.remove_grants_of(&operator, user).await?;
        // Last, so that emails which other changes queued meanwhile are included.
        tx.erase_user(&operator, &erased).await?;
        for token in revoked {
            let organizations_of_token = organizations_by_token.remove(&token).unwrap_or_default();
            tx.record(
                Event::new(EventType::TokenRevoked, at).of_token(token, user).in_organizations(organizations_of_token),
            );
        }
        tx.record(Event::new(EventType::UserDeleted, at).of_user(user).in_organizations(organizations));
        Ok(())
    }
}
