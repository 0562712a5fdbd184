//! Runs the commands of the README and of the guide of `demo` in a shell, against the real binary, and checks their output.

use crate::{
    example,
    world::{
        database::{Database, Kind},
        port, temp_files,
    },
};
use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_tokenward");

/// A server that stops when the value is dropped, even if the test panics.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns whether the tools that the commands call are installed; otherwise prints that the test is skipped.
fn has_tools(test: &str) -> bool {
    let there = |tool: &&str| Command::new(tool).arg("--version").output().is_ok();
    let missing = ["bash", "curl", "python3", "sed", "timeout"].into_iter().find(|tool| !there(tool));
    if let Some(tool) = missing {
        eprintln!("skipped {test}: {tool} is not installed");
    }
    missing.is_none()
}

/// Runs a script in a shell, as if pasted, and returns its output. A script that hangs is stopped after two minutes, with all
/// processes that it started.
fn pasted(script: &str, folder: &Path, variables: &[(&str, &str)]) -> String {
    let output = Command::new("timeout")
        .args(["-k", "5", "120", "bash", "-c", script])
        .current_dir(folder)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Returns the HTTP status codes in the output, in order.
fn statuses(output: &str) -> Vec<&str> {
    output.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)).collect()
}

/// A longer pause for slow machines, in place of the one in the documentation.
const PAUSE: &str = "sleep 8\n";

/// Returns the story of the README, with the tested program, on a free port.
fn story() -> String {
    let readme = include_str!("../../README.md");
    let story = readme.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    story
        .replace("cargo build --release\n", "")
        .replace("$PWD/target/release", Path::new(BINARY).parent().unwrap().to_str().unwrap())
        .replace("127.0.0.1:8080", &port::free().to_string())
        .replace("sleep 2\n", PAUSE)
}

