//! The service as the endpoints use it: the store, the verifier, the clock, and `App::change`, which runs every change.

mod change;
mod change_queue;
mod clock;
mod first_link;
mod passwords;
mod throttle;

pub use change::{Change, ChangeContext, ChangeKind, Settings};
pub use change_queue::Turn;
pub use clock::Clock;
pub use first_link::FirstLink;
pub use throttle::{Limit, Throttle};

use crate::{
    config::Config,
    domain::{error::Result, id::UserId, policy::SelfService, scope::Catalogue, secret::Prefix, time::Time},
    store::Store,
    telemetry::Metrics,
    verify::Verifier,
};
use change_queue::ChangeQueues;
use passwords::Passwords;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// The longest time by which the clock of a node may differ from the database's.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_mins(5);
/// The error of a node whose clock is further ahead.
pub const CLOCK_AHEAD: &str = "The clock of this node is more than five minutes ahead of the database's, or was set back by more; set it right (NTP) and restart the node.";
/// The error of a node whose clock is further behind.
pub const CLOCK_BEHIND: &str =
    "The clock of this node is more than five minutes behind the database's; set it right (NTP).";

const TOO_MANY_CHANGES: &str = "You made too many changes within a minute; try again later.";

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

/// The service. A clone is another handle to the same service.
#[derive(Debug, Clone)]
pub struct App {
    store: Store,
    verifier: Verifier,
    settings: Arc<Settings>,
    clock: Clock,
    tasks: TaskTracker,
    last_event: watch::Sender<i64>,
    passwords: Passwords,
    changes_in_turn: ChangeQueues,
    mutations_in_turn: ChangeQueues,
    /// Counts changes by their user and kind.
    changes: Arc<Throttle<(UserId, ChangeKind)>>,
    max_changes_per_minute: u32,
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
            settings: Arc::new(Settings {
                catalogue,
                prefix: config.token_prefix.clone(),
                self_service: if config.self_service { SelfService::On } else { SelfService::Off },
                max_tokens_per_user: config.max_tokens_per_user,
            }),
            clock,
            tasks: TaskTracker::new(),
            last_event: watch::Sender::default(),
            passwords: Passwords::default(),
            changes_in_turn: ChangeQueues::new(change_queue::MAX_CHANGES),
            mutations_in_turn: ChangeQueues::new(change_queue::MAX_REQUESTS),
            changes: Arc::new(Throttle::new(Duration::from_mins(1), TOO_MANY_CHANGES)),
            max_changes_per_minute: config.max_changes_per_minute,
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
        &self.settings.catalogue
    }

    /// Returns the prefix of token values.
    pub fn prefix(&self) -> &Prefix {
        &self.settings.prefix
    }

    /// Returns the file with the link for the first administrator.
    pub const fn first_link(&self) -> &FirstLink {
        &self.first_link
    }

    /// Returns the highest event number of this process's commits, which changes with each commit; 0 before the first. A consumer of
    /// the feed waits for it. Commits of other processes do not change it.
    pub fn last_event(&self) -> watch::Receiver<i64> {
        self.last_event.subscribe()
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
        // A clock that was set back stands still. A store that has no clock of its own does not notice it.
        let set_back_by = self.clock.set_back_by();
        let skew = if Duration::from_micros(set_back_by) > MAX_CLOCK_DIFFERENCE {
            i64::try_from(set_back_by).unwrap_or(i64::MAX)
        } else {
            skew
        };
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
}
