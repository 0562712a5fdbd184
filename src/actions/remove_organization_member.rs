//! Removes a member from an organization, and the organization from all their tokens.

use crate::{
    app::Change,
    domain::{
        error::{Error, Result},
        event::{Event, EventType},
        id::UserId,
        organization::{Organization, OrganizationRef, UserRef},
        policy,
    },
    store::Tx,
};

/// Removes a member from an organization.
#[derive(Debug, Clone)]
pub struct RemoveOrganizationMember {
    /// The organization.
    pub organization: OrganizationRef,
    /// The member.
    pub user: UserRef,
}

impl Change for RemoveOrganizationMember {
    type Done = (Organization, UserId);

    async fn apply(&self, tx: &mut Tx) -> Result<(Organization, UserId)> {
        let found = tx.find_organization(&self.organization).await?;
        policy::membership_manager(&tx.auth_context().await?, found.id)?;
        let user = tx.find_user_if_any(&self.user).await?;
        let organization = tx.lock_organization(&found.id.into()).await?;
        let manager = policy::membership_manager(&tx.auth_context().await?, organization.id)?;
        // A user who does not exist and a user who is not a member cause the same error.
        let user = user.ok_or(Error::NotFound("member"))?.id;
        let affected_tokens = tx.remove_member(&manager, user, None).await?;
        let at = tx.caller().at;
        for token in &affected_tokens {
            let event = Event::new(EventType::TokenOrganizationRemoved, at).of_token(*token, user);
            // One email lists all affected tokens.
            tx.record(event.in_organizations([organization.id]).notified_separately());
        }
        let event = Event::new(EventType::OrganizationMemberRemoved, at).of_user(user);
        tx.record(event.in_organizations([organization.id]).with_affected_tokens(affected_tokens));
        Ok((organization, user))
    }
}
