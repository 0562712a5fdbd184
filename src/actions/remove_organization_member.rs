//! Ends a membership, and with it the access of all the member's tokens to the organization.

use crate::{
    app::Change,
    domain::{
        error::Result,
        event::{Event, EventType},
        policy,
    },
    store::Tx,
};

/// Who leaves what.
#[derive(Debug, Clone)]
pub struct RemoveOrganizationMember {
    /// The organization's handle.
    pub slug: String,
    /// The person's handle.
    pub username: String,
}

impl Change for RemoveOrganizationMember {
    type Done = ();

    async fn make(&self, tx: &mut Tx) -> Result<()> {
        let operator = policy::operator(tx.caller())?;
        let organization = tx.organization_named(&self.slug).await?.id;
        let user = tx.user_named(&self.username).await?.id;
        let cut = tx.remove_member(&operator, organization, user, None).await?;
        let at = tx.caller().at;
        for token in &cut {
            let lost = Event::new(EventType::TokenOrganizationRemoved, at).of_token(*token, user);
            // One letter tells of all of them.
            tx.record(lost.concerning([organization]).told_elsewhere());
        }
        let left = Event::new(EventType::OrganizationMemberRemoved, at).of_user(user);
        tx.record(left.concerning([organization]).cutting(cut));
        Ok(())
    }
}
