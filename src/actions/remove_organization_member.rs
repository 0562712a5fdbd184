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
        let user = tx.seek_user(&self.user).await?;
        let organization = tx.lock_organization(&found.id.into()).await?;
        let staffer = policy::membership_manager(&tx.auth_context().await?, organization.id)?;
        // A user who does not exist and a user who is not a member cause the same error.
        let user = user.ok_or(Error::NotFound("member"))?.id;
        let cut = tx.remove_member(&staffer, user, None).await?;
        let at = tx.caller().at;
        for token in &cut {
            let lost = Event::new(EventType::TokenOrganizationRemoved, at).of_token(*token, user);
            // One email lists all affected tokens.
            tx.record(lost.in_organizations([organization.id]).notified_separately());
        }
        let left = Event::new(EventType::OrganizationMemberRemoved, at).of_user(user);
        tx.record(left.in_organizations([organization.id]).with_affected_tokens(cut));
        Ok((organization, user))
    }
}
