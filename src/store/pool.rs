//! Hands out connections to the database, each to one caller at a time, and closes those that did not answer in time.
//!
//! Each connection is a library pool of size one. A library pool of several pings each returned connection without a time
//! limit, and is exhausted once a dead network holds all of them. This file can go when sqlx limits that ping by a timeout
//! (sqlx issue 4349).

use super::{
    database_url,
    errors::{is_broken, is_stale_plan},
    statistics,
};
use crate::telemetry::Metrics;
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, pending},
};
use migration::SchemaManager;
use sea_orm::{
    ConnAcquireErr, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    DbErr, ExecResult, QueryResult, RuntimeErr, Statement, TransactionOptions, TransactionTrait as _,
    sqlx::postgres::PgConnectOptions,
};
use std::{
    collections::VecDeque,
    fmt::{Debug, Formatter},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, SemaphorePermit},
    task::AbortHandle,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The error message of a statement that took too long.
pub(super) const TIMED_OUT: &str = "the database did not answer in time";
/// The time limit of one statement, including the wait for a connection.
pub(super) const LIMIT: Duration = Duration::from_millis(2_500);
/// The part of [`LIMIT`] that the wait for a connection may take, and the time limit of opening one.
pub(super) const ACQUIRE_LIMIT: Duration = Duration::from_millis(1_500);
/// The part of [`LIMIT`] that is left for the answer.
const ANSWER_LIMIT: Duration = LIMIT.saturating_sub(ACQUIRE_LIMIT);
/// A connection that was idle for longer is tested before it is used.
const MAX_UNTESTED_IDLE: Duration = Duration::from_secs(1);
/// The time limit of such a test.
pub(super) const TEST_LIMIT: Duration = Duration::from_millis(500);
/// The time limit for closing a connection before its permit is released.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// How often a statement is repeated because of a stale plan. The first failure discards all connections with such plans,
/// so that only another change of the schema can cause a second one.
const MAX_STALE_RETRIES: u32 = 3;

/// The connections to one database. A clone is another handle to the same.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

pub(super) struct PoolOptions {
    pub(super) backend: DbBackend,
    /// For each connection.
    pub(super) connect: ConnectOptions,
    pub(super) max_connections: u32,
    /// PostgreSQL only: how to ask why it opens no session.
    pub(super) server: Option<PgConnectOptions>,
    /// SQLite only.
    pub(super) file: Option<File>,
    pub(super) metrics: Metrics,
    /// Notified when a connection was closed.
    pub(super) closed_connection: Arc<Notify>,
}

struct Inner {
    options: PoolOptions,
    /// One for each connection that a caller holds or waits for.
    permits: Arc<Semaphore>,
    state: Mutex<State>,
    /// One for each idle connection, changed with it. Callers wait for it in turn, so that none overtakes another.
    idle_permits: Semaphore,
    tasks: TaskTracker,
    closed: CancellationToken,
}

#[derive(Default)]
struct State {
    idle: VecDeque<Idle>,
    /// Each open connection holds a clone, also while it is tested, so that none is forgotten when a caller leaves.
    open: Arc<()>,
    /// Connections are opened one at a time, to not overload a database that has just started.
    attempt: Option<Attempt>,
    /// Increases when plans become stale. Connections of an earlier generation are not used again.
    generation: u64,
}

/// The opening of one connection, which goes to the idle ones.
#[derive(Clone)]
struct Attempt {
    since: Instant,
    task: AbortHandle,
    outcome: Shared<BoxFuture<'static, Result<(), DbErr>>>,
}

struct Connection {
    inner: DatabaseConnection,
    generation: u64,
    /// Part of the number of open connections.
    open: Option<Arc<()>>,
}

