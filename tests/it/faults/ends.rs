//! What survives a kill, and an orderly end?

use super::load::{self, Load};
use crate::{
    program::Program,
    world::database::{Database, Kind},
};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

both!(
    /// F-01, and the first half of F-02
    async fn a_kill_under_eight_writers_loses_nothing_that_was_acknowledged_and_leaves_nothing_half_done(
        database: Database,
    ) {
        let program = load::program(&database, database.url());
        let (serving, _) = program.serve().await;
        let load = Load::start(&program, 8).await;
        load.until(60).await;
        serving.kill();
        let heard = load.stop().await;
        if database.kind() == Kind::Sqlite
            && let Some(integrity) = database.says("pragma integrity_check")
        {
            assert_eq!(integrity, "ok");
        }
        let (_serving, took) = program.serve().await;
        assert!(took < Duration::from_secs(2), "ready after {took:?}");
        heard.holds(&program, &database).await;
    }
);

/// A request that was under way is answered, and nobody new is let in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_end_lets_requests_finish_and_is_over_within_ten_seconds() {
    let database = Database::fresh(Kind::Sqlite, "faults").unwrap();
    let program = Program::over(&database, &[]);
    program.people("acme", &["ada"]);
    let arguments = ["token", "create", "--owner", "ada", "--organization", "acme", "--scope", "graphql"];
    let token = program.run(&arguments);
    let (mut serving, _) = program.serve().await;
    let body = json!({ "query": "{ viewer { username } }" }).to_string();
    let mut stream = tokio::net::TcpStream::connect(program.listen).await.unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body.as_bytes()[..5]).await.unwrap();
    let idle = tokio::net::TcpStream::connect(program.listen).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let start = Instant::now();
    serving.terminate();
    while program.listens() {
        assert!(start.elapsed() < Duration::from_secs(3), "it still lets people in");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stream.write_all(&body.as_bytes()[5..]).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#"{"data":{"viewer":{"username":"ada"}}"#),
        "{answer}"
    );
    drop(idle);
    let status = serving.ended(Duration::from_secs(10).saturating_sub(start.elapsed())).await;
    assert_eq!(status.code(), Some(0));
    // The use of that request was written before the end.
    let (_serving, _) = program.serve().await;
    let query = "{ viewer { tokens { nodes { lastRequest { path } } } } }";
    let request = reqwest::Client::new().post(program.url("/graphql")).bearer_auth(program.jwt("ada"));
    let seen = request.json(&json!({ "query": query })).send().await.unwrap();
    let seen: serde_json::Value = seen.json().await.unwrap();
    assert_eq!(seen["data"]["viewer"]["tokens"]["nodes"][0]["lastRequest"]["path"], "/graphql");
}

/// A client that never ends its request does not keep the service from ending.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_end_does_not_wait_for_ever() {
    let database = Database::fresh(Kind::Sqlite, "faults").unwrap();
    let program = Program::over(&database, &[]);
    let (mut serving, _) = program.serve().await;
    let mut stream = tokio::net::TcpStream::connect(program.listen).await.unwrap();
    let head = "POST /oauth/introspect HTTP/1.1\r\nHost: t\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                Content-Length: 100\r\n\r\ntoken=";
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    serving.terminate();
    assert_eq!(serving.ended(Duration::from_secs(10)).await.code(), Some(0));
}
