//! What if PostgreSQL refuses one statement of a change? A line to it that puts an error in the place of that statement.
//!
//! The error is raised by the server itself, so that its transaction is truly over. Of the protocol the line knows where
//! a message ends and which one the server answers with "ready": a simple query, or the sync behind a prepared statement.

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

/// What the line is to do.
#[derive(Debug, Default)]
struct Orders {
    place: usize,
    states: &'static [&'static str],
    refused: usize,
}

/// A line to a PostgreSQL database; it is cut with this value.
pub(crate) struct Wire {
    listen: SocketAddr,
    url: Url,
    orders: Arc<Mutex<Orders>>,
    _lines: JoinSet<()>,
}

impl Wire {
    /// A line to this database.
    pub(crate) async fn to(database: &Database) -> Self {
        let url = Url::parse(database.url()).unwrap();
        let server = format!("{}:{}", url.host_str().unwrap_or("localhost"), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (listen, orders) = (listener.local_addr().unwrap(), Arc::<Mutex<Orders>>::default());
        let mut lines = JoinSet::new();
        let shared = Arc::clone(&orders);
        lines.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                let (mut from_server, to_server) = server.into_split();
                let (from_client, mut to_client) = client.into_split();
                open.spawn(async move { drop(copy(&mut from_server, &mut to_client).await) });
                let orders = Arc::clone(&shared);
                // Whoever ends a connection ends it here too.
                open.spawn(async move { drop(carry(from_client, to_server, &orders).await) });
            }
        });
        Self { listen, url, orders, _lines: lines }
    }

    /// The address of the database by this line.
    pub(crate) fn url(&self) -> String {
        let mut url = self.url.clone();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.listen.port())).unwrap();
        url.query_pairs_mut().append_pair("sslmode", "disable");
        url.into()
    }

    /// From now on the statement at this place of a transaction, whose beginning is the first, is refused: once with each
    /// of these SQLSTATEs.
    pub(crate) fn refuse(&self, place: usize, states: &'static [&'static str]) {
        *self.orders.lock().unwrap() = Orders { place, states, refused: 0 };
    }

    /// How often a statement was refused since.
    pub(crate) fn refused(&self) -> usize {
        self.orders.lock().unwrap().refused
    }
}

/// Carries what a client says to the server, message by message.
async fn carry(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, orders: &Mutex<Orders>) -> Result<()> {
    // The first message has no kind.
    let length = client.read_u32().await?;
    let start = body(&mut client, length).await?;
    server.write_u32(length).await?;
    server.write_all(&start).await?;
    let (mut batch, mut place) = (Vec::new(), None::<usize>);
    loop {
        let (kind, length) = (client.read_u8().await?, client.read_u32().await?);
        let text = body(&mut client, length).await?;
        batch.push(kind);
        batch.extend(length.to_be_bytes());
        batch.extend(&text);
        let says = |word: &str| kind == b'Q' && text.starts_with(word.as_bytes());
        if says("BEGIN") {
            place = Some(0);
        }
        // The last message of what the server answers as one.
        if kind == b'Q' || kind == b'S' {
            place = place.map(|place| place + 1);
            if let Some(state) = place.and_then(|place| due(orders, place)) {
                batch = raise(state);
            }
        }
        if says("COMMIT") || says("ROLLBACK") {
            place = None;
        }
        if kind == b'Q' || kind == b'S' || place.is_none() {
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

/// The SQLSTATE that is to come at this place, if one is.
fn due(orders: &Mutex<Orders>, place: usize) -> Option<&'static str> {
    let mut orders = orders.lock().unwrap();
    let state = orders.states.get(orders.refused).filter(|_| orders.place == place).copied()?;
    orders.refused += 1;
    Some(state)
}

/// A simple query that fails so.
fn raise(state: &str) -> Vec<u8> {
    let query = format!("DO $$ BEGIN RAISE EXCEPTION 'refused on the line' USING ERRCODE = '{state}'; END $$\0");
    let length = u32::try_from(query.len() + 4).unwrap();
    [b"Q", &length.to_be_bytes()[..], query.as_bytes()].concat()
}
