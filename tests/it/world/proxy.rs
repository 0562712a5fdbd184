//! A TCP proxy in front of PostgreSQL that simulates network failures.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// The state of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// Forwards everything.
    Good,
    /// Forwards a new connection only after this many milliseconds, as if its handshake took many round trips.
    SlowHandshake(u64),
    /// Forwards nothing and closes nothing. A connection that was open during this state stays dead; the server still has
    /// its end open.
    BlackHole,
    /// Like `BlackHole`, and the connection to the server is closed.
    HalfOpen,
    /// Resets every connection.
    Reset,
    /// Forwards this many bytes of responses on each connection, then resets it.
    ResetAfter(usize),
    /// Drops a commit and resets the connection.
    CommitLost,
    /// Forwards a commit, and resets the connection instead of forwarding the response.
    CommitResponseLost,
    /// Forwards a commit, and then nothing more, not even the response.
    CommitResponseDropped,
}

/// A proxy; dropping it closes its connections.
pub(crate) struct Proxy {
    listen: SocketAddr,
    network: watch::Sender<Network>,
    server: watch::Sender<String>,
    commits: Arc<AtomicUsize>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    /// Starts a proxy in front of the server in a database URL.
    pub(crate) async fn before(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (network, server) = (watch::channel(Network::Good).0, watch::channel(server_of(url).to_owned()).0);
        let (listen, commits) = (listener.local_addr().unwrap(), Arc::default());
        let forwarder = Forwarder { network: network.subscribe(), commits: Arc::clone(&commits) };
        let target = server.subscribe();
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            // They end with the accepting task.
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let to = target.borrow().clone();
                connections.spawn(forwarder.clone().forward(client, to));
            }
        });
        Self { listen, network, server, commits, _accepting: accepting }
    }

    /// Returns the URL of a database through this proxy.
    pub(crate) fn url_of(&self, url: &str) -> String {
        url.replacen(server_of(url), &self.listen.to_string(), 1)
    }

    /// Sets the state of the network.
    pub(crate) fn set_network(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// Connects new connections to the server in another URL.
    pub(crate) fn redirect_to(&self, url: &str) {
        self.server.send_replace(server_of(url).to_owned());
    }

    /// Returns the number of connections that clients have not closed.
    pub(crate) fn connections(&self) -> usize {
        // This value and the accepting task hold one each.
        Arc::strong_count(&self.commits) - 2
    }

    /// Returns the number of lost commits and lost responses to commits.
    pub(crate) fn commits_lost(&self) -> usize {
        self.commits.load(Ordering::Relaxed)
    }
}

/// Returns the host and port of a database URL.
fn server_of(url: &str) -> &str {
    let rest = url.split_once("://").expect("a scheme").1;
    let rest = rest.split_once('/').map_or(rest, |(server, _)| server);
    rest.rsplit_once('@').map_or(rest, |(_, server)| server)
}

#[derive(Clone)]
struct Forwarder {
    network: watch::Receiver<Network>,
    commits: Arc<AtomicUsize>,
}

impl Forwarder {
    async fn forward(mut self, mut client: TcpStream, to: String) {
        let network = *self.network.borrow_and_update();
        match network {
            Network::BlackHole | Network::HalfOpen => return discard(client).await,
            Network::Reset => return reset(&client),
            Network::SlowHandshake(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
            _ => {}
        }
        let Ok(mut server) = TcpStream::connect(to).await else { return reset(&client) };
        let (mut request, mut response) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
        let (mut passed, mut swallow) = (0, false);
        loop {
            tokio::select! {
                changed = self.network.changed() => {
                    passed = 0;
                    let network = *self.network.borrow_and_update();
                    match network {
                        _ if changed.is_err() => return,
                        Network::BlackHole => {
                            let _held = server;
                            return discard(client).await;
                        }
                        Network::HalfOpen => {
                            drop(server);
                            return discard(client).await;
                        }
                        Network::Reset => return reset(&client),
                        _ => {}
                    }
                }
                count = client.read(&mut request) => {
                    let Ok(count @ 1..) = count else { return };
                    let network = *self.network.borrow();
                    let commit = request[..count].windows(7).any(|bytes| bytes == b"COMMIT\0");
                    if commit && network == Network::CommitLost {
                        self.commits.fetch_add(1, Ordering::Relaxed);
                        return reset(&client);
                    }
                    if server.write_all(&request[..count]).await.is_err() {
                        return reset(&client);
                    }
                    swallow |= commit
                        && matches!(network, Network::CommitResponseLost | Network::CommitResponseDropped);
                }
                count = server.read(&mut response) => {
                    let Ok(count @ 1..) = count else { return };
                    let network = *self.network.borrow();
                    if swallow {
                        self.commits.fetch_add(1, Ordering::Relaxed);
                        if network == Network::CommitResponseLost {
                            return reset(&client);
                        }
                        let _held = server;
                        return discard(client).await;
                    }
                    let limit = if let Network::ResetAfter(limit) = network { limit.saturating_sub(passed) } else { count };
                    if client.write_all(&response[..count.min(limit)]).await.is_err() {
                        return;
                    }
                    passed += count;
                    if count > limit {
                        return reset(&client);
                    }
                }
            }
        }
    }
}

/// Reads and discards until the client disconnects.
async fn discard(mut client: TcpStream) {
    let mut discarded = vec![0; 16 * 1024];
    while matches!(client.read(&mut discarded).await, Ok(1..)) {}
}

fn reset(client: &TcpStream) {
    // Closing without lingering resets the connection.
    let _ = client.set_zero_linger();
}

mod tests {
    use super::*;

    #[test]
    fn server_of_url_is_extracted() {
        for url in
            ["postgres://ada:secret@db:5433/mine", "postgres://db:5433/mine?sslmode=disable", "postgres://db:5433"]
        {
            assert_eq!(server_of(url), "db:5433");
        }
    }
}
