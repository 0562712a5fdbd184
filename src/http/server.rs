//! The listener: accepts as many connections as it may have, gives up those that are too slow, and ends within ten
//! seconds when it is told to.

use super::{
    pace::{Pace, Paced},
    unsent::{self, Budget, OfConnection, Streams},
};
use axum::{Router, body::Body, extract::Request};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::SockRef;
use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// How much of a head the library may hold; it answers a longer one by itself, with 431 and without a body.
const LONGEST_HEAD: usize = 64 * 1024;
/// The most connections at once. Each may hold a head or a body: a gigabyte, if all of them do their worst.
const MOST_CONNECTIONS: u64 = 16 * 1024;
/// How much of an answer the system may hold for a client that does not take it. It would hold megabytes by itself, and we
/// would not see that the client is slow.
const LARGEST_SENDING: usize = 64 * 1024;
/// File handles for everything else: the database, the log, letters.
const OTHER_FILES: u64 = 256;
/// How long requests under way may take once the service is to end.
const FAREWELL: Duration = Duration::from_secs(7);
/// How long a connection that is given up may take to say so.
const PARTING: Duration = Duration::from_secs(1);

/// Serves until `stop`, then lets what is under way end.
pub async fn serve(listener: TcpListener, router: Router, tasks: TaskTracker, stop: CancellationToken) {
    let (connections, places) = (TaskTracker::new(), Arc::new(Semaphore::new(most_connections())));
    // Connections have it from their listener.
    if let Err(error) = SockRef::from(&listener).set_send_buffer_size(LARGEST_SENDING) {
        tracing::warn!(%error, "slow clients will be noticed late");
    }
    loop {
        // Where all places are taken, clients wait; those who are idle or slow make room within seconds.
        let accepted = async { (Arc::clone(&places).acquire_owned().await, listener.accept().await) };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = Connection { peer, places: Arc::clone(&places), stop: stop.clone() };
                let serving = connections.track_future(connection.serve(stream, router.clone()));
                tasks.spawn(async move {
                    serving.await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file handles, for example: others may close theirs meanwhile.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(FAREWELL, connections.wait()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}

/// As many as there are file handles for. A process may have more of them than it starts with.
fn most_connections() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let files = if raised.is_ok() { maximum } else { current };
    let most = files.unwrap_or(u64::MAX).saturating_sub(OTHER_FILES).clamp(1, MOST_CONNECTIONS);
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// One of them.
struct Connection {
    peer: SocketAddr,
    places: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Connection {
    async fn serve(self, stream: TcpStream, router: Router) {
        let _ = stream.set_nodelay(true);
        let (peer, pace) = (self.peer, Arc::<Pace>::default());
        let (asked, worked, answered) = (Arc::clone(&pace), Arc::clone(&pace), Arc::clone(&pace));
        let unsent = OfConnection(Budget::new(unsent::MAX_PER_CONNECTION));
        let service = router
            .map_request(move |request: Request<hyper::body::Incoming>| {
                asked.speaks(request.version());
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(peer);
                request.extensions_mut().insert(unsent.clone());
                request
            })
            .map_response(move |response| unsent::in_pieces(response, &answered))
            .map_future(move |work| Arc::clone(&worked).request(work));
        let mut builder = Builder::new(Streams);
        // Of all that may be slow the pace knows more.
        builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(LONGEST_HEAD);
        let longest_head = u32::try_from(LONGEST_HEAD).unwrap_or(u32::MAX);
        builder.http2().timer(TokioTimer::new()).max_concurrent_streams(100).max_header_list_size(longest_head);
        let io = TokioIo::new(Paced { stream, pace: Arc::clone(&pace) });
        let mut connection = pin!(builder.serve_connection(io, TowerToHyperService::new(service)));
        let left = tokio::select! {
            ended = unsent::watched(connection.as_mut()) => match ended {
                Some(ended) => return ended_by(ended),
                None => PARTING,
            },
            () = self.stop.cancelled() => FAREWELL,
            () = pace.too_slow(|| self.places.available_permits() == 0) => PARTING,
        };
        connection.as_mut().graceful_shutdown();
        if let Ok(ended) = tokio::time::timeout(left, connection).await {
            ended_by(ended);
        }
    }
}

/// A client that leaves or talks nonsense is no event.
fn ended_by<E: std::fmt::Display>(ended: Result<(), E>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
