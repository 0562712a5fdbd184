//! Checks that slow clients and large requests harm no other client: their connections are closed, and their memory is bounded.

use crate::{
    program::{Program, Serving},
    world::{
        database::{Database, Kind},
        lateness::Lateness,
    },
};
use h2::client::SendRequest;
use hyper::Request;
use serde_json::{Value, json};
use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};

/// The ways in which a client is slow.
#[derive(Debug, Clone, Copy)]
enum Slow {
    Silent,
    Headers,
    Body,
    /// Requests a lot and reads it slowly.
    Reader,
    /// Sends the preface of HTTP/2, and then nothing.
    Preface,
}

impl Slow {
    fn first_bytes(self) -> Vec<u8> {
        match self {
            Self::Silent => Vec::new(),
            Self::Headers => b"GET /healthz HTTP/1.1\r\nHost: t\r\nX-Slow: ".to_vec(),
            Self::Body => {
                let kind = "Content-Type: application/x-www-form-urlencoded";
                format!("POST /oauth/introspect HTTP/1.1\r\nHost: t\r\n{kind}\r\nContent-Length: 1000\r\n\r\n").into()
            }
            Self::Reader => "GET /schema.graphql HTTP/1.1\r\nHost: t\r\n\r\n".repeat(64).into(),
            Self::Preface => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        }
    }

    /// Continues until the service closes the connection.
    async fn go_on(self, listen: SocketAddr, begun: Arc<AtomicUsize>) {
        let socket = TcpSocket::new_v4().unwrap();
        // Each kind uses another network: one network may have a quarter of the connections.
        socket.bind(SocketAddr::from(([127, 0, 0, 2 + self as u8], 0))).unwrap();
        if matches!(self, Self::Reader) {
            socket.set_recv_buffer_size(4096).unwrap();
        }
        let mut stream = socket.connect(listen).await.unwrap();
        let result = stream.write_all(&self.first_bytes()).await;
        begun.fetch_add(1, Ordering::Relaxed);
        if result.is_err() {
            return;
        }
        let mut drops = [0; 64];
        loop {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let over = match self {
                Self::Headers | Self::Body => stream.write_all(b"x").await.is_err(),
                Self::Reader => stream.read(&mut drops).await.is_ok_and(|read| read == 0),
                Self::Silent | Self::Preface => false,
            };
            if over {
                return;
            }
        }
    }
}

/// Returns the number of open file descriptors of a process.
fn handles(serving: &Serving) -> usize {
    fs::read_dir(serving.about("fd")).unwrap().count()
}

/// Returns the number of connections of each kind that the limits of this machine allow.
fn number(kinds: usize) -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let files = line.split_whitespace().nth(3).unwrap().parse().unwrap_or(usize::MAX);
    let number = 2_000.min(files.saturating_sub(1_000) / kinds);
    if number < 2_000 {
        let _ = writeln!(std::io::stderr(), "{number} slow connections of each kind instead of 2,000: ulimit -n");
    }
    number
}

/// Sends one request on this connection and returns the response.
async fn probe(stream: &mut TcpStream, path: &str) -> String {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: t\r\n\r\n").as_bytes()).await.expect("a connection");
    let mut response = vec![0; 4096];
    let read = stream.read(&mut response).await.expect("a response");
    String::from_utf8_lossy(&response[..read]).into_owned()
}

