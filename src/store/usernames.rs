//! Usernames that are never given to another user. Those that users gave up are stored as HMAC-SHA-256 under a key that each
//! database generates once, and never as text: what a deleted user was called cannot be read back.

use super::{
    Store,
    entity::{setting, used_username},
    limited,
    tx::Tx,
};
use crate::domain::{
    error::{Error, Result},
    id::UserId,
    secret::{Fingerprint, random_text},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, EntityTrait as _, QueryFilter as _,
    sea_query::{Expr, OnConflict},
};
use sha2::Sha256;
use std::collections::{BTreeSet, HashMap};

/// The name of the key among the settings.
const KEY: &str = "usernames.key";
/// The characters of the key: 256 bits.
const KEY_LENGTH: usize = 43;

impl Store {
    /// Generates the key at the first start.
    pub(super) async fn keep_username_key(&self) -> Result<()> {
        self.kept(KEY, || random_text(KEY_LENGTH)).await.map(|_| ())
    }
}

impl Tx {
    /// Those of these usernames that another user than this one had.
    pub(super) async fn usernames_used(&self, names: &[String], but_for: Option<UserId>) -> Result<BTreeSet<String>> {
        let key = self.username_key().await?;
        let hashes: HashMap<_, _> = names.iter().map(|name| (*hash(key.clone(), name).as_bytes(), name)).collect();
        let find = used_username::Entity::find()
            .filter(used_username::Column::Hash.is_in(hashes.keys().map(|hash| Fingerprint::from_bytes(*hash))));
        let used = limited(find.all(&self.db)).await?.into_iter();
        let used = used.filter(|row| row.user_id.is_none() || row.user_id != but_for);
        Ok(used.filter_map(|row| hashes.get(row.hash.as_bytes())).map(ToString::to_string).collect())
    }

    /// Stores that a username was used. The user who gave it up may take it again; no user may once it is deleted.
    pub(super) async fn retire_username(&self, username: &str, user: Option<UserId>) -> Result<()> {
        let hash = hash(self.username_key().await?, username);
        let row = used_username::ActiveModel { hash: Set(hash), user_id: Set(user) };
        let update =
            OnConflict::column(used_username::Column::Hash).update_column(used_username::Column::UserId).to_owned();
        let insert = used_username::Entity::insert(row).on_conflict(update).exec_without_returning(&self.db);
        limited(insert).await?;
        Ok(())
    }

    /// Cuts the hashes of all usernames that a user ever had from the user.
    pub(super) async fn forget_owner_of_usernames(&self, user: UserId) -> Result<()> {
        let update = used_username::Entity::update_many()
            .col_expr(used_username::Column::UserId, Expr::value(None::<UserId>))
            .filter(used_username::Column::UserId.eq(user))
            .exec(&self.db);
        limited(update).await?;
        Ok(())
    }

    async fn username_key(&self) -> Result<Hmac<Sha256>> {
        let kept = limited(setting::Entity::find_by_id(KEY).one(&self.db)).await?;
        let key = kept.ok_or_else(|| Error::Bug("the key of usernames was not generated".into()))?.value;
        Hmac::new_from_slice(key.as_bytes()).map_err(|error| Error::Bug(error.to_string().into()))
    }
}

fn hash(mut mac: Hmac<Sha256>, username: &str) -> Fingerprint {
    mac.update(username.as_bytes());
    Fingerprint::from_bytes(mac.finalize().into_bytes().into())
}
