//! Accepts an invitation: sets the password of the invited user and signs them in. The invitation of a new service creates
//! the first user and the first organization, which this user administers.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::{Error, Result},
        event::{Event, EventType},
        id::SessionId,
        organization::Role,
        password::PasswordHash,
        policy::{self, PasswordSetter, RecentlyAuthenticated},
        secret::Fingerprint,
    },
    store::{NewSession, NewUser, Tx},
};

const NO_INVITATION: Error = Error::NotFound("invitation");
/// The reason that the event log shows.
const REASON: &str = "The password was chosen by invitation.";

/// Accepts an invitation. All texts were validated.
#[derive(Debug, Clone)]
pub struct AcceptInvitation {
    /// The fingerprint of the invitation code.
    pub invitation: Fingerprint,
    /// The hash of the chosen password.
    pub password_hash: PasswordHash,
    /// The fingerprint of the cookie of the new session.
    pub cookie: Fingerprint,
    /// The first user and organization; `None` if the service has users.
    pub first: Option<First>,
}

/// The first user of a new service, and their organization.
#[derive(Debug, Clone)]
pub struct First {
    /// The user.
    pub user: NewUser,
    /// The slug of the organization. It never changes.
    pub slug: String,
    /// The name of the organization.
    pub organization: String,
}

impl Change for AcceptInvitation {
    type Done = ();

    async fn apply(&self, ChangeContext { tx, .. }: ChangeContext<'_>) -> Result<()> {
        match &self.first {
            None => self.sign_in_invited_user(tx).await,
            Some(first) => self.create_first_user(tx, first).await,
        }
        // A user who was disabled or deleted meanwhile is not authenticated.
        .map_err(|error| match error {
            Error::Unauthenticated => NO_INVITATION,
            other => other,
        })
    }
}

impl AcceptInvitation {
    async fn sign_in_invited_user(&self, tx: &mut Tx) -> Result<()> {
        let user = tx.caller().user().ok_or(Error::Unauthenticated)?;
        let organizations = tx.lock_organizations_of(&tx.lock_user(user).await?).await?;
        let user_id = tx.take_invitation(self.invitation).await?.ok_or(NO_INVITATION)?;
        let setter = policy::invited_password_setter(tx.caller(), user_id)?;
        self.sign_in(tx, &setter).await?;
        tx.auth_context().await?;
        let event = Event::new(EventType::UserUpdated, tx.caller().at).of_user(user);
        tx.record(event.in_organizations(organizations).with_reason(Some(REASON.into())));
        Ok(())
    }

    async fn create_first_user(&self, tx: &mut Tx, first: &First) -> Result<()> {
        if tx.take_invitation(self.invitation).await?.is_some() {
            return Err(NO_INVITATION);
        }
        let (operator, user) = policy::first_operator(tx.caller(), tx.has_users().await?)?;
        tx.save_first_user(&operator, user).await?;
        let user = tx.insert_user(&operator.user_provisioner(), user, first.user.clone()).await?;
        let creator = operator.organization_creator();
        let organization = tx.insert_organization(&creator, first.slug.clone(), first.organization.clone()).await?.id;
        tx.add_member(&creator.manager_of(organization), user.id, Role::Admin).await?;
        self.sign_in(tx, &operator.password_setter(user.id)).await?;
        let event = |kind| Event::new(kind, tx.caller().at);
        let user_created = event(EventType::UserCreated).of_user(user.id);
        let organization_created = event(EventType::OrganizationCreated).in_organizations([organization]);
        let member_added = event(EventType::OrganizationMemberAdded)
            .of_user(user.id)
            .in_organizations([organization])
            .with_role_change(None, Role::Admin);
        for event in [user_created, organization_created, member_added] {
            tx.record(event);
        }
        Ok(())
    }

    async fn sign_in(&self, tx: &Tx, setter: &RecentlyAuthenticated<PasswordSetter>) -> Result<()> {
        let password_version = tx.set_password(setter, &self.password_hash).await?;
        let caller = tx.caller();
        tx.open_session(NewSession {
            id: caller.session().unwrap_or_else(|| SessionId::new(caller.at)),
            fingerprint: self.cookie,
            user: *setter.user(),
            password_version,
            at: caller.at,
            address: caller.address,
            user_agent: caller.user_agent.clone(),
        })
        .await
    }
}
