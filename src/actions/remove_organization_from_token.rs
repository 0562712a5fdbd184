//! Removes an organization from a token. The token keeps its other organizations; the owner is notified and can add the
//! organization again.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::Result,
        event::{Event, EventType},
        grant::Grant,
        id::{OrganizationId, TokenId},
        policy,
    },
};

/// Removes an organization from a token, on behalf of an administrator or the owner.
#[derive(Debug, Clone)]
pub struct RemoveOrganizationFromToken {
    /// The token.
    pub token: TokenId,
    /// The organization.
    pub organization: OrganizationId,
    /// The reason, which the owner can read.
    pub reason: Option<String>,
}

impl Change for RemoveOrganizationFromToken {
    type Done = Grant;

    async fn apply(&self, ChangeContext { tx, .. }: ChangeContext<'_>) -> Result<Grant> {
        let (auth_context, access) = (tx.auth_context().await?, tx.token_access(self.token).await?);
        let remover = policy::grant_remover(&auth_context, access.as_ref(), self.organization)?;
        let (grant, owner) = tx.remove_organization(&remover, self.reason.as_deref()).await?;
        tx.record(
            Event::new(EventType::TokenOrganizationRemoved, tx.caller().at)
                .of_token(self.token, owner)
                .in_organizations([self.organization])
                .with_reason(self.reason.clone()),
        );
        tx.grant(grant).await
    }
}
