//! Adds a resource server. Its secret is returned once.

use crate::{
    app::{Change, ChangeContext},
    domain::{
        decision::Limits,
        error::Result,
        event::{Event, EventType},
        policy,
        secret::{Fingerprint, random_text},
    },
    store::NewResourceServer,
};

/// The credentials with which a resource server authenticates.
pub struct Credentials {
    /// The public client ID: 22 base62 characters.
    pub client_id: String,
    /// The client secret: 43 base62 characters, shown once.
    pub client_secret: String,
}

/// Adds a resource server on behalf of the operator.
#[derive(Debug, Clone)]
pub struct AddResourceServer {
    /// The name, which was validated.
    pub name: String,
    /// The limits within which introspection returns tokens.
    pub limits: Limits,
}

impl Change for AddResourceServer {
    type Done = Credentials;

    async fn apply(&self, ChangeContext { tx, .. }: ChangeContext<'_>) -> Result<Credentials> {
        let operator = policy::operator(tx.caller())?;
        for slug in &self.limits.organizations {
            // Without this check, a misspelled slug would go unnoticed, since it only hides tokens.
            tx.find_organization(&slug.as_str().into()).await?;
        }
        let credentials = Credentials { client_id: random_text(22)?, client_secret: random_text(43)? };
        let new = NewResourceServer {
            name: self.name.clone(),
            client_id: credentials.client_id.clone(),
            secret: Fingerprint::of(&credentials.client_secret),
            limits: self.limits.clone(),
        };
        tx.insert_resource_server(&operator, new).await?;
        tx.record(Event::new(EventType::ResourceServerAdded, tx.caller().at).of_resource_server(&self.name));
        Ok(credentials)
    }
}
