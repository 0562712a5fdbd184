//! Tests of attacks that only HTTP/2 makes possible: many requests on one connection, and headers of one byte each.

use crate::{
    program::{Program, Serving},
    world::database::{Database, Kind},
};
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use hyper::{HeaderMap, Request, StatusCode, header::HeaderValue};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

const HEADERS: u8 = 1;
const DATA: u8 = 0;
const SETTINGS: u8 = 4;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn preface() -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat()
}

/// Returns the head of a sign-in whose body follows, with this number of headers `a: b`. The first head of a connection defines
/// them.
fn sign_in(stream: u32, is_first: bool, more: usize) -> Vec<u8> {
    let mut block = b"\x83\x86\x04\x08/session\x01\x01t".to_vec();
    for (name, value) in [("content-type", "application/json"), ("x-tokenward-console", "1")] {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.bytes());
        }
    }
    if is_first {
        block.extend(b"\x40\x01a\x01b");
    }
    block.extend(std::iter::repeat_n(0xBE, more));
    frame(HEADERS, END_HEADERS, stream, &block)
}

/// Sends 100 heads on a connection and reads until the service closes it.
async fn send_heads(listen: SocketAddr, headers: usize) {
    let (mut reader, mut writer) = TcpStream::connect(listen).await.unwrap().into_split();
    let mut bytes = preface();
    for number in 0..100 {
        bytes.extend(sign_in(2 * number + 1, number == 0, headers));
    }
    let reading = async {
        let mut some = [0; 4096];
        while reader.read(&mut some).await.is_ok_and(|read| read > 0) {}
    };
    let ((), _) = tokio::join!(reading, async { writer.write_all(&bytes).await });
}

async fn is_healthy(program: &Program) -> bool {
    let response = reqwest::Client::new().get(program.url("/healthz")).timeout(Duration::from_mins(1)).send().await;
    response.is_ok_and(|reply| reply.status() == 200)
}

async fn served(settings: &[(&str, &str)]) -> (Database, Program, Serving) {
    let database = Database::fresh(Kind::Sqlite, "http2").unwrap();
    let program = Program::over(&database, settings);
    let (serving, _) = program.serve().await;
    (database, program, serving)
}

///
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_of_one_byte_each_take_little_memory() {
    let (_database, program, serving) = served(&[("log.level", "warn")]).await;
    let before = serving.peak();
    // More than the library accepts, more than the service accepts, and as many as it accepts.
    for headers in [1_800, 900, 90] {
        let mut clients = JoinSet::new();
        for _ in 0..40 {
            clients.spawn(send_heads(program.listen, headers));
        }
        // Accepted requests wait for their bodies for ten seconds.
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(is_healthy(&program).await, "{headers}");
        let growth = serving.peak() - before;
        assert!(growth < 128, "{headers} headers took {growth} MiB");
    }
}

#[expect(clippy::disallowed_methods, reason = "the task ends with the test")]
async fn client(listen: SocketAddr) -> SendRequest<Bytes> {
    let (client, connection) = h2::client::handshake(TcpStream::connect(listen).await.unwrap()).await.unwrap();
    tokio::spawn(connection);
    client.ready().await.unwrap()
}

/// Sends a request and a part of a longer body.
async fn send(client: &SendRequest<Bytes>, request: Request<()>, body: usize) -> (ResponseFuture, impl Sized) {
    let (response, mut stream) = client.clone().ready().await.unwrap().send_request(request, body == 0).unwrap();
    if body > 0 {
        stream.send_data(vec![b' '; body].into(), false).unwrap();
    }
    (response, stream)
}

///
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_a_hundred_headers_are_rejected() {
    let (_database, program, _serving) = served(&[]).await;
    let client = client(program.listen).await;
    for (path, headers, expected) in [
        ("/session", 101, 431),
        ("/graphql", 101, 431),
        ("/oauth/introspect", 900, 431),
        ("/healthz", 101, 431),
        ("/healthz", 100, 200),
        ("/verify", 101, 403),
        ("/verify/v1", 101, 403),
        ("/verify-for/acme/*/v1", 101, 403),
        ("/verify", 100, 401),
    ] {
        let mut request = Request::get(program.url(path)).body(()).unwrap();
        let mut fields = HeaderMap::new();
        for _ in 0..headers {
            fields.append("a", "b".parse().unwrap());
        }
        *request.headers_mut() = fields;
        let (response, _stream) = send(&client, request, 0).await;
        let response = response.await.unwrap();
        assert_eq!(response.status(), expected, "{path}");
        let has_no_user = response.headers().get("x-token-user").is_some_and(HeaderValue::is_empty);
        assert_eq!(has_no_user, path.starts_with("/verify"), "{path}");
    }
}

///
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unfinished_bodies_of_one_connection_are_bounded() {
    let (_database, program, _serving) = served(&[("log.level", "warn")]).await;
    let full = client(program.listen).await;
    let (mut responses, mut streams) = (JoinSet::new(), Vec::new());
    for _ in 0..31 {
        let request = Request::post(program.url("/session"))
            .header("content-type", "application/json")
            .header("x-tokenward-console", "1");
        let (response, stream) = send(&full, request.body(()).unwrap(), 64 * 1024).await;
        responses.spawn(response);
        streams.push(stream);
    }
    let rejected = tokio::time::timeout(Duration::from_mins(1), responses.join_next()).await.unwrap().unwrap();
    assert_eq!(rejected.unwrap().unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    let why = "unfinished requests hold too much memory";
    assert!(program.logged().contains(why), "{}", program.logged());
    assert!(is_healthy(&program).await);
    drop((responses, streams));
}

/// F-14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withheld_bodies_make_room_when_all_connections_are_used() {
    let database = Database::fresh(Kind::Sqlite, "http2").unwrap();
    // A proxy may take all places.
    let program = Program::over(&database, &[("log.level", "warn"), ("proxy.trusted", "127.0.0.0/8")]);
    let _serving = program.serve_with_files(256 + 40).await;
    let mut clients = JoinSet::new();
    for _ in 0..50 {
        let listen = program.listen;
        clients.spawn(async move {
            let (mut reader, mut writer) = TcpStream::connect(listen).await.unwrap().into_split();
            let writing = async {
                writer.write_all(&preface()).await?;
                for stream in (1..).step_by(2) {
                    writer.write_all(&sign_in(stream, stream == 1, 0)).await?;
                    writer.write_all(&frame(DATA, 0, stream, b"{")).await?;
                    tokio::time::sleep(Duration::from_millis(8_500)).await;
                }
                std::io::Result::Ok(())
            };
            let reading = async {
                let mut some = [0; 4096];
                while reader.read(&mut some).await.is_ok_and(|read| read > 0) {}
            };
            tokio::select! {
                _ = writing => {}
                () = reading => {}
            }
        });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    assert!(is_healthy(&program).await, "no connection was free after {:?}", start.elapsed());
}
