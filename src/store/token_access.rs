//! Which tokens a caller can see, how much of each, and what the policy needs to know about a token.

use super::{
    Store, all, col, conditions,
    entity::{grant, organization, token, token_usage},
    pagination::same,
    run,
    tx::Tx,
};
use crate::domain::{
    error::Result,
    grant::Usage,
    id::{OrganizationId, TokenId, UserId},
    policy::{self, AuthContext, TokenAccess, Visibility},
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

    /// Returns the usage of tokens across all organizations, which only their owner may see.
    pub async fn usage_of(&self, tokens: &[TokenId]) -> Result<HashMap<TokenId, Usage>> {
        let find = token_usage::Entity::find().filter(token_usage::Column::TokenId.is_in(tokens.iter().copied()));
        let rows = run(find.all(&self.read)).await?;
        Ok(rows.into_iter().map(|row| (row.token_id, super::usage::of_token(row))).collect())
    }
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
