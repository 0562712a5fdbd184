//! How is the database reached? Over a few connections, each held by one caller at a time; one that kept somebody
//! waiting in vain is closed and never used again.
//!
//! Each connection is a pool of one of the library. Its pool of many asks each connection that is given back whether it
//! is well, waits for ever for the answer, and is full when a dead network has taken them all (sqlx issue 4349).

use super::{database_url, failed_for_good, is_outdated};
use crate::telemetry::Metrics;
use futures_util::future::{BoxFuture, pending};
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
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::task::TaskTracker;

/// What whoever waited in vain is told.
pub(super) const LATE: &str = "the database did not answer in time";
/// How long one statement may take, the wait for a connection included.
pub(super) const LIMIT: Duration = Duration::from_millis(2_500);
/// How much of it the wait for a connection may take, a new one included.
pub(super) const ACQUIRE_LIMIT: Duration = Duration::from_millis(1_500);
/// What is left of it for the answer.
const ANSWER_LIMIT: Duration = LIMIT.saturating_sub(ACQUIRE_LIMIT);
/// A connection that was idle for longer is asked first whether it is still there.
const FRESH: Duration = Duration::from_secs(1);
/// How long a connection has for the answer to that.
pub(super) const SIGN_OF_LIFE: Duration = Duration::from_millis(500);
/// How often a caller who waits for a new connection looks whether another one was given back.
const LOOK: Duration = Duration::from_millis(10);
/// How long the end of a connection may take before its place is given to another.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// The connections to one database. A clone is another handle to the same.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

/// What a pool leads to.
pub(super) struct Reach {
    pub(super) backend: DbBackend,
    /// For one connection.
    pub(super) options: ConnectOptions,
    /// How many connections there may be.
    pub(super) most: u32,
    /// Of PostgreSQL alone, to ask why it opens no session.
    pub(super) server: Option<PgConnectOptions>,
    /// Of SQLite alone.
    pub(super) file: Option<File>,
    pub(super) metrics: Metrics,
}

struct Shared {
    reach: Reach,
    seats: Arc<Semaphore>,
    idle: Mutex<VecDeque<Idle>>,
    /// One connection is made at a time: a database that comes back is not run over.
    connecting: tokio::sync::Mutex<()>,
    closing: TaskTracker,
}

struct Idle {
    connection: DatabaseConnection,
    since: Instant,
}

impl Debug for Pool {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl Pool {
    /// Connections are made when they are needed.
    pub(super) fn new(mut reach: Reach) -> Self {
        reach
            .options
            .max_connections(1)
            .connect_timeout(ACQUIRE_LIMIT)
            .acquire_timeout(ACQUIRE_LIMIT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .sqlx_logging(false);
        Self(Arc::new(Shared {
            seats: Arc::new(Semaphore::new(reach.most as usize)),
            reach,
            idle: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            closing: TaskTracker::new(),
        }))
    }

    /// A connection for one caller, and until when it has to answer. The time begins when the request holds few enough
    /// other connections.
    async fn lane(&self) -> Result<(PooledConnection, Instant), DbErr> {
        let permit = super::permit().await;
        let end = Instant::now() + LIMIT;
        let patience = end.checked_sub(ANSWER_LIMIT).unwrap_or(end);
        let lane = timeout_at(patience, self.take(permit)).await;
        Ok((lane.unwrap_or(Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)))?, end))
    }

