//! Records that tokens expired. From then on they stay expired, even if a clock is set back.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::Result,
        event::{Event, EventType},
        id::TokenId,
        policy,
    },
};

/// Records the expiry of tokens, once for each.
#[derive(Debug, Clone)]
pub struct ExpireTokens {
    /// The tokens, whose expiry has passed. Those that another node has recorded, or that are revoked, are skipped.
    pub tokens: Vec<TokenId>,
}

impl Change for ExpireTokens {
    type Done = ();

    async fn apply(&self, ChangeContext { tx, .. }: ChangeContext<'_>) -> Result<()> {
        let system = policy::system(tx.caller())?;
        let expired = tx.expire_tokens(&system, &self.tokens).await?;
        if expired.is_empty() {
            tx.mark_no_op();
        }
        for (token, owner, organizations) in expired {
            let event = Event::new(EventType::TokenExpired, tx.caller().at);
            tx.record(event.of_token(token, owner).in_organizations(organizations));
        }
        Ok(())
    }
}
