//! Sends letters from the outbox. A crash between sending and marking sends a letter twice, with the same Message-ID;
//! none is ever lost.

use crate::{
    app::App,
    domain::{error::Result, letter::Letter, time::Time},
    mail::{Envelope, Failure, Mailer, render},
    store::{Leased, Outcome},
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the outbox is looked at when nobody commits.
const BEAT: Duration = Duration::from_secs(5);
/// How long one letter may take; its lease is a little longer.
const LIMIT: Duration = Duration::from_secs(20);
const LEASE: Duration = Duration::from_secs(25);
const PORTION: u64 = 10;
/// A letter that cannot be sent for so long is given up.
const PATIENCE: Duration = Duration::from_hours(72);
const LONGEST_PAUSE: Duration = Duration::from_hours(4);

/// Who sends, and what letters link to.
pub(super) struct Post {
    pub(super) mailer: Mailer,
    pub(super) public_url: String,
}

pub(super) async fn run(app: App, post: Post, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match portion(&app, &post).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => tracing::warn!(error = ?error, "the outbox cannot be read"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.committed() => {}
            () = tokio::time::sleep(BEAT) => {}
        }
    }
}

async fn portion(app: &App, post: &Post) -> Result<usize> {
    let leased = app.store().upkeep().lease_letters(app.now(), LEASE, PORTION).await?;
    let count = leased.len();
    for letter in leased {
        let outcome = match deliver(post, &letter).await {
            Ok(()) => Outcome::Sent,
            Err(failure) => after(&failure, &letter, app.now()),
        };
        if outcome != Outcome::Sent {
            tracing::warn!(letter = %letter.id, attempts = letter.attempts, outcome = ?outcome, "a letter was not sent");
        }
        app.store().upkeep().settle_letter(letter.id, app.now(), &outcome).await?;
    }
    Ok(count)
}

async fn deliver(post: &Post, leased: &Leased) -> Result<(), Failure> {
    let unreadable = |error: &dyn std::fmt::Display| Failure { permanent: true, text: error.to_string() };
    let letter: Letter = serde_json::from_str(&leased.letter).map_err(|error| unreadable(&error))?;
    let envelope = Envelope {
        notice: leased.id.to_string(),
        to_name: leased.to_name.clone(),
        to_address: leased.to_address.clone(),
        letter,
        public_url: post.public_url.clone(),
    };
    let rendered = render(&envelope).map_err(|error| unreadable(&error))?;
    tokio::time::timeout(LIMIT, post.mailer.send(&rendered))
        .await
        .unwrap_or_else(|_| Err(Failure { permanent: false, text: "the mail server did not answer in time".into() }))
}

fn after(failure: &Failure, letter: &Leased, now: Time) -> Outcome {
    let why = failure.text.clone();
    if failure.permanent || now >= letter.tried_from.plus(PATIENCE) {
        return Outcome::GivenUp { why };
    }
    let doublings = u32::try_from(letter.attempts - 1).unwrap_or_default().min(10);
    Outcome::Again { at: now.plus((Duration::from_secs(30) * 2_u32.pow(doublings)).min(LONGEST_PAUSE)), why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::DeliveryId;

    const NOW: Time = Time::from_micros(1_795_426_200_000_000);

    fn letter(attempts: i32, age: Duration) -> Leased {
        Leased {
            id: DeliveryId::new(NOW),
            to_name: "Bob".into(),
            to_address: "bob@example.test".into(),
            letter: String::new(),
            tried_from: NOW.minus(age),
            attempts,
        }
    }

    fn failure(permanent: bool) -> Failure {
        Failure { permanent, text: "no".into() }
    }

    #[test]
    fn pauses_grow_and_a_refused_address_or_three_days_end_it() {
        let again = |seconds| Outcome::Again { at: NOW.plus(Duration::from_secs(seconds)), why: "no".into() };
        let hour = Duration::from_hours(1);
        assert_eq!(after(&failure(false), &letter(1, hour), NOW), again(30));
        assert_eq!(after(&failure(false), &letter(3, hour), NOW), again(120));
        assert_eq!(after(&failure(false), &letter(40, hour), NOW), again(4 * 3600));
        assert_eq!(after(&failure(true), &letter(1, hour), NOW), Outcome::GivenUp { why: "no".into() });
        assert_eq!(after(&failure(false), &letter(9, hour * 72), NOW), Outcome::GivenUp { why: "no".into() });
    }
}
