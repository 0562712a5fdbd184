//! Lets a token reach one more organization; also again, after somebody removed it.

use crate::{
    app::Change,
    domain::{
        error::{Error, Result},
        event::{Event, EventType},
        grant::Grant,
        id::{OrganizationId, TokenId},
        policy,
        token::Token,
    },
    store::Tx,
};
use std::collections::BTreeSet;

/// What its owner wants.
#[derive(Debug, Clone, Copy)]
pub struct AddOrganizationToToken {
    /// Which token.
    pub token: TokenId,
    /// Which organization, one of the owner's own.
    pub organization: OrganizationId,
}

impl Change for AddOrganizationToToken {
    type Done = (Token, Grant);

    async fn make(&self, tx: &mut Tx) -> Result<(Token, Grant)> {
        let (standing, sight) = (tx.standing().await?, tx.sight_of(self.token).await?);
        let owner = policy::owner_of(&standing, sight.as_ref())?;
        let token = tx.claim_own(&owner).await?;
        // Held until the commit: whoever leaves the organization meanwhile takes this grant along.
        let wanted = BTreeSet::from([self.organization]);
        if tx.hold_memberships(*owner.user(), &wanted).await? != wanted {
            return Err(Error::NotFound("organization"));
        }
        let widener = policy::widener_of(&standing, &owner)?;
        let grant = tx.add_organization(&widener, &token, self.organization).await?;
        tx.record(
            Event::new(EventType::TokenOrganizationAdded, tx.caller().at)
                .of_token(token.id, token.owner)
                .concerning([self.organization]),
        );
        Ok((token, tx.grant(grant).await?))
    }
}
