//! Removes a member from an organization, and the organization from all their tokens.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::{Error, Result},
        event::Event,
        id::UserId,
        organization::{Organization, OrganizationRef, UserRef},
        policy,
    },
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

    async fn apply(&self, cx: ChangeContext<'_>) -> Result<(Organization, UserId)> {
        let (user, organization, manager) =
            cx.lock_user_and_organization_for(&self.user, &self.organization, policy::membership_manager).await?;
        let tx = cx.tx;
        // A user who does not exist and a user who is not a member cause the same error.
        let user = user.ok_or(Error::NotFound("member"))?.id;
        let tokens = tx.remove_member(&manager, user, None).await?;
        for event in Event::membership_ended(user, organization.id, tokens, None, tx.caller().at) {
            tx.record(event);
        }
        Ok((organization, user))
    }
}
