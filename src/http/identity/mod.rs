//! JWT authentication: identifies users by JWTs of the host application or an identity provider.

mod jwk_set;
mod jwks_cache;
mod jwks_source;
mod sign;

pub use sign::{UserClaims, sign};

use super::{HttpState, error_response::ErrorResponse};
use crate::{
    actions::{IdentityClaims, provision_user},
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

const SECOND: i64 = 1_000_000;
/// The permitted difference between the clocks of two machines, in microseconds.
const MAX_SKEW: i64 = 60 * SECOND;
/// The longest lifetime of a JWT, in microseconds.
const MAX_LIFETIME: i64 = 24 * 60 * 60 * SECOND;
/// The header parameters that are rejected: those that specify a key, since only the configuration does, and those that
/// change how the JWT is processed.
const REJECTED_PARAMETERS: [&str; 8] = ["jku", "jwk", "x5u", "x5c", "crit", "b64", "enc", "zip"];

/// Verifies the JWTs of the configured issuer.
pub(super) struct JwtVerifier {
    keys: Keys,
    validation: Validation,
}

enum Keys {
    /// A shared secret, only for HS256.
    Secret(DecodingKey),
    Set(Arc<JwksCache>),
}

#[derive(Deserialize)]
struct Header {
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
    /// Any value except `true` means no. An invalid value does not prevent authentication.
    #[serde(default)]
    email_verified: Value,
}

/// A `NumericDate` of RFC 7519 (seconds since 1970, may be fractional), converted to microseconds.
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

#[expect(clippy::cast_possible_truncation, reason = "it saturates, and such a time is outside all bounds")]
fn micros(seconds: f64) -> i64 {
    (seconds * 1e6) as i64
}

/// Reads an optional claim. A value of another type is ignored and does not prevent authentication.
fn text_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        _ => None,
    })
}

/// Why a JWT was rejected.
enum VerifyError {
    Jwt(JwtRejection),
    /// No key set is available, so that no JWT can be verified.
    NoKeys,
}

impl From<JwtRejection> for VerifyError {
    fn from(reason: JwtRejection) -> Self {
        Self::Jwt(reason)
    }
}

impl HttpState {
    /// Returns the caller that a JWT identifies. The reason of a rejection is logged and counted, and never shown to the client.
    pub(super) async fn user_of_jwt(&self, jwt: &str, anonymous: &Caller) -> Result<Caller, ErrorResponse> {
        let verified = match &self.jwt_verifier {
            Some(verifier) => verifier.verify_jwt(jwt, anonymous.at, self.app.instant()).await,
            None => Err(JwtRejection::NotConfigured.into()),
        };
        let reason = match verified {
            Ok(claims) => match provision_user(&self.app, anonymous, claims).await {
                Err(Error::Unauthenticated) => JwtRejection::User,
                other => return other.map_err(ErrorResponse::from),
            },
            Err(VerifyError::Jwt(reason)) => reason,
            Err(VerifyError::NoKeys) => return Err(ErrorResponse::unavailable()),
        };
        tracing::info!(reason = reason.as_str(), "a JWT was rejected");
        self.app.metrics().jwt_rejected(reason);
        Err(ErrorResponse::invalid_token())
    }
}

