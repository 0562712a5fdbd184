//! The usage of tokens and grants: the last use and the most recent request. It is written in batches, and the later
//! time wins.

use super::{
    all, col,
    column_types::LastUse,
    conditions,
    entity::{grant, grant_usage, token_usage},
    maintenance::Maintenance,
    pagination::same,
    run,
};
use crate::domain::{
    error::Result,
    grant::{Request, Usage},
    id::{GrantId, OrganizationId, TokenId},
    time::Time,
};
use sea_orm::{
    EntityTrait as _, ExprTrait as _, FromQueryResult, Iden, IntoActiveModel as _,
    sea_query::{CaseStatement, Expr, JoinType, OnConflict, Query},
};
use std::collections::{BTreeMap, HashMap};

/// The number of rows that one statement writes.
const BATCH_SIZE: usize = 500;

/// The usage of one token across all organizations.
#[derive(Debug, Clone)]
pub struct TokenUsage {
    /// The ID of the token.
    pub token: TokenId,
    /// The usage of the token.
    pub usage: Usage,
}

/// The usage of one token with one organization.
#[derive(Debug, Clone)]
pub struct GrantUsage {
    /// The grant under which the token was used.
    pub grant: GrantId,
    /// The organization of the grant.
    pub organization: OrganizationId,
    /// The token of the grant.
    pub token: TokenId,
    /// The usage of the grant.
    pub usage: Usage,
}

/// Usage that is written together.
#[derive(Debug, Clone, Default)]
pub struct UsageBatch {
    /// The usage of tokens, at most once each.
    pub tokens: Vec<TokenUsage>,
    /// The usage of grants, at most once each.
    pub grants: Vec<GrantUsage>,
}

/// Lists the columns of usage that both tables have, of one of them. [`UsageColumns`] reads them.
macro_rules! usage_columns {
    ($table:ident) => {
        [
            $table::Column::LastUsedAt,
            $table::Column::LastRequestAt,
            $table::Column::Address,
            $table::Column::UserAgent,
            $table::Column::Method,
            $table::Column::Path,
            $table::Column::Scope,
            $table::Column::Allowed,
        ]
    };
}
pub(super) use usage_columns;

/// The columns of usage that both tables have.
#[derive(Debug, FromQueryResult)]
pub(super) struct UsageColumns {
    pub(super) last_used_at: LastUse,
    pub(super) last_request_at: Option<Time>,
    pub(super) address: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) allowed: bool,
}

impl From<UsageColumns> for Usage {
    fn from(row: UsageColumns) -> Self {
        Self {
            last_used_at: row.last_used_at.0,
            last_request: row.last_request_at.map(|at| Request {
                at,
                address: row.address.and_then(|address| address.parse().ok()),
                user_agent: row.user_agent,
                method: row.method,
                path: row.path,
                scope: row.scope,
                allowed: row.allowed,
            }),
        }
    }
}

pub(super) fn of_token(row: token_usage::Model) -> Usage {
    Usage::from(UsageColumns {
        last_used_at: row.last_used_at,
        last_request_at: row.last_request_at,
        address: row.address,
        user_agent: row.user_agent,
        method: row.method,
        path: row.path,
        scope: row.scope,
        allowed: row.allowed,
    })
}

