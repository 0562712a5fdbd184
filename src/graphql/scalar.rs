//! The scalars for times and UUIDs.

use crate::domain::time::{self, Time};
use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DateTime(pub(super) Time);

/// An RFC 3339 date and time, always in UTC, with six decimals and a Z: `2026-11-23T09:30:00.123456Z`. Input with another
/// offset is converted; the year must be from 1970 to 9999.
#[Scalar(name = "DateTime", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Time::parse(text).map(Self).ok_or_else(|| InputValueError::custom(time::EXPECTED)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_text())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Uuid(pub(super) uuid::Uuid);

/// An RFC 9562 UUID, in lower case with hyphens.
#[Scalar(name = "UUID", specified_by_url = "https://www.rfc-editor.org/rfc/rfc9562")]
impl ScalarType for Uuid {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => {
                uuid::Uuid::parse_str(text).map(Self).map_err(|_| InputValueError::custom("This is not a UUID."))
            }
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}
