//! Adds a resource server. Its secret is returned once.

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

/// The credentials with which a resource server authenticates.
pub struct Credentials {
    /// The public client ID: 22 base62 characters.
    pub client_id: String,
    /// The client secret: 43 base62 characters, shown once.
    pub client_secret: String,
}

/// Adds a resource server and returns its credentials. Introspection returns only what lies within `limits`.
pub async fn add_resource_server(app: &App, caller: &Caller, name: String, limits: Limits) -> Result<Credentials> {
    let credentials = Credentials { client_id: random_text(22)?, client_secret: random_text(43)? };
    let secret = Fingerprint::of(&credentials.client_secret);
    let new = NewResourceServer { name, client_id: credentials.client_id.clone(), secret, limits };
    app.change(caller, AddResourceServerChange(new)).await?;
    Ok(credentials)
}

struct AddResourceServerChange(NewResourceServer);

impl Change for AddResourceServerChange {
    type Done = ();

    async fn apply(&self, tx: &mut Tx) -> Result<()> {
        let operator = policy::operator(tx.caller())?;
        for slug in &self.0.limits.organizations {
            // Without this check, a misspelled slug would go unnoticed, since it only hides tokens.
            tx.find_organization(&slug.as_str().into()).await?;
        }
        tx.insert_resource_server(&operator, self.0.clone()).await?;
        tx.record(Event::new(EventType::ResourceServerAdded, tx.caller().at).of_resource_server(&self.0.name));
        Ok(())
    }
}
