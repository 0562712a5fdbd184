//! Invitations: links with which a user sets a password once, and the link of the first administrator.

use super::{
    Store, col, conditions,
    entity::{invitation, setting, user},
    maintenance::Maintenance,
    one,
    pagination::same,
    run, run_unique,
    tx::Tx,
};
use crate::domain::{
    error::{Error, Result},
    id::UserId,
    invitation::LIFETIME,
    policy::Operator,
    secret::Fingerprint,
    state::UserStatus,
    time::Time,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, FromQueryResult, QueryFilter as _,
    sea_query::{Expr, JoinType, Query},
};

/// The setting that is stored when the first user accepts the invitation of a new service.
const FIRST_USER_SETTING: &str = "first_user";

/// The user whom an invitation is for.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Invitation {
    /// The ID of the user; `None` for the first administrator.
    pub user: Option<UserId>,
    /// The username of the user.
    pub username: Option<String>,
    /// The display name of the user.
    pub name: Option<String>,
    /// The email address of the user.
    pub email: Option<String>,
}

impl Store {
    /// Returns the invitation whose code has this fingerprint, if it is valid.
    pub async fn invitation(&self, fingerprint: Fingerprint, at: Time) -> Result<Option<Invitation>> {
        let find = Query::select()
            .expr_as(Expr::col(col("u", user::Column::Id)), "user")
            .columns([col("u", user::Column::Username), col("u", user::Column::Name), col("u", user::Column::Email)])
            .from_as(invitation::Entity, "i")
            .join_as(
                JoinType::LeftJoin,
                user::Entity,
                "u",
                same(col("u", user::Column::Id), col("i", invitation::Column::UserId)),
            )
            .and_where(Expr::col(col("i", invitation::Column::Fingerprint)).eq(fingerprint))
            .and_where(Expr::col(col("i", invitation::Column::CreatedAt)).gt(at.minus(LIFETIME)))
            .and_where(conditions::user_is("u", UserStatus::Enabled))
            .take();
        match one::<Invitation>(&self.checks, &find).await? {
            Some(first) if first.user.is_none() && self.has_users().await? => Ok(None),
            found => Ok(found),
        }
    }
}

impl Tx {
    /// Stores an invitation and deletes the previous one of the user.
    pub async fn invite(&self, _: &Operator, user: UserId, fingerprint: Fingerprint) -> Result<()> {
        self.end_invitations(user).await?;
        let row = row_of(fingerprint, Some(user), self.caller().at);
        let inserted = run_unique(invitation::Entity::insert(row).exec_without_returning(&self.db)).await?;
        inserted.map(|_| ()).ok_or_else(|| Error::Conflict("This user was invited at the same moment.".into()))
    }

    /// Deletes an invitation, which thereby cannot be used again. Returns its user; `None` for the first administrator.
    pub async fn take_invitation(&self, fingerprint: Fingerprint) -> Result<Option<UserId>> {
        let take = invitation::Entity::delete_many()
            .filter(invitation::Column::Fingerprint.eq(fingerprint))
            .filter(invitation::Column::CreatedAt.gt(self.caller().at.minus(LIFETIME)))
            .exec_with_returning(&self.db);
        run(take).await?.pop().map(|row| row.user_id).ok_or(Error::NotFound("invitation"))
    }

    /// Deletes the invitation of a user.
    pub(super) async fn end_invitations(&self, user: UserId) -> Result<()> {
        let end = invitation::Entity::delete_many().filter(invitation::Column::UserId.eq(user)).exec(&self.db);
        run(end).await?;
        Ok(())
    }

    /// Returns whether any user exists.
    pub async fn has_users(&self) -> Result<bool> {
        Ok(run(user::Entity::find().one(&self.db)).await?.is_some())
    }

    /// Stores that this user is the first. `NOT_FOUND` if another one was first.
    pub async fn save_first_user(&self, _: &Operator, user: UserId) -> Result<()> {
        let row = setting::ActiveModel { name: Set(FIRST_USER_SETTING.into()), value: Set(user.to_string()) };
        let inserted = run_unique(setting::Entity::insert(row).exec_without_returning(&self.db)).await?;
        inserted.map(|_| ()).ok_or(Error::NotFound("invitation"))
    }
}

impl Maintenance<'_> {
    /// Stores the invitation of the first administrator, which replaces the previous one.
    pub async fn invite_first(&self, fingerprint: Fingerprint, at: Time) -> Result<()> {
        let transaction = self.store.begin().await?;
        let before = invitation::Entity::delete_many().filter(invitation::Column::UserId.is_null());
        run(before.exec(&transaction)).await?;
        let row = row_of(fingerprint, None, at);
        run(invitation::Entity::insert(row).exec_without_returning(&transaction)).await?;
        run(transaction.commit()).await
    }

    /// Deletes expired invitations.
    pub async fn delete_expired_invitations(&self, at: Time) -> Result<()> {
        let expired = invitation::Column::CreatedAt.lte(at.minus(LIFETIME));
        run(invitation::Entity::delete_many().filter(expired).exec(self.db())).await?;
        Ok(())
    }
}

fn row_of(fingerprint: Fingerprint, user: Option<UserId>, at: Time) -> invitation::ActiveModel {
    invitation::ActiveModel { fingerprint: Set(fingerprint), user_id: Set(user), created_at: Set(at) }
}
