//! Tokens: creation, changes, expiry and revocation.

use super::{
    Store,
    column_types::{Expiry, LastUse},
    conditions,
    entity::{grant, grant_scope, token, token_usage, token_value, user},
    run,
    tx::Tx,
    users::LOCK,
};
use crate::domain::{
    error::{Error, Result},
    id::{OrganizationId, TokenId, UserId},
    policy::{Operator, RecentlyAuthenticated, SignedInUser, System, TokenOwner, TokenRevoker},
    scope::ScopeSet,
    secret::Fingerprint,
    state::TokenStatus,
    text,
    time::Time,
    token::Token,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _,
    sea_query::{Expr, LockType},
};
use std::collections::{BTreeSet, HashMap};

/// A token to create.
#[derive(Debug)]
pub struct NewToken {
    /// The fingerprint of its value.
    pub fingerprint: Fingerprint,
    /// The first and last characters of the value.
    pub hint: String,
    /// The description.
    pub description: String,
    /// The scopes.
    pub scopes: ScopeSet,
    /// The expiry; `None` for never.
    pub expires_at: Option<Time>,
    /// The organizations that the token gets access to.
    pub organizations: BTreeSet<OrganizationId>,
}

/// The new values of the fields that an owner can change.
#[derive(Debug)]
pub struct TokenChange {
    /// The new description.
    pub description: String,
    /// All scopes of the token.
    pub scopes: ScopeSet,
    /// The expiry; `None` for never.
    pub expires_at: Option<Time>,
}

impl From<token::Model> for Token {
    fn from(row: token::Model) -> Self {
        Self {
            id: row.id,
            owner: row.owner_id,
            description: row.description,
            hint: row.hint,
            scopes: row.scopes,
            created_at: row.created_at,
            expires_at: row.expires_at.0,
            expired_at: row.expired_at,
            revoked_at: row.revoked_at,
            version: row.version,
        }
    }
}

impl Store {
    /// Returns the fingerprint of a token's newest value, with which the operator revokes it.
    pub async fn fingerprint_of(&self, _: &Operator, token: TokenId) -> Result<Option<Fingerprint>> {
        let find = token_value::Entity::find()
            .filter(token_value::Column::TokenId.eq(token))
            .order_by_desc(token_value::Column::ExpiresAt);
        Ok(run(find.one(&self.read)).await?.map(|row| row.fingerprint))
    }
}

impl Store {
    /// Returns tokens whose expiry has passed and is not recorded, those that expired first, up to a limit.
    pub async fn tokens_past_expiry(&self, at: Time, limit: usize) -> Result<Vec<TokenId>> {
        let find = token::Entity::find()
            .filter(token::Column::ExpiresAt.lte(Expiry(Some(at))))
            .filter(conditions::token_has_no_end(token::Entity))
            .order_by_asc(token::Column::ExpiresAt)
            .limit(u64::try_from(limit).unwrap_or(u64::MAX))
            .select_only()
            .column(token::Column::Id)
            .into_tuple();
        run(find.all(&self.read)).await
    }
}

impl Tx {
    /// Records that tokens expired, with their grants. Returns each token that had no end before, its owner, and the
    /// organizations that it had access to.
    pub async fn expire_tokens(
        &self,
        _: &System,
        tokens: &[TokenId],
    ) -> Result<Vec<(TokenId, UserId, Vec<OrganizationId>)>> {
        let at = self.caller().at;
        let find = token::Entity::find()
            .filter(token::Column::Id.is_in(tokens.iter().copied()))
            .filter(token::Column::ExpiresAt.lte(Expiry(Some(at))))
            .filter(conditions::token_has_no_end(token::Entity))
            .order_by_asc(token::Column::Id)
            .lock(LockType::NoKeyUpdate);
        let found = run(find.all(&self.db)).await?;
        let ids = || found.iter().map(|token| token.id);
        let grants = grant::Entity::find()
            .filter(grant::Column::TokenId.is_in(ids()))
            .filter(conditions::grant_lasted_until_expiry(grant::Entity))
            .order_by_asc(grant::Column::Id)
            .lock(LockType::NoKeyUpdate);
        let mut organizations = HashMap::<_, Vec<_>>::new();
        for grant in run(grants.all(&self.db)).await? {
            organizations.entry(grant.token_id).or_default().push(grant.organization_id);
        }
        let update = token::Entity::update_many()
            .col_expr(token::Column::ExpiredAt, Expr::value(at))
            .filter(token::Column::Id.is_in(ids()));
        run(update.exec(&self.db)).await?;
        let update = grant::Entity::update_many()
            .col_expr(grant::Column::EndedAt, Expr::value(at))
            .filter(grant::Column::TokenId.is_in(ids()))
            .filter(conditions::grant_has_no_end(grant::Entity));
        run(update.exec(&self.db)).await?;
        let expired =
            |token: &token::Model| (token.id, token.owner_id, organizations.remove(&token.id).unwrap_or_default());
        Ok(found.iter().map(expired).collect())
    }

