//! Is a client too slow? What moves on a connection is counted, and one on which nothing moves is given up.

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

/// How often a connection is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How long a client may take to send the head of a request, or to take the last bytes of a response.
const SLOW: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next request: longer than the minute that balancers keep theirs, so that they
/// do not send into one that is just being closed.
const IDLE: Duration = Duration::from_secs(75);
/// A client that takes less of an answer than this from one look to the next takes nothing.
const LEAST: u64 = 16 * 1024;

/// What has moved on one connection.
#[derive(Debug, Default)]
pub(super) struct Pace {
    read: AtomicU64,
    written: AtomicU64,
    /// An answer waits for the client to take it.
    waits: AtomicBool,
    requests: AtomicU64,
    under_way: AtomicU64,
    /// Requests under way that wait for the client to send their bodies.
    awaited: AtomicU64,
    /// Requests that were answered and did not wait for their bodies in vain.
    answered: AtomicU64,
    /// Responses that are being taken. Each is judged by itself, in `unsent`.
    transfers: AtomicU64,
    /// How much was read when the last request was answered: more is the beginning of another.
    read_by_then: AtomicU64,
    /// It may carry several requests at once: HTTP/2.
    shared: AtomicBool,
    /// A response was sent before the body of its request was read, and said that the connection ends.
    body_left: AtomicBool,
}

/// The same at one moment.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    written: u64,
    requests: u64,
    under_way: u64,
    awaited: u64,
    answered: u64,
    transfers: u64,
    /// Nothing is to be read or written before the next request.
    idle: bool,
}

impl Seen {
    /// While the service is crowded, only what the service works on and what the client finishes is a movement: neither the
    /// wait for a body nor the beginning of another request.
    fn moved(self, before: Self, crowded: bool) -> bool {
        let moved = if crowded {
            self.under_way > self.awaited || self.answered > before.answered
        } else {
            self.under_way > 0 || self.transfers > 0 || self.requests > before.requests
        };
        moved || self.written.saturating_sub(before.written) >= LEAST
    }

    const fn patience(self, crowded: bool) -> Duration {
        if crowded {
            LOOK
        } else if self.idle {
            IDLE
        } else {
            SLOW
        }
    }
}

impl Pace {
    /// Counts a request as long as it is worked on.
    pub(super) async fn request<F: Future>(self: Arc<Self>, work: F) -> F::Output {
        struct UnderWay(Arc<Pace>);

        impl Drop for UnderWay {
            fn drop(&mut self) {
                self.0.read_by_then.store(self.0.read.load(Relaxed), Relaxed);
                self.0.under_way.fetch_sub(1, Relaxed);
            }
        }

        self.requests.fetch_add(1, Relaxed);
        self.under_way.fetch_add(1, Relaxed);
        let _under_way = UnderWay(self);
        work.await
    }

    /// Counts a request that was answered, and whose body did not keep the service waiting to the end.
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
    pub(super) fn leaves_a_body(&self) {
        self.body_left.store(true, Relaxed);
    }

    /// Notes how the client speaks.
    pub(super) fn speaks(&self, version: Version) {
        self.shared.store(version >= Version::HTTP_2, Relaxed);
    }

    /// Ends when the client has been too slow, or idle for too long. While the service is crowded nobody may be either.
    pub(super) async fn too_slow(&self, crowded: impl Fn() -> bool) {
        let (mut before, mut quiet) = (self.seen(), Duration::ZERO);
        loop {
            tokio::time::sleep(LOOK).await;
            let (now, crowded) = (self.seen(), crowded());
            quiet = if now.moved(before, crowded) { Duration::ZERO } else { quiet + LOOK };
            if quiet >= now.patience(crowded) {
                return;
            }
            before = now;
        }
    }

