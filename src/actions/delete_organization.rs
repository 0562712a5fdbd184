//! Deletes an organization permanently: no token has access to it any more, and its slug cannot be used again.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::Result,
        event::{Event, EventType},
        organization::OrganizationRef,
        policy,
    },
};

/// The reason that the owners of affected tokens read.
const REASON: &str = "The organization was deleted.";

/// Deletes an organization on behalf of the operator.
#[derive(Debug, Clone)]
pub struct DeleteOrganization {
    /// The organization.
    pub organization: OrganizationRef,
}

impl Change for DeleteOrganization {
    type Done = ();

    async fn apply(&self, ChangeContext { tx, .. }: ChangeContext<'_>) -> Result<()> {
        let operator = policy::operator(tx.caller())?;
        let (organization, at) = (tx.lock_organization(&self.organization).await?.id, tx.caller().at);
        tx.delete_organization(&operator, organization).await?;
        for (user, tokens) in tx.remove_all_members(&operator, organization, Some(REASON)).await? {
            for event in Event::membership_ended(user, organization, tokens, Some(REASON), at) {
                tx.record(event);
            }
        }
        tx.record(Event::new(EventType::OrganizationDeleted, at).in_organizations([organization]));
        Ok(())
    }
}
