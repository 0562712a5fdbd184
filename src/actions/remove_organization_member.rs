//! Ends a membership, and with it the access of all the member's tokens to the organization.

use crate::{
    app::Change,
    domain::{
        error::{Error, Result},
        event::{Event, EventType},
        id::UserId,
        organization::{Organization, OrganizationRef, UserRef},
        policy,
    },
    store::Tx,
};

/// Who leaves what.
#[derive(Debug, Clone)]
pub struct RemoveOrganizationMember {
    /// Which organization.
    pub organization: OrganizationRef,
    /// Which member.
    pub user: UserRef,
}

impl Change for RemoveOrganizationMember {
    type Done = (Organization, UserId);

    async fn make(&self, tx: &mut Tx) -> Result<(Organization, UserId)> {
        let found = tx.find_organization(&self.organization).await?;
        policy::staffer_of(&tx.standing().await?, found.id)?;
        let user = tx.seek_user(&self.user).await?;
        let organization = tx.lock_organization(&found.id.into()).await?;
        let staffer = policy::staffer_of(&tx.standing().await?, organization.id)?;
        // A user who does not exist, and one who is no member, are one answer.
        let user = user.ok_or(Error::NotFound("member"))?.id;
        let cut = tx.remove_member(&staffer, user, None).await?;
        let at = tx.caller().at;
        for token in &cut {
            let lost = Event::new(EventType::TokenOrganizationRemoved, at).of_token(*token, user);
            // One letter tells of all of them.
            tx.record(lost.concerning([organization.id]).told_elsewhere());
        }
        let left = Event::new(EventType::OrganizationMemberRemoved, at).of_user(user);
        tx.record(left.concerning([organization.id]).cutting(cut));
        Ok((organization, user))
    }
}
