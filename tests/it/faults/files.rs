//! What is true, and what are clients told, when the file of SQLite or the disk below it fails?

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

/// Somebody who asks a program that serves.
struct Asker {
    http: Client,
    program: Program,
    /// A token that nobody touches.
    good: String,
}

impl Asker {
    fn new(program: Program) -> Self {
        let good = made(&program);
        let http = Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        Self { http, program, good }
    }

    async fn status(&self, method: Method, path: &str, value: &str) -> u16 {
        let (start, lateness) = (Instant::now(), Lateness::watched());
        let answer = self.http.request(method, self.program.url(path)).bearer_auth(value).send().await.unwrap();
        let took = start.elapsed();
        assert!(
            took < Duration::from_secs(4) || took < lateness.on_top_of(Duration::from_secs(4)).await,
            "{path} after {took:?}"
        );
        assert_eq!(answer.headers().contains_key("retry-after"), answer.status() == 503, "{path}");
        answer.status().as_u16()
    }

    async fn check(&self, value: &str) -> u16 {
        self.status(Method::GET, "/verify?organization=acme", value).await
    }

    async fn ready(&self) -> u16 {
        self.status(Method::GET, "/readyz", "").await
    }

    async fn revokes(&self, value: &str) -> u16 {
        self.status(Method::DELETE, "/v2/access-token", value).await
    }

    async fn changes(&self) -> u16 {
        let query = "mutation { updateOrganization(input: { organizationId: \"none\" }) { organization { id } } }";
        let request = self.http.post(self.program.url("/graphql")).bearer_auth(self.program.jwt("new"));
        request.json(&json!({ "query": query })).send().await.unwrap().status().as_u16()
    }

    /// Nobody is told anything, and nothing is made.
    async fn knows_nothing(&self, path: &Path) {
        let there = path.exists();
        for value in [self.good.as_str(), "twd_nonsense", &self.program.jwt("ada")] {
            for path in ["/v2/access-token", "/verify", "/verify?organization=acme"] {
                let expected: &[u16] = if value == self.good { &[503] } else { &[503, 401] };
                let status = self.status(Method::GET, path, value).await;
                assert!(expected.contains(&status), "{path}: {status}");
            }
        }
        assert_eq!((self.ready().await, self.revokes(&self.good).await, self.changes().await), (503, 503, 503));
        assert_eq!(self.status(Method::GET, "/healthz", "").await, 200);
        assert_eq!(path.exists(), there);
    }

    async fn is_well(&self) {
        let start = Instant::now();
        while (self.ready().await, self.check(&self.good).await, self.revokes(&made(&self.program)).await)
            != (200, 200, 204)
        {
            assert!(start.elapsed() < Duration::from_secs(20), "{}", self.program.logged());
        }
    }
}

fn made(program: &Program) -> String {
    program.run(&["token", "create", "--owner", "bob", "--organization", "acme", "--scope", "read_builds"])
}

fn file_of(database: &Database) -> PathBuf {
    database.url().strip_prefix("sqlite://").unwrap().into()
}

/// F-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_file_the_service_knows_nothing_and_makes_no_empty_one() {
    let database = Database::fresh(Kind::Sqlite, "files").unwrap();
    let path = file_of(&database);
    let (elsewhere, kept) = (path.with_extension("moved"), path.with_extension("kept"));
    let asker = Asker::new(load::program(&database, database.url()));
    let (_serving, _) = asker.program.serve().await;
    asker.is_well().await;

    fs::rename(&path, &elsewhere).unwrap();
    asker.knows_nothing(&path).await;
    // Nobody asks for letters; the outbox is looked at all the same.
    let start = Instant::now();
    while !asker.program.logged().contains("failed to read the outbox, will retry") {
        assert!(start.elapsed() < Duration::from_secs(20), "{}", asker.program.logged());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let said =
        asker.program.fails(&["token", "create", "--owner", "bob", "--organization", "acme", "--scope", "graphql"]);
    assert!(said.contains("is gone, but its log") && !path.exists(), "{said}");
    fs::rename(&elsewhere, &path).unwrap();
    asker.is_well().await;

    fs::hard_link(&path, &kept).unwrap();
    fs::remove_file(&path).unwrap();
    asker.knows_nothing(&path).await;
    fs::rename(&kept, &path).unwrap();
    asker.is_well().await;
}

