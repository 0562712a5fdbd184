//! Detects slow clients: what a connection reads, writes and answers is counted, and one without progress is closed.

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

/// How often a connection is checked.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long a client may take to send the head of a request, or to take the last bytes of a response.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next request: longer than the minute that load balancers keep theirs, so that they
/// do not send a request on a connection that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// A client that takes fewer bytes of a response within an interval makes no progress.
const MIN_WRITTEN: u64 = 16 * 1024;

/// What one connection has read, written and answered.
#[derive(Debug, Default)]
pub(super) struct ConnectionProgress {
    read: AtomicU64,
    written: AtomicU64,
    /// A response waits for the client to take it.
    waits: AtomicBool,
    requests: AtomicU64,
    under_way: AtomicU64,
    /// Requests under way that wait for the client to send their bodies.
    awaited: AtomicU64,
    /// Requests that were answered, except those whose bodies did not arrive.
    answered: AtomicU64,
    /// Responses that are being taken. Each has time limits of its own, in `unsent`.
    transfers: AtomicU64,
    /// How much was read when the last request was answered: more is the beginning of another.
    read_when_answered: AtomicU64,
    /// It can carry several requests at the same time.
    is_http2: AtomicBool,
    /// A response with `Connection: close` was sent before the body of its request was read.
    body_left: AtomicBool,
}

/// The same at one moment.
#[derive(Debug, Clone, Copy, Default)]
struct Snapshot {
    written: u64,
    requests: u64,
    under_way: u64,
    awaited: u64,
    answered: u64,
    transfers: u64,
    /// No request or response is incomplete.
    idle: bool,
}

impl Snapshot {
    /// While no place is free, only what the service works on and what the client completes is progress: neither the wait for
    /// a body nor the beginning of another request.
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
    /// Counts a request as long as it is worked on.
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

    /// Counts a response that the client begins to take.
    pub(super) fn transfer_began(&self) {
        self.transfers.fetch_add(1, Relaxed);
    }

    /// Counts a response that was taken, or given up.
    pub(super) fn transfer_ended(&self) {
        self.transfers.fetch_sub(1, Relaxed);
    }

    /// Notes that the connection ends while the client may still send a body.
    pub(super) fn set_body_left(&self) {
        self.body_left.store(true, Relaxed);
    }

    pub(super) fn set_version(&self, version: Version) {
        self.is_http2.store(version >= Version::HTTP_2, Relaxed);
    }

    /// Returns when the client has been too slow, or idle for too long: for one interval while no place is free.
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

/// As long as it exists, a request of the connection waits for the client to send its body.
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

/// How long, and how many bytes, a client may still send when the service ends a connection before it read a body. If the
/// socket were closed at once, the system would reset the connection, and the client might not see the response.
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
    /// Reads what the client still sends, until it ends or a limit is reached.
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
    fn connection_progresses_by_requests_and_by_responses_that_are_taken() {
        let before = Snapshot { written: 100, requests: 1, ..Snapshot::default() };
        let progressed = |now: Snapshot| now.has_progressed(before, false);
        assert!(!progressed(before));
        assert!(progressed(Snapshot { under_way: 1, ..before }));
        assert!(progressed(Snapshot { requests: 2, ..before }));
        assert!(progressed(Snapshot { written: 100 + MIN_WRITTEN, ..before }));
        assert!(!progressed(Snapshot { written: 99 + MIN_WRITTEN, ..before }), "a trickle is no progress");
        let taking = Snapshot { transfers: 1, ..before };
        assert!(progressed(taking), "a response that is being taken has time limits of its own");
        assert!(!taking.has_progressed(before, true), "while no place is free, it has to progress");
    }

    /// F-14
    #[test]
    fn request_that_waits_for_its_body_is_no_progress_while_no_place_is_free() {
        let before = Snapshot { requests: 1, under_way: 1, awaited: 1, ..Snapshot::default() };
        let begins_another = Snapshot { requests: 2, under_way: 2, awaited: 2, ..before };
        for now in [before, begins_another] {
            assert!(now.has_progressed(before, false) && !now.has_progressed(before, true), "{now:?}");
        }
        assert!(Snapshot { awaited: 0, ..before }.has_progressed(before, true), "the service works on it");
        assert!(Snapshot { under_way: 0, awaited: 0, answered: 1, ..before }.has_progressed(before, true));
    }

    #[test]
    fn connection_between_two_requests_is_kept_longer_unless_no_place_is_free() {
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
