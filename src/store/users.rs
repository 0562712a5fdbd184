//! Users: lookups, profiles and the authorization context of a caller.

use super::{
    Store, all, col, conditions,
    entity::{delivery, membership, organization, user},
    pagination::same,
    run, run_unique, sessions,
    token_access::token_organizations,
    tx::Tx,
};
use crate::domain::{
    caller::{AuthMethod, Caller},
    error::{Error, Result},
    id::{OrganizationId, UserId},
    organization::{Role, User, UserRef},
    policy::{AuthContext, Operator, SignedInUser, UserProvisioner},
    state::UserStatus,
    text,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, ExprTrait as _, FromQueryResult, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
    sea_query::{Expr, JoinType, LockType, Query},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The lock on a user's row. It excludes itself; foreign keys that refer to the row do not wait for it.
pub(super) const LOCK: LockType = LockType::NoKeyUpdate;
/// The display name of a deleted user.
const DELETED_USER: &str = "Deleted user";

/// A user to add.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The unique username.
    pub username: String,
    /// The display name.
    pub name: String,
    /// The email address, to which notification emails are sent.
    pub email: Option<String>,
    /// Whether the email address is verified to belong to the user.
    pub email_verified: bool,
    /// The identity of the user at an identity provider, if any.
    pub identity: Option<Identity>,
}

/// The identity of a user at an identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider: the `iss` claim.
    pub issuer: String,
    /// The user: the `sub` claim.
    pub subject: String,
}

/// The profile of a user, as an identity provider states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The unique username.
    pub username: String,
    /// The display name.
    pub name: String,
    /// The email address, to which notification emails are sent.
    pub email: Option<String>,
    /// Whether the email address is verified to belong to the user.
    pub email_verified: bool,
}

/// A user with what the policy needs to decide who may see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// The user.
    pub user: User,
    /// Whether the user is deleted. A deleted user appears only as a placeholder in the event log.
    pub deleted: bool,
    /// The organizations of the user.
    pub belongs_to: BTreeSet<OrganizationId>,
}

impl From<user::Model> for User {
    fn from(row: user::Model) -> Self {
        Self {
            id: row.id,
            username: row.username,
            name: row.name,
            email: row.email,
            email_verified: row.email_verified,
            created_at: row.created_at,
            disabled_at: row.disabled_at,
        }
    }
}

impl Tx {
    /// Returns the caller's current authorization context. `UNAUTHENTICATED` if the user is disabled or deleted, the
    /// session has ended, or the token is not active.
    pub async fn auth_context(&self) -> Result<AuthContext> {
        // The endpoint has just checked all other credentials.
        if let Some(session) = self.caller().session()
            && !sessions::is_session_live(&self.db, session, self.caller().at).await?
        {
            return Err(Error::Unauthenticated);
        }
        auth_context(&self.db, self.caller()).await
    }

    /// Locks a user until the commit. Every change that concerns a user does this first, so that data that `user
    /// delete` erased is never written again.
    pub async fn lock_user(&self, user: UserId) -> Result<User> {
        let find = user::Entity::find_by_id(user).filter(conditions::user_exists(user::Entity));
        let found = run(find.lock(LOCK).one(&self.db)).await?;
        found.map(User::from).ok_or_else(|| match self.caller().user() {
            Some(caller) if caller == user => Error::Unauthenticated,
            _ => Error::NotFound("user"),
        })
    }

    /// Returns the user with this ID, username or verified email address, locked as by [`Tx::lock_user`].
    pub async fn find_user(&self, reference: &UserRef) -> Result<User> {
        self.find_user_if_any(reference).await?.ok_or(Error::NotFound("user"))
    }