impl State {
    /// Returns the number of open connections, idle and in use.
    fn open(&self) -> usize {
        Arc::strong_count(&self.open) - 1
    }
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Debug for Pool {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl Pool {
    /// Opens no connection yet.
    pub(super) fn new(mut options: PoolOptions) -> Self {
        options
            .connect
            .max_connections(1)
            .connect_timeout(ACQUIRE_LIMIT)
            .acquire_timeout(ACQUIRE_LIMIT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .sqlx_logging(false);
        Self(Arc::new(Inner {
            permits: Arc::new(Semaphore::new(options.max_connections as usize)),
            options,
            state: Mutex::default(),
            idle_permits: Semaphore::new(0),
            tasks: TaskTracker::new(),
            closed: CancellationToken::new(),
        }))
    }

    pub(super) fn max_connections(&self) -> u32 {
        self.0.options.max_connections
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a connection for one caller, and the deadline of its answer. The time starts when the request holds few
    /// enough other connections.
    async fn acquire(&self) -> Result<(PooledConnection, Instant), DbErr> {
        let request_permit = statistics::permit().await;
        let start = Instant::now();
        let end = start + LIMIT;
        let mut cause = DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        let connection = timeout_at(end.checked_sub(ANSWER_LIMIT).unwrap_or(end), async {
            let permit = Arc::clone(&self.0.permits).acquire_owned().await.map_err(|_| closed())?;
            if let Some(file) = &self.0.options.file {
                file.is_there()?;
            }
            let connection = match self.tested_idle().await {
                Some(connection) => connection,
                None => self.idle_or_opened(start, &mut cause).await?,
            };
            Ok::<_, DbErr>((connection, permit))
        })
        .await;
        let (Connection { inner, generation, open }, permit) = match connection {
            Ok(connection) => connection?,
            Err(_) => return Err(cause),
        };
        let connection = PooledConnection {
            connection: inner,
            generation,
            open,
            pool: self.clone(),
            permit: Some(permit),
            state: AtomicU8::new(CLEAN),
            _request_permit: request_permit,
        };
        Ok((connection, end))
    }

    async fn tested_idle(&self) -> Option<Connection> {
        loop {
            let Idle { connection, since } = self.pop_idle(&mut self.state())?;
            if since.elapsed() < MAX_UNTESTED_IDLE || answers(&connection.inner).await {
                return Some(connection);
            }
            self.discard(connection, None);
        }
    }

    fn pop_idle(&self, state: &mut State) -> Option<Idle> {
        while let Ok(permit) = self.0.idle_permits.try_acquire() {
            if let Some(idle) = self.take_idle(permit, state) {
                return Some(idle);
            }
        }
        None
    }

    /// Takes the connection that has been idle for longest, unless its plans are stale.
    fn take_idle(&self, permit: SemaphorePermit<'_>, state: &mut State) -> Option<Idle> {
        permit.forget();
        let idle = state.idle.pop_front()?;
        if idle.connection.generation == state.generation {
            return Some(idle);
        }
        self.discard(idle.connection, None);
        None
    }

    /// Returns the first connection that is returned by another caller or opened, for a caller with a permit. A failure to
    /// open one that began before `start` is no answer yet, only the `cause` if there is no better one in time.
    async fn idle_or_opened(&self, start: Instant, cause: &mut DbErr) -> Result<Connection, DbErr> {
        loop {
            let attempt = {
                let mut state = self.state();
                if let Some(idle) = self.pop_idle(&mut state) {
                    return Ok(idle.connection);
                }
                self.attempt(&mut state)
            };
            tokio::select! {
                permit = self.0.idle_permits.acquire() => {
                    if let Some(idle) = permit.ok().and_then(|permit| self.take_idle(permit, &mut self.state())) {
                        return Ok(idle.connection);
                    }
                }
                outcome = attempt.outcome => match outcome {
                    Err(error) if attempt.since >= start => return Err(error),
                    Err(error) => *cause = error,
                    Ok(()) => {}
                },
            }
        }
    }

    /// Returns the attempt to open a connection that is in progress, or starts one. It runs to its end, also if no caller
    /// waits for it any longer.
    fn attempt(&self, state: &mut State) -> Attempt {
        if let Some(attempt) = state.attempt.as_ref().filter(|attempt| !attempt.task.is_finished()) {
            return attempt.clone();
        }
        let pool = self.clone();
        let task = self.spawn(async move {
            let connection = pool.connect().await?;
            let connection = {
                let state = pool.state();
                Connection { inner: connection, generation: state.generation, open: Some(Arc::clone(&state.open)) }
            };
            pool.make_idle(connection);
            Ok(())
        });
        let abort = task.abort_handle();
        let outcome = async { task.await.ok().flatten().unwrap_or_else(|| Err(closed())) }.boxed().shared();
        state.attempt.insert(Attempt { since: Instant::now(), task: abort, outcome }).clone()
    }

    async fn connect(&self) -> Result<DatabaseConnection, DbErr> {
        let mut connection = tokio::select! {
            connection = Database::connect(self.0.options.connect.clone()) => connection?,
            cause = self.connect_error() => return Err(cause),
        };
        let metrics = self.0.options.metrics.clone();
        connection.set_metric_callback(move |_| {
            metrics.statement();
            statistics::count();
        });
        Ok(connection)
    }

    /// Returns why no connection can be opened, when the time for it is almost over.
    async fn connect_error(&self) -> DbErr {
        tokio::time::sleep(ACQUIRE_LIMIT.saturating_sub(TEST_LIMIT)).await;
        match &self.0.options.server {
            Some(server) => match database_url::connect_error(server).await {
                Some(cause) => cause,
                None => pending().await,
            },
            None => pending().await,
        }
    }

    /// Tests the idle connections, replaces the broken ones, and opens others until there are `count`.
    pub(super) async fn fill(&self, count: u32) -> Result<(), DbErr> {
        self.test_idle().await;
        loop {
            let attempt = {
                let mut state = self.state();
                if state.open() >= count as usize {
                    return Ok(());
                }
                self.attempt(&mut state)
            };
            attempt.outcome.await?;
        }
    }

    /// Tests the connections that were idle for long, while no caller needs them.
    async fn test_idle(&self) {
        while let Ok(permit) = Arc::clone(&self.0.permits).try_acquire_owned() {
            let connection = {
                let mut state = self.state();
                match state.idle.front() {
                    Some(idle) if idle.since.elapsed() >= MAX_UNTESTED_IDLE => self.pop_idle(&mut state),
                    _ => return,
                }
            };
            let Some(Idle { connection, .. }) = connection else { return };
            if answers(&connection.inner).await {
                self.make_idle(connection);
            } else {
                self.discard(connection, Some(permit));
            }
        }
    }

    fn make_idle(&self, connection: Connection) {
        {
            let mut state = self.state();
            if connection.generation == state.generation && !self.0.closed.is_cancelled() {
                state.idle.push_back(Idle { connection, since: Instant::now() });
                self.0.idle_permits.add_permits(1);
                return;
            }
        }
        self.discard(connection, None);
    }

    /// Marks the connections of a generation, whose plans are stale, so that they are discarded instead of used again.
    fn end_generation(&self, generation: u64) {
        let mut state = self.state();
        if state.generation == generation {
            state.generation += 1;
        }
    }

    /// Runs a statement, and repeats it on another connection if it failed because of a stale plan: it had no effect.
    async fn run_with_retry<T>(
        &self,
        work: impl for<'one> Fn(&'one DatabaseConnection) -> BoxFuture<'one, Result<T, DbErr>> + Send + Sync,
    ) -> Result<T, DbErr> {
        let mut retries = 0;
        loop {
            let (lease, end) = self.acquire().await?;
            match lease.answer(end, work(&lease.connection)).await {
                Err(error) if is_stale_plan(&error) && retries < MAX_STALE_RETRIES => retries += 1,
                answer => return answer,
            }
        }
    }

    /// Closes a connection in the background, and then releases its permit.
    fn discard(&self, connection: Connection, permit: Option<OwnedSemaphorePermit>) {
        let Connection { inner, open, .. } = connection;
        drop(open);
        self.0.options.closed_connection.notify_one();
        let work = async move {
            let _ = timeout(CLOSE_LIMIT, inner.close()).await;
            drop(permit);
        };
        // Without a runtime the process is about to exit, which closes the connection.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            self.0.tasks.spawn_on(work, &runtime);
        }
    }

    /// Runs a task until it completes or the pool is closed.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<Option<T>> {
        self.0.tasks.spawn(self.0.closed.clone().run_until_cancelled_owned(work))
    }

    /// Closes all connections, after a moment for those that are in use, and ends an attempt to open one.
    pub(super) async fn close(&self) {
        let _ = timeout(TEST_LIMIT, self.0.permits.acquire_many(self.max_connections())).await;
        self.0.permits.close();
        self.0.closed.cancel();
        while let Some(idle) = self.pop_idle(&mut self.state()) {
            self.discard(idle.connection, None);
        }
        self.0.tasks.close();
        if timeout(TEST_LIMIT, self.0.tasks.wait()).await.is_err() {
            tracing::warn!("a connection to the database did not close in time");
        }
    }

    /// Returns a connection for work without a time limit, which is closed after it.
    pub(super) async fn acquire_single_use(&self) -> Result<PooledConnection, DbErr> {
        let (lease, _) = self.acquire().await?;
        lease.state.store(BROKEN, Ordering::Relaxed);
        Ok(lease)
    }

    /// Returns whether a table of this name exists.
    pub(super) async fn has_table(&self, name: &str) -> Result<bool, DbErr> {
        let (lease, end) = self.acquire().await?;
        lease.answer(end, SchemaManager::new(&lease.connection).has_table(name)).await
    }

    /// Begins a transaction on a separate connection.
    pub(super) async fn begin(&self, options: TransactionOptions) -> Result<Transaction, DbErr> {
        if let Some(file) = &self.0.options.file {
            file.is_writable()?;
        }
        let (lease, end) = self.acquire().await?;
        let open = lease.answer(end, lease.connection.begin_with_options(options)).await?;
        Ok(Transaction { open, lease })
    }
}

fn closed() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)
}