/// F-14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_clients_are_closed_and_delay_no_probe() {
    let database = Database::fresh(Kind::Sqlite, "slow").unwrap();
    let program = Program::over(&database, &[("log.level", "warn")]);
    let (serving, _) = program.serve().await;
    let mut kept = TcpStream::connect(program.listen).await.unwrap();
    let (last_use, lateness) = (Instant::now(), Lateness::watched());
    assert!(probe(&mut kept, "/healthz").await.starts_with("HTTP/1.1 200"));
    let before = handles(&serving);
    let kinds = [Slow::Headers, Slow::Body, Slow::Reader];
    let number = number(kinds.len());
    let all_kinds = kinds.into_iter().flat_map(|kind| std::iter::repeat_n(kind, number));
    let few = [Slow::Silent, Slow::Preface].into_iter().flat_map(|kind| std::iter::repeat_n(kind, 100));
    let (mut slow, begun) = (JoinSet::new(), Arc::<AtomicUsize>::default());
    for kind in all_kinds.chain(few) {
        slow.spawn(kind.go_on(program.listen, Arc::clone(&begun)));
    }
    let (start, mut limit) = (Instant::now(), 0);
    while begun.load(Ordering::Relaxed) < slow.len() {
        assert!(start.elapsed() < Duration::from_mins(2), "only {begun:?} clients connected");
        tokio::time::sleep(Duration::from_millis(20)).await;
        limit = limit.max(handles(&serving));
    }
    assert!(limit > before + number, "too few connections were accepted: {limit}");
    let all = Instant::now();
    let mut times = Vec::new();
    while handles(&serving) > before + 20 {
        // Within thirty seconds if nothing else runs; other tests share the machine.
        assert!(all.elapsed() < Duration::from_secs(90), "{} connections are still open", handles(&serving) - before);
        for path in ["/healthz", "/readyz"] {
            let begun = Instant::now();
            let mut stream = TcpStream::connect(program.listen).await.unwrap();
            let response = probe(&mut stream, path).await;
            times.push(begun.elapsed());
            // If the machine stalls, the database does not respond in time.
            let stood_still = lateness.on_top_of(Duration::ZERO).await > Duration::from_millis(500);
            let late = path == "/readyz" && stood_still && response.starts_with("HTTP/1.1 503");
            assert!(late || response.starts_with("HTTP/1.1 200"), "{path}: {response}");
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    times.sort_unstable();
    // Single probes may wait for a busy machine.
    assert!(times[times.len() / 2] < lateness.on_top_of(Duration::from_secs(1)).await, "{times:?}");
    assert!(times[times.len() - 1] < lateness.on_top_of(Duration::from_secs(5)).await, "{times:?}");
    // An idle connection is kept, for longer than load balancers keep theirs. If the test took longer than that, this is not
    // checked.
    if last_use.elapsed() < Duration::from_mins(1) {
        assert!(probe(&mut kept, "/healthz").await.starts_with("HTTP/1.1 200"));
    }
}

/// F-14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_and_idle_connections_make_room_at_the_limit() {
    let database = Database::fresh(Kind::Sqlite, "slow").unwrap();
    // A proxy may take all places.
    let program = Program::over(&database, &[("log.level", "warn"), ("proxy.trusted", "127.0.0.0/8")]);
    let serving = program.serve_with_files(256 + 40).await;
    let mut idle = Vec::new();
    for _ in 0..60 {
        let mut stream = TcpStream::connect(program.listen).await.unwrap();
        // Clients within the limit are served, the others wait.
        let _ = tokio::time::timeout(Duration::from_millis(200), probe(&mut stream, "/healthz")).await;
        idle.push(stream);
    }
    assert!(handles(&serving) < 100, "{} handles", handles(&serving));
    let start = Instant::now();
    let mut stream = TcpStream::connect(program.listen).await.unwrap();
    assert!(probe(&mut stream, "/readyz").await.starts_with("HTTP/1.1 200"));
    // Idle connections are kept for longer than a minute if there is room.
    assert!(start.elapsed() < Duration::from_mins(1), "{:?}", start.elapsed());
}

