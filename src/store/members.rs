//! Memberships and roles.

use super::{
    Store, all, col, conditions,
    entity::{grant, membership, organization, user},
    pagination::{self, SortColumn, SortOrder, same},
    run, run_unique,
    tx::Tx,
    users::UserRecord,
};
use crate::domain::{
    cursor::{Cursor, Detail, Fields, SortKey},
    error::{Error, Result},
    id::{OrganizationId, TokenId, UserId},
    organization::{Membership, Role},
    page::{Page, Slice},
    policy::{Operator, OrgMember, OrganizationManager, RecentlyAuthenticated},
    state::{GrantStatus, UserStatus},
    time::Time,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, Condition, EntityTrait as _, ExprTrait as _, FromQueryResult, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::{Expr, JoinType, LockType, Order, Query, SelectStatement},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

impl From<membership::Model> for Membership {
    fn from(row: membership::Model) -> Self {
        Self { organization: row.organization_id, user: row.user_id, role: row.role, joined_at: row.joined_at }
    }
}

/// The maximum number of organizations of a user, unless the operator adds the user to more.
const MAX_ORGANIZATIONS: u64 = 1_000;
const TOO_MANY_ORGANIZATIONS: &str = "The user is a member of 1,000 organizations, which is the maximum.";

/// A filter for members. All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberFilter {
    /// A folded part of the username or name; for administrators also of the email address.
    pub search: Option<String>,
    /// Only members with this role.
    pub role: Option<Role>,
}

impl Detail for MemberFilter {
    fn write(&self, to: &mut Fields) {
        let Self { search, role } = self;
        to.add(search).add(role);
    }
}

impl Tx {
    /// Adds a member. `CONFLICT` if the user is already one, or belongs to [`MAX_ORGANIZATIONS`] and the caller is not
    /// the operator: memberships multiply the work of every request of a user, and of every event about them.
    pub async fn add_member(
        &self,
        manager: &RecentlyAuthenticated<OrganizationManager>,
        user: UserId,
        role: Role,
    ) -> Result<()> {
        let organization = *manager.organization();
        if self.caller().user().is_some() {
            let count = membership::Entity::find().filter(membership::Column::UserId.eq(user)).count(&self.db);
            if run(count).await? >= MAX_ORGANIZATIONS {
                return Err(Error::Conflict(TOO_MANY_ORGANIZATIONS.into()));
            }
        }
        let row = membership::ActiveModel {
            organization_id: Set(organization),
            user_id: Set(user),
            role: Set(role),
            joined_at: Set(self.caller().at),
        };
        let inserted = run_unique(membership::Entity::insert(row).exec_without_returning(&self.db)).await?;
        inserted.map(|_| ()).ok_or_else(|| Error::Conflict("This user is already a member.".into()))
    }

    /// Changes the role of a member and returns the previous role. `CONFLICT` if the organization would have no
    /// administrator.
    pub async fn change_role(
        &self,
        manager: &RecentlyAuthenticated<OrganizationManager>,
        user: UserId,
        role: Role,
    ) -> Result<Role> {
        let organization = *manager.organization();
        let present = run(membership::Entity::find_by_id((organization, user)).one(&self.db)).await?;
        let before = present.ok_or(Error::NotFound("member"))?.role;
        if before == role {
            return Ok(before);
        }
        if role == Role::Member {
            self.require_another_administrator(organization, user).await?;
        }
        let update = membership::Entity::update_many()
            .col_expr(membership::Column::Role, Expr::value(role))
            .filter(pair(organization, user))
            .exec(&self.db);
        run(update).await?;
        Ok(before)
    }

    /// Removes a member, and removes the organization from all their tokens. Returns the tokens that lost access.
    /// `CONFLICT` if the organization would have no administrator.
    pub async fn remove_member(
        &self,
        manager: &RecentlyAuthenticated<OrganizationManager>,
        user: UserId,
        reason: Option<&str>,
    ) -> Result<Vec<TokenId>> {
        let organization = *manager.organization();
        self.require_another_administrator(organization, user).await?;
        let delete = membership::Entity::delete_many().filter(pair(organization, user)).exec(&self.db);
        if run(delete).await?.rows_affected == 0 {
            return Err(Error::NotFound("member"));
        }
        let filter =
            Condition::all().add(grant::Column::OrganizationId.eq(organization)).add(grant::Column::OwnerId.eq(user));
        let removed = self.remove_grants(filter, reason).await?;
        let mut affected: Vec<_> =
            removed.iter().filter(|grant| self.gave_access(grant)).map(|grant| grant.token_id).collect();
        affected.sort_unstable();
        Ok(affected)
    }

