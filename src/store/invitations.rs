//! Links by which somebody chooses a password, once; and the one that makes the first person of all.

use super::{
    Store,
    entity::{invitation, setting, user},
    limited, limited_unique,
    maintenance::Maintenance,
    one,
    pagination::same,
    tx::Tx,
};
use crate::domain::{
    error::{Error, Result},
    id::UserId,
    invitation::LIFE,
    policy::{FirstUser, Operator},
    secret::Fingerprint,
    time::Time,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, FromQueryResult, QueryFilter as _,
    sea_query::{Expr, JoinType, Query},
};

/// What is set once somebody came by the invitation of a new service.
const FIRST: &str = "first_person";

/// Whom an invitation is for.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Invitation {
    /// Who; nobody for whoever is to be the first.
    pub user: Option<UserId>,
    /// Their handle.
    pub username: Option<String>,
    /// What people call them.
    pub name: Option<String>,
    /// Where letters go.
    pub email: Option<String>,
}

impl Store {
    /// Whom the invitation of this code is for, if it is good.
    pub async fn invitation(&self, fingerprint: Fingerprint, at: Time) -> Result<Option<Invitation>> {
        let find = Query::select()
            .expr_as(Expr::col(("u", "id")), "user")
            .columns([("u", "username"), ("u", "name"), ("u", "email")])
            .from_as(invitation::Entity, "i")
            .join_as(JoinType::LeftJoin, user::Entity, "u", same(("u", "id"), ("i", "user_id")))
            .and_where(Expr::col(("i", "fingerprint")).eq(fingerprint))
            .and_where(Expr::col(("i", "created_at")).gt(at.minus(LIFE)))
            .and_where(Expr::col(("u", "disabled_at")).is_null())
            .take();
        match one::<Invitation>(&self.checks, &find).await? {
            Some(first) if first.user.is_none() && self.has_users().await? => Ok(None),
            found => Ok(found),
        }
    }
}

impl Tx {
    /// Keeps an invitation. The one that the person had before leads nowhere any more.
    pub async fn invite(&self, _: &Operator, user: UserId, fingerprint: Fingerprint) -> Result<()> {
        self.end_invitations(user).await?;
        let row = row_of(fingerprint, Some(user), self.caller().at);
        let inserted = limited_unique(invitation::Entity::insert(row).exec_without_returning(&self.db)).await?;
        inserted.map(|_| ()).ok_or_else(|| Error::Conflict("This user was invited at the same moment.".into()))
    }

    /// Takes an invitation, which then leads nowhere any more; tells whom it is for, nobody standing for the first.
    pub async fn take_invitation(&self, fingerprint: Fingerprint) -> Result<Option<UserId>> {
        let take = invitation::Entity::delete_many()
            .filter(invitation::Column::Fingerprint.eq(fingerprint))
            .filter(invitation::Column::CreatedAt.gt(self.caller().at.minus(LIFE)))
            .exec_with_returning(&self.db);
        limited(take).await?.pop().map(|row| row.user_id).ok_or(Error::NotFound("invitation"))
    }

    /// Ends what somebody was invited by.
    pub(super) async fn end_invitations(&self, user: UserId) -> Result<()> {
        let end = invitation::Entity::delete_many().filter(invitation::Column::UserId.eq(user)).exec(&self.db);
        limited(end).await?;
        Ok(())
    }

    /// Whether there is anybody yet.
    pub async fn has_users(&self) -> Result<bool> {
        Ok(limited(user::Entity::find().one(&self.db)).await?.is_some())
    }

    /// Holds fast that somebody is the first; nobody else is.
    pub async fn be_first(&self, pioneer: &FirstUser) -> Result<()> {
        let row = setting::ActiveModel { name: Set(FIRST.into()), value: Set(pioneer.user().to_string()) };
        let inserted = limited_unique(setting::Entity::insert(row).exec_without_returning(&self.db)).await?;
        inserted.map(|_| ()).ok_or(Error::NotFound("invitation"))
    }
}

impl Maintenance<'_> {
    /// Stores the invitation of the first administrator. It replaces the one before.
    pub async fn invite_first(&self, fingerprint: Fingerprint, at: Time) -> Result<()> {
        let transaction = self.store.begin().await?;
        let before = invitation::Entity::delete_many().filter(invitation::Column::UserId.is_null());
        limited(before.exec(&transaction)).await?;
        let row = row_of(fingerprint, None, at);
        limited(invitation::Entity::insert(row).exec_without_returning(&transaction)).await?;
        limited(transaction.commit()).await
    }

    /// Forgets invitations that are over.
    pub async fn sweep_invitations(&self, at: Time) -> Result<()> {
        let over = invitation::Column::CreatedAt.lte(at.minus(LIFE));
        limited(invitation::Entity::delete_many().filter(over).exec(self.db())).await?;
        Ok(())
    }
}

fn row_of(fingerprint: Fingerprint, user: Option<UserId>, at: Time) -> invitation::ActiveModel {
    invitation::ActiveModel { fingerprint: Set(fingerprint), user_id: Set(user), created_at: Set(at) }
}
