//! Checks that the client in `examples/typescript` works as documented, built as in its README.

use crate::world::{
    World,
    client::Client,
    cluster::setting,
    node, port,
    programs::{output_text, skip, top},
    temp_files,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::OnceLock,
};
use tempfile::TempDir;
use tokio::process::Command;

/// Copies the example, generates its types and builds it, once for all tests. Returns `None` without Node.
pub(crate) fn built(test: &str) -> Option<PathBuf> {
    static BUILT: OnceLock<Result<TempDir, String>> = OnceLock::new();
    match BUILT.get_or_init(|| node::installed("examples/typescript").map(|folder| build(&folder))) {
        Ok(built) => Some(built.path().join("examples/typescript")),
        Err(why) => {
            skip(test, "TEST_REQUIRE_NODE", why);
            None
        }
    }
}

fn build(from: &Path) -> TempDir {
    let built = temp_files::folder();
    let to = built.path().join("examples/typescript");
    fs::copy(top("schema.graphql"), built.path().join("schema.graphql")).unwrap();
    for below in ["", "operations", "src"] {
        fs::create_dir_all(to.join(below)).unwrap();
        for file in fs::read_dir(from.join(below)).unwrap().map(|entry| entry.unwrap().path()) {
            if file.is_file() {
                fs::copy(&file, to.join(below).join(file.file_name().unwrap())).unwrap();
            }
        }
    }
    std::os::unix::fs::symlink(from.join("node_modules"), to.join("node_modules")).unwrap();
    fs::remove_file(to.join("src/generated.ts")).unwrap();
    for script in ["generate", "build"] {
        let mut npm = std::process::Command::new("npm");
        let done = npm.args(["run", "--silent", script]).current_dir(&to).stdin(Stdio::null()).output().unwrap();
        assert!(done.status.success(), "npm run {script}: {}", output_text(&done));
    }
    built
}

/// Returns the exit code, standard output and standard error of the program.
async fn run(folder: &Path, client: &Client<'_>, arguments: &[&str]) -> (i32, String, String) {
    run_at(folder, &client.world.url(""), client, arguments).await
}