async fn answers(connection: &DatabaseConnection) -> bool {
    timeout(TEST_LIMIT, connection.ping()).await.is_ok_and(|answer| answer.is_ok())
}

#[async_trait::async_trait]
impl ConnectionTrait for Pool {
    fn get_database_backend(&self) -> DbBackend {
        self.0.options.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.run_with_retry(|connection| connection.execute_raw(statement.clone())).await
    }

    async fn execute_unprepared(&self, statement: &str) -> Result<ExecResult, DbErr> {
        let (lease, end) = self.acquire().await?;
        lease.answer(end, lease.connection.execute_unprepared(statement)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.run_with_retry(|connection| connection.query_one_raw(statement.clone())).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.run_with_retry(|connection| connection.query_all_raw(statement.clone())).await
    }
}

/// No statement is running: the connection can be used again.
const CLEAN: u8 = 0;
/// A statement is running, whose answer would be left unread.
const RUNNING: u8 = 1;
/// A statement timed out or the connection failed: it is closed.
const BROKEN: u8 = 2;

/// A connection that one caller holds until it is dropped.
pub(super) struct PooledConnection {
    pub(super) connection: DatabaseConnection,
    generation: u64,
    open: Option<Arc<()>>,
    pool: Pool,
    permit: Option<OwnedSemaphorePermit>,
    state: AtomicU8,
    /// The request may hold another connection after this one.
    _request_permit: Option<OwnedSemaphorePermit>,
}

impl PooledConnection {
    /// Waits for an answer until `end`, and records whether the connection can be used again.
    async fn answer<T>(&self, end: Instant, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        // A rollback that succeeds or is cancelled does not change that: the statement that failed is still prepared.
        let was_broken = self.state.load(Ordering::Relaxed) == BROKEN;
        if !was_broken {
            self.state.store(RUNNING, Ordering::Relaxed);
        }
        let mut work = std::pin::pin!(work);
        let answer = if let Ok(answer) = timeout_at(end, work.as_mut()).await {
            answer
        } else {
            // Before the work is dropped, so that the library closes the connection instead of waiting for its answer.
            self.mark_closed();
            Err(DbErr::Conn(RuntimeErr::Internal(TIMED_OUT.into())))
        };
        let stale = matches!(&answer, Err(error) if is_stale_plan(error));
        if stale {
            self.pool.end_generation(self.generation);
        }
        let broken = was_broken || stale || matches!(&answer, Err(error) if is_broken(error));
        self.state.store(if broken { BROKEN } else { CLEAN }, Ordering::Relaxed);
        answer
    }

