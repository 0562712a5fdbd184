//! Lets an API introspect tokens. Its secret leaves here once.

use crate::{
    app::{App, Change},
    domain::{
        caller::Caller,
        decision::Limits,
        error::Result,
        event::{Event, EventType},
        policy,
        secret::{Fingerprint, random_text},
    },
    store::{NewResourceServer, Tx},
};

/// How an API names and proves itself.
pub struct Credentials {
    /// Its public name: 22 characters of base 62.
    pub client_id: String,
    /// Its secret: 43 characters of base 62, shown once.
    pub client_secret: String,
}

/// Adds an API and tells its credentials. It is told only of what lies within the limits.
pub async fn add_resource_server(app: &App, caller: &Caller, name: String, limits: Limits) -> Result<Credentials> {
    let credentials = Credentials { client_id: random_text(22)?, client_secret: random_text(43)? };
    let secret = Fingerprint::of(&credentials.client_secret);
    let new = NewResourceServer { name, client_id: credentials.client_id.clone(), secret, limits };
    app.change(caller, Adding(new)).await?;
    Ok(credentials)
}

struct Adding(NewResourceServer);

impl Change for Adding {
    type Done = ();

    async fn make(&self, tx: &mut Tx) -> Result<()> {
        let operator = policy::operator(tx.caller())?;
        for slug in &self.0.limits.organizations {
            // One that there is not would never be noticed: it lets nothing through.
            tx.find_organization(&slug.as_str().into()).await?;
        }
        tx.insert_resource_server(&operator, self.0.clone()).await?;
        tx.record(Event::new(EventType::ResourceServerAdded, tx.caller().at).of_resource_server(&self.0.name));
        Ok(())
    }
}
