//! The service as its doors see it: the store, the verifier, the clock, and the one way to change anything.

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

/// How often a change is made again when the database asks for it.
const TRIES: u32 = 5;
/// How long after its beginning a change may be made again: longer than PostgreSQL needs to see a deadlock, and short
/// enough that whoever asked hears within three seconds.
const PATIENCE: Duration = Duration::from_millis(1_400);

/// How far the clock of a node may be ahead of the database's.
const MAX_LEAD: Duration = Duration::from_mins(5);
/// What a node says whose clock is further ahead.
pub const CLOCK_AHEAD: &str = "The clock of this node is more than five minutes ahead of the database's; set it right (NTP) and restart the node.";

const TOO_MANY_CHANGES: &str = "You made too many changes within a minute; try again later.";

/// The kinds of changes whose number is limited, each by itself: renaming does not use up what creating may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum ChangeKind {
    /// Gives more access.
    Widening,
    /// Changes a name, a description or an expiry.
    Describing,
    /// Names a user who does not exist.
    Naming,
}

impl ChangeKind {
    /// The kind of a change, by its events. Changes that take access away are of neither.
    fn of(tx: &Tx) -> Option<Self> {
        if tx.widens() { Some(Self::Widening) } else { tx.describes().then_some(Self::Describing) }
    }
}

/// One action: checks the policy, changes rows, and records events. It may be run again from its first line, since a database
/// may ask for that.
pub trait Change: Send + Sync + 'static {
    /// What the caller gets.
    type Done: Send + 'static;

    /// Whether the number of such changes of a user is limited per minute, where the events say so. A change that protects an
    /// account has no limit of that kind: a stolen token of the user could use it up.
    const IS_LIMITED: bool = true;

    /// Makes the change within a transaction.
    fn make(&self, tx: &mut Tx) -> impl Future<Output = Result<Self::Done>> + Send;
}

/// The service; a clone is another handle to the same.
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
    /// Changes by kind and by the user who makes them.
    changes: Arc<Throttle<(UserId, ChangeKind)>>,
    max_changes_per_minute: u32,
    max_tokens_per_user: u32,
    first_link: FirstLink,
}

impl App {
    /// Over an open and migrated store.
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

    /// What is kept.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The same service for a request that changes something: what it reads does not wait behind other reads.
    #[must_use]
    pub fn for_change(&self) -> Self {
        Self { store: self.store.for_change(), ..self.clone() }
    }

    /// What is counted.
    pub const fn metrics(&self) -> &Metrics {
        self.store.metrics()
    }

    /// Who judges tokens.
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The scopes that there are.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// How values begin.
    pub const fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// Who else but the operator may add organizations.
    pub const fn self_service(&self) -> SelfService {
        self.self_service
    }

    /// The file for the link of the first administrator.
    pub const fn first_link(&self) -> &FirstLink {
        &self.first_link
    }

    /// How many active tokens a user may have.
    pub const fn max_tokens_per_user(&self) -> u32 {
        self.max_tokens_per_user
    }

    /// The time now, for a door to give to its caller.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Returns the time now if the clock of this node is at most five minutes ahead of the database's, and nothing if it is
    /// further ahead: it would end what expires for all nodes.
    pub async fn agreed_now(&self) -> Result<Option<Time>> {
        let now = self.now();
        let elapsed = self.clock.simulated();
        Ok((self.store.lead_of(now.minus(elapsed)).await? <= MAX_LEAD).then_some(now))
    }

    /// The same moment by the clock that nobody sets, for spans of time.
    pub fn instant(&self) -> Instant {
        self.clock.instant()
    }

    /// Everything that runs beside requests; a shutdown waits for it.
    pub const fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Ends at the next commit of this process: there may be letters to send.
    pub async fn committed(&self) {
        self.committed.notified().await;
    }

    /// Makes a change as this caller, whole or not at all. It runs to its end even if whoever asked has left.
    pub async fn change<C: Change>(&self, caller: &Caller, change: C) -> Result<C::Done> {
        let turn = self.changes_in_turn.turn(caller).await?;
        let (app, caller) = (self.clone(), caller.clone());
        let work = async move {
            let made = app.until_made(caller, &change).await;
            if let (Some(turn), Err(Error::Unavailable(_))) = (&turn, &made) {
                turn.fail_waiting();
            }
            made
        };
        let task = self.tasks.spawn(store::counted(store::counter(), work.in_current_span()));
        task.await.unwrap_or_else(|error| Err(Error::Bug(error.to_string().into())))
    }

    /// Waits until a request with mutations of this caller may run, before memory is reserved for its response.
    pub async fn turn_of_mutations(&self, caller: &Caller) -> Result<Option<Turn>> {
        self.mutations_in_turn.turn(caller).await
    }

