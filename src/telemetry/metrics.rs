//! What is counted, for whoever watches the service: by kinds that are few and known beforehand, and never by who or what.

use crate::domain::{
    decision::{DenyReason, Verdict},
    error::{Error, Result},
    event::EventType,
    time::Time,
};
use prometheus_client::{
    encoding::prometheus_text,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};
use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, LazyLock},
    time::Duration,
};

/// The media type of what is rendered.
pub const MEDIA_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// Bounds of the durations of requests, in seconds.
const DURATIONS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

type Kind = [(&'static str, &'static str); 1];
type Route = [(&'static str, Cow<'static, str>); 1];
type Answer = [(&'static str, Cow<'static, str>); 2];

/// Statements are limited where no store is at hand, so these are of the process and not of a store.
static STORE_FAILURES: LazyLock<Family<Kind, Counter>> = LazyLock::new(Family::default);

/// The log is of the process, too.
static LOG_LINES_DROPPED: LazyLock<Counter> = LazyLock::new(Counter::default);

/// Counts a line of the log that could not be written.
pub(super) fn log_line_dropped() {
    LOG_LINES_DROPPED.inc();
}

/// The counters of one service; a clone is another handle to the same.
#[derive(Clone)]
pub struct Metrics(Arc<Counters>);

struct Counters {
    registry: Registry,
    started: Gauge,
    requests: Family<Answer, Counter>,
    durations: Family<Route, Histogram, fn() -> Histogram>,
    checks: Family<Kind, Counter>,
    changes: Family<Kind, Counter>,
    jwt_rejections: Family<Kind, Counter>,
    statements: Counter,
    throttled: Counter,
    sent: Counter,
    unsent: Family<Kind, Counter>,
}

/// What came of asking about a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// It has not the form of one of ours.
    Malformed,
    /// No token has this value.
    Unknown,
    /// There is one, and this was decided.
    Judged(Verdict),
    /// The store could not answer.
    Unavailable,
}

