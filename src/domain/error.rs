//! Errors, classified by what the caller can do about them.

use std::{borrow::Cow, time::Duration};

/// The result of an operation that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// The error of every operation. Endpoints and the command line translate it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request has no valid credential.
    #[error("Authentication required. Please supply a valid API access token.")]
    Unauthenticated,
    /// The session is valid, but its password was confirmed too long ago for this change.
    #[error("Confirm your password to do this; it was last confirmed more than 15 minutes ago.")]
    ReauthenticationRequired,
    /// The named type of object, such as `organization`, was not found, or the caller may not see it.
    #[error("No {0} found")]
    NotFound(&'static str),
    /// The caller may see the object but not do this. The text is a complete sentence.
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    /// The value of a field is invalid.
    #[error("{message}")]
    Invalid {
        /// The path of the field, such as `input.scopes.1`.
        field: Cow<'static, str>,
        /// A complete sentence that states what is valid.
        message: String,
    },
    /// The change was already made, or conflicts with another one. The text is a complete sentence.
    #[error("{0}")]
    Conflict(Cow<'static, str>),
    /// There were too many attempts within a short time.
    #[error("{message}")]
    RateLimited {
        /// A complete sentence that states what to do.
        message: &'static str,
        /// The time after which the caller may retry.
        retry_after: Duration,
    },
    /// The store did not answer, or it is unknown whether a change was committed.
    #[error("Try again later")]
    Unavailable(#[source] Source),
    /// A bug. The text is only logged.
    #[error("Internal error")]
    Bug(Cow<'static, str>),
}

/// The stable name of a class of errors, which clients see in `extensions.code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// No valid credential.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// The object does not exist, or the caller may not see it.
    NotFound,
    /// A value is invalid.
    InvalidInput,
    /// The cost of a document exceeds its limit. Nothing was executed.
    TooComplex,
    /// The change was already made, or the object has changed.
    Conflict,
    /// There were too many attempts.
    RateLimited,
    /// The store did not answer.
    Unavailable,
    /// A bug.
    Internal,
}

impl Code {
    /// Returns the name in `extensions.code`.
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
    /// Returns the class of the error.
    pub const fn code(&self) -> Code {
        match self {
            Self::Unauthenticated | Self::ReauthenticationRequired => Code::Unauthenticated,
            Self::NotFound(_) => Code::NotFound,
            Self::Forbidden(_) => Code::Forbidden,
            Self::Invalid { .. } => Code::InvalidInput,
            Self::Conflict(_) => Code::Conflict,
            Self::RateLimited { .. } => Code::RateLimited,
            Self::Unavailable(_) => Code::Unavailable,
            Self::Bug(_) => Code::Internal,
        }
    }

    /// Creates an error for an invalid value of `field`. `message` is a complete sentence that states what is valid.
    pub fn invalid(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), message: message.into() }
    }

    /// Returns the seconds after which the caller may retry, rounded up. `None` unless the caller is rate limited.
    pub const fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::RateLimited { retry_after, .. } if retry_after.subsec_nanos() > 0 => Some(retry_after.as_secs() + 1),
            Self::RateLimited { retry_after, .. } => Some(retry_after.as_secs()),
            _ => None,
        }
    }

    /// Creates an error for a store that did not answer because of `source`.
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self::Unavailable(source.into())
    }

    /// Returns the cause, for the log and for operators. Clients get less detail of errors that they did not cause.
    pub fn cause(&self) -> String {
        match self {
            Self::Unavailable(source) => {
                let mut message = source.to_string();
                let mut next = source.source();
                while let Some(cause) = next {
                    let text = cause.to_string();
                    if !message.contains(&text) {
                        message = format!("{message}: {text}");
                    }
                    next = cause.source();
                }
                message
            }
            Self::Bug(message) => message.to_string(),
            other => other.to_string(),
        }
    }

    /// Prepends `parent` to the path of the field: `scopes.1` in `input` becomes `input.scopes.1`.
    #[must_use]
    pub fn within(self, parent: &str) -> Self {
        match self {
            Self::Invalid { field, message } => Self::Invalid { field: format!("{parent}.{field}").into(), message },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the database requests a retry")]
    struct Above(#[source] Below);

    #[derive(Debug, thiserror::Error)]
    #[error("it is busy")]
    struct Below;

    #[test]
    fn cause_contains_each_source_once() {
        assert_eq!(Error::unavailable(Above(Below)).cause(), "the database requests a retry: it is busy");
        assert_eq!(Error::unavailable(Below).cause(), "it is busy");
        assert_eq!(Error::Bug("no row".into()).cause(), "no row");
        assert_eq!(Error::NotFound("token").cause(), "No token found");
    }
}
