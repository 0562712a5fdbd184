//! The service as the endpoints use it: the store, the verifier, the clock, and `App::change`, which runs every change.

mod change_queue;
mod first_link;
mod passwords;
mod throttle;

pub use change_queue::Turn;
pub use first_link::FirstLink;
pub use throttle::{Limit, Throttle};

use crate::{
    config::Config,
    domain::{
        caller::Caller,
        error::{Error, Result},
        event::EventType,
        id::UserId,
        policy::SelfService,
        scope::Catalogue,
        secret::Prefix,
        time::Time,
    },
    store::{self, Store, Tx},
    telemetry::Metrics,
    verify::Verifier,
};
use change_queue::ChangeQueues;
use passwords::Passwords;
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The number of times that a change is attempted when the database asks for a retry.
const MAX_ATTEMPTS: u32 = 5;
/// The time after its start within which a change may be retried: longer than PostgreSQL needs to detect a deadlock, and
/// short enough that the caller gets a response within three seconds.
const RETRY_TIMEOUT: Duration = Duration::from_millis(1_400);

/// The longest time by which the clock of a node may differ from the database's.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_mins(5);
/// The error of a node whose clock is further ahead.
pub const CLOCK_AHEAD: &str = "The clock of this node is more than five minutes ahead of the database's; set it right (NTP) and restart the node.";
/// The error of a node whose clock is further behind.
pub const CLOCK_BEHIND: &str =
    "The clock of this node is more than five minutes behind the database's; set it right (NTP).";

/// The clock of a node, compared with the database's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockState {
    /// They differ by at most five minutes.
    InSync,
    /// The node would end for all nodes what has not expired.
    Ahead,
    /// The node accepts what has expired.
    Behind,
}

const TOO_MANY_CHANGES: &str = "You made too many changes within a minute; try again later.";

/// The kinds of changes that are rate-limited. Each has a separate count, so that renaming does not use up the limit of
/// creating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// Extends access.
    Widening,
    /// Changes a name, a description or an expiry.
    Describing,
    /// Changes a password. A stolen token, which cannot do that, does not use up this limit.
    SettingPassword,
    /// Names a user who does not exist.
    Naming,
}

impl ChangeKind {
    /// Returns the kind of a change, which follows from its events; `None` for changes that only remove access.
    fn of(tx: &Tx) -> Option<Self> {
        if tx.grants_access() { Some(Self::Widening) } else { tx.changes_descriptions().then_some(Self::Describing) }
    }
}

/// One action: asks the policy, changes rows, and records events. It can be run again from its first line, since the database
/// may ask for a retry.
pub trait Change: Send + Sync + 'static {
    /// The result for the caller.
    type Done: Send + 'static;

    /// Returns the kind as which the change counts against the rate limit of its user; `None` if it does not count.
    fn limited_as(tx: &Tx) -> Option<ChangeKind> {
        ChangeKind::of(tx)
    }

    /// Applies the change in a transaction.
    fn apply(&self, tx: &mut Tx) -> impl Future<Output = Result<Self::Done>> + Send;
}

/// The service. A clone is another handle to the same service.
#[derive(Debug, Clone)]
pub struct App {
    store: Store,
    verifier: Verifier,
    catalogue: Arc<Catalogue>,
    prefix: Prefix,
    self_service: SelfService,
    clock: Clock,
    tasks: TaskTracker,
    committed: Arc<Notify>,
    passwords: Passwords,
    changes_in_turn: ChangeQueues,
    mutations_in_turn: ChangeQueues,
    /// Counts changes by their user and kind.
    changes: Arc<Throttle<(UserId, ChangeKind)>>,
    max_changes_per_minute: u32,
    max_tokens_per_user: u32,
    first_link: FirstLink,
}

impl App {
    /// Creates the service with a store that is open and migrated.
    pub fn new(store: Store, config: &Config, clock: Clock) -> Self {
        let catalogue = Arc::new(config.scopes.clone());
        store.metrics().started(clock.now());
        Self {
            verifier: Verifier::new(store.clone(), Arc::clone(&catalogue)),
            store,
            catalogue,
            prefix: config.token_prefix.clone(),
            self_service: if config.self_service { SelfService::On } else { SelfService::Off },
            clock,
            tasks: TaskTracker::new(),
            committed: Arc::default(),
            passwords: Passwords::default(),
            changes_in_turn: ChangeQueues::new(change_queue::MAX_CHANGES),
            mutations_in_turn: ChangeQueues::new(change_queue::MAX_REQUESTS),
            changes: Arc::new(Throttle::new(Duration::from_mins(1), TOO_MANY_CHANGES)),
            max_changes_per_minute: config.max_changes_per_minute,
            max_tokens_per_user: config.max_tokens_per_user,
            first_link: FirstLink::in_folder(&config.data_dir),
        }
    }

