//! JWTs: who the host application, or an identity provider, says that the user is.

mod address;
mod key_set;
mod keys;
mod sign;
mod source;

pub use sign::{Said, sign};

use super::problem::Problem;
use crate::{
    actions::Introduction,
    app::App,
    config::{JwtConfig, JwtKeys},
    domain::{error::Result, time::Time},
    store::Identity,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use key_set::{KeySet, NoKeys};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{sync::Arc, time::Instant};

/// How far the clocks of two machines may differ, in seconds.
const SKEW: i64 = 60;
/// The longest life of a JWT, in seconds.
const LONGEST_LIFE: i64 = 24 * 60 * 60;
/// What a header says about its own key, and what changes the meaning of the rest. Keys are ours alone to choose.
const REFUSED: [&str; 8] = ["jku", "jwk", "x5u", "x5c", "crit", "b64", "enc", "zip"];

/// Whoever signs JWTs that we accept.
pub(super) struct Issuer {
    keys: Keys,
    validation: Validation,
}

enum Keys {
    /// For HS256 alone.
    Secret(DecodingKey),
    Set(Arc<KeySet>),
}

/// What stands before the first dot.
#[derive(Deserialize)]
struct Head {
    alg: Algorithm,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
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
    /// Anything but `true` is no: it must not stop a sign-in.
    #[serde(default)]
    email_verified: Value,
}

impl Issuer {
    /// From the configuration; a file of keys that cannot be read is refused.
    pub(super) fn new(app: &App, config: &JwtConfig) -> Result<Self> {
        let keys = match &config.keys {
            JwtKeys::Secret(secret) => Keys::Secret(DecodingKey::from_secret(secret.reveal().as_bytes())),
            JwtKeys::Set { source, algorithms } => {
                let set = KeySet::new(source, algorithms, app.tasks().clone())?;
                set.start(app.instant())?;
                Keys::Set(Arc::new(set))
            }
        };
        // The algorithm is that of each JWT, once it is known to fit the key.
        let mut validation = Validation::default();
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[&config.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        // Times are compared with the time of the caller, below.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self { keys, validation })
    }

    /// The person that a JWT speaks of, if it is good at this moment, which is told by both clocks.
    pub(super) async fn introduce(&self, jwt: &str, at: Time, instant: Instant) -> Result<Introduction, Problem> {
        let head = Head::of(jwt).ok_or_else(Problem::invalid_token)?;
        let key = self.key(&head, instant).await?;
        let claims = key.and_then(|key| self.claims(jwt, head.alg, &key)).ok_or_else(Problem::invalid_token)?;
        if !claims.hold(at) {
            return Err(Problem::invalid_token());
        }
        Ok(Introduction {
            identity: Identity { issuer: claims.iss, subject: claims.sub },
            username: claims.preferred_username,
            name: claims.name,
            email: claims.email,
            email_verified: claims.email_verified == Value::Bool(true),
        })
    }

    /// The key of ours that a JWT claims to be signed with, if its algorithm is one for that key.
    async fn key(&self, head: &Head, now: Instant) -> Result<Option<DecodingKey>, Problem> {
        match &self.keys {
            Keys::Secret(secret) => Ok((head.alg == Algorithm::HS256).then(|| secret.clone())),
            // Without any keys nobody can be told from anybody: that is no fault of the JWT.
            Keys::Set(set) => set.key(head.alg, head.kid.as_deref(), now).await.map_err(|NoKeys| Problem::later()),
        }
    }

    /// What the JWT says, if this key signed it for us.
    fn claims(&self, jwt: &str, algorithm: Algorithm, key: &DecodingKey) -> Option<Claims> {
        let validation = Validation { algorithms: vec![algorithm], ..self.validation.clone() };
        Some(jsonwebtoken::decode(jwt, key, &validation).ok()?.claims)
    }
}

impl Head {
    /// The header, if it asks for nothing but to be checked.
    fn of(jwt: &str) -> Option<Self> {
        let (head, _) = jwt.split_once('.')?;
        let head: Self = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).ok()?).ok()?;
        let asks = REFUSED.iter().any(|name| head.others.contains_key(*name));
        (!asks && head.is_of_an_access_token()).then_some(head)
    }

    /// Whether the type is that of a JWT in general or of an access token (RFC 9068), with or without `application/`.
    fn is_of_an_access_token(&self) -> bool {
        self.typ.as_ref().is_none_or(|typ| {
            let typ = typ.to_ascii_lowercase();
            ["jwt", "at+jwt"].contains(&typ.strip_prefix("application/").unwrap_or(&typ))
        })
    }
}

impl Claims {
    fn hold(&self, at: Time) -> bool {
        let now = at.seconds();
        let lives = self.exp.saturating_add(SKEW) > now
            && self.exp.checked_sub(self.iat).is_some_and(|life| life <= LONGEST_LIFE);
        let began = self.iat <= now + SKEW && self.nbf.is_none_or(|begin| begin <= now + SKEW);
        let named = [&self.iss, &self.sub].iter().all(|text| (1..=255).contains(&text.len()) && !text.contains('\0'));
        lives && began && named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(header: &str) -> bool {
        Head::of(&format!("{}.e30.", URL_SAFE_NO_PAD.encode(header))).is_some()
    }

    /// R-77
    #[test]
    fn no_spelling_of_no_algorithm_is_one() {
        for none in ["none", "None", "NONE", "nOnE", "none ", "", "HS256\\u0000", "hs256"] {
            assert!(!reads(&format!(r#"{{"alg":"{none}"}}"#)), "{none}");
        }
        for none in [r"{}", r#"{"alg":null}"#, r#"{"alg":["none"]}"#, r#"{"alg":"none","alg":"HS256"}"#] {
            assert!(!reads(none), "{none}");
        }
    }

    /// R-78
    #[test]
    fn a_header_that_brings_or_names_its_own_key_is_refused_whatever_it_says() {
        assert!(reads(r#"{"alg":"RS256","kid":"one","x5t":"AAAA","anything":1}"#));
        for name in REFUSED {
            for value in ["null", "\"https://evil.example\"", "[]", "[\"exp\"]", "{}", "false"] {
                let header = format!(r#"{{"alg":"RS256","{name}":{value}}}"#);
                assert!(!reads(&header), "{header}");
            }
        }
    }

    /// R-79
    #[test]
    fn only_access_tokens_are_access_tokens() {
        for good in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/JWT"] {
            assert!(reads(&format!(r#"{{"alg":"HS256","typ":"{good}"}}"#)), "{good}");
        }
        for bad in ["", "JWE", "dpop+jwt", "logout+jwt", "secevent+jwt", "text/jwt", "application/", "jwt "] {
            assert!(!reads(&format!(r#"{{"alg":"HS256","typ":"{bad}"}}"#)), "{bad}");
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for jwt in ["", ".", "e30.e30.", "bm9uc2Vuc2U.e30.", "eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiJ9=.e30."] {
            assert!(Head::of(jwt).is_none(), "{jwt}");
        }
    }
}
