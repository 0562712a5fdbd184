//! Where the database is and where emails are sent. A path never becomes part of a URL, and no message repeats a value.

use super::SecretString;
use crate::domain::error::{Error, Result};
use percent_encoding::percent_decode_str;
use std::{net::IpAddr, path::PathBuf};
use url::{Position, Url};

/// The database to use.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq))]
pub enum DatabaseTarget {
    /// An SQLite database file.
    File(PathBuf),
    /// A PostgreSQL server.
    Server(PostgresUrl),
}

/// The valid URL of a PostgreSQL server. It may contain a password.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq))]
pub struct PostgresUrl {
    url: SecretString,
    /// Whether the URL specifies `sslmode`.
    pub chooses_tls: bool,
}

/// Where emails are sent.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq))]
pub enum MailTarget {
    /// A folder with one file per email.
    Folder(PathBuf),
    /// The URL of a mail server. It may contain a password.
    Server(SecretString),
}

impl DatabaseTarget {
    /// Parses the setting `database.url`.
    pub fn parse(url: &str) -> Result<Self> {
        if let Some(rest) = url.strip_prefix("sqlite://") {
            return sqlite_file(rest).map(Self::File);
        }
        if ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return PostgresUrl::parse(url).map(Self::Server);
        }
        Err(database(
            "must begin with sqlite:// or postgres://; write one such as sqlite:///var/lib/tokenward/tokenward.db.",
        ))
    }
}

impl MailTarget {
    /// Parses the setting `mail.url`.
    pub fn parse(url: &str) -> Result<Self> {
        let Some(path) = url.strip_prefix("file://") else { return Ok(Self::Server(SecretString::new(url))) };
        decoded(path).filter(|path| !matches!(&**path, "" | "/")).map(|path| Self::Folder(path.into())).ok_or_else(
            || {
                Error::invalid(
                    "mail.url",
                    "mail.url does not name a folder; write one such as file:///var/lib/tokenward/mail, with %25 for %.",
                )
            },
        )
    }
}

fn database(message: &str) -> Error {
    Error::invalid("database.url", format!("database.url {message}"))
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn sqlite_file(rest: &str) -> Result<PathBuf> {
    let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    // The file is always opened for writing and created if it is missing.
    if !matches!(parameters, "" | "mode=rw" | "mode=rwc") {
        return Err(database("of SQLite takes no parameters after ? (a ? in the path is written %3F); remove them."));
    }
    decoded(path).filter(|path| !path.is_empty() && path != ":memory:").map(Into::into).ok_or_else(|| {
        database("does not name a database file; write one such as sqlite:///var/lib/tokenward/tokenward.db, with %25 for %.")
    })
}

impl PostgresUrl {
    /// Rejects a URL that the library would quote in an error, or parse differently than it was meant.
    fn parse(text: &str) -> Result<Self> {
        let unreadable = || {
            database(
                "cannot be read; write postgres://user:password@host:5432/database, and in the password %25 for %, %2F for /, \
                 %3F for ?, %23 for # and %40 for @.",
            )
        };
        let url = Url::parse(text).ok().filter(|_| decoded(text).is_some()).ok_or_else(unreadable)?;
        // A password with an unencoded /, ? or # ends the host there, and its @ is left over.
        if url[Position::AfterPort..].contains('@') || url.fragment().is_some() {
            return Err(unreadable());
        }
        if url.query_pairs().any(|(key, value)| !is_parameter(&key, &value)) {
            // The library ignores such a parameter and logs its value.
            return Err(database(
                "has an unknown parameter or value after ?; it takes sslmode (disable, allow, prefer, require, verify-ca, \
                 verify-full), sslrootcert, sslcert, sslkey, host, hostaddr, port, dbname, user, password, application_name, \
                 options and statement-cache-capacity.",
            ));
        }
        let chooses_tls = url.query_pairs().any(|(key, _)| is_sslmode(&key));
        Ok(Self { url: SecretString::new(text), chooses_tls })
    }

    /// Returns the URL, for the library that connects.
    pub fn reveal(&self) -> &str {
        self.url.reveal()
    }
}

fn is_sslmode(key: &str) -> bool {
    matches!(key, "sslmode" | "ssl-mode")
}

fn is_parameter(key: &str, value: &str) -> bool {
    match key {
        _ if is_sslmode(key) => ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"].contains(&value),
        "hostaddr" => value.parse::<IpAddr>().is_ok(),
        "port" => value.parse::<u16>().is_ok(),
        "statement-cache-capacity" => value.parse::<usize>().is_ok(),
        "sslrootcert" | "ssl-root-cert" | "ssl-ca" | "sslcert" | "ssl-cert" | "sslkey" | "ssl-key" | "host"
        | "dbname" | "user" | "password" | "application_name" | "options" => true,
        _ => key.starts_with("options[") && key.ends_with(']'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_urls_are_decoded() {
        let file = |url: &str| DatabaseTarget::parse(url).expect("a file");
        for (url, path) in [
            ("sqlite:///srv/100%25%3F/t.db?mode=rwc", "/srv/100%?/t.db"),
            ("sqlite://./my data/t.db", "./my data/t.db"),
            ("sqlite://a:b[c/t.db", "a:b[c/t.db"),
        ] {
            assert_eq!(file(url), DatabaseTarget::File(path.into()));
        }
        let folder = MailTarget::parse("file://my mail/100%25").expect("a folder");
        assert_eq!(folder, MailTarget::Folder("my mail/100%".into()));
    }

    ///
    #[test]
    fn ambiguous_database_url_is_rejected_without_its_value() {
        for url in [
            "postgres://me:hunter2/3@db/tokens",
            "postgres://me:12/hunter2@db/tokens",
            "postgres://me:12#hunter2@db/t",
            "postgres://me:12?hunter2@db/t",
            "postgres://me:12@db/t#hunter2",
            "postgres://me:hunter2",
            "postgres://me:hunter2@d b/t",
            "postgres://me:hunter2%ff@db/t",
            "postgres://me@db:hunter2/t",
            "postgres://me@db/t?pasword=hunter2",
            "postgres://me@db/t?hunter2",
            "postgres://me@db/t?port=hunter2",
            "postgres://me@db/t?sslmode=hunter2",
            "postgres://me@db/t?hostaddr=hunter2",
            "postgres:/me:hunter2@db/t",
            "sqlite://t.db?key=hunter2",
            "sqlite://t.db?mode=hunter2",
            "sqlite://%ffhunter2",
            "sqlite://",
            "sqlite://:memory:",
            "hunter2",
        ] {
            match DatabaseTarget::parse(url) {
                Err(Error::Invalid { field, message }) => {
                    assert!(field == "database.url" && message.ends_with('.'), "{field}: {message}");
                    assert!(!message.contains("hunter2") && !message.contains("12"), "{message}");
                }
                other => panic!("{url} is not rejected: {other:?}"),
            }
        }
        for url in [
            "postgres://me:p%2Fw@db:5433/tokens?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            "postgresql:///tokens?host=/var/run/postgresql&user=me&options[search_path]=a",
        ] {
            assert!(DatabaseTarget::parse(url).is_ok(), "{url}");
        }
    }
}
