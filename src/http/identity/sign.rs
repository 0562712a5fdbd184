//! Signs a JWT with the shared secret, like a host application. For the demo, tests and benchmarks.

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

/// The claims about the user in a JWT that `sign` creates.
pub struct UserClaims<'text> {
    /// The `sub` claim.
    pub subject: &'text str,
    /// The `preferred_username` claim.
    pub username: &'text str,
    /// The `name` claim.
    pub name: &'text str,
    /// The `email` claim.
    pub email: &'text str,
}

#[derive(Serialize)]
struct Claims<'text> {
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

/// Returns a JWT that expires `lifetime` after `at`, signed with HS256; fails if `auth.jwt.secret` is not set.
pub fn sign(config: &JwtConfig, user: &UserClaims<'_>, at: Time, lifetime: Duration) -> Result<String> {
    let secret = config.secret().ok_or_else(|| Error::Bug("auth.jwt has no secret to sign with".into()))?;
    let claims = Claims {
        iss: &config.issuer,
        aud: &config.audience,
        sub: user.subject,
        iat: at.seconds(),
        exp: at.plus(lifetime).seconds(),
        preferred_username: user.username,
        name: user.name,
        email: user.email,
        email_verified: true,
    };
    let key = EncodingKey::from_secret(secret.reveal().as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).map_err(|error| Error::Bug(error.to_string().into()))
}
