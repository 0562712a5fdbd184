//! Does a client that is slow, or sends too much, harm anybody else? It is given up, and takes no memory that would not be
//! given back.

use crate::{
    program::{Program, Serving},
    world::{
        database::{Database, Kind},
        lateness::Lateness,
    },
};
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

/// The ways of being slow.
#[derive(Debug, Clone, Copy)]
enum Slow {
    Silent,
    Headers,
    Body,
    /// Asks for much and takes it by drops.
    Reader,
    /// Speaks HTTP/2, and then nothing.
    Preface,
}

impl Slow {
    fn begins(self) -> Vec<u8> {
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

    /// Goes on until the service is fed up with it.
    async fn go_on(self, listen: SocketAddr, begun: Arc<AtomicUsize>) {
        let socket = TcpSocket::new_v4().unwrap();
        if matches!(self, Self::Reader) {
            socket.set_recv_buffer_size(4096).unwrap();
        }
        let mut stream = socket.connect(listen).await.unwrap();
        let told = stream.write_all(&self.begins()).await;
        begun.fetch_add(1, Ordering::Relaxed);
        if told.is_err() {
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

/// How many sockets and files a process has open.
fn handles(serving: &Serving) -> usize {
    fs::read_dir(serving.about("fd")).unwrap().count()
}

/// How many connections of each kind this machine lets a test have.
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

/// One request on a connection of its own, or on one that is there.
async fn probe(stream: &mut TcpStream, path: &str) -> String {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: t\r\n\r\n").as_bytes()).await.expect("a connection");
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

/// F-14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_slow_clients_of_each_kind_harm_no_probe_and_are_given_up() {
    let database = Database::fresh(Kind::Sqlite, "slow").unwrap();
    let program = Program::over(&database, &[("log.level", "warn")]);
    let (serving, _) = program.serve().await;
    let mut kept = TcpStream::connect(program.listen).await.unwrap();
    let (asked_last, lateness) = (Instant::now(), Lateness::watched());
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
    let (start, mut most) = (Instant::now(), 0);
    while begun.load(Ordering::Relaxed) < slow.len() {
        assert!(start.elapsed() < Duration::from_mins(2), "only {begun:?} of them came in");
        tokio::time::sleep(Duration::from_millis(20)).await;
        most = most.max(handles(&serving));
    }
    assert!(most > before + number, "hardly any was let in: {most}");
    let all = Instant::now();
    let mut times = Vec::new();
    while handles(&serving) > before + 20 {
        // Within thirty when nothing else runs; other tests share the machine.
        assert!(all.elapsed() < Duration::from_secs(90), "{} are still there", handles(&serving) - before);
        for path in ["/healthz", "/readyz"] {
            let asked = Instant::now();
            let mut stream = TcpStream::connect(program.listen).await.unwrap();
            let answer = probe(&mut stream, path).await;
            times.push(asked.elapsed());
            // A machine that stood still for long kept the database from answering in time.
            let stood_still = lateness.on_top_of(Duration::ZERO).await > Duration::from_millis(500);
            let late = path == "/readyz" && stood_still && answer.starts_with("HTTP/1.1 503");
            assert!(late || answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    times.sort_unstable();
    // A probe now and then may wait for a machine that has other things to do.
    assert!(times[times.len() / 2] < lateness.on_top_of(Duration::from_secs(1)).await, "{times:?}");
    assert!(times[times.len() - 1] < lateness.on_top_of(Duration::from_secs(5)).await, "{times:?}");
    // Whoever owes nothing is kept, for longer than balancers keep theirs. Where all this took longer still, nobody knows.
    if asked_last.elapsed() < Duration::from_mins(1) {
        assert!(probe(&mut kept, "/healthz").await.starts_with("HTTP/1.1 200"));
    }
}

/// F-14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_all_places_are_taken_the_slow_and_the_idle_make_room() {
    let database = Database::fresh(Kind::Sqlite, "slow").unwrap();
    let program = Program::over(&database, &[("log.level", "warn")]);
    let serving = program.serve_with_files(256 + 40).await;
    let mut idle = Vec::new();
    for _ in 0..60 {
        let mut stream = TcpStream::connect(program.listen).await.unwrap();
        // Those for whom there is a place are served, and the others wait.
        let _ = tokio::time::timeout(Duration::from_millis(200), probe(&mut stream, "/healthz")).await;
        idle.push(stream);
    }
    assert!(handles(&serving) < 100, "{} handles", handles(&serving));
    let start = Instant::now();
    let mut stream = TcpStream::connect(program.listen).await.unwrap();
    assert!(probe(&mut stream, "/readyz").await.starts_with("HTTP/1.1 200"));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

/// The most memory that a process ever had, in KiB.
fn peak(serving: &Serving) -> u64 {
    let status = fs::read_to_string(serving.about("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim_end_matches("kB").trim().parse().unwrap()
}

/// Sends 50 MB in chunks, or what the service takes of it.
async fn floods(listen: SocketAddr, head: String) -> usize {
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
async fn two_hundred_bodies_of_fifty_megabytes_take_hardly_any_memory() {
    let database = Database::fresh(Kind::Sqlite, "slow").unwrap();
    let program = Program::over(&database, &[("log.level", "warn")]);
    program.people("acme", &["ada"]);
    let token = program.run(&["token", "create", "--owner", "ada", "--organization", "acme", "--scope", "graphql"]);
    let (serving, _) = program.serve().await;
    let doors = [
        format!("POST /graphql HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"),
        "POST /oauth/introspect HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n".into(),
        format!("POST /verify HTTP/1.1\r\nAuthorization: Bearer {token}\r\n"),
        format!("DELETE /v2/access-token HTTP/1.1\r\nAuthorization: Bearer {token}x\r\n"),
    ];
    let head = |index: usize| doors[index % 4].clone() + "Host: t\r\nTransfer-Encoding: chunked\r\n\r\n";
    // What every connection costs once is no growth.
    for index in 0..4 {
        floods(program.listen, head(index)).await;
    }
    let before = peak(&serving);
    let mut clients = JoinSet::new();
    for index in 0..200 {
        clients.spawn(floods(program.listen, head(index)));
    }
    let sent = clients.join_all().await;
    let grown = peak(&serving).saturating_sub(before);
    assert!(grown < 64 * 1024, "it took {grown} KiB more");
    assert!(sent.iter().all(|sent| *sent < 50_000_000), "a body was read to its end: {sent:?}");
    let mut stream = TcpStream::connect(program.listen).await.unwrap();
    assert!(probe(&mut stream, "/readyz").await.starts_with("HTTP/1.1 200"));
}
