//! Stored passwords, and the sessions that users open with them.
//!
//! A session is valid while its user is enabled and the password is the one with which the session was opened. Each
//! lookup checks both. A session that is opened with the old password during a password change is therefore never
//! valid.

use super::{
    Store, all, col, conditions,
    entity::{password, session, user},
    maintenance::Maintenance,
    one,
    pagination::{self, SortColumn, SortOrder, same},
    run, run_unique,
    tx::Tx,
    users::LOCK,
};
use crate::domain::{
    cursor::{Cursor, SortKey},
    error::{Error, Result},
    id::{SessionId, UserId},
    network::KnownNetworks,
    page::{Page, Slice},
    password::PasswordHash,
    policy::{PasswordSetter, RecentlyAuthenticated, SignedInUser},
    secret::Fingerprint,
    session::{IDLE_TIMEOUT, MAX_LIFETIME, Session},
    state::UserStatus,
    text,
    time::Time,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, ExprTrait as _, FromQueryResult, QueryFilter as _,
    sea_query::{Expr, JoinType, Query, SelectStatement},
};
use std::{collections::HashMap, net::IpAddr, time::Duration};

/// The interval at which the last use of a session is written; not every request is worth a write.
const LAST_SEEN_INTERVAL: Duration = Duration::from_mins(1);

/// A user with what a password sign-in needs to know.
#[derive(Debug, Clone, FromQueryResult)]
pub struct SignIn {
    /// The ID of the user.
    pub id: UserId,
    /// The time when the user was disabled, if they are.
    pub disabled_at: Option<Time>,
    /// The password hash; `None` if the user has no password.
    pub hash: Option<PasswordHash>,
    /// The version of the password, which counts its changes.
    pub version: Option<i64>,
    /// The networks from which the user signed in.
    pub networks: Option<KnownNetworks>,
}

/// A session to open.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The ID of the session.
    pub id: SessionId,
    /// The fingerprint of its cookie.
    pub fingerprint: Fingerprint,
    /// The user who signs in.
    pub user: UserId,
    /// The version of the password that the user signs in with.
    pub password_version: i64,
    /// The time of the sign-in.
    pub at: Time,
    /// The IP address of the client.
    pub address: Option<IpAddr>,
    /// The user agent of the client.
    pub user_agent: Option<String>,
}

#[derive(FromQueryResult)]
struct SessionRow {
    id: SessionId,
    user_id: UserId,
    created_at: Time,
    last_seen_at: Time,
    authenticated_at: Time,
    address: Option<String>,
    user_agent: Option<String>,
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        Self {
            id: row.id,
            user: row.user_id,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            authenticated_at: row.authenticated_at,
            address: row.address,
            user_agent: row.user_agent,
        }
    }
}

impl Store {
    /// Returns the user with this username or verified email address. An unknown name costs the same work as a known
    /// one.
    pub async fn sign_in_by_name(&self, name: &str) -> Result<Option<SignIn>> {
        let folded = text::fold(name);
        let matches = Condition::any().add(Expr::col(col("u", user::Column::Username)).eq(folded.as_str())).add(
            Condition::all()
                .add(Expr::col(col("u", user::Column::Email)).is_in([name, folded.as_str()]))
                .add(Expr::col(col("u", user::Column::EmailVerified)).eq(true)),
        );
        let mut rows = all::<SignIn>(&self.checks, &sign_ins().cond_where(matches).limit(2).take()).await?;
        // An address that two users have identifies neither.
        let found = rows.pop();
        Ok(found.filter(|_| rows.is_empty()))
    }

    /// Returns what a sign-in needs to know about this user.
    pub async fn sign_in(&self, user: UserId) -> Result<Option<SignIn>> {
        one(&self.checks, &sign_ins().and_where(Expr::col(col("u", user::Column::Id)).eq(user)).take()).await
    }

