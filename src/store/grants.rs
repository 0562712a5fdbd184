//! Grants: how they are created, removed and read.

use super::{
    Store, all, col,
    column_types::{Expiry, LastUse},
    conditions,
    entity::{grant, grant_scope, grant_usage, membership, organization, token, user},
    one,
    pagination::{self, SortColumn, SortOrder, same},
    run,
    tx::{Tx, chunks},
    usage::{UsageColumns, usage_columns},
};
use crate::domain::{
    cursor::{Cursor, Detail, Fields, SortKey},
    error::{Error, Result},
    grant::{Grant, Removal},
    id::{GrantId, OrganizationId, TokenId, UserId},
    organization::Role,
    page::{Page, Slice},
    policy::{GrantRemover, Operator, RecentlyAuthenticated, TokenOwner},
    scope::ScopeSet,
    state::{GrantStatus, TokenStatus, UserStatus},
    time::Time,
    token::Token,
};
use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::Set,
    ColumnTrait as _, Condition, EntityTrait as _, ExprTrait as _, FromQueryResult, IntoActiveModel as _, Order,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _,
    sea_query::{Expr, JoinType, Query, SelectStatement},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
};

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
pub(super) struct GrantRow {
    pub(super) id: GrantId,
    pub(super) organization_id: OrganizationId,
    pub(super) token_id: TokenId,
    pub(super) owner_id: UserId,
    pub(super) expires_at: Expiry,
    pub(super) ended_at: Option<Time>,
    pub(super) granted_at: Time,
    pub(super) removed_at: Option<Time>,
    pub(super) removed_by: Option<UserId>,
    pub(super) removal_reason: Option<String>,
    pub(super) role: Option<Role>,
    pub(super) username: String,
    #[sea_orm(nested)]
    pub(super) usage: UsageColumns,
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

impl Tx {
    /// Removes all grants of a user's tokens. Returns the organizations that were removed from each token.
    pub async fn remove_grants_of(&self, _: &Operator, owner: UserId) -> Result<HashMap<TokenId, Vec<OrganizationId>>> {
        let own =
            token::Entity::find().select_only().column(token::Column::Id).filter(token::Column::OwnerId.eq(owner));
        let condition = Condition::all().add(grant::Column::TokenId.in_subquery(own.into_query()));
        let mut removed = HashMap::<_, Vec<_>>::new();
        for grant in self.remove_grants(condition, None).await? {
            removed.entry(grant.token_id).or_default().push(grant.organization_id);
        }
        Ok(removed)
    }

    /// Gives a token access to one more organization. The token must be locked.
    pub async fn add_organization(
        &self,
        _: &RecentlyAuthenticated<TokenOwner>,
        token: &Token,
        organization: OrganizationId,
    ) -> Result<GrantId> {
        let unremoved = self.unremoved_grants(token.id).await?;
        if unremoved.iter().any(|grant| grant.organization_id == organization) {
            return Err(Error::Conflict("The token already has access to this organization.".into()));
        }
        if unremoved.len() >= crate::domain::token::MAX_ORGANIZATIONS {
            return Err(Error::invalid(
                "organizationId",
                "A token has access to at most 100 organizations; remove one first, or create another token.",
            ));
        }
        let before = self.latest_grant(token.id, organization).await?;
        let grants = self.insert_grants(token, BTreeSet::from([organization])).await?;
        let grant = grants.first().copied().ok_or_else(|| Error::Bug("no grant was created".into()))?;
        if let Some(before) = before {
            self.copy_grant_usage(before, grant).await?;
        }
        Ok(grant)
    }

    async fn latest_grant(&self, token: TokenId, organization: OrganizationId) -> Result<Option<GrantId>> {
        let find = grant::Entity::find()
            .select_only()
            .column(grant::Column::Id)
            .filter(grant::Column::TokenId.eq(token))
            .filter(grant::Column::OrganizationId.eq(organization))
            .order_by_desc(grant::Column::Id)
            .limit(1)
            .into_tuple();
        run(find.one(&self.db)).await
    }

    /// Copies the usage of the previous grant, so that a token whose organization is added again does not appear
    /// unused.
    async fn copy_grant_usage(&self, before: GrantId, after: GrantId) -> Result<()> {
        let find = grant_usage::Entity::find_by_id(before).one(&self.db);
        if let Some(previous) = run(find).await? {
            let copy = grant_usage::Model { grant_id: after, ..previous }.into_active_model().reset_all();
            run(grant_usage::Entity::update(copy).exec(&self.db)).await?;
        }
        Ok(())
    }

