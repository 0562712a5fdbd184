//! Organizations: lookups, locks and changes.

use super::{
    Store, col, conditions,
    entity::{membership, organization},
    pagination::{self, SortColumn, SortOrder, same},
    run, run_unique,
    tx::Tx,
    users::roles,
};
use crate::domain::{
    cursor::{Cursor, SortKey},
    error::{Error, Result},
    id::{OrganizationId, UserId},
    organization::{Organization, OrganizationRef, Role, User},
    page::{Page, Slice},
    policy::{Operator, OrganizationCreator, OrganizationManager, RecentlyAuthenticated, Viewer},
    time::Time,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select,
    sea_query::{Expr, JoinType, LockType, Query, SelectStatement},
};
use std::collections::HashMap;

impl From<organization::Model> for Organization {
    fn from(row: organization::Model) -> Self {
        Self { id: row.id, slug: row.slug, name: row.name, created_at: row.created_at }
    }
}

impl Tx {
    /// Returns the organization with this ID or slug, unless it is deleted.
    pub async fn find_organization(&self, reference: &OrganizationRef) -> Result<Organization> {
        let found = run(by_reference(reference).one(&self.db)).await?;
        found.map(Organization::from).ok_or(Error::NotFound("organization"))
    }

    pub(super) async fn organizations_of(&self, user: UserId) -> Result<Vec<OrganizationId>> {
        Ok(roles(&self.db, user).await?.into_keys().collect())
    }

    /// Returns the organization with this ID or slug, locked until the commit. Changes of its members wait here, before
    /// the caller's authorization is read, so that two administrators cannot remove each other. A new grant refers to
    /// the row and does not wait for it: otherwise it and the removal of a member could deadlock.
    pub async fn lock_organization(&self, reference: &OrganizationRef) -> Result<Organization> {
        let found = run(by_reference(reference).lock(LockType::NoKeyUpdate).one(&self.db)).await?;
        found.map(Organization::from).ok_or(Error::NotFound("organization"))
    }

    /// Returns the organizations of a user who is locked already, and locks the memberships until the commit. A
    /// concurrent change of these memberships either has a lower event number and is visible here, or waits.
    pub async fn lock_organizations_of(&self, user: &User) -> Result<Vec<OrganizationId>> {
        let user = user.id;
        let memberships = membership::Entity::find()
            .filter(membership::Column::UserId.eq(user))
            .order_by_asc(membership::Column::OrganizationId)
            .lock_shared();
        run(memberships.all(&self.db)).await?;
        self.organizations_of(user).await
    }

    /// Adds an organization. `CONFLICT` if an organization has, or had, the slug.
    pub async fn insert_organization(
        &self,
        _: &RecentlyAuthenticated<OrganizationCreator>,
        slug: String,
        name: String,
    ) -> Result<Organization> {
        let at = self.caller().at;
        let row = organization::ActiveModel {
            id: Set(OrganizationId::new(at)),
            slug: Set(slug),
            name: Set(name),
            created_at: Set(at),
            deleted_at: Set(None),
        };
        let inserted = run_unique(organization::Entity::insert(row).exec_with_returning(&self.db)).await?;
        inserted
            .map(Organization::from)
            .ok_or_else(|| Error::Conflict("An organization has, or had, this slug; choose another.".into()))
    }

    /// Marks an organization as deleted. Its slug is never given to another organization, since gateways may still use
    /// it.
    pub async fn delete_organization(&self, _: &Operator, organization: OrganizationId) -> Result<()> {
        let update = organization::Entity::update_many()
            .col_expr(organization::Column::DeletedAt, Expr::value(self.caller().at))
            .filter(organization::Column::Id.eq(organization))
            .exec(&self.db);
        run(update).await.map(|_| ())
    }

    /// Changes the name of an organization.
    pub async fn rename_organization(&self, manager: &OrganizationManager, name: &str) -> Result<()> {
        let update = organization::Entity::update_many()
            .col_expr(organization::Column::Name, Expr::value(name.to_owned()))
            .filter(organization::Column::Id.eq(*manager.organization()))
            .exec(&self.db);
        run(update).await.map(|_| ())
    }
}

fn by_reference(reference: &OrganizationRef) -> Select<organization::Entity> {
    let find = organization::Entity::find().filter(conditions::organization_exists(organization::Entity));
    match reference {
        OrganizationRef::Id(id) => find.filter(organization::Column::Id.eq(*id)),
        OrganizationRef::Slug(slug) => find.filter(organization::Column::Slug.eq(slug.as_str())),
    }
}

impl Store {
    /// Returns the organization with this slug, unless it is deleted.
    pub async fn organization_by_slug(&self, slug: &str) -> Result<Option<Organization>> {
        let find = organization::Entity::find().filter(organization::Column::Slug.eq(slug));
        let found = run(find.one(&self.read)).await?;
        Ok(found.filter(|row| row.deleted_at.is_none()).map(Organization::from))
    }

    /// Returns the ID of the organization with this slug, including a deleted one, for the operator.
    pub async fn organization_id_by_slug(&self, _: &Operator, slug: &str) -> Result<Option<OrganizationId>> {
        let find = organization::Entity::find().filter(organization::Column::Slug.eq(slug));
        Ok(run(find.one(&self.read)).await?.map(|row| row.id))
    }

    /// Returns these organizations, including deleted ones. Unknown IDs are omitted.
    pub async fn organizations(&self, ids: &[OrganizationId]) -> Result<HashMap<OrganizationId, Organization>> {
        let find = organization::Entity::find().filter(organization::Column::Id.is_in(ids.iter().copied()));
        let rows = run(find.all(&self.read)).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
    }

    /// Returns a page of the viewer's organizations, oldest first, each with the viewer's role.
    pub async fn organizations_of(&self, viewer: &Viewer, page: &Page) -> Result<Slice<(Organization, Role)>> {
        let order = SortOrder {
            key: SortColumn::<&'static str>::Id,
            id: Some(col("o", organization::Column::Id)),
            descending: false,
        };
        let select = pagination::paginate(organizations_of(viewer), &order, page);
        pagination::page_of(&self.read, &select, page, |row: OrganizationRow| {
            let cursor = Cursor { key: SortKey::Id, id: row.id.uuid() };
            let organization = Organization { id: row.id, slug: row.slug, name: row.name, created_at: row.created_at };
            (cursor, (organization, row.role))
        })
        .await
    }

    /// Counts the viewer's organizations.
    pub async fn count_organizations_of(&self, viewer: &Viewer) -> Result<u64> {
        pagination::count(&self.read, organizations_of(viewer)).await
    }
}

#[derive(FromQueryResult)]
struct OrganizationRow {
    id: OrganizationId,
    slug: String,
    name: String,
    created_at: Time,
    role: Role,
}

fn organizations_of(viewer: &Viewer) -> SelectStatement {
    let mut select = Query::select();
    for column in [
        organization::Column::Id,
        organization::Column::Slug,
        organization::Column::Name,
        organization::Column::CreatedAt,
    ] {
        select.column(col("o", column));
    }
    select
        .column(col("m", membership::Column::Role))
        .from_as(membership::Entity, "m")
        .join_as(
            JoinType::InnerJoin,
            organization::Entity,
            "o",
            same(col("o", organization::Column::Id), col("m", membership::Column::OrganizationId)),
        )
        .and_where(Expr::col(col("m", membership::Column::UserId)).eq(*viewer.user()))
        .and_where(conditions::organization_exists("o"));
    if let Some(within) = viewer.within() {
        select.and_where(Expr::col(col("o", organization::Column::Id)).is_in(within.organizations.iter().copied()));
    }
    select.take()
}