    /// Returns the session whose cookie has this fingerprint, if it is valid.
    pub async fn session_by_fingerprint(&self, fingerprint: Fingerprint, at: Time) -> Result<Option<Session>> {
        let find =
            live_sessions(at).and_where(Expr::col(col("s", session::Column::Fingerprint)).eq(fingerprint)).take();
        Ok(one::<SessionRow>(&self.checks, &find).await?.map(Session::from))
    }

    /// Returns those of these sessions that are valid. Policy decides who may see them.
    pub async fn sessions(&self, ids: &[SessionId], at: Time) -> Result<HashMap<SessionId, Session>> {
        let find =
            live_sessions(at).and_where(Expr::col(col("s", session::Column::Id)).is_in(ids.iter().copied())).take();
        let rows = all::<SessionRow>(&self.read, &find).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
    }
}

impl Store {
    /// Returns a page of the user's valid sessions, newest first.
    pub async fn sessions_of(&self, user: &SignedInUser, page: &Page, at: Time) -> Result<Slice<Session>> {
        let order = SortOrder {
            key: SortColumn::<&'static str>::Id,
            id: Some(col("s", session::Column::Id)),
            descending: true,
        };
        let select = pagination::paginate(of_user(user, at), &order, page);
        pagination::page_of(&self.read, &select, page, |row: SessionRow| {
            (Cursor { key: SortKey::Id, id: row.id.uuid() }, row.into())
        })
        .await
    }

    /// Counts the user's valid sessions.
    pub async fn count_sessions_of(&self, user: &SignedInUser, at: Time) -> Result<u64> {
        pagination::count(&self.read, of_user(user, at)).await
    }
}

impl Tx {
    /// Sets the password of a user and returns its version. Ends all sessions of the user except that of the caller.
    pub async fn set_password(
        &self,
        setter: &RecentlyAuthenticated<PasswordSetter>,
        hash: &PasswordHash,
    ) -> Result<i64> {
        let user = *setter.user();
        let update = password::Entity::update_many()
            .col_expr(password::Column::Hash, Expr::value(hash.clone()))
            .col_expr(password::Column::Version, Expr::col(password::Column::Version).add(1_i64))
            .filter(password::Column::UserId.eq(user))
            .exec_with_returning(&self.db);
        let version = match run(update).await?.pop() {
            Some(row) => row.version,
            None => self.insert_password(user, hash).await?,
        };
        if let Some(own) = self.caller().session() {
            let update_own = session::Entity::update_many()
                .col_expr(session::Column::PasswordVersion, Expr::value(version))
                .filter(session::Column::Id.eq(own))
                .filter(session::Column::UserId.eq(user))
                .exec(&self.db);
            run(update_own).await?;
        }
        let end = session::Entity::delete_many()
            .filter(session::Column::UserId.eq(user))
            .filter(session::Column::PasswordVersion.lt(version))
            .exec(&self.db);
        run(end).await?;
        Ok(version)
    }

    async fn insert_password(&self, user: UserId, hash: &PasswordHash) -> Result<i64> {
        let row =
            password::ActiveModel { user_id: Set(user), hash: Set(hash.clone()), version: Set(1), networks: Set(None) };
        let inserted = run_unique(password::Entity::insert(row).exec_without_returning(&self.db)).await?;
        inserted.map(|_| 1).ok_or_else(|| Error::Conflict("The password was changed meanwhile.".into()))
    }

    /// Opens a session.
    pub async fn open_session(&self, new: NewSession) -> Result<()> {
        open_session(&self.db, new).await
    }

    /// Deletes the sessions, the password and the invitation of a user.
    pub(super) async fn delete_sign_in(&self, user: UserId) -> Result<()> {
        run(session::Entity::delete_many().filter(session::Column::UserId.eq(user)).exec(&self.db)).await?;
        run(password::Entity::delete_many().filter(password::Column::UserId.eq(user)).exec(&self.db)).await?;
        self.end_invitations(user).await
    }
}

