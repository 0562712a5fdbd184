//! Which database does a test run on? Both, one after the other, each fresh and empty.

use super::{
    cluster::{Absence, Cluster, Talk, setting},
    shelf,
};
use std::{
    io::{Write, stderr},
    path::Path,
};
use tempfile::TempDir;
use tokenward::config::DatabaseTarget;
use uuid::Uuid;

/// The databases that the service speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The one that is built in.
    Sqlite,
    /// The one for several nodes.
    Postgres,
}

/// A fresh, empty database with a folder beside it, both gone with this value.
pub(crate) struct Database {
    kind: Kind,
    url: String,
    folder: TempDir,
    on: Option<(&'static Cluster, String)>,
}

impl Database {
    /// A database for the named test; nothing where PostgreSQL is not installed, which is said and is no failure unless
    /// `TEST_REQUIRE_POSTGRES` is 1.
    pub(crate) fn fresh(kind: Kind, test: &str) -> Option<Self> {
        let folder = shelf::folder();
        if kind == Kind::Sqlite {
            let url = format!("sqlite://{}/tokenward.db", folder.path().display());
            return Some(Self { kind, url, folder, on: None });
        }
        let cluster = match Cluster::shared() {
            Ok(cluster) => cluster,
            Err(Absence::NotInstalled) => {
                skip(test, setting("TEST_REQUIRE_POSTGRES").as_deref(), &mut stderr());
                return None;
            }
            Err(Absence::Broken(why)) => panic!("{why}"),
        };
        let name = format!("test_{}", Uuid::new_v4().simple());
        let made = cluster.administer(&format!("create database {name} template template0"));
        made.unwrap_or_else(|why| panic!("PostgreSQL makes no database: {why}"));
        Some(Self { kind, url: cluster.url_of(&name), folder, on: Some((cluster, name)) })
    }

    /// One on a server of one's own.
    pub(crate) fn on_server(cluster: &Cluster) -> Self {
        let name = format!("test_{}", Uuid::new_v4().simple());
        let made = cluster.administer(&format!("create database {name} template template0"));
        made.unwrap_or_else(|why| panic!("PostgreSQL makes no database: {why}"));
        Self { kind: Kind::Postgres, url: cluster.url_of(&name), folder: shelf::folder(), on: None }
    }

    /// What the database itself says, past the service. Without the program `sqlite3` that part of a test is skipped by
    /// name, unless it is required.
    pub(crate) fn says(&self, question: &str) -> Option<String> {
        if self.kind == Kind::Postgres {
            return Some(super::cluster::asked(&self.url, question).unwrap_or_else(|why| panic!("{question}: {why}")));
        }
        let path = self.url.strip_prefix("sqlite://").unwrap_or_default();
        let answer = shelf::answer_of("sqlite3", &[path, question]);
        if answer.is_none() {
            let required = setting("TEST_REQUIRE_SQLITE3").is_some_and(|value| value == "1");
            assert!(!required, "sqlite3 is not installed, or could not say: {question}");
            let _ = writeln!(stderr(), "skipped a part of a test: sqlite3 is not installed");
        }
        answer
    }

    /// The name of it on its server.
    pub(crate) fn name(&self) -> &str {
        self.url.split('?').next().unwrap_or_default().rsplit('/').next().unwrap_or_default()
    }

    /// Which kind it is.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Its address, as the setting `database.url` takes it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What the setting `database.url` leads to.
    pub(crate) fn target(&self) -> DatabaseTarget {
        DatabaseTarget::parse(&self.url).expect("an address")
    }

    /// A conversation with it past the service; PostgreSQL only.
    pub(crate) fn talk(&self) -> Talk {
        let (cluster, name) = self.on.as_ref().expect("PostgreSQL");
        cluster.talk(name)
    }

    /// A folder for whatever else the test needs, letters for one.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some((cluster, name)) = &self.on {
            // Whoever still holds a connection loses it. A database that stays behind ends with the server.
            let _ = cluster.administer(&format!("drop database {name} with (force)"));
        }
    }
}

/// Says which test did not run, past the capture of the test harness, or fails it.
fn skip(test: &str, required: Option<&str>, to: &mut dyn Write) {
    assert!(
        required != Some("1"),
        "{test} needs PostgreSQL: install it (Debian: apt-get install postgresql) or put initdb and pg_ctl on the PATH"
    );
    let _ = writeln!(to, "skipped {test}: PostgreSQL is not installed");
}

/// What a test with a database is given: the database itself, or something that is built on one.
pub(crate) trait Stage: Sized {
    /// Builds it on a fresh database.
    async fn on(database: Database) -> Self;
}

impl Stage for Database {
    async fn on(database: Database) -> Self {
        database
    }
}

/// Runs a test on one kind of database.
pub(crate) async fn on<World: Stage>(kind: Kind, test: &str, body: impl AsyncFnOnce(World)) {
    if let Some(database) = Database::fresh(kind, test) {
        body(World::on(database).await).await;
    }
}

/// Makes two tests of a function that takes one [`Stage`]: `name::sqlite` and `name::postgres`. With round brackets, so
/// that the code inside is formatted like any other.
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
        /// On SQLite the file is made by whoever opens it first.
        async fn a_fresh_database_is_there_and_empty(database: Database) {
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
        async fn two_tests_do_not_meet(one: Database) {
            let Some(other) = Database::fresh(one.kind(), "two_tests_do_not_meet") else { return };
            assert_ne!(one.url(), other.url());
            assert_ne!(one.folder(), other.folder());
            if let (Some((cluster, mine)), Some((_, theirs))) = (&one.on, &other.on) {
                cluster.run(mine, "create table things (id int)").unwrap();
                assert!(cluster.run(theirs, "select * from things").is_err());
            }
        }
    );

    both!(
        async fn a_database_is_gone_after_its_test(database: Database) {
            let (folder, on) = (database.folder().to_owned(), database.on.clone());
            drop(database);
            assert!(!folder.exists());
            if let Some((cluster, name)) = on {
                assert!(cluster.run(&name, "select 1").is_err());
            }
        }
    );

    #[test]
    fn a_test_without_postgresql_is_skipped() {
        for required in [None, Some("0")] {
            let mut said = Vec::new();
            skip("it", required, &mut said);
            assert_eq!(String::from_utf8(said).unwrap(), "skipped it: PostgreSQL is not installed\n");
        }
    }

    #[test]
    #[should_panic(expected = "it needs PostgreSQL: install it")]
    fn a_test_that_requires_postgresql_fails_without_it() {
        skip("it", Some("1"), &mut Vec::new());
    }
}
