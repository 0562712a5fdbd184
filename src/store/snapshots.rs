//! The query of a check: everything that the decision about a token depends on, in one statement.

use super::{
    Store, all, col,
    column_types::Expiry,
    conditions,
    entity::{grant, membership, organization, token, token_value, user},
    pagination::same,
};
use crate::domain::{
    decision::{Owner, Snapshot, SnapshotGrant},
    error::Result,
    id::{GrantId, OrganizationId, TokenId, UserId},
    organization::Role,
    scope::ScopeSet,
    secret::Fingerprint,
    state::UserStatus,
    time::Time,
};
use sea_orm::{
    ExprTrait as _, FromQueryResult,
    sea_query::{Expr, JoinType, Query, SelectStatement},
};

#[derive(FromQueryResult)]
struct Row {
    id: TokenId,
    description: String,
    scopes: ScopeSet,
    created_at: Time,
    expires_at: Expiry,
    expired_at: Option<Time>,
    revoked_at: Option<Time>,
    owner_id: UserId,
    username: String,
    name: String,
    email: Option<String>,
    disabled_at: Option<Time>,
    deleted_at: Option<Time>,
    grant_id: Option<GrantId>,
    organization_id: Option<OrganizationId>,
    slug: Option<String>,
    role: Option<Role>,
}

impl Store {
    /// Returns the token with this value, its owner and the organizations that it has access to. Runs one statement,
    /// which returns one row per unremoved grant.
    pub async fn snapshot(&self, fingerprint: &Fingerprint, at: Time) -> Result<Option<Snapshot>> {
        let mut found: Option<Snapshot> = None;
        for row in all::<Row>(&self.checks, &snapshot(fingerprint, at)).await? {
            let grant = grant_of(&row);
            found.get_or_insert_with(|| snapshot_without_grants(row)).grants.extend(grant);
        }
        Ok(found)
    }
}

/// Returns the grant of a row; `None` if the token has none, the organization is deleted, or the owner is not a member.
fn grant_of(row: &Row) -> Option<SnapshotGrant> {
    row.role?;
    Some(SnapshotGrant { grant: row.grant_id?, organization: row.organization_id?, slug: row.slug.clone()? })
}

fn snapshot_without_grants(row: Row) -> Snapshot {
    Snapshot {
        token: row.id,
        description: row.description,
        scopes: row.scopes,
        created_at: row.created_at,
        expires_at: row.expires_at.0,
        expired_at: row.expired_at,
        revoked_at: row.revoked_at,
        owner: Owner {
            id: row.owner_id,
            username: row.username,
            name: row.name,
            email: row.email,
            enabled: UserStatus::of(row.disabled_at, row.deleted_at) == UserStatus::Enabled,
        },
        grants: Vec::new(),
    }
}

fn snapshot(fingerprint: &Fingerprint, at: Time) -> SelectStatement {
    let mut select = Query::select();
    for column in [
        token::Column::Id,
        token::Column::Description,
        token::Column::Scopes,
        token::Column::CreatedAt,
        token::Column::ExpiresAt,
        token::Column::ExpiredAt,
        token::Column::RevokedAt,
        token::Column::OwnerId,
    ] {
        select.column(col("t", column));
    }
    for column in [
        user::Column::Username,
        user::Column::Name,
        user::Column::Email,
        user::Column::DisabledAt,
        user::Column::DeletedAt,
    ] {
        select.column(col("o", column));
    }
    let unremoved =
        same(col("g", grant::Column::TokenId), col("t", token::Column::Id)).and(conditions::grant_is_unremoved("g"));
    let exists = same(col("r", organization::Column::Id), col("g", grant::Column::OrganizationId))
        .and(conditions::organization_exists("r"));
    let member = same(col("m", membership::Column::OrganizationId), col("r", organization::Column::Id))
        .and(same(col("m", membership::Column::UserId), col("t", token::Column::OwnerId)));
    select
        .expr_as(Expr::col(col("g", grant::Column::Id)), "grant_id")
        .expr_as(Expr::col(col("r", organization::Column::Id)), "organization_id")
        .column(col("r", organization::Column::Slug))
        .column(col("m", membership::Column::Role))
        .from_as(token_value::Entity, "v")
        .join_as(
            JoinType::InnerJoin,
            token::Entity,
            "t",
            same(col("t", token::Column::Id), col("v", token_value::Column::TokenId)),
        )
        .join_as(
            JoinType::InnerJoin,
            user::Entity,
            "o",
            same(col("o", user::Column::Id), col("t", token::Column::OwnerId)),
        )
        .join_as(JoinType::LeftJoin, grant::Entity, "g", unremoved)
        .join_as(JoinType::LeftJoin, organization::Entity, "r", exists)
        .join_as(JoinType::LeftJoin, membership::Entity, "m", member)
        .cond_where(conditions::token_value_is("v", *fingerprint, at))
        .take()
}

#[cfg(test)]
mod tests {
    use super::{
        super::sql_snapshots::{NOW, plan, sql_of},
        *,
    };
    use insta::assert_snapshot;

    #[test]
    fn snapshot_is_one_statement() {
        assert_snapshot!(sql_of(&snapshot(&Fingerprint::from_bytes([7; 32]), NOW)), @r#"
        SELECT "t"."id", "t"."description", "t"."scopes", "t"."created_at", "t"."expires_at", "t"."expired_at", "t"."revoked_at", "t"."owner_id", "o"."username", "o"."name", "o"."email", "o"."disabled_at", "o"."deleted_at", "g"."id" AS "grant_id", "r"."id" AS "organization_id", "r"."slug", "m"."role"
        FROM "token_values" AS "v"
        INNER JOIN "tokens" AS "t" ON "t"."id" = "v"."token_id"
        INNER JOIN "users" AS "o" ON "o"."id" = "t"."owner_id"
        LEFT JOIN "grants" AS "g" ON "g"."token_id" = "t"."id"
        AND "g"."removed_at" IS NULL
        LEFT JOIN "organizations" AS "r" ON "r"."id" = "g"."organization_id"
        AND "r"."deleted_at" IS NULL
        LEFT JOIN "memberships" AS "m" ON "m"."organization_id" = "r"."id"
        AND "m"."user_id" = "t"."owner_id"
        WHERE "v"."fingerprint" = $1
        AND "v"."expires_at" > $2
        "#);
    }

    /// R-04
    #[tokio::test]
    async fn snapshot_finds_token_by_fingerprint_index() {
        let plan = plan(&snapshot(&Fingerprint::from_bytes([7; 32]), NOW)).await;
        assert!(plan[0].contains("USING INDEX sqlite_autoindex_token_values_1 (fingerprint=?)"), "{plan:?}");
        assert!(plan.iter().all(|step| step.starts_with("SEARCH ")), "{plan:?}");
    }
}
