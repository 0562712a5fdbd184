//! The tokens that a caller can see, how much of each, and the order in which they are listed.

use super::{
    Store, all, col,
    column_types::{Expiry, LastUse},
    conditions,
    entity::{grant, membership, organization, token, token_usage, user},
    pagination::{self, SortColumn, SortOrder, same},
    run,
    tx::Tx,
};
use crate::domain::{
    error::Result,
    filter::{TokenFilter, TokenOrder, TokenOrderField},
    grant::Usage,
    id::{OrganizationId, TokenId, UserId},
    organization::Role,
    page::{Page, Slice},
    policy::{self, AuthContext, TokenAccess, Viewer, Visibility},
    scope::ScopeSet,
    state::TokenStatus,
    time::Time,
    token::Token,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, ExprTrait as _, FromQueryResult, QueryFilter as _,
    sea_query::{Expr, JoinType, Query, SelectStatement},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

impl Tx {
    /// Returns what the policy needs to know about a token; `None` if there is no such token.
    pub async fn token_access(&self, token: TokenId) -> Result<Option<TokenAccess>> {
        Ok(token_accesses(&self.db, &[token]).await?.remove(&token))
    }
}

impl Store {
    /// Returns those of these tokens that the caller can see, each with its authorization proof.
    pub async fn visible_tokens(
        &self,
        auth_context: &AuthContext,
        ids: &[TokenId],
    ) -> Result<HashMap<TokenId, (Token, Visibility)>> {
        let mut accesses = token_accesses(&self.read, ids).await?;
        let viewers: HashMap<_, _> = ids
            .iter()
            .filter_map(|id| accesses.remove(id))
            .filter_map(|access| Some((access.token, policy::token_visibility(auth_context, &access)?)))
            .collect();
        let find = token::Entity::find().filter(token::Column::Id.is_in(viewers.keys().copied()));
        let rows = run(find.all(&self.read)).await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| Some((row.id, (Token::from(row.clone()), viewers.get(&row.id)?.clone()))))
            .collect())
    }

    /// Returns a page of the viewer's tokens.
    pub async fn tokens_of(
        &self,
        viewer: &Viewer,
        filter: &TokenFilter,
        order: TokenOrder,
        page: &Page,
        at: Time,
    ) -> Result<Slice<Token>> {
        let select = pagination::paginate(tokens_of(viewer, filter, at), &sort_order(order), page);
        pagination::page_of(&self.read, &select, page, |row: TokenRow| {
            let cursor = pagination::cursor(order, row.id.uuid(), row.last_used_at, &row.username, row.expires_at);
            (cursor, row.into())
        })
        .await
    }

    /// Counts the viewer's tokens that match the filter.
    pub async fn count_tokens_of(&self, viewer: &Viewer, filter: &TokenFilter, at: Time) -> Result<u64> {
        pagination::count(&self.read, tokens_of(viewer, filter, at)).await
    }

    /// Returns the usage of tokens across all organizations, which only their owner may see.
    pub async fn usage_of(&self, tokens: &[TokenId]) -> Result<HashMap<TokenId, Usage>> {
        let find = token_usage::Entity::find().filter(token_usage::Column::TokenId.is_in(tokens.iter().copied()));
        let rows = run(find.all(&self.read)).await?;
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
    expires_at: Expiry,
    expired_at: Option<Time>,
    revoked_at: Option<Time>,
    version: i64,
    last_used_at: LastUse,
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

fn sort_order(order: TokenOrder) -> SortOrder<(&'static str, &'static str), (&'static str, &'static str)> {
    let key = match order.field {
        TokenOrderField::CreatedAt => SortColumn::Id,
        TokenOrderField::LastUsedAt => SortColumn::Number(col("u", token_usage::Column::LastUsedAt)),
        TokenOrderField::Owner => SortColumn::Text(col("o", user::Column::Username)),
        TokenOrderField::ExpiresAt => SortColumn::Number(col("t", token::Column::ExpiresAt)),
    };
    SortOrder { key, id: Some(col("t", token::Column::Id)), descending: order.descending }
}

fn tokens_of(viewer: &Viewer, filter: &TokenFilter, at: Time) -> SelectStatement {
    let mut select = Query::select();
    for column in [
        token::Column::Id,
        token::Column::Hint,
        token::Column::OwnerId,
        token::Column::Description,
        token::Column::Scopes,
        token::Column::CreatedAt,
        token::Column::ExpiresAt,
        token::Column::ExpiredAt,
        token::Column::RevokedAt,
        token::Column::Version,
    ] {
        select.column(col("t", column));
    }
    select
        .column(col("u", token_usage::Column::LastUsedAt))
        .column(col("o", user::Column::Username))
        .from_as(token::Entity, "t")
        .join_as(
            JoinType::InnerJoin,
            token_usage::Entity,
            "u",
            same(col("u", token_usage::Column::TokenId), col("t", token::Column::Id)),
        )
        .join_as(
            JoinType::InnerJoin,
            user::Entity,
            "o",
            same(col("o", user::Column::Id), col("t", token::Column::OwnerId)),
        )
        .and_where(Expr::col(col("t", token::Column::OwnerId)).eq(*viewer.user()))
        .cond_where(conditions::token_is_any("t", filter.statuses(), at))
        .cond_where(pagination::shared(filter, at));
    for scope in &filter.scopes {
        select
            .and_where(Expr::col(col("t", token::Column::Scopes)).like(super::like_containing(&format!(" {scope} "))));
    }
    if let Some(expected) = filter.owner_is_admin {
        select.and_where(pagination::either(Expr::exists(administered(viewer)), expected));
    }
    if viewer.within().is_some() {
        select.and_where(Expr::exists(visible_grants(viewer)));
    }
    select.take()
}

/// The visible grants of `t` in organizations that its owner administers.
fn administered(viewer: &Viewer) -> SelectStatement {
    visible_grants(viewer)
        .join_as(
            JoinType::InnerJoin,
            membership::Entity,
            "m",
            same(col("m", membership::Column::OrganizationId), col("g", grant::Column::OrganizationId))
                .and(same(col("m", membership::Column::UserId), col("g", grant::Column::OwnerId))),
        )
        .and_where(Expr::col(col("m", membership::Column::Role)).eq(Role::Admin))
        .take()
}

/// The unremoved grants of `t` that the caller can see: an acting token sees only those of organizations that it has
/// access to.
fn visible_grants(viewer: &Viewer) -> SelectStatement {
    let mut select = Query::select();
    select
        .expr(Expr::value(1))
        .from_as(grant::Entity, "g")
        .and_where(same(col("g", grant::Column::TokenId), col("t", token::Column::Id)))
        .and_where(conditions::grant_is_unremoved("g"));
    if let Some(within) = viewer.within() {
        select
            .and_where(Expr::col(col("g", grant::Column::OrganizationId)).is_in(within.organizations.iter().copied()));
    }
    select.take()
}

#[derive(FromQueryResult)]
struct TokenAccessRow {
    token_id: TokenId,
    owner_id: UserId,
    organization_id: Option<OrganizationId>,
    removed_at: Option<Time>,
}

/// Returns what the policy needs to know about these tokens.
async fn token_accesses(
    connection: &impl ConnectionTrait,
    tokens: &[TokenId],
) -> Result<BTreeMap<TokenId, TokenAccess>> {
    let mut found = BTreeMap::<TokenId, TokenAccess>::new();
    for row in all::<TokenAccessRow>(connection, &token_access_query(tokens)).await? {
        let access = found.entry(row.token_id).or_insert_with(|| TokenAccess {
            token: row.token_id,
            owner: row.owner_id,
            unremoved: BTreeSet::new(),
            removed: BTreeSet::new(),
        });
        match (row.organization_id, row.removed_at) {
            (Some(organization), None) => access.unremoved.insert(organization),
            (Some(organization), Some(_)) => access.removed.insert(organization),
            (None, _) => false,
        };
    }
    Ok(found)
}

fn token_access_query(tokens: &[TokenId]) -> SelectStatement {
    Query::select()
        .distinct()
        .expr_as(Expr::col(col("t", token::Column::Id)), "token_id")
        .column(col("t", token::Column::OwnerId))
        .expr_as(Expr::col(col("o", organization::Column::Id)), "organization_id")
        .column(col("g", grant::Column::RemovedAt))
        .from_as(token::Entity, "t")
        .join_as(
            JoinType::LeftJoin,
            grant::Entity,
            "g",
            same(col("g", grant::Column::TokenId), col("t", token::Column::Id)),
        )
        .join_as(
            JoinType::LeftJoin,
            organization::Entity,
            "o",
            same(col("o", organization::Column::Id), col("g", grant::Column::OrganizationId))
                .and(conditions::organization_exists("o")),
        )
        .and_where(Expr::col(col("t", token::Column::Id)).is_in(tokens.iter().copied()))
        .take()
}

/// Returns the organizations of an active token's grants; `None` if the token is not active.
pub(super) async fn token_organizations(
    connection: &impl ConnectionTrait,
    token: TokenId,
    at: Time,
) -> Result<Option<BTreeSet<OrganizationId>>> {
    #[derive(FromQueryResult)]
    struct Row {
        organization_id: Option<OrganizationId>,
    }
    let mut rows = all::<Row>(connection, &token_organizations_query(token, at)).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    Ok(Some(rows.drain(..).filter_map(|row| row.organization_id).collect()))
}

fn token_organizations_query(token: TokenId, at: Time) -> SelectStatement {
    Query::select()
        .column(col("g", grant::Column::OrganizationId))
        .from_as(token::Entity, "t")
        .join_as(
            JoinType::LeftJoin,
            grant::Entity,
            "g",
            same(col("g", grant::Column::TokenId), col("t", token::Column::Id))
                .and(conditions::grant_is_unremoved("g")),
        )
        .and_where(Expr::col(col("t", token::Column::Id)).eq(token))
        .cond_where(conditions::token_is("t", TokenStatus::Active, at))
        .take()
}

#[cfg(test)]
mod tests {
    use super::{
        super::sql_snapshots::{FIRST, NOW, page_after, plan, sql_of, viewer},
        *,
    };
    use crate::domain::cursor::SortKey;
    use insta::assert_snapshot;

    fn own(filter: &TokenFilter, order: TokenOrder, page: &Page) -> SelectStatement {
        pagination::paginate(tokens_of(&viewer(), filter, NOW), &sort_order(order), page)
    }

    #[test]
    fn own_tokens_are_one_statement() {
        let filter = TokenFilter { owner_is_admin: Some(true), ..Default::default() };
        let order = TokenOrder { field: TokenOrderField::Owner, descending: true };
        assert_snapshot!(sql_of(&own(&filter, order, &page_after(SortKey::Text("bob".into())))), @r#"
        SELECT "t"."id", "t"."hint", "t"."owner_id", "t"."description", "t"."scopes", "t"."created_at", "t"."expires_at", "t"."expired_at", "t"."revoked_at", "t"."version", "u"."last_used_at", "o"."username"
        FROM "tokens" AS "t"
        INNER JOIN "token_usage" AS "u" ON "u"."token_id" = "t"."id"
        INNER JOIN "users" AS "o" ON "o"."id" = "t"."owner_id"
        WHERE "t"."owner_id" = $1
        AND ("t"."revoked_at" IS NULL
        AND "t"."expired_at" IS NULL
        AND "t"."expires_at" > $2)
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
    async fn own_tokens_use_one_index_without_sorting() {
        let plan = plan(&own(&TokenFilter::default(), TokenOrder::default(), &FIRST)).await;
        assert!(plan.iter().any(|step| step.contains("USING INDEX tokens_by_owner_id_id (owner_id=?")), "{plan:?}");
        assert!(plan.iter().all(|step| step.starts_with("SEARCH ")), "{plan:?}");
    }
}
