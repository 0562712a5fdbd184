//! The configuration: flags override the environment, which overrides the file, which overrides defaults.

mod jwt;
mod settings;
mod target;

pub use jwt::{JwtConfig, JwtKeys, KeyAlgorithm, KeySource};
pub use target::{DatabaseTarget, MailTarget};

use crate::domain::{
    error::{Error, Result},
    scope::Catalogue,
    secret::Prefix,
};
use ipnet::IpNet;
use settings::Settings;
use std::{
    ffi::OsString,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};
use url::Url;

const DEFAULT_MAX_TOKENS_PER_USER: u32 = 500;
const DEFAULT_MAX_CHANGES_PER_MINUTE: u32 = 120;

/// All settings. `Debug` hides secrets.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq))]
pub struct Config {
    /// The address and port to listen on.
    pub listen: SocketAddr,
    /// The origin of the service without a trailing slash: the beginning of links in emails, and the issuer.
    pub public_url: String,
    /// The folder for the files of the service.
    pub data_dir: PathBuf,
    /// The database to use.
    pub database: DatabaseTarget,
    /// Where emails are sent.
    pub mail: MailTarget,
    /// The sender of emails.
    pub mail_from: String,
    /// The prefix of token values, without the underscore.
    pub token_prefix: Prefix,
    /// The maximum number of active tokens of a user. The command line is exempt.
    pub max_tokens_per_user: u32,
    /// The maximum number of changes per minute by which a user extends access, on this node. The command line is exempt.
    pub max_changes_per_minute: u32,
    /// The catalogue of scopes that can be granted.
    pub scopes: Catalogue,
    /// The networks of the proxies whose `X-Forwarded-*` headers are trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// The address and port on which metrics are served. `None` if they are not.
    pub metrics_listen: Option<SocketAddr>,
    /// Whether every signed-in user may create organizations.
    pub self_service: bool,
    /// The origins whose pages can call the API from a browser.
    pub cors_origins: Vec<String>,
    /// The format of the log.
    pub log_format: LogFormat,
    /// The filter of the log, such as `info` or `info,sqlx=warn`.
    pub log_level: String,
    /// The verification of JWTs. `None` if they are not accepted.
    pub jwt: Option<JwtConfig>,
    /// The configuration file, if it contains a secret and every user of the machine can read it.
    pub exposed_file: Option<PathBuf>,
}

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Lines for reading.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

/// A setting that is a secret or may contain one. `Debug` shows a placeholder.
#[derive(Clone)]
#[cfg_attr(test, derive(PartialEq))]
pub struct SecretString(String);

impl SecretString {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text, for code that needs it to connect or verify.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for SecretString {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretString(…)")
    }
}