    /// Returns the token with this value, whichever user owns it.
    pub async fn token_by_value(&self, fingerprint: Fingerprint) -> Result<Option<TokenId>> {
        let find = token_value::Entity::find().filter(conditions::token_value_is(
            token_value::Entity,
            fingerprint,
            self.caller().at,
        ));
        Ok(run(find.one(&self.db)).await?.map(|row| row.token_id))
    }

    /// Counts the active tokens of a user. If the user is locked, the second of two concurrent creations counts the
    /// token of the first.
    pub async fn count_active_tokens(&self, creator: &RecentlyAuthenticated<SignedInUser>) -> Result<u64> {
        let find = token::Entity::find()
            .filter(token::Column::OwnerId.eq(*creator.user()))
            .filter(conditions::token_is(token::Entity, TokenStatus::Active, self.caller().at));
        run(find.count(&self.db)).await
    }

    /// Creates a token with its grants.
    pub async fn insert_token(&self, creator: &RecentlyAuthenticated<SignedInUser>, new: NewToken) -> Result<Token> {
        let at = self.caller().at;
        let id = TokenId::new(at);
        let organizations = new.organizations;
        let token = Token {
            id,
            owner: *creator.user(),
            description: new.description,
            hint: new.hint,
            scopes: new.scopes,
            created_at: at,
            expires_at: new.expires_at,
            expired_at: None,
            revoked_at: None,
            version: 0,
        };
        let row = token::ActiveModel {
            id: Set(id),
            hint: Set(token.hint.clone()),
            owner_id: Set(token.owner),
            searchable: Set(text::fold(&token.description)),
            description: Set(token.description.clone()),
            scopes: Set(token.scopes.clone()),
            created_at: Set(at),
            expires_at: Set(Expiry(token.expires_at)),
            expired_at: Set(None),
            revoked_at: Set(None),
            version: Set(0),
        };
        run(token::Entity::insert(row).exec_without_returning(&self.db)).await?;
        let value = token_value::ActiveModel {
            fingerprint: Set(new.fingerprint),
            token_id: Set(id),
            created_at: Set(at),
            expires_at: Set(Expiry(None)),
        };
        run(token_value::Entity::insert(value).exec_without_returning(&self.db)).await?;
        let usage = token_usage::ActiveModel {
            token_id: Set(id),
            last_used_at: Set(LastUse(None)),
            allowed: Set(false),
            ..Default::default()
        };
        run(token_usage::Entity::insert(usage).exec_without_returning(&self.db)).await?;
        self.insert_grants(&token, organizations).await?;
        Ok(token)
    }

    /// Locks the owner of an active token and then the token until the commit. Changes of one token therefore run one
    /// after another, and none runs after its owner was deleted, since the token is revoked then.
    pub(super) async fn lock_token(&self, token: TokenId) -> Result<Token> {
        let at = self.caller().at;
        let owner = token::Entity::find().select_only().column(token::Column::OwnerId);
        let owner = owner.filter(token::Column::Id.eq(token)).into_query();
        let lock = user::Entity::find().filter(user::Column::Id.in_subquery(owner)).lock(LOCK);
        run(lock.one(&self.db)).await?;
        let update = token::Entity::update_many()
            .col_expr(token::Column::Version, Expr::col(token::Column::Version).add(1_i64))
            .filter(token::Column::Id.eq(token))
            .filter(conditions::token_is(token::Entity, TokenStatus::Active, at))
            .exec_with_returning(&self.db);
        if let Some(locked) = run(update).await?.pop() {
            return Ok(locked.into());
        }
        let found = run(token::Entity::find_by_id(token).one(&self.db)).await?;
        let found = Token::from(found.ok_or(Error::NotFound("token"))?);
        found.status(at).require_active()?;
        Err(Error::Conflict("The token was changed meanwhile; read it again.".into()))
    }

