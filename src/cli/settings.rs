//! The settings as flags: each goes over the environment and the file.

use crate::{
    config::Config,
    domain::error::{Error, Result},
};
use clap::Args;
use std::path::PathBuf;

macro_rules! flags {
    ($($(#[$doc:meta])* $field:ident = $key:literal $value:literal,)*) => {
        /// Where settings come from.
        #[derive(Debug, Args)]
        #[command(next_help_heading = "Settings (over the environment, TOKENWARD_DATABASE__URL and so on, and the file)")]
        pub(super) struct Flags {
            /// Read settings from this TOML file
            #[arg(long, global = true, value_name = "FILE")]
            config: Option<PathBuf>,
            $(
                $(#[$doc])*
                #[arg(long, global = true, value_name = $value)]
                $field: Option<String>,
            )*
        }

        impl Flags {
            fn given(&self) -> Vec<(&'static str, String)> {
                let all = [$(($key, &self.$field),)*];
                all.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))).collect()
            }
        }
    };
}

flags! {
    /// Listen there
    listen = "listen" "ADDR",
    /// Links in letters and the issuer begin so
    public_url = "public_url" "URL",
    /// Keep data there
    data_dir = "data_dir" "DIR",
    /// Use this database: `sqlite://PATH` or `postgres://…`
    database_url = "database.url" "URL",
    /// Send letters there: `file://FOLDER` or `smtp://…`
    mail_url = "mail.url" "URL",
    /// Letters come from there
    mail_from = "mail.from" "ADDRESS",
    /// Values of tokens begin so; the first migration fixes it
    token_prefix = "token.prefix" "PREFIX",
    /// Active tokens that a user may have
    token_max_per_user = "token.max_per_user" "NUMBER",
    /// Changes a minute of one user that widen access
    token_max_changes_per_minute = "token.max_changes_per_minute" "NUMBER",
    /// Read the scope catalogue from this file
    scopes_file = "scopes.file" "FILE",
    /// Trust X-Forwarded-* of these networks, separated by commas
    proxy_trusted = "proxy.trusted" "CIDRS",
    /// How old an answer of /verify and introspection may be, at most 5s
    verify_max_staleness = "verify.max_staleness" "DURATION",
    /// Serve Prometheus metrics there
    metrics_listen = "metrics.listen" "ADDR",
    /// Whether users may create organizations
    organizations_self_service = "organizations.self_service" "BOOL",
    /// Let pages of these origins call, separated by commas
    cors_origins = "cors.origins" "ORIGINS",
    /// human or json
    log_format = "log.format" "FORMAT",
    /// What to log: info, debug, tokenward=trace
    log_level = "log.level" "FILTER",
}

impl Flags {
    /// The settings; `fallbacks` hold where neither a flag nor the environment says otherwise.
    pub(super) fn load(
        &self,
        environment: impl IntoIterator<Item = (String, String)>,
        fallbacks: &[(&'static str, String)],
    ) -> Result<Config> {
        let mut flags = self.given();
        for (key, value) in fallbacks {
            if !flags.iter().any(|(given, _)| given == key) {
                flags.push((key, value.clone()));
            }
        }
        Config::load(self.config.as_deref(), environment, &flags).map_err(|error| match error {
            // The sentence names the setting; it need not stand before it once more.
            Error::Invalid { field, why } if why.contains(&*field) => Error::Conflict(why.into()),
            other => other,
        })
    }

    /// Whether a file of settings was given.
    pub(super) const fn reads_a_file(&self) -> bool {
        self.config.is_some()
    }

    /// A setting that was given as a flag.
    pub(super) fn flag(&self, key: &str) -> Option<String> {
        self.given().into_iter().find(|(given, _)| *given == key).map(|(_, value)| value)
    }
}
