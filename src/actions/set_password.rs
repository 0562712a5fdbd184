//! Keeps the password with which somebody signs in. Their other sessions end.

use crate::{
    app::Change,
    domain::{
        error::Result,
        event::{Event, EventType},
        id::UserId,
        password::Hashed,
        policy,
    },
    store::Tx,
};

/// What the audit says of it.
const REASON: &str = "The password was changed.";

/// Whose password, and what is kept of it.
#[derive(Debug, Clone)]
pub struct SetPassword {
    /// Who signs in with it.
    pub user: UserId,
    /// What is kept of it: of one that may be chosen.
    pub hashed: Hashed,
}

impl Change for SetPassword {
    type Done = ();

    const IS_LIMITED: bool = false;

    async fn make(&self, tx: &mut Tx) -> Result<()> {
        let user = tx.lock_user(self.user).await?;
        let organizations = tx.hold_organizations_of(&user).await?;
        let keyholder = policy::keyholder(&tx.standing().await?, self.user)?;
        tx.set_password(&keyholder, &self.hashed).await?;
        let changed = Event::new(EventType::UserUpdated, tx.caller().at).of_user(self.user);
        tx.record(changed.concerning(organizations).because(Some(REASON.into())));
        Ok(())
    }
}
