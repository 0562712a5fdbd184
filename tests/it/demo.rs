//! Checks that the demo ignores the environment and serves only complete data.

use crate::{
    cli::{program, run_command},
    documented_commands::{Running, guide},
    world::{port, temp_files},
};
use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

fn demo(folder: &Path) -> Command {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_tokenward"));
    demo.args(["demo", "--listen", &port::free().to_string()]).current_dir(folder).env_clear();
    demo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    demo
}

/// Returns the names of the files in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn demo_ignores_settings_of_the_environment() {
    let folder = temp_files::folder();
    let own = folder.path().join("own");
    let mut demo = demo(folder.path());
    demo.env("TOKENWARD_DATA_DIR", &own);
    demo.env("TOKENWARD_DATABASE__URL", format!("sqlite://{}/own.db", own.display()));
    demo.env("TOKENWARD_MAIL__URL", format!("file://{}/mail", own.display()));
    demo.env("TOKENWARD_TOKEN__PREFIX", "own").env("TOKENWARD_AUTH__JWT__SECRET_FILE", "/no/such/file");
    demo.env("TOKENWARD_PUBLIC_URL", "http://localhost:9");
    let mut demo = Running(demo.stderr(Stdio::null()).spawn().unwrap());
    let guide = guide(&mut demo.0);
    assert!(guide.contains("URL='http://localhost:9'") && guide.contains("ADMIN_TOKEN='twd_"), "{guide}");
    assert_eq!(names(folder.path()), ["demo-data"]);
}

#[test]
fn incomplete_demo_data_is_created_again() {
    let folder = temp_files::folder();
    let (data, mark) = (folder.path().join("demo-data"), folder.path().join("demo-data/unfinished"));
    let mut first = Running(demo(folder.path()).stdout(Stdio::null()).spawn().unwrap());
    let mut lines = BufReader::new(first.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("100 changes created")));
    // No other start uses the same folder meanwhile, however long that takes.
    let stop = Command::new("kill").args(["-STOP", &first.0.id().to_string()]).status().unwrap();
    assert!(stop.success());
    let other = demo(folder.path()).output().unwrap();
    let why = String::from_utf8(other.stderr).unwrap();
    assert!(other.status.code() == Some(1) && why.contains("Another process is creating the data"), "{why}");
    drop(first);
    assert!(mark.exists() && data.join("tokenward.db").exists());

    let mut second = Running(demo(folder.path()).spawn().unwrap());
    let guide = guide(&mut second.0);
    assert!(guide.contains("ADMIN='"), "{guide}");
    drop(second.0.kill());
    let lines: Vec<_> = BufReader::new(second.0.stderr.take().unwrap()).lines().map(Result::unwrap).collect();
    assert!(lines[0].contains("It is created again"), "{lines:?}");
    assert!(
        lines[1].contains("Creating") && lines.iter().any(|line| line.contains("400 changes created")),
        "{lines:?}"
    );
    assert!(!mark.exists());
}

#[tokio::test]
async fn demo_that_cannot_be_served_creates_nothing() {
    let folder = temp_files::folder();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap();
    let mut demo = program();
    let refused = run_command(demo.current_dir(&folder).args(["demo", "--listen", &taken.to_string()]), "").await;
    refused.fails_with(&format!("{taken} cannot be used to listen"));
    drop(listener);
    let free = port::free();
    for (flag, value) in [("--database-url", "sqlite://own.db"), ("--config", "own.toml")] {
        let mut demo = program();
        let demo = demo.current_dir(&folder).args(["demo", "--listen", &free.to_string(), flag, value]);
        run_command(demo, "").await.fails_with(&format!("tokenward: {flag}: "));
    }
    let mut demo = program();
    let demo = demo.current_dir(&folder).args(["demo", "--listen", &free.to_string(), "--data-dir", "/etc/hostname"]);
    let refused = run_command(demo, "").await;
    refused.fails_with("/etc/hostname/jwt-secret cannot be written (not a directory)");
    refused.fails_with("--data-dir");
    assert_eq!(names(folder.path()), [""; 0]);

    // The data folder of a real service.
    run_command(program().current_dir(&folder).arg("migrate"), "").await.succeeds();
    let (own, before) = (folder.path().join("data"), names(&folder.path().join("data")));
    let mut demo = program();
    let demo = demo.current_dir(&folder).args(["demo", "--listen", &free.to_string(), "--data-dir", "data"]);
    run_command(demo, "").await.fails_with("contains data of another service");
    assert_eq!(names(&own), before);
}
