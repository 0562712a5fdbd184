//! Usernames that are never given to another user. Those that users gave up are stored as HMAC-SHA-256 under a key that
//! each database generates once, and never as text: the username of a deleted user cannot be recovered.

use super::{
    entity::{setting, used_username},
    run,
    tx::Tx,
};
use crate::domain::{
    error::{Error, Result},
    id::UserId,
    mac::{MacKey, Purpose},
    secret::Fingerprint,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, EntityTrait as _, QueryFilter as _,
    sea_query::{Expr, OnConflict},
};
use std::collections::{BTreeSet, HashMap};

impl Tx {
    /// Returns those of these usernames that a user other than this one gave up.
    pub(super) async fn usernames_used(&self, names: &[String], except: Option<UserId>) -> Result<BTreeSet<String>> {
        let key = self.username_key().await?;
        let hashes: HashMap<_, _> = names.iter().map(|name| (*hash(&key, name).as_bytes(), name)).collect();
        let find = used_username::Entity::find()
            .filter(used_username::Column::Hash.is_in(hashes.keys().map(|hash| Fingerprint::from_bytes(*hash))));
        let used = run(find.all(&self.db)).await?.into_iter();
        let used = used.filter(|row| row.user_id.is_none() || row.user_id != except);
        Ok(used.filter_map(|row| hashes.get(row.hash.as_bytes())).map(ToString::to_string).collect())
    }

    /// Stores that a username was used. The user who gave it up can take it again; once that user is deleted, no user
    /// can.
    pub(super) async fn retire_username(&self, username: &str, user: Option<UserId>) -> Result<()> {
        let hash = hash(&self.username_key().await?, username);
        let row = used_username::ActiveModel { hash: Set(hash), user_id: Set(user) };
        let update =
            OnConflict::column(used_username::Column::Hash).update_column(used_username::Column::UserId).to_owned();
        let insert = used_username::Entity::insert(row).on_conflict(update).exec_without_returning(&self.db);
        run(insert).await?;
        Ok(())
    }

    /// Removes the reference to a user from the hashes of all usernames that the user ever had.
    pub(super) async fn forget_owner_of_usernames(&self, user: UserId) -> Result<()> {
        let update = used_username::Entity::update_many()
            .col_expr(used_username::Column::UserId, Expr::value(None::<UserId>))
            .filter(used_username::Column::UserId.eq(user))
            .exec(&self.db);
        run(update).await?;
        Ok(())
    }

    async fn username_key(&self) -> Result<MacKey> {
        let stored = run(setting::Entity::find_by_id(Purpose::Usernames.setting()).one(&self.db)).await?;
        let key = stored.ok_or_else(|| Error::Bug("the key of usernames is missing".into()))?;
        Ok(MacKey::parse(&key.value))
    }
}

fn hash(key: &MacKey, username: &str) -> Fingerprint {
    Fingerprint::from_bytes(key.hash(username.as_bytes()))
}
