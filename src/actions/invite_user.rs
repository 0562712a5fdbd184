//! Invites a user to choose a password. The code is returned once, and the previous code of the user is no longer valid.

use crate::{
    app::{App, Change},
    domain::{
        caller::Caller,
        error::{Error, Result},
        event::{Event, EventType},
        invitation::Code,
        policy,
        secret::Fingerprint,
        state::UserStatus,
    },
    store::Tx,
};

/// The reason that the event log shows.
const REASON: &str = "They were invited to choose a password.";

/// Invites a user and returns the code.
pub async fn invite_user(app: &App, caller: &Caller, username: String) -> Result<Code> {
    let code = Code::generate()?;
    app.change(caller, InviteUserChange { username, fingerprint: code.fingerprint() }).await?;
    Ok(code)
}

struct InviteUserChange {
    username: String,
    fingerprint: Fingerprint,
}

impl Change for InviteUserChange {
    type Done = ();

    async fn apply(&self, tx: &mut Tx) -> Result<()> {
        let operator = policy::operator(tx.caller())?;
        let user = tx.find_user(&self.username.as_str().into()).await?;
        if user.status() != UserStatus::Enabled {
            return Err(Error::Conflict("This user is disabled; enable them first (user enable).".into()));
        }
        let organizations = tx.lock_organizations_of(&user).await?;
        tx.invite(&operator, user.id, self.fingerprint).await?;
        let invited = Event::new(EventType::UserUpdated, tx.caller().at).of_user(user.id);
        tx.record(invited.in_organizations(organizations).with_reason(Some(REASON.into())));
        Ok(())
    }
}
