//! Signs a JWT as a host application would, with the shared secret: for demonstrations and tests.

use crate::{
    config::JwtConfig,
    domain::{
        error::{Error, Result},
        time::Time,
    },
};
use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;
use std::time::Duration;

/// What a JWT of our own making says of a person.
pub struct Said<'text> {
    /// Who they are.
    pub subject: &'text str,
    /// Their handle.
    pub username: &'text str,
    /// What people call them.
    pub name: &'text str,
    /// Where letters go.
    pub email: &'text str,
}

#[derive(Serialize)]
struct Signed<'text> {
    iss: &'text str,
    aud: &'text str,
    sub: &'text str,
    iat: i64,
    exp: i64,
    preferred_username: &'text str,
    name: &'text str,
    email: &'text str,
    email_verified: bool,
}

/// A JWT that says this; there has to be a secret to sign it with.
pub fn sign(config: &JwtConfig, said: &Said<'_>, at: Time, life: Duration) -> Result<String> {
    let secret = config.secret().ok_or_else(|| Error::Bug("auth.jwt has no secret to sign with".into()))?;
    let claims = Signed {
        iss: &config.issuer,
        aud: &config.audience,
        sub: said.subject,
        iat: at.seconds(),
        exp: at.plus(life).seconds(),
        preferred_username: said.username,
        name: said.name,
        email: said.email,
        email_verified: true,
    };
    let key = EncodingKey::from_secret(secret.reveal().as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).map_err(|error| Error::Bug(error.to_string().into()))
}
