//! Responses that are sent before the request body was read: the client gets the response, and no connection reset.

use super::unknown;
use crate::world::World;
use futures_util::future::join_all;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const JSON: &str = "Content-Type: application/json\r\n";
const TEXT: &str = "Content-Type: text/plain\r\n";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const MAX_ATTEMPTS: usize = 20;

/// Returns requests that are answered from their heads alone, on every route: the status, the request line, and headers.
fn early() -> Vec<(u16, String, String)> {
    let mut all: Vec<_> = [
        (401, "POST /graphql", JSON),
        (401, "POST /organizations/acme/tokens.csv", JSON),
        (401, "GET /v2/access-token", JSON),
        (401, "DELETE /v2/access-token", FORM),
        (401, "DELETE /session", JSON),
        (401, "POST /session/confirm", JSON),
        (401, "POST /verify", JSON),
        (401, "PUT /verify/v1/builds", JSON),
        (403, "POST /session", JSON),
        (403, "POST /invitations/x", JSON),
        (404, "POST /nothing", JSON),
        (405, "POST /healthz", JSON),
        (405, "POST /readyz", JSON),
        (405, "POST /", JSON),
        (405, "PUT /graphql", JSON),
        (405, "POST /graphiql", JSON),
        (405, "POST /openapi.json", JSON),
        (405, "POST /schema.graphql", JSON),
        (405, "PUT /v2/access-token", JSON),
        (405, "PUT /oauth/revoke", JSON),
        (405, "POST /.well-known/oauth-authorization-server", JSON),
        (406, "POST /graphql", "Accept: text/html\r\nContent-Type: application/json\r\n"),
        (415, "POST /oauth/introspect", TEXT),
        (415, "POST /oauth/revoke", TEXT),
        (200, "GET /healthz", JSON),
        (200, "GET /openapi.json", JSON),
    ]
    .map(|(status, line, headers)| (status, line.to_owned(), headers.to_owned()))
    .into();
    all.push((414, format!("POST /session?{}", "x".repeat(9 * 1024)), JSON.into()));
    all.push((431, "POST /session".into(), format!("X-Large: {}\r\n", "x".repeat(33 * 1024))));
    all
}

/// Reads one response and returns its head in lower case.
async fn response(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a response, and no reset"));
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    stream.read_exact(&mut vec![0; length.parse().unwrap()]).await.expect("a body");
    head
}

fn is(status: u16, head: &str, what: &str) {
    assert!(head.starts_with(&format!("http/1.1 {status} ")), "{what}: {head}");
}

/// Sends small bodies after their heads. Returns whether the connection then serves the next request; otherwise it was closed
/// as the response announced.
async fn is_kept(listen: SocketAddr, (status, line, headers): &(u16, String, String)) -> bool {
    let mut stream = TcpStream::connect(listen).await.unwrap();
    for _ in 0..2 {
        let head = format!("{line} HTTP/1.1\r\nHost: t\r\n{headers}Content-Length: 5000\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
        stream.write_all(&[b'x'; 5000]).await.unwrap();
        let head = response(&mut stream).await;
        is(*status, &head, line);
        if head.contains("\nconnection: close") {
            assert_eq!(stream.read(&mut [0]).await.expect("no reset"), 0, "{line}");
            return false;
        }
    }
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n").await.unwrap();
    is(200, &response(&mut stream).await, "the next request");
    true
}

/// Returns whether one of several attempts succeeds: a small body has half a second, which a slow machine may exceed.
async fn is_ever_kept(listen: SocketAddr, case: &(u16, String, String)) -> bool {
    for _ in 0..MAX_ATTEMPTS {
        if is_kept(listen, case).await {
            return true;
        }
    }
    false
}

/// Asserts that the response announces the end of the connection if the body is not sent, waits for `100 Continue`, or is large.
async fn assert_closes(listen: SocketAddr, (status, line, headers): (u16, String, String)) {
    for (more, before, after) in [
        ("Content-Length: 5000\r\n", 0, 5000),
        ("Content-Length: 5000\r\nExpect: 100-continue\r\n", 0, 0),
        ("Content-Length: 300000\r\n", 300_000, 0),
        ("Content-Length: 300000\r\n", 0, 0),
    ] {
        let mut stream = TcpStream::connect(listen).await.unwrap();
        let head = format!("{line} HTTP/1.1\r\nHost: t\r\n{headers}{more}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b'x'; before]).await.expect("no reset");
        let head = response(&mut stream).await;
        is(status, &head, &line);
        assert!(head.contains("\nconnection: close\r\n"), "{line}, {more}: {head}");
        stream.write_all(&vec![b'x'; after]).await.expect("no reset");
        assert_eq!(stream.read(&mut [0]).await.expect("no reset"), 0, "{line}");
    }
}

both!(
    ///
    async fn early_response_reaches_the_client_without_a_reset(world: World) {
        for _ in 0..60 {
            world.bearer(&unknown()).get("/v2/access-token").await;
        }
        let mut all = early();
        let authorization = format!("Authorization: Bearer {}\r\n", unknown());
        all.push((429, "DELETE /v2/access-token".into(), authorization));
        let listen = world.config.listen;
        let kept = join_all(all.iter().map(|one| is_ever_kept(listen, one))).await;
        let ended: Vec<_> = all.iter().zip(kept).filter(|(_, kept)| !kept).map(|((_, line, _), _)| line).collect();
        assert_eq!(ended, [""; 0], "these connections were closed");
        all.push((413, "POST /oauth/introspect".into(), FORM.into()));
        let large_only = all.pop().unwrap();
        join_all(all.into_iter().map(|one| assert_closes(listen, one))).await;
        let (status, line, headers) = large_only;
        let mut stream = TcpStream::connect(listen).await.unwrap();
        let head = format!("{line} HTTP/1.1\r\nHost: t\r\n{headers}Content-Length: 300000\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b'x'; 300_000]).await.expect("no reset");
        let head = response(&mut stream).await;
        is(status, &head, &line);
        assert!(head.contains("\nconnection: close\r\n"), "{head}");
        let ended = tokio::time::timeout(Duration::from_mins(1), stream.read(&mut [0])).await;
        assert_eq!(ended.expect("the end of the connection").expect("no reset"), 0);
        // A body with a declared length over the limit is not awaited, otherwise this would be 503.
        let mut stream = TcpStream::connect(listen).await.unwrap();
        let head = format!("{line} HTTP/1.1\r\nHost: t\r\n{FORM}Content-Length: 300000\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        is(413, &response(&mut stream).await, "a body that is not sent");
    }
);

both!(
    ///
    async fn response_to_a_malformed_body_announces_the_end_of_the_connection(world: World) {
        for (line, headers) in [
            ("POST /session", "Content-Type: application/json\r\nX-Tokenward-Console: 1\r\n"),
            ("POST /oauth/introspect", FORM),
        ] {
            let mut stream = TcpStream::connect(world.config.listen).await.unwrap();
            let head = format!("{line} HTTP/1.1\r\nHost: t\r\n{headers}Transfer-Encoding: chunked\r\n\r\nnonsense\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let head = response(&mut stream).await;
            is(400, &head, line);
            assert!(head.contains("\nconnection: close\r\n"), "{line}: {head}");
            assert_eq!(stream.read(&mut [0]).await.expect("no reset"), 0, "{line}");
        }
    }
);
