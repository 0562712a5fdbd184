//! The migrations that lead to the current schema, in order. They are additive, and none is ever undone.

mod columns;
mod m20261201_000000_initial;

use sea_orm_migration::prelude::MigrationTrait;
pub use sea_orm_migration::prelude::{MigratorTrait, SchemaManager};

/// All migrations, oldest first.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20261201_000000_initial::Migration)]
    }
}
