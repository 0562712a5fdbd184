//! Invites a user to choose a password. The code is returned once, and the previous code of the user is no longer valid.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::{Error, Result},
        event::{Event, EventType},
        invitation::Code,
        policy,
        state::UserStatus,
    },
};

/// The reason that the event log shows.
const REASON: &str = "The user was invited to choose a password.";

/// Invites a user on behalf of the operator.
#[derive(Debug, Clone)]
pub struct InviteUser {
    /// The username of the user.
    pub username: String,
}

impl Change for InviteUser {
    /// The code for the link.
    type Done = Code;

    async fn apply(&self, ChangeContext { tx, .. }: ChangeContext<'_>) -> Result<Code> {
        let operator = policy::operator(tx.caller())?;
        let user = tx.find_user(&self.username.as_str().into()).await?;
        if user.status() != UserStatus::Enabled {
            return Err(Error::Conflict("This user is disabled; enable them first (user enable).".into()));
        }
        let organizations = tx.lock_organizations_of(&user).await?;
        let code = Code::generate()?;
        tx.invite(&operator, user.id, code.fingerprint()).await?;
        let invited = Event::new(EventType::UserUpdated, tx.caller().at).of_user(user.id);
        tx.record(invited.in_organizations(organizations).with_reason(Some(REASON.into())));
        Ok(code)
    }
}
