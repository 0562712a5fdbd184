//! The listener: accepts as many connections as it may have, gives up those that are too slow, and ends within ten
//! seconds when it is told to.

use super::{
    slow_clients::{MonitoredStream, Pace},
    unfinished::{self, Counted, Room},
    unread,
    unsent::{self, Budget, InPieces, OfConnection, Streams},
};
use axum::{
    Router,
    body::{Body, HttpBody as _},
    extract::Request,
    http::{HeaderValue, Version, header},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::SockRef;
use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// How much of a head of HTTP/1 the library may hold; it answers a longer one by itself, with 431 and without a body.
const LONGEST_HEAD: usize = 64 * 1024;
/// The same for HTTP/2, where each header counts 32 bytes more and the address counts as well. In memory a small header takes
/// up to three times as much.
const MAX_HEADER_LIST: u32 = 32 * 1024;
/// The most requests of one connection at once.
const MAX_STREAMS: u32 = 32;
/// How much of one body of HTTP/2, and of all bodies of a connection, the library may hold until the service reads it.
const STREAM_WINDOW: u32 = 16 * 1024;
const CONNECTION_WINDOW: u32 = 64 * 1024;
/// The most connections at once. Besides what the budgets of requests and responses bound, each may hold the buffers of the
/// library: a head that is not complete and, over HTTP/2, bodies that are not read, together less than 192 KiB. That is a
/// gigabyte and a half, if all of them do their worst.
const MOST_CONNECTIONS: u64 = 8 * 1024;
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
    let unfinished = Budget::new(unfinished::MAX_PER_PROCESS);
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
                let (places, unfinished) = (Arc::clone(&places), Arc::clone(&unfinished));
                let connection = Connection { peer, places, unfinished, stop: stop.clone() };
                let serving = connections.track_future(connection.serve(stream, router.clone()));
                tasks.spawn(async move {
                    serving.await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file handles, for example: others may close theirs meanwhile.
                tracing::warn!(%error, "failed to accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(FAREWELL, connections.wait()).await.is_err() {
        tracing::warn!("some requests did not complete in time");
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
    /// The budget of the process.
    unfinished: Arc<Budget>,
    stop: CancellationToken,
}

impl Connection {
    async fn serve(self, stream: TcpStream, router: Router) {
        let _ = stream.set_nodelay(true);
        let pace = Arc::<Pace>::default();
        let answering = Answering {
            router,
            peer: self.peer,
            unsent: OfConnection(Budget::new(unsent::MAX_PER_CONNECTION)),
            pace: Arc::clone(&pace),
        };
        let (of_process, of_connection) = (self.unfinished, Budget::new(unfinished::MAX_PER_CONNECTION));
        let service = service_fn(move |request: Request<Incoming>| {
            let answering = answering.clone();
            let (mut head, body) = request.into_parts();
            // Before the library reads on: it may have more requests than there is room for.
            let room = unfinished::admit(&mut head, !body.is_end_stream(), [&of_connection, &of_process]);
            Arc::clone(&answering.pace).request(answering.answer(Request::from_parts(head, body), room))
        });
        let mut builder = Builder::new(Streams);
        // Of all that may be slow the pace knows more.
        builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(LONGEST_HEAD);
        let mut http2 = builder.http2();
        http2.timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS).max_header_list_size(MAX_HEADER_LIST);
        http2.initial_stream_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
        let io = TokioIo::new(MonitoredStream::new(stream, Arc::clone(&pace)));
        let mut connection = pin!(builder.serve_connection(io, service));
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

/// How requests of one connection are answered.
#[derive(Clone)]
struct Answering {
    router: Router,
    peer: SocketAddr,
    unsent: OfConnection,
    pace: Arc<Pace>,
}

impl Answering {
    async fn answer(
        self,
        request: Request<Incoming>,
        room: Arc<Room>,
    ) -> Result<axum::http::Response<InPieces>, Infallible> {
        let Self { router, peer, unsent, pace } = self;
        pace.speaks(request.version());
        // HTTP/2 ends a stream alone whose body is not read.
        let ends_the_connection = request.version() < Version::HTTP_2;
        let (mut head, body) = request.into_parts();
        head.extensions.insert(peer);
        head.extensions.insert(unsent);
        let (body, owner) = unread::lend(&head.headers, body);
        let body = Counted::new(body, Arc::clone(&room), Arc::clone(&pace));
        let mut response = router.oneshot(Request::from_parts(head, Body::new(body))).await?;
        if !room.is_stalled() {
            pace.answered();
        }
        if ends_the_connection && !owner.finish().await {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            pace.leaves_a_body();
        }
        Ok(unsent::in_pieces(response, &pace))
    }
}

/// A client that leaves or talks nonsense is no event.
fn ended_by<E: std::fmt::Display>(ended: Result<(), E>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::Bytes, routing::get};
    use futures_util::stream;
    use std::sync::Mutex;
    use tokio::sync::{mpsc, oneshot};

    type Client = h2::client::SendRequest<Bytes>;

    /// How much of a response a client takes at once, and who hears that it was said.
    type Window = (u32, oneshot::Sender<()>);

    /// A client of HTTP/2 of a service that streams what the test sends.
    struct Stream {
        chunks: mpsc::UnboundedSender<Result<Bytes, Infallible>>,
        client: Client,
        windows: mpsc::UnboundedSender<Window>,
        body: h2::RecvStream,
    }

    #[expect(clippy::disallowed_methods, reason = "they end with the test")]
    async fn streaming() -> Stream {
        let (chunks, receiver) = mpsc::unbounded_channel();
        let receiver = Arc::new(Mutex::new(Some(receiver)));
        let stream = move || async move {
            let receiver = receiver.lock().expect("a lock").take();
            Body::from_stream(stream::unfold(receiver, async |receiver| {
                let mut receiver = receiver?;
                Some((receiver.recv().await?, Some(receiver)))
            }))
        };
        let router = Router::new().route("/", get(stream)).route("/other", get(|| async {}));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("an address");
        let socket = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
        tokio::spawn(serve(listener, router, TaskTracker::new(), CancellationToken::new()));
        let (client, mut connection) = h2::client::handshake(socket).await.expect("HTTP/2");
        let (windows, mut sizes) = mpsc::unbounded_channel::<Window>();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some((size, said)) = sizes.recv() => {
                        connection.set_initial_window_size(size).expect("one at a time");
                        let _ = said.send(());
                    }
                    _ = &mut connection => return,
                }
            }
        });
        let mut client: Client = client.ready().await.expect("a connection");
        let body = get_of(&mut client, "/").await;
        let mut stream = Stream { chunks, client, windows, body };
        stream.gets().await;
        stream
    }

    async fn get_of(client: &mut Client, path: &str) -> h2::RecvStream {
        let request = Request::builder().uri(format!("http://t{path}")).body(()).expect("a request");
        let mut client = client.clone().ready().await.expect("a connection");
        let (response, _) = client.send_request(request, true).expect("a stream");
        response.await.expect("a response").into_body()
    }

    impl Stream {
        fn produces(&self) {
            self.chunks.send(Ok(Bytes::from_static(b"chunk"))).expect("a response under way");
        }

        /// Produces a chunk that comes.
        async fn gets(&mut self) {
            self.produces();
            let chunk = tokio::time::timeout(Duration::from_mins(1), self.body.data()).await.expect("in time");
            assert_eq!(chunk.expect("more").expect("no reset"), "chunk");
        }

        /// Says how much of a response the client takes at once, and waits until the service knows.
        async fn takes_at_once(&mut self, size: u32) {
            let (said, hears) = oneshot::channel();
            self.windows.send((size, said)).expect("a connection");
            hears.await.expect("a connection");
            drop(get_of(&mut self.client, "/other").await);
        }
    }

    /// F-14
    #[tokio::test]
    async fn stream_whose_client_closes_its_window_while_nothing_is_produced_is_given_up() {
        let mut stream = streaming().await;
        stream.takes_at_once(0).await;
        stream.produces();
        let ended = tokio::time::timeout(Duration::from_mins(2), stream.body.data()).await.expect("it is given up");
        assert!(ended.expect("no end").expect_err("no chunk").is_reset());
    }

    /// F-14
    #[tokio::test]
    async fn stream_whose_client_waits_for_the_service_and_opens_its_window_again_goes_on() {
        let mut stream = streaming().await;
        // Longer than a client may take.
        tokio::time::sleep(Duration::from_secs(22)).await;
        stream.gets().await;
        stream.takes_at_once(0).await;
        stream.produces();
        drop(get_of(&mut stream.client, "/other").await);
        stream.takes_at_once(0xFFFF).await;
        let chunk = stream.body.data().await.expect("more").expect("no reset");
        assert_eq!(chunk, "chunk");
        stream.gets().await;
    }
}