async fn run_at(folder: &Path, url: &str, client: &Client<'_>, arguments: &[&str]) -> (i32, String, String) {
    let mut program = Command::new("node");
    program.arg("dist/main.js").args(arguments).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    program.env_clear().env("PATH", setting("PATH").unwrap_or_default()).env("API_URL", url);
    if let Some(credential) = &client.credential {
        program.env("API_TOKEN", credential);
    }
    let output = program.output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Returns the IDs that the program lists, in order.
async fn listed(folder: &Path, client: &Client<'_>, arguments: &[&str]) -> Vec<String> {
    let (code, out, stderr) = run(folder, client, &[&["list"][..], arguments].concat()).await;
    assert_eq!((code, &*stderr), (0, ""), "{out}");
    out.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[test]
fn committed_types_match_the_schema_and_operations() {
    let Some(folder) = built("example::committed_types_match_the_schema_and_operations") else {
        return;
    };
    let read = |folder: &Path| fs::read_to_string(folder.join("src/generated.ts")).unwrap();
    assert_eq!(
        read(&top("examples/typescript")),
        read(&folder),
        "src/generated.ts is not current. Refresh it with `npm run generate` in examples/typescript"
    );
}

#[tokio::test]
async fn unknown_field_does_not_compile() {
    let Some(folder) = built("example::unknown_field_does_not_compile") else { return };
    let main = fs::read_to_string(folder.join("src/main.ts")).unwrap();
    // Next to the real one, so that the same packages are found.
    let wrong = folder.join("wrong");
    fs::create_dir_all(&wrong).unwrap();
    fs::copy(folder.join("src/generated.ts"), wrong.join("generated.ts")).unwrap();
    fs::write(wrong.join("main.ts"), main.replace("owner.username", "owner.nickname")).unwrap();
    fs::write(wrong.join("tsconfig.json"), r#"{ "extends": "../tsconfig.json", "include": ["."] }"#).unwrap();
    let mut tsc = Command::new(folder.join("node_modules/.bin/tsc"));
    let done = tsc.args(["--noEmit", "--rootDir", ".", "-p", "."]).current_dir(&wrong).output().await.unwrap();
    let stderr = output_text(&done);
    assert!(!done.status.success() && stderr.contains("Property 'nickname' does not exist"), "{stderr}");
}

both!(
    async fn administrator_removes_and_owner_adds_an_organization(world: World) {
        let test = "example::administrator_removes_and_owner_adds_an_organization";
        let Some(folder) = built(test) else { return };
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme", "globex"]).await);
        let mut all = Vec::new();
        // More than one page.
        for number in 0..53 {
            all.push(bob.create_token(&format!("bot {number}"), &["acme"], &["read_builds"]).await);
        }
        let elsewhere = bob.create_token("elsewhere", &["globex"], &["read_builds"]).await;
        let hers = ada.create_token("Ada's own", &["acme"], &["graphql"]).await;
        let ids: Vec<_> = all.iter().rev().map(|token| token.id.clone()).collect();

        let audit = listed(&folder, &ada, &["--organization", "acme"]).await;
        assert_eq!(audit, [vec![hers.id.clone()], ids.clone()].concat());
        assert_eq!(
            listed(&folder, &ada, &["--organization", "acme", "--query", "admin graphql"]).await,
            [hers.id.as_str()]
        );
        assert_eq!(listed(&folder, &ada, &["--organization", "acme", "--query", "bob 'bot 7'"]).await, [""; 0]);
        assert_eq!(
            listed(&folder, &ada, &["--organization", "acme", "--query", "bob \"bot 7\""]).await,
            [ids[45].as_str()]
        );
        assert_eq!(listed(&folder, &bob, &[]).await, [vec![elsewhere.id.clone()], ids.clone()].concat());

        let token = &all[7];
        let remove = ["remove", &token.id, "--organization", "acme", "--reason", "Not used any more"];
        assert_eq!(run(&folder, &ada, &remove).await, (0, "REMOVED\n".into(), String::new()));
        assert_eq!(world.bearer(&token.value).verify("organization=acme").await.status, 403);
        let emails = world.emails(1).await;
        assert_eq!((emails.len(), &*emails[0].recipients), (1, &["bob@example.test".to_owned()][..]));
        assert!(!listed(&folder, &ada, &["--organization", "acme"]).await.contains(&token.id));
        let (code, out, stderr) = run(&folder, &ada, &remove).await;
        assert!((code, &*out) == (1, "") && stderr.starts_with("CONFLICT: "), "{stderr}");

        let add = ["add", &token.id, "--organization", "acme"];
        let (code, _, stderr) = run(&folder, &ada, &add).await;
        assert!(code == 1 && stderr.starts_with("NOT_FOUND: "), "{stderr}");
        assert_eq!(run(&folder, &bob, &add).await, (0, "ACTIVE\n".into(), String::new()));
        assert_eq!(world.bearer(&token.value).verify("organization=acme").await.status, 200);
        assert_eq!(listed(&folder, &ada, &["--organization", "acme"]).await, audit);
    }
);

both!(
    async fn errors_name_the_reason_and_wrong_usage_shows_help(world: World) {
        let test = "example::errors_name_the_reason_and_wrong_usage_shows_help";
        let Some(folder) = built(test) else { return };
        let (bob, non_member) = (world.member("bob", &["acme"]).await, world.non_member().await);
        let (bad, anonymous) = (world.bearer("twd_nonsense"), world.anonymous());
        let cases: [(&Client<'_>, &[&str], i32, &str); 10] = [
            (&bob, &["list", "--organization", "acme"], 1, "FORBIDDEN: "),
            (&non_member, &["list", "--organization", "acme"], 1, "There is no organization acme."),
            (&non_member, &["add", "token_x", "--organization", "acme"], 1, "There is no organization acme."),
            (&bad, &["list"], 1, "UNAUTHENTICATED: "),
            (&anonymous, &["list"], 2, "API_TOKEN is not set."),
            (&bob, &[], 2, "There is no such command."),
            (&bob, &["remove", "token_x"], 2, "--organization is missing."),
            (&bob, &["remove", "--organization", "acme"], 2, "remove needs the id of a TOKEN"),
            (&bob, &["add"], 2, "add needs the id of a TOKEN"),
            (&bob, &["list", "--colour"], 2, "Unknown option '--colour'"),
        ];
        for (client, arguments, code, why) in cases {
            let (exit_code, out, stderr) = run(&folder, client, arguments).await;
            assert_eq!((exit_code, &*out), (code, ""), "{arguments:?}: {stderr}");
            assert!(stderr.starts_with(why) && stderr.contains("Usage:") == (code == 2), "{arguments:?}: {stderr}");
        }
        let silent = port::free();
        let (code, out, stderr) = run_at(&folder, &format!("http://{silent}"), &bob, &["list"]).await;
        let message = format!("The API cannot be reached at http://{silent} (ECONNREFUSED). Is API_URL right");
        assert!((code, &*out) == (1, "") && stderr.starts_with(&message), "{stderr}");
        let (code, _, stderr) = run_at(&folder, "acme", &bob, &["list"]).await;
        assert!(
            code == 2 && stderr.starts_with("API_URL is acme, which is no URL.") && stderr.contains("Usage:"),
            "{stderr}"
        );
    }
);