    async fn take(&self, permit: Option<OwnedSemaphorePermit>) -> Result<PooledConnection, DbErr> {
        let seat = Arc::clone(&self.0.seats).acquire_owned().await;
        let seat = seat.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))?;
        if let Some(file) = &self.0.reach.file {
            file.is_there()?;
        }
        let connection = match self.idle().await {
            Some(connection) => connection,
            None => self.connected().await?,
        };
        Ok(PooledConnection {
            connection,
            pool: self.clone(),
            seat: Some(seat),
            state: AtomicU8::new(CLEAN),
            _permit: permit,
        })
    }

    /// Opens so many connections, which later callers find.
    pub(super) async fn open(&self, count: u32) -> Result<(), DbErr> {
        let mut lanes = Vec::new();
        for _ in 0..count.min(self.0.reach.most) {
            lanes.push(self.lane().await?.0);
        }
        Ok(())
    }

    /// How many connections there may be.
    pub(super) fn most(&self) -> u32 {
        self.0.reach.most
    }

    async fn idle(&self) -> Option<DatabaseConnection> {
        loop {
            let Idle { connection, since } = self.pop()?;
            if since.elapsed() < FRESH || answers(&connection).await {
                return Some(connection);
            }
            self.end(connection, None);
        }
    }

    fn pop(&self) -> Option<Idle> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn push(&self, connection: DatabaseConnection) {
        let idle = Idle { connection, since: Instant::now() };
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).push_back(idle);
    }

    async fn connected(&self) -> Result<DatabaseConnection, DbErr> {
        let _turn = self.0.connecting.lock().await;
        if let Some(idle) = self.pop() {
            return Ok(idle.connection);
        }
        let mut connection = tokio::select! {
            connection = Database::connect(self.0.reach.options.clone()) => connection?,
            idle = self.given_back() => return Ok(idle),
            cause = self.refusal() => return Err(cause),
        };
        let metrics = self.0.reach.metrics.clone();
        connection.set_metric_callback(move |_| {
            metrics.statement();
            super::count();
        });
        Ok(connection)
    }

    /// A connection that another caller gave back, while there is none for a new one.
    async fn given_back(&self) -> DatabaseConnection {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Some(idle) = self.pop() {
                return idle.connection;
            }
        }
    }

    /// Why no connection can be made, when the time for it is almost over.
    async fn refusal(&self) -> DbErr {
        tokio::time::sleep(ACQUIRE_LIMIT.saturating_sub(SIGN_OF_LIFE)).await;
        match &self.0.reach.server {
            Some(server) => match database_url::refusal(server).await {
                Some(cause) => cause,
                None => pending().await,
            },
            None => pending().await,
        }
    }

    /// Asks, and asks again where a prepared statement of the connection no longer fits a table, since nothing of it
    /// happened. Such a connection is ended; there are no more of them than connections.
    async fn asked<T>(
        &self,
        work: impl for<'one> Fn(&'one DatabaseConnection) -> BoxFuture<'one, Result<T, DbErr>> + Send + Sync,
    ) -> Result<T, DbErr> {
        let mut outdated = 0;
        loop {
            let (lane, end) = self.lane().await?;
            match lane.answer(end, work(&lane.connection)).await {
                Err(error) if is_outdated(&error) && outdated < self.0.reach.most => outdated += 1,
                answer => return answer,
            }
        }
    }

    /// Closes a connection beside everything else; until then it keeps its seat.
    fn end(&self, connection: DatabaseConnection, seat: Option<OwnedSemaphorePermit>) {
        let work = async move {
            let _ = timeout(CLOSE_LIMIT, connection.close()).await;
            drop(seat);
        };
        // Where no runtime is left, the process ends and the connection with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            self.0.closing.spawn_on(work, &runtime);
        }
    }

    /// Ends all connections: what runs on them may take a moment to end.
    pub(super) async fn close(&self) {
        let _ = timeout(SIGN_OF_LIFE, self.0.seats.acquire_many(self.0.reach.most)).await;
        self.0.seats.close();
        while let Some(idle) = self.pop() {
            self.end(idle.connection, None);
        }
        self.0.closing.close();
        if timeout(SIGN_OF_LIFE, self.0.closing.wait()).await.is_err() {
            tracing::warn!("a connection to the database did not close in time");
        }
    }

    /// A connection for work of any length, which is ended after it.
    pub(super) async fn once(&self) -> Result<PooledConnection, DbErr> {
        let (lane, _) = self.lane().await?;
        lane.state.store(BROKEN, Ordering::Relaxed);
        Ok(lane)
    }

    /// Whether there is a table of that name.
    pub(super) async fn has_table(&self, name: &str) -> Result<bool, DbErr> {
        let (lane, end) = self.lane().await?;
        lane.answer(end, SchemaManager::new(&lane.connection).has_table(name)).await
    }

    /// Begins a transaction on a connection of its own.
    pub(super) async fn begin(&self, options: TransactionOptions) -> Result<Transaction, DbErr> {
        if let Some(file) = &self.0.reach.file {
            file.is_writable()?;
        }
        let (lane, end) = self.lane().await?;
        let open = lane.answer(end, lane.connection.begin_with_options(options)).await?;
        Ok(Transaction { open, lane })
    }
}

async fn answers(connection: &DatabaseConnection) -> bool {
    timeout(SIGN_OF_LIFE, connection.ping()).await.is_ok_and(|answer| answer.is_ok())
}

#[async_trait::async_trait]
impl ConnectionTrait for Pool {
    fn get_database_backend(&self) -> DbBackend {
        self.0.reach.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.asked(|connection| connection.execute_raw(statement.clone())).await
    }

