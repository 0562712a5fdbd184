//! Checks that the committed pages match their sources and work in a browser, with Node, npm and Chromium if these are installed.

use crate::{
    documented_commands::{BINARY, start_demo, variable},
    world::{
        PASSWORD, World,
        database::{Database, Kind, on},
        node,
        programs::{self, output_text, skip, top},
        temp_files,
    },
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    time::Duration,
};
use tempfile::TempDir;

enum Rebuilt {
    Into(TempDir),
    /// Without Node or a source of packages, with the reason.
    Not(String),
}

/// Builds the pages from their sources, once for all tests, and leaves the packages installed.
fn rebuilt() -> &'static Rebuilt {
    static REBUILT: OnceLock<Rebuilt> = OnceLock::new();
    REBUILT.get_or_init(|| {
        if let Err(why) = node::installed("console") {
            return Rebuilt::Not(why);
        }
        let folder = temp_files::folder();
        let built = Command::new(top("script/console")).arg(folder.path()).stdin(Stdio::null()).output().unwrap();
        assert!(built.status.success(), "the pages cannot be built: {}", output_text(&built));
        Rebuilt::Into(folder)
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

/// Returns the files that differ between the folders or exist in only one.
fn differences(one: &Path, other: &Path) -> Vec<String> {
    let (one, other) = (files(one), files(other));
    let mut names: Vec<_> = one.keys().chain(other.keys()).filter(|name| one.get(*name) != other.get(*name)).collect();
    names.sort();
    names.dedup();
    names.into_iter().map(|name| name.display().to_string()).collect()
}

#[test]
fn committed_pages_match_their_sources() {
    match rebuilt() {
        Rebuilt::Not(why) => skip("committed_pages_match_their_sources", "TEST_REQUIRE_NODE", why),
        Rebuilt::Into(folder) => assert_eq!(
            differences(folder.path(), &top("console/dist")),
            [""; 0],
            "console/dist is not current. Refresh it with `script/console`, and commit what changes."
        ),
    }
}

#[test]
fn missing_changed_and_additional_files_differ() {
    let (one, other) = (temp_files::folder(), temp_files::folder());
    for (folder, name, text) in
        [(&one, "gone", ""), (&one, "same", "s"), (&other, "same", "s"), (&one, "new", "1"), (&other, "new", "2")]
    {
        fs::write(folder.path().join(name), text).unwrap();
    }
    fs::create_dir(other.path().join("below")).unwrap();
    fs::write(other.path().join("below/more"), "").unwrap();
    assert_eq!(differences(one.path(), other.path()), ["below/more", "gone", "new"]);
}

/// Runs a program of the packages in their folder and returns its output. If the packages cannot be installed, prints why and
/// returns `None`.
fn run_package(program: &str, arguments: &[&str], variables: &[(&str, &Path)], test: &str) -> Option<String> {
    let folder = node::packages("console", test)?;
    let mut command = Command::new(folder.join("node_modules/.bin").join(program));
    let output = command.args(arguments).envs(variables.iter().copied()).current_dir(&folder).stdin(Stdio::null());
    let output = output.output().unwrap();
    assert!(output.status.success(), "{program}: {}", output_text(&output));
    Some(output_text(&output))
}

#[test]
fn types_match_the_schema_and_operations() {
    let (test, folder) = ("types_match_the_schema_and_operations", temp_files::folder());
    let into = folder.path().join("gql/");
    let arguments = ["--config", "codegen.ts", "--silent"];
    if run_package("graphql-codegen", &arguments, &[("GENERATE_INTO", &into)], test).is_some() {
        assert_eq!(
            differences(&into, &top("console/src/gql")),
            [""; 0],
            "console/src/gql is not current. Refresh it with `npm run generate` in console/, and commit what changes."
        );
    }
}

#[test]
fn page_sources_pass_the_linter() {
    run_package("biome", &["ci", "--error-on-warnings", "."], &[], "page_sources_pass_the_linter");
}

#[test]
fn page_unit_tests_pass() {
    let test = "page_unit_tests_pass";
    if let Some(output) = run_package("vitest", &["run", "--no-color"], &[], test) {
        assert!(output.contains("Tests  "), "{output}");
    }
}

/// Returns the browser. If it is not installed, prints why and returns `None`.
fn browser(test: &str) -> Option<PathBuf> {
    if let Rebuilt::Not(why) = rebuilt() {
        skip(test, "TEST_REQUIRE_NODE", why);
        return None;
    }
    let found = programs::found(&["chromium", "chromium-browser"]);
    found.map_err(|why| skip(test, "TEST_REQUIRE_CHROMIUM", &why)).ok()
}

/// Adds a user and returns the link by which she chooses a password.
fn invite(database: &Database) -> String {
    let data = database.folder().join("demo-data");
    let user = ["user", "add", "carla", "--email", "carla@example.test", "--name", "Carla Moreau", "--invite"];
    let added = Command::new(BINARY).args(user).env("TOKENWARD_DATA_DIR", data).output().unwrap();
    assert!(added.status.success(), "{}", output_text(&added));
    String::from_utf8(added.stdout).unwrap().lines().last().unwrap().trim().to_owned()
}

///
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_create_audit_and_remove_tokens_in_a_browser() {
    let test = "users_create_audit_and_remove_tokens_in_a_browser";
    let Some(chromium) = browser(test) else { return };
    let database = Database::fresh(Kind::Sqlite, test).unwrap();
    let (_demo, guide) = start_demo(database.folder());
    let data = database.folder().join("demo-data");
    let credentials = |username: &str| {
        let password = fs::read_to_string(data.join(format!("password-{username}"))).unwrap();
        json!({ "username": username, "password": password.trim() })
    };
    let (url, pictures) = (variable(&guide, "URL"), Path::new(env!("CARGO_TARGET_TMPDIR")).join("console"));
    let input = json!({
        "url": url,
        "mail": data.join("mail"),
        "users": { "owner": credentials("bob"), "administrator": credentials("ada") },
        "user": credentials("bob"),
        "invitation": invite(&database).replace("http://127.0.0.1:8080", url),
        "chromium": chromium,
        "pictures": pictures,
    });
    for script in ["intruder", "pages", "journeys"] {
        node::run(&top("console/e2e").join(script).with_extension("mjs"), &input).await;
    }
}

///
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_asks_for_the_password_and_then_for_signing_in() {
    let test = "page_asks_for_the_password_and_then_for_signing_in";
    let Some(chromium) = browser(test) else { return };
    on(Kind::Sqlite, test, async |world: World| {
        world.member("bob", &["acme"]).await;
        world.set_password("bob").await;
        let kept = temp_files::folder();
        for (minutes, phase) in [(0, "sign-in"), (16, "confirm"), (61, "idle")] {
            world.advance(Duration::from_mins(minutes));
            let input = json!({
                "url": world.url(""),
                "user": { "username": "bob", "password": PASSWORD },
                "phase": phase,
                "state": kept.path().join("state.json"),
                "chromium": chromium,
            });
            node::run(&top("console/e2e/ends.mjs"), &input).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn graphiql_works_in_a_browser_and_keeps_nothing() {
    let test = "graphiql_works_in_a_browser_and_keeps_nothing";
    let Some(chromium) = browser(test) else { return };
    on(Kind::Sqlite, test, async |world: World| {
        let ada = world.admin("ada", &["acme", "globex"]).await;
        let name = "<img src=x onerror=alert(1)> and a very long description that must wrap somewhere";
        ada.create_token(name, &["acme"], &["read_builds"]).await;
        let token = ada.create_token("For GraphiQL", &["acme"], &["graphql"]).await;
        let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("graphiql");
        let input = json!({
            "url": world.url(""), "credential": token.value, "username": "ada", "chromium": chromium, "pictures": pictures,
        });
        node::run(&top("console/e2e/graphiql.mjs"), &input).await;
    })
    .await;
}
