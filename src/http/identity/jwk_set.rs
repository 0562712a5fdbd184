//! Parses a key set (RFC 7517) and finds the key for a JWT in it.

use crate::http::json::without_byte_order_mark;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, CommonParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse, RSAKeyParameters},
};
use serde::Deserialize as _;
use serde_json::Value;

/// The accepted sizes of RSA keys, in bits: smaller keys are weak, larger ones slow.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
/// The size of a coordinate on P-256 and of an Ed25519 public key, in bytes.
const POINT_SIZE: usize = 32;

/// The usable keys of a set.
#[derive(Debug, Default)]
pub(super) struct JwkSet(Vec<Key>);

/// A key and the only algorithm with which it is used.
#[derive(Debug)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    public: DecodingKey,
    /// The parameters of the key, equal if a set contains the same key twice.
    parameters: AlgorithmParameters,
}

impl JwkSet {
    /// Parses a set. Omits keys that are weak, invalid, or for other algorithms than these. Returns `None` if the text is not
    /// a key set.
    pub(super) fn read(text: &[u8], accepted: &[Algorithm]) -> Option<Self> {
        let set: Value = serde_json::from_slice(without_byte_order_mark(text)).ok()?;
        let keys = set.get("keys")?.as_array()?;
        let usable = keys.iter().filter_map(|key| Key::of(&Jwk::deserialize(key).ok()?));
        Some(Self(usable.filter(|key| accepted.contains(&key.algorithm)).collect()))
    }

    /// Returns whether the set has no usable key.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the key for this algorithm with this key ID or, without a key ID, the only key for this algorithm. Returns `None`
    /// if several different keys match. A key that the set contains several times counts once.
    pub(super) fn find(&self, algorithm: Algorithm, id: Option<&str>) -> Option<&DecodingKey> {
        let mut matching =
            self.0.iter().filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id));
        let first = matching.next()?;
        matching.all(|other| other.parameters == first.parameters).then_some(&first.public)
    }

    /// Returns whether a key of any algorithm has this key ID.
    pub(super) fn contains_id(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id.as_deref() == Some(id))
    }
}

impl Key {
    fn of(jwk: &Jwk) -> Option<Self> {
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(rsa) if is_strong(rsa) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(point)
                if point.curve == EllipticCurve::P256 && has_full_length(&point.x) && has_full_length(&point.y) =>
            {
                Algorithm::ES256
            }
            AlgorithmParameters::OctetKeyPair(pair)
                if pair.curve == EllipticCurve::Ed25519 && has_full_length(&pair.x) =>
            {
                Algorithm::EdDSA
            }
            // This includes symmetric keys: the content of a set is not secret.
            _ => return None,
        };
        let public = DecodingKey::from_jwk(jwk).ok()?;
        permits(&jwk.common, algorithm).then(|| Self {
            id: jwk.common.key_id.clone(),
            algorithm,
            public,
            parameters: jwk.algorithm.clone(),
        })
    }
}

/// Returns whether the attributes of the key permit it to verify signatures of this algorithm.
fn permits(key: &CommonParameters, algorithm: Algorithm) -> bool {
    key.key_algorithm.is_none_or(|named| named == algorithm.into())
        && key.public_key_use.as_ref().is_none_or(|meant| *meant == PublicKeyUse::Signature)
        && key.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify))
}

fn is_strong(rsa: &RSAKeyParameters) -> bool {
    let Ok(modulus) = URL_SAFE_NO_PAD.decode(&rsa.n) else { return false };
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let first = modulus.get(zeros).map_or(0, |byte| byte.leading_zeros() as usize);
    RSA_BITS.contains(&((modulus.len() - zeros) * 8).saturating_sub(first))
}

