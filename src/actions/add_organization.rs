//! Adds an organization with its first administrator.

use crate::{
    app::Change,
    domain::{
        error::Result,
        event::{Event, EventType},
        organization::{Organization, Role},
        policy,
    },
    store::Tx,
};

/// What the operator adds: texts that were checked.
#[derive(Debug, Clone)]
pub struct AddOrganization {
    /// Its handle, which stays.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// The handle of its first administrator.
    pub admin: String,
}

impl Change for AddOrganization {
    type Done = Organization;

    async fn make(&self, tx: &mut Tx) -> Result<Organization> {
        let operator = policy::operator(tx.caller())?;
        let admin = tx.user_named(&self.admin).await?;
        let organization = tx.insert_organization(&operator, self.slug.clone(), self.name.clone()).await?;
        tx.set_member(&operator, organization.id, admin.id, Role::Admin).await?;
        let event = |kind| Event::new(kind, tx.caller().at).concerning([organization.id]);
        let (made, joined) = (event(EventType::OrganizationCreated), event(EventType::OrganizationMemberAdded));
        tx.record(made);
        tx.record(joined.of_user(admin.id));
        Ok(organization)
    }
}