impl Config {
    /// Reads and validates all settings. Flags have the names of settings, such as `data_dir`.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &[(&str, String)],
    ) -> Result<Self> {
        let exposed_file = file.filter(|file| settings::exposes_secret(file)).map(ToOwned::to_owned);
        Ok(Self { exposed_file, ..Self::check(Settings::read(file, environment, flags)?)? })
    }

    /// Returns a configuration file that describes every setting and its default.
    #[cfg(test)]
    const fn example() -> &'static str {
        include_str!("../config.example.toml")
    }

    fn check(settings: Settings) -> Result<Self> {
        let listen = match settings.listen {
            Some(text) => address("listen", &text)?,
            None => SocketAddr::from(([127, 0, 0, 1], 8080)),
        };
        let public_url = settings.public_url.unwrap_or_else(|| format!("http://{listen}"));
        let data_dir = PathBuf::from(settings.data_dir.unwrap_or_else(|| "./data".into()));
        let log = settings.log;
        require_no_staleness(settings.verify.max_staleness.as_deref())?;
        Ok(Self {
            listen,
            public_url: origin("public_url", &public_url)?,
            database: match settings.database.url {
                Some(url) => DatabaseTarget::parse(&url)?,
                None => DatabaseTarget::File(data_dir.join("tokenward.db")),
            },
            mail: match settings.mail.url {
                Some(url) => MailTarget::parse(&url)?,
                None => MailTarget::Folder(data_dir.join("mail")),
            },
            data_dir,
            mail_from: settings.mail.from.unwrap_or_else(|| "Tokenward <tokenward@localhost>".into()),
            token_prefix: settings.token.prefix.as_deref().map_or_else(|| Ok(Prefix::default()), Prefix::new)?,
            max_tokens_per_user: positive("token.max_per_user", settings.token.max_per_user.as_deref())?
                .unwrap_or(DEFAULT_MAX_TOKENS_PER_USER),
            max_changes_per_minute: positive(
                "token.max_changes_per_minute",
                settings.token.max_changes_per_minute.as_deref(),
            )?
            .unwrap_or(DEFAULT_MAX_CHANGES_PER_MINUTE),
            scopes: settings.scopes.file.as_deref().map_or_else(|| Ok(Catalogue::built_in()), catalogue)?,
            trusted_proxies: settings.proxy.trusted.0.iter().map(|text| network(text)).collect::<Result<_>>()?,
            metrics_listen: optional_address("metrics.listen", settings.metrics.listen.as_deref())?,
            self_service: switch("organizations.self_service", settings.organizations.self_service.as_deref())?,
            cors_origins: origins("cors.origins", &settings.cors.origins.0)?,
            log_format: log.format.as_deref().map_or(Ok(LogFormat::default()), log_format)?,
            log_level: log.level.unwrap_or_else(|| "info".into()),
            jwt: JwtConfig::check(settings.auth.jwt)?,
            exposed_file: None,
        })
    }
}

/// Returns the environment of this process. A setting that is not Unicode is an error, since it would be ignored.
pub fn environment() -> Result<Vec<(String, String)>> {
    require_unicode(std::env::vars_os())
}

fn require_unicode(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Vec<(String, String)>> {
    let mut texts = Vec::new();
    for (key, value) in variables {
        match (key.into_string(), value.into_string()) {
            (Ok(key), Ok(value)) => texts.push((key, value)),
            (Ok(key), Err(_)) if key.to_uppercase().starts_with(settings::VARIABLE_PREFIX) => {
                let message = format!("{key} is not valid UTF-8; set it to text.");
                return Err(Error::invalid(key, message));
            }
            _ => {}
        }
    }
    Ok(texts)
}

fn address(key: &'static str, text: &str) -> Result<SocketAddr> {
    text.parse().map_err(|_| {
        let message = format!("{key} is not an address with a port; write one such as 127.0.0.1:8080 or [::]:8080.");
        Error::invalid(key, message)
    })
}

fn optional_address(key: &'static str, text: Option<&str>) -> Result<Option<SocketAddr>> {
    text.filter(|text| *text != "off").map(|text| address(key, text)).transpose()
}

/// Validates a URL that consists of a scheme, host and port, and returns its origin.
fn origin(key: &'static str, text: &str) -> Result<String> {
    let bare = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.path() == "/"
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    let url = Url::parse(text).ok().filter(bare).ok_or_else(|| {
        let message =
            format!("{key} needs http:// or https://, a host and nothing after it, as https://tokens.example.com.");
        Error::invalid(key, message)
    })?;
    Ok(url.origin().ascii_serialization())
}

fn origins(key: &'static str, texts: &[String]) -> Result<Vec<String>> {
    texts.iter().map(|text| origin(key, text)).collect()
}

fn catalogue(path: &str) -> Result<Catalogue> {
    let refuse = |message: String| Error::invalid("scopes.file", message);
    let text = std::fs::read_to_string(path)
        .map_err(|error| refuse(format!("The file {path} that scopes.file names cannot be read: {error}.")))?;
    Catalogue::from_toml(&text).map_err(|error| refuse(format!("{path}, which scopes.file names: {error}")))
}

/// Parses a network or a single address. IPv4-mapped IPv6 networks become IPv4 networks, like addresses of clients.
fn network(text: &str) -> Result<IpNet> {
    let refuse = |message: &str| Error::invalid("proxy.trusted", message);
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let mut network = network.map_err(|_| {
        refuse("proxy.trusted has an entry that is not a network; write each such as 10.0.0.0/8 or 192.0.2.7.")
    })?;
    if let IpNet::V6(mapped) = network
        && let (Some(address), Some(length)) = (mapped.addr().to_ipv4_mapped(), mapped.prefix_len().checked_sub(96))
    {
        network = IpNet::new(address.into(), length).unwrap_or(network);
    }
    if network.prefix_len() == 0 {
        let message = "proxy.trusted has a network of every address, so that any client could forge its address; write only the \
                   addresses of the proxies.";
        return Err(refuse(message));
    }
    Ok(network)
}

/// Rejects every staleness but zero: each check reads the database.
fn require_no_staleness(text: Option<&str>) -> Result<()> {
    let message = match text.map(humantime::parse_duration) {
        None | Some(Ok(Duration::ZERO)) => return Ok(()),
        Some(Ok(_)) => {
            "verify.max_staleness above 0s is not supported yet: every check reads the database. Write 0s, or remove the setting."
        }
        Some(Err(_)) => "verify.max_staleness is not a duration; write 0s, or remove the setting.",
    };
    Err(Error::invalid("verify.max_staleness", message))
}

fn switch(key: &'static str, text: Option<&str>) -> Result<bool> {
    match text {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Error::invalid(key, format!("{key} is true or false; write one of them."))),
    }
}