/// Returns whether a coordinate has its full length, which the library does not check.
fn has_full_length(coordinate: &str) -> bool {
    URL_SAFE_NO_PAD.decode(coordinate).is_ok_and(|bytes| bytes.len() == POINT_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ALL: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

    /// Returns a number with `count` bits, in Base64.
    fn bits(count: usize) -> String {
        let mut bytes = vec![0xff; count.div_ceil(8)];
        bytes[0] >>= bytes.len() * 8 - count;
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn rsa(id: &str) -> Value {
        json!({ "kty": "RSA", "kid": id, "n": bits(2048), "e": "AQAB" })
    }

    fn ec(id: &str) -> Value {
        // The base point of P-256.
        let (x, y) = ("axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY", "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU");
        json!({ "kty": "EC", "crv": "P-256", "kid": id, "x": x, "y": y })
    }

    fn ed(id: &str) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
    }

    fn read(keys: &[Value]) -> JwkSet {
        JwkSet::read(json!({ "keys": keys }).to_string().as_bytes(), &ALL).expect("a key set")
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    /// R-77
    #[test]
    fn key_is_found_by_id_only_for_its_algorithm() {
        let keys = read(&[rsa("rsa"), ec("ec"), ed("ed")]);
        let found = |algorithm, id| keys.find(algorithm, Some(id)).is_some();
        for (algorithm, id) in ALL.iter().zip(["rsa", "ec", "ed"]) {
            for other in ["rsa", "ec", "ed"] {
                assert_eq!(found(*algorithm, other), id == other, "{algorithm:?} with the key {other}");
            }
            assert!(keys.find(*algorithm, None).is_some(), "{algorithm:?} without an id");
            assert!(!found(Algorithm::HS256, id) && !found(Algorithm::PS256, id) && !found(Algorithm::ES384, id));
        }
        assert!(keys.find(Algorithm::HS256, None).is_none());
        assert!(keys.contains_id("rsa") && !keys.contains_id("RSA") && !keys.contains_id(""));
    }

    #[test]
    fn jwt_without_key_id_needs_a_single_key() {
        let other = with(rsa("two"), "n", json!(bits(2056)));
        let keys = read(&[rsa("one"), other.clone(), ed("three")]);
        assert!(keys.find(Algorithm::RS256, None).is_none() && keys.find(Algorithm::EdDSA, None).is_some());
        assert!(keys.find(Algorithm::RS256, Some("two")).is_some());
        let without_id = with(ec(""), "kid", Value::Null);
        assert!(read(std::slice::from_ref(&without_id)).find(Algorithm::ES256, None).is_some());
        assert!(read(&[without_id]).find(Algorithm::ES256, Some("")).is_none());
        // Two keys of one kind with the same ID are ambiguous.
        let same_name = with(other, "kid", json!("one"));
        assert!(read(&[rsa("one"), same_name]).find(Algorithm::RS256, Some("one")).is_none());
        // Two keys of different kinds are distinguished by the algorithm.
        assert!(read(&[rsa("one"), ed("one")]).find(Algorithm::EdDSA, Some("one")).is_some());
    }

    #[test]
    fn duplicate_key_counts_once() {
        for key in [rsa("one"), ec("one"), ed("one")] {
            let keys = read(&[key.clone(), with(key.clone(), "use", json!("sig")), key]);
            let algorithm = keys.0[0].algorithm;
            assert!(keys.find(algorithm, Some("one")).is_some() && keys.find(algorithm, None).is_some());
        }
        // Also with two key IDs.
        assert!(read(&[ed("one"), ed("two")]).find(Algorithm::EdDSA, None).is_some());
    }

    #[test]
    fn key_attributes_limit_its_use() {
        for good in [
            with(rsa("k"), "use", json!("sig")),
            with(rsa("k"), "alg", json!("RS256")),
            with(rsa("k"), "key_ops", json!(["verify"])),
            with(rsa("k"), "key_ops", json!(["encrypt", "verify"])),
            with(rsa("k"), "x5c", json!(["AAAA"])),
        ] {
            assert!(!read(std::slice::from_ref(&good)).is_empty(), "{good}");
        }
        for bad in [
            with(rsa("k"), "use", json!("enc")),
            with(rsa("k"), "use", json!("SIG")),
            with(rsa("k"), "alg", json!("RS512")),
            with(rsa("k"), "alg", json!("RSA-OAEP")),
            with(rsa("k"), "alg", json!("HS256")),
            with(ec("k"), "alg", json!("RS256")),
            with(rsa("k"), "key_ops", json!(["sign"])),
            with(rsa("k"), "key_ops", json!([])),
        ] {
            assert!(read(std::slice::from_ref(&bad)).is_empty(), "{bad}");
        }
    }

    #[test]
    fn weak_invalid_and_secret_keys_are_omitted() {
        for bad in [
            with(rsa("k"), "n", json!(bits(2047))),
            with(rsa("k"), "n", json!(bits(1024))),
            with(rsa("k"), "n", json!(bits(4097))),
            with(rsa("k"), "n", json!(format!("{}{}", "A".repeat(400), bits(1024)))),
            with(rsa("k"), "n", json!("")),
            with(rsa("k"), "n", json!("!")),
            with(rsa("k"), "e", Value::Null),
            with(rsa(""), "kid", json!(1)),
            with(ec("k"), "crv", json!("P-384")),
            with(ec("k"), "crv", json!("Ed25519")),
            with(ec("k"), "x", json!("AAAA")),
            with(ec("k"), "y", Value::Null),
            with(ed("k"), "x", json!("")),
            with(ed("k"), "x", json!("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURoA")),
            with(ed("k"), "crv", json!("X25519")),
            with(ed("k"), "kty", json!("EC")),
            json!({ "kty": "oct", "kid": "k", "k": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" }),
            json!({ "kty": "oct", "kid": "k", "alg": "HS256", "k": "" }),
            json!({ "kty": "AKP", "kid": "k", "alg": "ML-DSA-44", "pub": "AAAA" }),
            json!({}),
            json!("nonsense"),
        ] {
            let keys = read(&[bad.clone(), rsa("good")]);
            assert_eq!(keys.0.len(), 1, "{bad}");
            assert!(keys.find(Algorithm::RS256, Some("good")).is_some(), "{bad}");
        }
        assert!(!read(&[with(rsa("k"), "n", json!(bits(4096)))]).is_empty());
    }

    #[test]
    fn keys_of_other_algorithms_are_omitted() {
        let text = json!({ "keys": [rsa("rsa"), ec("ec"), ed("ed")] }).to_string();
        let keys = JwkSet::read(text.as_bytes(), &[Algorithm::ES256]).expect("a key set");
        assert!(keys.find(Algorithm::ES256, Some("ec")).is_some());
        assert!(!keys.contains_id("rsa") && !keys.contains_id("ed"));
    }

    #[test]
    fn text_that_is_no_key_set_is_rejected() {
        for bad in ["", "[]", "{}", "<html>", r#"{"keys":{}}"#, r#"{"keys":null}"#, r#"{"keys":[]"#] {
            assert!(JwkSet::read(bad.as_bytes(), &ALL).is_none(), "{bad}");
        }
        assert!(read(&[]).is_empty());
    }
}