impl Maintenance<'_> {
    /// Writes the usage of tokens and grants, in the order of their keys, so that two nodes do not deadlock. Stored
    /// usage with a later time is kept, so that a batch can be written again after an error.
    pub async fn save_usage(&self, batch: &UsageBatch) -> Result<()> {
        let (mut tokens, mut grants): (Vec<_>, Vec<_>) = (batch.tokens.iter().collect(), batch.grants.iter().collect());
        tokens.sort_unstable_by_key(|used| used.token);
        grants.sort_unstable_by_key(|used| used.grant);
        for chunk in tokens.chunks(BATCH_SIZE) {
            let rows = chunk.iter().map(|used| token_row(used).into_active_model());
            let keep_latest = keep_latest("token_usage", token_usage::Column::TokenId);
            run(token_usage::Entity::insert_many(rows).on_conflict(keep_latest).exec_without_returning(self.db()))
                .await?;
        }
        for chunk in grants.chunks(BATCH_SIZE) {
            let moved = self.current_grants(chunk).await?;
            for chunk in [chunk, &moved.iter().collect::<Vec<_>>()].into_iter().filter(|chunk| !chunk.is_empty()) {
                let rows = chunk.iter().map(|used| grant_row(used).into_active_model());
                let keep_latest = keep_latest("grant_usage", grant_usage::Column::GrantId);
                let insert = grant_usage::Entity::insert_many(rows).on_conflict(keep_latest);
                run(insert.exec_without_returning(self.db())).await?;
            }
        }
        Ok(())
    }

    /// Returns the usage of grants that were removed and granted again before it was written, as usage of the current
    /// grant.
    async fn current_grants(&self, used: &[&GrantUsage]) -> Result<Vec<GrantUsage>> {
        #[derive(FromQueryResult)]
        struct Row {
            before: GrantId,
            after: GrantId,
        }
        let of_both = same(col("b", grant::Column::TokenId), col("g", grant::Column::TokenId))
            .and(same(col("b", grant::Column::OrganizationId), col("g", grant::Column::OrganizationId)));
        let select = Query::select()
            .expr_as(Expr::col(col("b", grant::Column::Id)), "before")
            .expr_as(Expr::col(col("g", grant::Column::Id)), "after")
            .from_as(grant::Entity, "b")
            .join_as(JoinType::InnerJoin, grant::Entity, "g", of_both)
            .and_where(Expr::col(col("b", grant::Column::Id)).is_in(used.iter().map(|used| used.grant)))
            .and_where(conditions::grant_is_unremoved("b").not())
            .and_where(conditions::grant_is_unremoved("g"))
            .take();
        let after: HashMap<_, _> =
            all::<Row>(self.db(), &select).await?.into_iter().map(|row| (row.before, row.after)).collect();
        let current = |used: &GrantUsage| Some(GrantUsage { grant: *after.get(&used.grant)?, ..used.clone() });
        let moved = used.iter().filter_map(|used| current(used));
        let mut latest = BTreeMap::<_, GrantUsage>::new();
        for used in moved {
            let at = |used: &GrantUsage| used.usage.last_request.as_ref().map(|request| request.at);
            if latest.get(&used.grant).is_none_or(|other| at(other) < at(&used)) {
                latest.insert(used.grant, used);
            }
        }
        Ok(latest.into_values().collect())
    }
}

fn token_row(used: &TokenUsage) -> token_usage::Model {
    let request = used.usage.last_request.clone().unwrap_or_else(empty_request);
    token_usage::Model {
        token_id: used.token,
        last_used_at: LastUse(used.usage.last_used_at),
        last_request_at: Some(request.at),
        address: request.address.map(|address| address.to_string()),
        user_agent: request.user_agent,
        method: request.method,
        path: request.path,
        scope: request.scope,
        allowed: request.allowed,
    }
}

fn grant_row(used: &GrantUsage) -> grant_usage::Model {
    let request = used.usage.last_request.clone().unwrap_or_else(empty_request);
    grant_usage::Model {
        grant_id: used.grant,
        organization_id: used.organization,
        token_id: used.token,
        last_used_at: LastUse(used.usage.last_used_at),
        last_request_at: Some(request.at),
        address: request.address.map(|address| address.to_string()),
        user_agent: request.user_agent,
        method: request.method,
        path: request.path,
        scope: request.scope,
        allowed: request.allowed,
    }
}

fn empty_request() -> Request {
    Request {
        at: Time::default(),
        address: None,
        user_agent: None,
        method: None,
        path: None,
        scope: None,
        allowed: false,
    }
}

/// The row always exists; both tables have these columns. Keeps the later request and the later last use.
fn keep_latest(table: &'static str, key: impl Iden + 'static) -> OnConflict {
    let mut conflict = OnConflict::column(key);
    let stored = move |column: grant_usage::Column| Expr::col((table, column));
    let new = |column: grant_usage::Column| Expr::col(("excluded", column));
    let choose = move |column: grant_usage::Column, by: grant_usage::Column| {
        CaseStatement::new().case(stored(by).is_null().or(new(by).gte(stored(by))), new(column)).finally(stored(column))
    };
    for column in usage_columns!(grant_usage) {
        let by = match column {
            grant_usage::Column::LastUsedAt => column,
            _ => grant_usage::Column::LastRequestAt,
        };
        conflict.value(column, choose(column, by));
    }
    conflict
}
