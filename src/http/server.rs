//! The listener: accepts connections up to a limit, closes those of slow clients, and stops within ten seconds.
//!
//! Written by hand on hyper: `axum::serve` limits neither connections nor the time of a client.

use super::{
    budget::Budget,
    client_networks::{ClientNetworks, Share},
    slow_clients::{ConnectionProgress, MonitoredStream},
    unfinished::{self, CountedBody, Room, Unfinished},
    unread::{self, Lent, Owner},
    unsent::{self, ConnectionBudget, PacedBody, Streams},
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
use ipnet::IpNet;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::SockRef;
use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// The maximum size of an HTTP/1 head; the library rejects a longer one with 431 and without a body.
const MAX_HEAD: usize = 64 * 1024;
/// The maximum size of an HTTP/2 head, where each header counts 32 bytes more and the URI counts as well. In memory, a small
/// header takes up to three times as much.
const MAX_HEADER_LIST: u32 = 32 * 1024;
/// The maximum number of requests of one connection at the same time.
const MAX_STREAMS: u32 = 32;
/// The maximum number of unread bytes that the library buffers for one HTTP/2 body, and for all bodies of a connection.
const STREAM_WINDOW: u32 = 16 * 1024;
const CONNECTION_WINDOW: u32 = 64 * 1024;
/// The maximum number of connections. In addition to the budgets of requests and responses, each can use buffers of the
/// library: an incomplete head and, in HTTP/2, unread bodies, together less than 192 KiB. For all connections, the worst case is
/// 1.5 GiB.
const MAX_CONNECTIONS: u64 = 8 * 1024;
/// The size of the socket's send buffer. The default is megabytes, with which the service would not notice a slow client.
const MAX_SEND_BUFFER: usize = 64 * 1024;
/// The number of file handles for everything else: the database, the log, emails.
const OTHER_FILES: u64 = 256;
/// The interval at which the log names a network that has too many connections.
const WARNING_INTERVAL: Duration = Duration::from_mins(1);
/// The time that active requests have to complete when the service stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(7);
/// The time that the announcement of the end of a connection may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The time that an HTTP/2 connection has to end when it has to make room: longer than a request and its response.
const MAKE_ROOM_TIMEOUT: Duration = Duration::from_secs(45);

/// The routes of a listener, and the proxies whose connections carry the requests of many clients.
#[derive(Debug)]
pub struct Service {
    pub(super) router: Router,
    pub(super) trusted: Vec<IpNet>,
    pub(super) limits: Limits,
}

/// What all connections of a listener share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) connections: usize,
    /// The budget of unfinished requests, in bytes.
    pub(super) unfinished: usize,
}

impl Limits {
    /// Returns the limits of the listener for clients: all connections for which there are file handles.
    pub(super) fn of_process() -> Self {
        Self { connections: max_connections(), unfinished: unfinished::MAX_PER_PROCESS }
    }
}

/// Serves until `stop`, then waits for active requests.
pub async fn serve(listener: TcpListener, service: Service, tasks: TaskTracker, stop: CancellationToken) {
    Server::new(service, stop).serve(listener, tasks).await;
}

/// Returns the number of connections for which there are file handles, after raising the limit of the process.
fn max_connections() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let files = if raised.is_ok() { maximum } else { current };
    let max = files.unwrap_or(u64::MAX).saturating_sub(OTHER_FILES).clamp(1, MAX_CONNECTIONS);
    usize::try_from(max).unwrap_or(usize::MAX)
}

/// The state that all connections of a listener share.
#[derive(Clone)]
struct Server {
    router: Router,
    networks: Arc<ClientNetworks>,
    /// One permit for each connection that can be opened.
    places: Arc<Semaphore>,
    unfinished: Arc<Unfinished>,
    stop: CancellationToken,
}