    /// Like [`Tx::find_user`], but returns `None` if there is no such user.
    pub async fn find_user_if_any(&self, reference: &UserRef) -> Result<Option<User>> {
        let find = user::Entity::find().filter(conditions::user_exists(user::Entity));
        let find = match reference {
            UserRef::Id(id) => find.filter(user::Column::Id.eq(*id)),
            // An unverified address identifies no user, since it may belong to another.
            UserRef::Named(address) if address.contains('@') => {
                find.filter(user::Column::Email.eq(address.as_str())).filter(user::Column::EmailVerified.eq(true))
            }
            UserRef::Named(name) => find.filter(user::Column::Username.eq(name.as_str())),
        };
        // An address that two users have identifies neither.
        let find = find.order_by_asc(user::Column::Id).limit(2).lock(LOCK);
        Ok(match run(find.all(&self.db)).await?.as_slice() {
            [found] => Some(found.clone().into()),
            _ => None,
        })
    }

    /// Returns the user with this identity, locked as by [`Tx::lock_user`], and whether the user is deleted.
    pub async fn user_of(&self, identity: &Identity) -> Result<Option<(User, bool)>> {
        let row = run(by_identity(identity).lock(LOCK).one(&self.db)).await?;
        Ok(row.map(with_deletion))
    }

    /// Returns those of these usernames that another user has or had.
    pub async fn taken_usernames(&self, names: &[String], except: Option<UserId>) -> Result<BTreeSet<String>> {
        let find = user::Entity::find().filter(user::Column::Username.is_in(names));
        let rows = run(find.all(&self.db)).await?;
        let mut taken: BTreeSet<_> =
            rows.into_iter().filter(|row| Some(row.id) != except).map(|row| row.username).collect();
        taken.extend(self.usernames_used(names, except).await?);
        Ok(taken)
    }

    /// Adds a user. `CONFLICT` if another user has the identity, or has or had the username.
    pub async fn insert_user(&self, _: &UserProvisioner, id: UserId, new: NewUser) -> Result<User> {
        let at = self.caller().at;
        let (issuer, subject) = new.identity.map(|identity| (identity.issuer, identity.subject)).unzip();
        let row = user::ActiveModel {
            id: Set(id),
            searchable: Set(searchable(&new.username, &new.name, new.email.as_deref())),
            username: Set(new.username),
            name: Set(new.name),
            email: Set(new.email),
            email_verified: Set(new.email_verified),
            issuer: Set(issuer),
            subject: Set(subject),
            created_at: Set(at),
            disabled_at: Set(None),
            deleted_at: Set(None),
        };
        let inserted = run_unique(user::Entity::insert(row).exec_with_returning(&self.db)).await?;
        let user = inserted.map(User::from).ok_or_else(|| {
            Error::Conflict("A user has this username or this subject already; choose another.".into())
        })?;
        self.require_unused(&user.username, id).await?;
        Ok(user)
    }

    /// Rejects a username that another user had. Runs after the username is written: the unique key has then waited for
    /// a concurrent change that gives the name up.
    async fn require_unused(&self, username: &str, user: UserId) -> Result<()> {
        if self.usernames_used(&[username.to_owned()], Some(user)).await?.is_empty() {
            return Ok(());
        }
        Err(Error::Conflict("A deleted or renamed user had this username; choose another.".into()))
    }

    /// Changes the profile of a user. `CONFLICT` if another user has or had the username.
    pub async fn change_profile(&self, _: &UserProvisioner, before: &User, profile: &Profile) -> Result<()> {
        let update = user::Entity::update_many()
            .col_expr(user::Column::Username, Expr::value(profile.username.clone()))
            .col_expr(user::Column::Name, Expr::value(profile.name.clone()))
            .col_expr(user::Column::Email, Expr::value(profile.email.clone()))
            .col_expr(user::Column::EmailVerified, Expr::value(profile.email_verified))
            .col_expr(
                user::Column::Searchable,
                Expr::value(searchable(&profile.username, &profile.name, profile.email.as_deref())),
            )
            .filter(user::Column::Id.eq(before.id))
            .exec(&self.db);
        let taken = || Error::Conflict("A user has this username already; choose another.".into());
        run_unique(update).await?.ok_or_else(taken)?;
        if profile.username != before.username {
            self.require_unused(&profile.username, before.id).await?;
            self.retire_username(&before.username, Some(before.id)).await?;
        }
        Ok(())
    }

