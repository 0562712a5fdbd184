//! Metrics. Labels have few values that are known in advance, and never contain texts of requests or rows.

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

/// The media type of the rendered metrics.
pub const MEDIA_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// The bounds of the histogram of request durations, in seconds.
const DURATIONS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

type Kind = [(&'static str, &'static str); 1];
type Route = [(&'static str, Cow<'static, str>); 1];
type Answer = [(&'static str, Cow<'static, str>); 2];

/// Counted for the process, since the code that limits the time of a statement does not know a store.
static STORE_FAILURES: LazyLock<Family<Kind, Counter>> = LazyLock::new(Family::default);

/// Counted for the process, like the log.
static LOG_LINES_DROPPED: LazyLock<Counter> = LazyLock::new(Counter::default);

/// Counts a line of the log that could not be written.
pub(super) fn log_line_dropped() {
    LOG_LINES_DROPPED.inc();
}

/// The metrics of one service. Clones share them.
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

/// The outcome of a check, as the metrics count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckOutcome {
    /// The text is not a token value.
    Malformed,
    /// No token has this value.
    Unknown,
    /// The token was checked, with this verdict.
    Decided(Verdict),
    /// The store did not answer.
    Unavailable,
}

macro_rules! jwt_rejections {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why a JWT was rejected. The reason is logged and counted, and not returned to the client.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum JwtRejection { $($(#[$doc])* $name,)* }

        impl JwtRejection {
            /// All reasons.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the name in logs and metrics.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

jwt_rejections! {
    /// No JWTs are configured.
    NotConfigured = "not_configured",
    /// The text is not a JWT.
    Malformed = "malformed",
    /// The header contains or references a key, or requires an extension.
    Header = "header",
    /// The type is not that of an access token.
    Type = "type",
    /// The algorithm is not supported.
    Algorithm = "algorithm",
    /// No configured key has this ID and algorithm.
    Key = "key",
    /// The signature is not valid for the key.
    Signature = "signature",
    /// The issuer is another one.
    Issuer = "issuer",
    /// The audience is another one.
    Audience = "audience",
    /// A required claim is missing or malformed.
    Claims = "claims",
    /// The JWT has expired.
    Expired = "expired",
    /// The JWT is not valid yet: `iat` or `nbf` is in the future.
    NotYetValid = "not_yet_valid",
    /// The JWT is valid for more than 24 hours.
    Lifetime = "lifetime",
    /// The user is disabled or deleted.
    User = "user",
}

/// Why a statement failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreFailure {
    /// The statement exceeded its time limit.
    Late,
    /// The database is not available, or cannot execute statements.
    Unavailable,
    /// The change must be retried.
    Contended,
    /// The database rejected the statement.
    Refused,
}

/// The emails that were not sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outbox {
    /// The number of pending emails.
    pub pending: u64,
    /// The time when the oldest pending email was created.
    pub oldest: Option<Time>,
    /// The number of abandoned emails.
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
        let start_help = "Start of the process since the epoch";
        self.registry.register_with_unit("process_start_time", start_help, Unit::Seconds, self.started.clone());
        let prefixed = self.registry.sub_registry_with_prefix("tokenward");
        prefixed.register("build", "The running version", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        prefixed.register("requests", "Requests by route and class of status", self.requests.clone());
        let duration_help = "Duration of requests, by route";
        prefixed.register_with_unit("request_duration", duration_help, Unit::Seconds, self.durations.clone());
        prefixed.register("checks", "Checks of tokens, by result", self.checks.clone());
        prefixed.register("changes", "Committed changes, by event type", self.changes.clone());
        prefixed.register("jwt_rejections", "Rejected JWTs, by reason", self.jwt_rejections.clone());
        prefixed.register("store_statements", "Statements that the database answered", self.statements.clone());
        prefixed.register("store_failures", "Statements that failed, by kind", STORE_FAILURES.clone());
        prefixed.register("log_lines_dropped", "Log lines that could not be written", LOG_LINES_DROPPED.clone());
        let throttled_help = "Requests rejected for unknown tokens, failed sign-ins or a full queue";
        prefixed.register("throttle_refusals", throttled_help, self.throttled.clone());
        prefixed.register("emails_sent", "Emails that a mail server accepted", self.sent.clone());
        prefixed.register("email_failures", "Failed attempts to send an email, by cause", self.unsent.clone());
        // All label values exist from the start, so that the first count of each is an increase.
        for check in CheckOutcome::ALL {
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
    /// Sets the time when the service started.
    pub fn started(&self, at: Time) {
        self.0.started.set(at.seconds());
    }

    /// Counts a request. `route` is the pattern of the router, never the path of the client.
    pub fn request(&self, route: &str, status: u16, duration: Duration) {
        let class = match status / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        let route = || Cow::Owned(route.to_owned());
        self.0.requests.get_or_create(&[("route", route()), ("status", class.into())]).inc();
        self.0.durations.get_or_create(&[("route", route())]).observe(duration.as_secs_f64());
    }

    /// Counts a check of a token.
    pub fn checked(&self, check: CheckOutcome) {
        self.0.checks.get_or_create(&[("result", check.name())]).inc();
    }

    /// Counts a committed change.
    pub fn changed(&self, event: EventType) {
        self.0.changes.get_or_create(&[("event", event.as_str())]).inc();
    }

    /// Counts a rejected JWT.
    pub fn jwt_rejected(&self, reason: JwtRejection) {
        self.0.jwt_rejections.get_or_create(&[("reason", reason.as_str())]).inc();
    }

    /// Counts a statement that the database answered.
    pub fn statement(&self) {
        self.0.statements.inc();
    }

    /// Counts a request that was rejected by a rate limit or a full queue.
    pub fn throttled(&self) {
        self.0.throttled.inc();
    }

    /// Counts an email that was sent.
    pub fn email_sent(&self) {
        self.0.sent.inc();
    }

    /// Counts a failed attempt to send an email, by the name of its cause.
    pub fn email_failed(&self, cause: &'static str) {
        self.0.unsent.get_or_create(&[("cause", cause)]).inc();
    }

    /// Registers the causes of failed attempts, so that their counters exist from the start.
    pub fn register_email_failures(&self, causes: impl IntoIterator<Item = &'static str>) {
        for cause in causes {
            drop(self.0.unsent.get_or_create(&[("cause", cause)]));
        }
    }

    /// Renders all metrics in the text format of Prometheus. `outbox` is `None` if the store did not answer; then its metrics
    /// are omitted.
    pub fn render(&self, outbox: Option<Outbox>, now: Time) -> Result<String> {
        let mut text = String::new();
        for registry in [&self.0.registry, &store_registry(outbox, now)] {
            prometheus_text::encode(&mut text, registry).map_err(|error| Error::Bug(error.to_string().into()))?;
        }
        Ok(text)
    }
}

/// Returns the metrics that are read from the store at each scrape.
fn store_registry(outbox: Option<Outbox>, now: Time) -> Registry {
    let mut registry = Registry::with_prefix("tokenward");
    let mut add = |name: &str, help: &str, value: u64| {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    };
    add("store_up", "Whether the database answered this scrape", outbox.is_some().into());
    if let Some(outbox) = outbox {
        let age = outbox.oldest.map_or(0, |at| now.seconds().saturating_sub(at.seconds()).max(0).unsigned_abs());
        add("emails_pending", "Emails that are pending", outbox.pending);
        add("emails_abandoned", "Emails that were abandoned; see `tokenward mail list`", outbox.abandoned);
        add("oldest_pending_email_age_seconds", "Age of the oldest pending email; 0 if none is pending.", age);
    }
    registry
}

impl CheckOutcome {
    const ALL: [Self; 9] = [
        Self::Malformed,
        Self::Unknown,
        Self::Unavailable,
        Self::Decided(Verdict::Allow),
        Self::Decided(Verdict::Deny(DenyReason::Revoked)),
        Self::Decided(Verdict::Deny(DenyReason::Expired)),
        Self::Decided(Verdict::Deny(DenyReason::OwnerDisabled)),
        Self::Decided(Verdict::Deny(DenyReason::NotGranted)),
        Self::Decided(Verdict::Deny(DenyReason::LacksScope(0))),
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Unavailable => "unavailable",
            Self::Decided(Verdict::Allow) => "allowed",
            Self::Decided(Verdict::Deny(DenyReason::Revoked)) => "revoked",
            Self::Decided(Verdict::Deny(DenyReason::Expired)) => "expired",
            Self::Decided(Verdict::Deny(DenyReason::OwnerDisabled)) => "owner_disabled",
            Self::Decided(Verdict::Deny(DenyReason::NotGranted)) => "organization_not_granted",
            Self::Decided(Verdict::Deny(DenyReason::LacksScope(_))) => "insufficient_scope",
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

    /// Counts a failed statement.
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
    fn all_label_values_exist_from_the_start_per_service() {
        let (one, other) = (Metrics::default(), Metrics::default());
        one.checked(CheckOutcome::Decided(Verdict::Deny(DenyReason::LacksScope(7))));
        one.changed(EventType::TokenRevoked);
        assert!(rendered(&one, None).contains("tokenward_checks_total{result=\"insufficient_scope\"} 1\n"));
        assert!(rendered(&one, None).contains("tokenward_changes_total{event=\"token_revoked\"} 1\n"));
        let text = rendered(&other, None);
        for check in CheckOutcome::ALL {
            assert!(text.contains(&format!("tokenward_checks_total{{result=\"{}\"}} 0\n", check.name())), "{text}");
        }
        for event in EventType::ALL {
            assert!(text.contains(&format!("tokenward_changes_total{{event=\"{}\"}} 0\n", event.as_str())), "{text}");
        }
    }

    #[test]
    fn request_is_counted_by_status_class_and_duration() {
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
    fn store_metrics_are_omitted_when_it_does_not_answer() {
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
