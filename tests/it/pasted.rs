//! Do the commands that people are told to paste do what is said of them? Those of the README and the guide of `demo` are
//! run by a shell, against the real binary.

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

/// A server that ends with its test, however that ends.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The tools that the pasted commands call; where one is missing, a test is skipped by name.
fn has_tools(test: &str) -> bool {
    let there = |tool: &&str| Command::new(tool).arg("--version").output().is_ok();
    let missing = ["bash", "curl", "python3", "sed", "timeout"].into_iter().find(|tool| !there(tool));
    if let Some(tool) = missing {
        eprintln!("skipped {test}: {tool} is not installed");
    }
    missing.is_none()
}

/// Runs a script as somebody would who pastes it; tells what it printed. One that waits for ever ends after two minutes,
/// with everything that it started.
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

/// The status lines of HTTP, in their order.
fn statuses(said: &str) -> Vec<&str> {
    said.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)).collect()
}

/// People look at a clock that is as slow as their machine; what they wait for here has more time.
const PATIENCE: &str = "sleep 8\n";

/// The story of the README, with the program that is tested, on a port of its own.
fn story() -> String {
    let readme = include_str!("../../README.md");
    let story = readme.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    story
        .replace("cargo build --release\n", "")
        .replace("$PWD/target/release", Path::new(BINARY).parent().unwrap().to_str().unwrap())
        .replace("127.0.0.1:8080", &port::free().to_string())
        .replace("sleep 2\n", PATIENCE)
}

fn the_readme_tells_the_truth(kind: Kind, test: &str) {
    if !has_tools(test) {
        return;
    }
    let Some(database) = Database::fresh(kind, test) else { return };
    let said = pasted(&story(), database.folder(), &[("TOKENWARD_DATABASE__URL", database.url())]);
    assert_eq!(statuses(&said), ["200", "403", "200", "200", "204", "401"], "{said}");
    assert!(said.contains(r#""totalCount":1"#) && said.contains(r#""username":"bob""#), "{said}");
    assert!(said.contains("Subject: Organization removed from your token: Acme Widgets"), "{said}");
    assert!(said.contains(r#""removedBy":{"name":"Ada Okafor"},"removalReason":"Not used any more""#), "{said}");
    assert!(!said.contains(r#""errors""#), "{said}");
}

/// The story comes to its end, and says why, where the server refuses to start.
#[test]
fn a_story_whose_server_does_not_start_ends() {
    let test = "a_story_whose_server_does_not_start_ends";
    if !has_tools(test) {
        return;
    }
    let database = Database::fresh(Kind::Sqlite, test).unwrap();
    let story = story().replace("export PATH", "export TOKENWARD_NOTHING=1 PATH");
    let start = Instant::now();
    let said = pasted(&story, database.folder(), &[("TOKENWARD_DATABASE__URL", database.url())]);
    assert!(start.elapsed() < Duration::from_secs(100), "{said}");
    assert!(said.contains("TOKENWARD_NOTHING"), "{said}");
    assert_eq!(statuses(&said), [""; 0], "{said}");
}

#[test]
fn the_story_of_the_readme_can_be_pasted_on_sqlite() {
    the_readme_tells_the_truth(Kind::Sqlite, "the_story_of_the_readme_can_be_pasted_on_sqlite");
}

#[test]
fn the_story_of_the_readme_can_be_pasted_on_postgres() {
    the_readme_tells_the_truth(Kind::Postgres, "the_story_of_the_readme_can_be_pasted_on_postgres");
}

/// A demonstration that serves in this folder, and its guide from the first command on.
pub(crate) fn demonstration(folder: &Path) -> (Running, String) {
    let mut demo = Command::new(BINARY);
    demo.args(["demo", "--listen", &port::free().to_string()]).current_dir(folder);
    let demo = demo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut demo = Running(demo);
    let guide = guide(&mut demo.0);
    let commands = guide[guide.find("# Who is who").unwrap()..].to_owned();
    (demo, commands)
}

/// The guide that a demonstration prints when it serves.
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

/// What a guide sets this variable to.
pub(crate) fn variable<'guide>(guide: &'guide str, name: &str) -> &'guide str {
    let line = guide.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("='")).expect("a variable");
    line.strip_suffix('\'').expect("quotes")
}

/// For how long a JWT is good, in seconds.
fn life(jwt: &str) -> i64 {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap()
}

#[test]
fn a_demonstration_that_is_there_is_served_as_it_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = temp_files::folder();
    let secret = folder.path().join("demo-data/jwt-secret");
    let guides = [0, 1].map(|_| {
        let (demo, guide) = demonstration(folder.path());
        drop(demo);
        // Two JWTs of one second are the same.
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
        assert_eq!(life(variable(first, jwt)), 12 * 60 * 60);
    }
}

#[test]
fn the_guide_of_the_demonstration_can_be_pasted() {
    if !has_tools("the_guide_of_the_demonstration_can_be_pasted") {
        return;
    }
    let folder = temp_files::folder();
    let (demo, commands) = demonstration(folder.path());
    let said = pasted(&commands.replace("sleep 2\n", PATIENCE), folder.path(), &[]);
    drop(demo);
    assert_eq!(statuses(&said), ["200", "403", "403", "200", "200", "204", "401"], "{said}");
    assert_eq!(said.matches(r#"{"data":"#).count(), 14, "{said}");
    assert!(!said.contains(r#""errors""#), "{said}");
    assert!(!said.contains(r#""totalCount":0"#), "every filter of the guide finds something: {said}");
    assert!(said.contains("Organization removed from your token") && said.contains("Not needed any more"), "{said}");
    assert!(
        said.contains("Content-Type: text/plain") && !said.contains("<html"),
        "the letter is shown as text: {said}"
    );
}

#[test]
fn the_client_in_typescript_can_be_pasted() {
    let test = "the_client_in_typescript_can_be_pasted";
    let Some(built) = has_tools(test).then(|| example::built(test)).flatten() else { return };
    let folder = temp_files::folder();
    let readme = include_str!("../../README.md");
    let section = readme.split("## A client in TypeScript").nth(1).unwrap();
    let commands = section.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let here =
        commands.replace("cd examples/typescript\nnpm ci\nnpm run build\n", &format!("cd '{}'\n", built.display()));
    assert_ne!(here, commands);
    let (demo, guide) = demonstration(folder.path());
    let who = guide.split("\n\n").next().unwrap();
    let said = pasted(&format!("{who}\n{here}"), folder.path(), &[]);
    drop(demo);
    let lines: Vec<_> = said.lines().collect();
    let words: Vec<_> = lines.iter().filter(|line| !line.starts_with("token_")).collect();
    assert_eq!(words, [&"REMOVED", &"ACTIVE"], "{said}");
    let removed = lines.iter().position(|line| *line == "REMOVED").unwrap();
    let (audit, own) = (&lines[..removed], &lines[removed + 1..lines.len() - 1]);
    assert!(audit.iter().any(|line| line.contains("graphql")) && !own.is_empty(), "{said}");
    assert!(own.iter().all(|line| line.contains("\tbob\t")), "{said}");
}
