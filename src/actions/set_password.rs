//! Sets the password of a user, which ends their other sessions.

use crate::{
    app::{Change, ChangeContext, ChangeKind, Settings},
    domain::{
        error::{Error, Result},
        event::{Event, EventType},
        id::UserId,
        password::PasswordHash,
        policy::{self, AuthContext},
    },
    store::Tx,
};

/// The reason that the event log shows.
const REASON: &str = "The password was changed.";

/// Sets the password of a user.
#[derive(Debug, Clone)]
pub struct SetPassword {
    /// The user.
    pub user: UserId,
    /// The hash of the password, which meets the password rules.
    pub password_hash: PasswordHash,
}

impl Change for SetPassword {
    type Done = ();

    fn precheck(auth_context: &AuthContext, _: &Settings) -> Result<()> {
        let user = auth_context.user().ok_or(Error::Unauthenticated)?;
        policy::password_setter(auth_context, user).map(drop)
    }

    fn limited_as(_: &Tx) -> Option<ChangeKind> {
        Some(ChangeKind::SettingPassword)
    }

    async fn apply(&self, ChangeContext { tx, .. }: ChangeContext<'_>) -> Result<()> {
        let user = tx.lock_user(self.user).await?;
        let organizations = tx.lock_organizations_of(&user).await?;
        let setter = policy::password_setter(&tx.auth_context().await?, self.user)?;
        tx.set_password(&setter, &self.password_hash).await?;
        let event = Event::new(EventType::UserUpdated, tx.caller().at).of_user(self.user);
        tx.record(event.in_organizations(organizations).with_reason(Some(REASON.into())));
        Ok(())
    }
}