impl Maintenance<'_> {
    /// Opens a session, which is never valid if the password was changed meanwhile.
    pub async fn open_session(&self, new: NewSession) -> Result<()> {
        open_session(self.db(), new).await
    }

    /// Replaces the cookie of a session after its password was confirmed. Returns false if the session ended or has
    /// another cookie.
    pub async fn renew_session(&self, id: SessionId, before: Fingerprint, now: (Fingerprint, Time)) -> Result<bool> {
        let (fingerprint, at) = now;
        let renew = session::Entity::update_many()
            .col_expr(session::Column::Fingerprint, Expr::value(fingerprint))
            .col_expr(session::Column::AuthenticatedAt, Expr::value(at))
            .col_expr(session::Column::LastSeenAt, Expr::value(at))
            .filter(session::Column::Id.eq(id))
            // Of two concurrent confirmations one fails: the client continues with the cookie that the other returned.
            .filter(session::Column::Fingerprint.eq(before))
            .exec(self.db());
        Ok(run(renew).await?.rows_affected == 1)
    }

    /// Records that a session was used, at most once a minute.
    pub async fn touch_session(&self, session: &Session, at: Time) -> Result<()> {
        let threshold = at.minus(LAST_SEEN_INTERVAL);
        if session.last_seen_at > threshold {
            return Ok(());
        }
        let update = session::Entity::update_many()
            .col_expr(session::Column::LastSeenAt, Expr::value(at))
            .filter(session::Column::Id.eq(session.id))
            .filter(session::Column::LastSeenAt.lte(threshold))
            .exec(self.db());
        run(update).await?;
        Ok(())
    }

    /// Ends the session whose cookie has this fingerprint, if there is one.
    pub async fn end_session_by_fingerprint(&self, fingerprint: Fingerprint) -> Result<()> {
        let end = session::Entity::delete_many().filter(session::Column::Fingerprint.eq(fingerprint)).exec(self.db());
        run(end).await?;
        Ok(())
    }

    /// Ends a session of the user. Returns false if the user has no such session.
    pub async fn end_session(&self, user: &SignedInUser, id: SessionId) -> Result<bool> {
        let end = session::Entity::delete_many()
            .filter(session::Column::Id.eq(id))
            .filter(session::Column::UserId.eq(*user.user()))
            .exec(self.db());
        Ok(run(end).await?.rows_affected == 1)
    }

    /// Ends all sessions of the user, except the given one. Returns the number of ended sessions.
    pub async fn end_sessions(&self, user: &SignedInUser, except: Option<SessionId>) -> Result<u64> {
        let others = except.map(|own| session::Column::Id.ne(own));
        let end = session::Entity::delete_many()
            .filter(session::Column::UserId.eq(*user.user()))
            .filter(Condition::all().add_option(others))
            .exec(self.db());
        Ok(run(end).await?.rows_affected)
    }

    /// Deletes expired sessions.
    pub async fn delete_expired_sessions(&self, at: Time) -> Result<()> {
        let expired = Condition::any()
            .add(session::Column::CreatedAt.lte(at.minus(MAX_LIFETIME)))
            .add(session::Column::LastSeenAt.lte(at.minus(IDLE_TIMEOUT)));
        run(session::Entity::delete_many().filter(expired).exec(self.db())).await?;
        Ok(())
    }
}

