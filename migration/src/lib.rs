//! The migrations that lead to the current schema, in order.

mod fifth;
mod first;
mod fourth;
mod m20261130_160000_used_usernames;
mod m20261130_160500_known_networks;
mod m20261130_170000_event_resource_servers;
mod second;
mod sixth;
mod third;

use sea_orm_migration::prelude::MigrationTrait;
pub use sea_orm_migration::prelude::{MigratorTrait, SchemaManager};

/// All migrations, oldest first.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(first::Migration),
            Box::new(second::Migration),
            Box::new(third::Migration),
            Box::new(fourth::Migration),
            Box::new(fifth::Migration),
            Box::new(sixth::Migration),
            Box::new(m20261130_160000_used_usernames::Migration),
            Box::new(m20261130_160500_known_networks::Migration),
            Box::new(m20261130_170000_event_resource_servers::Migration),
        ]
    }
}
