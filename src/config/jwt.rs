//! The settings of JWT authentication: issuer, audience and keys.

use super::{SecretString, settings};
use crate::domain::error::{Error, Result};
use std::path::PathBuf;
use url::{Host, Url};

/// The minimum number of bytes of a secret for JWTs.
const MIN_SECRET_LENGTH: usize = 32;
/// The minimum number of distinct bytes of a secret. A random secret of 32 bytes has more, even in hexadecimal digits.
const MIN_DISTINCT_BYTES: usize = 8;

/// The configuration of JWT authentication.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq))]
pub struct JwtConfig {
    /// The required claim `iss`.
    pub issuer: String,
    /// The audience that the claim `aud` must contain.
    pub audience: String,
    /// The keys that verify JWTs.
    pub keys: JwtKeys,
}

/// The keys that verify JWTs. Each kind of key has its own algorithms, so that a public key is never used as a secret.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq))]
pub enum JwtKeys {
    /// A secret that is shared with the issuer, for HS256.
    Secret(SecretString),
    /// Public keys.
    Set {
        /// The location of the key set.
        source: KeySource,
        /// The algorithms that are accepted.
        algorithms: Vec<KeyAlgorithm>,
    },
}

/// The location of a set of public keys (RFC 7517).
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq))]
pub enum KeySource {
    /// A file on this machine.
    File(PathBuf),
    /// A URL, which may contain a secret.
    Url(SecretString),
}

/// An algorithm of public keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// RSA with PKCS #1 v1.5 and SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl JwtConfig {
    /// Returns the shared secret. `None` for public keys.
    pub const fn secret(&self) -> Option<&SecretString> {
        match &self.keys {
            JwtKeys::Secret(secret) => Some(secret),
            JwtKeys::Set { .. } => None,
        }
    }

    /// Validates the settings. Returns `None` if none of them is set.
    pub(super) fn check(jwt: settings::Jwt) -> Result<Option<Self>> {
        let given = jwt.secret.is_some() || jwt.jwks_url.is_some() || jwt.jwks_file.is_some();
        if !given && jwt.issuer.is_none() && jwt.audience.is_none() && jwt.algorithms.0.is_empty() {
            return Ok(None);
        }
        let issuer = required("auth.jwt.issuer", jwt.issuer)?;
        let audience = required("auth.jwt.audience", jwt.audience)?;
        let names = jwt.algorithms.0;
        let keys = match (jwt.secret, jwt.jwks_url, jwt.jwks_file) {
            (Some(secret), None, None) => {
                only_hs256(&names)?;
                JwtKeys::Secret(signing_secret(secret)?)
            }
            (None, Some(url), None) => {
                JwtKeys::Set { algorithms: public_key_algorithms(&names)?, source: KeySource::Url(key_set_url(url)?) }
            }
            (None, None, Some(file)) => {
                JwtKeys::Set { algorithms: public_key_algorithms(&names)?, source: KeySource::File(file.into()) }
            }
            _ => {
                let message =
                    "auth.jwt needs exactly one of secret, jwks_url and jwks_file; set one and remove the others.";
                return Err(Error::invalid("auth.jwt", message));
            }
        };
        Ok(Some(Self { issuer, audience, keys }))
    }
}

fn required(key: &'static str, text: Option<String>) -> Result<String> {
    text.filter(|text| !text.trim().is_empty())
        .ok_or_else(|| Error::invalid(key, format!("{key} is missing; auth.jwt needs it to accept JWTs.")))
}

fn refuse_algorithm(message: impl Into<String>) -> Error {
    Error::invalid("auth.jwt.algorithms", message)
}

fn only_hs256(names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Err(refuse_algorithm("auth.jwt.algorithms is missing; with auth.jwt.secret, write [\"HS256\"]."));
    }
    match names.iter().find(|name| *name != "HS256") {
        None => Ok(()),
        Some(name) if public_key_algorithm(name).is_some() => Err(refuse_algorithm(format!(
            "{name} in auth.jwt.algorithms is verified with a public key, never with auth.jwt.secret; set \
             auth.jwt.jwks_url or auth.jwt.jwks_file instead of the secret, or write HS256."
        ))),
        Some(name) => Err(refuse_algorithm(format!(
            "{name:?} in auth.jwt.algorithms is not supported; with auth.jwt.secret, write HS256."
        ))),
    }
}