    async fn execute_unprepared(&self, statement: &str) -> Result<ExecResult, DbErr> {
        let (lane, end) = self.lane().await?;
        lane.answer(end, lane.connection.execute_unprepared(statement)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.asked(|connection| connection.query_one_raw(statement.clone())).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.asked(|connection| connection.query_all_raw(statement.clone())).await
    }
}

/// Nothing is under way: it can go to the next caller.
const CLEAN: u8 = 0;
/// Something is under way; whoever leaves now leaves it in the middle of an answer.
const ASKED: u8 = 1;
/// It let somebody wait in vain, or fell over.
const BROKEN: u8 = 2;

/// One connection, as long as one caller holds it.
pub(super) struct PooledConnection {
    pub(super) connection: DatabaseConnection,
    pool: Pool,
    seat: Option<OwnedSemaphorePermit>,
    state: AtomicU8,
    /// The request may hold another one after this.
    _permit: Option<OwnedSemaphorePermit>,
}

impl PooledConnection {
    /// Waits for an answer until `end`, and remembers whether the connection is still good after it.
    async fn answer<T>(&self, end: Instant, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        // A rollback that succeeds mends nothing: the statement that failed is still prepared.
        let was_broken = self.state.swap(ASKED, Ordering::Relaxed) == BROKEN;
        let mut work = std::pin::pin!(work);
        let answer = if let Ok(answer) = timeout_at(end, work.as_mut()).await {
            answer
        } else {
            // Told before the work is dropped, so that the library closes the connection, and does not wait on it.
            self.refuse();
            Err(DbErr::Conn(RuntimeErr::Internal(LATE.into())))
        };
        let good = !was_broken && !matches!(&answer, Err(error) if failed_for_good(error) || is_outdated(error));
        self.state.store(if good { CLEAN } else { BROKEN }, Ordering::Relaxed);
        answer
    }

    /// From now on nobody gets this connection again.
    fn refuse(&self) {
        use futures_util::FutureExt as _;
        let _ = self.connection.close_by_ref().now_or_never();
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let (connection, pool, seat) = (self.connection.clone(), self.pool.clone(), self.seat.take());
        match self.state.load(Ordering::Relaxed) {
            CLEAN => pool.push(connection),
            BROKEN => pool.end(connection, seat),
            _ => {
                // A client that left is no reason to make a new connection, if this one comes to its senses.
                let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
                let closing = pool.0.closing.clone();
                let work = async move {
                    if answers(&connection).await {
                        pool.push(connection);
                    } else {
                        pool.end(connection, seat);
                    }
                };
                closing.spawn_on(work, &runtime);
            }
        }
    }
}

/// A transaction, on a connection that it holds until its end.
pub(super) struct Transaction {
    // In this order: what is open is undone before the connection is given back.
    open: DatabaseTransaction,
    lane: PooledConnection,
}

impl Debug for Transaction {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

impl Transaction {
    /// Makes all of it true. When the answer is lost, nobody knows whether it is.
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        let Self { open, lane } = self;
        if let Some(file) = &lane.pool.0.reach.file {
            file.is_writable()?;
        }
        lane.answer(Instant::now() + LIMIT, open.commit()).await
    }

    /// Undoes all of it.
    pub(super) async fn rollback(self) -> Result<(), DbErr> {
        let Self { open, lane } = self;
        lane.answer(Instant::now() + LIMIT, open.rollback()).await
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.open.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.lane.answer(Instant::now() + LIMIT, self.open.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, statement: &str) -> Result<ExecResult, DbErr> {
        self.lane.answer(Instant::now() + LIMIT, self.open.execute_unprepared(statement)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.lane.answer(Instant::now() + LIMIT, self.open.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.lane.answer(Instant::now() + LIMIT, self.open.query_all_raw(statement)).await
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
    /// Makes the file before SQLite does, so that nobody else may read it for a moment.
    pub(super) fn found_or_made(path: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            if folder.is_file() {
                return Err(std::io::ErrorKind::NotADirectory.into());
            }
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let log = log_of(path);
        if !path.exists() && log.exists() {
            // SQLite would remove the log, and what was acknowledged and is only there would be lost.
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
        let about = file.metadata()?;
        Ok(Self { path: path.to_owned(), identity: (about.dev(), about.ino()), created })
    }

    /// Removes the file if it was created here and is still empty: SQLite could not open it.
    pub(super) fn remove_if_unused(&self) {
        if self.created && self.is_there().is_ok_and(|about| about.len() == 0) {
            // The failure that led here matters more.
            let _ = std::fs::remove_file(&self.path);
        }
    }

    /// Refuses when the path no longer leads to the file that was opened: the connections still do, and would answer
    /// from what nobody else can see.
    fn is_there(&self) -> Result<std::fs::Metadata, DbErr> {
        let path = self.path.display();
        match std::fs::metadata(&self.path) {
            Ok(about) if (about.dev(), about.ino()) == self.identity => Ok(about),
            Ok(_) => {
                Err(gone(format!("{path} is another file than the one that was opened; put that one back, or restart")))
            }
            Err(error) => Err(gone(format!("the database file {path} is gone ({error}); put it back"))),
        }
    }

    /// Refuses also when nobody may write to the file, though connections that are open still could.
    fn is_writable(&self) -> Result<(), DbErr> {
        if self.is_there()?.permissions().mode() & 0o222 == 0 {
            return Err(gone(format!("the database file {} was made read-only", self.path.display())));
        }
        Ok(())
    }
}

fn gone(why: String) -> DbErr {
    DbErr::Conn(RuntimeErr::Internal(why))
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}