    /// Returns the store.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the service for a request with mutations, whose reads do not wait behind those of other requests.
    #[must_use]
    pub fn for_change(&self) -> Self {
        Self { store: self.store.for_change(), ..self.clone() }
    }

    /// Returns the metrics of the store.
    pub const fn metrics(&self) -> &Metrics {
        self.store.metrics()
    }

    /// Returns the verifier, which checks tokens.
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Returns the configured scopes.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Returns the prefix of token values.
    pub const fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// Returns whether users may create organizations without the operator.
    pub const fn self_service(&self) -> SelfService {
        self.self_service
    }

    /// Returns the file with the link for the first administrator.
    pub const fn first_link(&self) -> &FirstLink {
        &self.first_link
    }

    /// Returns how many active tokens a user may have.
    pub const fn max_tokens_per_user(&self) -> u32 {
        self.max_tokens_per_user
    }

    /// Returns the current time, which an endpoint sets as `Caller.at`.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Returns the current time if the clock of this node is at most five minutes ahead of the database's, and `None` if it is
    /// further ahead: this node would mark tokens as expired, for all nodes, before their time.
    pub async fn agreed_now(&self) -> Result<Option<Time>> {
        let now = self.now();
        Ok((self.clock_state(now).await? != ClockState::Ahead).then_some(now))
    }

    /// Compares a time of this node with the clock of the database.
    pub async fn clock_state(&self, now: Time) -> Result<ClockState> {
        let skew = self.store.clock_skew(now.minus(self.clock.simulated())).await?;
        Ok(match Duration::from_micros(skew.unsigned_abs()) <= MAX_CLOCK_DIFFERENCE {
            true => ClockState::InSync,
            false if skew > 0 => ClockState::Ahead,
            false => ClockState::Behind,
        })
    }

    /// Returns the current time of the monotonic clock, to measure durations.
    pub fn instant(&self) -> Instant {
        self.clock.instant()
    }

    /// Returns the tracker of the tasks that run beside requests; a shutdown waits for them.
    pub const fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Waits for the next commit of this process, after which emails may be due.
    pub async fn committed(&self) {
        self.committed.notified().await;
    }

    /// Runs a change for this caller in one transaction. The change runs to its end even if the client disconnects.
    pub async fn change<C: Change>(&self, caller: &Caller, change: C) -> Result<C::Done> {
        let turn = self.changes_in_turn.turn(caller).await?;
        let (app, caller) = (self.clone(), caller.clone());
        let work = async move {
            let mut result = app.apply_with_retries(caller, &change).await;
            // To a node whose clock is ahead, tokens that are active have expired: it must not seem that they are revoked.
            if matches!(result, Err(Error::Conflict(_))) && app.agreed_now().await?.is_none() {
                result = Err(Error::unavailable(CLOCK_AHEAD));
            }
            if let (Some(turn), Err(Error::Unavailable(_))) = (&turn, &result) {
                turn.fail_waiting();
            }
            result
        };
        let task = self.tasks.spawn(store::with_request_stats(store::request_stats(), work.in_current_span()));
        task.await.unwrap_or_else(|error| Err(Error::Bug(error.to_string().into())))
    }

    /// Waits until a request with mutations of this caller may run, before memory is reserved for its response.
    pub async fn turn_of_mutations(&self, caller: &Caller) -> Result<Option<Turn>> {
        self.mutations_in_turn.turn(caller).await
    }

    /// Runs a change that names another user. Attempts with usernames that do not exist are rate-limited: an administrator
    /// could otherwise find out who has an account.
    pub async fn change_naming_a_user<C: Change>(&self, caller: &Caller, change: C) -> Result<C::Done> {
        let named = caller.user().map(|user| ((user, ChangeKind::Naming), self.max_changes_per_minute));
        let begun = self.changes.begin(named.as_slice(), self.instant());
        begun.inspect_err(|_| self.metrics().throttled())?;
        let result = self.change(caller, change).await;
        if !matches!(result, Err(Error::NotFound("user"))) {
            self.changes.undo(named.as_slice());
        }
        result
    }