    /// Removes an organization from a token. Returns the grant and the owner of the token. `CONFLICT` if it is already
    /// removed.
    pub async fn remove_organization(&self, remover: &GrantRemover, reason: Option<&str>) -> Result<(GrantId, UserId)> {
        let already = || Error::Conflict("The organization has been removed from this token already.".into());
        let token = match self.lock_token(*remover.token()).await {
            // Without the grant the caller may no longer see the token: its state is not returned.
            Err(Error::Conflict(why)) => {
                let unremoved = self.unremoved_grants(*remover.token()).await?;
                let visible = unremoved.iter().any(|grant| grant.organization_id == *remover.organization());
                return Err(if visible { Error::Conflict(why) } else { already() });
            }
            other => other?,
        };
        let removed = self
            .remove_grants(
                Condition::all()
                    .add(grant::Column::TokenId.eq(token.id))
                    .add(grant::Column::OrganizationId.eq(*remover.organization())),
                reason,
            )
            .await?;
        let removed = removed.first().ok_or_else(already)?;
        Ok((removed.id, token.owner))
    }

    /// Removes unremoved grants and deletes their scopes.
    pub(super) async fn remove_grants(&self, condition: Condition, reason: Option<&str>) -> Result<Vec<grant::Model>> {
        let update = grant::Entity::update_many()
            .col_expr(grant::Column::RemovedAt, Expr::value(self.caller().at))
            .col_expr(grant::Column::RemovedBy, Expr::value(self.caller().user()))
            .col_expr(grant::Column::RemovalReason, Expr::value(reason.map(ToOwned::to_owned)))
            .filter(condition)
            // A concurrent change may have removed it first.
            .filter(conditions::grant_is_unremoved(grant::Entity))
            .exec_with_returning(&self.db);
        let removed = run(update).await?;
        let mut by_organization = BTreeMap::<_, Vec<_>>::new();
        for grant in &removed {
            by_organization.entry(grant.organization_id).or_default().push(grant.token_id);
        }
        for (organization, tokens) in by_organization {
            for chunk in chunks(tokens, 500) {
                let forget = grant_scope::Entity::delete_many()
                    .filter(grant_scope::Column::OrganizationId.eq(organization))
                    .filter(grant_scope::Column::TokenId.is_in(chunk))
                    .exec(&self.db);
                run(forget).await?;
            }
        }
        Ok(removed)
    }

    pub(super) async fn unremoved_grants(&self, token: TokenId) -> Result<Vec<grant::Model>> {
        let find = grant::Entity::find()
            .filter(grant::Column::TokenId.eq(token))
            .filter(conditions::grant_is_unremoved(grant::Entity));
        run(find.all(&self.db)).await
    }

    pub(super) async fn insert_grants(
        &self,
        token: &Token,
        organizations: BTreeSet<OrganizationId>,
    ) -> Result<Vec<GrantId>> {
        let at = self.caller().at;
        let new: Vec<_> = organizations.iter().map(|organization| (GrantId::new(at), *organization)).collect();
        let grants = new.iter().map(|(id, organization)| grant::ActiveModel {
            id: Set(*id),
            organization_id: Set(*organization),
            token_id: Set(token.id),
            owner_id: Set(token.owner),
            expires_at: Set(Expiry(token.expires_at)),
            ended_at: Set(None),
            granted_at: Set(at),
            removed_at: Set(None),
            removed_by: Set(None),
            removal_reason: Set(None),
        });
        run(grant::Entity::insert_many(grants).exec_without_returning(&self.db)).await?;
        let uses = new.iter().map(|(id, organization)| grant_usage::ActiveModel {
            grant_id: Set(*id),
            organization_id: Set(*organization),
            token_id: Set(token.id),
            last_used_at: Set(LastUse(None)),
            allowed: Set(false),
            ..Default::default()
        });
        run(grant_usage::Entity::insert_many(uses).exec_without_returning(&self.db)).await?;
        self.insert_grant_scopes(token.id, &token.scopes, organizations).await?;
        Ok(new.into_iter().map(|(id, _)| id).collect())
    }

    pub(super) async fn insert_grant_scopes(
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
        for chunk in chunks(rows, 1_000) {
            run(grant_scope::Entity::insert_many(chunk).exec_without_returning(&self.db)).await?;
        }
        Ok(())
    }
}

impl Store {
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

/// Joins the membership `m` of the owner of the grant `g` in its organization.
pub(super) fn owner_is_member() -> Expr {
    same(col("m", membership::Column::OrganizationId), col("g", grant::Column::OrganizationId))
        .and(same(col("m", membership::Column::UserId), col("g", grant::Column::OwnerId)))
}

/// Selects grants with their usage and the role of their owner. Aliases: `g` grants, `t` tokens, `o` owners, `m` their
/// memberships, `u` usage.
pub(super) fn grants() -> SelectStatement {
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
        .join_as(JoinType::LeftJoin, membership::Entity, "m", owner_is_member())
        .take()
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
        .join_as(JoinType::InnerJoin, membership::Entity, "m", owner_is_member())
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
        super::sql_snapshots::{FIRST, NOW, ORGANIZATION, TOKENS, sql_of},
        *,
    };
    use insta::assert_snapshot;

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
}
