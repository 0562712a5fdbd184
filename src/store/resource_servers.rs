//! Resource servers: the clients that introspect tokens.

use super::{Store, entity::resource_server, run, tx::Tx};
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

/// A resource server.
#[derive(Debug, Clone)]
pub struct ResourceServer {
    /// The ID.
    pub id: ResourceServerId,
    /// The unique name that the operator gave it.
    pub name: String,
    /// The client ID with which it authenticates.
    pub client_id: String,
    /// The fingerprint of its client secret.
    pub secret: Fingerprint,
    /// The time when it was added.
    pub created_at: Time,
    /// The time when it was disabled, if it was. From then on it is rejected.
    pub disabled_at: Option<Time>,
    /// The organizations and scopes to which it is limited.
    pub limits: Limits,
}

/// A resource server to add.
#[derive(Debug, Clone)]
pub struct NewResourceServer {
    /// The unique name that the operator gave it.
    pub name: String,
    /// The client ID with which it authenticates.
    pub client_id: String,
    /// The fingerprint of its client secret.
    pub secret: Fingerprint,
    /// The organizations and scopes to which it is limited.
    pub limits: Limits,
}

impl From<resource_server::Model> for ResourceServer {
    fn from(row: resource_server::Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            client_id: row.client_id,
            secret: row.secret_fingerprint,
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
    /// Adds a resource server. `CONFLICT` if another one has the name.
    pub async fn insert_resource_server(&self, _: &Operator, new: NewResourceServer) -> Result<()> {
        let taken = resource_server::Entity::find().filter(resource_server::Column::Name.eq(new.name.as_str()));
        if run(taken.one(&self.db)).await?.is_some() {
            return Err(Error::Conflict("A resource server has this name already; choose another.".into()));
        }
        let slugs: Vec<_> = new.limits.organizations.into_iter().collect();
        let row = resource_server::ActiveModel {
            id: Set(ResourceServerId::new(self.caller().at)),
            name: Set(new.name),
            client_id: Set(new.client_id),
            secret_fingerprint: Set(new.secret),
            created_at: Set(self.caller().at),
            disabled_at: Set(None),
            organizations: Set(slugs.join(" ")),
            scopes: Set(new.limits.scopes),
        };
        run(resource_server::Entity::insert(row).exec_without_returning(&self.db)).await?;
        Ok(())
    }

    /// Disables a resource server. `CONFLICT` if it is already disabled.
    pub async fn disable_resource_server(&self, _: &Operator, name: &str) -> Result<()> {
        let find = resource_server::Entity::find().filter(resource_server::Column::Name.eq(name));
        run(find.one(&self.db)).await?.ok_or(Error::NotFound("resource server"))?;
        let update = resource_server::Entity::update_many()
            .col_expr(resource_server::Column::DisabledAt, Expr::value(self.caller().at))
            .filter(resource_server::Column::Name.eq(name))
            .filter(resource_server::Column::DisabledAt.is_null())
            .exec(&self.db);
        match run(update).await?.rows_affected {
            0 => Err(Error::Conflict("The resource server is already disabled.".into())),
            _ => Ok(()),
        }
    }
}

impl Store {
    /// Returns all resource servers, ordered by name.
    pub async fn resource_servers(&self) -> Result<Vec<ResourceServer>> {
        let find = resource_server::Entity::find().order_by_asc(resource_server::Column::Name);
        Ok(run(find.all(&self.read)).await?.into_iter().map(Into::into).collect())
    }

    /// Returns the resource server with this client ID, unless it is disabled.
    pub async fn resource_server(&self, client_id: &str) -> Result<Option<ResourceServer>> {
        let find = resource_server::Entity::find()
            .filter(resource_server::Column::ClientId.eq(client_id))
            .filter(resource_server::Column::DisabledAt.is_null());
        Ok(run(find.one(&self.checks)).await?.map(Into::into))
    }
}
