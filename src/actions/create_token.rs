//! Makes a token. Its value leaves here once, for its owner.

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

/// What somebody wants of a new token: texts and scopes that were checked.
#[derive(Debug, Clone)]
pub struct CreateToken {
    /// What it is for.
    pub description: String,
    /// Where it shall reach: 1 to 100 organizations that its owner belongs to.
    pub organizations: Vec<OrganizationId>,
    /// What it may do.
    pub scopes: ScopeSet,
    /// When it ends by itself; nothing for never.
    pub expires_at: Option<Time>,
    /// Whose it shall be, where the command line makes it.
    pub owner: Option<UserId>,
}

/// Makes a token and tells its value.
pub async fn create_token(app: &App, caller: &Caller, ask: CreateToken) -> Result<(Token, Secret)> {
    let secret = Secret::generate(app.prefix())?;
    let making = Making { fingerprint: secret.fingerprint(), hint: secret.hint(), ask };
    let token = app.change(caller, making).await?;
    Ok((token, secret))
}

struct Making {
    fingerprint: crate::domain::secret::Fingerprint,
    hint: String,
    ask: CreateToken,
}

impl Change for Making {
    type Done = Token;

    async fn make(&self, tx: &mut Tx) -> Result<Token> {
        let maker = match self.ask.owner {
            Some(owner) => policy::maker_for(&policy::operator(tx.caller())?, owner),
            None => policy::maker(&tx.standing().await?)?,
        };
        let expires_at = token::expiry_of_new("expiresAt", self.ask.expires_at, tx.caller().at)?;
        let organizations: BTreeSet<_> = self.ask.organizations.iter().copied().collect();
        token::organizations_fit("organizationIds", organizations.len())?;
        tx.lock_user(*maker.user()).await?;
        if tx.hold_memberships(*maker.user(), &organizations).await? != organizations {
            return Err(Error::NotFound("organization"));
        }
        let new = NewToken {
            fingerprint: self.fingerprint,
            hint: self.hint.clone(),
            description: self.ask.description.clone(),
            scopes: self.ask.scopes.clone(),
            expires_at,
            organizations: organizations.clone(),
        };
        let token = tx.insert_token(&maker, new).await?;
        tx.record(
            Event::new(EventType::TokenCreated, tx.caller().at)
                .of_token(token.id, token.owner)
                .concerning(organizations)
                .with_scopes(token.scopes.iter().cloned().collect(), Vec::new()),
        );
        Ok(token)
    }
}
