//! Changes the role of a member of an organization. The last administrator cannot be demoted.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::{Error, Result},
        event::{Event, EventType},
        id::UserId,
        organization::{Organization, OrganizationRef, Role, UserRef},
        policy,
    },
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

    async fn apply(&self, cx: ChangeContext<'_>) -> Result<(Organization, UserId)> {
        let (user, organization, manager) =
            cx.lock_user_and_organization_for(&self.user, &self.organization, policy::membership_manager).await?;
        let tx = cx.tx;
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
