//! One moment, in microseconds since 1970 in UTC: what the store keeps and what clients are told.

use chrono::{DateTime, SecondsFormat, Utc};
use std::time::Duration;

/// A moment. The clock makes it; everything else is handed one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

impl Time {
    /// From microseconds since 1970-01-01T00:00:00Z.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, as RFC 7662 counts them.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// RFC 3339 with six decimals and a Z: `2026-11-23T09:30:00.123456Z`.
    pub fn to_text(self) -> String {
        self.utc().to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    /// RFC 3339 in whole seconds: `2026-11-23T09:30:00Z`.
    pub fn to_text_in_seconds(self) -> String {
        self.utc().to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// Reads RFC 3339 with any offset; what is finer than a microsecond is cut off.
    pub fn parse(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(Self::from)
    }

    /// As the libraries speak of it.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// This much later.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This much earlier.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl<Zone: chrono::TimeZone> From<DateTime<Zone>> for Time {
    fn from(time: DateTime<Zone>) -> Self {
        Self(time.timestamp_micros())
    }
}

impl std::fmt::Debug for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_can_be_given_back_as_it_was_told() {
        let time = Time::from_micros(1_795_426_200_123_456);
        assert_eq!(Time::parse(&time.to_text()), Some(time));
        assert_eq!(time.to_text(), "2026-11-23T09:30:00.123456Z");
        assert_eq!(time.to_text_in_seconds(), "2026-11-23T09:30:00Z");
        assert_eq!(Time::parse("2026-11-23T10:30:00.123456+01:00"), Some(time));
        assert_eq!(Time::parse("2026-11-23"), None);
    }
}
