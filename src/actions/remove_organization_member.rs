//! Removes a member from an organization, and the organization from all their tokens.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::{Error, Result},
        event::{Event, EventType},
        id::UserId,
        organization::{Organization, OrganizationRef, UserRef},
        policy,
    },
};

/// Removes a member from an organization.
#[derive(Debug, Clone)]
pub struct RemoveOrganizationMember {
    /// The organization.
    pub organization: OrganizationRef,
    /// The member.
    pub user: UserRef,
}

impl Change for RemoveOrganizationMember {
    type Done = (Organization, UserId);

    async fn apply(&self, cx: ChangeContext<'_>) -> Result<(Organization, UserId)> {
        let (user, organization, manager) =
            cx.lock_user_and_organization_for(&self.user, &self.organization, policy::membership_manager).await?;
        let tx = cx.tx;
        // A user who does not exist and a user who is not a member cause the same error.
        let user = user.ok_or(Error::NotFound("member"))?.id;
        let affected_tokens = tx.remove_member(&manager, user, None).await?;
        let at = tx.caller().at;
        for token in &affected_tokens {
            let event = Event::new(EventType::TokenOrganizationRemoved, at).of_token(*token, user);
            // One email lists all affected tokens.
            tx.record(event.in_organizations([organization.id]).notified_separately());
        }
        let event = Event::new(EventType::OrganizationMemberRemoved, at).of_user(user);
        tx.record(event.in_organizations([organization.id]).with_affected_tokens(affected_tokens));
        Ok((organization, user))
    }
}
