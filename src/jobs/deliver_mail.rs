//! Sends the emails of the outbox. If the process ends between sending and marking an email, the email is sent again with the
//! same Message-ID; none is lost.

use super::agreed_now;
use crate::{
    app::App,
    domain::{email::EmailPayload, error::Result, time::Time},
    mail::{Cause, EmailContext, Failure, Mailer, SEND_TIMEOUT, render},
    store::{LeasedDelivery, Outcome},
};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often the job reads the outbox without a commit.
const INTERVAL: Duration = Duration::from_secs(2);
/// The lease of a delivery. One delivery is leased at a time, so that no lease expires while its delivery waits.
const LEASE: Duration = SEND_TIMEOUT.saturating_add(Duration::from_secs(5));
/// The time after which an unsent email is abandoned.
const ABANDON_AFTER: Duration = Duration::from_hours(72);
/// The first and the longest pause between attempts of one email. They are short, so that emails are sent soon after a server
/// works again.
const MIN_RETRY_DELAY: Duration = Duration::from_secs(30);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(90);
/// The first and the longest pause of the job while a failure concerns all emails; one email is tried after each pause.
const MIN_OUTAGE_DELAY: Duration = Duration::from_secs(1);
const MAX_OUTAGE_DELAY: Duration = Duration::from_mins(1);

/// The mailer, and the URL of the service for the links in emails.
pub(super) struct MailDelivery {
    pub(super) mailer: Mailer,
    pub(super) public_url: String,
}

pub(super) async fn run(app: App, mail: MailDelivery, stop: CancellationToken) {
    app.metrics().register_email_failures(Cause::ALL.map(Cause::as_str));
    let (mut failures, mut last_event) = (0_i32, app.last_event());
    while !stop.is_cancelled() {
        match deliver_next(&app, &mail).await {
            Ok(Some(Err(failure))) if failure.affects_all_emails() => {
                failures = failures.saturating_add(1);
                let delay = tokio::time::sleep(exponential_delay(MIN_OUTAGE_DELAY, failures, MAX_OUTAGE_DELAY));
                let _ = stop.run_until_cancelled(delay).await;
            }
            // The email was sent, or the failure concerns only this one.
            Ok(Some(_)) => failures = 0,
            other => {
                if let Err(error) = other {
                    tracing::warn!(error = %error.cause(), "failed to read the outbox, will retry");
                }
                tokio::select! {
                    () = stop.cancelled() => {}
                    _ = last_event.changed() => {}
                    () = tokio::time::sleep(INTERVAL) => {}
                }
            }
        }
    }
}

/// Sends one email that is due and returns the result of the attempt; `None` if none is due.
async fn deliver_next(app: &App, mail: &MailDelivery) -> Result<Option<Result<(), Failure>>> {
    let maintenance = app.store().maintenance();
    let (now, start) = (agreed_now(app).await?, Instant::now());
    let Some(delivery) = maintenance.lease_emails(now, LEASE, 1).await?.pop() else {
        return Ok(None);
    };
    let delivered = deliver(mail, &delivery).await;
    // The clock may have been set meanwhile.
    let now = now.plus(start.elapsed());
    let outcome = match &delivered {
        Ok(()) => Outcome::Sent,
        Err(failure) => outcome_of(failure, &delivery, now),
    };
    match &delivered {
        Ok(()) => app.metrics().email_sent(),
        Err(failure) => {
            app.metrics().email_failed(failure.cause.as_str());
            log_failure(failure, &delivery, &outcome);
        }
    }
    if !maintenance.settle_email(&delivery, now, &outcome).await? {
        tracing::warn!(delivery = %delivery.id, "sending an email took longer than its lease");
    }
    Ok(Some(delivered))
}

