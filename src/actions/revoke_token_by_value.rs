//! Revokes a token on behalf of a caller that has its value: the token itself, a resource server or the command line.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::{Error, Result},
        event::{Event, EventType},
        policy,
        secret::Fingerprint,
    },
};

/// Revokes the token with a fingerprint. The value itself does not leave the endpoint.
#[derive(Debug, Clone, Copy)]
pub struct RevokeTokenByValue {
    /// The fingerprint of the token value.
    pub fingerprint: Fingerprint,
}

impl Change for RevokeTokenByValue {
    type Done = ();

    async fn apply(&self, ChangeContext { tx, .. }: ChangeContext<'_>) -> Result<()> {
        let token = tx.token_by_value(self.fingerprint).await?.ok_or(Error::NotFound("token"))?;
        let revoker = policy::token_revoker_by_value(tx.caller(), token)?;
        let (token, organizations) = tx.revoke_token(&revoker).await?;
        tx.record(
            Event::new(EventType::TokenRevoked, tx.caller().at)
                .of_token(token.id, token.owner)
                .in_organizations(organizations),
        );
        Ok(())
    }
}
