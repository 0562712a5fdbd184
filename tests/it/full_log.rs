//! Checks that the service continues when its log cannot be written.

use crate::{
    program::{Program, Serving},
    world::{
        database::{Database, Kind},
        port,
    },
};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{self, Read as _},
    process::Stdio,
    thread,
    time::Duration,
};

/// Serves with this log, and makes checks and changes until lines are dropped.
async fn continues_and_counts(log: impl Into<Stdio>, level: &str) {
    let database = Database::fresh(Kind::Sqlite, "full_log").unwrap();
    let metrics = port::free();
    let settings = [("log.level", level), ("log.format", "json"), ("metrics.listen", &metrics.to_string())];
    let program = Program::over(&database, &settings);
    program.add_organization("acme", &["ada"]);
    let create = ["token", "create", "--owner", "ada", "--organization", "acme", "--scope", "read_user"];
    let tokens = [program.run(&create), program.run(&create)];
    let mut serving = program.serve_logging_to(log).await;
    let (http, jwt) = (reqwest::Client::new(), program.jwt("ada"));
    let verify = async |token: &str| {
        http.get(program.url("/verify")).bearer_auth(token).send().await.expect("a response").status().as_u16()
    };
    let dropped = async || {
        let text = http.get(format!("http://{metrics}/metrics")).send().await.unwrap().text().await.unwrap();
        let line = text.lines().find(|line| line.starts_with("tokenward_log_lines_dropped_total ")).unwrap().to_owned();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let mut rounds = 0;
    while rounds < 20 || dropped().await < 20.0 {
        rounds += 1;
        assert!(rounds < 5_000, "no line was dropped");
        assert_eq!(verify(&tokens[0]).await, 200);
        let nothing = http.get(program.url(&format!("/nothing/{}", "x".repeat(1_000)))).send().await.unwrap();
        assert_eq!(nothing.status(), 404);
    }
    let graphql = async |query: &str| -> Value {
        let request = http.post(program.url("/graphql")).bearer_auth(&jwt).json(&json!({ "query": query }));
        request.send().await.unwrap().json().await.unwrap()
    };
    let found = graphql("{ organization(slug: \"acme\") { id } }").await;
    let organization = &found["data"]["organization"]["id"];
    let input = format!("{{description: \"one\", organizationIds: [{organization}], scopes: [\"read_user\"]}}");
    let created = graphql(&format!("mutation {{ createToken(input: {input}) {{ value }} }}")).await;
    assert_eq!(verify(created["data"]["createToken"]["value"].as_str().unwrap()).await, 200);
    let revoked = http.delete(program.url("/v2/access-token")).bearer_auth(&tokens[1]).send().await.unwrap();
    assert_eq!(revoked.status(), 204);
    assert_eq!((verify(&tokens[0]).await, verify(&tokens[1]).await), (200, 401));
    assert!(serving.is_running());
}

/// F-08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_on_a_full_disk_stops_no_check_and_no_change() {
    continues_and_counts(File::options().write(true).open("/dev/full").unwrap(), "info").await;
}

/// F-08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_with_a_closed_reader_stops_no_check_and_no_change() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    continues_and_counts(writer, "info").await;
}

/// F-08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_with_an_idle_reader_stops_no_check_and_no_change() {
    let (_reader, writer) = io::pipe().unwrap();
    continues_and_counts(writer, "debug").await;
}

/// F-08
///
/// Otherwise each line would wait for the reader, and each request for its line.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_with_a_slow_reader_delays_no_request() {
    let (mut reader, writer) = io::pipe().unwrap();
    thread::spawn(move || {
        while reader.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
            thread::sleep(Duration::from_secs(1));
        }
    });
    let run = continues_and_counts(writer, "info");
    tokio::time::timeout(Duration::from_mins(10), run).await.expect("no request waits for the log");
}

/// Serves with a log that is not read yet, and makes requests whose lines fill the pipe.
async fn with_a_queue() -> (io::PipeReader, Serving) {
    let database = Database::fresh(Kind::Sqlite, "full_log").unwrap();
    let program = Program::over(&database, &[("log.format", "json")]);
    let (reader, writer) = io::pipe().unwrap();
    let serving = program.serve_logging_to(writer).await;
    let http = reqwest::Client::new();
    for number in 0..200 {
        let path = format!("/nothing/{}-{number}-end", "x".repeat(1_000));
        assert_eq!(http.get(program.url(&path)).send().await.unwrap().status(), 404);
    }
    (reader, serving)
}

/// F-08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queued_lines_are_written_at_shutdown() {
    let (mut reader, mut serving) = with_a_queue().await;
    let reading = thread::spawn(move || {
        let mut log = String::new();
        reader.read_to_string(&mut log).map(|_| log)
    });
    serving.terminate();
    assert!(serving.exit_status(Duration::from_mins(1)).await.success());
    let log = reading.join().unwrap().unwrap();
    for number in 0..200 {
        assert!(log.contains(&format!("-{number}-end\"")), "line {number} is lost");
    }
    assert!(log.trim_end().lines().last().unwrap().contains("\"stopping\""), "{log}");
}

/// F-08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_log_does_not_prevent_shutdown() {
    let (_reader, mut serving) = with_a_queue().await;
    serving.terminate();
    assert!(serving.exit_status(Duration::from_mins(1)).await.success());
}

/// F-08
#[test]
fn command_whose_error_cannot_be_written_exits_with_1() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tokenward"));
    let command = command.args(["mail", "list"]).env("TOKENWARD_DATABASE__URL", "nonsense");
    let full = File::options().write(true).open("/dev/full").unwrap();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(full).status().unwrap();
    assert_eq!(status.code(), Some(1));
}