/// Locks the user and inserts the session in one statement; `UNAUTHENTICATED` if the user is deleted. Stores the
/// network from which the session was opened.
async fn open_session(connection: &impl ConnectionTrait, new: NewSession) -> Result<()> {
    let address = new.address.map(|address| address.to_string());
    let row: [(session::Column, Expr); 9] = [
        (session::Column::Id, Expr::value(new.id)),
        (session::Column::Fingerprint, Expr::value(new.fingerprint)),
        (session::Column::UserId, Expr::col(col("u", user::Column::Id))),
        (session::Column::PasswordVersion, Expr::value(new.password_version)),
        (session::Column::CreatedAt, Expr::value(new.at)),
        (session::Column::LastSeenAt, Expr::value(new.at)),
        (session::Column::AuthenticatedAt, Expr::value(new.at)),
        (session::Column::Address, Expr::value(address)),
        (session::Column::UserAgent, Expr::value(new.user_agent)),
    ];
    let (columns, values): (Vec<_>, Vec<_>) = row.into_iter().unzip();
    let user = Query::select()
        .exprs(values)
        .from_as(user::Entity, "u")
        .and_where(Expr::col(col("u", user::Column::Id)).eq(new.user))
        .and_where(conditions::user_exists("u"))
        .lock(LOCK)
        .take();
    let mut insert = Query::insert();
    insert.into_table(session::Entity).columns(columns);
    insert.select_from(user).map_err(|error| Error::Bug(error.to_string().into()))?;
    match run(connection.execute(&insert)).await?.rows_affected() {
        0 => Err(Error::Unauthenticated),
        _ => match new.address {
            Some(address) => add_network(connection, new.user, address).await,
            None => Ok(()),
        },
    }
}

/// Adds the network of an address to those of the user. Of two concurrent sign-ins one may not be stored until the
/// next.
async fn add_network(connection: &impl ConnectionTrait, user: UserId, address: IpAddr) -> Result<()> {
    let Some(row) = run(password::Entity::find_by_id(user).one(connection)).await? else { return Ok(()) };
    let before = row.networks.unwrap_or_default();
    let after = before.with(address);
    if after != before {
        let update = password::Entity::update_many()
            .col_expr(password::Column::Networks, Expr::value(after))
            .filter(password::Column::UserId.eq(user))
            .exec(connection);
        run(update).await?;
    }
    Ok(())
}

fn sign_ins() -> SelectStatement {
    Query::select()
        .columns([
            col("u", user::Column::Id),
            col("u", user::Column::DisabledAt),
            col("p", password::Column::Hash),
            col("p", password::Column::Version),
            col("p", password::Column::Networks),
        ])
        .from_as(user::Entity, "u")
        .join_as(
            JoinType::LeftJoin,
            password::Entity,
            "p",
            same(col("p", password::Column::UserId), col("u", user::Column::Id)),
        )
        .and_where(conditions::user_exists("u"))
        .take()
}

/// Selects the sessions that are valid at this time.
fn live_sessions(at: Time) -> SelectStatement {
    let columns = [
        session::Column::Id,
        session::Column::UserId,
        session::Column::CreatedAt,
        session::Column::LastSeenAt,
        session::Column::AuthenticatedAt,
        session::Column::Address,
        session::Column::UserAgent,
    ];
    let with = same(col("p", password::Column::UserId), col("s", session::Column::UserId));
    Query::select()
        .columns(columns.map(|column| col("s", column)))
        .from_as(session::Entity, "s")
        .join_as(
            JoinType::InnerJoin,
            user::Entity,
            "u",
            same(col("u", user::Column::Id), col("s", session::Column::UserId)),
        )
        .join_as(JoinType::InnerJoin, password::Entity, "p", with)
        .and_where(
            Expr::col(col("p", password::Column::Version)).eq(Expr::col(col("s", session::Column::PasswordVersion))),
        )
        .and_where(conditions::user_is("u", UserStatus::Enabled))
        .and_where(Expr::col(col("s", session::Column::CreatedAt)).gt(at.minus(MAX_LIFETIME)))
        .and_where(Expr::col(col("s", session::Column::LastSeenAt)).gt(at.minus(IDLE_TIMEOUT)))
        .take()
}

fn of_user(user: &SignedInUser, at: Time) -> SelectStatement {
    live_sessions(at).and_where(Expr::col(col("s", session::Column::UserId)).eq(*user.user())).take()
}

/// Returns whether a session is valid at this time.
pub(super) async fn is_session_live(connection: &impl ConnectionTrait, session: SessionId, at: Time) -> Result<bool> {
    let find = live_sessions(at).and_where(Expr::col(col("s", session::Column::Id)).eq(session)).take();
    Ok(one::<SessionRow>(connection, &find).await?.is_some())
}
