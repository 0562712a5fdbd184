//! Creates an organization with its first administrator.

use crate::{
    app::{Change, ChangeContext, Settings},
    domain::{
        error::Result,
        event::{Event, EventType},
        organization::{Organization, Role, UserRef},
        policy::{self, AuthContext},
    },
};

/// Creates an organization. All texts were validated.
#[derive(Debug, Clone)]
pub struct CreateOrganization {
    /// The slug. It never changes.
    pub slug: String,
    /// The name.
    pub name: String,
    /// The first administrator.
    pub admin: UserRef,
}

impl Change for CreateOrganization {
    type Done = Organization;

    fn precheck(auth_context: &AuthContext, settings: &Settings) -> Result<()> {
        policy::organization_creator(auth_context, settings.self_service).map(drop)
    }

    async fn apply(&self, ChangeContext { tx, settings }: ChangeContext<'_>) -> Result<Organization> {
        let creator = policy::organization_creator(&tx.auth_context().await?, settings.self_service)?;
        let admin = tx.find_user(&self.admin).await?;
        let organization = tx.insert_organization(&creator, self.slug.clone(), self.name.clone()).await?;
        tx.add_member(&creator.manager_of(organization.id), admin.id, Role::Admin).await?;
        let event = |kind| Event::new(kind, tx.caller().at).in_organizations([organization.id]);
        let (organization_created, member_added) =
            (event(EventType::OrganizationCreated), event(EventType::OrganizationMemberAdded));
        tx.record(organization_created);
        tx.record(member_added.of_user(admin.id).with_role_change(None, Role::Admin));
        Ok(organization)
    }
}