    /// Locks a token for a change by its owner. `CONFLICT` if it is expired or revoked.
    pub async fn lock_own_token(&self, owner: &TokenOwner) -> Result<Token> {
        self.lock_token(*owner.token()).await
    }

    /// Changes a token without adding scopes, and returns the organizations of its unremoved grants. The token must be locked.
    pub async fn change_token(
        &self,
        owner: &TokenOwner,
        before: &Token,
        change: &TokenChange,
    ) -> Result<Vec<OrganizationId>> {
        if !change.scopes.added_since(&before.scopes).is_empty() {
            return Err(Error::Bug("scopes were added without fresh authentication".into()));
        }
        self.write_token(*owner.token(), change).await
    }

    /// Like [`Tx::change_token`], but may add scopes.
    pub async fn extend_token(
        &self,
        owner: &RecentlyAuthenticated<TokenOwner>,
        change: &TokenChange,
    ) -> Result<Vec<OrganizationId>> {
        self.write_token(*owner.token(), change).await
    }

    async fn write_token(&self, id: TokenId, change: &TokenChange) -> Result<Vec<OrganizationId>> {
        let update = token::Entity::update_many()
            .col_expr(token::Column::Description, Expr::value(change.description.clone()))
            .col_expr(token::Column::Searchable, Expr::value(text::fold(&change.description)))
            .col_expr(token::Column::Scopes, Expr::value(change.scopes.clone()))
            .col_expr(token::Column::ExpiresAt, Expr::value(Expiry(change.expires_at)))
            .filter(token::Column::Id.eq(id))
            .exec(&self.db);
        run(update).await?;
        let grants = grant::Entity::update_many()
            .col_expr(grant::Column::ExpiresAt, Expr::value(Expiry(change.expires_at)))
            .filter(grant::Column::TokenId.eq(id))
            .filter(conditions::grant_is_unremoved(grant::Entity))
            .exec(&self.db);
        run(grants).await?;
        let unremoved = self.unremoved_grants(id).await?;
        let forget = grant_scope::Entity::delete_many().filter(grant_scope::Column::TokenId.eq(id)).exec(&self.db);
        run(forget).await?;
        let organizations: Vec<_> = unremoved.into_iter().map(|grant| grant.organization_id).collect();
        self.insert_grant_scopes(id, &change.scopes, organizations.iter().copied()).await?;
        Ok(organizations)
    }

    /// Revokes a token. Returns it with the organizations of its unremoved grants.
    pub async fn revoke_token(&self, revoker: &TokenRevoker) -> Result<(Token, Vec<OrganizationId>)> {
        let at = self.caller().at;
        let token = self.lock_token(*revoker.token()).await?;
        let update = token::Entity::update_many()
            .col_expr(token::Column::RevokedAt, Expr::value(at))
            .filter(token::Column::Id.eq(token.id))
            .exec(&self.db);
        run(update).await?;
        let grants = grant::Entity::update_many()
            .col_expr(grant::Column::EndedAt, Expr::value(at))
            .filter(grant::Column::TokenId.eq(token.id))
            .filter(conditions::grant_has_no_end(grant::Entity))
            .exec(&self.db);
        run(grants).await?;
        let unremoved = self.unremoved_grants(token.id).await?;
        let token = Token { revoked_at: Some(at), ..token };
        Ok((token, unremoved.into_iter().map(|grant| grant.organization_id).collect()))
    }

    /// Revokes all active tokens of a user and returns their IDs. [`Tx::remove_grants_of`] removes their grants.
    pub async fn revoke_tokens_of(&self, _: &Operator, owner: UserId) -> Result<Vec<TokenId>> {
        let at = self.caller().at;
        let update = token::Entity::update_many()
            .col_expr(token::Column::RevokedAt, Expr::value(at))
            .col_expr(token::Column::Version, Expr::col(token::Column::Version).add(1_i64))
            .filter(token::Column::OwnerId.eq(owner))
            .filter(conditions::token_is(token::Entity, TokenStatus::Active, at))
            .exec_with_returning(&self.db);
        Ok(run(update).await?.into_iter().map(|token| token.id).collect())
    }
}