impl Server {
    fn new(service: Service, stop: CancellationToken) -> Self {
        let Limits { connections, unfinished } = service.limits;
        Self {
            router: service.router,
            networks: Arc::new(ClientNetworks::new(service.trusted, connections, unfinished)),
            places: Arc::new(Semaphore::new(connections)),
            unfinished: Unfinished::new(unfinished),
            stop,
        }
    }

    async fn serve(self, listener: TcpListener, tasks: TaskTracker) {
        let connections = TaskTracker::new();
        // Connections inherit it from their listener.
        if let Err(error) = SockRef::from(&listener).set_send_buffer_size(MAX_SEND_BUFFER) {
            tracing::warn!(%error, "failed to limit send buffers, slow clients will be noticed late");
        }
        let mut warned: Option<Instant> = None;
        loop {
            // At the limit, clients wait; other connections are closed within seconds.
            let accepted = async {
                // Not held, so that only connections take places.
                drop(self.places.acquire().await);
                listener.accept().await
            };
            let accepted = tokio::select! {
                accepted = accepted => accepted,
                () = self.stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    // This loop alone takes places, so the one that was free still is.
                    let place = Arc::clone(&self.places).try_acquire_owned();
                    let Some(share) = self.networks.admit(peer.ip()) else {
                        // One network must not fill the log.
                        if warned.is_none_or(|at| at.elapsed() >= WARNING_INTERVAL) {
                            warned = Some(Instant::now());
                            tracing::warn!(client = %peer.ip(), "closed a connection: its network has a quarter of all connections");
                        }
                        continue;
                    };
                    let connection = Connection { server: self.clone(), peer, share: Arc::new(share) };
                    let serving = connections.track_future(connection.serve(stream));
                    tasks.spawn(async move {
                        serving.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // For example, no file handle is free until other connections end.
                    tracing::warn!(%error, "failed to accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        drop(listener);
        connections.close();
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, connections.wait()).await.is_err() {
            tracing::warn!("some requests did not complete in time");
        }
    }

    fn is_full(&self) -> bool {
        self.places.available_permits() == 0
    }
}

/// An accepted connection.
struct Connection {
    server: Server,
    peer: SocketAddr,
    share: Arc<Share>,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let Self { server, peer, share } = self;
        let (progress, makes_room) = (Arc::<ConnectionProgress>::default(), CancellationToken::new());
        let of_connection = Budget::new(unfinished::MAX_PER_CONNECTION);
        let own: Vec<_> = [of_connection].into_iter().chain(share.unfinished().cloned()).collect();
        let handler = RequestHandler {
            server: server.clone(),
            peer,
            share,
            unsent: ConnectionBudget(Budget::new(unsent::MAX_PER_CONNECTION)),
            progress: Arc::clone(&progress),
            makes_room: makes_room.clone(),
        };
        let service = service_fn(move |request: Request<Incoming>| {
            let handler = handler.clone();
            let (mut head, body) = request.into_parts();
            let (body, owner) = unread::lend(&head.headers, body);
            // Before the library reads on: it may have more requests than there is room for.
            let room = unfinished::admit(&mut head, !body.is_end_stream(), &own, &handler.server.unfinished);
            Arc::clone(&handler.progress).request(handler.handle(Request::from_parts(head, body), owner, room))
        });
        let mut builder = Builder::new(Streams);
        // Time limits are those of `ConnectionProgress`.
        builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(MAX_HEAD);
        let mut http2 = builder.http2();
        http2.timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS).max_header_list_size(MAX_HEADER_LIST);
        http2.initial_stream_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
        let io = TokioIo::new(MonitoredStream::new(stream, Arc::clone(&progress)));
        let mut connection = pin!(builder.serve_connection(io, service));
        let serving = async {
            tokio::select! {
                ended = connection.as_mut() => return Some(ended),
                () = makes_room.cancelled() => {}
            }
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(MAKE_ROOM_TIMEOUT, connection.as_mut()).await.ok()
        };
        let timeout = tokio::select! {
            ended = unsent::until_too_slow(serving) => match ended.flatten() {
                Some(ended) => return log_end(ended),
                None => CLOSE_TIMEOUT,
            },
            () = server.stop.cancelled() => SHUTDOWN_TIMEOUT,
            () = progress.too_slow(|| server.is_full()) => CLOSE_TIMEOUT,
        };
        connection.as_mut().graceful_shutdown();
        if let Ok(ended) = tokio::time::timeout(timeout, connection).await {
            log_end(ended);
        }
    }
}

/// Handles the requests of one connection.
#[derive(Clone)]
struct RequestHandler {
    server: Server,
    peer: SocketAddr,
    share: Arc<Share>,
    unsent: ConnectionBudget,
    progress: Arc<ConnectionProgress>,
    /// Ends an HTTP/2 connection after the responses of its active requests.
    makes_room: CancellationToken,
}

impl RequestHandler {
    async fn handle(
        self,
        request: Request<Lent<Incoming>>,
        owner: Owner<Incoming>,
        room: Arc<Room>,
    ) -> Result<axum::http::Response<PacedBody>, Infallible> {
        let Self { server, peer, share, unsent, progress, makes_room } = self;
        let is_http2 = request.version() >= Version::HTTP_2;
        progress.set_version(request.version());
        let (mut head, body) = request.into_parts();
        head.extensions.insert(peer);
        head.extensions.insert(unsent);
        let body = CountedBody::new(body, Arc::clone(&room), Arc::clone(&server.unfinished), Arc::clone(&progress));
        let mut response = server.router.clone().oneshot(Request::from_parts(head, Body::new(body))).await?;
        if !room.is_stalled() {
            progress.answered();
        }
        // The connections of a trusted proxy are kept, because they carry the requests of many clients.
        let must_make_room = server.is_full() && !share.is_trusted();
        if is_http2 {
            // An unread body ends its own stream only.
            if must_make_room {
                makes_room.cancel();
            }
        } else {
            let is_unread = !owner.finish().await;
            if is_unread {
                progress.set_body_left();
            }
            if is_unread || must_make_room {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
        }
        Ok(unsent::paced(response, &progress))
    }
}

/// Logs the end of a connection at level `DEBUG`, because a disconnect or malformed HTTP is not an error of the service.
fn log_end<E: std::fmt::Display>(ended: Result<(), E>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{body::read_body, error_response::ErrorResponse, unfinished::Rejection};
    use axum::{
        body::Bytes,
        http::StatusCode,
        response::IntoResponse as _,
        routing::{any, get},
    };
    use futures_util::stream;
    use std::sync::Mutex;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpSocket,
        sync::{mpsc, oneshot},
        task::JoinSet,
    };

    type Client = h2::client::SendRequest<Bytes>;

    /// The window sizes of a client, each with the channel that confirms its change.
    type Window = (u32, oneshot::Sender<()>);

    /// An HTTP/2 client of a service that streams the data of the test.
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
        let limits = Limits { connections: 100, unfinished: UNFINISHED };
        let service = Service { router, trusted: Vec::new(), limits };
        tokio::spawn(serve(listener, service, TaskTracker::new(), CancellationToken::new()));
        let (client, mut connection) = h2::client::handshake(socket).await.expect("HTTP/2");
        let (windows, mut sizes) = mpsc::unbounded_channel::<Window>();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some((size, changed)) = sizes.recv() => {
                        connection.set_initial_window_size(size).expect("one at a time");
                        let _ = changed.send(());
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

        /// Sends a chunk, and checks that the client receives it.
        async fn gets(&mut self) {
            self.produces();
            let chunk = tokio::time::timeout(Duration::from_mins(1), self.body.data()).await.expect("in time");
            assert_eq!(chunk.expect("more").expect("no reset"), "chunk");
        }

        /// Sets the window size of the client, and waits until the change is sent.
        async fn takes_at_once(&mut self, size: u32) {
            let (changed, confirmation) = oneshot::channel();
            self.windows.send((size, changed)).expect("a connection");
            confirmation.await.expect("a connection");
            drop(get_of(&mut self.client, "/other").await);
        }
    }

    /// F-14
    #[tokio::test]
    async fn stream_with_a_closed_window_is_reset() {
        let mut stream = streaming().await;
        stream.takes_at_once(0).await;
        stream.produces();
        let ended = tokio::time::timeout(Duration::from_mins(2), stream.body.data()).await.expect("it is abandoned");
        assert!(ended.expect("no end").expect_err("no chunk").is_reset());
    }

    /// F-14
    #[tokio::test]
    async fn stream_with_a_reopened_window_continues() {
        let mut stream = streaming().await;
        // Longer than the time limit of a client.
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

    const GET: &str = "GET / HTTP/1.1\r\nHost: t\r\n\r\n";
    const POST: &str = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\n";
    /// The service asks for the body as soon as it waits for it.
    const WAITS: &str = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    /// Bytes for 27 such requests, and for six from one network.
    const UNFINISHED: usize = 32 * 16 * 1024;

    /// Serves one route, which reads the bodies of requests.
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    async fn reading(limits: Limits, trusted: &[&str]) -> SocketAddr {
        let read = async |request: Request| match request.extensions().get::<Rejection>() {
            Some(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            None => {
                read_body(request.into_body()).await.map_or_else(ErrorResponse::into_response, |_| ().into_response())
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("an address");
        let address = listener.local_addr().expect("an address");
        let trusted = trusted.iter().map(|network| network.parse().expect("a network")).collect();
        let service = Service { router: Router::new().route("/", any(read)), trusted, limits };
        tokio::spawn(Server::new(service, CancellationToken::new()).serve(listener, TaskTracker::new()));
        address
    }

    /// A connection from a separate network.
    async fn connect(network: u8, to: SocketAddr) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, network], 0))).expect("an address");
        socket.connect(to).await.expect("a connection")
    }

    /// Reads one response: its status, and whether it announces the end of the connection. `None` if the connection ended.
    async fn response(stream: &mut TcpStream) -> Option<(u16, bool)> {
        let read = async {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.ok()?);
            }
            let head = String::from_utf8(head).expect("text").to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            stream.read_exact(&mut vec![0; length.parse().expect("a number")]).await.expect("a body");
            let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
            Some((status, head.contains("\nconnection: close")))
        };
        tokio::time::timeout(Duration::from_mins(1), read).await.expect("in time")
    }

    async fn send(stream: &mut TcpStream, text: &str) -> Option<(u16, bool)> {
        stream.write_all(text.as_bytes()).await.ok()?;
        response(stream).await
    }

    ///
    #[tokio::test]
    async fn one_network_cannot_use_up_the_memory_of_unfinished_requests() {
        let address = reading(Limits { connections: 100, unfinished: UNFINISHED }, &["127.0.0.9/32"]).await;
        let mut held = Vec::new();
        for _ in 0..6 {
            let mut stream = connect(2, address).await;
            assert_eq!(send(&mut stream, WAITS).await, Some((100, false)));
            held.push(stream);
        }
        assert_eq!(send(&mut connect(2, address).await, WAITS).await, Some((503, true)));
        let other = &mut connect(3, address).await;
        assert_eq!(send(other, &format!("{POST}body")).await, Some((200, false)));
        for _ in 0..10 {
            let mut stream = connect(9, address).await;
            assert_eq!(send(&mut stream, WAITS).await, Some((100, false)), "a proxy has no share");
            held.push(stream);
        }
        for stream in &mut held {
            assert_eq!(send(stream, "body").await, Some((200, false)));
        }
    }

    ///
    #[tokio::test]
    async fn oldest_request_without_its_body_is_408_when_the_memory_is_used_up() {
        let address = reading(Limits { connections: 100, unfinished: UNFINISHED }, &[]).await;
        let mut held = Vec::new();
        for number in 0..27 {
            let mut stream = connect(2 + number / 6, address).await;
            assert_eq!(send(&mut stream, WAITS).await, Some((100, false)), "{number}");
            held.push(stream);
        }
        let mut other = connect(9, address).await;
        assert_eq!(send(&mut other, &format!("{POST}body")).await, Some((200, false)));
        let mut held = held.iter_mut();
        assert_eq!(response(held.next().expect("the oldest")).await, Some((408, true)));
        for stream in held {
            assert_eq!(send(stream, "body").await, Some((200, false)));
        }
    }

    /// F-14
    #[tokio::test]
    async fn connections_beyond_the_share_of_their_network_are_closed() {
        let address = reading(Limits { connections: 8, unfinished: UNFINISHED }, &[]).await;
        let mut streams = [connect(2, address).await, connect(2, address).await];
        for stream in &mut streams {
            assert_eq!(send(stream, GET).await, Some((200, false)));
        }
        assert_eq!(send(&mut connect(2, address).await, GET).await, None);
        assert_eq!(send(&mut connect(3, address).await, GET).await, Some((200, false)));
        drop(streams);
        // The service detects their end a moment later.
        let again = async { while send(&mut connect(2, address).await, GET).await.is_none() {} };
        tokio::time::timeout(Duration::from_mins(1), again).await.expect("there is room again");
    }

    /// F-14
    #[tokio::test]
    async fn connections_are_kept_while_one_more_fits() {
        let address = reading(Limits { connections: 4, unfinished: UNFINISHED }, &[]).await;
        let mut streams = Vec::new();
        for network in 2..5 {
            streams.push(connect(network, address).await);
        }
        for _ in 0..3 {
            for stream in &mut streams {
                assert_eq!(send(stream, GET).await, Some((200, false)));
            }
        }
    }

    /// F-14
    #[tokio::test]
    async fn busy_connections_are_closed_at_the_connection_limit() {
        let address = reading(Limits { connections: 8, unfinished: UNFINISHED }, &[]).await;
        let mut clients = JoinSet::new();
        for number in 0..8 {
            clients.spawn(async move {
                let stream = connect(2 + number / 2, address).await;
                if number % 2 == 0 { busy_http1(stream).await } else { busy_http2(stream).await }
            });
        }
        let mut other = connect(9, address).await;
        assert_eq!(send(&mut other, GET).await.map(|(status, _)| status), Some(200));
        let ended = tokio::time::timeout(Duration::from_mins(1), clients.join_next()).await.expect("one ends");
        ended.expect("a client").expect("no panic");
    }

    /// Sends a request again and again. Returns when the service has ended the connection.
    async fn busy_http1(mut stream: TcpStream) {
        while let Some((status, closes)) = send(&mut stream, GET).await {
            assert_eq!(status, 200);
            if closes {
                assert_eq!(stream.read(&mut [0]).await.expect("no reset"), 0);
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the end was not announced");
    }

    /// Sends a request again and again over HTTP/2. Returns when the service has ended the connection.
    async fn busy_http2(stream: TcpStream) {
        let (client, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
        let asks = async {
            let mut client: Client = client;
            loop {
                let Ok(ready) = client.clone().ready().await else { break };
                client = ready;
                let request = Request::builder().uri("http://t/").body(()).expect("a request");
                let Ok((response, _)) = client.send_request(request, true) else { break };
                assert_eq!(response.await.expect("a response").status(), 200);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            drop(client);
        };
        let (ended, ()) = tokio::join!(connection, asks);
        ended.expect("a graceful end");
    }

    /// F-14
    #[tokio::test]
    async fn busy_connections_of_trusted_proxies_are_kept_at_the_limit() {
        let address = reading(Limits { connections: 4, unfinished: UNFINISHED }, &["127.0.0.0/8"]).await;
        let mut streams = Vec::new();
        for _ in 0..4 {
            streams.push(connect(2, address).await);
        }
        for _ in 0..3 {
            for stream in &mut streams {
                assert_eq!(send(stream, GET).await, Some((200, false)));
            }
        }
    }
}
