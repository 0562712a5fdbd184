//! Grants, as the audit and the owners of tokens read them.

use super::{
    Store, all, col,
    column_types::Expiry,
    conditions,
    entity::{grant, grant_scope, grant_usage, membership, organization, token, user},
    one,
    pagination::{self, SortColumn, SortOrder, same},
    tx::Tx,
    usage::{UsageColumns, usage_columns},
};
use crate::domain::{
    cursor::{Cursor, Detail, Fields, SortKey},
    error::{Error, Result},
    filter::{TokenFilter, TokenOrder, TokenOrderField},
    grant::{Grant, Removal},
    id::{GrantId, OrganizationId, TokenId, UserId},
    organization::Role,
    page::{Page, Slice},
    policy::OrgAdmin,
    state::{GrantStatus, TokenStatus, UserStatus},
    time::Time,
};
use sea_orm::{
    ExprTrait as _, FromQueryResult, Order,
    sea_query::{Expr, JoinType, Query, SelectStatement},
};
use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
};

const ANY_STATE: [TokenStatus; 3] = [TokenStatus::Active, TokenStatus::Expired, TokenStatus::Revoked];

/// A filter for the grants of tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct GrantFilter {
    /// Only grants to these organizations; `None` for all.
    pub organizations: Option<BTreeSet<OrganizationId>>,
    /// Only grants with one of these statuses; empty for all.
    pub status: Vec<GrantStatus>,
}

impl Detail for GrantFilter {
    fn write(&self, to: &mut Fields) {
        let Self { organizations, status } = self;
        to.add(organizations).add(status);
    }
}

#[derive(FromQueryResult)]
struct GrantRow {
    id: GrantId,
    organization_id: OrganizationId,
    token_id: TokenId,
    owner_id: UserId,
    expires_at: Expiry,
    ended_at: Option<Time>,
    granted_at: Time,
    removed_at: Option<Time>,
    removed_by: Option<UserId>,
    removal_reason: Option<String>,
    role: Option<Role>,
    username: String,
    #[sea_orm(nested)]
    usage: UsageColumns,
}

impl From<GrantRow> for Grant {
    fn from(row: GrantRow) -> Self {
        Self {
            id: row.id,
            organization: row.organization_id,
            token: row.token_id,
            owner: row.owner_id,
            expires_at: row.expires_at.0,
            ended_at: row.ended_at,
            granted_at: row.granted_at,
            removal: row.removed_at.map(|at| Removal { at, by: row.removed_by, reason: row.removal_reason }),
            owner_is_admin: row.role == Some(Role::Admin),
            usage: row.usage.into(),
        }
    }
}

impl Tx {
    /// Returns a grant that this change created or removed.
    pub async fn grant(&self, id: GrantId) -> Result<Grant> {
        let select = grants().and_where(Expr::col(col("g", grant::Column::Id)).eq(id)).take();
        let row = one::<GrantRow>(&self.db, &select).await?;
        row.map(Grant::from).ok_or_else(|| Error::Bug("a grant that was just written is missing".into()))
    }
}

impl Store {
    /// Returns a page of the audit: the tokens that have access to an organization.
    pub async fn audit_list(
        &self,
        admin: &OrgAdmin,
        filter: &TokenFilter,
        order: TokenOrder,
        page: &Page,
        at: Time,
    ) -> Result<Slice<Grant>> {
        let select = pagination::paginate(audit_list(admin, filter, at), &sort_order(order), page);
        pagination::page_of(&self.read, &select, page, |row: GrantRow| {
            let cursor =
                pagination::cursor(order, row.token_id.uuid(), row.usage.last_used_at, &row.username, row.expires_at);
            (cursor, row.into())
        })
        .await
    }

    /// Counts the tokens of the audit that match a filter.
    pub async fn count_audit_list(&self, admin: &OrgAdmin, filter: &TokenFilter, at: Time) -> Result<u64> {
        pagination::count(&self.read, audit_list(admin, filter, at)).await
    }

    /// Returns one entry of the audit, also for an expired or revoked token.
    pub async fn audit_entry(&self, admin: &OrgAdmin, token: TokenId, at: Time) -> Result<Option<Grant>> {
        let filter = TokenFilter { status: Some(ANY_STATE.to_vec()), ..Default::default() };
        let select =
            audit_list(admin, &filter, at).and_where(Expr::col(col("g", grant::Column::TokenId)).eq(token)).take();
        Ok(one::<GrantRow>(&self.read, &select).await?.map(Grant::from))
    }

