//! People, organizations, and who belongs to what.

use super::{
    Store, all,
    entity::{grant, membership, organization, user},
    limited,
    listing::{self, Along},
    tokens::{reach_of, same},
    tx::Tx,
};
use crate::domain::{
    caller::{Caller, Through},
    error::{Error, Result},
    id::{OrganizationId, TokenId, UserId},
    list::{Cursor, Key, Page, Slice},
    organization::{Membership, Organization, Role, User},
    policy::{Admission, Myself, Operator, Standing},
    text,
    time::Time,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, Condition, ConnectionTrait, DbErr, EntityTrait as _, ExprTrait as _, FromQueryResult,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, SqlErr,
    sea_query::{Expr, JoinType, Query, SelectStatement},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Somebody about to come.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Their unique handle.
    pub username: String,
    /// What people call them.
    pub name: String,
    /// Where letters go.
    pub email: Option<String>,
    /// Who they are for an identity provider: its name and theirs there.
    pub identity: Option<Identity>,
}

/// Who somebody is for an identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider, as `iss` names it.
    pub issuer: String,
    /// The person, as `sub` names them.
    pub subject: String,
}

/// What changes of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Their unique handle.
    pub username: String,
    /// What people call them.
    pub name: String,
    /// Where letters go.
    pub email: Option<String>,
}

/// A person with what rules need to know of them before anybody may see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub user: User,
    /// True once they were removed: they are told of nowhere but in the audit.
    pub deleted: bool,
    /// What they belong to.
    pub belongs_to: BTreeSet<OrganizationId>,
}

/// What came of setting a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberChange {
    /// They joined.
    Added,
    /// They were there with another role.
    Changed,
    /// They had the role already.
    None,
}

impl From<user::Model> for User {
    fn from(row: user::Model) -> Self {
        Self {
            id: row.id,
            username: row.username,
            name: row.name,
            email: row.email,
            created_at: row.created_at,
            disabled_at: row.disabled_at,
        }
    }
}

impl From<organization::Model> for Organization {
    fn from(row: organization::Model) -> Self {
        Self { id: row.id, slug: row.slug, name: row.name, created_at: row.created_at }
    }
}

impl From<membership::Model> for Membership {
    fn from(row: membership::Model) -> Self {
        Self { organization: row.organization_id, user: row.user_id, role: row.role, joined_at: row.joined_at }
    }
}

impl Tx {
    /// What the caller is at this moment. Whoever is disabled or gone, and a token that is over, is nobody.
    pub async fn standing(&self) -> Result<Standing> {
        standing(&self.db, self.caller()).await
    }

    /// The person of that name.
    pub async fn user_named(&self, username: &str) -> Result<User> {
        let find = user::Entity::find().filter(user::Column::Username.eq(username));
        let found = limited(find.one(&self.db)).await?.filter(|row| row.deleted_at.is_none());
        found.map(User::from).ok_or(Error::NotFound("user"))
    }

    /// The person whom an identity provider calls so; true when they are gone.
    pub async fn user_of(&self, identity: &Identity) -> Result<Option<(User, bool)>> {
        let row = limited(by_identity(identity).one(&self.db)).await?;
        Ok(row.map(|row| (row.deleted_at.is_some(), row)).map(|(gone, row)| (row.into(), gone)))
    }

    /// Those of these names that somebody else has.
    pub async fn names_taken(&self, names: &[String], but_for: Option<UserId>) -> Result<BTreeSet<String>> {
        let find = user::Entity::find().filter(user::Column::Username.is_in(names));
        let rows = limited(find.all(&self.db)).await?;
        Ok(rows.into_iter().filter(|row| Some(row.id) != but_for).map(|row| row.username).collect())
    }

    /// The organization of that name.
    pub async fn organization_named(&self, slug: &str) -> Result<Organization> {
        let find = organization::Entity::find().filter(organization::Column::Slug.eq(slug));
        let found = limited(find.one(&self.db)).await?.filter(|row| row.deleted_at.is_none());
        found.map(Organization::from).ok_or(Error::NotFound("organization"))
    }

