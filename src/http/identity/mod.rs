//! JWTs: who the host application, or an identity provider, says that the user is.

mod jwk_set;
mod jwks_cache;
mod jwks_client;
mod jwks_source;
mod sign;

pub use sign::{Said, sign};

use super::{HttpState, error_response::ErrorResponse};
use crate::{
    actions::{IdentityClaims, meet_user},
    app::App,
    config::{JwtConfig, JwtKeys},
    domain::{
        caller::Caller,
        error::{Error, Result},
        time::Time,
    },
    store::Identity,
    telemetry::JwtRejection,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, errors::ErrorKind};
use jwks_cache::{JwksCache, NoKeys};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};
use std::{sync::Arc, time::Instant};

/// The microseconds of a second.
const SECOND: i64 = 1_000_000;
/// How far the clocks of two machines may differ, in microseconds.
const SKEW: i64 = 60 * SECOND;
/// The longest life of a JWT, in microseconds.
const LONGEST_LIFE: i64 = 24 * 60 * 60 * SECOND;
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
    Set(Arc<JwksCache>),
}

/// What stands before the first dot.
#[derive(Deserialize)]
struct Head {
    alg: String,
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
    iat: NumericDate,
    exp: NumericDate,
    #[serde(default)]
    nbf: Option<NumericDate>,
    #[serde(default, deserialize_with = "text_or_none")]
    preferred_username: Option<String>,
    #[serde(default, deserialize_with = "text_or_none")]
    name: Option<String>,
    #[serde(default, deserialize_with = "text_or_none")]
    email: Option<String>,
    /// Anything but `true` is no: it must not stop a sign-in.
    #[serde(default)]
    email_verified: Value,
}

/// A time of RFC 7519, seconds since the epoch and fractions of them, in microseconds.
#[derive(Clone, Copy)]
struct NumericDate(i64);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Number::deserialize(deserializer)?;
        let micros = match (number.as_i64(), number.as_f64()) {
            (Some(seconds), _) => seconds.saturating_mul(SECOND),
            (None, seconds) => micros(seconds.unwrap_or(f64::MAX)),
        };
        Ok(Self(micros))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it saturates, and such a time is out of every bound")]
fn micros(seconds: f64) -> i64 {
    (seconds * 1e6) as i64
}

/// Reads an optional claim; one of another type says nothing and does not stop a sign-in.
fn text_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        _ => None,
    })
}

/// Why a JWT was rejected.
enum Refused {
    Jwt(JwtRejection),
    /// No key set could be read, so that no JWT can be verified.
    NoKeys,
}

impl From<JwtRejection> for Refused {
    fn from(reason: JwtRejection) -> Self {
        Self::Jwt(reason)
    }
}

impl HttpState {
    /// The user of whom a JWT speaks. The reason of a rejection is logged and counted, and never shown to the client.
    pub(super) async fn user_of_jwt(&self, jwt: &str, nobody: &Caller) -> Result<Caller, ErrorResponse> {
        let introduced = match &self.issuer {
            Some(issuer) => issuer.introduce(jwt, nobody.at, self.app.instant()).await,
            None => Err(JwtRejection::NotConfigured.into()),
        };
        let reason = match introduced {
            Ok(said) => match meet_user(&self.app, nobody, said).await {
                Err(Error::Unauthenticated) => JwtRejection::User,
                other => return other.map_err(ErrorResponse::from),
            },
            Err(Refused::Jwt(reason)) => reason,
            Err(Refused::NoKeys) => return Err(ErrorResponse::later()),
        };
        tracing::info!(reason = reason.as_str(), "a JWT was rejected");
        self.app.metrics().jwt_rejected(reason);
        Err(ErrorResponse::invalid_token())
    }
}

