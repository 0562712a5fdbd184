//! Sends the emails of the outbox. If the process ends between sending and marking an email, the email is sent again with the
//! same Message-ID; none is lost.

use super::agreed_now;
use crate::{
    app::App,
    domain::{email::EmailContent, error::Result, time::Time},
    mail::{Cause, EmailContext, Failure, LONGEST_SEND, Mailer, render},
    store::{LeasedDelivery, Outcome},
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the job reads the outbox without a commit.
const BEAT: Duration = Duration::from_secs(2);
/// The lease of a delivery. One delivery is leased at a time, so that no lease expires while its delivery waits.
const LEASE: Duration = LONGEST_SEND.saturating_add(Duration::from_secs(5));
/// The time after which an unsent email is abandoned.
const PATIENCE: Duration = Duration::from_hours(72);
/// The first and the longest pause between attempts of one email. They are short, so that emails are sent soon after a server
/// works again.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(90);
/// The first and the longest pause of the job while a failure concerns all emails; one email is tried after each pause.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_mins(1);

/// The mailer, and the URL of the service for the links in emails.
pub(super) struct MailDelivery {
    pub(super) mailer: Mailer,
    pub(super) public_url: String,
}

pub(super) async fn run(app: App, post: MailDelivery, stop: CancellationToken) {
    app.metrics().letters_may_fail(Cause::ALL.map(Cause::as_str));
    let mut in_vain = 0_i32;
    while !stop.is_cancelled() {
        match one(&app, &post).await {
            Ok(Some(Err(failure))) if failure.concerns_every_letter() => {
                in_vain = in_vain.saturating_add(1);
                let rest = tokio::time::sleep(growing(FIRST_REST, in_vain, LONGEST_REST));
                let _ = stop.run_until_cancelled(rest).await;
            }
            // The email was sent, or the failure concerns only this one.
            Ok(Some(_)) => in_vain = 0,
            nothing => {
                if let Err(error) = nothing {
                    tracing::warn!(error = %error.cause(), "failed to read the outbox, will retry");
                }
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = app.committed() => {}
                    () = tokio::time::sleep(BEAT) => {}
                }
            }
        }
    }
}

/// Sends one email that is due and returns the result of the attempt; `None` if none is due.
async fn one(app: &App, post: &MailDelivery) -> Result<Option<Result<(), Failure>>> {
    let upkeep = app.store().upkeep();
    let Some(letter) = upkeep.lease_letters(agreed_now(app).await?, LEASE, 1).await?.pop() else { return Ok(None) };
    let delivered = deliver(post, &letter).await;
    let outcome = match &delivered {
        Ok(()) => Outcome::Sent,
        Err(failure) => after(failure, &letter, app.now()),
    };
    match &delivered {
        Ok(()) => app.metrics().letter_sent(),
        Err(failure) => {
            app.metrics().letter_failed(failure.cause.as_str());
            tell(failure, &letter, &outcome);
        }
    }
    if !upkeep.settle_letter(&letter, app.now(), &outcome).await? {
        tracing::warn!(letter = %letter.id, "sending an email took longer than its lease");
    }
    Ok(Some(delivered))
}

async fn deliver(post: &MailDelivery, leased: &LeasedDelivery) -> Result<(), Failure> {
    let letter: EmailContent = serde_json::from_str(&leased.letter).map_err(Failure::permanent)?;
    let envelope = EmailContext {
        notice: leased.id.to_string(),
        to_name: leased.to_name.clone(),
        to_address: leased.to_address.clone(),
        letter,
        public_url: post.public_url.clone(),
    };
    post.mailer.send(&render(&envelope).map_err(Failure::permanent)?).await
}

/// Logs a failure as a warning when an email is abandoned and at attempts 1, 2, 4, 8 and so on. The server's response is not
/// logged, since it may contain an address; `mail list` shows it.
fn tell(failure: &Failure, letter: &LeasedDelivery, outcome: &Outcome) {
    let (id, attempts, cause) = (letter.id, letter.attempts, failure.cause.as_str());
    match outcome {
        Outcome::GivenUp { .. } => {
            tracing::warn!(letter = %id, attempts, cause, "an email was abandoned; see tokenward mail list");
        }
        _ if attempts.count_ones() == 1 => {
            tracing::warn!(letter = %id, attempts, cause, "failed to send an email, will retry; see tokenward mail list");
        }
        _ => tracing::debug!(letter = %id, attempts, cause, "failed to send an email, will retry"),
    }
}

fn after(failure: &Failure, letter: &LeasedDelivery, now: Time) -> Outcome {
    let why = failure.text.clone();
    if failure.is_permanent() || now >= letter.tried_from.plus(PATIENCE) {
        return Outcome::GivenUp { why };
    }
    Outcome::Again { at: now.plus(growing(FIRST_PAUSE, letter.attempts, LONGEST_PAUSE)), why }
}

/// Returns a pause that doubles with each attempt, of which the first is number 1.
fn growing(first: Duration, time: i32, longest: Duration) -> Duration {
    let doublings = u32::try_from(time.saturating_sub(1)).unwrap_or_default().min(10);
    (first * 2_u32.pow(doublings)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::DeliveryId;

    const NOW: Time = Time::from_micros(1_795_426_200_000_000);

    fn letter(attempts: i32, age: Duration) -> LeasedDelivery {
        LeasedDelivery {
            id: DeliveryId::new(NOW),
            to_name: "Bob".into(),
            to_address: "bob@example.test".into(),
            letter: String::new(),
            tried_from: NOW.minus(age),
            attempts,
            until: NOW.plus(LEASE),
        }
    }

    #[test]
    fn pauses_grow_until_rejection_or_three_days() {
        let again = |seconds| Outcome::Again { at: NOW.plus(Duration::from_secs(seconds)), why: "no".into() };
        let (hour, passing) = (Duration::from_hours(1), Failure::passing("no"));
        assert_eq!(after(&passing, &letter(1, hour), NOW), again(30));
        assert_eq!(after(&passing, &letter(2, hour), NOW), again(60));
        assert_eq!(after(&passing, &letter(3, hour), NOW), again(90));
        assert_eq!(after(&passing, &letter(40, hour), NOW), again(90));
        assert_eq!(after(&Failure::permanent("no"), &letter(1, hour), NOW), Outcome::GivenUp { why: "no".into() });
        assert_eq!(after(&passing, &letter(9, hour * 72), NOW), Outcome::GivenUp { why: "no".into() });
    }

    /// F-04
    #[test]
    fn recovered_server_is_detected_within_two_minutes() {
        for time in [1, 2, 7, 100, i32::MAX] {
            let rest = growing(FIRST_REST, time, LONGEST_REST);
            assert!((FIRST_REST..=LONGEST_REST).contains(&rest), "{rest:?}");
            assert!(growing(FIRST_PAUSE, time, LONGEST_PAUSE) <= LONGEST_PAUSE);
        }
        assert!(LONGEST_REST.max(LONGEST_PAUSE) + LONGEST_SEND <= Duration::from_mins(2));
    }
}