/// F-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_file_in_the_place_of_the_own_one_gives_no_wrong_yes() {
    let database = Database::fresh(Kind::Sqlite, "files").unwrap();
    let path = file_of(&database);
    let (old, kept) = (path.with_extension("old"), path.with_extension("kept"));
    let program = load::program(&database, database.url());
    let revoked = made(&program);
    // Nothing runs, so that the file is all there is.
    fs::copy(&path, &old).unwrap();
    let asker = Asker::new(program);
    let (_serving, _) = asker.program.serve().await;
    assert_eq!(
        (asker.check(&revoked).await, asker.revokes(&revoked).await, asker.check(&revoked).await),
        (200, 204, 401)
    );

    fs::hard_link(&path, &kept).unwrap();
    let before = fs::read(&old).unwrap();
    fs::rename(&old, &path).unwrap();
    asker.knows_nothing(&path).await;
    assert_eq!(asker.check(&revoked).await, 503);
    assert!(fs::read(&path).unwrap() == before, "the other file was touched");
    fs::rename(&kept, &path).unwrap();
    asker.is_well().await;
    assert_eq!(asker.check(&revoked).await, 401);
}

/// F-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_made_read_only_is_read_only() {
    let database = Database::fresh(Kind::Sqlite, "files").unwrap();
    let path = file_of(&database);
    let asker = Asker::new(load::program(&database, database.url()));
    let (_serving, _) = asker.program.serve().await;
    let permissions = fs::metadata(&path).unwrap().permissions();
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    assert_eq!((asker.check(&asker.good).await, asker.ready().await), (200, 200));
    assert_eq!((asker.revokes(&asker.good).await, asker.changes().await), (503, 503));
    assert_eq!(asker.check(&asker.good).await, 200);
    fs::set_permissions(&path, permissions).unwrap();
    asker.is_well().await;
}

/// In a world with a small disk in the place of the folder `$1`, which it begins with what was in it.
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

/// What makes a world of one's own, if anything may.
fn own_world() -> Option<Vec<String>> {
    let ways = [&["unshare", "-m"][..], &["unshare", "-r", "-m"]];
    let works = |way: &&&[&str]| {
        let rest = ["sh", "-c", "mount -t tmpfs tmpfs /tmp"];
        output_of(way[0], &[&way[1..], &rest[..]].concat()).is_some()
    };
    ways.iter().find(works).map(|way| way.iter().map(|&word| word.to_owned()).collect())
}

/// F-08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_checks_go_on_and_nobody_is_told_of_a_change_that_was_not_made() {
    let Some(mut before) = own_world() else {
        eprintln!("skipped on_a_full_disk: nobody may mount a small disk here");
        return;
    };
    let database = Database::fresh(Kind::Sqlite, "files").unwrap();
    let program = load::program(&database, database.url());
    let tokens: Vec<_> = (0..4).map(|_| made(&program)).collect();
    let folder = database.folder().to_str().unwrap().to_owned();
    before.extend(["sh", "-c", SMALL_DISK, "small-disk"].map(str::to_owned));
    before.push(folder);
    let program = program.run_by(before);
    let (mut serving, _) = program.serve().await;
    let http = Client::new();
    let asker = Asker { http, good: tokens[0].clone(), program };
    let filler = serving.about("root").join(database.folder().strip_prefix("/").unwrap()).join("filler");
    assert_eq!((asker.check(&tokens[1]).await, asker.revokes(&tokens[1]).await), (200, 204));

    // All that is left is taken, to the last byte.
    let mut file = fs::File::create(&filler).unwrap();
    for portion in [vec![0; 64 * 1024], vec![0; 1]] {
        while std::io::Write::write(&mut file, &portion).is_ok_and(|count| count > 0) {}
    }
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        assert_eq!((asker.revokes(&tokens[2]).await, asker.changes().await), (503, 503));
        let statuses = [asker.check(&tokens[0]).await, asker.check(&tokens[1]).await, asker.check(&tokens[2]).await];
        assert_eq!(statuses, [200, 401, 200]);
    }
    drop(file);
    fs::remove_file(&filler).unwrap();
    let start = Instant::now();
    while asker.revokes(&tokens[3]).await != 204 {
        assert!(start.elapsed() < Duration::from_secs(20), "{}", asker.program.logged());
    }
    let statuses = [asker.check(&tokens[0]).await, asker.check(&tokens[1]).await, asker.check(&tokens[3]).await];
    assert_eq!(statuses, [200, 401, 401]);
    assert!(serving.lives());
}
