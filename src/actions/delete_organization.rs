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
        let reason = || Some(REASON.to_owned());
        for (user, affected_tokens) in tx.remove_all_members(&operator, organization, Some(REASON)).await? {
            for token in &affected_tokens {
                let event = Event::new(EventType::TokenOrganizationRemoved, at).of_token(*token, user);
                // One email lists all affected tokens.
                tx.record(event.in_organizations([organization]).with_reason(reason()).notified_separately());
            }
            let event = Event::new(EventType::OrganizationMemberRemoved, at).of_user(user);
            tx.record(
                event.in_organizations([organization]).with_reason(reason()).with_affected_tokens(affected_tokens),
            );
        }
        tx.record(Event::new(EventType::OrganizationDeleted, at).in_organizations([organization]));
        Ok(())
    }
}
