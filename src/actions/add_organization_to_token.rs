//! Adds an organization to a token, also one that was removed from it.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::{Error, Result},
        event::{Event, EventType},
        grant::Grant,
        id::{OrganizationId, TokenId},
        policy,
        token::Token,
    },
};
use std::collections::BTreeSet;

/// Adds an organization to a token of the caller.
#[derive(Debug, Clone, Copy)]
pub struct AddOrganizationToToken {
    /// The token.
    pub token: TokenId,
    /// The organization, of which the owner is a member.
    pub organization: OrganizationId,
}

impl Change for AddOrganizationToToken {
    type Done = (Token, Grant);

    async fn apply(&self, ChangeContext { tx, .. }: ChangeContext<'_>) -> Result<(Token, Grant)> {
        let (auth_context, access) = (tx.auth_context().await?, tx.token_access(self.token).await?);
        let owner = policy::token_owner(&auth_context, access.as_ref())?;
        let token = tx.lock_own_token(&owner).await?;
        // Locked until the commit, so that a concurrent end of the membership removes this grant too.
        let organizations = BTreeSet::from([self.organization]);
        if tx.lock_memberships(*owner.user(), &organizations).await? != organizations {
            return Err(Error::NotFound("organization"));
        }
        let owner = auth_context.recently_authenticated(owner)?;
        let grant = tx.add_organization(&owner, &token, self.organization).await?;
        tx.record(
            Event::new(EventType::TokenOrganizationAdded, tx.caller().at)
                .of_token(token.id, token.owner)
                .in_organizations([self.organization]),
        );
        Ok((token, tx.grant(grant).await?))
    }
}
