//! Tokens: made, changed, ended, and listed for whoever may see them.

use super::{
    Store, all,
    entity::{grant, grant_scope, grant_use, token, token_use},
    limited,
    listing::{self, Along},
    one,
    tx::{Tx, chunks},
    values::{End, LastUse},
};
use crate::domain::{
    error::{Error, Result},
    grant::Usage,
    id::{GrantId, OrganizationId, TokenId, UserId},
    list::{Page, Slice, TokenFilter, TokenOrder, TokenOrderField},
    policy::{self, Maker, Myself, Operator, Remover, Revoker, Seer, Sight, Standing, TokenOwner, Within},
    scope::ScopeSet,
    secret::Fingerprint,
    text,
    time::Time,
    token::{Token, TokenStatus},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, ExprTrait as _, FromQueryResult, QueryFilter as _,
    QuerySelect as _, QueryTrait as _,
    sea_query::{Expr, JoinType, Query, SelectStatement},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A token about to be made.
#[derive(Debug)]
pub struct NewToken {
    /// The digest of its value.
    pub fingerprint: Fingerprint,
    /// Enough of the value to recognise it by.
    pub hint: String,
    /// What it is for.
    pub description: String,
    /// What it may do.
    pub scopes: ScopeSet,
    /// When it ends by itself.
    pub expires_at: Option<Time>,
    /// Where its owner lets it reach.
    pub organizations: BTreeSet<OrganizationId>,
}

/// What an owner changes of a token.
#[derive(Debug)]
pub struct TokenChange {
    /// The new description.
    pub description: String,
    /// All its scopes from now on.
    pub scopes: ScopeSet,
    /// Its end from now on.
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

impl Tx {
    /// What rules need to know of a token; nothing when there is none.
    pub async fn sight_of(&self, token: TokenId) -> Result<Option<Sight>> {
        Ok(sights(&self.db, &[token]).await?.remove(&token))
    }

    /// The token with that value, whoever owns it.
    pub async fn token_by_value(&self, fingerprint: Fingerprint) -> Result<Option<TokenId>> {
        let find = token::Entity::find().filter(token::Column::Fingerprint.eq(fingerprint));
        Ok(limited(find.one(&self.db)).await?.map(|row| row.id))
    }

    /// Makes a token with its grants.
    pub async fn insert_token(&self, maker: &Maker, new: NewToken) -> Result<Token> {
        let at = self.caller().at;
        let id = TokenId::new(at);
        let organizations = new.organizations;
        let token = Token {
            id,
            owner: *maker.user(),
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
            fingerprint: Set(new.fingerprint),
            hint: Set(token.hint.clone()),
            owner_id: Set(token.owner),
            searchable: Set(text::fold(&token.description)),
            description: Set(token.description.clone()),
            scopes: Set(token.scopes.clone()),
            created_at: Set(at),
            expires_at: Set(End(token.expires_at)),
            expired_at: Set(None),
            revoked_at: Set(None),
            version: Set(0),
        };
        limited(token::Entity::insert(row).exec_without_returning(&self.db)).await?;
        let usage = token_use::ActiveModel {
            token_id: Set(id),
            last_used_at: Set(LastUse(None)),
            allowed: Set(false),
            ..Default::default()
        };
        limited(token_use::Entity::insert(usage).exec_without_returning(&self.db)).await?;
        self.insert_grants(&token, organizations).await?;
        Ok(token)
    }

    /// Holds an active token's row until the commit, so that changes to one token happen one after the other.
    async fn claim(&self, token: TokenId) -> Result<Token> {
        let at = self.caller().at;
        let update = token::Entity::update_many()
            .col_expr(token::Column::Version, Expr::col(token::Column::Version).add(1_i64))
            .filter(token::Column::Id.eq(token))
            .filter(token::Column::RevokedAt.is_null())
            .filter(token::Column::ExpiredAt.is_null())
            .filter(token::Column::ExpiresAt.gt(End(Some(at))))
            .exec_with_returning(&self.db);
        if let Some(claimed) = limited(update).await?.pop() {
            return Ok(claimed.into());
        }
        let found = limited(token::Entity::find_by_id(token).one(&self.db)).await?;
        let found = Token::from(found.ok_or(Error::NotFound("token"))?);
        found.status(at).changeable()?;
        Err(Error::Conflict("The token was changed meanwhile; read it again.".into()))
    }

    /// Holds a token for its owner, who is about to change it. What is final is `CONFLICT`.
    pub async fn claim_own(&self, owner: &TokenOwner) -> Result<Token> {
        self.claim(*owner.token()).await
    }

    /// Changes what an owner may change; tells where the token's grants stand. The caller holds the token.
    pub async fn change_token(&self, owner: &TokenOwner, change: &TokenChange) -> Result<Vec<OrganizationId>> {
        let id = *owner.token();
        let update = token::Entity::update_many()
            .col_expr(token::Column::Description, Expr::value(change.description.clone()))
            .col_expr(token::Column::Searchable, Expr::value(text::fold(&change.description)))
            .col_expr(token::Column::Scopes, Expr::value(change.scopes.clone()))
            .col_expr(token::Column::ExpiresAt, Expr::value(End(change.expires_at)))
            .filter(token::Column::Id.eq(id))
            .exec(&self.db);
        limited(update).await?;
        let grants = grant::Entity::update_many()
            .col_expr(grant::Column::ExpiresAt, Expr::value(End(change.expires_at)))
            .filter(grant::Column::TokenId.eq(id))
            .filter(grant::Column::RemovedAt.is_null())
            .exec(&self.db);
        limited(grants).await?;
        let standing = self.standing_grants(id).await?;
        let forget = grant_scope::Entity::delete_many().filter(grant_scope::Column::TokenId.eq(id)).exec(&self.db);
        limited(forget).await?;
        let organizations: Vec<_> = standing.into_iter().map(|grant| grant.organization_id).collect();
        self.insert_grant_scopes(id, &change.scopes, organizations.iter().copied()).await?;
        Ok(organizations)
    }

    /// Ends a token for good; tells whose it was and where its grants stand.
    pub async fn revoke_token(&self, revoker: &Revoker) -> Result<(Token, Vec<OrganizationId>)> {
        let at = self.caller().at;
        let token = self.claim(*revoker.token()).await?;
        let update = token::Entity::update_many()
            .col_expr(token::Column::RevokedAt, Expr::value(at))
            .filter(token::Column::Id.eq(token.id))
            .exec(&self.db);
        limited(update).await?;
        let grants = grant::Entity::update_many()
            .col_expr(grant::Column::EndedAt, Expr::value(at))
            .filter(grant::Column::TokenId.eq(token.id))
            .filter(grant::Column::RemovedAt.is_null())
            .filter(grant::Column::EndedAt.is_null())
            .exec(&self.db);
        limited(grants).await?;
        let standing = self.standing_grants(token.id).await?;
        let token = Token { revoked_at: Some(at), ..token };
        Ok((token, standing.into_iter().map(|grant| grant.organization_id).collect()))
    }

    /// Ends all tokens of somebody that are not over; tells which. Their grants end by [`Tx::end_access_of`].
    pub async fn revoke_tokens_of(&self, _: &Operator, owner: UserId) -> Result<Vec<TokenId>> {
        let at = self.caller().at;
        let update = token::Entity::update_many()
            .col_expr(token::Column::RevokedAt, Expr::value(at))
            .col_expr(token::Column::Version, Expr::col(token::Column::Version).add(1_i64))
            .filter(token::Column::OwnerId.eq(owner))
            .filter(token::Column::RevokedAt.is_null())
            .filter(token::Column::ExpiredAt.is_null())
            .filter(token::Column::ExpiresAt.gt(End(Some(at))))
            .exec_with_returning(&self.db);
        Ok(limited(update).await?.into_iter().map(|token| token.id).collect())
    }

    /// Ends all access of somebody's tokens; tells where each had some.
    pub async fn end_access_of(&self, _: &Operator, owner: UserId) -> Result<HashMap<TokenId, Vec<OrganizationId>>> {
        let own =
            token::Entity::find().select_only().column(token::Column::Id).filter(token::Column::OwnerId.eq(owner));
        let which = Condition::all().add(grant::Column::TokenId.in_subquery(own.into_query()));
        let mut ended = HashMap::<_, Vec<_>>::new();
        for grant in self.end_grants(which, None).await? {
            ended.entry(grant.token_id).or_default().push(grant.organization_id);
        }
        Ok(ended)
    }

    /// Lets a token reach one more organization. The caller holds the token.
    pub async fn add_organization(&self, token: &Token, organization: OrganizationId) -> Result<GrantId> {
        let standing = self.standing_grants(token.id).await?;
        if standing.iter().any(|grant| grant.organization_id == organization) {
            return Err(Error::Conflict("The token reaches this organization already.".into()));
        }
        if standing.len() >= crate::domain::token::MOST_ORGANIZATIONS {
            return Err(Error::invalid(
                "organizationId",
                "A token reaches at most 100 organizations; remove one first, or make another token.",
            ));
        }
        let grants = self.insert_grants(token, BTreeSet::from([organization])).await?;
        grants.first().copied().ok_or_else(|| Error::Bug("no grant was made".into()))
    }

    /// Takes an organization away from a token; tells whose it is. `CONFLICT` when somebody was quicker.
    pub async fn remove_organization(&self, remover: &Remover, reason: Option<&str>) -> Result<(GrantId, UserId)> {
        let token = self.claim(*remover.token()).await?;
        let removed = self
            .end_grants(
                Condition::all()
                    .add(grant::Column::TokenId.eq(token.id))
                    .add(grant::Column::OrganizationId.eq(*remover.organization())),
                reason,
            )
            .await?;
        let removed = removed
            .first()
            .ok_or_else(|| Error::Conflict("The organization has been removed from this token already.".into()))?;
        Ok((removed.id, token.owner))
    }

    /// Ends standing grants and forgets their scopes.
    pub(super) async fn end_grants(&self, which: Condition, reason: Option<&str>) -> Result<Vec<grant::Model>> {
        let update = grant::Entity::update_many()
            .col_expr(grant::Column::RemovedAt, Expr::value(self.caller().at))
            .col_expr(grant::Column::RemovedBy, Expr::value(self.caller().user()))
            .col_expr(grant::Column::RemovalReason, Expr::value(reason.map(ToOwned::to_owned)))
            .filter(which)
            // Somebody else may have been quicker.
            .filter(grant::Column::RemovedAt.is_null())
            .exec_with_returning(&self.db);
        let ended = limited(update).await?;
        let mut by_organization = BTreeMap::<_, Vec<_>>::new();
        for grant in &ended {
            by_organization.entry(grant.organization_id).or_default().push(grant.token_id);
        }
        for (organization, tokens) in by_organization {
            for some in chunks(tokens, 500) {
                let forget = grant_scope::Entity::delete_many()
                    .filter(grant_scope::Column::OrganizationId.eq(organization))
                    .filter(grant_scope::Column::TokenId.is_in(some))
                    .exec(&self.db);
                limited(forget).await?;
            }
        }
        Ok(ended)
    }

    async fn standing_grants(&self, token: TokenId) -> Result<Vec<grant::Model>> {
        let find =
            grant::Entity::find().filter(grant::Column::TokenId.eq(token)).filter(grant::Column::RemovedAt.is_null());
        limited(find.all(&self.db)).await
    }

    async fn insert_grants(&self, token: &Token, organizations: BTreeSet<OrganizationId>) -> Result<Vec<GrantId>> {
        let at = self.caller().at;
        let made: Vec<_> = organizations.iter().map(|organization| (GrantId::new(at), *organization)).collect();
        let grants = made.iter().map(|(id, organization)| grant::ActiveModel {
            id: Set(*id),
            organization_id: Set(*organization),
            token_id: Set(token.id),
            owner_id: Set(token.owner),
            expires_at: Set(End(token.expires_at)),
            ended_at: Set(None),
            granted_at: Set(at),
            removed_at: Set(None),
            removed_by: Set(None),
            removal_reason: Set(None),
        });
        limited(grant::Entity::insert_many(grants).exec_without_returning(&self.db)).await?;
        let uses = made.iter().map(|(id, organization)| grant_use::ActiveModel {
            grant_id: Set(*id),
            organization_id: Set(*organization),
            token_id: Set(token.id),
            last_used_at: Set(LastUse(None)),
            allowed: Set(false),
            ..Default::default()
        });
        limited(grant_use::Entity::insert_many(uses).exec_without_returning(&self.db)).await?;
        self.insert_grant_scopes(token.id, &token.scopes, organizations).await?;
        Ok(made.into_iter().map(|(id, _)| id).collect())
    }

    async fn insert_grant_scopes(
        &self,
        token: TokenId,
        scopes: &ScopeSet,
        organizations: impl IntoIterator<Item = OrganizationId>,
    ) -> Result<()> {
        let rows: Vec<_> = organizations
            .into_iter()
            .flat_map(|organization| {
                scopes.iter().map(move |scope| grant_scope::ActiveModel {
                    organization_id: Set(organization),
                    scope: Set(scope.clone()),
                    token_id: Set(token),
                })
            })
            .collect();
        for some in chunks(rows, 1_000) {
            limited(grant_scope::Entity::insert_many(some).exec_without_returning(&self.db)).await?;
        }
        Ok(())
    }
}

impl Store {
    /// Those of the tokens that the caller sees, with how much of each.
    pub async fn tokens_seen(&self, standing: &Standing, ids: &[TokenId]) -> Result<HashMap<TokenId, (Token, Seer)>> {
        let mut sights = sights(&self.read, ids).await?;
        let seen: HashMap<_, _> = ids
            .iter()
            .filter_map(|id| sights.remove(id))
            .filter_map(|sight| Some((sight.token, policy::seer_of(standing, &sight)?)))
            .collect();
        let find = token::Entity::find().filter(token::Column::Id.is_in(seen.keys().copied()));
        let rows = limited(find.all(&self.read)).await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| Some((row.id, (Token::from(row.clone()), seen.get(&row.id)?.clone()))))
            .collect())
    }

    /// What rules need to know of a token; nothing when there is none.
    pub async fn sight_of(&self, token: TokenId) -> Result<Option<Sight>> {
        Ok(sights(&self.read, &[token]).await?.remove(&token))
    }

    /// One's own tokens.
    pub async fn tokens_of(
        &self,
        myself: &Myself,
        filter: &TokenFilter,
        order: TokenOrder,
        page: &Page,
        at: Time,
    ) -> Result<Slice<Token>> {
        let select = listing::cut(tokens_of(myself, filter, order, at), &along(order), page);
        listing::page_of(&self.read, &select, page, |row: TokenRow| {
            let place = listing::cursor(order, row.id.uuid(), row.last_used_at, &row.username, row.expires_at_number);
            (place, row.into())
        })
        .await
    }

    /// How many of them there are.
    pub async fn count_tokens_of(&self, myself: &Myself, filter: &TokenFilter, at: Time) -> Result<u64> {
        listing::count(&self.read, tokens_of(myself, filter, TokenOrder::default(), at)).await
    }

    /// The last use of tokens over every organization, which their owner alone sees.
    pub async fn usage_of(&self, tokens: &[TokenId]) -> Result<HashMap<TokenId, Usage>> {
        let find = token_use::Entity::find().filter(token_use::Column::TokenId.is_in(tokens.iter().copied()));
        let rows = limited(find.all(&self.read)).await?;
        Ok(rows.into_iter().map(|row| (row.token_id, super::usage::of_token(row))).collect())
    }
}

