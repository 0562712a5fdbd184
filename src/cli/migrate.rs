//! `migrate`: brings the schema up to date, or says whether it is.

use crate::{config::Config, domain::error::Result, store::Store};
use std::process::ExitCode;

pub(super) async fn run(config: &Config, check: bool) -> Result<ExitCode> {
    let store = Store::connect(config.database_url.reveal()).await?;
    if check {
        let pending = store.pending().await?;
        for step in &pending {
            println!("pending {step}");
        }
        return Ok(if pending.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    for step in store.migrate(&config.token_prefix).await? {
        println!("applied {step}");
    }
    Ok(ExitCode::SUCCESS)
}