    /// Changes the display name of a user.
    pub async fn rename_user(&self, signed_in_user: &SignedInUser, before: &User, name: &str) -> Result<()> {
        let searchable = searchable(&before.username, name, before.email.as_deref());
        let update = user::Entity::update_many()
            .col_expr(user::Column::Name, Expr::value(name))
            .col_expr(user::Column::Searchable, Expr::value(searchable))
            .filter(user::Column::Id.eq(*signed_in_user.user()))
            .exec(&self.db);
        run(update).await?;
        Ok(())
    }

    /// Disables or enables a user. Returns false if the user already was disabled or enabled.
    pub async fn set_disabled(&self, _: &Operator, user: UserId, disabled: bool) -> Result<bool> {
        let (value, before) = if disabled {
            (Some(self.caller().at), conditions::user_is(user::Entity, UserStatus::Enabled))
        } else {
            (None, conditions::user_is(user::Entity, UserStatus::Enabled).not())
        };
        let update = user::Entity::update_many()
            .col_expr(user::Column::DisabledAt, Expr::value(value))
            .filter(user::Column::Id.eq(user))
            .filter(before)
            .exec(&self.db);
        Ok(run(update).await?.rows_affected == 1)
    }

    /// Replaces the personal data of a user with placeholders, permanently. The identity at an identity provider is
    /// kept, so that the user is not created again. The emails to the user, the password and the sessions are deleted.
    /// Usernames remain as keyed hashes that refer to no user.
    pub async fn erase_user(&self, _: &Operator, erased: &User) -> Result<()> {
        let (at, user) = (self.caller().at, erased.id);
        self.retire_username(&erased.username, None).await?;
        self.forget_owner_of_usernames(user).await?;
        let username = format!("{}{}", text::DELETED, user.uuid().simple());
        let update = user::Entity::update_many()
            .col_expr(user::Column::Searchable, Expr::value(searchable(&username, DELETED_USER, None)))
            .col_expr(user::Column::Username, Expr::value(username))
            .col_expr(user::Column::Name, Expr::value(DELETED_USER))
            .col_expr(user::Column::Email, Expr::value(None::<String>))
            .col_expr(user::Column::EmailVerified, Expr::value(false))
            .col_expr(user::Column::DisabledAt, Expr::col(user::Column::DisabledAt).if_null(at))
            .col_expr(user::Column::DeletedAt, Expr::value(at))
            .filter(user::Column::Id.eq(user))
            .exec(&self.db);
        run(update).await?;
        run(delivery::Entity::delete_many().filter(delivery::Column::RecipientId.eq(user)).exec(&self.db)).await?;
        self.delete_sign_in(user).await
    }
}

impl Store {
    /// Returns the caller's current authorization context.
    pub async fn auth_context(&self, caller: &Caller) -> Result<AuthContext> {
        auth_context(&self.checks, caller).await
    }

    /// Returns the user with this identity, and whether the user is deleted.
    pub async fn user_of(&self, identity: &Identity) -> Result<Option<(User, bool)>> {
        let row = run(by_identity(identity).one(&self.checks)).await?;
        Ok(row.map(with_deletion))
    }

    /// Returns the user with this username, unless deleted, for the operator.
    pub async fn user_by_username(&self, _: &Operator, username: &str) -> Result<Option<User>> {
        let find = user::Entity::find().filter(user::Column::Username.eq(username));
        let find = find.filter(conditions::user_exists(user::Entity));
        Ok(run(find.one(&self.read)).await?.map(User::from))
    }