    /// The same for a change that names another user. Names of users who do not exist are limited like changes that extend
    /// access: an administrator could otherwise find out who has an account.
    pub async fn change_naming_a_user<C: Change>(&self, caller: &Caller, change: C) -> Result<C::Done> {
        let named = caller.user().map(|user| ((user, ChangeKind::Naming), self.max_changes_per_minute));
        let begun = self.changes.begin(named.as_slice(), self.instant());
        begun.inspect_err(|_| self.metrics().throttled())?;
        let made = self.change(caller, change).await;
        if !matches!(made, Err(Error::NotFound("user"))) {
            self.changes.take_back(named.as_slice());
        }
        made
    }

    async fn until_made<C: Change>(&self, caller: Caller, change: &C) -> Result<C::Done> {
        let (mut tries, start) = (1, Instant::now());
        loop {
            match self.once(caller.clone(), change).await {
                Err(error) if tries < TRIES && start.elapsed() < PATIENCE && store::may_be_made_again(&error) => {
                    tokio::time::sleep(pause(tries)).await;
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    async fn once<C: Change>(&self, caller: Caller, change: &C) -> Result<C::Done> {
        let mut tx = Tx::begin(&self.store, caller).await?;
        let outcome = match change.make(&mut tx).await {
            Ok(done) if tx.found_nothing_to_do() => return tx.leave().await.map(|()| done),
            Ok(done) if C::IS_LIMITED => self.count_change(&tx).map(|counted| (done, counted)),
            Ok(done) => Ok((done, None)),
            Err(error) => Err(error),
        };
        match outcome {
            Ok((done, counted)) => {
                let recorded = tx.recorded();
                tx.commit().await.inspect_err(|_| self.changes.take_back(counted.as_slice()))?;
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
                // What failed is more worth telling than that its undoing failed too.
                let _ = tx.undo().await;
                Err(error)
            }
        }
    }
}

impl App {
    /// A user exists: the link for the first administrator is of no use any more.
    fn remove_first_link(&self) {
        if let Err(error) = self.first_link.remove() {
            tracing::warn!(error = %error.cause(), "failed to remove the file with the link for the first administrator");
        }
    }

    /// Returns whether a user has changed as many names and descriptions within a minute as one may.
    pub fn is_limited_in_describing(&self, user: UserId) -> bool {
        let limit = ((user, ChangeKind::Describing), self.max_changes_per_minute);
        self.changes.check(&[limit], self.instant()).is_err()
    }

    /// Counts a change of a user, whose kind follows from its events. It is judged last, so that a caller who may not make
    /// the change is told that.
    fn count_change(&self, tx: &Tx) -> Result<Option<Limit<(UserId, ChangeKind)>>> {
        let kind = tx.caller().user().zip(ChangeKind::of(tx));
        let counted = kind.map(|key| (key, self.max_changes_per_minute));
        let begun = self.changes.begin(counted.as_slice(), self.instant());
        begun.inspect_err(|_| self.metrics().throttled()).map(|()| counted)
    }
}

/// Grows with each try, and is never the same for two that met.
fn pause(tries: u32) -> Duration {
    let mut random = [0; 1];
    let _ = getrandom::fill(&mut random);
    let most = 8 << tries;
    Duration::from_millis(4 + u64::from(random.first().copied().unwrap_or_default()) % most)
}

/// The only place that asks the machine for the time.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// In microseconds.
    offset: Arc<AtomicI64>,
    /// The part of the offset, in microseconds, that has passed for the database as well.
    simulated: Arc<AtomicI64>,
}

impl Clock {
    /// The machine's.
    pub fn machine() -> Self {
        Self::default()
    }

    /// Sets the clock ahead of all others by so many microseconds more, or behind them: for tests.
    pub fn shift(&self, micros: i64) {
        self.offset.fetch_add(micros, Ordering::Relaxed);
    }

    /// Goes on as if so much time had passed, for the database as well: for tests.
    pub fn advance(&self, span: Duration) {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        self.simulated.fetch_add(micros, Ordering::Relaxed);
        self.shift(micros);
    }

    fn simulated(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.simulated.load(Ordering::Relaxed)).unwrap_or_default())
    }

    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> Time {
        Time::from_micros(chrono::Utc::now().timestamp_micros() + self.offset.load(Ordering::Relaxed))
    }

    /// A moment by the clock that only ever goes on: whoever sets the machine's time moves no span. It runs ahead with
    /// the other one, and not behind.
    pub fn instant(&self) -> Instant {
        let ahead = u64::try_from(self.offset.load(Ordering::Relaxed)).unwrap_or_default();
        Instant::now() + Duration::from_micros(ahead)
    }
}
