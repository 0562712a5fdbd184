//! Retries of requests that the service answers with `UNAVAILABLE` while the database is busy.

use super::client::Reply;
use std::time::{Duration, Instant};
use tokenward::domain::error::{Code, Result};

/// Time after which the last answer is returned, whatever it is.
const TIMEOUT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);

/// The result of a request, as a client sees it.
pub(crate) trait Answer {
    /// Returns whether the service was unavailable, so that the request can be retried.
    fn is_unavailable(&self) -> bool;
}

impl Answer for Reply {
    fn is_unavailable(&self) -> bool {
        self.status == 503 || self.text.contains(r#""UNAVAILABLE""#)
    }
}

impl<T> Answer for Result<T> {
    fn is_unavailable(&self) -> bool {
        self.as_ref().is_err_and(|error| error.code() == Code::Unavailable)
    }
}

/// A GraphQL error code or an HTTP status, as text.
impl Answer for String {
    fn is_unavailable(&self) -> bool {
        ["UNAVAILABLE", "503"].contains(&&**self)
    }
}

/// Repeats a request until the service is available, for at most 30 seconds, and returns the last answer.
pub(crate) async fn retry<A: Answer>(mut ask: impl AsyncFnMut() -> A) -> A {
    let start = Instant::now();
    loop {
        let answer = ask().await;
        if !answer.is_unavailable() || start.elapsed() > TIMEOUT {
            return answer;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

mod tests {
    use super::*;

    #[tokio::test]
    async fn unavailable_is_retried_and_other_answers_are_returned() {
        for last in ["OK", "CONFLICT"] {
            let mut answers = ["UNAVAILABLE", "503", last, "not requested"].into_iter();
            assert_eq!(retry(async || answers.next().unwrap().to_owned()).await, last);
            assert_eq!(answers.count(), 1);
        }
    }
}