    /// Locks the organizations of a user who is to be deleted. `CONFLICT` if one of them would have no administrator.
    pub async fn can_leave_all(&self, _: &Operator, user: UserId) -> Result<()> {
        let organizations = self.organizations_of(user).await?;
        let lock = organization::Entity::find()
            .filter(organization::Column::Id.is_in(organizations))
            .filter(conditions::organization_exists(organization::Entity))
            .order_by_asc(organization::Column::Id)
            .lock(LockType::NoKeyUpdate);
        for organization in run(lock.all(&self.db)).await? {
            if !self.has_administrator_without(organization.id, user).await? {
                let why = format!(
                    "{} would have no administrator; make another user an administrator there, or delete it, first.",
                    organization.slug
                );
                return Err(Error::Conflict(why.into()));
            }
        }
        Ok(())
    }

    /// Deletes all memberships of a user who is to be deleted, and returns their organizations. The user and the
    /// organizations must be locked.
    pub async fn leave_all(&self, _: &Operator, user: UserId) -> Result<Vec<OrganizationId>> {
        let delete =
            membership::Entity::delete_many().filter(membership::Column::UserId.eq(user)).exec_with_returning(&self.db);
        Ok(run(delete).await?.into_iter().map(|row| row.organization_id).collect())
    }

    /// Removes all members of an organization that is to be deleted, and removes it from all tokens. Returns the
    /// members, each with those of their tokens that lost access.
    pub async fn remove_all_members(
        &self,
        _: &Operator,
        organization: OrganizationId,
        reason: Option<&str>,
    ) -> Result<BTreeMap<UserId, Vec<TokenId>>> {
        let delete = membership::Entity::delete_many()
            .filter(membership::Column::OrganizationId.eq(organization))
            .exec_with_returning(&self.db);
        let mut removed: BTreeMap<_, Vec<_>> =
            run(delete).await?.into_iter().map(|row| (row.user_id, Vec::new())).collect();
        let filter = Condition::all().add(grant::Column::OrganizationId.eq(organization));
        for grant in self.remove_grants(filter, reason).await?.iter().filter(|grant| self.gave_access(grant)) {
            removed.entry(grant.owner_id).or_default().push(grant.token_id);
        }
        for tokens in removed.values_mut() {
            tokens.sort_unstable();
        }
        Ok(removed)
    }

    /// Returns whether a grant gave access until now. An expired or revoked token loses no access, so its owner
    /// receives no email.
    fn gave_access(&self, grant: &grant::Model) -> bool {
        GrantStatus::of(self.caller().at, grant.expires_at.0, grant.ended_at, None) == GrantStatus::Active
    }

    /// Locks the user's memberships in these organizations until the commit, so that a removal of the user and a new
    /// grant cannot pass each other. Returns those of the organizations that the user is a member of.
    pub async fn lock_memberships(
        &self,
        user: UserId,
        organizations: &BTreeSet<OrganizationId>,
    ) -> Result<BTreeSet<OrganizationId>> {
        let find = membership::Entity::find()
            .filter(membership::Column::UserId.eq(user))
            .filter(membership::Column::OrganizationId.is_in(organizations.iter().copied()))
            .order_by_asc(membership::Column::OrganizationId)
            .lock_shared();
        Ok(run(find.all(&self.db)).await?.into_iter().map(|row| row.organization_id).collect())
    }

    async fn require_another_administrator(&self, organization: OrganizationId, leaving: UserId) -> Result<()> {
        if self.has_administrator_without(organization, leaving).await? {
            return Ok(());
        }
        Err(Error::Conflict(
            "This is the last administrator of the organization; make another user an administrator first.".into(),
        ))
    }

