//! Creates a token. Its value is returned once.

use crate::{
    app::{Change, ChangeContext, Settings},
    domain::{
        error::{Error, Result},
        event::{Event, EventType},
        id::{OrganizationId, UserId},
        policy::{self, AuthContext},
        scope::ScopeSet,
        secret::Secret,
        time::Time,
        token::{self, Token},
    },
    store::NewToken,
};
use std::collections::BTreeSet;

/// Creates a token. The description and the scopes were validated.
#[derive(Debug, Clone)]
pub struct CreateToken {
    /// The purpose of the token.
    pub description: String,
    /// The organizations that the token has access to: 1 to 100, of which the owner is a member.
    pub organizations: Vec<OrganizationId>,
    /// The scopes of the token.
    pub scopes: ScopeSet,
    /// The expiry; `None` if the token never expires.
    pub expires_at: Option<Time>,
    /// The owner, if the command line creates the token; `None` for the caller.
    pub owner: Option<UserId>,
}

impl Change for CreateToken {
    /// The token, and its value for the only response that contains it.
    type Done = (Token, Secret);

    fn precheck(auth_context: &AuthContext, _: &Settings) -> Result<()> {
        policy::token_creator(auth_context).map(drop)
    }

    async fn apply(&self, ChangeContext { tx, settings }: ChangeContext<'_>) -> Result<(Token, Secret)> {
        let creator = match self.owner {
            Some(owner) => policy::operator(tx.caller())?.acting_for(owner),
            None => policy::token_creator(&tx.auth_context().await?)?,
        };
        let expires_at = token::check_new_expiry("expiresAt", self.expires_at, tx.caller().at)?;
        let organizations: BTreeSet<_> = self.organizations.iter().copied().collect();
        token::check_organization_count("organizationIds", organizations.len())?;
        tx.lock_user(*creator.user()).await?;
        if self.owner.is_none() && tx.count_active_tokens(&creator).await? >= u64::from(settings.max_tokens_per_user) {
            return Err(Error::Conflict(
                "You have as many active tokens as this service allows; revoke one that is not needed.".into(),
            ));
        }
        if tx.lock_memberships(*creator.user(), &organizations).await? != organizations {
            return Err(Error::NotFound("organization"));
        }
        let secret = Secret::generate(&settings.prefix)?;
        let new = NewToken {
            fingerprint: secret.fingerprint(),
            hint: secret.hint(),
            description: self.description.clone(),
            scopes: self.scopes.clone(),
            expires_at,
            organizations: organizations.clone(),
        };
        let token = tx.insert_token(&creator, new).await?;
        tx.record(
            Event::new(EventType::TokenCreated, tx.caller().at)
                .of_token(token.id, token.owner)
                .in_organizations(organizations)
                .with_scopes(token.scopes.iter().cloned().collect(), Vec::new()),
        );
        Ok((token, secret))
    }
}