    /// Returns a page of the grants of each token, newest first. Policy decides for which organizations.
    pub async fn grants_of(
        &self,
        tokens: &[TokenId],
        filter: &GrantFilter,
        page: &Page,
        at: Time,
    ) -> Result<HashMap<TokenId, Slice<Grant>>> {
        let order = SortOrder {
            key: SortColumn::<(&'static str, &'static str)>::Id,
            id: Some(col("g", grant::Column::Id)),
            descending: true,
        };
        let select =
            pagination::paginate_each(grants_of(tokens, filter, at), col("g", grant::Column::TokenId), &order, page);
        let rows = all::<GrantRow>(&self.read, &select).await?;
        let row_with_cursor = |row: GrantRow| (Cursor { key: SortKey::Id, id: row.id.uuid() }, row.into());
        Ok(pagination::slices(rows, page, |row| Some(row.token_id), row_with_cursor))
    }

    /// Counts the grants of each token.
    pub async fn count_grants_of(
        &self,
        tokens: &[TokenId],
        filter: &GrantFilter,
        at: Time,
    ) -> Result<HashMap<TokenId, u64>> {
        pagination::count_each(&self.read, grants_of(tokens, filter, at), "token_id", TokenId::from_uuid).await
    }

    /// Returns grants by their IDs. Policy decides who may see them.
    pub async fn grants(&self, ids: &[GrantId]) -> Result<HashMap<GrantId, Grant>> {
        let select = grants().and_where(Expr::col(col("g", grant::Column::Id)).is_in(ids.iter().copied())).take();
        let rows = all::<GrantRow>(&self.read, &select).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
    }

    /// Returns the IP addresses of the most recent requests of each token, one for each organization that it has access
    /// to now: latest first, without duplicates. Only the owner may see them.
    pub async fn recent_addresses(&self, tokens: &[TokenId], at: Time) -> Result<HashMap<TokenId, Vec<IpAddr>>> {
        #[derive(FromQueryResult)]
        struct Row {
            token_id: TokenId,
            address: String,
        }
        let mut found = HashMap::<_, Vec<_>>::new();
        for row in all::<Row>(&self.read, &recent_addresses(tokens, at)).await? {
            let of_token = found.entry(row.token_id).or_default();
            if let Some(address) = row.address.parse().ok().filter(|address| !of_token.contains(address)) {
                of_token.push(address);
            }
        }
        Ok(found)
    }

    /// Returns the organizations that each token has access to now.
    pub async fn organizations_of_tokens(
        &self,
        tokens: &[TokenId],
        at: Time,
    ) -> Result<HashMap<TokenId, BTreeSet<OrganizationId>>> {
        #[derive(FromQueryResult)]
        struct Row {
            token_id: TokenId,
            organization_id: OrganizationId,
        }
        let mut found = HashMap::<_, BTreeSet<_>>::new();
        for row in all::<Row>(&self.read, &active_grants(tokens, at)).await? {
            found.entry(row.token_id).or_default().insert(row.organization_id);
        }
        Ok(found)
    }
}

fn sort_order(order: TokenOrder) -> SortOrder<(&'static str, &'static str), (&'static str, &'static str)> {
    let key = match order.field {
        TokenOrderField::CreatedAt => SortColumn::Id,
        TokenOrderField::LastUsedAt => SortColumn::Number(col("u", grant_usage::Column::LastUsedAt)),
        TokenOrderField::Owner => SortColumn::Text(col("o", user::Column::Username)),
        TokenOrderField::ExpiresAt => SortColumn::Number(col("g", grant::Column::ExpiresAt)),
    };
    // The copy of the token ID that is part of the index of the key.
    let id = if order.field == TokenOrderField::LastUsedAt {
        col("u", grant_usage::Column::TokenId)
    } else {
        col("g", grant::Column::TokenId)
    };
    SortOrder { key, id: Some(id), descending: order.descending }
}

