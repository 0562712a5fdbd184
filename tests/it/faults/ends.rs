//! What survives a kill, and an orderly end?

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
    async fn a_kill_under_eight_writers_loses_nothing_that_was_acknowledged_and_leaves_nothing_half_done(
        database: Database,
    ) {
        let program = load::program(&database, database.url());
        let (serving, usual) = program.serve().await;
        let load = Load::start(&program, 8).await;
        load.until(60).await;
        serving.kill();
        let heard = load.stop().await;
        if database.kind() == Kind::Sqlite
            && let Some(integrity) = database.query("pragma integrity_check")
        {
            assert_eq!(integrity, "ok");
        }
        let lateness = Lateness::watched();
        let (_serving, took) = program.serve().await;
        // Other tests share the machine, which makes every start slow.
        let most = usual + lateness.on_top_of(Duration::from_secs(2)).await;
        assert!(took < most, "ready after {took:?}, and no more than {most:?}");
        heard.holds(&program, &database).await;
    }
);

/// Begins a request, and waits until the service wants its body.
async fn under_way(program: &Program, head: &str, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(program.listen).await.unwrap();
    let rest = format!("Host: t\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n");
    stream.write_all((head.to_owned() + &rest).as_bytes()).await.unwrap();
    let expected = "HTTP/1.1 100 Continue\r\n\r\n";
    let mut answer = vec![0; expected.len()];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), expected);
    stream
}

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
    let idle = TcpStream::connect(program.listen).await.unwrap();
    let head = format!("POST /graphql HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    let mut stream = under_way(&program, &head, body.len()).await;
    stream.write_all(&body.as_bytes()[..5]).await.unwrap();
    let (start, lateness) = (Instant::now(), Lateness::watched());
    serving.terminate();
    while program.listens() {
        assert!(start.elapsed() < Duration::from_mins(1), "it still lets people in");
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
    assert_eq!(serving.ended(Duration::from_mins(1)).await.code(), Some(0));
    let took = start.elapsed();
    assert!(took < lateness.on_top_of(Duration::from_secs(10)).await, "over after {took:?}");
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
    let head = "POST /oauth/introspect HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let mut stream = under_way(&program, head, 100).await;
    stream.write_all(b"token=").await.unwrap();
    let (start, lateness) = (Instant::now(), Lateness::watched());
    serving.terminate();
    assert_eq!(serving.ended(Duration::from_mins(1)).await.code(), Some(0));
    let took = start.elapsed();
    assert!(took < lateness.on_top_of(Duration::from_secs(10)).await, "over after {took:?}");
}
