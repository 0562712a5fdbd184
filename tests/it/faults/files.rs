//! Failures of the SQLite file and of its disk.

use super::load;
use crate::{
    program::Program,
    world::{
        database::{Database, Kind},
        lateness::Lateness,
        temp_files::output_of,
    },
};
use reqwest::{Client, Method};
use serde_json::json;
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// A client of a running program.
struct ProgramClient {
    http: Client,
    program: Program,
    /// A token that no test changes.
    good: String,
}

impl ProgramClient {
    fn new(program: Program) -> Self {
        let good = create_token(&program);
        let http = Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        Self { http, program, good }
    }

    async fn status(&self, method: Method, path: &str, value: &str) -> u16 {
        let (start, lateness) = (Instant::now(), Lateness::watched());
        let response = self.http.request(method, self.program.url(path)).bearer_auth(value).send().await.unwrap();
        let took = start.elapsed();
        assert!(
            took < Duration::from_secs(4) || took < lateness.on_top_of(Duration::from_secs(4)).await,
            "{path} after {took:?}"
        );
        assert_eq!(response.headers().contains_key("retry-after"), response.status() == 503, "{path}");
        response.status().as_u16()
    }

    async fn check(&self, value: &str) -> u16 {
        self.status(Method::GET, "/verify?organization=acme", value).await
    }

    async fn ready(&self) -> u16 {
        self.status(Method::GET, "/readyz", "").await
    }

    async fn revoke(&self, value: &str) -> u16 {
        self.status(Method::DELETE, "/v2/access-token", value).await
    }

    async fn change(&self) -> u16 {
        let query = "mutation { updateOrganization(input: { organizationId: \"none\" }) { organization { id } } }";
        let request = self.http.post(self.program.url("/graphql")).bearer_auth(self.program.jwt("new"));
        request.json(&json!({ "query": query })).send().await.unwrap().status().as_u16()
    }

    /// Asserts that every request is 503 or 401, and that no file is created.
    async fn assert_unavailable(&self, path: &Path) {
        let there = path.exists();
        for value in [self.good.as_str(), "twd_nonsense", &self.program.jwt("ada")] {
            for path in ["/v2/access-token", "/verify", "/verify?organization=acme"] {
                let expected: &[u16] = if value == self.good { &[503] } else { &[503, 401] };
                let status = self.status(Method::GET, path, value).await;
                assert!(expected.contains(&status), "{path}: {status}");
            }
        }
        assert_eq!((self.ready().await, self.revoke(&self.good).await, self.change().await), (503, 503, 503));
        assert_eq!(self.status(Method::GET, "/healthz", "").await, 200);
        assert_eq!(path.exists(), there);
    }

    /// Waits until the service works again.
    async fn wait_until_recovered(&self) {
        let start = Instant::now();
        while (self.ready().await, self.check(&self.good).await, self.revoke(&create_token(&self.program)).await)
            != (200, 200, 204)
        {
            assert!(start.elapsed() < Duration::from_secs(20), "{}", self.program.logged());
        }
    }
}

fn create_token(program: &Program) -> String {
    program.run(&["token", "create", "--owner", "bob", "--organization", "acme", "--scope", "read_builds"])
}

fn database_file(database: &Database) -> PathBuf {
    database.url().strip_prefix("sqlite://").unwrap().into()
}

/// F-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_file_is_unavailable_and_not_recreated() {
    let database = Database::fresh(Kind::Sqlite, "files").unwrap();
    let path = database_file(&database);
    let (moved, kept) = (path.with_extension("moved"), path.with_extension("kept"));
    let client = ProgramClient::new(load::program(&database, database.url()));
    let (_serving, _) = client.program.serve().await;
    client.wait_until_recovered().await;

    fs::rename(&path, &moved).unwrap();
    client.assert_unavailable(&path).await;
    // No email is pending; the job reads the outbox anyway.
    let start = Instant::now();
    while !client.program.logged().contains("failed to read the outbox, will retry") {
        assert!(start.elapsed() < Duration::from_secs(20), "{}", client.program.logged());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let error =
        client.program.fails(&["token", "create", "--owner", "bob", "--organization", "acme", "--scope", "graphql"]);
    assert!(error.contains("is gone, but its log") && !path.exists(), "{error}");
    fs::rename(&moved, &path).unwrap();
    client.wait_until_recovered().await;

    fs::hard_link(&path, &kept).unwrap();
    fs::remove_file(&path).unwrap();
    client.assert_unavailable(&path).await;
    fs::rename(&kept, &path).unwrap();
    client.wait_until_recovered().await;
}

