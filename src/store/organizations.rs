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
    organization::{Membership, Organization, OrganizationRef, Role, User, UserRef},
    policy::{Admission, Founder, Insider, Manager, Myself, Operator, Standing},
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

    /// The person who is meant.
    pub async fn find_user(&self, who: &UserRef) -> Result<User> {
        let find = user::Entity::find().filter(user::Column::DeletedAt.is_null());
        let find = match who {
            UserRef::Id(id) => find.filter(user::Column::Id.eq(*id)),
            UserRef::Named(address) if address.contains('@') => find.filter(user::Column::Email.eq(address.as_str())),
            UserRef::Named(name) => find.filter(user::Column::Username.eq(name.as_str())),
        };
        // An address that two people have is nobody's.
        match limited(find.limit(2).all(&self.db)).await?.as_slice() {
            [found] => Ok(found.clone().into()),
            _ => Err(Error::NotFound("user")),
        }
    }

    /// The organization that is meant.
    pub async fn find_organization(&self, which: &OrganizationRef) -> Result<Organization> {
        let find = organization::Entity::find().filter(organization::Column::DeletedAt.is_null());
        let find = match which {
            OrganizationRef::Id(id) => find.filter(organization::Column::Id.eq(*id)),
            OrganizationRef::Slug(slug) => find.filter(organization::Column::Slug.eq(slug.as_str())),
        };
        let found = limited(find.one(&self.db)).await?;
        found.map(Organization::from).ok_or(Error::NotFound("organization"))
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
    pub async fn insert_organization(&self, _: &Founder, slug: String, name: String) -> Result<Organization> {
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

    /// Changes what people call an organization.
    pub async fn rename_organization(&self, manager: &Manager, name: &str) -> Result<()> {
        let update = organization::Entity::update_many()
            .col_expr(organization::Column::Name, Expr::value(name.to_owned()))
            .filter(organization::Column::Id.eq(*manager.organization()))
            .exec(&self.db);
        limited(update).await.map(|_| ())
    }

    /// Makes somebody a member; `CONFLICT` for whoever is one.
    pub async fn add_member(&self, manager: &Manager, user: UserId, role: Role) -> Result<()> {
        let organization = *manager.organization();
        self.hold_organization(organization).await?;
        let row = membership::ActiveModel {
            organization_id: Set(organization),
            user_id: Set(user),
            role: Set(role),
            joined_at: Set(self.caller().at),
        };
        let inserted = limited_unique(membership::Entity::insert(row).exec_without_returning(&self.db)).await?;
        inserted.map(|_| ()).ok_or_else(|| Error::Conflict("This person is a member already.".into()))
    }

    /// Gives a member another role; false when they have it. The last administrator keeps theirs.
    pub async fn change_role(&self, manager: &Manager, user: UserId, role: Role) -> Result<bool> {
        let organization = *manager.organization();
        self.hold_organization(organization).await?;
        let present = limited(membership::Entity::find_by_id((organization, user)).one(&self.db)).await?;
        if present.ok_or(Error::NotFound("member"))?.role == role {
            return Ok(false);
        }
        if role == Role::Member {
            self.keep_an_administrator(organization, user).await?;
        }
        let update = membership::Entity::update_many()
            .col_expr(membership::Column::Role, Expr::value(role))
            .filter(pair(organization, user))
            .exec(&self.db);
        limited(update).await?;
        Ok(true)
    }

    /// Ends a membership and the access of all the member's tokens; tells which tokens these are.
    pub async fn remove_member(&self, manager: &Manager, user: UserId, reason: Option<&str>) -> Result<Vec<TokenId>> {
        let organization = *manager.organization();
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

    /// Who belongs to an organization, in order of their usernames.
    pub async fn members_of(
        &self,
        insider: &Insider,
        which: &Members,
        page: &Page,
    ) -> Result<Slice<(Person, Membership)>> {
        let along = Along { key: Some(("o", "username")), id: Some(("o", "id")), descending: false };
        let select = listing::cut(members_of(insider, which), &along, page);
        let slice = listing::page_of(&self.read, &select, page, |row: MemberRow| {
            let place = Cursor { key: Key::Text(row.username.clone()), id: row.user_id.uuid() };
            (place, Membership::from(membership::Model::from(row)))
        })
        .await?;
        let ids: Vec<_> = slice.rows.iter().map(|(_, member)| member.user).collect();
        let people = if ids.is_empty() { HashMap::new() } else { self.people(&ids).await? };
        let with_person =
            |(place, member): (Cursor, Membership)| Some((place, (people.get(&member.user)?.clone(), member)));
        let rows = slice.rows.into_iter().filter_map(with_person).collect();
        Ok(Slice { rows, has_next: slice.has_next, has_previous: slice.has_previous })
    }

    /// How many of an organization's members fit.
    pub async fn count_members_of(&self, insider: &Insider, which: &Members) -> Result<u64> {
        listing::count(&self.read, members_of(insider, which)).await
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

/// Which members are wanted. Everything that is said must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// A folded part of the username or name; for administrators also of the e-mail address.
    pub search: Option<String>,
    /// With this role.
    pub role: Option<Role>,
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

fn members_of(insider: &Insider, which: &Members) -> SelectStatement {
    let mut select = Query::select();
    for column in ["organization_id", "user_id", "role", "joined_at"] {
        select.column(("m", column));
    }
    select
        .column(("o", "username"))
        .from_as(membership::Entity, "m")
        .join_as(JoinType::InnerJoin, user::Entity, "o", same(("o", "id"), ("m", "user_id")))
        .and_where(Expr::col(("m", "organization_id")).eq(*insider.organization()));
    if let Some(part) = &which.search {
        // The e-mail address is the last line: what is followed by another line is no part of it.
        let place = if *insider.admin() { super::holding(part) } else { super::holding_before(part, "\n") };
        select.and_where(Expr::col(("o", "searchable")).like(place));
    }
    if let Some(role) = which.role {
        select.and_where(Expr::col(("m", "role")).eq(role));
    }
    select
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
