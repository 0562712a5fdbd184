//! JSON of requests. A repeated key in an object is rejected, because parsers differ in which of its values they use.
//!
//! Written by hand: `serde_json` keeps the last value of a repeated key, and has no option to reject it.

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Error, Map, Number, Value};
use std::fmt;

/// Parses one JSON text. A repeated key is an error of the category `Data`; any other error is of another category.
pub(super) fn read(text: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(without_byte_order_mark(text)).map(|Distinct(value)| value)
}

/// Returns a JSON body without its byte order mark, which RFC 8259, section 8.1, allows a parser to ignore.
pub(super) fn without_byte_order_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// A JSON value whose objects have no repeated keys.
struct Distinct(Value);

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values).map(Self)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Distinct(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some((key, Distinct(value))) = entries.next_entry()? {
            if values.insert(key, value).is_some() {
                return Err(A::Error::custom("a key is repeated"));
            }
        }
        Ok(values.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_key_is_rejected_at_any_depth() {
        for text in [
            r#"{"query":"a","query":"b"}"#,
            r#"{"query":"a","que\u0072y":"a"}"#,
            r#"{"a":[{"b":{"c":1,"c":null}}]}"#,
            r#"[{"":0,"":0}]"#,
        ] {
            assert!(read(text.as_bytes()).expect_err(text).is_data(), "{text}");
        }
        // Everything else is read as by `serde_json`.
        for text in [
            r#"{"z":{"a":1},"a":{"z":[1,-2,2.5,1e400,null,true,"é\ud83d\udd11",18446744073709551616]}}"#,
            r#" {"a":[],"b":{},"c":-0,"d":-9223372036854775808} "#,
            "3",
            "\"\"",
            "{",
            "",
            "{}x",
            r#"{"a":1,}"#,
            r#""\ud83d""#,
            &("[".repeat(500) + &"]".repeat(500)),
        ] {
            let (parsed, expected) = (read(text.as_bytes()), serde_json::from_str::<Value>(text));
            assert_eq!(parsed.as_ref().ok(), expected.as_ref().ok(), "{text}");
            assert_eq!(parsed.map(|value| value.to_string()).ok(), expected.map(|value| value.to_string()).ok());
        }
    }
}
