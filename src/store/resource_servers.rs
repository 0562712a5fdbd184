//! APIs that may introspect tokens.

use super::{Store, entity::resource_server, limited, tx::Tx};
use crate::domain::{
    decision::Limits,
    error::{Error, Result},
    id::ResourceServerId,
    policy::Operator,
    secret::Fingerprint,
    time::Time,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, sea_query::Expr,
};

/// An API that may introspect tokens.
#[derive(Debug, Clone)]
pub struct ResourceServer {
    /// Which one.
    pub id: ResourceServerId,
    /// What the operator calls it.
    pub name: String,
    /// How it names itself.
    pub client_id: String,
    /// The digest of its secret.
    pub secret: Fingerprint,
    /// When it was added.
    pub created_at: Time,
    /// Since when it is refused.
    pub disabled_at: Option<Time>,
    /// What it may be told of.
    pub limits: Limits,
}

/// An API about to come.
#[derive(Debug, Clone)]
pub struct NewResourceServer {
    /// What the operator calls it.
    pub name: String,
    /// How it names itself.
    pub client_id: String,
    /// The digest of its secret.
    pub secret: Fingerprint,
    /// What it may be told of.
    pub limits: Limits,
}

impl From<resource_server::Model> for ResourceServer {
    fn from(row: resource_server::Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            client_id: row.client_id,
            secret: row.secret,
            created_at: row.created_at,
            disabled_at: row.disabled_at,
            limits: Limits {
                organizations: row.organizations.split_ascii_whitespace().map(ToOwned::to_owned).collect(),
                scopes: row.scopes,
            },
        }
    }
}

impl Tx {
    /// Adds an API; its secret is kept as a digest.
    pub async fn insert_resource_server(&self, _: &Operator, new: NewResourceServer) -> Result<()> {
        let taken = resource_server::Entity::find().filter(resource_server::Column::Name.eq(new.name.as_str()));
        if limited(taken.one(&self.db)).await?.is_some() {
            return Err(Error::Conflict("A resource server has this name already; choose another.".into()));
        }
        let slugs: Vec<_> = new.limits.organizations.into_iter().collect();
        let row = resource_server::ActiveModel {
            id: Set(ResourceServerId::new(self.caller().at)),
            name: Set(new.name),
            client_id: Set(new.client_id),
            secret: Set(new.secret),
            created_at: Set(self.caller().at),
            disabled_at: Set(None),
            organizations: Set(slugs.join(" ")),
            scopes: Set(new.limits.scopes),
        };
        limited(resource_server::Entity::insert(row).exec_without_returning(&self.db)).await?;
        Ok(())
    }

    /// Refuses an API from now on.
    pub async fn disable_resource_server(&self, _: &Operator, name: &str) -> Result<()> {
        let find = resource_server::Entity::find().filter(resource_server::Column::Name.eq(name));
        limited(find.one(&self.db)).await?.ok_or(Error::NotFound("resource server"))?;
        let update = resource_server::Entity::update_many()
            .col_expr(resource_server::Column::DisabledAt, Expr::value(self.caller().at))
            .filter(resource_server::Column::Name.eq(name))
            .filter(resource_server::Column::DisabledAt.is_null())
            .exec(&self.db);
        match limited(update).await?.rows_affected {
            0 => Err(Error::Conflict("The resource server is already disabled.".into())),
            _ => Ok(()),
        }
    }
}

impl Store {
    /// All of them, in order of their names.
    pub async fn resource_servers(&self) -> Result<Vec<ResourceServer>> {
        let find = resource_server::Entity::find().order_by_asc(resource_server::Column::Name);
        Ok(limited(find.all(&self.read)).await?.into_iter().map(Into::into).collect())
    }

    /// The one that names itself so, unless it is disabled.
    pub async fn resource_server(&self, client_id: &str) -> Result<Option<ResourceServer>> {
        let find = resource_server::Entity::find()
            .filter(resource_server::Column::ClientId.eq(client_id))
            .filter(resource_server::Column::DisabledAt.is_null());
        Ok(limited(find.one(&self.checks)).await?.map(Into::into))
    }
}
