//! `migrate`: applies pending migrations, or checks whether there are any.

use super::print;
use crate::{
    config::Config,
    domain::error::{Error, Result},
    store::Store,
};

pub(super) async fn run(config: &Config, check: bool) -> Result<()> {
    let store = Store::connect(&config.database).await?;
    if check {
        let pending = store.pending().await?;
        for step in &pending {
            print(format_args!("pending {step}\n"))?;
        }
        let pending_still = Error::Conflict("Migrations are pending; apply them by `tokenward migrate`.".into());
        return if pending.is_empty() { Ok(()) } else { Err(pending_still) };
    }
    for step in store.migrate(&config.token_prefix).await? {
        print(format_args!("applied {step}\n"))?;
    }
    Ok(())
}