    /// Adds a person.
    pub async fn insert_user(&self, _: &Admission, id: UserId, new: NewUser) -> Result<User> {
        let at = self.caller().at;
        let (issuer, subject) = new.identity.map(|identity| (identity.issuer, identity.subject)).unzip();
        let row = user::ActiveModel {
            id: Set(id),
            searchable: Set(searchable(&new.username, &new.name, new.email.as_deref())),
            username: Set(new.username),
            name: Set(new.name),
            email: Set(new.email),
            issuer: Set(issuer),
            subject: Set(subject),
            created_at: Set(at),
            disabled_at: Set(None),
            deleted_at: Set(None),
        };
        let inserted = limited_unique(user::Entity::insert(row).exec_with_returning(&self.db)).await?;
        inserted.map(User::from).ok_or_else(|| {
            Error::Conflict("Somebody has this username, or is known by this subject, already; choose another.".into())
        })
    }

    /// Keeps what an identity provider says of a person now.
    pub async fn change_profile(&self, _: &Admission, user: UserId, profile: &Profile) -> Result<()> {
        let update = user::Entity::update_many()
            .col_expr(user::Column::Username, Expr::value(profile.username.clone()))
            .col_expr(user::Column::Name, Expr::value(profile.name.clone()))
            .col_expr(user::Column::Email, Expr::value(profile.email.clone()))
            .col_expr(
                user::Column::Searchable,
                Expr::value(searchable(&profile.username, &profile.name, profile.email.as_deref())),
            )
            .filter(user::Column::Id.eq(user))
            .exec(&self.db);
        match limited_unique(update).await? {
            Some(_) => Ok(()),
            None => Err(Error::Conflict("Somebody has this username already; choose another.".into())),
        }
    }

    /// Stops a person, or lets them back; false when they were so already.
    pub async fn set_disabled(&self, _: &Operator, user: UserId, disabled: bool) -> Result<bool> {
        let (value, before) = if disabled {
            (Some(self.caller().at), user::Column::DisabledAt.is_null())
        } else {
            (None, user::Column::DisabledAt.is_not_null())
        };
        let update = user::Entity::update_many()
            .col_expr(user::Column::DisabledAt, Expr::value(value))
            .filter(user::Column::Id.eq(user))
            .filter(before)
            .exec(&self.db);
        Ok(limited(update).await?.rows_affected == 1)
    }

    /// The organizations that a person belongs to.
    pub async fn organizations_of(&self, user: UserId) -> Result<Vec<OrganizationId>> {
        Ok(roles(&self.db, user).await?.into_keys().collect())
    }

    /// Adds an organization.
    pub async fn insert_organization(&self, _: &Operator, slug: String, name: String) -> Result<Organization> {
        let at = self.caller().at;
        let row = organization::ActiveModel {
            id: Set(OrganizationId::new(at)),
            slug: Set(slug),
            name: Set(name),
            created_at: Set(at),
            deleted_at: Set(None),
        };
        let inserted = limited_unique(organization::Entity::insert(row).exec_with_returning(&self.db)).await?;
        inserted
            .map(Organization::from)
            .ok_or_else(|| Error::Conflict("An organization has this slug already; choose another.".into()))
    }

    /// Makes somebody a member with this role. The last administrator keeps theirs.
    pub async fn set_member(
        &self,
        _: &Operator,
        organization: OrganizationId,
        user: UserId,
        role: Role,
    ) -> Result<MemberChange> {
        self.hold_organization(organization).await?;
        let find = membership::Entity::find_by_id((organization, user));
        match limited(find.one(&self.db)).await? {
            None => {
                let row = membership::ActiveModel {
                    organization_id: Set(organization),
                    user_id: Set(user),
                    role: Set(role),
                    joined_at: Set(self.caller().at),
                };
                limited(membership::Entity::insert(row).exec_without_returning(&self.db)).await?;
                Ok(MemberChange::Added)
            }
            Some(present) if present.role == role => Ok(MemberChange::None),
            Some(_) => {
                if role == Role::Member {
                    self.keep_an_administrator(organization, user).await?;
                }
                let update = membership::Entity::update_many()
                    .col_expr(membership::Column::Role, Expr::value(role))
                    .filter(pair(organization, user))
                    .exec(&self.db);
                limited(update).await?;
                Ok(MemberChange::Changed)
            }
        }
    }

    /// Ends a membership and the access of all the member's tokens; tells which tokens these are.
    pub async fn remove_member(
        &self,
        _: &Operator,
        organization: OrganizationId,
        user: UserId,
        reason: Option<&str>,
    ) -> Result<Vec<TokenId>> {
        self.hold_organization(organization).await?;
        self.keep_an_administrator(organization, user).await?;
        let delete = membership::Entity::delete_many().filter(pair(organization, user)).exec(&self.db);
        if limited(delete).await?.rows_affected == 0 {
            return Err(Error::NotFound("member"));
        }
        let which =
            Condition::all().add(grant::Column::OrganizationId.eq(organization)).add(grant::Column::OwnerId.eq(user));
        let mut cut: Vec<_> = self.end_grants(which, reason).await?.into_iter().map(|grant| grant.token_id).collect();
        cut.sort_unstable();
        Ok(cut)
    }