fn public_key_algorithms(names: &[String]) -> Result<Vec<KeyAlgorithm>> {
    if names.is_empty() {
        return Err(refuse_algorithm(
            "auth.jwt.algorithms is missing; write those of RS256, ES256 and EdDSA that the identity \
             provider signs with.",
        ));
    }
    let parse = |name: &String| {
        public_key_algorithm(name).ok_or_else(|| {
            refuse_algorithm(if name == "HS256" {
                "HS256 in auth.jwt.algorithms is verified with a secret, never with a public key; set auth.jwt.secret \
                 instead of the key set, or write RS256, ES256 or EdDSA."
                    .to_owned()
            } else {
                format!("{name:?} in auth.jwt.algorithms is not supported; write RS256, ES256 or EdDSA.")
            })
        })
    };
    names.iter().map(parse).collect()
}

fn public_key_algorithm(name: &str) -> Option<KeyAlgorithm> {
    match name {
        "RS256" => Some(KeyAlgorithm::Rs256),
        "ES256" => Some(KeyAlgorithm::Es256),
        "EdDSA" => Some(KeyAlgorithm::EdDsa),
        _ => None,
    }
}

fn signing_secret(secret: String) -> Result<SecretString> {
    let refuse = |message: &str| Err(Error::invalid("auth.jwt.secret", message));
    if secret.len() < MIN_SECRET_LENGTH {
        return refuse(
            "auth.jwt.secret is too short; generate one of at least 32 bytes with `openssl rand -base64 32`.",
        );
    }
    // The example of the documentation is no secret. Neither is a public key: anyone who has it could sign.
    let distinct: std::collections::BTreeSet<_> = secret.bytes().collect();
    if distinct.len() < MIN_DISTINCT_BYTES || secret.contains("openssl rand") {
        return refuse("auth.jwt.secret can be guessed; generate a random one with `openssl rand -base64 32`.");
    }
    if secret.contains("-----BEGIN ") || secret.trim_start().starts_with('{') {
        return refuse(
            "auth.jwt.secret is a key in PEM or JSON, which is not a secret; set auth.jwt.jwks_file for public keys, or \
             generate a secret with `openssl rand -base64 32`.",
        );
    }
    Ok(SecretString(secret))
}