    async fn apply_with_retries<C: Change>(&self, caller: Caller, change: &C) -> Result<C::Done> {
        let (mut attempts, start) = (1, Instant::now());
        loop {
            match self.attempt(caller.clone(), change).await {
                Err(error)
                    if attempts < MAX_ATTEMPTS && start.elapsed() < RETRY_TIMEOUT && store::is_retryable(&error) =>
                {
                    tokio::time::sleep(backoff(attempts)).await;
                    attempts += 1;
                }
                other => return other,
            }
        }
    }

    async fn attempt<C: Change>(&self, caller: Caller, change: &C) -> Result<C::Done> {
        let mut tx = Tx::begin(&self.store, caller).await?;
        let outcome = match change.apply(&mut tx).await {
            Ok(done) if tx.is_no_op() => return tx.finish_no_op().await.map(|()| done),
            Ok(done) => self.count_change(&tx, C::limited_as(&tx)).map(|counted| (done, counted)),
            Err(error) => Err(error),
        };
        match outcome {
            Ok((done, counted)) => {
                let recorded = tx.recorded();
                tx.commit().await.inspect_err(|_| self.changes.undo(counted.as_slice()))?;
                self.committed.notify_one();
                if recorded.contains(&EventType::UserCreated) {
                    self.remove_first_link();
                }
                for kind in recorded {
                    self.metrics().changed(kind);
                }
                Ok(done)
            }
            Err(error) => {
                // The error of the change matters more than a failed rollback.
                let _ = tx.rollback().await;
                Err(error)
            }
        }
    }
}

impl App {
    /// Removes the file with the link for the first administrator, which is no longer valid once a user exists.
    fn remove_first_link(&self) {
        if let Err(error) = self.first_link.remove() {
            tracing::warn!(error = %error.cause(), "failed to remove the file with the link for the first administrator");
        }
    }

    /// Returns whether a user is at the limit of changes of names and descriptions per minute.
    pub fn is_description_limit_reached(&self, user: UserId) -> bool {
        let limit = ((user, ChangeKind::Describing), self.max_changes_per_minute);
        self.changes.check(&[limit], self.instant()).is_err()
    }

    /// Counts a change against the limit of its kind. It runs after the change, so that a caller who may not make the change
    /// gets that error and not `RATE_LIMITED`.
    fn count_change(&self, tx: &Tx, kind: Option<ChangeKind>) -> Result<Option<Limit<(UserId, ChangeKind)>>> {
        let counted = tx.caller().user().zip(kind).map(|key| (key, self.max_changes_per_minute));
        let begun = self.changes.begin(counted.as_slice(), self.instant());
        begun.inspect_err(|_| self.metrics().throttled()).map(|()| counted)
    }
}

/// Returns the pause after an attempt, which doubles each time; its random part keeps two conflicting changes from
/// retrying at the same time.
fn backoff(attempts: u32) -> Duration {
    let mut random = [0; 1];
    let _ = getrandom::fill(&mut random);
    let max = 8 << attempts;
    Duration::from_millis(4 + u64::from(random.first().copied().unwrap_or_default()) % max)
}

/// The only source of the system time.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// The difference from the system clock, in microseconds.
    offset: Arc<AtomicI64>,
    /// The part of the offset, in microseconds, that has passed for the database as well.
    simulated: Arc<AtomicI64>,
}

impl Clock {
    /// Returns the clock of the system.
    pub fn machine() -> Self {
        Self::default()
    }

    /// Moves this clock ahead of all others by so many microseconds, or behind them if negative. For tests.
    pub fn shift(&self, micros: i64) {
        self.offset.fetch_add(micros, Ordering::Relaxed);
    }

    /// Simulates that this much time has passed, for the database as well. For tests.
    pub fn advance(&self, span: Duration) {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        self.simulated.fetch_add(micros, Ordering::Relaxed);
        self.shift(micros);
    }

    fn simulated(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.simulated.load(Ordering::Relaxed)).unwrap_or_default())
    }

    /// Returns the current time.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> Time {
        Time::from_micros(chrono::Utc::now().timestamp_micros() + self.offset.load(Ordering::Relaxed))
    }

    /// Returns the current time of the monotonic clock, which a change of the system time does not affect. A positive offset
    /// moves it ahead; a negative one does not move it back.
    pub fn instant(&self) -> Instant {
        let ahead = u64::try_from(self.offset.load(Ordering::Relaxed)).unwrap_or_default();
        Instant::now() + Duration::from_micros(ahead)
    }
}
