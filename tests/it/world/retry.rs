//! Retries of requests that are rejected with `UNAVAILABLE` while the database is busy.

use super::client::Reply;
use std::time::{Duration, Instant};
use tokenward::testing::domain::error::{Code, Result};

/// Time after which the last result is returned, whatever it is.
const TIMEOUT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);

/// The result of a request, as a client sees it.
pub(crate) trait Outcome {
    /// Returns whether the service was unavailable, so that the request can be retried.
    fn is_unavailable(&self) -> bool;
}

impl Outcome for Reply {
    fn is_unavailable(&self) -> bool {
        self.status == 503 || self.text.contains(r#""UNAVAILABLE""#)
    }
}

impl<T> Outcome for Result<T> {
    fn is_unavailable(&self) -> bool {
        self.as_ref().is_err_and(|error| error.code() == Code::Unavailable)
    }
}

/// A GraphQL error code or an HTTP status, as text.
impl Outcome for String {
    fn is_unavailable(&self) -> bool {
        ["UNAVAILABLE", "503"].contains(&&**self)
    }
}

/// Repeats a request until the service is available, for at most 30 seconds, and returns the last result.
pub(crate) async fn retry<A: Outcome>(mut request: impl AsyncFnMut() -> A) -> A {
    let start = Instant::now();
    loop {
        let outcome = request().await;
        if !outcome.is_unavailable() || start.elapsed() > TIMEOUT {
            return outcome;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

mod tests {
    use super::*;

    #[tokio::test]
    async fn unavailable_is_retried_and_other_results_are_returned() {
        for last in ["OK", "CONFLICT"] {
            let mut outcomes = ["UNAVAILABLE", "503", last, "not requested"].into_iter();
            assert_eq!(retry(async || outcomes.next().unwrap().to_owned()).await, last);
            assert_eq!(outcomes.count(), 1);
        }
    }
}