fn positive(key: &'static str, text: Option<&str>) -> Result<Option<u32>> {
    let number = |text: &str| text.parse().ok().filter(|number| *number > 0);
    text.map(|text| {
        let message = || format!("{key} needs a whole number from 1 to {}; write one such as 500.", u32::MAX);
        number(text).ok_or_else(|| Error::invalid(key, message()))
    })
    .transpose()
}

fn log_format(text: &str) -> Result<LogFormat> {
    match text {
        "human" => Ok(LogFormat::Human),
        "json" => Ok(LogFormat::Json),
        _ => Err(Error::invalid("log.format", "log.format is human or json; write one of them.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const SECRET: &str = "0123456789012345678901234567890123456789";

    fn load(file: Option<&str>, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokenward.toml");
        if let Some(text) = file {
            std::fs::write(&path, text).expect("a file");
        }
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let flags: Vec<_> = flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        Config::load(file.map(|_| path.as_path()), environment.iter().map(owned), &flags)
    }

    fn rejection(file: Option<&str>, environment: &[(&str, &str)]) -> (String, String) {
        match load(file, environment, &[]) {
            Err(Error::Invalid { field, message }) => (field.into_owned(), message),
            other => panic!("not rejected: {other:?}"),
        }
    }

    fn defaults() -> Config {
        load(None, &[], &[]).expect("the defaults")
    }

    ///
    #[test]
    fn defaults_serve_this_machine_only_and_contain_no_secret() {
        let config = defaults();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.public_url, "http://127.0.0.1:8080");
        assert_eq!(config.data_dir, Path::new("./data"));
        assert_eq!(config.database, DatabaseTarget::File("./data/tokenward.db".into()));
        assert_eq!(config.mail, MailTarget::Folder("./data/mail".into()));
        assert_eq!(config.mail_from, "Tokenward <tokenward@localhost>");
        assert_eq!(config.token_prefix.as_str(), "twd");
        assert_eq!(config.scopes, Catalogue::built_in());
        assert_eq!((config.max_tokens_per_user, config.max_changes_per_minute), (500, 120));
        assert_eq!(config.log_format, LogFormat::Human);
        assert_eq!(config.log_level, "info");
        assert!(config.trusted_proxies.is_empty() && config.cors_origins.is_empty());
        assert!(config.metrics_listen.is_none() && config.jwt.is_none() && !config.self_service);
    }

    #[test]
    fn flags_override_environment_file_and_defaults() {
        let file = "listen = '0.0.0.0:1'\ndata_dir = 'file'\npublic_url = 'https://file'\n[token]\nprefix = 'file'\n";
        let variables = [("TOKENWARD_LISTEN", "0.0.0.0:2"), ("TOKENWARD_DATA_DIR", "environment")];
        let config = load(Some(file), &variables, &[("listen", "0.0.0.0:3")]).expect("a configuration");
        assert_eq!(config.listen.to_string(), "0.0.0.0:3");
        assert_eq!(config.data_dir, Path::new("environment"));
        assert_eq!(config.public_url, "https://file");
        assert_eq!(config.token_prefix.as_str(), "file");
        assert_eq!(config.log_level, "info");
    }

    #[test]
    fn overriding_one_setting_keeps_its_group() {
        let file =
            "[mail]\nfrom = 'a@example.com'\nurl = 'file:///mail'\n[proxy]\ntrusted = ['10.0.0.0/8', '192.0.2.7']\n";
        let variables = [("TOKENWARD_MAIL__URL", "file:///other"), ("TOKENWARD_PROXY__TRUSTED", "::1")];
        let config = load(Some(file), &variables, &[]).expect("a configuration");
        assert_eq!(config.mail_from, "a@example.com");
        assert_eq!(config.mail, MailTarget::Folder("/other".into()));
        assert_eq!(config.trusted_proxies, ["::1/128".parse().expect("a network")]);
    }

    #[test]
    fn environment_lists_are_separated_by_commas() {
        let variables = [
            ("TOKENWARD_PROXY__TRUSTED", "10.0.0.0/8, 192.0.2.7"),
            ("TOKENWARD_CORS__ORIGINS", "https://one.example,https://two.example:8443/"),
        ];
        let config = load(None, &variables, &[]).expect("a configuration");
        assert_eq!(
            config.trusted_proxies.iter().map(IpNet::to_string).collect::<Vec<_>>(),
            ["10.0.0.0/8", "192.0.2.7/32"]
        );
        assert_eq!(config.cors_origins, ["https://one.example", "https://two.example:8443"]);
    }

    ///
    #[test]
    fn mapped_networks_become_ipv4_and_networks_of_every_address_are_rejected() {
        let trusted = |text: &str| {
            let config = load(None, &[("TOKENWARD_PROXY__TRUSTED", text)], &[]).expect("a configuration");
            config.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(trusted("::ffff:127.0.0.0/104"), ["127.0.0.0/8"]);
        assert_eq!(trusted("::ffff:192.0.2.7,::ffff:192.0.2.8/128"), ["192.0.2.7/32", "192.0.2.8/32"]);
        assert_eq!(trusted("2001:db8::/32, 10.0.0.0/8"), ["2001:db8::/32", "10.0.0.0/8"]);
        for networks in ["0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96", "10.0.0.0/8, 0.0.0.0/0"] {
            let (field, message) = rejection(None, &[("TOKENWARD_PROXY__TRUSTED", networks)]);
            assert!(field == "proxy.trusted" && message.contains("every address"), "{networks}: {message}");
        }
    }

    #[test]
    fn unknown_key_error_suggests_the_nearest_key() {
        let (field, message) = rejection(None, &[("TOKENWARD_DATABSE__URL", "sqlite://x")]);
        assert_eq!(field, "TOKENWARD_DATABSE__URL");
        insta::assert_snapshot!(message, @"There is no setting TOKENWARD_DATABSE__URL in the environment. Did you mean TOKENWARD_DATABASE__URL?");
        for (text, key, near) in [
            ("lisen = 'x'", "lisen", "listen"),
            ("[mail]\nfrm = 'x'", "mail.frm", "mail.from"),
            ("[auth.jwt]\nsecret_fil = 'x'", "auth.jwt.secret_fil", "auth.jwt.secret_file"),
            ("Listen = 'x'", "Listen", "listen"),
            ("[auth]\nissuer = 'x'", "auth.issuer", "auth.jwt.issuer"),
        ] {
            let (field, message) = rejection(Some(text), &[]);
            assert_eq!(field, key);
            assert!(message.contains(key) && message.ends_with(&format!("Did you mean {near}?")), "{message}");
        }
    }

    #[test]
    fn kubernetes_service_link_is_explained() {
        for link in ["PORT", "SERVICE_HOST", "SERVICE_PORT_HTTP", "PORT_8080_TCP", "PORT_8080_TCP_ADDR", "WEB_PORT"] {
            let (_, message) = rejection(None, &[(&format!("TOKENWARD_{link}"), "tcp://10.0.0.1:8080")]);
            assert!(
                message.contains(&format!("TOKENWARD_{link}")) && message.contains("enableServiceLinks: false"),
                "{message}"
            );
        }
        for other in ["LISTN", "REPORT", "MAIL__PORT"] {
            let (_, message) = rejection(None, &[(&format!("TOKENWARD_{other}"), "x")]);
            assert!(!message.contains("enableServiceLinks"), "{message}");
        }
    }

    #[test]
    fn foreign_and_empty_variables_are_ignored() {
        let variables = [("TOKENWARDEN", "x"), ("LISTEN", "x"), ("TOKENWARD_LISTEN", ""), ("PATH", "/bin")];
        assert_eq!(load(None, &variables, &[]).expect("a configuration").listen, defaults().listen);
    }

    #[test]
    fn world_readable_file_with_a_secret_is_exposed() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("tokenward.toml");
        let exposed = |text: &str, mode| {
            std::fs::write(&file, text).expect("a file");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("an owner");
            Config::load(Some(&file), [], &[]).expect("a configuration").exposed_file.is_some()
        };
        let with_password = "[mail]\nurl = 'smtp://user:password@mail.example.test:587'";
        assert!(exposed(with_password, 0o644) && !exposed(with_password, 0o640));
        assert!(exposed("[database]\nurl = 'postgres://tokenward@db.example.test/t?password=x'", 0o644));
        assert!(!exposed("[database]\nurl = 'sqlite://a:b@c.db'", 0o644));
        assert!(!exposed("[mail]\nurl = 'smtp://mail.example.test:587'\n[database]\nurl = 'sqlite://x.db'", 0o644));
    }

    #[test]
    fn secret_is_read_from_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("url");
        std::fs::write(&path, "postgres://tokenward:hunter2@db/tokenward\n").expect("a file");
        let path = path.to_str().expect("Unicode");
        let file = format!("[database]\nurl_file = '{path}'\n");
        let from_file = load(Some(&file), &[], &[]).expect("a configuration");
        let variables = [("TOKENWARD_DATABASE__URL_FILE", path)];
        let over_file = load(Some("[database]\nurl = 'sqlite://x'"), &variables, &[]).expect("a configuration");
        for config in [from_file, over_file] {
            let target = DatabaseTarget::parse("postgres://tokenward:hunter2@db/tokenward").expect("a target");
            assert_eq!(config.database, target);
        }
        let variables = [("TOKENWARD_DATABASE__URL_FILE", path), ("TOKENWARD_DATABASE__URL", "sqlite://x")];
        let (_, message) = rejection(None, &variables);
        assert!(message.contains("TOKENWARD_DATABASE__URL and TOKENWARD_DATABASE__URL_FILE are both set"), "{message}");
        let (field, _) = rejection(None, &[("TOKENWARD_MAIL__URL_FILE", "/nowhere/at/all")]);
        assert_eq!(field, "mail.url_file");
    }

    const JWT: [(&str, &str); 4] = [
        ("TOKENWARD_AUTH__JWT__ISSUER", "https://id.example.com"),
        ("TOKENWARD_AUTH__JWT__AUDIENCE", "tokenward"),
        ("TOKENWARD_AUTH__JWT__ALGORITHMS", "HS256"),
        ("TOKENWARD_AUTH__JWT__SECRET", SECRET),
    ];

    #[test]
    fn debug_of_config_shows_no_secret() {
        let variables = [
            ("TOKENWARD_DATABASE__URL", "postgres://tokenward:hunter2@db/tokenward"),
            ("TOKENWARD_MAIL__URL", "smtp://tokenward:hunter2@mail:587"),
        ];
        let variables: Vec<_> = variables.into_iter().chain(JWT).collect();
        let printed = format!("{:?}", load(None, &variables, &[]).expect("a configuration"));
        assert!(!printed.contains("hunter2") && !printed.contains(SECRET), "{printed}");
    }

    #[test]
    fn errors_do_not_repeat_secrets() {
        for (text, variables) in [
            ("[database]\nurl = 'hunter2", vec![]),
            ("database = 'hunter2'", vec![]),
            ("[mail]\nurl = ['hunter2']", vec![]),
            ("[auth]\njwt = 'hunter2'", vec![]),
            ("", vec![("TOKENWARD_DATABASE__URL", "mysql://hunter2@db")]),
            ("", vec![("TOKENWARD_AUTH__JWT", "hunter2")]),
            ("", vec![("TOKENWARD_PUBLIC_URL", "https://me:hunter2@host")]),
        ] {
            let (field, message) = rejection(Some(text), &variables);
            assert!(!message.contains("hunter2") && !field.contains("hunter2"), "{field}: {message}");
            assert!(message.ends_with('.') || message.ends_with('?'), "{message}");
        }
    }

    #[test]
    fn invalid_value_error_names_the_key() {
        for (variable, value, key) in [
            ("TOKENWARD_LISTEN", "8080", "listen"),
            ("TOKENWARD_LISTEN", "localhost", "listen"),
            ("TOKENWARD_METRICS__LISTEN", "yes", "metrics.listen"),
            ("TOKENWARD_PUBLIC_URL", "tokens.example.com", "public_url"),
            ("TOKENWARD_PUBLIC_URL", "ftp://tokens.example.com", "public_url"),
            ("TOKENWARD_PUBLIC_URL", "https://tokens.example.com/path", "public_url"),
            ("TOKENWARD_PUBLIC_URL", "https://tokens.example.com/?a", "public_url"),
            ("TOKENWARD_DATABASE__URL", "mysql://db", "database.url"),
            ("TOKENWARD_TOKEN__PREFIX", "T", "token.prefix"),
            ("TOKENWARD_TOKEN__MAX_PER_USER", "0", "token.max_per_user"),
            ("TOKENWARD_TOKEN__MAX_PER_USER", "many", "token.max_per_user"),
            ("TOKENWARD_TOKEN__MAX_CHANGES_PER_MINUTE", "-1", "token.max_changes_per_minute"),
            ("TOKENWARD_SCOPES__FILE", "/nowhere/at/all", "scopes.file"),
            ("TOKENWARD_PROXY__TRUSTED", "10.0.0.0/8,proxy", "proxy.trusted"),
            ("TOKENWARD_VERIFY__MAX_STALENESS", "1ms", "verify.max_staleness"),
            ("TOKENWARD_VERIFY__MAX_STALENESS", "soon", "verify.max_staleness"),
            ("TOKENWARD_ORGANIZATIONS__SELF_SERVICE", "yes", "organizations.self_service"),
            ("TOKENWARD_CORS__ORIGINS", "*", "cors.origins"),
            ("TOKENWARD_LOG__FORMAT", "xml", "log.format"),
        ] {
            let (field, message) = rejection(None, &[(variable, value)]);
            assert_eq!(field, key);
            assert!(message.ends_with('.'), "{message}");
        }
    }

    #[test]
    fn staleness_is_refused_while_every_check_reads_the_database() {
        for text in ["1ms", "5s"] {
            let (_, message) = rejection(None, &[("TOKENWARD_VERIFY__MAX_STALENESS", text)]);
            assert!(message.contains("not supported yet") && message.contains("Write 0s"), "{message}");
        }
        for text in ["0s", "0ms"] {
            assert!(load(None, &[("TOKENWARD_VERIFY__MAX_STALENESS", text)], &[]).is_ok(), "{text}");
        }
    }

    #[test]
    fn valid_values_are_accepted() {
        let file = "[verify]\nmax_staleness = '0s'\n[organizations]\nself_service = true\n[log]\nformat = 'json'\n";
        let variables =
            [("TOKENWARD_METRICS__LISTEN", "[::1]:9100"), ("TOKENWARD_PUBLIC_URL", "https://Tokens.Example.com/")];
        let config = load(Some(file), &variables, &[]).expect("a configuration");
        assert!(config.self_service);
        assert_eq!(config.log_format, LogFormat::Json);
        assert_eq!(config.metrics_listen, Some("[::1]:9100".parse().expect("an address")));
        assert_eq!(config.public_url, "https://tokens.example.com");
        let off = load(Some("[metrics]\nlisten = '[::1]:9100'"), &[("TOKENWARD_METRICS__LISTEN", "off")], &[]);
        assert_eq!(off.expect("a configuration").metrics_listen, None);
    }

    #[test]
    fn catalogue_is_read_from_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("scopes.toml");
        let path = path.to_str().expect("Unicode");
        std::fs::write(path, "[[scope]]\nname = 'a'\ntitle = 'A'\ndescription = 'B'\naccess = 'read'\n")
            .expect("a file");
        let config = load(None, &[("TOKENWARD_SCOPES__FILE", path)], &[]).expect("a configuration");
        assert_eq!(config.scopes.iter().count(), 1);
        std::fs::write(path, "").expect("a file");
        let (field, message) = rejection(None, &[("TOKENWARD_SCOPES__FILE", path)]);
        assert!(field == "scopes.file" && message.contains(path), "{field}: {message}");
    }

    #[test]
    fn data_dir_stays_a_path() {
        for folder in ["100% sure?/", "a b", "a:b", "file:a", ":memory:", "[a]#b", "ü"] {
            let config = load(None, &[], &[("data_dir", folder)]).expect("a configuration");
            assert_eq!(config.database, DatabaseTarget::File(Path::new(folder).join("tokenward.db")));
            assert_eq!(config.mail, MailTarget::Folder(Path::new(folder).join("mail")));
        }
    }

    #[test]
    fn setting_that_is_not_unicode_is_rejected_by_name() {
        use std::os::unix::ffi::OsStringExt as _;
        let not_unicode = || OsString::from_vec(b"hunter2\xff".to_vec());
        match require_unicode([("TOKENWARD_DATABASE__URL".into(), not_unicode())]) {
            Err(Error::Invalid { field, message }) => {
                assert!(field.ends_with("__URL") && !message.contains("hunter2"), "{message}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(require_unicode([("PATH".into(), not_unicode())]).expect("a foreign variable"), []);
    }

    /// Returns the example with all settings uncommented.
    fn whole_example() -> String {
        let setting = |line: &str| {
            let text = line.strip_prefix("# ").unwrap_or_default();
            let key = text.trim_start_matches('[').split([' ', ']']).next().unwrap_or_default();
            text.starts_with('[')
                || (text.contains(" = ") && key.chars().all(|it| it.is_ascii_lowercase() || it == '_'))
        };
        let line = |line: &str| if setting(line) { line[2..].to_owned() } else { line.to_owned() };
        Config::example().lines().map(line).collect::<Vec<_>>().join("\n")
    }

    fn keys_of(prefix: &str, table: &toml::Table) -> Vec<String> {
        let path = |key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
        let keys = |(key, value): (&String, &toml::Value)| match value {
            toml::Value::Table(inner) => keys_of(&path(key), inner),
            _ => vec![path(key)],
        };
        table.iter().flat_map(keys).collect()
    }

    #[test]
    fn example_contains_exactly_the_settings() {
        let table: toml::Table = toml::from_str(&whole_example()).expect("TOML");
        let found: HashSet<_> = keys_of("", &table).into_iter().collect();
        assert_eq!(found, settings::KEYS.iter().map(|key| (*key).to_owned()).collect());
    }

    #[test]
    fn example_contains_the_defaults() {
        let config = load(Some(Config::example()), &[], &[]).expect("a configuration");
        assert_eq!(config, defaults());
        let table: toml::Table = toml::from_str(&whole_example()).expect("TOML");
        let text = |group: &str, key: &str| table[group][key].as_str().expect("a text").to_owned();
        assert_eq!(DatabaseTarget::parse(&text("database", "url")).expect("a file"), defaults().database);
        assert_eq!(MailTarget::parse(&text("mail", "url")).expect("a folder"), defaults().mail);
        assert_eq!(table["public_url"].as_str(), Some(defaults().public_url.as_str()));
    }
}
