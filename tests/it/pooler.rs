//! Checks that PgBouncer in front of PostgreSQL either works or is refused with the reason.

use crate::{
    cli::{program, run_command},
    world::{
        World,
        database::{Database, Kind},
        port,
        programs::{found, skip},
        temp_files,
    },
};
use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use url::Url;

/// A PgBouncer process; dropping it stops the process.
struct Pooler {
    child: Child,
    folder: TempDir,
    url: String,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the configuration of the documentation, with the addresses of a test.
fn documented(database: &Url, listen: &str) -> String {
    let page = include_str!("../../docs/running.md");
    let mut shown = page.split("```ini\n").nth(1).unwrap().split("```").next().unwrap().to_owned();
    let (address, port) = listen.split_once(':').unwrap();
    for (there, here) in [
        ("host=db.internal port=5432", format!("host=127.0.0.1 port={}", database.port().unwrap())),
        ("listen_addr = 127.0.0.1", format!("listen_addr = {address}")),
        ("listen_port = 6432", format!("listen_port = {port}")),
        ("/etc/pgbouncer/userlist.txt", "USERS".to_owned()),
    ] {
        assert_eq!(shown.matches(there).count(), 1, "{there} must be in {shown} once");
        shown = shown.replace(there, &here);
    }
    shown
}

impl Pooler {
    /// Starts PgBouncer in front of this database, with the documented configuration and these replacements.
    async fn before(database: &Database, program: &Path, changes: &[(&str, &str)]) -> Self {
        let mut url = Url::parse(database.url()).unwrap();
        let listen = port::free();
        let folder = temp_files::folder();
        let users = folder.path().join("users");
        std::fs::write(&users, format!("\"{}\" \"{}\"\n", url.username(), url.password().unwrap())).unwrap();
        let mut config = documented(&url, &listen.to_string()).replace("USERS", users.to_str().unwrap());
        for (there, here) in changes {
            assert!(config.contains(there), "{there} in {config}");
            config = config.replace(there, here);
        }
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, config + "unix_socket_dir =\n").unwrap();
        let mut command = Command::new(program);
        if temp_files::output_of("id", &["-u"]).as_deref() == Some("0") {
            // It reads its files before it drops its privileges.
            command.args(["-u", "nobody"]);
        }
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        url.set_port(Some(listen.port())).unwrap();
        let mut pooler = Self { child, folder, url: url.into() };
        let start = Instant::now();
        while std::net::TcpStream::connect(listen).is_err() {
            let exited = pooler.child.try_wait().unwrap();
            assert!(exited.is_none() && start.elapsed() < Duration::from_secs(30), "no PgBouncer: {}", pooler.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        pooler
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// Returns a database and the program; `None` if one of them is not installed.
fn stage(test: &str) -> Option<(Database, PathBuf)> {
    let database = Database::fresh(Kind::Postgres, test)?;
    let program = found(&["pgbouncer"]).map_err(|why| skip(test, "TEST_REQUIRE_PGBOUNCER", &why)).ok()?;
    Some((database, program))
}

/// R-83
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_works_behind_session_pooling_as_documented() {
    let Some((database, program)) = stage("pooler::service_works_behind_session_pooling_as_documented") else { return };
    let pooler = Pooler::before(&database, &program, &[]).await;
    let world = World::with(database, &[("database.url", &pooler.url)]).await;
    let ada = world.admin("ada", &["acme"]).await;
    let bob = world.member("bob", &["acme"]).await;
    let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
    let holder = world.bearer(&token.value);
    assert_eq!(holder.verify("organization=acme").await.status, 200);
    let acme = world.organization_id("acme").await;
    assert_eq!(ada.remove_organization(&token.id, &acme, None).await.code(), "OK");
    assert_eq!(holder.verify("organization=acme").await.status, 403);
    let log = pooler.log();
    assert!(log.contains("login attempt") && !log.contains("unsupported startup parameter"), "{log}");
}

/// R-83
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pooler_that_shares_sessions_is_refused_by_name() {
    let Some((database, pgbouncer)) = stage("pooler::pooler_that_shares_sessions_is_refused_by_name") else { return };
    let session = "pool_mode = session";
    for changes in [
        &[(session, "pool_mode = transaction")][..],
        &[(session, "pool_mode = transaction\nserver_round_robin = 1\nmin_pool_size = 3")],
        &[(session, "pool_mode = statement")],
    ] {
        let pooler = Pooler::before(&database, &pgbouncer, changes).await;
        // The second attempt meets sessions that the first one used.
        for _ in 0..2 {
            let mut migrate = program();
            let refused = run_command(migrate.args(["migrate", "--database-url", &pooler.url]), "").await;
            refused.fails_with("a pooler in front of PostgreSQL gives one session to several clients");
            refused.fails_with("set pool_mode = session");
        }
    }
    let tables = database.query("select count(*) from pg_tables where schemaname = 'public'");
    assert_eq!(tables.as_deref(), Some("0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn startup_parameter_that_pooler_rejects_is_named_with_the_remedy() {
    let test = "pooler::startup_parameter_that_pooler_rejects_is_named_with_the_remedy";
    let Some((database, pgbouncer)) = stage(test) else { return };
    let migrate = async |pooler: &Pooler| {
        let url = format!("{}?options=-c%20geqo%3Doff", pooler.url);
        run_command(program().args(["migrate", "--database-url", &url]), "").await
    };
    let pooler = Pooler::before(&database, &pgbouncer, &[]).await;
    migrate(&pooler)
        .await
        .fails_with("unsupported startup parameter: options (in PgBouncer, name it in ignore_startup_parameters)");
    let names = "[pgbouncer]\nignore_startup_parameters = options";
    migrate(&Pooler::before(&database, &pgbouncer, &[("[pgbouncer]", names)]).await).await.succeeds();
}
