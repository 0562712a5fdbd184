//! What does a client do whose question came while the database was busy with others? It asks again.

use super::client::Reply;
use std::time::{Duration, Instant};
use tokenward::domain::error::{Code, Result};

/// For so long.
const LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);

/// What somebody was told.
pub(crate) trait Answer {
    /// Whether it says: later.
    fn is_later(&self) -> bool;
}

impl Answer for Reply {
    fn is_later(&self) -> bool {
        self.status == 503 || self.text.contains(r#""UNAVAILABLE""#)
    }
}

impl<T> Answer for Result<T> {
    fn is_later(&self) -> bool {
        self.as_ref().is_err_and(|error| error.code() == Code::Unavailable)
    }
}

/// A code or a status, as text.
impl Answer for String {
    fn is_later(&self) -> bool {
        ["UNAVAILABLE", "503"].contains(&&**self)
    }
}

/// Asks until the answer is another one than that it should be asked later, for half a minute at most.
pub(crate) async fn again<A: Answer>(mut ask: impl AsyncFnMut() -> A) -> A {
    let start = Instant::now();
    loop {
        let answer = ask().await;
        if !answer.is_later() || start.elapsed() > LIMIT {
            return answer;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_told_to_come_later_comes_and_hears_every_other_answer() {
        for last in ["OK", "CONFLICT"] {
            let mut answers = ["UNAVAILABLE", "503", last, "nobody asks for this"].into_iter();
            assert_eq!(again(async || answers.next().unwrap().to_owned()).await, last);
            assert_eq!(answers.count(), 1);
        }
    }
}
