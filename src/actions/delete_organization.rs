//! Removes an organization for good: no token reaches it any more, and its slug stays taken.

use crate::{
    app::Change,
    domain::{
        error::Result,
        event::{Event, EventType},
        organization::OrganizationRef,
        policy,
    },
    store::Tx,
};

/// What owners of tokens read as the reason.
const REASON: &str = "The organization was deleted.";

/// Which organization the operator means.
#[derive(Debug, Clone)]
pub struct DeleteOrganization {
    /// By its slug.
    pub organization: OrganizationRef,
}

impl Change for DeleteOrganization {
    type Done = ();

    async fn make(&self, tx: &mut Tx) -> Result<()> {
        let operator = policy::operator(tx.caller())?;
        let (organization, at) = (tx.lock_organization(&self.organization).await?.id, tx.caller().at);
        tx.delete_organization(&operator, organization).await?;
        let reason = || Some(REASON.to_owned());
        for (user, cut) in tx.dismiss_all(&operator, organization, Some(REASON)).await? {
            for token in &cut {
                let lost = Event::new(EventType::TokenOrganizationRemoved, at).of_token(*token, user);
                // One letter tells of all of them.
                tx.record(lost.concerning([organization]).because(reason()).told_elsewhere());
            }
            let left = Event::new(EventType::OrganizationMemberRemoved, at).of_user(user);
            tx.record(left.concerning([organization]).because(reason()).cutting(cut));
        }
        tx.record(Event::new(EventType::OrganizationDeleted, at).concerning([organization]));
        Ok(())
    }
}
