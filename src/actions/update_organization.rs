//! Renames an organization. Its slug never changes.

use crate::{
    app::Change,
    domain::{
        error::Result,
        event::{Event, EventType},
        organization::{Organization, OrganizationRef},
        policy,
    },
    store::Tx,
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

    async fn apply(&self, tx: &mut Tx) -> Result<Organization> {
        let found = tx.find_organization(&self.organization).await?;
        policy::organization_manager(&tx.auth_context().await?, found.id)?;
        let before = tx.lock_organization(&found.id.into()).await?;
        let manager = policy::organization_manager(&tx.auth_context().await?, before.id)?;
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