    /// Marks the library's pool as closed, so that it does not use its connection again.
    fn mark_closed(&self) {
        let _ = self.connection.close_by_ref().now_or_never();
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let (pool, permit) = (self.pool.clone(), self.permit.take());
        let (inner, generation, open) = (self.connection.clone(), self.generation, self.open.take());
        let connection = Connection { inner, generation, open };
        match self.state.load(Ordering::Relaxed) {
            CLEAN => pool.make_idle(connection),
            BROKEN => pool.discard(connection, permit),
            _ => {
                // A client that disconnected is no reason to open a new connection, if this one answers.
                let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
                let tasks = pool.0.tasks.clone();
                let work = async move {
                    if answers(&connection.inner).await {
                        pool.make_idle(connection);
                    } else {
                        pool.discard(connection, permit);
                    }
                };
                tasks.spawn_on(work, &runtime);
            }
        }
    }
}

/// A transaction, on a connection that it holds until its end.
pub(super) struct Transaction {
    // In this order: an open transaction is rolled back before the connection is returned.
    open: DatabaseTransaction,
    lease: PooledConnection,
}

impl Debug for Transaction {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

impl Transaction {
    /// If the answer is lost, it is unknown whether the transaction was committed.
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        let Self { open, lease } = self;
        if let Some(file) = &lease.pool.0.options.file {
            file.is_writable()?;
        }
        lease.answer(Instant::now() + LIMIT, open.commit()).await
    }