/// Selects grants with their usage and the role of their owner. Aliases: `g` grants, `t` tokens, `o` owners, `m` their
/// memberships, `u` usage.
fn grants() -> SelectStatement {
    let mut select = Query::select();
    for column in [
        grant::Column::Id,
        grant::Column::OrganizationId,
        grant::Column::TokenId,
        grant::Column::OwnerId,
        grant::Column::ExpiresAt,
        grant::Column::EndedAt,
        grant::Column::GrantedAt,
        grant::Column::RemovedAt,
        grant::Column::RemovedBy,
        grant::Column::RemovalReason,
    ] {
        select.column(col("g", column));
    }
    for column in usage_columns!(grant_usage) {
        select.column(col("u", column));
    }
    let member = same(col("m", membership::Column::OrganizationId), col("g", grant::Column::OrganizationId))
        .and(same(col("m", membership::Column::UserId), col("g", grant::Column::OwnerId)));
    select
        .column(col("m", membership::Column::Role))
        .column(col("o", user::Column::Username))
        .from_as(grant::Entity, "g")
        .join_as(
            JoinType::InnerJoin,
            token::Entity,
            "t",
            same(col("t", token::Column::Id), col("g", grant::Column::TokenId)),
        )
        .join_as(
            JoinType::InnerJoin,
            grant_usage::Entity,
            "u",
            same(col("u", grant_usage::Column::GrantId), col("g", grant::Column::Id)),
        )
        .join_as(
            JoinType::InnerJoin,
            user::Entity,
            "o",
            same(col("o", user::Column::Id), col("g", grant::Column::OwnerId)),
        )
        .join_as(JoinType::LeftJoin, membership::Entity, "m", member)
        .take()
}

pub(super) fn audit_list(admin: &OrgAdmin, filter: &TokenFilter, at: Time) -> SelectStatement {
    let mut select = grants();
    select
        .and_where(Expr::col(col("g", grant::Column::OrganizationId)).eq(*admin.organization()))
        // Redundant, so that a database can start with the index of the last use or of addresses.
        .and_where(Expr::col(col("u", grant_usage::Column::OrganizationId)).eq(*admin.organization()))
        .and_where(conditions::grant_is_unremoved("g"))
        .and_where(conditions::user_is("o", UserStatus::Enabled))
        .and_where(Expr::col(col("m", membership::Column::Role)).is_not_null())
        .cond_where(conditions::token_is_any("t", filter.statuses(), at))
        .cond_where(pagination::shared(filter, at));
    for scope in &filter.scopes {
        let has_scope = Query::select()
            .expr(Expr::value(1))
            .from_as(grant_scope::Entity, "s")
            .and_where(same(col("s", grant_scope::Column::OrganizationId), col("g", grant::Column::OrganizationId)))
            .and_where(Expr::col(col("s", grant_scope::Column::Scope)).eq(scope.clone()))
            .and_where(same(col("s", grant_scope::Column::TokenId), col("g", grant::Column::TokenId)))
            .take();
        select.and_where(Expr::exists(has_scope));
    }
    if let Some(expected) = filter.owner_is_admin {
        select.and_where(pagination::either(Expr::col(col("m", membership::Column::Role)).eq(Role::Admin), expected));
    }
    select.take()
}

fn grants_of(tokens: &[TokenId], filter: &GrantFilter, at: Time) -> SelectStatement {
    let mut select = grants();
    select.and_where(Expr::col(col("g", grant::Column::TokenId)).is_in(tokens.iter().copied()));
    if let Some(organizations) = &filter.organizations {
        select.and_where(Expr::col(col("g", grant::Column::OrganizationId)).is_in(organizations.iter().copied()));
    }
    if !filter.status.is_empty() {
        select.cond_where(conditions::grant_is_any("g", &filter.status, at));
    }
    select.take()
}

fn recent_addresses(tokens: &[TokenId], at: Time) -> SelectStatement {
    active_grants(tokens, at)
        .column(col("u", grant_usage::Column::Address))
        .join_as(
            JoinType::InnerJoin,
            grant_usage::Entity,
            "u",
            same(col("u", grant_usage::Column::GrantId), col("g", grant::Column::Id)),
        )
        .and_where(Expr::col(col("u", grant_usage::Column::Address)).is_not_null())
        .order_by(col("u", grant_usage::Column::LastRequestAt), Order::Desc)
        .take()
}