    /// Whether the owner may let a token reach these: the memberships are held until the commit, so that leaving and
    /// adding cannot pass each other. Tells the first that is not theirs.
    pub async fn hold_memberships(
        &self,
        user: UserId,
        organizations: &BTreeSet<OrganizationId>,
    ) -> Result<BTreeSet<OrganizationId>> {
        let find = membership::Entity::find()
            .filter(membership::Column::UserId.eq(user))
            .filter(membership::Column::OrganizationId.is_in(organizations.iter().copied()))
            .order_by_asc(membership::Column::OrganizationId)
            .lock_shared();
        Ok(limited(find.all(&self.db)).await?.into_iter().map(|row| row.organization_id).collect())
    }

    /// Two last administrators cannot remove each other: changes of one organization's members wait here.
    async fn hold_organization(&self, organization: OrganizationId) -> Result<()> {
        let find = organization::Entity::find_by_id(organization)
            .filter(organization::Column::DeletedAt.is_null())
            .lock_exclusive();
        limited(find.one(&self.db)).await?.map(|_| ()).ok_or(Error::NotFound("organization"))
    }

    async fn keep_an_administrator(&self, organization: OrganizationId, leaving: UserId) -> Result<()> {
        let find = membership::Entity::find()
            .filter(membership::Column::OrganizationId.eq(organization))
            .filter(membership::Column::Role.eq(Role::Admin))
            .limit(2);
        let admins = limited(find.all(&self.db)).await?;
        match admins.as_slice() {
            [only] if only.user_id == leaving => Err(Error::Conflict(
                "This is the organization's last administrator; make somebody else one first.".into(),
            )),
            _ => Ok(()),
        }
    }
}

impl Store {
    /// What the caller is at this moment.
    pub async fn standing(&self, caller: &Caller) -> Result<Standing> {
        standing(&self.read, caller).await
    }

    /// The person whom an identity provider calls so; true when they are gone.
    pub async fn user_of(&self, identity: &Identity) -> Result<Option<(User, bool)>> {
        let row = limited(by_identity(identity).one(&self.read)).await?;
        Ok(row.map(|row| (row.deleted_at.is_some(), row)).map(|(gone, row)| (row.into(), gone)))
    }

    /// The person of that name, for the operator.
    pub async fn user_named(&self, _: &Operator, username: &str) -> Result<Option<User>> {
        let find = user::Entity::find().filter(user::Column::Username.eq(username));
        let found = limited(find.one(&self.read)).await?;
        Ok(found.filter(|row| row.deleted_at.is_none()).map(User::from))
    }

    /// The organization of that name.
    pub async fn organization_named(&self, slug: &str) -> Result<Option<Organization>> {
        let find = organization::Entity::find().filter(organization::Column::Slug.eq(slug));
        let found = limited(find.one(&self.read)).await?;
        Ok(found.filter(|row| row.deleted_at.is_none()).map(Organization::from))
    }

    /// These organizations, as far as they exist.
    pub async fn organizations(&self, ids: &[OrganizationId]) -> Result<HashMap<OrganizationId, Organization>> {
        let find = organization::Entity::find().filter(organization::Column::Id.is_in(ids.iter().copied()));
        let rows = limited(find.all(&self.read)).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
    }

    /// These people, with what they belong to. Policy decides who may see them.
    pub async fn people(&self, ids: &[UserId]) -> Result<HashMap<UserId, Person>> {
        let find = user::Entity::find().filter(user::Column::Id.is_in(ids.iter().copied()));
        let users = limited(find.all(&self.read)).await?;
        let find = membership::Entity::find().filter(membership::Column::UserId.is_in(ids.iter().copied()));
        let mut belongs_to = HashMap::<_, BTreeSet<_>>::new();
        for row in limited(find.all(&self.read)).await? {
            belongs_to.entry(row.user_id).or_default().insert(row.organization_id);
        }
        Ok(users
            .into_iter()
            .map(|row| {
                let belongs_to = belongs_to.remove(&row.id).unwrap_or_default();
                (row.id, Person { deleted: row.deleted_at.is_some(), user: row.into(), belongs_to })
            })
            .collect())
    }