    /// Returns the ID of the user with this username or placeholder, including a deleted one, for the operator.
    pub async fn user_id_by_username(&self, _: &Operator, username: &str) -> Result<Option<UserId>> {
        let find = user::Entity::find().filter(user::Column::Username.eq(username));
        Ok(run(find.one(&self.read)).await?.map(|row| row.id))
    }

    /// Returns these users with their organizations. Policy decides who may see them.
    pub async fn users(&self, ids: &[UserId]) -> Result<HashMap<UserId, UserRecord>> {
        let find = user::Entity::find().filter(user::Column::Id.is_in(ids.iter().copied()));
        let users = run(find.all(&self.read)).await?;
        let find = membership::Entity::find().filter(membership::Column::UserId.is_in(ids.iter().copied()));
        let mut belongs_to = HashMap::<_, BTreeSet<_>>::new();
        for row in run(find.all(&self.read)).await? {
            belongs_to.entry(row.user_id).or_default().insert(row.organization_id);
        }
        Ok(users
            .into_iter()
            .map(|row| {
                let belongs_to = belongs_to.remove(&row.id).unwrap_or_default();
                (row.id, UserRecord { deleted: row.deleted_at.is_some(), user: row.into(), belongs_to })
            })
            .collect())
    }

    /// Returns whether any user exists.
    pub async fn has_users(&self) -> Result<bool> {
        Ok(run(user::Entity::find().one(&self.read)).await?.is_some())
    }
}

/// Returns a user, and whether the user is deleted.
fn with_deletion(row: user::Model) -> (User, bool) {
    let is_deleted = UserStatus::of(row.disabled_at, row.deleted_at) == UserStatus::Deleted;
    (row.into(), is_deleted)
}

fn by_identity(identity: &Identity) -> sea_orm::Select<user::Entity> {
    user::Entity::find()
        .filter(user::Column::Issuer.eq(identity.issuer.clone()))
        .filter(user::Column::Subject.eq(identity.subject.clone()))
}

/// Returns the folded text that a case-insensitive search looks through, one line for each part.
fn searchable(username: &str, name: &str, email: Option<&str>) -> String {
    text::fold(&format!("{username}\n{name}\n{}", email.unwrap_or_default()))
}

async fn auth_context(connection: &impl ConnectionTrait, caller: &Caller) -> Result<AuthContext> {
    let Some(id) = caller.user() else { return Ok(AuthContext::new(caller, BTreeMap::new(), None)) };
    let user = run(user::Entity::find_by_id(id).one(connection)).await?;
    if user.is_none_or(|user| UserStatus::of(user.disabled_at, user.deleted_at) != UserStatus::Enabled) {
        return Err(Error::Unauthenticated);
    }
    let roles = roles(connection, id).await?;
    match caller.auth_method {
        AuthMethod::Token { token, .. } | AuthMethod::Value { token, .. } => {
            let organizations =
                token_organizations(connection, token, caller.at).await?.ok_or(Error::Unauthenticated)?;
            Ok(AuthContext::new(caller, roles, Some(&organizations)))
        }
        _ => Ok(AuthContext::new(caller, roles, None)),
    }
}

#[derive(FromQueryResult)]
struct RoleRow {
    organization_id: OrganizationId,
    role: Role,
}

pub(super) async fn roles(connection: &impl ConnectionTrait, user: UserId) -> Result<BTreeMap<OrganizationId, Role>> {
    let select = Query::select()
        .column(col("m", membership::Column::OrganizationId))
        .column(col("m", membership::Column::Role))
        .from_as(membership::Entity, "m")
        .join_as(
            JoinType::InnerJoin,
            organization::Entity,
            "o",
            same(col("o", organization::Column::Id), col("m", membership::Column::OrganizationId)),
        )
        .and_where(Expr::col(col("m", membership::Column::UserId)).eq(user))
        .and_where(conditions::organization_exists("o"))
        .take();
    let rows = all::<RoleRow>(connection, &select).await?;
    Ok(rows.into_iter().map(|row| (row.organization_id, row.role)).collect())
}