impl Issuer {
    /// From the configuration; a file of keys that cannot be read is refused.
    pub(super) fn new(app: &App, config: &JwtConfig) -> Result<Self> {
        let keys = match &config.keys {
            JwtKeys::Secret(secret) => Keys::Secret(DecodingKey::from_secret(secret.reveal().as_bytes())),
            JwtKeys::Set { source, algorithms } => {
                let set = JwksCache::new(source, algorithms, app.tasks().clone())?;
                set.start(app.instant())?;
                Keys::Set(Arc::new(set))
            }
        };
        // The algorithm is that of each JWT, once it is known to fit the key.
        let mut validation = Validation::default();
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[&config.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub"]);
        // Times are compared with the time of the caller, below.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self { keys, validation })
    }

    /// The person that a JWT speaks of, if it is good at this moment, which is told by both clocks.
    async fn introduce(&self, jwt: &str, at: Time, instant: Instant) -> Result<IdentityClaims, Refused> {
        let (head, algorithm) = Head::of(jwt)?;
        let key = self.key(&head, algorithm, instant).await?.ok_or(JwtRejection::Key)?;
        let claims = self.claims(jwt, algorithm, &key)?;
        claims.hold(at)?;
        Ok(IdentityClaims {
            identity: Identity { issuer: claims.iss, subject: claims.sub },
            username: claims.preferred_username,
            name: claims.name,
            email: claims.email,
            email_verified: claims.email_verified == Value::Bool(true),
        })
    }

    /// The key of ours that a JWT claims to be signed with, if its algorithm is one for that key.
    async fn key(&self, head: &Head, algorithm: Algorithm, now: Instant) -> Result<Option<DecodingKey>, Refused> {
        match &self.keys {
            Keys::Secret(secret) => Ok((algorithm == Algorithm::HS256).then(|| secret.clone())),
            Keys::Set(set) => set.key(algorithm, head.kid.as_deref(), now).await.map_err(|NoKeys| Refused::NoKeys),
        }
    }

    /// What the JWT says, if this key signed it for us.
    fn claims(&self, jwt: &str, algorithm: Algorithm, key: &DecodingKey) -> Result<Claims, JwtRejection> {
        let validation = Validation { algorithms: vec![algorithm], ..self.validation.clone() };
        let decoded = jsonwebtoken::decode(jwt, key, &validation);
        decoded.map(|token| token.claims).map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => JwtRejection::Signature,
            ErrorKind::InvalidIssuer => JwtRejection::Issuer,
            ErrorKind::InvalidAudience => JwtRejection::Audience,
            ErrorKind::Json(_) | ErrorKind::MissingRequiredClaim(_) => JwtRejection::Claims,
            _ => JwtRejection::Malformed,
        })
    }
}

impl Head {
    /// The header, if it asks for nothing but to be checked.
    fn of(jwt: &str) -> Result<(Self, Algorithm), JwtRejection> {
        let read = || {
            let (head, _) = jwt.split_once('.')?;
            serde_json::from_slice::<Self>(&URL_SAFE_NO_PAD.decode(head).ok()?).ok()
        };
        let head = read().ok_or(JwtRejection::Malformed)?;
        if REFUSED.iter().any(|name| head.others.contains_key(*name)) {
            return Err(JwtRejection::Header);
        }
        if !head.is_of_an_access_token() {
            return Err(JwtRejection::Type);
        }
        let algorithm = head.alg.parse().map_err(|_| JwtRejection::Algorithm)?;
        Ok((head, algorithm))
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
    fn hold(&self, at: Time) -> Result<(), JwtRejection> {
        let (now, iat, exp) = (at.micros(), self.iat.0, self.exp.0);
        let began = [Some(self.iat), self.nbf].into_iter().flatten().all(|begin| begin.0 <= now + SKEW);
        if [&self.iss, &self.sub].iter().any(|text| !(1..=255).contains(&text.len()) || text.contains('\0')) {
            Err(JwtRejection::Claims)
        } else if exp.saturating_add(SKEW) <= now {
            Err(JwtRejection::Expired)
        } else if !began {
            Err(JwtRejection::NotYetValid)
        } else if exp.checked_sub(iat).is_none_or(|life| life > LONGEST_LIFE) {
            Err(JwtRejection::Lifetime)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(header: &str) -> bool {
        Head::of(&format!("{}.e30.", URL_SAFE_NO_PAD.encode(header))).is_ok()
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

    /// R-79
    #[test]
    fn numeric_date_has_fractions_and_no_bounds_of_its_own() {
        let read = |text: &str| serde_json::from_str::<NumericDate>(text).ok().map(|date| date.0);
        assert_eq!(read("1795426200"), Some(1_795_426_200_000_000));
        assert_eq!(read("1795426200.25"), Some(1_795_426_200_250_000));
        assert_eq!(read("1.7954262e9"), Some(1_795_426_200_000_000));
        assert_eq!(read("-0.5"), Some(-500_000));
        for large in ["1e300", "9223372036854775807", "18446744073709551615"] {
            assert_eq!(read(large), Some(i64::MAX), "{large}");
        }
        for bad in ["\"1795426200\"", "null", "true", "[]", "{}", "1e999"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for jwt in ["", ".", "e30.e30.", "bm9uc2Vuc2U.e30.", "eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiJ9=.e30."] {
            assert!(matches!(Head::of(jwt), Err(JwtRejection::Malformed)), "{jwt}");
        }
    }
}
