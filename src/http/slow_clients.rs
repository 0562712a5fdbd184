//! Detects slow clients: counts what a connection reads, writes and answers, and closes it if it makes no progress.
//!
//! Written by hand: hyper limits only the time to read a head, and `tokio-io-timeout` each read or write, which a client that sends
//! one byte at a time never exceeds. It can go as soon as hyper closes connections below a minimum rate.

use axum::http::Version;
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

/// The interval between two checks of a connection.
const INTERVAL: Duration = Duration::from_secs(5);
/// The time that a client has to send the head of a request, or to receive the last bytes of a response.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The time for which an idle connection is kept: more than the usual minute of load balancers, so that they do not send a
/// request on a connection that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// The minimum number of response bytes within an interval that count as progress.
const MIN_WRITTEN: u64 = 16 * 1024;

/// The counters of one connection: bytes read and written, and requests answered.
#[derive(Debug, Default)]
pub(super) struct ConnectionProgress {
    read: AtomicU64,
    written: AtomicU64,
    /// Whether a response waits until the client receives it.
    waits: AtomicBool,
    requests: AtomicU64,
    under_way: AtomicU64,
    /// The number of active requests that wait for their bodies.
    awaited: AtomicU64,
    /// The number of answered requests, except those whose bodies did not arrive.
    answered: AtomicU64,
    /// The number of responses that are being sent. `unsent` limits the time of each.
    transfers: AtomicU64,
    /// The number of bytes read when the last request was answered. Later bytes belong to the next request.
    read_when_answered: AtomicU64,
    /// Whether the connection can carry several requests at the same time.
    is_http2: AtomicBool,
    /// Whether a response with `Connection: close` was sent before the body of its request was read.
    body_left: AtomicBool,
}

/// The values of the counters at one moment.
#[derive(Debug, Clone, Copy, Default)]
struct Snapshot {
    written: u64,
    requests: u64,
    under_way: u64,
    awaited: u64,
    answered: u64,
    transfers: u64,
    /// Returns whether no request or response is incomplete.
    idle: bool,
}

impl Snapshot {
    /// Returns whether the connection has progressed. While all connections are in use, only active and completed requests
    /// count: neither the wait for a body nor the beginning of another request does.
    fn has_progressed(self, before: Self, is_full: bool) -> bool {
        let progressed = if is_full {
            self.under_way > self.awaited || self.answered > before.answered
        } else {
            self.under_way > 0 || self.transfers > 0 || self.requests > before.requests
        };
        progressed || self.written.saturating_sub(before.written) >= MIN_WRITTEN
    }

    const fn timeout(self, is_full: bool) -> Duration {
        if is_full {
            INTERVAL
        } else if self.idle {
            IDLE_TIMEOUT
        } else {
            TIMEOUT
        }
    }
}

impl ConnectionProgress {
    /// Counts a request while it is active.
    pub(super) async fn request<F: Future>(self: Arc<Self>, work: F) -> F::Output {
        struct UnderWay(Arc<ConnectionProgress>);

        impl Drop for UnderWay {
            fn drop(&mut self) {
                self.0.read_when_answered.store(self.0.read.load(Relaxed), Relaxed);
                self.0.under_way.fetch_sub(1, Relaxed);
            }
        }

        self.requests.fetch_add(1, Relaxed);
        self.under_way.fetch_add(1, Relaxed);
        let _under_way = UnderWay(self);
        work.await
    }

    /// Counts a request that was answered after its body arrived, or without its body.
    pub(super) fn answered(&self) {
        self.answered.fetch_add(1, Relaxed);
    }

    /// Counts a response whose sending begins.
    pub(super) fn transfer_began(&self) {
        self.transfers.fetch_add(1, Relaxed);
    }

    /// Counts a response that was sent or abandoned.
    pub(super) fn transfer_ended(&self) {
        self.transfers.fetch_sub(1, Relaxed);
    }

    /// Records that the connection ends while the client may still send a body.
    pub(super) fn set_body_left(&self) {
        self.body_left.store(true, Relaxed);
    }

    pub(super) fn set_version(&self, version: Version) {
        self.is_http2.store(version >= Version::HTTP_2, Relaxed);
    }

    /// Completes when the client has been too slow, or idle for too long: for one interval while all connections are in use.
    pub(super) async fn too_slow(&self, is_full: impl Fn() -> bool) {
        let (mut before, mut elapsed) = (self.snapshot(), Duration::ZERO);
        loop {
            tokio::time::sleep(INTERVAL).await;
            let (now, is_full) = (self.snapshot(), is_full());
            elapsed = if now.has_progressed(before, is_full) { Duration::ZERO } else { elapsed + INTERVAL };
            if elapsed >= now.timeout(is_full) {
                return;
            }
            before = now;
        }
    }

    fn snapshot(&self) -> Snapshot {
        let read = self.read.load(Relaxed) > self.read_when_answered.load(Relaxed);
        let requests = self.requests.load(Relaxed);
        Snapshot {
            written: self.written.load(Relaxed),
            requests,
            under_way: self.under_way.load(Relaxed),
            awaited: self.awaited.load(Relaxed),
            answered: self.answered.load(Relaxed),
            transfers: self.transfers.load(Relaxed),
            idle: requests > 0 && !read && !self.waits.load(Relaxed) && !self.is_http2.load(Relaxed),
        }
    }

    fn wrote(&self, written: &Poll<io::Result<usize>>) {
        self.waits.store(written.is_pending(), Relaxed);
        if let Poll::Ready(Ok(bytes)) = written {
            self.written.fetch_add(u64::try_from(*bytes).unwrap_or(u64::MAX), Relaxed);
        }
    }
}

