//! Makes somebody a member of an organization, or gives a member another role.

use crate::{
    app::Change,
    domain::{
        error::Result,
        event::{Event, EventType},
        organization::Role,
        policy,
    },
    store::{MemberChange, Tx},
};

/// Who shall be what, where.
#[derive(Debug, Clone)]
pub struct AddOrganizationMember {
    /// The organization's handle.
    pub slug: String,
    /// The person's handle.
    pub username: String,
    /// As what.
    pub role: Role,
}

impl Change for AddOrganizationMember {
    type Done = ();

    async fn make(&self, tx: &mut Tx) -> Result<()> {
        let operator = policy::operator(tx.caller())?;
        let organization = tx.organization_named(&self.slug).await?;
        let user = tx.user_named(&self.username).await?;
        let kind = match tx.set_member(&operator, organization.id, user.id, self.role).await? {
            MemberChange::Added => EventType::OrganizationMemberAdded,
            MemberChange::Changed => EventType::OrganizationMemberUpdated,
            MemberChange::None => {
                tx.leave_as_it_is();
                return Ok(());
            }
        };
        tx.record(Event::new(kind, tx.caller().at).of_user(user.id).concerning([organization.id]));
        Ok(())
    }
}