    /// The organizations that somebody belongs to, oldest first, each with their role there.
    pub async fn organizations_of(&self, myself: &Myself, page: &Page) -> Result<Slice<(Organization, Role)>> {
        let along = Along { key: None::<&'static str>, id: Some(("o", "id")), descending: false };
        let select = listing::cut(organizations_of(myself), &along, page);
        listing::page_of(&self.read, &select, page, |row: OrganizationRow| {
            let place = Cursor { key: Key::Id, id: row.id.uuid() };
            let organization = Organization { id: row.id, slug: row.slug, name: row.name, created_at: row.created_at };
            (place, (organization, row.role))
        })
        .await
    }

    /// How many organizations somebody belongs to.
    pub async fn count_organizations_of(&self, myself: &Myself) -> Result<u64> {
        listing::count(&self.read, organizations_of(myself)).await
    }

    /// Whether there is anybody yet.
    pub async fn has_users(&self) -> Result<bool> {
        Ok(limited(user::Entity::find().one(&self.read)).await?.is_some())
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

fn organizations_of(myself: &Myself) -> SelectStatement {
    let mut select = Query::select();
    for column in ["id", "slug", "name", "created_at"] {
        select.column(("o", column));
    }
    select
        .column(("m", "role"))
        .from_as(membership::Entity, "m")
        .join_as(JoinType::InnerJoin, organization::Entity, "o", same(("o", "id"), ("m", "organization_id")))
        .and_where(Expr::col(("m", "user_id")).eq(*myself.user()))
        .and_where(Expr::col(("o", "deleted_at")).is_null());
    if let Some(within) = myself.within() {
        select.and_where(Expr::col(("o", "id")).is_in(within.organizations.iter().copied()));
    }
    select.take()
}

fn by_identity(identity: &Identity) -> sea_orm::Select<user::Entity> {
    user::Entity::find()
        .filter(user::Column::Issuer.eq(identity.issuer.clone()))
        .filter(user::Column::Subject.eq(identity.subject.clone()))
}

fn pair(organization: OrganizationId, user: UserId) -> Condition {
    Condition::all().add(membership::Column::OrganizationId.eq(organization)).add(membership::Column::UserId.eq(user))
}

/// What a search without regard to case looks through: a line each.
fn searchable(username: &str, name: &str, email: Option<&str>) -> String {
    text::fold(&format!("{username}\n{name}\n{}", email.unwrap_or_default()))
}

async fn standing(connection: &impl ConnectionTrait, caller: &Caller) -> Result<Standing> {
    let Some(id) = caller.user() else { return Ok(Standing::new(caller, BTreeMap::new(), None)) };
    let user = limited(user::Entity::find_by_id(id).one(connection)).await?;
    if user.is_none_or(|user| user.disabled_at.is_some() || user.deleted_at.is_some()) {
        return Err(Error::Unauthenticated);
    }
    let roles = roles(connection, id).await?;
    match caller.through {
        Through::Token { token, .. } | Through::Value { token, .. } => {
            let reach = reach_of(connection, token, caller.at).await?.ok_or(Error::Unauthenticated)?;
            Ok(Standing::new(caller, roles, Some(&reach)))
        }
        _ => Ok(Standing::new(caller, roles, None)),
    }
}

#[derive(FromQueryResult)]
struct RoleRow {
    organization_id: OrganizationId,
    role: Role,
}

async fn roles(connection: &impl ConnectionTrait, user: UserId) -> Result<BTreeMap<OrganizationId, Role>> {
    let select = Query::select()
        .column(("m", "organization_id"))
        .column(("m", "role"))
        .from_as(membership::Entity, "m")
        .join_as(JoinType::InnerJoin, organization::Entity, "o", same(("o", "id"), ("m", "organization_id")))
        .and_where(Expr::col(("m", "user_id")).eq(user))
        .and_where(Expr::col(("o", "deleted_at")).is_null())
        .take();
    let rows = all::<RoleRow>(connection, &select).await?;
    Ok(rows.into_iter().map(|row| (row.organization_id, row.role)).collect())
}

/// Nothing when a unique key refused it.
async fn limited_unique<T>(work: impl Future<Output = Result<T, DbErr>>) -> Result<Option<T>> {
    limited(async {
        match work.await {
            Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Ok(None),
            other => other.map(Some),
        }
    })
    .await
}