/// F-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_copy_of_the_file_is_never_read() {
    let database = Database::fresh(Kind::Sqlite, "files").unwrap();
    let path = database_file(&database);
    let (old, kept) = (path.with_extension("old"), path.with_extension("kept"));
    let program = load::program(&database, database.url());
    let revoked = create_token(&program);
    // The program is stopped, so that the file is complete without its log.
    fs::copy(&path, &old).unwrap();
    let client = ProgramClient::new(program);
    let (_serving, _) = client.program.serve().await;
    assert_eq!(
        (client.check(&revoked).await, client.revoke(&revoked).await, client.check(&revoked).await),
        (200, 204, 401)
    );

    fs::hard_link(&path, &kept).unwrap();
    let before = fs::read(&old).unwrap();
    fs::rename(&old, &path).unwrap();
    client.assert_unavailable(&path).await;
    assert_eq!(client.check(&revoked).await, 503);
    assert!(fs::read(&path).unwrap() == before, "the other file was touched");
    fs::rename(&kept, &path).unwrap();
    client.wait_until_recovered().await;
    assert_eq!(client.check(&revoked).await, 401);
}

/// F-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_only_file_allows_checks_and_rejects_changes() {
    let database = Database::fresh(Kind::Sqlite, "files").unwrap();
    let path = database_file(&database);
    let client = ProgramClient::new(load::program(&database, database.url()));
    let (_serving, _) = client.program.serve().await;
    let permissions = fs::metadata(&path).unwrap().permissions();
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    assert_eq!((client.check(&client.good).await, client.ready().await), (200, 200));
    assert_eq!((client.revoke(&client.good).await, client.change().await), (503, 503));
    assert_eq!(client.check(&client.good).await, 200);
    fs::set_permissions(&path, permissions).unwrap();
    client.wait_until_recovered().await;
}

/// Runs a command with a small disk mounted over the folder `$1`, which keeps its contents.
const SMALL_DISK: &str = r#"
set -e
kept=$(mktemp -d "$1.XXXXXX")
cp -a "$1/." "$kept"
mount -t tmpfs -o size=16m tmpfs "$1"
cp -a "$kept/." "$1"
rm -rf "$kept"
shift
exec "$@"
"#;

/// Returns a command that creates a mount namespace, if this user can create one.
fn mount_namespace() -> Option<Vec<String>> {
    let commands = [&["unshare", "-m"][..], &["unshare", "-r", "-m"]];
    let works = |command: &&&[&str]| {
        let rest = ["sh", "-c", "mount -t tmpfs tmpfs /tmp"];
        output_of(command[0], &[&command[1..], &rest[..]].concat()).is_some()
    };
    commands.iter().find(works).map(|command| command.iter().map(|&word| word.to_owned()).collect())
}

/// F-08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_disk_allows_checks_and_acknowledges_no_lost_change() {
    let Some(mut before) = mount_namespace() else {
        eprintln!("skipped full_disk: a small disk cannot be mounted here");
        return;
    };
    let database = Database::fresh(Kind::Sqlite, "files").unwrap();
    let program = load::program(&database, database.url());
    let tokens: Vec<_> = (0..4).map(|_| create_token(&program)).collect();
    let folder = database.folder().to_str().unwrap().to_owned();
    before.extend(["sh", "-c", SMALL_DISK, "small-disk"].map(str::to_owned));
    before.push(folder);
    let program = program.run_by(before);
    let (mut serving, _) = program.serve().await;
    let http = Client::new();
    let client = ProgramClient { http, good: tokens[0].clone(), program };
    let filler = serving.about("root").join(database.folder().strip_prefix("/").unwrap()).join("filler");
    assert_eq!((client.check(&tokens[1]).await, client.revoke(&tokens[1]).await), (200, 204));

    // Fills the disk to the last byte.
    let mut file = fs::File::create(&filler).unwrap();
    for block in [vec![0; 64 * 1024], vec![0; 1]] {
        while std::io::Write::write(&mut file, &block).is_ok_and(|count| count > 0) {}
    }
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        assert_eq!((client.revoke(&tokens[2]).await, client.change().await), (503, 503));
        let statuses = [client.check(&tokens[0]).await, client.check(&tokens[1]).await, client.check(&tokens[2]).await];
        assert_eq!(statuses, [200, 401, 200]);
    }
    drop(file);
    fs::remove_file(&filler).unwrap();
    let start = Instant::now();
    while client.revoke(&tokens[3]).await != 204 {
        assert!(start.elapsed() < Duration::from_secs(20), "{}", client.program.logged());
    }
    let statuses = [client.check(&tokens[0]).await, client.check(&tokens[1]).await, client.check(&tokens[3]).await];
    assert_eq!(statuses, [200, 401, 401]);
    assert!(serving.is_running());
}
