//! Refuses an API that could introspect tokens from now on.

use crate::{
    app::Change,
    domain::{
        error::Result,
        event::{Event, EventType},
        policy,
    },
    store::Tx,
};

/// Which API, by the operator's name for it.
#[derive(Debug, Clone)]
pub struct DisableResourceServer {
    /// Its name.
    pub name: String,
}

impl Change for DisableResourceServer {
    type Done = ();

    async fn make(&self, tx: &mut Tx) -> Result<()> {
        let operator = policy::operator(tx.caller())?;
        tx.disable_resource_server(&operator, &self.name).await?;
        tx.record(Event::new(EventType::ResourceServerDisabled, tx.caller().at).of_resource_server(&self.name));
        Ok(())
    }
}
