//! Adds a user.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::Result,
        event::{Event, EventType},
        id::UserId,
        organization::User,
        policy,
    },
    store::NewUser,
};

/// Adds a user on behalf of the operator.
#[derive(Debug, Clone)]
pub struct AddUser {
    /// The new user, whose texts were validated.
    pub new: NewUser,
}

impl Change for AddUser {
    type Done = User;

    async fn apply(&self, ChangeContext { tx, .. }: ChangeContext<'_>) -> Result<User> {
        policy::operator(tx.caller())?;
        let provisioner = policy::user_provisioner(tx.caller())?;
        let user = tx.insert_user(&provisioner, UserId::new(tx.caller().at), self.new.clone()).await?;
        tx.record(Event::new(EventType::UserCreated, tx.caller().at).of_user(user.id));
        Ok(user)
    }
}