fn readme_story_runs(kind: Kind, test: &str) {
    if !has_tools(test) {
        return;
    }
    let Some(database) = Database::fresh(kind, test) else { return };
    let output = pasted(&story(), database.folder(), &[("TOKENWARD_DATABASE__URL", database.url())]);
    assert_eq!(statuses(&output), ["200", "403", "200", "200", "204", "401"], "{output}");
    assert!(output.contains(r#""totalCount":1"#) && output.contains(r#""username":"bob""#), "{output}");
    assert!(output.contains("Subject: Organization removed from your token: Acme Widgets"), "{output}");
    assert!(output.contains(r#""removedBy":{"name":"Ada Okafor"},"removalReason":"Not used any more""#), "{output}");
    assert!(!output.contains(r#""errors""#), "{output}");
}

/// The story ends with the reason if the server does not start.
#[test]
fn story_ends_if_the_server_does_not_start() {
    let test = "story_ends_if_the_server_does_not_start";
    if !has_tools(test) {
        return;
    }
    let database = Database::fresh(Kind::Sqlite, test).unwrap();
    let story = story().replace("export PATH", "export TOKENWARD_NOTHING=1 PATH");
    let start = Instant::now();
    let output = pasted(&story, database.folder(), &[("TOKENWARD_DATABASE__URL", database.url())]);
    assert!(start.elapsed() < Duration::from_secs(100), "{output}");
    assert!(output.contains("TOKENWARD_NOTHING"), "{output}");
    assert_eq!(statuses(&output), [""; 0], "{output}");
}

#[test]
fn readme_story_runs_on_sqlite() {
    readme_story_runs(Kind::Sqlite, "readme_story_runs_on_sqlite");
}

#[test]
fn readme_story_runs_on_postgres() {
    readme_story_runs(Kind::Postgres, "readme_story_runs_on_postgres");
}

/// Starts the demo in this folder; returns its process and its guide, from the first command on.
pub(crate) fn start_demo(folder: &Path) -> (Running, String) {
    let mut demo = Command::new(BINARY);
    demo.args(["demo", "--listen", &port::free().to_string()]).current_dir(folder);
    let demo = demo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut demo = Running(demo);
    let guide = guide(&mut demo.0);
    let commands = guide[guide.find("# Who is who").unwrap()..].to_owned();
    (demo, commands)
}

/// Returns the guide that the demo prints when it serves.
pub(crate) fn guide(demo: &mut Child) -> String {
    let lines = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut guide = String::new();
    for line in lines {
        guide.push_str(&line);
        guide.push('\n');
        if line.contains("auditEvents(first: 5)") {
            break;
        }
    }
    guide
}

/// Returns the value to which the guide sets this variable.
pub(crate) fn variable<'guide>(guide: &'guide str, name: &str) -> &'guide str {
    let line = guide.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("='")).expect("a variable");
    line.strip_suffix('\'').expect("quotes")
}

/// Returns the validity of a JWT, in seconds.
fn validity(jwt: &str) -> i64 {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap()
}

#[test]
fn existing_demo_is_served_unchanged() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = temp_files::folder();
    let secret = folder.path().join("demo-data/jwt-secret");
    let guides = [0, 1].map(|_| {
        let (demo, guide) = start_demo(folder.path());
        drop(demo);
        // Two JWTs that are issued in the same second are equal.
        std::thread::sleep(Duration::from_secs(1));
        (guide, std::fs::read_to_string(&secret).unwrap())
    });
    let [(first, kept), (second, still)] = &guides;
    assert_eq!(variable(first, "ACME"), variable(second, "ACME"), "the data is the same");
    assert_eq!(kept, still);
    assert_eq!(secret.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    for credential in ["OWNER", "ADMIN", "ADMIN_TOKEN"] {
        assert_ne!(variable(first, credential), variable(second, credential), "{credential} is fresh");
    }
    for jwt in ["OWNER", "ADMIN"] {
        assert_eq!(validity(variable(first, jwt)), 12 * 60 * 60);
    }
}

#[test]
fn demo_guide_runs() {
    if !has_tools("demo_guide_runs") {
        return;
    }
    let folder = temp_files::folder();
    let (demo, commands) = start_demo(folder.path());
    let output = pasted(&commands.replace("sleep 2\n", PAUSE), folder.path(), &[]);
    drop(demo);
    assert_eq!(statuses(&output), ["200", "403", "403", "200", "200", "204", "401"], "{output}");
    assert_eq!(output.matches(r#"{"data":"#).count(), 14, "{output}");
    assert!(!output.contains(r#""errors""#), "{output}");
    assert!(!output.contains(r#""totalCount":0"#), "every filter of the guide finds a token: {output}");
    assert!(
        output.contains("Organization removed from your token") && output.contains("Not needed any more"),
        "{output}"
    );
    assert!(
        output.contains("Content-Type: text/plain") && !output.contains("<html"),
        "the email is shown as text: {output}"
    );
}

#[test]
fn typescript_commands_of_the_readme_run() {
    let test = "typescript_commands_of_the_readme_run";
    let Some(built) = has_tools(test).then(|| example::built(test)).flatten() else { return };
    let folder = temp_files::folder();
    let readme = include_str!("../../README.md");
    let section = readme.split("## A client in TypeScript").nth(1).unwrap();
    let commands = section.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let here =
        commands.replace("cd examples/typescript\nnpm ci\nnpm run build\n", &format!("cd '{}'\n", built.display()));
    assert_ne!(here, commands);
    let (demo, guide) = start_demo(folder.path());
    let variables = guide.split("\n\n").next().unwrap();
    let output = pasted(&format!("{variables}\n{here}"), folder.path(), &[]);
    drop(demo);
    let lines: Vec<_> = output.lines().collect();
    let words: Vec<_> = lines.iter().filter(|line| !line.starts_with("token_")).collect();
    assert_eq!(words, [&"REMOVED", &"ACTIVE"], "{output}");
    let removed = lines.iter().position(|line| *line == "REMOVED").unwrap();
    let (audit, own) = (&lines[..removed], &lines[removed + 1..lines.len() - 1]);
    assert!(audit.iter().any(|line| line.contains("graphql")) && !own.is_empty(), "{output}");
    assert!(own.iter().all(|line| line.contains("\tbob\t")), "{output}");
}
