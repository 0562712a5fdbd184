//! Lets an API introspect tokens. Its secret leaves here once.

use crate::{
    app::{App, Change},
    domain::{
        caller::Caller,
        error::Result,
        event::{Event, EventType},
        policy,
        secret::{Fingerprint, random_text},
    },
    store::Tx,
};

/// How an API names and proves itself.
pub struct Credentials {
    /// Its public name: 22 characters of base 62.
    pub client_id: String,
    /// Its secret: 43 characters of base 62, shown once.
    pub client_secret: String,
}

/// Adds an API and tells its credentials.
pub async fn add_resource_server(app: &App, caller: &Caller, name: String) -> Result<Credentials> {
    let credentials = Credentials { client_id: random_text(22)?, client_secret: random_text(43)? };
    let secret = Fingerprint::of(&credentials.client_secret);
    app.change(caller, Adding { name, client_id: credentials.client_id.clone(), secret }).await?;
    Ok(credentials)
}

struct Adding {
    name: String,
    client_id: String,
    secret: Fingerprint,
}

impl Change for Adding {
    type Done = ();

    async fn make(&self, tx: &mut Tx) -> Result<()> {
        let operator = policy::operator(tx.caller())?;
        tx.insert_resource_server(&operator, &self.name, &self.client_id, self.secret).await?;
        tx.record(Event::new(EventType::ResourceServerAdded, tx.caller().at).because(Some(self.name.clone())));
        Ok(())
    }
}
