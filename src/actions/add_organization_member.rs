//! Adds a user to an organization.

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

/// Adds a user to an organization with a role.
#[derive(Debug, Clone)]
pub struct AddOrganizationMember {
    /// The organization.
    pub organization: OrganizationRef,
    /// The user to add.
    pub user: UserRef,
    /// The role of the new member.
    pub role: Role,
}

impl Change for AddOrganizationMember {
    type Done = (Organization, UserId);

    async fn apply(&self, cx: ChangeContext<'_>) -> Result<(Organization, UserId)> {
        let (user, organization, manager) =
            cx.lock_user_and_organization_for(&self.user, &self.organization, policy::membership_manager).await?;
        let tx = cx.tx;
        let user = user.ok_or(Error::NotFound("user"))?.id;
        tx.add_member(&manager, user, self.role).await?;
        let added = Event::new(EventType::OrganizationMemberAdded, tx.caller().at).of_user(user);
        tx.record(added.in_organizations([organization.id]).with_role_change(None, self.role));
        Ok((organization, user))
    }
}