/// Returns the peak memory of a process, in KiB.
fn peak(serving: &Serving) -> u64 {
    let status = fs::read_to_string(serving.about("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim_end_matches("kB").trim().parse().unwrap()
}

/// Sends 50 MB in chunks, or as much as the service reads.
async fn flood(listen: SocketAddr, head: String) -> usize {
    let mut stream = TcpStream::connect(listen).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
    let mut sent = 0;
    if stream.write_all(head.as_bytes()).await.is_ok() {
        while sent < 50_000_000 && stream.write_all(chunk.as_bytes()).await.is_ok() {
            sent += chunk.len();
        }
    }
    sent
}

///
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_take_little_memory() {
    let database = Database::fresh(Kind::Sqlite, "slow").unwrap();
    let program = Program::over(&database, &[("log.level", "warn")]);
    program.add_organization("acme", &["ada"]);
    let token = program.run(&["token", "create", "--owner", "ada", "--organization", "acme", "--scope", "graphql"]);
    let (serving, _) = program.serve().await;
    let endpoints = [
        format!("POST /graphql HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"),
        "POST /oauth/introspect HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n".into(),
        format!("POST /verify HTTP/1.1\r\nAuthorization: Bearer {token}\r\n"),
        format!("DELETE /v2/access-token HTTP/1.1\r\nAuthorization: Bearer {token}x\r\n"),
    ];
    let head = |index: usize| endpoints[index % 4].clone() + "Host: t\r\nTransfer-Encoding: chunked\r\n\r\n";
    // The one-time costs of the connections are not counted.
    for index in 0..4 {
        flood(program.listen, head(index)).await;
    }
    let before = peak(&serving);
    let mut clients = JoinSet::new();
    for index in 0..200 {
        clients.spawn(flood(program.listen, head(index)));
    }
    let sent = clients.join_all().await;
    let growth = peak(&serving).saturating_sub(before);
    assert!(growth < 64 * 1024, "the peak grew by {growth} KiB");
    assert!(sent.iter().all(|sent| *sent < 50_000_000), "a body was read completely: {sent:?}");
    let mut stream = TcpStream::connect(program.listen).await.unwrap();
    assert!(probe(&mut stream, "/readyz").await.starts_with("HTTP/1.1 200"));
}

/// Prepares a large response to one GraphQL query; returns the owner's JWT and the query.
async fn large_response(program: &Program) -> (String, String) {
    program.add_organization("acme", &["ada"]);
    let (jwt, http) = (program.jwt("ada"), reqwest::Client::new());
    let graphql = async |query: &str| -> Value {
        let request = http.post(program.url("/graphql")).bearer_auth(&jwt).json(&json!({ "query": query }));
        request.send().await.unwrap().json().await.unwrap()
    };
    let found = graphql("{ organization(slug: \"acme\") { id } }").await;
    let organization = found["data"]["organization"]["id"].as_str().unwrap().to_owned();
    let description = "\u{1F511}".repeat(255);
    let input =
        format!("{{description: \"{description}\", organizationIds: [\"{organization}\"], scopes: [\"read_user\"]}}");
    let twenty: Vec<_> = (0..20).map(|n| format!("m{n}: createToken(input: {input}) {{ token {{ id }} }}")).collect();
    let twenty = twenty.join(" ");
    for _ in 0..5 {
        let reply = graphql(&format!("mutation {{ {twenty} }}")).await;
        assert!(reply.get("errors").is_none(), "{reply}");
    }
    let aliases = (0..30).map(|n| format!("a{n}: description")).collect::<Vec<_>>().join(" ");
    (jwt, format!("{{ viewer {{ tokens(first: 100) {{ nodes {{ {aliases} }} }} }} }}"))
}

/// Copies each token, its grants and their usage a hundred times, directly in the database.
const COPIES: &str = "PRAGMA busy_timeout = 30000;
    CREATE TEMP TABLE copies AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
        SELECT tokens.*, tokens.id AS origin FROM tokens, n;
    UPDATE copies SET id = randomblob(16);
    CREATE TEMP TABLE opened AS SELECT grants.*, grants.id AS origin, copies.id AS copy
        FROM grants JOIN copies ON copies.origin = grants.token_id;
    UPDATE opened SET id = randomblob(16), token_id = copy;
    CREATE TEMP TABLE usage AS SELECT grant_usage.*, opened.id AS copy, opened.token_id AS token
        FROM grant_usage JOIN opened ON opened.origin = grant_usage.grant_id;
    UPDATE usage SET grant_id = copy, token_id = token;
    ALTER TABLE copies DROP COLUMN origin;
    ALTER TABLE opened DROP COLUMN origin;
    ALTER TABLE opened DROP COLUMN copy;
    ALTER TABLE usage DROP COLUMN copy;
    ALTER TABLE usage DROP COLUMN token;
    BEGIN;
    INSERT INTO tokens SELECT * FROM copies;
    INSERT INTO grants SELECT * FROM opened;
    INSERT INTO grant_usage SELECT * FROM usage;
    COMMIT;
    SELECT count(*) FROM grant_usage;";

/// The size of that response.
const LARGE: usize = 100 * 30 * 255 * 4;

/// Opens an HTTP/2 connection with this window for each response.
#[expect(clippy::disallowed_methods, reason = "the task ends with the test")]
async fn http2(listen: SocketAddr, window: u32) -> SendRequest<bytes::Bytes> {
    let stream = TcpStream::connect(listen).await.unwrap();
    let (client, connection) = h2::client::Builder::new().initial_window_size(window).handshake(stream).await.unwrap();
    tokio::spawn(connection);
    client.ready().await.unwrap()
}

fn request_to(
    program: &Program,
    path: &str,
    credential: &str,
    body: Option<&str>,
) -> (Request<()>, Option<bytes::Bytes>) {
    let body = body.map(|query| bytes::Bytes::from(json!({ "query": query }).to_string()));
    let request = Request::builder()
        .method(if body.is_some() { "POST" } else { "GET" })
        .uri(program.url(path))
        .header("authorization", format!("Bearer {credential}"))
        .header("content-type", "application/json");
    (request.body(()).unwrap(), body)
}

/// Sends an HTTP/2 request and waits for the head of the response.
async fn respond(
    client: &SendRequest<bytes::Bytes>,
    (request, body): (Request<()>, Option<bytes::Bytes>),
) -> hyper::Response<h2::RecvStream> {
    let (response, mut stream) = client.clone().ready().await.unwrap().send_request(request, body.is_none()).unwrap();
    if let Some(body) = body {
        stream.send_data(body, true).unwrap();
    }
    response.await.unwrap()
}

/// F-14
///
/// The window is that of single responses: those of which nothing is read are reset after half a minute, and the connection and
/// its other responses continue.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_responses_hold_bounded_memory() {
    let database = Database::fresh(Kind::Sqlite, "slow").unwrap();
    let program = Program::over(&database, &[("log.level", "warn")]);
    let (serving, _) = program.serve().await;
    let (jwt, query) = large_response(&program).await;
    let token = program.run(&["token", "create", "--owner", "ada", "--organization", "acme", "--scope", "read_user"]);
    let client = http2(program.listen, 0).await;
    let begun = Instant::now();
    let (mut held, mut refused) = (Vec::new(), 0);
    for _ in 0..6 {
        let response = respond(&client, request_to(&program, "/graphql", &jwt, Some(&query))).await;
        match response.status().as_u16() {
            200 => held.push(response.into_body()),
            503 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(begun.elapsed() > Duration::from_secs(25) || (held.len(), refused) == (2, 4), "{} held", held.len());
    // The responses to changes have a separate limit, or no change could be returned.
    let change = "mutation { updateProfile(input: {name: \"ada\"}) { user { id } } }";
    assert_eq!(respond(&client, request_to(&program, "/graphql", &jwt, Some(change))).await.status(), 200);
    // A new connection has its own limit.
    let other = http2(program.listen, 0).await;
    assert_eq!(respond(&other, request_to(&program, "/graphql", &jwt, Some(&query))).await.status(), 200);
    let mut resets = JoinSet::new();
    for mut body in held {
        resets.spawn(async move { body.data().await.unwrap().unwrap_err() });
    }
    // Other requests of the client do not count as reading.
    while !resets.is_empty() {
        assert!(begun.elapsed() < Duration::from_mins(2), "the responses are still held");
        assert_eq!(respond(&client, request_to(&program, "/verify", &token, None)).await.status(), 200);
        while let Some(reset) = resets.try_join_next() {
            assert!(reset.unwrap().is_reset(), "only the stream is reset");
            assert!(begun.elapsed() > Duration::from_secs(29), "{:?}", begun.elapsed());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let again = respond(&client, request_to(&program, "/graphql", &jwt, Some(&query))).await;
    assert_eq!(again.status(), 200, "the memory of the reset responses is free");
    assert!(serving.peak() < 200, "the peak is {} MiB", serving.peak());
}

/// Returns whether the service has not closed its end of the connection with this client.
fn is_held(listen: SocketAddr, client: SocketAddr) -> bool {
    let ends = [listen, client].map(|end| format!(":{:04X}", end.port()));
    fs::read_to_string("/proc/net/tcp").unwrap().lines().any(|line| {
        let words: Vec<_> = line.split_whitespace().take(4).collect();
        matches!(words[..], [_, here, there, "01"] if here.ends_with(&ends[0]) && there.ends_with(&ends[1]))
    })
}

/// F-14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_reader_is_closed_and_fast_reader_gets_everything() {
    // The system buffers up to four megabytes for a client.
    const TABLE: usize = 100 * 100 * 255 * 4;
    let database = Database::fresh(Kind::Sqlite, "slow").unwrap();
    let program = Program::over(&database, &[("log.level", "warn")]);
    let (_serving, _) = program.serve().await;
    let (jwt, query) = large_response(&program).await;
    let Some(rows) = database.query(COPIES) else { return };
    assert!(rows.ends_with("10100"), "{rows}");
    let body = json!({ "query": query }).to_string();
    let post = |path: &str, body: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {jwt}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len(),
        )
    };
    let mut slow = JoinSet::new();
    for (request, limit) in
        [(post("/graphql", &body), LARGE / 4), (post("/organizations/acme/tokens.csv", "{}"), TABLE / 2)]
    {
        let listen = program.listen;
        slow.spawn(async move {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(4096).unwrap();
            let mut stream = socket.connect(listen).await.unwrap();
            let client = stream.local_addr().unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let (mut taken, mut some) = (0, [0; 2048]);
            loop {
                match stream.read(&mut some).await {
                    Ok(0) | Err(_) => return (taken, limit),
                    Ok(read) => taken += read,
                }
                // Data that the system still buffers after the service has closed its end can be read at once.
                if is_held(listen, client) {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        });
    }
    let http = reqwest::Client::new();
    let fast = http.post(program.url("/graphql")).bearer_auth(&jwt).header("content-type", "application/json");
    let text = fast.body(body).send().await.unwrap().text().await.unwrap();
    assert!(text.len() > LARGE && text.ends_with('}'), "{} bytes", text.len());
    let csv = http.post(program.url("/organizations/acme/tokens.csv")).bearer_auth(&jwt).json(&json!({}));
    let csv = csv.send().await.unwrap().text().await.unwrap();
    assert!(csv.len() > TABLE && csv.ends_with("\r\n"), "{} bytes", csv.len());
    let mut http2 =
        respond(&http2(program.listen, 0xFFFF).await, request_to(&program, "/graphql", &jwt, Some(&query))).await;
    let mut length = 0;
    while let Some(data) = http2.body_mut().data().await {
        let data = data.unwrap();
        length += data.len();
        http2.body_mut().flow_control().release_capacity(data.len()).unwrap();
    }
    assert_eq!(length, text.len());
    let taken =
        tokio::time::timeout(Duration::from_mins(4), slow.join_all()).await.expect("all slow connections are closed");
    assert!(taken.iter().all(|(taken, limit)| taken < limit), "{taken:?}");
}