#[derive(FromQueryResult)]
struct TokenRow {
    id: TokenId,
    hint: String,
    owner_id: UserId,
    description: String,
    scopes: ScopeSet,
    created_at: Time,
    expires_at: End,
    expires_at_number: i64,
    expired_at: Option<Time>,
    revoked_at: Option<Time>,
    version: i64,
    last_used_at: i64,
    username: String,
}

impl From<TokenRow> for Token {
    fn from(row: TokenRow) -> Self {
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

fn along(order: TokenOrder) -> Along<(&'static str, &'static str), (&'static str, &'static str)> {
    let key = match order.field {
        TokenOrderField::CreatedAt => None,
        TokenOrderField::LastUsedAt => Some(("u", "last_used_at")),
        TokenOrderField::Owner => Some(("o", "username")),
        TokenOrderField::ExpiresAt => Some(("t", "expires_at")),
    };
    Along { key, id: Some(("t", "id")), descending: order.descending }
}

fn tokens_of(myself: &Myself, filter: &TokenFilter, _: TokenOrder, at: Time) -> SelectStatement {
    let mut select = Query::select();
    for column in [
        "id",
        "hint",
        "owner_id",
        "description",
        "scopes",
        "created_at",
        "expires_at",
        "expired_at",
        "revoked_at",
        "version",
    ] {
        select.column(("t", column));
    }
    select
        .expr_as(Expr::col(("t", "expires_at")), "expires_at_number")
        .column(("u", "last_used_at"))
        .column(("o", "username"))
        .from_as(token::Entity, "t")
        .join_as(JoinType::InnerJoin, token_use::Entity, "u", same(("u", "token_id"), ("t", "id")))
        .join_as(JoinType::InnerJoin, "users", "o", same(("o", "id"), ("t", "owner_id")))
        .and_where(Expr::col(("t", "owner_id")).eq(*myself.user()))
        .cond_where(listing::in_states(filter.statuses(), at))
        .cond_where(listing::shared(filter));
    for scope in &filter.scopes {
        select.and_where(Expr::col(("t", "scopes")).like(super::holding(&format!(" {scope} "))));
    }
    let admin = filter.owner_is_admin.into_iter().chain(filter.admins.then_some(true));
    for wanted in admin {
        select.and_where(listing::either(Expr::exists(administered()), wanted));
    }
    if let Some(within) = myself.within() {
        select.and_where(Expr::exists(reaching_any(within)));
    }
    select.take()
}

/// The standing grants of `t` in organizations that its owner administers.
fn administered() -> SelectStatement {
    Query::select()
        .expr(Expr::value(1))
        .from_as(grant::Entity, "g")
        .join_as(
            JoinType::InnerJoin,
            "memberships",
            "m",
            same(("m", "organization_id"), ("g", "organization_id")).and(same(("m", "user_id"), ("g", "owner_id"))),
        )
        .and_where(same(("g", "token_id"), ("t", "id")))
        .and_where(Expr::col(("g", "removed_at")).is_null())
        .and_where(Expr::col(("m", "role")).eq("admin"))
        .take()
}

/// The standing grants of `t` in the organizations that an acting token reaches.
fn reaching_any(within: &Within) -> SelectStatement {
    Query::select()
        .expr(Expr::value(1))
        .from_as(grant::Entity, "g")
        .and_where(same(("g", "token_id"), ("t", "id")))
        .and_where(Expr::col(("g", "removed_at")).is_null())
        .and_where(Expr::col(("g", "organization_id")).is_in(within.organizations.iter().copied()))
        .take()
}

pub(super) fn same(left: (&'static str, &'static str), right: (&'static str, &'static str)) -> Expr {
    Expr::col(left).equals(right)
}

#[derive(FromQueryResult)]
struct SightRow {
    token_id: TokenId,
    owner_id: UserId,
    organization_id: Option<OrganizationId>,
    removed_at: Option<Time>,
}

/// What rules need to know of these tokens.
async fn sights(connection: &impl ConnectionTrait, tokens: &[TokenId]) -> Result<BTreeMap<TokenId, Sight>> {
    let mut found = BTreeMap::<TokenId, Sight>::new();
    for row in all::<SightRow>(connection, &sights_of(tokens)).await? {
        let sight = found.entry(row.token_id).or_insert_with(|| Sight {
            token: row.token_id,
            owner: row.owner_id,
            standing: BTreeSet::new(),
            removed: BTreeSet::new(),
        });
        match (row.organization_id, row.removed_at) {
            (Some(organization), None) => sight.standing.insert(organization),
            (Some(organization), Some(_)) => sight.removed.insert(organization),
            (None, _) => false,
        };
    }
    Ok(found)
}

fn sights_of(tokens: &[TokenId]) -> SelectStatement {
    Query::select()
        .distinct()
        .expr_as(Expr::col(("t", "id")), "token_id")
        .column(("t", "owner_id"))
        .column(("o", "id"))
        .expr_as(Expr::col(("o", "id")), "organization_id")
        .column(("g", "removed_at"))
        .from_as(token::Entity, "t")
        .join_as(JoinType::LeftJoin, grant::Entity, "g", same(("g", "token_id"), ("t", "id")))
        .join_as(
            JoinType::LeftJoin,
            "organizations",
            "o",
            same(("o", "id"), ("g", "organization_id")).and(Expr::col(("o", "deleted_at")).is_null()),
        )
        .and_where(Expr::col(("t", "id")).is_in(tokens.iter().copied()))
        .take()
}

/// The organizations that an active token's grants open; nothing when the token is over.
pub(super) async fn reach_of(
    connection: &impl ConnectionTrait,
    token: TokenId,
    at: Time,
) -> Result<Option<BTreeSet<OrganizationId>>> {
    #[derive(FromQueryResult)]
    struct Row {
        organization_id: Option<OrganizationId>,
    }
    let mut rows = all::<Row>(connection, &reach(token, at)).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    Ok(Some(rows.drain(..).filter_map(|row| row.organization_id).collect()))
}

fn reach(token: TokenId, at: Time) -> SelectStatement {
    Query::select()
        .column(("g", "organization_id"))
        .from_as(token::Entity, "t")
        .join_as(
            JoinType::LeftJoin,
            grant::Entity,
            "g",
            same(("g", "token_id"), ("t", "id")).and(Expr::col(("g", "removed_at")).is_null()),
        )
        .and_where(Expr::col(("t", "id")).eq(token))
        .cond_where(listing::in_states(&[TokenStatus::Active], at))
        .take()
}

impl Store {
    /// Whether there is a token with that value, for tools that hold it; its id only.
    pub async fn token_by_value(&self, fingerprint: Fingerprint) -> Result<Option<TokenId>> {
        #[derive(FromQueryResult)]
        struct Row {
            id: TokenId,
        }
        let find = Query::select()
            .column(token::Column::Id)
            .from(token::Entity)
            .and_where(token::Column::Fingerprint.eq(fingerprint))
            .take();
        Ok(one::<Row>(&self.read, &find).await?.map(|row| row.id))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::questions::{FIRST, NOW, asked, behind, myself, plan},
        *,
    };
    use crate::domain::list::Key;
    use insta::assert_snapshot;

    fn own(filter: &TokenFilter, order: TokenOrder, page: &Page) -> SelectStatement {
        listing::cut(tokens_of(&myself(), filter, order, NOW), &along(order), page)
    }

    #[test]
    fn ones_own_tokens_are_one_statement() {
        let filter = TokenFilter { admins: true, ..Default::default() };
        let order = TokenOrder { field: TokenOrderField::Owner, descending: true };
        assert_snapshot!(asked(&own(&filter, order, &behind(Key::Text("bob".into())))), @r#"
        SELECT "t"."id", "t"."hint", "t"."owner_id", "t"."description", "t"."scopes", "t"."created_at", "t"."expires_at", "t"."expired_at", "t"."revoked_at", "t"."version", "t"."expires_at" AS "expires_at_number", "u"."last_used_at", "o"."username"
        FROM "tokens" AS "t"
        INNER JOIN "token_uses" AS "u" ON "u"."token_id" = "t"."id"
        INNER JOIN "users" AS "o" ON "o"."id" = "t"."owner_id"
        WHERE "t"."owner_id" = $1
        AND ((NOT "t"."revoked_at" IS NOT NULL)
        AND (NOT ("t"."expired_at" IS NOT NULL OR "t"."expires_at" <= $2)))
        AND TRUE
        AND TRUE
        AND TRUE
        AND EXISTS(SELECT $3
        FROM "grants" AS "g"
        INNER JOIN "memberships" AS "m" ON "m"."organization_id" = "g"."organization_id"
        AND "m"."user_id" = "g"."owner_id"
        WHERE "g"."token_id" = "t"."id"
        AND "g"."removed_at" IS NULL
        AND "m"."role" = $4)
        AND ("o"."username", "t"."id") < ($5, $6)
        ORDER BY "o"."username" DESC, "t"."id" DESC
        LIMIT $7
        "#);
    }

    #[tokio::test]
    async fn ones_own_tokens_walk_one_index_and_sort_nothing() {
        let plan = plan(&own(&TokenFilter::default(), TokenOrder::default(), &FIRST)).await;
        assert!(plan.iter().any(|step| step.contains("USING INDEX tokens_by_owner_id_id (owner_id=?")), "{plan:?}");
        assert!(plan.iter().all(|step| step.starts_with("SEARCH ")), "{plan:?}");
    }
}
