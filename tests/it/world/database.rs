//! The databases of the tests: each test runs on a new, empty one of both kinds.

use super::{
    cluster::{Cluster, Session, Unavailable, setting},
    temp_files,
};
use std::{
    io::{Write, stderr},
    path::Path,
};
use tempfile::TempDir;
use tokenward::testing::config::DatabaseTarget;
use uuid::Uuid;

/// The databases that the service supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// An empty database and a temporary folder, both deleted with this value.
pub(crate) struct Database {
    kind: Kind,
    url: String,
    folder: TempDir,
    on: Option<(&'static Cluster, String)>,
}

impl Database {
    /// Creates a database for the named test. If PostgreSQL is not installed, reports that the test is skipped and returns
    /// `None`, or panics if `TEST_REQUIRE_POSTGRES` is 1.
    pub(crate) fn fresh(kind: Kind, test: &str) -> Option<Self> {
        let folder = temp_files::folder();
        if kind == Kind::Sqlite {
            let url = format!("sqlite://{}/tokenward.db", folder.path().display());
            return Some(Self { kind, url, folder, on: None });
        }
        let cluster = match Cluster::shared() {
            Ok(cluster) => cluster,
            Err(Unavailable::NotInstalled) => {
                skip(test, setting("TEST_REQUIRE_POSTGRES").as_deref(), &mut stderr());
                return None;
            }
            Err(Unavailable::Broken(why)) => panic!("{why}"),
        };
        let name = format!("test_{}", Uuid::new_v4().simple());
        let created = cluster.administer(&format!("create database {name} template template0"));
        created.unwrap_or_else(|why| panic!("PostgreSQL did not create a database: {why}"));
        Some(Self { kind, url: cluster.url_of(&name), folder, on: Some((cluster, name)) })
    }

    /// Creates a database on a dedicated server.
    pub(crate) fn on_server(cluster: &Cluster) -> Self {
        let name = format!("test_{}", Uuid::new_v4().simple());
        let created = cluster.administer(&format!("create database {name} template template0"));
        created.unwrap_or_else(|why| panic!("PostgreSQL did not create a database: {why}"));
        Self { kind: Kind::Postgres, url: cluster.url_of(&name), folder: temp_files::folder(), on: None }
    }

    /// Runs a statement without the service and returns its output. If the program `sqlite3` is not installed, reports that
    /// a part of the test is skipped and returns `None`, or panics if `TEST_REQUIRE_SQLITE3` is 1.
    pub(crate) fn query(&self, statement: &str) -> Option<String> {
        if self.kind == Kind::Postgres {
            return Some(
                super::cluster::query(&self.url, statement).unwrap_or_else(|why| panic!("{statement}: {why}")),
            );
        }
        let path = self.url.strip_prefix("sqlite://").unwrap_or_default();
        let output = temp_files::output_of("sqlite3", &[path, statement]);
        if output.is_none() {
            let required = setting("TEST_REQUIRE_SQLITE3").is_some_and(|value| value == "1");
            assert!(!required, "sqlite3 is not installed, or failed: {statement}");
            let _ = writeln!(stderr(), "skipped a part of a test: sqlite3 is not installed");
        }
        output
    }

    /// Returns its name on the server.
    pub(crate) fn name(&self) -> &str {
        self.url.split('?').next().unwrap_or_default().rsplit('/').next().unwrap_or_default()
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns its URL, a value of the setting `database.url`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the parsed URL.
    pub(crate) fn target(&self) -> DatabaseTarget {
        DatabaseTarget::parse(&self.url).expect("a database URL")
    }

    /// Opens a session without the service; PostgreSQL only.
    pub(crate) fn session(&self) -> Session {
        let (cluster, name) = self.on.as_ref().expect("PostgreSQL");
        cluster.session(name)
    }

    /// Returns a folder for other files of the test.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some((cluster, name)) = &self.on {
            // This closes open connections. A database that is not dropped is deleted with the server.
            let _ = cluster.administer(&format!("drop database {name} with (force)"));
        }
    }
}