/// As long as this value exists, a request of the connection waits for its body.
#[derive(Debug)]
pub(super) struct AwaitsClient(Arc<ConnectionProgress>);

impl AwaitsClient {
    pub(super) fn new(progress: &Arc<ConnectionProgress>) -> Self {
        progress.awaited.fetch_add(1, Relaxed);
        Self(Arc::clone(progress))
    }
}

impl Drop for AwaitsClient {
    fn drop(&mut self) {
        self.0.awaited.fetch_sub(1, Relaxed);
    }
}

/// The time and the bytes that a client may still send when a connection ends before a body was read. If the socket were closed
/// immediately, the system would reset the connection, and the client might lose the response.
const LINGER: Duration = Duration::from_secs(2);
const MAX_LINGERING: usize = 1024 * 1024;

/// A stream that counts the bytes that it reads and writes.
pub(super) struct MonitoredStream<S> {
    stream: S,
    progress: Arc<ConnectionProgress>,
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S> MonitoredStream<S> {
    pub(super) fn new(stream: S, progress: Arc<ConnectionProgress>) -> Self {
        Self { stream, progress, lingering: None }
    }
}

impl<S: AsyncRead + Unpin> MonitoredStream<S> {
    /// Discards what the client still sends, until the end of the stream or a limit.
    fn linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let begin = || (Box::pin(tokio::time::sleep(LINGER)), MAX_LINGERING);
        let (until, left) = self.lingering.get_or_insert_with(begin);
        let mut scratch = [0; 8 * 1024];
        while *left > 0 && until.as_mut().poll(cx).is_pending() {
            let mut into = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut into)) {
                Ok(()) if !into.filled().is_empty() => *left = left.saturating_sub(into.filled().len()),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for MonitoredStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, into))?;
        let bytes = into.filled().len().saturating_sub(before);
        self.progress.read.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for MonitoredStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.progress.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.progress.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        if self.progress.body_left.load(Relaxed) {
            ready!(self.linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[test]
    fn connection_progresses_by_requests_and_responses() {
        let before = Snapshot { written: 100, requests: 1, ..Snapshot::default() };
        let progressed = |now: Snapshot| now.has_progressed(before, false);
        assert!(!progressed(before));
        assert!(progressed(Snapshot { under_way: 1, ..before }));
        assert!(progressed(Snapshot { requests: 2, ..before }));
        assert!(progressed(Snapshot { written: 100 + MIN_WRITTEN, ..before }));
        assert!(!progressed(Snapshot { written: 99 + MIN_WRITTEN, ..before }), "a trickle is no progress");
        let taking = Snapshot { transfers: 1, ..before };
        assert!(progressed(taking), "`unsent` limits the time of responses");
        assert!(!taking.has_progressed(before, true), "while no place is free, it has to progress");
    }

    /// F-14
    #[test]
    fn waiting_for_a_body_is_no_progress_at_the_connection_limit() {
        let before = Snapshot { requests: 1, under_way: 1, awaited: 1, ..Snapshot::default() };
        let begins_another = Snapshot { requests: 2, under_way: 2, awaited: 2, ..before };
        for now in [before, begins_another] {
            assert!(now.has_progressed(before, false) && !now.has_progressed(before, true), "{now:?}");
        }
        assert!(Snapshot { awaited: 0, ..before }.has_progressed(before, true), "the service works on it");
        assert!(Snapshot { under_way: 0, awaited: 0, answered: 1, ..before }.has_progressed(before, true));
    }

    #[test]
    fn idle_connection_is_kept_below_the_connection_limit() {
        let idle = Snapshot { idle: true, ..Snapshot::default() };
        assert_eq!((idle.timeout(false), Snapshot::default().timeout(false)), (IDLE_TIMEOUT, TIMEOUT));
        assert_eq!((idle.timeout(true), Snapshot::default().timeout(true)), (INTERVAL, INTERVAL));
    }

    #[tokio::test]
    async fn incomplete_request_or_response_is_not_idle() {
        let (mut client, server) = tokio::io::duplex(64);
        let progress = Arc::<ConnectionProgress>::default();
        let mut server = MonitoredStream::new(server, Arc::clone(&progress));
        let mut bytes = [0; 64];
        assert!(!progress.snapshot().idle, "there was no request yet");
        client.write_all(b"GET").await.expect("room");
        assert_eq!(server.read(&mut bytes).await.expect("bytes"), 3);
        Arc::clone(&progress).request(async { assert_eq!(progress.snapshot().under_way, 1) }).await;
        assert!(progress.snapshot().idle);
        client.write_all(b"G").await.expect("room");
        assert_eq!(server.read(&mut bytes).await.expect("bytes"), 1);
        assert!(!progress.snapshot().idle, "the next request has begun");
        Arc::clone(&progress).request(async {}).await;
        server.write_all(&[0; 64]).await.expect("room");
        assert!(progress.snapshot().idle && progress.snapshot().written == 64);
        let full = tokio::time::timeout(Duration::from_millis(10), server.write_all(&[0])).await;
        assert!(full.is_err() && !progress.snapshot().idle, "the response is not taken");
        progress.set_version(Version::HTTP_11);
        assert_eq!(client.read(&mut bytes).await.expect("bytes"), 64);
        server.write_all(&[0]).await.expect("room");
        assert!(progress.snapshot().idle);
        progress.set_version(Version::HTTP_2);
        assert!(!progress.snapshot().idle);
    }
}