fn active_grants(tokens: &[TokenId], at: Time) -> SelectStatement {
    let member = same(col("m", membership::Column::OrganizationId), col("g", grant::Column::OrganizationId))
        .and(same(col("m", membership::Column::UserId), col("g", grant::Column::OwnerId)));
    Query::select()
        .column(col("g", grant::Column::TokenId))
        .column(col("g", grant::Column::OrganizationId))
        .from_as(grant::Entity, "g")
        .join_as(
            JoinType::InnerJoin,
            token::Entity,
            "t",
            same(col("t", token::Column::Id), col("g", grant::Column::TokenId)),
        )
        .join_as(
            JoinType::InnerJoin,
            user::Entity,
            "o",
            same(col("o", user::Column::Id), col("g", grant::Column::OwnerId)),
        )
        .join_as(JoinType::InnerJoin, membership::Entity, "m", member)
        .join_as(
            JoinType::InnerJoin,
            organization::Entity,
            "r",
            same(col("r", organization::Column::Id), col("g", grant::Column::OrganizationId))
                .and(conditions::organization_exists("r")),
        )
        .and_where(Expr::col(col("g", grant::Column::TokenId)).is_in(tokens.iter().copied()))
        .and_where(conditions::grant_is_unremoved("g"))
        .and_where(conditions::user_is("o", UserStatus::Enabled))
        .cond_where(conditions::token_is("t", TokenStatus::Active, at))
        .take()
}

#[cfg(test)]
mod tests {
    use super::{
        super::sql_snapshots::{FIRST, NOW, ORGANIZATION, TOKENS, org_admin, page_after, plan, sql_of},
        *,
    };
    use crate::domain::{filter::TimeRange, scope::ScopeName, secret::Fingerprint};
    use insta::assert_snapshot;
    use std::time::Duration;

    fn audit(filter: &TokenFilter, order: TokenOrder, page: &Page) -> SelectStatement {
        pagination::paginate(audit_list(&org_admin(), filter, NOW), &sort_order(order), page)
    }

