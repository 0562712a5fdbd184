//! JWTs: who the host application, or an identity provider, says that the user is.

use crate::{
    actions::Introduction,
    config::JwtConfig,
    domain::{
        error::{Error, Result},
        time::Time,
    },
    store::Identity,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How far the clocks of two machines may differ, in seconds.
const SKEW: i64 = 60;
/// The longest life of a JWT, in seconds.
const LONGEST_LIFE: i64 = 24 * 60 * 60;

/// Whoever signs JWTs that we accept.
pub(super) struct Issuer {
    key: DecodingKey,
    validation: Validation,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    iat: i64,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    preferred_username: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
}

impl Issuer {
    /// From the configuration, which holds only what is supported.
    pub(super) fn new(config: &JwtConfig) -> Result<Self> {
        let algorithms = config.algorithms.iter().map(|name| name.parse::<Algorithm>());
        let algorithms: Vec<_> =
            algorithms.collect::<Result<_, _>>().map_err(|_| Error::invalid("auth.jwt.algorithms", "Choose HS256."))?;
        let first = algorithms.first().copied().unwrap_or(Algorithm::HS256);
        let mut validation = Validation::new(first);
        validation.algorithms = algorithms;
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[&config.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        // Times are compared with the time of the caller, below.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self { key: DecodingKey::from_secret(config.secret.reveal().as_bytes()), validation })
    }

    /// The person that a JWT speaks of, if it is good at this moment.
    pub(super) fn introduce(&self, jwt: &str, at: Time) -> Option<Introduction> {
        let claims = jsonwebtoken::decode::<Claims>(jwt, &self.key, &self.validation).ok()?.claims;
        let now = at.seconds();
        let lives = claims.exp.saturating_add(SKEW) > now
            && claims.exp.checked_sub(claims.iat).is_some_and(|life| life <= LONGEST_LIFE);
        let began = claims.iat <= now + SKEW && claims.nbf.is_none_or(|begin| begin <= now + SKEW);
        let named =
            [&claims.iss, &claims.sub].iter().all(|text| (1..=255).contains(&text.len()) && !text.contains('\0'));
        (lives && began && named).then_some(Introduction {
            identity: Identity { issuer: claims.iss, subject: claims.sub },
            username: claims.preferred_username,
            name: claims.name,
            email: claims.email,
        })
    }
}

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

/// A JWT as a host application would sign it with the shared secret: for demonstrations and tests.
pub fn sign(config: &JwtConfig, said: &Said<'_>, at: Time, life: Duration) -> Result<String> {
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
    let key = EncodingKey::from_secret(config.secret.reveal().as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).map_err(|error| Error::Bug(error.to_string().into()))
}
