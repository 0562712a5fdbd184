//! What does a bad network do? A small proxy before a server, whose behaviour is changed while it runs.

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

/// How the network behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// All is carried on.
    Good,
    /// A new connection is carried on after so many milliseconds, as if its handshake took many round trips.
    SlowHandshake(u64),
    /// Nothing is carried on any more, and nobody is told. A connection that saw this is lost for good: the server still
    /// holds its end of it.
    BlackHole,
    /// The same, and the server's end is closed.
    HalfOpen,
    /// Every connection is reset.
    Reset,
    /// Of the answers, so many more bytes come through on each connection; then it is reset.
    CutAfter(usize),
    /// A commit does not arrive, and the connection is reset.
    CommitLost,
    /// A commit arrives; the connection is reset instead of its answer.
    AnswerToCommitLost,
    /// A commit arrives; its answer never does, nor anything else.
    AnswerToCommitSwallowed,
}

/// A proxy, gone with this value.
pub(crate) struct Proxy {
    listen: SocketAddr,
    network: watch::Sender<Network>,
    server: watch::Sender<String>,
    commits: Arc<AtomicUsize>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    /// Before the server of a database's address.
    pub(crate) async fn before(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (network, server) = (watch::channel(Network::Good).0, watch::channel(server_of(url).to_owned()).0);
        let (listen, commits) = (listener.local_addr().unwrap(), Arc::default());
        let line = Line { network: network.subscribe(), commits: Arc::clone(&commits) };
        let leads_to = server.subscribe();
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            // They end with the one that accepts.
            let mut lines = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let to = leads_to.borrow().clone();
                lines.spawn(line.clone().carry(client, to));
            }
        });
        Self { listen, network, server, commits, _accepting: accepting }
    }

    /// The address of the database, through this proxy.
    pub(crate) fn url_of(&self, url: &str) -> String {
        url.replacen(server_of(url), &self.listen.to_string(), 1)
    }

    /// From now on the network behaves like this.
    pub(crate) fn becomes(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// Connections that are made from now on lead to the server of this address.
    pub(crate) fn leads_to(&self, url: &str) {
        self.server.send_replace(server_of(url).to_owned());
    }

    /// Returns the number of connections that clients have not closed.
    pub(crate) fn connections(&self) -> usize {
        // This value and the task that accepts hold one each.
        Arc::strong_count(&self.commits) - 2
    }

    /// How many commits were lost, or lost their answers.
    pub(crate) fn commits_lost(&self) -> usize {
        self.commits.load(Ordering::Relaxed)
    }
}

/// Host and port of a database's address.
fn server_of(url: &str) -> &str {
    let rest = url.split_once("://").expect("a scheme").1;
    let rest = rest.split_once('/').map_or(rest, |(server, _)| server);
    rest.rsplit_once('@').map_or(rest, |(_, server)| server)
}

#[derive(Clone)]
struct Line {
    network: watch::Receiver<Network>,
    commits: Arc<AtomicUsize>,
}

impl Line {
    async fn carry(mut self, mut client: TcpStream, to: String) {
        let network = *self.network.borrow_and_update();
        match network {
            Network::BlackHole | Network::HalfOpen => return silence(client).await,
            Network::Reset => return reset(&client),
            Network::SlowHandshake(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
            _ => {}
        }
        let Ok(mut server) = TcpStream::connect(to).await else { return reset(&client) };
        let (mut asked, mut answered) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
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
                            return silence(client).await;
                        }
                        Network::HalfOpen => {
                            drop(server);
                            return silence(client).await;
                        }
                        Network::Reset => return reset(&client),
                        _ => {}
                    }
                }
                count = client.read(&mut asked) => {
                    let Ok(count @ 1..) = count else { return };
                    let network = *self.network.borrow();
                    let commit = asked[..count].windows(7).any(|bytes| bytes == b"COMMIT\0");
                    if commit && network == Network::CommitLost {
                        self.commits.fetch_add(1, Ordering::Relaxed);
                        return reset(&client);
                    }
                    if server.write_all(&asked[..count]).await.is_err() {
                        return reset(&client);
                    }
                    swallow |= commit
                        && matches!(network, Network::AnswerToCommitLost | Network::AnswerToCommitSwallowed);
                }
                count = server.read(&mut answered) => {
                    let Ok(count @ 1..) = count else { return };
                    let network = *self.network.borrow();
                    if swallow {
                        self.commits.fetch_add(1, Ordering::Relaxed);
                        if network == Network::AnswerToCommitLost {
                            return reset(&client);
                        }
                        let _held = server;
                        return silence(client).await;
                    }
                    let most = if let Network::CutAfter(most) = network { most.saturating_sub(passed) } else { count };
                    if client.write_all(&answered[..count.min(most)]).await.is_err() {
                        return;
                    }
                    passed += count;
                    if count > most {
                        return reset(&client);
                    }
                }
            }
        }
    }
}

/// Takes what comes, and says nothing, until the proxy ends or the client does.
async fn silence(mut client: TcpStream) {
    let mut heard = vec![0; 16 * 1024];
    while matches!(client.read(&mut heard).await, Ok(1..)) {}
}

fn reset(client: &TcpStream) {
    // What is closed without waiting is reset.
    let _ = client.set_zero_linger();
}

mod tests {
    use super::*;

    #[test]
    fn the_server_of_an_address_is_found() {
        for url in
            ["postgres://ada:secret@db:5433/mine", "postgres://db:5433/mine?sslmode=disable", "postgres://db:5433"]
        {
            assert_eq!(server_of(url), "db:5433");
        }
    }
}
