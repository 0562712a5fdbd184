//! Changes the role of a member of an organization. The last administrator cannot be demoted.

use crate::{
    app::Change,
    domain::{
        error::{Error, Result},
        event::{Event, EventType},
        id::UserId,
        organization::{Organization, OrganizationRef, Role, UserRef},
        policy,
    },
    store::Tx,
};

/// Changes the role of a member.
#[derive(Debug, Clone)]
pub struct UpdateOrganizationMember {
    /// The organization.
    pub organization: OrganizationRef,
    /// The member.
    pub user: UserRef,
    /// The new role.
    pub role: Role,
}

impl Change for UpdateOrganizationMember {
    type Done = (Organization, UserId);

    async fn apply(&self, tx: &mut Tx) -> Result<(Organization, UserId)> {
        let found = tx.find_organization(&self.organization).await?;
        policy::membership_manager(&tx.auth_context().await?, found.id)?;
        let user = tx.find_user_if_any(&self.user).await?;
        let organization = tx.lock_organization(&found.id.into()).await?;
        let manager = policy::membership_manager(&tx.auth_context().await?, organization.id)?;
        // A user who does not exist and a user who is not a member cause the same error.
        let user = user.ok_or(Error::NotFound("member"))?.id;
        let before = tx.change_role(&manager, user, self.role).await?;
        if before == self.role {
            tx.mark_no_op();
        } else {
            tx.record(
                Event::new(EventType::OrganizationMemberUpdated, tx.caller().at)
                    .of_user(user)
                    .in_organizations([organization.id])
                    .with_role_change(Some(before), self.role),
            );
        }
        Ok((organization, user))
    }
}
