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
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

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
        let lives =
            claims.exp + SKEW > now && claims.exp.checked_sub(claims.iat).is_some_and(|life| life <= LONGEST_LIFE);
        let began = claims.iat <= now + SKEW && claims.nbf.is_none_or(|begin| begin <= now + SKEW);
        let named =
            [&claims.iss, &claims.sub].iter().all(|text| (1..=255).contains(&text.len()) && !text.contains('\0'));
        (lives && began && named).then(|| Introduction {
            identity: Identity { issuer: claims.iss, subject: claims.sub },
            username: claims.preferred_username,
            name: claims.name,
            email: claims.email,
        })
    }
}