impl JwtVerifier {
    /// Creates a verifier from the configuration, or returns an error if the file of keys cannot be read.
    pub(super) fn new(app: &App, config: &JwtConfig) -> Result<Self> {
        let keys = match &config.keys {
            JwtKeys::Secret(secret) => Keys::Secret(DecodingKey::from_secret(secret.reveal().as_bytes())),
            JwtKeys::Set { source, algorithms } => {
                let set = JwksCache::new(source, algorithms, app.tasks().clone())?;
                set.start(app.instant())?;
                Keys::Set(Arc::new(set))
            }
        };
        // The algorithm is set for each JWT, after it is checked against the key.
        let mut validation = Validation::default();
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[&config.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub"]);
        // Times are compared with the time of the caller, in `Claims::validate`.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self { keys, validation })
    }

    /// Verifies a JWT and returns its claims about the user. `at` and `instant` are the same moment of both clocks.
    async fn verify_jwt(&self, jwt: &str, at: Time, instant: Instant) -> Result<IdentityClaims, VerifyError> {
        let (header, algorithm) = Header::of(jwt)?;
        let key = self.key(&header, algorithm, instant).await?.ok_or(JwtRejection::Key)?;
        let claims = self.claims(jwt, algorithm, &key)?;
        claims.validate(at)?;
        Ok(IdentityClaims {
            identity: Identity { issuer: claims.iss, subject: claims.sub },
            username: claims.preferred_username,
            name: claims.name,
            email: claims.email,
            email_verified: claims.email_verified == Value::Bool(true),
        })
    }

    /// Returns the configured key for the header of a JWT; `None` if there is none for its algorithm and key ID.
    async fn key(
        &self,
        header: &Header,
        algorithm: Algorithm,
        now: Instant,
    ) -> Result<Option<DecodingKey>, VerifyError> {
        match &self.keys {
            Keys::Secret(secret) => Ok((algorithm == Algorithm::HS256).then(|| secret.clone())),
            Keys::Set(set) => {
                set.key(algorithm, header.kid.as_deref(), now).await.map_err(|NoKeys| VerifyError::NoKeys)
            }
        }
    }

    /// Returns the claims of a JWT that was signed with this key, by the issuer and for the audience of the configuration.
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

impl Header {
    /// Parses the header of a JWT and its algorithm, and rejects parameters and types that are not supported.
    fn of(jwt: &str) -> Result<(Self, Algorithm), JwtRejection> {
        let read = || {
            let (header, _) = jwt.split_once('.')?;
            serde_json::from_slice::<Self>(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()
        };
        let header = read().ok_or(JwtRejection::Malformed)?;
        if REJECTED_PARAMETERS.iter().any(|name| header.others.contains_key(*name)) {
            return Err(JwtRejection::Header);
        }
        if !header.has_accepted_type() {
            return Err(JwtRejection::Type);
        }
        let algorithm = header.alg.parse().map_err(|_| JwtRejection::Algorithm)?;
        Ok((header, algorithm))
    }

    /// Returns whether the type is that of any JWT or of an access token (RFC 9068), with or without `application/`. A missing
    /// type is accepted.
    fn has_accepted_type(&self) -> bool {
        self.typ.as_ref().is_none_or(|typ| {
            let typ = typ.to_ascii_lowercase();
            ["jwt", "at+jwt"].contains(&typ.strip_prefix("application/").unwrap_or(&typ))
        })
    }
}

impl Claims {
    fn validate(&self, at: Time) -> Result<(), JwtRejection> {
        let (now, iat, exp) = (at.micros(), self.iat.0, self.exp.0);
        let has_begun = [Some(self.iat), self.nbf].into_iter().flatten().all(|begin| begin.0 <= now + MAX_SKEW);
        if [&self.iss, &self.sub].iter().any(|text| !(1..=255).contains(&text.len()) || text.contains('\0')) {
            Err(JwtRejection::Claims)
        } else if exp.saturating_add(MAX_SKEW) <= now {
            Err(JwtRejection::Expired)
        } else if !has_begun {
            Err(JwtRejection::NotYetValid)
        } else if exp.checked_sub(iat).is_none_or(|lifetime| lifetime > MAX_LIFETIME) {
            Err(JwtRejection::Lifetime)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_accepted(header: &str) -> bool {
        Header::of(&format!("{}.e30.", URL_SAFE_NO_PAD.encode(header))).is_ok()
    }

    /// R-77
    #[test]
    fn algorithm_none_is_rejected_in_any_spelling() {
        for none in ["none", "None", "NONE", "nOnE", "none ", "", "HS256\\u0000", "hs256"] {
            assert!(!is_accepted(&format!(r#"{{"alg":"{none}"}}"#)), "{none}");
        }
        for none in [r"{}", r#"{"alg":null}"#, r#"{"alg":["none"]}"#, r#"{"alg":"none","alg":"HS256"}"#] {
            assert!(!is_accepted(none), "{none}");
        }
    }

    /// R-78
    #[test]
    fn header_with_its_own_key_is_rejected() {
        assert!(is_accepted(r#"{"alg":"RS256","kid":"one","x5t":"AAAA","anything":1}"#));
        for name in REJECTED_PARAMETERS {
            for value in ["null", "\"https://evil.example\"", "[]", "[\"exp\"]", "{}", "false"] {
                let header = format!(r#"{{"alg":"RS256","{name}":{value}}}"#);
                assert!(!is_accepted(&header), "{header}");
            }
        }
    }

    /// R-79
    #[test]
    fn only_access_token_types_are_accepted() {
        for good in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/JWT"] {
            assert!(is_accepted(&format!(r#"{{"alg":"HS256","typ":"{good}"}}"#)), "{good}");
        }
        for bad in ["", "JWE", "dpop+jwt", "logout+jwt", "secevent+jwt", "text/jwt", "application/", "jwt "] {
            assert!(!is_accepted(&format!(r#"{{"alg":"HS256","typ":"{bad}"}}"#)), "{bad}");
        }
    }

    /// R-79
    #[test]
    fn numeric_date_accepts_fractions_and_saturates() {
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
    fn malformed_header_is_rejected() {
        for jwt in ["", ".", "e30.e30.", "bm9uc2Vuc2U.e30.", "eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiJ9=.e30."] {
            assert!(matches!(Header::of(jwt), Err(JwtRejection::Malformed)), "{jwt}");
        }
    }
}