macro_rules! jwt_rejections {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why a JWT was rejected. Logs and metrics name the reason; the client is not told.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum JwtRejection { $($(#[$doc])* $name,)* }

        impl JwtRejection {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code in logs and metrics.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

jwt_rejections! {
    /// No JWTs are configured.
    NotConfigured = "not_configured",
    /// It is no JWT.
    Malformed = "malformed",
    /// Its header brings or names its own key, or demands an extension.
    Header = "header",
    /// Its type is not that of an access token.
    Type = "type",
    /// Its algorithm is none that is known.
    Algorithm = "algorithm",
    /// No configured key has its id and algorithm.
    Key = "key",
    /// The key did not sign it.
    Signature = "signature",
    /// Another issuer made it.
    Issuer = "issuer",
    /// It is for another audience.
    Audience = "audience",
    /// A required claim is missing or malformed.
    Claims = "claims",
    /// It has expired.
    Expired = "expired",
    /// It is not valid yet: `iat` or `nbf` is in the future.
    NotYetValid = "not_yet_valid",
    /// It is valid for more than 24 hours.
    Lifetime = "lifetime",
    /// Its user is disabled or deleted.
    User = "user",
}

/// Why a statement had no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreFailure {
    /// It took longer than its limit.
    Late,
    /// The database is not there, or cannot work.
    Unavailable,
    /// The change is to be made again.
    Contended,
    /// The database refused it.
    Refused,
}

/// The letters that were not sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outbox {
    /// How many wait.
    pub pending: u64,
    /// When the oldest of them was written.
    pub oldest: Option<Time>,
    /// How many were given up.
    pub abandoned: u64,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let durations: Family<Route, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(DURATIONS));
        let mut counters = Counters {
            registry: Registry::default(),
            started: Gauge::default(),
            requests: Family::default(),
            durations,
            checks: Family::default(),
            changes: Family::default(),
            jwt_rejections: Family::default(),
            statements: Counter::default(),
            throttled: Counter::default(),
            sent: Counter::default(),
            unsent: Family::default(),
        };
        counters.register();
        Self(Arc::new(counters))
    }
}

impl Counters {
    fn register(&mut self) {
        let start = "Start of the process since the epoch";
        self.registry.register_with_unit("process_start_time", start, Unit::Seconds, self.started.clone());
        let ours = self.registry.sub_registry_with_prefix("tokenward");
        ours.register("build", "The running version", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        ours.register("requests", "Requests by route and class of status", self.requests.clone());
        let took = "Duration of requests, by route";
        ours.register_with_unit("request_duration", took, Unit::Seconds, self.durations.clone());
        ours.register("checks", "Checks of tokens, by result", self.checks.clone());
        ours.register("changes", "Committed changes, by event type", self.changes.clone());
        ours.register("jwt_rejections", "Rejected JWTs, by reason", self.jwt_rejections.clone());
        ours.register("store_statements", "Statements that the database answered", self.statements.clone());
        ours.register("store_failures", "Statements that failed, by kind", STORE_FAILURES.clone());
        ours.register("log_lines_dropped", "Log lines that could not be written", LOG_LINES_DROPPED.clone());
        let refused = "Requests rejected for unknown tokens, failed sign-ins or a full queue";
        ours.register("throttle_refusals", refused, self.throttled.clone());
        ours.register("emails_sent", "Emails that a mail server accepted", self.sent.clone());
        ours.register("email_failures", "Failed attempts to send an email, by cause", self.unsent.clone());
        // All kinds are there from the start, so that the first of each is seen as one more.
        for check in Check::ALL {
            drop(self.checks.get_or_create(&[("result", check.name())]));
        }
        for reason in JwtRejection::ALL {
            drop(self.jwt_rejections.get_or_create(&[("reason", reason.as_str())]));
        }
        for event in EventType::ALL {
            drop(self.changes.get_or_create(&[("event", event.as_str())]));
        }
        for failure in StoreFailure::ALL {
            drop(STORE_FAILURES.get_or_create(&[("kind", failure.name())]));
        }
    }
}

impl Metrics {
    /// Says when the service started.
    pub fn started(&self, at: Time) {
        self.0.started.set(at.seconds());
    }

    /// Counts a request. A door is a path as it is written in the router, never as a client wrote it.
    pub fn request(&self, door: &str, status: u16, took: Duration) {
        let class = match status / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        let door = || Cow::Owned(door.to_owned());
        self.0.requests.get_or_create(&[("route", door()), ("status", class.into())]).inc();
        self.0.durations.get_or_create(&[("route", door())]).observe(took.as_secs_f64());
    }

    /// Counts a check.
    pub fn checked(&self, check: Check) {
        self.0.checks.get_or_create(&[("result", check.name())]).inc();
    }

    /// Counts a change that was committed.
    pub fn changed(&self, event: EventType) {
        self.0.changes.get_or_create(&[("event", event.as_str())]).inc();
    }

    /// Counts a JWT that was rejected.
    pub fn jwt_rejected(&self, reason: JwtRejection) {
        self.0.jwt_rejections.get_or_create(&[("reason", reason.as_str())]).inc();
    }

    /// Counts a statement.
    pub fn statement(&self) {
        self.0.statements.inc();
    }

    /// Counts a request that was refused before anybody was asked.
    pub fn throttled(&self) {
        self.0.throttled.inc();
    }

    /// Counts a letter that was sent.
    pub fn email_sent(&self) {
        self.0.sent.inc();
    }

    /// Counts a letter that was not, by the name of the cause.
    pub fn email_failed(&self, cause: &'static str) {
        self.0.unsent.get_or_create(&[("cause", cause)]).inc();
    }

    /// Makes these causes known before they happen.
    pub fn register_email_failures(&self, causes: impl IntoIterator<Item = &'static str>) {
        for cause in causes {
            drop(self.0.unsent.get_or_create(&[("cause", cause)]));
        }
    }

    /// All of it in the text format of Prometheus. What only the store knows is left out when it does not answer.
    pub fn render(&self, outbox: Option<Outbox>, now: Time) -> Result<String> {
        let mut text = String::new();
        for registry in [&self.0.registry, &of_the_store(outbox, now)] {
            prometheus_text::encode(&mut text, registry).map_err(|error| Error::Bug(error.to_string().into()))?;
        }
        Ok(text)
    }
}

/// What is read at each scrape.
fn of_the_store(outbox: Option<Outbox>, now: Time) -> Registry {
    let mut registry = Registry::with_prefix("tokenward");
    let mut show = |name: &str, help: &str, value: u64| {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    };
    show("store_up", "Whether the database answered this scrape", outbox.is_some().into());
    if let Some(outbox) = outbox {
        let age = outbox.oldest.map_or(0, |at| now.seconds().saturating_sub(at.seconds()).max(0).unsigned_abs());
        show("emails_pending", "Emails that are pending", outbox.pending);
        show("emails_abandoned", "Emails that were abandoned; see `tokenward mail list`", outbox.abandoned);
        show("oldest_pending_email_age_seconds", "Age of the oldest pending email; 0 if none is pending.", age);
    }
    registry
}

impl Check {
    const ALL: [Self; 9] = [
        Self::Malformed,
        Self::Unknown,
        Self::Unavailable,
        Self::Judged(Verdict::Yes),
        Self::Judged(Verdict::No(DenyReason::Revoked)),
        Self::Judged(Verdict::No(DenyReason::Expired)),
        Self::Judged(Verdict::No(DenyReason::OwnerDisabled)),
        Self::Judged(Verdict::No(DenyReason::NotGranted)),
        Self::Judged(Verdict::No(DenyReason::LacksScope(0))),
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Unavailable => "unavailable",
            Self::Judged(Verdict::Yes) => "allowed",
            Self::Judged(Verdict::No(DenyReason::Revoked)) => "revoked",
            Self::Judged(Verdict::No(DenyReason::Expired)) => "expired",
            Self::Judged(Verdict::No(DenyReason::OwnerDisabled)) => "owner_disabled",
            Self::Judged(Verdict::No(DenyReason::NotGranted)) => "organization_not_granted",
            Self::Judged(Verdict::No(DenyReason::LacksScope(_))) => "insufficient_scope",
        }
    }
}

impl StoreFailure {
    const ALL: [Self; 4] = [Self::Late, Self::Unavailable, Self::Contended, Self::Refused];

    const fn name(self) -> &'static str {
        match self {
            Self::Late => "timeout",
            Self::Unavailable => "unavailable",
            Self::Contended => "contended",
            Self::Refused => "refused",
        }
    }

    /// Counts one.
    pub fn count(self) {
        STORE_FAILURES.get_or_create(&[("kind", self.name())]).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(1_795_426_200_000_000);

    fn rendered(metrics: &Metrics, outbox: Option<Outbox>) -> String {
        metrics.render(outbox, NOW).expect("a text")
    }

    #[test]
    fn every_kind_is_there_before_it_happens_and_counts_for_its_own_service() {
        let (one, other) = (Metrics::default(), Metrics::default());
        one.checked(Check::Judged(Verdict::No(DenyReason::LacksScope(7))));
        one.changed(EventType::TokenRevoked);
        assert!(rendered(&one, None).contains("tokenward_checks_total{result=\"insufficient_scope\"} 1\n"));
        assert!(rendered(&one, None).contains("tokenward_changes_total{event=\"token_revoked\"} 1\n"));
        let text = rendered(&other, None);
        for check in Check::ALL {
            assert!(text.contains(&format!("tokenward_checks_total{{result=\"{}\"}} 0\n", check.name())), "{text}");
        }
        for event in EventType::ALL {
            assert!(text.contains(&format!("tokenward_changes_total{{event=\"{}\"}} 0\n", event.as_str())), "{text}");
        }
    }

    #[test]
    fn a_request_is_in_its_class_and_every_bucket_above_its_duration() {
        let metrics = Metrics::default();
        metrics.request("/verify", 403, Duration::from_millis(7));
        let text = rendered(&metrics, None);
        assert!(text.contains("tokenward_requests_total{route=\"/verify\",status=\"4xx\"} 1\n"), "{text}");
        for (bound, count) in [("0.005", 0), ("0.01", 1), ("10", 1), ("+Inf", 1)] {
            let line =
                format!("tokenward_request_duration_seconds_bucket{{route=\"/verify\",le=\"{bound}\"}} {count}\n");
            assert!(text.contains(&line), "{line}{text}");
        }
    }

    #[test]
    fn what_the_store_does_not_say_is_left_out() {
        let metrics = Metrics::default();
        metrics.started(NOW);
        let outbox = Outbox { pending: 3, oldest: Some(NOW.minus(Duration::from_mins(2))), abandoned: 1 };
        let text = rendered(&metrics, Some(outbox));
        for line in ["store_up 1", "emails_pending 3", "emails_abandoned 1", "oldest_pending_email_age_seconds 120"] {
            assert!(text.contains(&format!("\ntokenward_{line}\n")), "{line}: {text}");
        }
        assert!(text.contains("\nprocess_start_time_seconds 1795426200\n"), "{text}");
        let text = rendered(&metrics, None);
        assert!(text.contains("\ntokenward_store_up 0\n") && !text.contains("tokenward_emails_pending"), "{text}");
    }
}
