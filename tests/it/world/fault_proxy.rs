//! A PostgreSQL proxy that replaces one statement of a transaction with an error.
//!
//! The server itself raises the error, so that its transaction really fails. The proxy knows only where a message of the
//! protocol ends and which messages the server answers with "ready": a simple query, or the sync after a prepared statement.

use super::database::Database;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, Result, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinSet,
};
use url::Url;

/// The errors that the proxy injects.
#[derive(Debug, Default)]
struct Injection {
    position: usize,
    states: &'static [&'static str],
    refused: usize,
}

/// A proxy of a PostgreSQL database; dropping it closes its connections.
pub(crate) struct FaultProxy {
    listen: SocketAddr,
    url: Url,
    injection: Arc<Mutex<Injection>>,
    _accepting: JoinSet<()>,
}

impl FaultProxy {
    /// Starts a proxy of a database.
    pub(crate) async fn to(database: &Database) -> Self {
        let url = Url::parse(database.url()).unwrap();
        let server = format!("{}:{}", url.host_str().unwrap_or("localhost"), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (listen, injection) = (listener.local_addr().unwrap(), Arc::<Mutex<Injection>>::default());
        let mut accepting = JoinSet::new();
        let shared = Arc::clone(&injection);
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                let (mut from_server, to_server) = server.into_split();
                let (from_client, mut to_client) = client.into_split();
                connections.spawn(async move { drop(copy(&mut from_server, &mut to_client).await) });
                let injection = Arc::clone(&shared);
                // An error ends this connection only.
                connections.spawn(async move { drop(forward(from_client, to_server, &injection).await) });
            }
        });
        Self { listen, url, injection, _accepting: accepting }
    }

    /// Returns the URL of the database through this proxy.
    pub(crate) fn url(&self) -> String {
        let mut url = self.url.clone();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.listen.port())).unwrap();
        url.query_pairs_mut().append_pair("sslmode", "disable");
        url.into()
    }

    /// Fails the statement at a position of the following transactions, where `BEGIN` is 1: once with each of these SQLSTATEs.
    pub(crate) fn refuse(&self, position: usize, states: &'static [&'static str]) {
        *self.injection.lock().unwrap() = Injection { position, states, refused: 0 };
    }

    /// Returns how many statements have failed since then.
    pub(crate) fn refused(&self) -> usize {
        self.injection.lock().unwrap().refused
    }
}

/// Forwards the messages of a client to the server.
async fn forward(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, injection: &Mutex<Injection>) -> Result<()> {
    // The first message has no type byte.
    let length = client.read_u32().await?;
    let start = body(&mut client, length).await?;
    server.write_u32(length).await?;
    server.write_all(&start).await?;
    let (mut batch, mut position) = (Vec::new(), None::<usize>);
    loop {
        let (kind, length) = (client.read_u8().await?, client.read_u32().await?);
        let text = body(&mut client, length).await?;
        batch.push(kind);
        batch.extend(length.to_be_bytes());
        batch.extend(&text);
        let is_query = |word: &str| kind == b'Q' && text.starts_with(word.as_bytes());
        if is_query("BEGIN") {
            position = Some(0);
        }
        // The last message of a group that the server answers with "ready".
        if kind == b'Q' || kind == b'S' {
            position = position.map(|position| position + 1);
            if let Some(state) = position.and_then(|position| next_error(injection, position)) {
                batch = raise(state);
            }
        }
        if is_query("COMMIT") || is_query("ROLLBACK") {
            position = None;
        }
        if kind == b'Q' || kind == b'S' || position.is_none() {
            server.write_all(&batch).await?;
            batch.clear();
        }
    }
}

async fn body(client: &mut OwnedReadHalf, length: u32) -> Result<Vec<u8>> {
    let mut body = vec![0; usize::try_from(length).unwrap() - 4];
    client.read_exact(&mut body).await?;
    Ok(body)
}

/// Returns the SQLSTATE to inject at this position, if any.
fn next_error(injection: &Mutex<Injection>, position: usize) -> Option<&'static str> {
    let mut injection = injection.lock().unwrap();
    let state = injection.states.get(injection.refused).filter(|_| injection.position == position).copied()?;
    injection.refused += 1;
    Some(state)
}

/// Returns a simple query that fails with a SQLSTATE.
fn raise(state: &str) -> Vec<u8> {
    let query = format!("DO $$ BEGIN RAISE EXCEPTION 'injected by a test' USING ERRCODE = '{state}'; END $$\0");
    let length = u32::try_from(query.len() + 4).unwrap();
    [b"Q", &length.to_be_bytes()[..], query.as_bytes()].concat()
}