    fn seen(&self) -> Seen {
        let read = self.read.load(Relaxed) > self.read_by_then.load(Relaxed);
        let requests = self.requests.load(Relaxed);
        Seen {
            written: self.written.load(Relaxed),
            requests,
            under_way: self.under_way.load(Relaxed),
            awaited: self.awaited.load(Relaxed),
            answered: self.answered.load(Relaxed),
            transfers: self.transfers.load(Relaxed),
            idle: requests > 0 && !read && !self.waits.load(Relaxed) && !self.shared.load(Relaxed),
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
pub(super) struct AwaitsClient(Arc<Pace>);

impl AwaitsClient {
    pub(super) fn new(pace: &Arc<Pace>) -> Self {
        pace.awaited.fetch_add(1, Relaxed);
        Self(Arc::clone(pace))
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

/// A stream of which is counted what goes through it.
pub(super) struct MonitoredStream<S> {
    stream: S,
    pace: Arc<Pace>,
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S> MonitoredStream<S> {
    pub(super) fn new(stream: S, pace: Arc<Pace>) -> Self {
        Self { stream, pace, lingering: None }
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
        self.pace.read.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for MonitoredStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.pace.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.pace.wrote(&written);
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
        if self.pace.body_left.load(Relaxed) {
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
    fn a_connection_moves_by_requests_and_by_answers_that_are_taken() {
        let before = Seen { written: 100, requests: 1, ..Seen::default() };
        let moved = |now: Seen| now.moved(before, false);
        assert!(!moved(before));
        assert!(moved(Seen { under_way: 1, ..before }));
        assert!(moved(Seen { requests: 2, ..before }));
        assert!(moved(Seen { written: 100 + LEAST, ..before }));
        assert!(!moved(Seen { written: 99 + LEAST, ..before }), "a trickle is no progress");
        let taking = Seen { transfers: 1, ..before };
        assert!(moved(taking), "a response that is being taken has limits of its own");
        assert!(!taking.moved(before, true), "while the service is crowded, it has to move");
    }

    /// F-14
    #[test]
    fn request_that_waits_for_its_body_is_no_movement_while_the_service_is_crowded() {
        let before = Seen { requests: 1, under_way: 1, awaited: 1, ..Seen::default() };
        let begins_another = Seen { requests: 2, under_way: 2, awaited: 2, ..before };
        for now in [before, begins_another] {
            assert!(now.moved(before, false) && !now.moved(before, true), "{now:?}");
        }
        assert!(Seen { awaited: 0, ..before }.moved(before, true), "the service works on it");
        assert!(Seen { under_way: 0, awaited: 0, answered: 1, ..before }.moved(before, true));
    }

    #[test]
    fn patience_is_for_those_who_have_asked_and_owe_nothing() {
        let idle = Seen { idle: true, ..Seen::default() };
        assert_eq!((idle.patience(false), Seen::default().patience(false)), (IDLE, SLOW));
        assert_eq!((idle.patience(true), Seen::default().patience(true)), (LOOK, LOOK));
    }

    #[tokio::test]
    async fn what_a_client_owes_is_seen() {
        let (mut client, server) = tokio::io::duplex(64);
        let pace = Arc::<Pace>::default();
        let mut server = MonitoredStream::new(server, Arc::clone(&pace));
        let mut bytes = [0; 64];
        assert!(!pace.seen().idle, "it has not asked yet");
        client.write_all(b"GET").await.expect("room");
        assert_eq!(server.read(&mut bytes).await.expect("bytes"), 3);
        Arc::clone(&pace).request(async { assert_eq!(pace.seen().under_way, 1) }).await;
        assert!(pace.seen().idle);
        client.write_all(b"G").await.expect("room");
        assert_eq!(server.read(&mut bytes).await.expect("bytes"), 1);
        assert!(!pace.seen().idle, "the next request has begun");
        Arc::clone(&pace).request(async {}).await;
        server.write_all(&[0; 64]).await.expect("room");
        assert!(pace.seen().idle && pace.seen().written == 64);
        let full = tokio::time::timeout(Duration::from_millis(10), server.write_all(&[0])).await;
        assert!(full.is_err() && !pace.seen().idle, "the answer is not taken");
        pace.speaks(Version::HTTP_11);
        assert_eq!(client.read(&mut bytes).await.expect("bytes"), 64);
        server.write_all(&[0]).await.expect("room");
        assert!(pace.seen().idle);
        pace.speaks(Version::HTTP_2);
        assert!(!pace.seen().idle);
    }
}