    /// Returns whether the organization keeps an enabled administrator without this user, or the user does not
    /// administer it.
    async fn has_administrator_without(&self, organization: OrganizationId, leaving: UserId) -> Result<bool> {
        let select = Query::select()
            .column(col("m", membership::Column::UserId))
            .from_as(membership::Entity, "m")
            .join_as(
                JoinType::InnerJoin,
                user::Entity,
                "o",
                same(col("o", user::Column::Id), col("m", membership::Column::UserId)),
            )
            .and_where(Expr::col(col("m", membership::Column::OrganizationId)).eq(organization))
            .and_where(Expr::col(col("m", membership::Column::Role)).eq(Role::Admin))
            .and_where(
                Expr::col(col("m", membership::Column::UserId))
                    .eq(leaving)
                    .or(conditions::user_is("o", UserStatus::Enabled)),
            )
            .order_by(col("m", membership::Column::UserId), Order::Asc)
            .limit(2)
            .take();
        let admins = all::<AdminRow>(&self.db, &select).await?;
        Ok(match admins.as_slice() {
            [only] => only.user_id != leaving,
            _ => true,
        })
    }
}

impl Store {
    /// Returns a page of the members of an organization, ordered by username.
    pub async fn members_of(
        &self,
        viewer: &OrgMember,
        filter: &MemberFilter,
        page: &Page,
    ) -> Result<Slice<(UserRecord, Membership)>> {
        let order = SortOrder {
            key: SortColumn::Text(col("o", user::Column::Username)),
            id: Some(col("o", user::Column::Id)),
            descending: false,
        };
        let select = pagination::paginate(members_of(viewer, filter), &order, page);
        let slice = pagination::page_of(&self.read, &select, page, |row: MemberRow| {
            let cursor = Cursor { key: SortKey::Text(row.username.clone()), id: row.user_id.uuid() };
            (cursor, Membership::from(membership::Model::from(row)))
        })
        .await?;
        let ids: Vec<_> = slice.rows.iter().map(|(_, member)| member.user).collect();
        let users = if ids.is_empty() { HashMap::new() } else { self.users(&ids).await? };
        let with_user =
            |(cursor, member): (Cursor, Membership)| Some((cursor, (users.get(&member.user)?.clone(), member)));
        let rows = slice.rows.into_iter().filter_map(with_user).collect();
        Ok(Slice { rows, has_next: slice.has_next, has_previous: slice.has_previous })
    }

    /// Counts the members of an organization that match the filter.
    pub async fn count_members_of(&self, viewer: &OrgMember, filter: &MemberFilter) -> Result<u64> {
        pagination::count(&self.read, members_of(viewer, filter)).await
    }
}

#[derive(FromQueryResult)]
struct AdminRow {
    user_id: UserId,
}

#[derive(FromQueryResult)]
struct MemberRow {
    organization_id: OrganizationId,
    user_id: UserId,
    role: Role,
    joined_at: Time,
    username: String,
}

impl From<MemberRow> for membership::Model {
    fn from(row: MemberRow) -> Self {
        Self { organization_id: row.organization_id, user_id: row.user_id, role: row.role, joined_at: row.joined_at }
    }
}

fn members_of(viewer: &OrgMember, filter: &MemberFilter) -> SelectStatement {
    let mut select = Query::select();
    for column in [
        membership::Column::OrganizationId,
        membership::Column::UserId,
        membership::Column::Role,
        membership::Column::JoinedAt,
    ] {
        select.column(col("m", column));
    }
    select
        .column(col("o", user::Column::Username))
        .from_as(membership::Entity, "m")
        .join_as(
            JoinType::InnerJoin,
            user::Entity,
            "o",
            same(col("o", user::Column::Id), col("m", membership::Column::UserId)),
        )
        .and_where(Expr::col(col("m", membership::Column::OrganizationId)).eq(*viewer.organization()));
    if let Some(part) = &filter.search {
        // The email address is the last line: text that a newline follows is not part of it.
        let pattern =
            if *viewer.admin() { super::like_containing(part) } else { super::like_containing_before(part, "\n") };
        select.and_where(Expr::col(col("o", user::Column::Searchable)).like(pattern));
    }
    if let Some(role) = filter.role {
        select.and_where(Expr::col(col("m", membership::Column::Role)).eq(role));
    }
    select
}

fn pair(organization: OrganizationId, user: UserId) -> Condition {
    Condition::all().add(membership::Column::OrganizationId.eq(organization)).add(membership::Column::UserId.eq(user))
}