    pub(super) async fn rollback(self) -> Result<(), DbErr> {
        let Self { open, lease } = self;
        lease.answer(Instant::now() + LIMIT, open.rollback()).await
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.open.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.lease.answer(Instant::now() + LIMIT, self.open.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, statement: &str) -> Result<ExecResult, DbErr> {
        self.lease.answer(Instant::now() + LIMIT, self.open.execute_unprepared(statement)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.lease.answer(Instant::now() + LIMIT, self.open.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.lease.answer(Instant::now() + LIMIT, self.open.query_all_raw(statement)).await
    }
}

/// The file of SQLite, as it was when it was opened.
#[derive(Debug, Clone)]
pub(super) struct File {
    path: PathBuf,
    identity: (u64, u64),
    created: bool,
}

impl File {
    /// Creates the file before SQLite does, so that no other user can read it for a moment.
    pub(super) fn found_or_created(path: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            if folder.is_file() {
                return Err(std::io::ErrorKind::NotADirectory.into());
            }
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let log = log_of(path);
        if !path.exists() && log.exists() {
            // SQLite would remove the log, and acknowledged changes that are only there would be lost.
            let (path, log) = (path.display(), log.display());
            return Err(std::io::Error::other(format!(
                "the database file {path} is gone, but its log {log} is there; put the file back, or remove the log to begin anew"
            )));
        }
        let mut options = std::fs::OpenOptions::new();
        options.append(true).mode(0o600);
        let (file, created) = match options.create_new(true).open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                (options.create_new(false).open(path)?, false)
            }
            file => (file?, true),
        };
        let metadata = file.metadata()?;
        Ok(Self { path: path.to_owned(), identity: (metadata.dev(), metadata.ino()), created })
    }

    /// Removes the file if it was created here and is still empty: SQLite could not open it.
    pub(super) fn remove_if_unused(&self) {
        if self.created && self.is_there().is_ok_and(|metadata| metadata.len() == 0) {
            // The failure that led here matters more.
            let _ = std::fs::remove_file(&self.path);
        }
    }

    /// Rejects if the path no longer leads to the file that was opened: the connections still do, and would read data that
    /// no other process sees.
    fn is_there(&self) -> Result<std::fs::Metadata, DbErr> {
        let path = self.path.display();
        match std::fs::metadata(&self.path) {
            Ok(metadata) if (metadata.dev(), metadata.ino()) == self.identity => Ok(metadata),
            Ok(_) => Err(unavailable(format!(
                "{path} is another file than the one that was opened; put that one back, or restart"
            ))),
            Err(error) => Err(unavailable(format!("the database file {path} is gone ({error}); put it back"))),
        }
    }

    /// Also rejects if the file was made read-only, to which open connections could still write.
    fn is_writable(&self) -> Result<(), DbErr> {
        if self.is_there()?.permissions().mode() & 0o222 == 0 {
            return Err(unavailable(format!("the database file {} was made read-only", self.path.display())));
        }
        Ok(())
    }
}

fn unavailable(why: String) -> DbErr {
    DbErr::Conn(RuntimeErr::Internal(why))
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}
