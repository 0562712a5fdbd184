//! Changes the description, the scopes or the expiry of a token.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::Result,
        event::{Event, EventType},
        id::TokenId,
        policy,
        scope::Catalogue,
        time::Time,
        token::{self, Token},
    },
    store::TokenChange,
};

/// Changes a token on behalf of its owner. Fields that are `None` stay unchanged.
#[derive(Debug, Clone)]
pub struct UpdateToken {
    /// The token.
    pub token: TokenId,
    /// The new description, which was validated.
    pub description: Option<String>,
    /// The names of all scopes that the token has afterwards. It can keep retired scopes.
    pub scopes: Option<Vec<String>>,
    /// The new expiry, which must not be later than the current one.
    pub expires_at: Option<Time>,
}

impl Change for UpdateToken {
    type Done = Token;

    async fn apply(&self, ChangeContext { tx, settings }: ChangeContext<'_>) -> Result<Token> {
        let (auth_context, access) = (tx.auth_context().await?, tx.token_access(self.token).await?);
        let owner = policy::token_owner(&auth_context, access.as_ref())?;
        let before = tx.lock_own_token(&owner).await?;
        let after = self.applied_to(&before, &settings.catalogue, tx.caller().at)?;
        if after == before {
            tx.mark_no_op();
            return Ok(before);
        }
        let change = TokenChange {
            description: after.description.clone(),
            scopes: after.scopes.clone(),
            expires_at: after.expires_at,
        };
        let organizations = if after.scopes.added_since(&before.scopes).is_empty() {
            tx.change_token(&owner, &before, &change).await?
        } else {
            tx.extend_token(&auth_context.recently_authenticated(owner)?, &change).await?
        };
        tx.record(
            Event::new(EventType::TokenUpdated, tx.caller().at)
                .of_token(after.id, after.owner)
                .in_organizations(organizations)
                .with_scopes(after.scopes.added_since(&before.scopes), after.scopes.removed_since(&before.scopes))
                .with_change("description", Some(before.description), Some(after.description.clone()))
                .with_change("expiresAt", before.expires_at.map(Time::to_text), after.expires_at.map(Time::to_text)),
        );
        Ok(after)
    }
}

impl UpdateToken {
    fn applied_to(&self, before: &Token, catalogue: &Catalogue, at: Time) -> Result<Token> {
        let mut after = before.clone();
        if let Some(description) = &self.description {
            after.description.clone_from(description);
        }
        if let Some(names) = &self.scopes {
            after.scopes = catalogue.grantable_to_holder("scopes", names, &before.scopes)?;
        }
        if let Some(expires_at) = self.expires_at {
            token::check_earlier_expiry("expiresAt", before.expires_at, expires_at, at)?;
            after.expires_at = Some(expires_at);
        }
        Ok(after)
    }
}
