//! Renames an organization. Its slug never changes.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::Result,
        event::{Event, EventType},
        organization::{Organization, OrganizationRef},
        policy,
    },
};

/// Changes an organization. Fields that are `None` stay unchanged.
#[derive(Debug, Clone)]
pub struct UpdateOrganization {
    /// The organization.
    pub organization: OrganizationRef,
    /// The new name, which was validated.
    pub name: Option<String>,
}

impl Change for UpdateOrganization {
    type Done = Organization;

    async fn apply(&self, cx: ChangeContext<'_>) -> Result<Organization> {
        let (before, manager) = cx.lock_organization_for(&self.organization, policy::organization_manager).await?;
        let tx = cx.tx;
        let Some(name) = self.name.as_ref().filter(|name| **name != before.name) else {
            tx.mark_no_op();
            return Ok(before);
        };
        tx.rename_organization(&manager, name).await?;
        tx.record(
            Event::new(EventType::OrganizationUpdated, tx.caller().at).in_organizations([before.id]).with_change(
                "name",
                Some(before.name.clone()),
                Some(name.clone()),
            ),
        );
        Ok(Organization { name: name.clone(), ..before })
    }
}