/// Validates the URL of a key set. The source must be authentic: by TLS, or because it is this machine.
fn key_set_url(text: String) -> Result<SecretString> {
    let refuse = |message: &str| Err(Error::invalid("auth.jwt.jwks_url", message));
    let Ok(url) = Url::parse(&text) else {
        return refuse(
            "auth.jwt.jwks_url is not a URL; write one such as https://id.example.com/.well-known/jwks.json.",
        );
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && is_this_machine(&url)) {
        return refuse(
            "auth.jwt.jwks_url must begin with https://, since keys that an attacker changes on their way allow any \
             sign-in; http:// is for this machine only, such as http://127.0.0.1:8081/jwks.json.",
        );
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return refuse("auth.jwt.jwks_url has a user, a password or a fragment; remove them.");
    }
    Ok(SecretString(text))
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Config, *};

    const SECRET: &str = "0123456789012345678901234567890123456789";

    /// Loads the settings below `auth.jwt`.
    fn jwt(settings: &[(&str, &str)]) -> Result<Option<JwtConfig>> {
        let variable =
            |(key, value): &(&str, &str)| (format!("TOKENWARD_AUTH__JWT__{}", key.to_uppercase()), (*value).to_owned());
        Config::load(None, settings.iter().map(variable), &[]).map(|config| config.jwt)
    }

    fn parse(algorithms: &str, key: (&str, &str)) -> Result<JwtKeys> {
        let settings =
            [("issuer", "https://id.example.com"), ("audience", "tokenward"), ("algorithms", algorithms), key];
        jwt(&settings).map(|jwt| jwt.expect("JWTs").keys)
    }

    #[track_caller]
    fn rejection<T: std::fmt::Debug>(outcome: Result<T>) -> (String, String) {
        match outcome {
            Err(Error::Invalid { field, message }) => (field.into_owned(), message),
            other => panic!("not rejected: {other:?}"),
        }
    }

    #[test]
    fn numeric_secret_stays_a_text() {
        let settings =
            [("issuer", "https://id.example.com"), ("audience", "t"), ("algorithms", "HS256"), ("secret", SECRET)];
        let jwt = jwt(&settings).expect("a configuration").expect("JWTs");
        assert_eq!(jwt.secret().expect("a secret").reveal(), SECRET);
        assert_eq!((jwt.issuer.as_str(), jwt.audience.as_str()), ("https://id.example.com", "t"));
        assert!(!format!("{jwt:?}").contains(SECRET));
    }

    #[test]
    fn issuer_audience_algorithm_and_one_kind_of_key_are_required() {
        let keys = [("secret", SECRET), ("jwks_url", "https://id.example.com/jwks"), ("jwks_file", "jwks.json")];
        for (at, (key, algorithm)) in keys.iter().zip(["HS256", "RS256", "EdDSA"]).enumerate() {
            let all = [("issuer", "https://id.example.com"), ("audience", "t"), ("algorithms", algorithm), *key];
            assert!(jwt(&all).is_ok());
            for missing in 0..all.len() {
                let some: Vec<_> = all.iter().enumerate().filter(|(at, _)| *at != missing).map(|it| *it.1).collect();
                let (field, message) = rejection(jwt(&some));
                let expected = if missing == 3 { "auth.jwt".into() } else { format!("auth.jwt.{}", all[missing].0) };
                assert_eq!(field, expected, "{message}");
            }
            let two: Vec<_> = all.into_iter().chain([keys[(at + 1) % keys.len()]]).collect();
            assert_eq!(rejection(jwt(&two)).0, "auth.jwt");
        }
        assert_eq!(jwt(&[]).expect("a configuration"), None);
    }

    #[test]
    fn key_set_uses_the_configured_algorithms() {
        let keys = parse("RS256, ES256,EdDSA", ("jwks_file", "/etc/jwks.json")).expect("a set");
        let algorithms = vec![KeyAlgorithm::Rs256, KeyAlgorithm::Es256, KeyAlgorithm::EdDsa];
        assert_eq!(keys, JwtKeys::Set { source: KeySource::File("/etc/jwks.json".into()), algorithms });
        let keys = parse("ES256", ("jwks_url", "https://id.example.com/jwks?key=hunter2")).expect("a set");
        assert!(!format!("{keys:?}").contains("hunter2"), "{keys:?}");
    }

    /// R-77
    #[test]
    fn algorithm_of_another_kind_of_key_is_rejected() {
        for (algorithms, key, remedy) in [
            ("none", "secret", "write HS256"),
            ("hs256", "secret", "write HS256"),
            ("HS512", "secret", "write HS256"),
            ("RS256", "secret", "auth.jwt.jwks_url"),
            ("HS256,ES256", "secret", "auth.jwt.jwks_file"),
            (",", "secret", "write [\"HS256\"]"),
            ("HS256", "jwks_url", "auth.jwt.secret"),
            ("RS256,HS256", "jwks_file", "auth.jwt.secret"),
            ("RS256,none", "jwks_url", "RS256, ES256 or EdDSA"),
            ("rs256", "jwks_url", "RS256, ES256 or EdDSA"),
            ("PS256", "jwks_file", "RS256, ES256 or EdDSA"),
            (",", "jwks_file", "RS256, ES256 and EdDSA"),
        ] {
            let value = match key {
                "secret" => SECRET,
                "jwks_url" => "https://id.example.com/jwks",
                _ => "jwks.json",
            };
            let (field, message) = rejection(parse(algorithms, (key, value)));
            assert_eq!(field, "auth.jwt.algorithms", "{message}");
            assert!(message.contains(remedy) && message.ends_with('.'), "{algorithms}: {message}");
        }
    }

    /// R-77
    #[test]
    fn weak_secrets_and_public_keys_are_rejected() {
        let public_key = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS\n-----END PUBLIC KEY-----";
        let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS"}]}"#;
        let (repeated, example) = ("a".repeat(36), "make one with: openssl rand -base64 32");
        for weak in ["secret", "0123456789012345678901234567890", &repeated, example, public_key, set] {
            let (field, message) = rejection(parse("HS256", ("secret", weak)));
            assert_eq!(field, "auth.jwt.secret");
            assert!(!message.contains("01234") && !message.contains("11qYAY"), "{message}");
        }
    }

    /// R-78
    #[test]
    fn key_set_url_requires_tls_or_this_machine() {
        let set = |url: &str| parse("RS256", ("jwks_url", url));
        for good in [
            "https://id.example.com/jwks",
            "https://10.0.0.1:8443/jwks?realm=a",
            "http://127.0.0.1:8081/jwks",
            "http://[::1]/jwks",
            "http://localhost:8081/jwks",
        ] {
            assert!(set(good).is_ok(), "{good}");
        }
        for (bad, reason) in [
            ("http://id.example.com/jwks", "on their way"),
            ("http://10.0.0.1/jwks", "on their way"),
            ("http://localhost.example.com/jwks", "on their way"),
            ("ftp://id.example.com/jwks", "https://"),
            ("file:///etc/jwks.json", "https://"),
            ("id.example.com/jwks", "not a URL"),
            ("https://me:hunter2@id.example.com/jwks", "remove them"),
            ("https://me@id.example.com/jwks", "remove them"),
            ("https://id.example.com/jwks#hunter2", "remove them"),
        ] {
            let (field, message) = rejection(set(bad));
            assert_eq!(field, "auth.jwt.jwks_url");
            assert!(
                message.contains(reason) && !message.contains("hunter2") && message.ends_with('.'),
                "{bad}: {message}"
            );
        }
    }
}
