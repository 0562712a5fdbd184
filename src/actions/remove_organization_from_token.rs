//! Removes one organization from a token. The token lives on elsewhere; its owner is told, and may add it again.

use crate::{
    app::Change,
    domain::{
        error::Result,
        event::{Event, EventType},
        grant::Grant,
        id::{OrganizationId, TokenId},
        policy,
    },
    store::Tx,
};

/// What an administrator, or the owner, wants.
#[derive(Debug, Clone)]
pub struct RemoveOrganizationFromToken {
    /// Which token.
    pub token: TokenId,
    /// Which organization.
    pub organization: OrganizationId,
    /// Why; told to the owner.
    pub reason: Option<String>,
}

impl Change for RemoveOrganizationFromToken {
    type Done = Grant;

    async fn make(&self, tx: &mut Tx) -> Result<Grant> {
        let (standing, sight) = (tx.standing().await?, tx.sight_of(self.token).await?);
        let remover = policy::remover_of(&standing, sight.as_ref(), self.organization)?;
        let (grant, owner) = tx.remove_organization(&remover, self.reason.as_deref()).await?;
        tx.record(
            Event::new(EventType::TokenOrganizationRemoved, tx.caller().at)
                .of_token(self.token, owner)
                .concerning([self.organization])
                .because(self.reason.clone()),
        );
        tx.grant(grant).await
    }
}