/// Reports that a test is skipped, past the output capture of the test harness, or panics.
fn skip(test: &str, required: Option<&str>, to: &mut dyn Write) {
    assert!(
        required != Some("1"),
        "{test} needs PostgreSQL: install it (Debian: apt-get install postgresql) or put initdb and pg_ctl on the PATH"
    );
    let _ = writeln!(to, "skipped {test}: PostgreSQL is not installed");
}

/// The argument of a test: the database, or a value that is built on one.
pub(crate) trait Stage: Sized {
    /// Builds it on a new database.
    async fn on(database: Database) -> Self;
}

impl Stage for Database {
    async fn on(database: Database) -> Self {
        database
    }
}

/// Runs a test on a database of one kind, or skips it.
pub(crate) async fn on<World: Stage>(kind: Kind, test: &str, body: impl AsyncFnOnce(World)) {
    if let Some(database) = Database::fresh(kind, test) {
        body(World::on(database).await).await;
    }
}

/// Defines two tests with one body that takes a [`Stage`]: `name::sqlite` and `name::postgres`. Use it with parentheses, since
/// rustfmt does not format the contents of braces.
macro_rules! both {
    ($(#[$about:meta])* async fn $name:ident($($stage:tt)*) $body:block) => {
        $(#[$about])*
        async fn $name($($stage)*) $body

        mod $name {
            use $crate::world::database::{Kind, on};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                on(Kind::Sqlite, concat!(module_path!(), "::sqlite"), super::$name).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                on(Kind::Postgres, concat!(module_path!(), "::postgres"), super::$name).await;
            }
        }
    };
}

mod tests {
    use super::*;

    both!(
        /// On SQLite, the first connection creates the file.
        async fn new_database_is_empty(database: Database) {
            match &database.on {
                None => {
                    assert_eq!(database.kind(), Kind::Sqlite);
                    let path = database.url().strip_prefix("sqlite://").unwrap();
                    assert_eq!(Path::new(path).parent(), Some(database.folder()));
                    assert!(!Path::new(path).exists());
                }
                Some((cluster, name)) => {
                    assert_eq!(database.kind(), Kind::Postgres);
                    assert!(database.url().ends_with(name.as_str()), "{}", database.url());
                    assert_eq!(cluster.run(name, "select 1").unwrap(), "1");
                    assert_eq!(
                        cluster.run(name, "select count(*) from pg_tables where schemaname = 'public'").unwrap(),
                        "0"
                    );
                }
            }
            assert_eq!(database.folder().read_dir().unwrap().count(), 0);
        }
    );

    both!(
        async fn tests_share_no_database(one: Database) {
            let Some(other) = Database::fresh(one.kind(), "tests_share_no_database") else { return };
            assert_ne!(one.url(), other.url());
            assert_ne!(one.folder(), other.folder());
            if let (Some((cluster, mine)), Some((_, theirs))) = (&one.on, &other.on) {
                cluster.run(mine, "create table things (id int)").unwrap();
                assert!(cluster.run(theirs, "select * from things").is_err());
            }
        }
    );

    both!(
        async fn database_is_deleted_after_its_test(database: Database) {
            let (folder, on) = (database.folder().to_owned(), database.on.clone());
            drop(database);
            assert!(!folder.exists());
            if let Some((cluster, name)) = on {
                assert!(cluster.run(&name, "select 1").is_err());
            }
        }
    );

    #[test]
    fn test_without_postgresql_is_skipped() {
        for required in [None, Some("0")] {
            let mut printed = Vec::new();
            skip("it", required, &mut printed);
            assert_eq!(String::from_utf8(printed).unwrap(), "skipped it: PostgreSQL is not installed\n");
        }
    }

    #[test]
    #[should_panic(expected = "it needs PostgreSQL: install it")]
    fn required_postgresql_fails_the_test_if_missing() {
        skip("it", Some("1"), &mut Vec::new());
    }
}
