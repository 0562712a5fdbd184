//! Kills and graceful shutdowns of the service.

use super::load::{self, Load};
use crate::{
    program::Program,
    world::{
        database::{Database, Kind},
        lateness::Lateness,
    },
};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

both!(
    /// F-01, and the first half of F-02
    async fn kill_under_load_loses_no_acknowledged_change_and_leaves_no_partial_one(database: Database) {
        let program = load::program(&database, database.url());
        let (serving, first_start) = program.serve().await;
        let load = Load::start(&program, 8).await;
        load.until(60).await;
        serving.kill();
        let results = load.stop().await;
        if database.kind() == Kind::Sqlite
            && let Some(integrity) = database.query("pragma integrity_check")
        {
            assert_eq!(integrity, "ok");
        }
        let lateness = Lateness::watched();
        let (_serving, took) = program.serve().await;
        // Other tests on the machine make every start slow.
        let limit = first_start + lateness.on_top_of(Duration::from_secs(2)).await;
        assert!(took < limit, "ready after {took:?}, limit {limit:?}");
        results.assert_consistent(&program, &database).await;
    }
);

/// Begins a request, and waits until the service asks for its body.
async fn begin_request(program: &Program, head: &str, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(program.listen).await.unwrap();
    let rest = format!("Host: t\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n");
    stream.write_all((head.to_owned() + &rest).as_bytes()).await.unwrap();
    let expected = "HTTP/1.1 100 Continue\r\n\r\n";
    let mut response = vec![0; expected.len()];
    stream.read_exact(&mut response).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&response), expected);
    stream
}

/// A request in progress is answered, and new connections are rejected.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_finishes_requests_within_ten_seconds() {
    let database = Database::fresh(Kind::Sqlite, "faults").unwrap();
    let program = Program::over(&database, &[]);
    program.add_organization("acme", &["ada"]);
    let arguments = ["token", "create", "--owner", "ada", "--organization", "acme", "--scope", "graphql"];
    let token = program.run(&arguments);
    let (mut serving, _) = program.serve().await;
    let body = json!({ "query": "{ viewer { username } }" }).to_string();
    let idle = TcpStream::connect(program.listen).await.unwrap();
    let head = format!("POST /graphql HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    let mut stream = begin_request(&program, &head, body.len()).await;
    stream.write_all(&body.as_bytes()[..5]).await.unwrap();
    let (start, lateness) = (Instant::now(), Lateness::watched());
    serving.terminate();
    while program.listens() {
        assert!(start.elapsed() < Duration::from_mins(1), "it still accepts connections");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stream.write_all(&body.as_bytes()[5..]).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    assert!(
        response.starts_with("HTTP/1.1 200 ") && response.contains(r#"{"data":{"viewer":{"username":"ada"}}"#),
        "{response}"
    );
    drop(idle);
    assert_eq!(serving.exit_status(Duration::from_mins(1)).await.code(), Some(0));
    let took = start.elapsed();
    assert!(took < lateness.on_top_of(Duration::from_secs(10)).await, "over after {took:?}");
    // The usage of that request was written before the end.
    let (_serving, _) = program.serve().await;
    let query = "{ viewer { tokens { nodes { lastRequest { path } } } } }";
    let request = reqwest::Client::new().post(program.url("/graphql")).bearer_auth(program.jwt("ada"));
    let seen = request.json(&json!({ "query": query })).send().await.unwrap();
    let seen: serde_json::Value = seen.json().await.unwrap();
    assert_eq!(seen["data"]["viewer"]["tokens"]["nodes"][0]["lastRequest"]["path"], "/graphql");
}

/// A client that never completes its request does not prevent the shutdown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_does_not_wait_forever() {
    let database = Database::fresh(Kind::Sqlite, "faults").unwrap();
    let program = Program::over(&database, &[]);
    let (mut serving, _) = program.serve().await;
    let head = "POST /oauth/introspect HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let mut stream = begin_request(&program, head, 100).await;
    stream.write_all(b"token=").await.unwrap();
    let (start, lateness) = (Instant::now(), Lateness::watched());
    serving.terminate();
    assert_eq!(serving.exit_status(Duration::from_mins(1)).await.code(), Some(0));
    let took = start.elapsed();
    assert!(took < lateness.on_top_of(Duration::from_secs(10)).await, "over after {took:?}");
}
