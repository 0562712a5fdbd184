//! Revokes a token of the caller.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::Result,
        event::{Event, EventType},
        id::TokenId,
        policy,
        token::Token,
    },
};

/// Revokes a token on behalf of its owner.
#[derive(Debug, Clone)]
pub struct RevokeToken {
    /// The token.
    pub token: TokenId,
    /// The reason, which the event log shows.
    pub reason: Option<String>,
}

impl Change for RevokeToken {
    type Done = Token;

    async fn apply(&self, ChangeContext { tx, .. }: ChangeContext<'_>) -> Result<Token> {
        let (auth_context, access) = (tx.auth_context().await?, tx.token_access(self.token).await?);
        let revoker = policy::token_revoker(&auth_context, access.as_ref())?;
        let (token, organizations) = tx.revoke_token(&revoker).await?;
        tx.record(
            Event::new(EventType::TokenRevoked, tx.caller().at)
                .of_token(token.id, token.owner)
                .in_organizations(organizations)
                .with_reason(self.reason.clone()),
        );
        Ok(token)
    }
}
