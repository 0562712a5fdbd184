//! Ends a token for good on behalf of whoever holds its value: the token itself, an API, the command line.

use crate::{
    app::Change,
    domain::{
        error::{Error, Result},
        event::{Event, EventType},
        policy,
        secret::Fingerprint,
    },
    store::Tx,
};

/// Which token. The value itself goes no further than the door.
#[derive(Debug, Clone, Copy)]
pub struct RevokeTokenByValue {
    /// The digest of its value.
    pub fingerprint: Fingerprint,
}

impl Change for RevokeTokenByValue {
    type Done = ();

    async fn make(&self, tx: &mut Tx) -> Result<()> {
        let token = tx.token_by_value(self.fingerprint).await?.ok_or(Error::NotFound("token"))?;
        let revoker = policy::revoker_by_value(tx.caller(), token)?;
        let (token, organizations) = tx.revoke_token(&revoker).await?;
        tx.record(
            Event::new(EventType::TokenRevoked, tx.caller().at)
                .of_token(token.id, token.owner)
                .concerning(organizations),
        );
        Ok(())
    }
}
