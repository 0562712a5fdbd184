//! Disables a resource server: it can no longer introspect tokens.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        error::Result,
        event::{Event, EventType},
        policy,
    },
};

/// Disables a resource server on behalf of the operator.
#[derive(Debug, Clone)]
pub struct DisableResourceServer {
    /// The name of the resource server.
    pub name: String,
}

impl Change for DisableResourceServer {
    type Done = ();

    async fn apply(&self, ChangeContext { tx, .. }: ChangeContext<'_>) -> Result<()> {
        let operator = policy::operator(tx.caller())?;
        tx.disable_resource_server(&operator, &self.name).await?;
        tx.record(Event::new(EventType::ResourceServerDisabled, tx.caller().at).of_resource_server(&self.name));
        Ok(())
    }
}