    #[test]
    fn audit_is_one_statement() {
        assert_snapshot!(sql_of(&audit(&TokenFilter::default(), TokenOrder::default(), &FIRST)), @r#"
        SELECT "g"."id", "g"."organization_id", "g"."token_id", "g"."owner_id", "g"."expires_at", "g"."ended_at", "g"."granted_at", "g"."removed_at", "g"."removed_by", "g"."removal_reason", "u"."last_used_at", "u"."last_request_at", "u"."address", "u"."user_agent", "u"."method", "u"."path", "u"."scope", "u"."allowed", "m"."role", "o"."username"
        FROM "grants" AS "g"
        INNER JOIN "tokens" AS "t" ON "t"."id" = "g"."token_id"
        INNER JOIN "grant_usage" AS "u" ON "u"."grant_id" = "g"."id"
        INNER JOIN "users" AS "o" ON "o"."id" = "g"."owner_id"
        LEFT JOIN "memberships" AS "m" ON "m"."organization_id" = "g"."organization_id"
        AND "m"."user_id" = "g"."owner_id"
        WHERE "g"."organization_id" = $1
        AND "u"."organization_id" = $2
        AND "g"."removed_at" IS NULL
        AND "o"."disabled_at" IS NULL
        AND "m"."role" IS NOT NULL
        AND ("t"."revoked_at" IS NULL
        AND "t"."expired_at" IS NULL
        AND "t"."expires_at" > $3)
        AND TRUE
        AND TRUE
        AND TRUE
        ORDER BY "g"."token_id" DESC
        LIMIT $4
        "#);
    }

    fn every_filter() -> TokenFilter {
        TokenFilter {
            owner: vec!["a_b".into()],
            words: vec!["100%".into()],
            values: vec![Some(Fingerprint::from_bytes([7; 32])), None],
            hints: vec!["twd_Ab3x…9Zk0".into()],
            scopes: ScopeName::new("graphql").into_iter().collect(),
            addresses: vec!["198.51.100.2".parse().expect("address is valid")],
            owner_is_admin: Some(false),
            status: Some(vec![TokenStatus::Expired, TokenStatus::Revoked]),
            created_at: TimeRange { from: Some(NOW), to: None },
            last_used_at: TimeRange { from: None, to: Some(NOW) },
            unused_since: Some(NOW),
            unused_for: Some(Duration::from_hours(1)),
            expires_at: TimeRange { from: Some(NOW), to: Some(NOW) },
            ends_within: Some(Duration::from_hours(1)),
            never_expires: Some(true),
            never_used: Some(false),
        }
    }

    #[test]
    fn audit_applies_all_filters_and_cursor() {
        let order = TokenOrder { field: TokenOrderField::LastUsedAt, descending: false };
        assert_snapshot!(sql_of(&audit(&every_filter(), order, &page_after(SortKey::Number(9)))), @r#"
        SELECT "g"."id", "g"."organization_id", "g"."token_id", "g"."owner_id", "g"."expires_at", "g"."ended_at", "g"."granted_at", "g"."removed_at", "g"."removed_by", "g"."removal_reason", "u"."last_used_at", "u"."last_request_at", "u"."address", "u"."user_agent", "u"."method", "u"."path", "u"."scope", "u"."allowed", "m"."role", "o"."username"
        FROM "grants" AS "g"
        INNER JOIN "tokens" AS "t" ON "t"."id" = "g"."token_id"
        INNER JOIN "grant_usage" AS "u" ON "u"."grant_id" = "g"."id"
        INNER JOIN "users" AS "o" ON "o"."id" = "g"."owner_id"
        LEFT JOIN "memberships" AS "m" ON "m"."organization_id" = "g"."organization_id"
        AND "m"."user_id" = "g"."owner_id"
        WHERE "g"."organization_id" = $1
        AND "u"."organization_id" = $2
        AND "g"."removed_at" IS NULL
        AND "o"."disabled_at" IS NULL
        AND "m"."role" IS NOT NULL
        AND (((NOT "t"."revoked_at" IS NOT NULL)
        AND ("t"."expired_at" IS NOT NULL OR "t"."expires_at" <= $3)) OR "t"."revoked_at" IS NOT NULL)
        AND "o"."searchable" LIKE $4 ESCAPE E'\\'
        AND ("o"."searchable" LIKE $5 ESCAPE E'\\' OR "t"."searchable" LIKE $6 ESCAPE E'\\')
        AND "t"."id" IN (SELECT "v"."token_id"
        FROM "token_values" AS "v"
        WHERE "v"."fingerprint" = $7
        AND "v"."ends_at" > $8)
        AND $9 = $10
        AND "t"."hint" = $11
        AND "u"."address" = $12
        AND (NOT "u"."last_used_at" = $13)
        AND "t"."expires_at" = $14
        AND "t"."created_at" >= $15
        AND ("u"."last_used_at" < $16
        AND "u"."last_used_at" <> $17)
        AND "u"."last_used_at" < $18
        AND "u"."last_used_at" < $19
        AND ("t"."expires_at" >= $20
        AND "t"."expires_at" < $21
        AND "t"."expires_at" <> $22)
        AND ("t"."expires_at" >= $23
        AND "t"."expires_at" < $24)
        AND EXISTS(SELECT $25
        FROM "grant_scopes" AS "s"
        WHERE "s"."organization_id" = "g"."organization_id"
        AND "s"."scope" = $26
        AND "s"."token_id" = "g"."token_id")
        AND (NOT "m"."role" = $27)
        AND ("u"."last_used_at", "u"."token_id") > ($28, $29)
        ORDER BY "u"."last_used_at" ASC, "u"."token_id" ASC
        LIMIT $30

        SQLite:
        SELECT "g"."id", "g"."organization_id", "g"."token_id", "g"."owner_id", "g"."expires_at", "g"."ended_at", "g"."granted_at", "g"."removed_at", "g"."removed_by", "g"."removal_reason", "u"."last_used_at", "u"."last_request_at", "u"."address", "u"."user_agent", "u"."method", "u"."path", "u"."scope", "u"."allowed", "m"."role", "o"."username"
        FROM "grants" AS "g"
        INNER JOIN "tokens" AS "t" ON "t"."id" = "g"."token_id"
        INNER JOIN "grant_usage" AS "u" ON "u"."grant_id" = "g"."id"
        INNER JOIN "users" AS "o" ON "o"."id" = "g"."owner_id"
        LEFT JOIN "memberships" AS "m" ON "m"."organization_id" = "g"."organization_id"
        AND "m"."user_id" = "g"."owner_id"
        WHERE "g"."organization_id" = ?
        AND "u"."organization_id" = ?
        AND "g"."removed_at" IS NULL
        AND "o"."disabled_at" IS NULL
        AND "m"."role" IS NOT NULL
        AND (((NOT "t"."revoked_at" IS NOT NULL)
        AND ("t"."expired_at" IS NOT NULL OR "t"."expires_at" <= ?)) OR "t"."revoked_at" IS NOT NULL)
        AND "o"."searchable" LIKE ? ESCAPE '\'
        AND ("o"."searchable" LIKE ? ESCAPE '\' OR "t"."searchable" LIKE ? ESCAPE '\')
        AND "t"."id" IN (SELECT "v"."token_id"
        FROM "token_values" AS "v"
        WHERE "v"."fingerprint" = ?
        AND "v"."ends_at" > ?)
        AND ? = ?
        AND "t"."hint" = ?
        AND "u"."address" = ?
        AND (NOT "u"."last_used_at" = ?)
        AND "t"."expires_at" = ?
        AND "t"."created_at" >= ?
        AND ("u"."last_used_at" < ?
        AND "u"."last_used_at" <> ?)
        AND "u"."last_used_at" < ?
        AND "u"."last_used_at" < ?
        AND ("t"."expires_at" >= ?
        AND "t"."expires_at" < ?
        AND "t"."expires_at" <> ?)
        AND ("t"."expires_at" >= ?
        AND "t"."expires_at" < ?)
        AND EXISTS(SELECT ?
        FROM "grant_scopes" AS "s"
        WHERE "s"."organization_id" = "g"."organization_id"
        AND "s"."scope" = ?
        AND "s"."token_id" = "g"."token_id")
        AND (NOT "m"."role" = ?)
        AND ("u"."last_used_at", "u"."token_id") > (?, ?)
        ORDER BY "u"."last_used_at" ASC, "u"."token_id" ASC
        LIMIT ?
        "#);
    }

    #[test]
    fn grants_of_many_tokens_are_one_statement() {
        let filter =
            GrantFilter { organizations: Some(BTreeSet::from([ORGANIZATION])), status: vec![GrantStatus::Removed] };
        let order = SortOrder {
            key: SortColumn::<(&'static str, &'static str)>::Id,
            id: Some(col("g", grant::Column::Id)),
            descending: true,
        };
        let query = pagination::paginate_each(
            grants_of(&TOKENS, &filter, NOW),
            col("g", grant::Column::TokenId),
            &order,
            &FIRST,
        );
        assert_snapshot!(sql_of(&query), @r#"
        SELECT *
        FROM (SELECT "g"."id", "g"."organization_id", "g"."token_id", "g"."owner_id", "g"."expires_at", "g"."ended_at", "g"."granted_at", "g"."removed_at", "g"."removed_by", "g"."removal_reason", "u"."last_used_at", "u"."last_request_at", "u"."address", "u"."user_agent", "u"."method", "u"."path", "u"."scope", "u"."allowed", "m"."role", "o"."username", ROW_NUMBER() OVER ( PARTITION BY "g"."token_id"
        ORDER BY "g"."id" DESC ) AS "place"
        FROM "grants" AS "g"
        INNER JOIN "tokens" AS "t" ON "t"."id" = "g"."token_id"
        INNER JOIN "grant_usage" AS "u" ON "u"."grant_id" = "g"."id"
        INNER JOIN "users" AS "o" ON "o"."id" = "g"."owner_id"
        LEFT JOIN "memberships" AS "m" ON "m"."organization_id" = "g"."organization_id"
        AND "m"."user_id" = "g"."owner_id"
        WHERE "g"."token_id" IN ($1, $2)
        AND "g"."organization_id" IN ($3)
        AND "g"."removed_at" IS NOT NULL) AS "each"
        WHERE "place" <= $4
        ORDER BY "place" ASC
        "#);
    }

    /// An audit of 100,000 tokens is as fast as one of 100.
    #[tokio::test]
    async fn unfiltered_audit_uses_one_index_without_sorting() {
        let newest = TokenOrder::default();
        for page in [FIRST, page_after(SortKey::Id), Page { backward: true, ..FIRST }] {
            let plan = plan(&audit(&TokenFilter::default(), newest, &page)).await;
            assert!(plan[0].contains("USING INDEX grants_by_organization_id_token_id (organization_id=?"), "{plan:?}");
            assert!(plan.iter().all(|step| step.starts_with("SEARCH ")), "{plan:?}");
        }
        for field in [TokenOrderField::LastUsedAt, TokenOrderField::ExpiresAt] {
            let order = TokenOrder { field, descending: true };
            for page in [FIRST, page_after(SortKey::Number(9))] {
                let plan = plan(&audit(&TokenFilter::default(), order, &page)).await;
                assert!(plan.iter().all(|step| step.starts_with("SEARCH ")), "{field:?}: {plan:?}");
            }
        }
        let by_owner = TokenOrder { field: TokenOrderField::Owner, descending: true };
        let plan = plan(&audit(&TokenFilter::default(), by_owner, &FIRST)).await;
        assert!(plan.iter().any(|step| step.contains("TEMP B-TREE")), "the plan does not sort: {plan:?}");
    }
}
