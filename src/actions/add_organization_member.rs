//! Adds a user to an organization.

use super::UpdateOrganizationMember;
use crate::{
    app::{App, Change},
    domain::{
        caller::Caller,
        error::{Error, Result},
        event::{Event, EventType},
        id::UserId,
        organization::{Organization, OrganizationRef, Role, UserRef},
        policy,
    },
    store::Tx,
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

/// Adds a user to an organization, or changes the role of an existing member.
pub async fn set_organization_member(app: &App, caller: &Caller, change: AddOrganizationMember) -> Result<()> {
    let AddOrganizationMember { organization, user, role } = change.clone();
    match app.change(caller, change).await {
        Err(Error::Conflict(_)) => {
            app.change(caller, UpdateOrganizationMember { organization, user, role }).await.map(|_| ())
        }
        other => other.map(|_| ()),
    }
}

impl Change for AddOrganizationMember {
    type Done = (Organization, UserId);

    async fn apply(&self, tx: &mut Tx) -> Result<(Organization, UserId)> {
        let found = tx.find_organization(&self.organization).await?;
        policy::membership_manager(&tx.auth_context().await?, found.id)?;
        let user = tx.find_user_if_any(&self.user).await?;
        let organization = tx.lock_organization(&found.id.into()).await?;
        let manager = policy::membership_manager(&tx.auth_context().await?, organization.id)?;
        let user = user.ok_or(Error::NotFound("user"))?.id;
        tx.add_member(&manager, user, self.role).await?;
        let added = Event::new(EventType::OrganizationMemberAdded, tx.caller().at).of_user(user);
        tx.record(added.in_organizations([organization.id]).with_role_change(None, self.role));
        Ok((organization, user))
    }
}
