//! Creates a token. Its value is returned once.

use crate::{
    app::{App, Change},
    domain::{
        caller::Caller,
        error::{Error, Result},
        event::{Event, EventType},
        id::{OrganizationId, UserId},
        policy,
        scope::ScopeSet,
        secret::Secret,
        time::Time,
        token::{self, Token},
    },
    store::{NewToken, Tx},
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

/// Creates a token and returns its value.
pub async fn create_token(app: &App, caller: &Caller, request: CreateToken) -> Result<(Token, Secret)> {
    let secret = Secret::generate(app.prefix())?;
    let (fingerprint, hint) = (secret.fingerprint(), secret.hint());
    let change = CreateTokenChange { fingerprint, hint, request, max_tokens: app.max_tokens_per_user() };
    let token = app.change(caller, change).await?;
    Ok((token, secret))
}

struct CreateTokenChange {
    fingerprint: crate::domain::secret::Fingerprint,
    hint: String,
    request: CreateToken,
    /// The maximum number of active tokens per user.
    max_tokens: u32,
}

impl Change for CreateTokenChange {
    type Done = Token;

    async fn apply(&self, tx: &mut Tx) -> Result<Token> {
        let creator = match self.request.owner {
            Some(owner) => policy::token_creator_for(&policy::operator(tx.caller())?, owner),
            None => policy::token_creator(&tx.auth_context().await?)?,
        };
        let expires_at = token::check_new_expiry("expiresAt", self.request.expires_at, tx.caller().at)?;
        let organizations: BTreeSet<_> = self.request.organizations.iter().copied().collect();
        token::check_organization_count("organizationIds", organizations.len())?;
        tx.lock_user(*creator.user()).await?;
        if self.request.owner.is_none() && tx.count_active_tokens(&creator).await? >= u64::from(self.max_tokens) {
            return Err(Error::Conflict(
                "You have as many active tokens as this service allows; revoke one that is not needed.".into(),
            ));
        }
        if tx.lock_memberships(*creator.user(), &organizations).await? != organizations {
            return Err(Error::NotFound("organization"));
        }
        let new = NewToken {
            fingerprint: self.fingerprint,
            hint: self.hint.clone(),
            description: self.request.description.clone(),
            scopes: self.request.scopes.clone(),
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
        Ok(token)
    }
}
