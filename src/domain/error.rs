//! What can go wrong, divided by what the caller can do about it.

use std::{borrow::Cow, time::Duration};

/// The result of everything that may be refused or fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// One of these is all that a door ever has to translate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No valid credential came with the request.
    #[error("Authentication required. Please supply a valid API access token.")]
    Unauthenticated,
    /// The session is good, and its password was given too long ago for this.
    #[error("Confirm your password to do this; you gave it more than 15 minutes ago.")]
    Stale,
    /// It does not exist, or the caller may not know that it does; named like `organization`.
    #[error("No {0} found")]
    NotFound(&'static str),
    /// The caller may know of it and may not do this; a whole sentence.
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    /// The input is wrong: the field's name at the door, and a sentence with the remedy.
    #[error("{why}")]
    Invalid {
        /// The path of the field, such as `input.scopes.1`.
        field: Cow<'static, str>,
        /// A whole sentence that says what would be right.
        why: String,
    },
    /// It is already so, or somebody else was quicker; a whole sentence.
    #[error("{0}")]
    Conflict(Cow<'static, str>),
    /// Too much of it within a short time.
    #[error("{why}")]
    RateLimited {
        /// A whole sentence with the remedy.
        why: &'static str,
        /// After how long it may be tried again.
        retry_after: Duration,
    },
    /// The store cannot answer, or whether a change happened is unknown.
    #[error("Try again later")]
    Unavailable(#[source] Source),
    /// Our fault; the text is for the log alone.
    #[error("Internal error")]
    Bug(Cow<'static, str>),
}

/// The stable name of a kind of error, as clients see it in `extensions.code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// No valid credential.
    Unauthenticated,
    /// Known, and not allowed.
    Forbidden,
    /// Does not exist, or the viewer may not know.
    NotFound,
    /// A bad value.
    InvalidInput,
    /// Refused by its price before anything ran.
    TooComplex,
    /// Already so, or changed meanwhile.
    Conflict,
    /// Too much of it; later it may be answered.
    RateLimited,
    /// The store cannot answer.
    Unavailable,
    /// Our fault.
    Internal,
}

impl Code {
    /// The name in `extensions.code`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::InvalidInput => "INVALID_INPUT",
            Self::TooComplex => "TOO_COMPLEX",
            Self::Conflict => "CONFLICT",
            Self::RateLimited => "RATE_LIMITED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

impl Error {
    /// The kind of this error.
    pub const fn code(&self) -> Code {
        match self {
            Self::Unauthenticated | Self::Stale => Code::Unauthenticated,
            Self::NotFound(_) => Code::NotFound,
            Self::Forbidden(_) => Code::Forbidden,
            Self::Invalid { .. } => Code::InvalidInput,
            Self::Conflict(_) => Code::Conflict,
            Self::RateLimited { .. } => Code::RateLimited,
            Self::Unavailable(_) => Code::Unavailable,
            Self::Bug(_) => Code::Internal,
        }
    }

    /// A bad value of `field`; `why` is a whole sentence that says what would be right.
    pub fn invalid(field: impl Into<Cow<'static, str>>, why: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), why: why.into() }
    }

    /// The whole seconds after which it may be tried again, for an error that says so.
    pub const fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::RateLimited { retry_after, .. } if retry_after.subsec_nanos() > 0 => Some(retry_after.as_secs() + 1),
            Self::RateLimited { retry_after, .. } => Some(retry_after.as_secs()),
            _ => None,
        }
    }

    /// The store could not answer because of `source`.
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self::Unavailable(source.into())
    }

    /// What happened, for the log and for operators: clients are told less of what is not their doing.
    pub fn cause(&self) -> String {
        match self {
            Self::Unavailable(source) => {
                let mut told = source.to_string();
                let mut below = source.source();
                while let Some(cause) = below {
                    let text = cause.to_string();
                    if !told.contains(&text) {
                        told = format!("{told}: {text}");
                    }
                    below = cause.source();
                }
                told
            }
            Self::Bug(why) => why.to_string(),
            other => other.to_string(),
        }
    }

    /// The same error with the name of its field set below `parent`: `scopes.1` in `input` is `input.scopes.1`.
    #[must_use]
    pub fn within(self, parent: &str) -> Self {
        match self {
            Self::Invalid { field, why } => Self::Invalid { field: format!("{parent}.{field}").into(), why },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the database asks to try again")]
    struct Above(#[source] Below);

    #[derive(Debug, thiserror::Error)]
    #[error("it is busy")]
    struct Below;

    #[test]
    fn the_cause_is_told_in_words_and_once() {
        assert_eq!(Error::unavailable(Above(Below)).cause(), "the database asks to try again: it is busy");
        assert_eq!(Error::unavailable(Below).cause(), "it is busy");
        assert_eq!(Error::Bug("no row".into()).cause(), "no row");
        assert_eq!(Error::NotFound("token").cause(), "No token found");
    }
}