async fn deliver(mail: &MailDelivery, leased: &LeasedDelivery) -> Result<(), Failure> {
    let EmailPayload { to_name, to_address, email } =
        serde_json::from_str(&leased.payload).map_err(Failure::permanent)?;
    let context = EmailContext {
        notification_id: leased.id.to_string(),
        to_name,
        to_address,
        content: email,
        public_url: mail.public_url.clone(),
    };
    mail.mailer.send(&render(&context).map_err(Failure::permanent)?).await
}

/// Logs a failure as a warning when an email is abandoned and at attempts 1, 2, 4, 8 and so on. The server's response is not
/// logged, since it may contain an address; `mail list` shows it.
fn log_failure(failure: &Failure, delivery: &LeasedDelivery, outcome: &Outcome) {
    let (id, attempts, cause) = (delivery.id, delivery.attempts, failure.cause.as_str());
    match outcome {
        Outcome::Abandoned { .. } => {
            tracing::warn!(delivery = %id, attempts, cause, "an email was abandoned; see tokenward mail list");
        }
        _ if attempts.count_ones() == 1 => {
            tracing::warn!(delivery = %id, attempts, cause, "failed to send an email, will retry; see tokenward mail list");
        }
        _ => tracing::debug!(delivery = %id, attempts, cause, "failed to send an email, will retry"),
    }
}

fn outcome_of(failure: &Failure, delivery: &LeasedDelivery, now: Time) -> Outcome {
    let error = failure.text.clone();
    if failure.is_permanent() || now >= delivery.retrying_since.plus(ABANDON_AFTER) {
        return Outcome::Abandoned { error };
    }
    Outcome::Retry { at: now.plus(exponential_delay(MIN_RETRY_DELAY, delivery.attempts, MAX_RETRY_DELAY)), error }
}

/// Returns a pause that doubles with each attempt, of which the first is number 1.
fn exponential_delay(min: Duration, attempt: i32, max: Duration) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or_default().min(10);
    (min * 2_u32.pow(doublings)).min(max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::DeliveryId;

    const NOW: Time = Time::from_micros(1_795_426_200_000_000);

    fn delivery(attempts: i32, age: Duration) -> LeasedDelivery {
        LeasedDelivery {
            id: DeliveryId::new(NOW),
            payload: String::new(),
            retrying_since: NOW.minus(age),
            attempts,
            until: NOW.plus(LEASE),
        }
    }

    #[test]
    fn pauses_grow_until_rejection_or_three_days() {
        let retry = |seconds| Outcome::Retry { at: NOW.plus(Duration::from_secs(seconds)), error: "no".into() };
        let (hour, transient) = (Duration::from_hours(1), Failure::transient("no"));
        assert_eq!(outcome_of(&transient, &delivery(1, hour), NOW), retry(30));
        assert_eq!(outcome_of(&transient, &delivery(2, hour), NOW), retry(60));
        assert_eq!(outcome_of(&transient, &delivery(3, hour), NOW), retry(90));
        assert_eq!(outcome_of(&transient, &delivery(40, hour), NOW), retry(90));
        assert_eq!(
            outcome_of(&Failure::permanent("no"), &delivery(1, hour), NOW),
            Outcome::Abandoned { error: "no".into() }
        );
        assert_eq!(outcome_of(&transient, &delivery(9, hour * 72), NOW), Outcome::Abandoned { error: "no".into() });
    }

    /// F-04
    #[test]
    fn recovered_server_is_detected_within_two_minutes() {
        for attempt in [1, 2, 7, 100, i32::MAX] {
            let delay = exponential_delay(MIN_OUTAGE_DELAY, attempt, MAX_OUTAGE_DELAY);
            assert!((MIN_OUTAGE_DELAY..=MAX_OUTAGE_DELAY).contains(&delay), "{delay:?}");
            assert!(exponential_delay(MIN_RETRY_DELAY, attempt, MAX_RETRY_DELAY) <= MAX_RETRY_DELAY);
        }
        assert!(MAX_OUTAGE_DELAY.max(MAX_RETRY_DELAY) + SEND_TIMEOUT <= Duration::from_mins(2));
    }
}
