//! The settings as flags, which override the environment and the file.

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
        #[command(next_help_heading = "Settings (these override the environment, such as TOKENWARD_DATABASE__URL, and the file)")]
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
    /// Address and port to listen on
    listen = "listen" "ADDR",
    /// Public address of the service, for links in emails and the issuer
    public_url = "public_url" "URL",
    /// Folder for data
    data_dir = "data_dir" "DIR",
    /// Database: `sqlite://PATH` or `postgres://…`
    database_url = "database.url" "URL",
    /// Mail server: `file://FOLDER` or `smtp://…`
    mail_url = "mail.url" "URL",
    /// Sender address of emails
    mail_from = "mail.from" "ADDRESS",
    /// Prefix of token values; fixed by the first migration
    token_prefix = "token.prefix" "PREFIX",
    /// Maximum number of active tokens of a user
    token_max_per_user = "token.max_per_user" "NUMBER",
    /// Maximum number of changes per minute of one user that extend access
    token_max_changes_per_minute = "token.max_changes_per_minute" "NUMBER",
    /// File with the scope catalogue
    scopes_file = "scopes.file" "FILE",
    /// Networks whose X-Forwarded-* headers are trusted, separated by commas
    proxy_trusted = "proxy.trusted" "CIDRS",
    /// Maximum age of responses of /verify and introspection; only 0s is supported
    verify_max_staleness = "verify.max_staleness" "DURATION",
    /// Address and port for Prometheus metrics
    metrics_listen = "metrics.listen" "ADDR",
    /// Whether users can create organizations
    organizations_self_service = "organizations.self_service" "BOOL",
    /// Origins of web pages that can call the API, separated by commas
    cors_origins = "cors.origins" "ORIGINS",
    /// Format of log lines: human or json
    log_format = "log.format" "FORMAT",
    /// Log level: info, debug, tokenward=trace
    log_level = "log.level" "FILTER",
}

impl Flags {
    /// Loads the settings. `fallbacks` are used as flags that were not given.
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
            // The message names the setting, so the field is not printed before it.
            Error::Invalid { field, message } if message.contains(&*field) => Error::Conflict(message.into()),
            other => other,
        })
    }

    /// Returns whether `--config` was given.
    pub(super) const fn reads_a_file(&self) -> bool {
        self.config.is_some()
    }

    /// Returns the value of a setting that was given as a flag.
    pub(super) fn flag(&self, key: &str) -> Option<String> {
        self.given().into_iter().find(|(given, _)| *given == key).map(|(_, value)| value)
    }
}
