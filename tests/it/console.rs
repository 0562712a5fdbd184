//! Are the committed pages what their sources make, and do they work in a browser? With Node, npm and Chromium, where
//! these are installed.

use crate::world::{
    World,
    cluster::setting,
    database::{Kind, on},
    shelf::{self, answer_of},
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};
use tempfile::TempDir;

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Says which test does not run and why, past the capture of the test harness; fails it where the environment says that
/// everything is there.
fn skip(test: &str, required: &str, why: &str) {
    assert_ne!(setting(required).as_deref(), Some("1"), "{test} cannot run: {why}");
    let _ = writeln!(std::io::stderr(), "skipped {test}: {why}");
}

enum Rebuilt {
    Into(TempDir),
    /// For want of Node, or of somewhere to get the packages from.
    Not(String),
}

/// The pages built anew from their sources, once for all tests; this leaves the packages installed.
fn rebuilt() -> &'static Rebuilt {
    static REBUILT: OnceLock<Rebuilt> = OnceLock::new();
    REBUILT.get_or_init(|| {
        for program in ["node", "npm", "bash"] {
            if answer_of(program, &["--version"]).is_none() {
                return Rebuilt::Not(format!("{program} is not installed"));
            }
        }
        let folder = shelf::folder();
        let built =
            Command::new(top().join("script/console")).arg(folder.path()).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&built.stdout).into_owned() + &String::from_utf8_lossy(&built.stderr);
        match built.status.code() {
            Some(0) => Rebuilt::Into(folder),
            Some(3) => Rebuilt::Not(format!("its packages cannot be installed: {said}")),
            _ => panic!("the pages cannot be built: {said}"),
        }
    })
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                waiting.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The names that only one folder has, or that have another content in the other.
fn differences(one: &Path, other: &Path) -> Vec<String> {
    let (one, other) = (files(one), files(other));
    let mut names: Vec<_> = one.keys().chain(other.keys()).filter(|name| one.get(*name) != other.get(*name)).collect();
    names.sort();
    names.dedup();
    names.into_iter().map(|name| name.display().to_string()).collect()
}

#[test]
fn the_committed_pages_are_what_their_sources_make() {
    match rebuilt() {
        Rebuilt::Not(why) => skip("the_committed_pages_are_what_their_sources_make", "TEST_REQUIRE_NODE", why),
        Rebuilt::Into(folder) => assert_eq!(
            differences(folder.path(), &top().join("console/dist")),
            [""; 0],
            "console/dist is not current. Refresh it with `script/console`, and commit what changes."
        ),
    }
}

#[test]
fn a_missing_a_changed_and_an_additional_file_are_differences() {
    let (one, other) = (shelf::folder(), shelf::folder());
    for (folder, name, text) in
        [(&one, "gone", ""), (&one, "same", "s"), (&other, "same", "s"), (&one, "new", "1"), (&other, "new", "2")]
    {
        fs::write(folder.path().join(name), text).unwrap();
    }
    fs::create_dir(other.path().join("below")).unwrap();
    fs::write(other.path().join("below/more"), "").unwrap();
    assert_eq!(differences(one.path(), other.path()), ["below/more", "gone", "new"]);
}

/// Where `npm` found a package is the matter of whoever installs.
#[test]
fn the_lock_file_has_hashes_and_no_hosts() {
    let lock: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(top().join("console/package-lock.json")).unwrap()).unwrap();
    let packages = lock["packages"].as_object().unwrap();
    for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
        assert!(package.get("resolved").is_none(), "{name} says where it comes from");
        assert!(package["integrity"].as_str().is_some_and(|hash| hash.starts_with("sha512-")), "{name}");
    }
    assert!(packages.len() > 50);
}

fn chromium() -> Option<PathBuf> {
    let path = setting("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/bin".into()]);
    folders
        .flat_map(|folder| ["chromium", "chromium-browser"].map(|name| folder.join(name)))
        .find(|file| file.is_file())
}

/// Runs a script of `console/e2e`, which is told what it needs by its input: arguments can be read by everybody.
async fn in_a_browser(script: &str, told: serde_json::Value) {
    let script = top().join("console/e2e").join(script);
    let output = tokio::task::spawn_blocking(move || {
        let mut node = Command::new("node")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        node.stdin.take().unwrap().write_all(told.to_string().as_bytes()).unwrap();
        node.wait_with_output().unwrap()
    });
    let output = output.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn graphiql_works_in_a_browser_and_keeps_nothing() {
    let test = "graphiql_works_in_a_browser_and_keeps_nothing";
    if let Rebuilt::Not(why) = rebuilt() {
        return skip(test, "TEST_REQUIRE_NODE", why);
    }
    let Some(chromium) = chromium() else {
        return skip(test, "TEST_REQUIRE_CHROMIUM", "Chromium is not installed");
    };
    on(Kind::Sqlite, test, async |world: World| {
        let ada = world.admin("ada", &["acme", "globex"]).await;
        let name = "<img src=x onerror=alert(1)> and a description that goes on and on without an end in sight";
        ada.creates_token(name, &["acme"], &["read_builds"]).await;
        let token = ada.creates_token("For GraphiQL", &["acme"], &["graphql"]).await;
        let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("graphiql");
        let told = json!({
            "url": world.url(""), "credential": token.value, "username": "ada", "chromium": chromium, "pictures": pictures,
        });
        in_a_browser("graphiql.mjs", told).await;
    })
    .await;
}
