//! The usage of tokens and grants: the last use and the most recent request. It is written in batches, and the later
//! time wins.

use super::{
    all,
    column_types::LastUse,
    entity::{grant, grant_use, token_use},
    maintenance::Maintenance,
    pagination::same,
    run,
    tx::chunks,
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

/// The columns of usage that both tables have.
pub(super) struct UseColumns {
    pub(super) last_used_at: LastUse,
    pub(super) last_at: Option<Time>,
    pub(super) address: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) allowed: bool,
}

pub(super) fn of(row: UseColumns) -> Usage {
    Usage {
        last_used_at: row.last_used_at.0,
        last_request: row.last_at.map(|at| Request {
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

pub(super) fn of_token(row: token_use::Model) -> Usage {
    of(UseColumns {
        last_used_at: row.last_used_at,
        last_at: row.last_at,
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
    /// usage with a later time is kept.
    pub async fn save_usage(&self, mut tokens: Vec<TokenUsage>, mut grants: Vec<GrantUsage>) -> Result<()> {
        tokens.sort_unstable_by_key(|seen| seen.token);
        grants.sort_unstable_by_key(|seen| seen.grant);
        for some in chunks(tokens, 500) {
            let rows = some.into_iter().map(|seen| token_row(seen).into_active_model());
            let newest = newest("token_uses", token_use::Column::TokenId);
            run(token_use::Entity::insert_many(rows).on_conflict(newest).exec_without_returning(self.db())).await?;
        }
        for some in chunks(grants, 500) {
            let again = self.current_grants(&some).await?;
            for some in [some, again].into_iter().filter(|some| !some.is_empty()) {
                let rows = some.into_iter().map(|seen| grant_row(seen).into_active_model());
                let newest = newest("grant_uses", grant_use::Column::GrantId);
                let insert = grant_use::Entity::insert_many(rows).on_conflict(newest);
                run(insert.exec_without_returning(self.db())).await?;
            }
        }
        Ok(())
    }

    /// Returns the usage of grants that were removed and granted again before it was written, as usage of the current
    /// grant.
    async fn current_grants(&self, seen: &[GrantUsage]) -> Result<Vec<GrantUsage>> {
        #[derive(FromQueryResult)]
        struct Row {
            before: GrantId,
            after: GrantId,
        }
        let of_both =
            same(("b", "token_id"), ("g", "token_id")).and(same(("b", "organization_id"), ("g", "organization_id")));
        let select = Query::select()
            .expr_as(Expr::col(("b", "id")), "before")
            .expr_as(Expr::col(("g", "id")), "after")
            .from_as(grant::Entity, "b")
            .join_as(JoinType::InnerJoin, grant::Entity, "g", of_both)
            .and_where(Expr::col(("b", "id")).is_in(seen.iter().map(|seen| seen.grant)))
            .and_where(Expr::col(("b", "removed_at")).is_not_null())
            .and_where(Expr::col(("g", "removed_at")).is_null())
            .take();
        let after: HashMap<_, _> =
            all::<Row>(self.db(), &select).await?.into_iter().map(|row| (row.before, row.after)).collect();
        let moved = seen.iter().filter_map(|seen| Some(GrantUsage { grant: *after.get(&seen.grant)?, ..seen.clone() }));
        let mut latest = BTreeMap::<_, GrantUsage>::new();
        for seen in moved {
            let at = |seen: &GrantUsage| seen.usage.last_request.as_ref().map(|request| request.at);
            if latest.get(&seen.grant).is_none_or(|other| at(other) < at(&seen)) {
                latest.insert(seen.grant, seen);
            }
        }
        Ok(latest.into_values().collect())
    }
}

fn token_row(seen: TokenUsage) -> token_use::Model {
    let request = seen.usage.last_request.unwrap_or_else(nothing);
    token_use::Model {
        token_id: seen.token,
        last_used_at: LastUse(seen.usage.last_used_at),
        last_at: Some(request.at),
        address: request.address.map(|address| address.to_string()),
        user_agent: request.user_agent,
        method: request.method,
        path: request.path,
        scope: request.scope,
        allowed: request.allowed,
    }
}

fn grant_row(seen: GrantUsage) -> grant_use::Model {
    let request = seen.usage.last_request.unwrap_or_else(nothing);
    grant_use::Model {
        grant_id: seen.grant,
        organization_id: seen.organization,
        token_id: seen.token,
        last_used_at: LastUse(seen.usage.last_used_at),
        last_at: Some(request.at),
        address: request.address.map(|address| address.to_string()),
        user_agent: request.user_agent,
        method: request.method,
        path: request.path,
        scope: request.scope,
        allowed: request.allowed,
    }
}

fn nothing() -> Request {
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

/// The row always exists. Keeps the later request and the later last use.
fn newest(table: &'static str, key: impl Iden + 'static) -> OnConflict {
    let mut conflict = OnConflict::column(key);
    let kept = move |column: &'static str| Expr::col((table, column));
    let new = |column: &'static str| Expr::col(("excluded", column));
    let choose = move |column: &'static str, by: &'static str| {
        CaseStatement::new().case(kept(by).is_null().or(new(by).gte(kept(by))), new(column)).finally(kept(column))
    };
    conflict.value("last_used_at", choose("last_used_at", "last_used_at"));
    for column in ["address", "user_agent", "method", "path", "scope", "allowed", "last_at"] {
        conflict.value(column, choose(column, "last_at"));
    }
    conflict
}
