//! Limits the memory of unfinished requests: the number of headers, and the bytes of heads and bodies per connection, per client
//! network and per process. At the limit of the process, the oldest request that still waits for its body is abandoned.
//!
//! Written by hand: `tower`'s limits of concurrency and load count requests, which differ in their memory by a factor of 100, and
//! none of them makes room by the end of a request that waits for its client.

use super::{
    budget::{Budget, Reservation},
    slow_clients::{AwaitsClient, ConnectionProgress},
};
use axum::http::{HeaderMap, HeaderValue, Uri, request::Parts};
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

/// The maximum number of headers, the same as the limit of the library for HTTP/1. In HTTP/2 a header can be a single byte.
const MAX_HEADERS: usize = 100;
/// The maximum number of bytes of the unfinished requests of one connection.
pub(super) const MAX_PER_CONNECTION: usize = 2 * 1024 * 1024;
/// The maximum number of bytes of the unfinished requests of the process.
pub(super) const MAX_PER_PROCESS: usize = 256 * 1024 * 1024;
/// The memory in bytes of a request, and of each header, in addition to its text.
const REQUEST: usize = 16 * 1024;
const HEADER: usize = 128;
/// The number of bytes of the path that a rejected request keeps, enough to know the endpoint.
const MAX_PATH: usize = 1024;

/// The reason to reject a request before its body is read, in its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejection {
    TooManyHeaders,
    /// The requests of the connection, of the network or of the process are at their limit.
    NoRoom,
}

/// The reason why a body is not read to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("unfinished requests hold too much")]
    NoRoom,
    #[error("the body did not arrive before its memory was needed")]
    Abandoned,
}

/// The unfinished requests of the process.
#[derive(Debug)]
pub(super) struct Unfinished {
    budget: Arc<Budget>,
    /// The number of requests since the start of the process.
    admitted: AtomicU64,
    /// The requests that wait for more of their bodies, oldest first.
    waiting: Mutex<BTreeMap<u64, Arc<Room>>>,
}

impl Unfinished {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { budget: Budget::new(max), admitted: AtomicU64::default(), waiting: Mutex::default() })
    }

    /// Reserves bytes in the budget of the process; abandons waiting requests until it succeeds or none is left.
    fn reserve<T>(&self, reserve: impl Fn() -> Option<T>) -> Option<T> {
        loop {
            if let Some(reserved) = reserve() {
                return Some(reserved);
            }
            let oldest = lock(&self.waiting).pop_first();
            oldest?.1.abandon();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The reservations of a request until its response.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// The sequence number of the request.
    number: u64,
    state: Mutex<State>,
    /// Whether the request ended while it waited for the rest of its body.
    is_stalled: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// `None` if the request was abandoned.
    reserved: Option<Reserved>,
    /// Wakes the request that waits for its client.
    waker: Option<Waker>,
}

#[derive(Debug)]
struct Reserved {
    /// The reservations in the budgets of the client: those of its connection and its network.
    own: Vec<Reservation>,
    process: Reservation,
}

impl Room {
    /// Reserves more bytes for the body.
    fn grow(&self, bytes: usize, unfinished: &Unfinished) -> Result<(), BodyError> {
        if let Some(reserved) = &mut lock(&self.state).reserved
            && !reserved.own.iter_mut().all(|reservation| reservation.grow(bytes))
        {
            return Err(BodyError::NoRoom);
        }
        // The lock is not held while other requests are abandoned.
        let grow = || match &mut lock(&self.state).reserved {
            Some(reserved) => reserved.process.grow(bytes).then_some(Ok(())),
            None => Some(Err(BodyError::Abandoned)),
        };
        unfinished.reserve(grow).unwrap_or(Err(BodyError::NoRoom))
    }

    /// Stores the waker for the case that the request is abandoned. Returns false if it already was.
    fn wait(&self, waker: &Waker) -> bool {
        let mut state = lock(&self.state);
        state.waker = Some(waker.clone());
        state.reserved.is_some()
    }

    /// Releases the reservations of the request and wakes it, so that it drops its memory.
    fn abandon(&self) {
        self.is_stalled.store(true, Relaxed);
        let State { reserved, waker } = std::mem::take(&mut *lock(&self.state));
        drop(reserved);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn is_abandoned(&self) -> bool {
        lock(&self.state).reserved.is_none()
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.is_stalled.load(Relaxed)
    }
}

/// Reserves the head of a request in the budgets of its client and of the process. If the request is rejected, its headers are
/// dropped immediately.
///
/// The last eighth of each budget is for requests without a body, because a client cannot delay these.
pub(super) fn admit(head: &mut Parts, has_body: bool, own: &[Arc<Budget>], unfinished: &Unfinished) -> Arc<Room> {
    let headers = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + HEADER);
    let bytes = REQUEST + head.uri.path_and_query().map_or(0, |text| text.as_str().len()) + headers.sum::<usize>();
    let reserve = |budget: &Arc<Budget>| {
        if has_body { budget.reserve_but_an_eighth(bytes) } else { budget.reserve(bytes) }
    };
    let reserved = || {
        let own = own.iter().map(reserve).collect::<Option<_>>()?;
        Some(Reserved { own, process: unfinished.reserve(|| reserve(&unfinished.budget))? })
    };
    let admitted = match head.headers.len() {
        0..=MAX_HEADERS => reserved().ok_or(Rejection::NoRoom),
        _ => Err(Rejection::TooManyHeaders),
    };
    match admitted {
        Ok(reserved) => {
            detach(head);
            let state = Mutex::new(State { reserved: Some(reserved), waker: None });
            let number = unfinished.admitted.fetch_add(1, Relaxed);
            Arc::new(Room { number, state, ..Room::default() })
        }
        Err(rejection) => {
            head.headers = HeaderMap::new();
            let path = head.uri.path();
            let path = path.get(..path.len().min(MAX_PATH)).unwrap_or("/");
            head.uri = Uri::try_from(path).unwrap_or_default();
            head.extensions.insert(rejection);
            Arc::default()
        }
    }
}

/// Copies the texts that share memory with larger buffers of the connection.
fn detach(head: &mut Parts) {
    for value in head.headers.values_mut() {
        if let Ok(mut copy) = HeaderValue::from_bytes(value.as_bytes()) {
            copy.set_sensitive(value.is_sensitive());
            *value = copy;
        }
    }
    if let Ok(copy) = head.uri.to_string().parse() {
        head.uri = copy;
    }
}

/// As long as this value exists, a request is registered as waiting for its client.
#[derive(Debug)]
struct Waiting {
    number: u64,
    unfinished: Arc<Unfinished>,
    _awaits: AwaitsClient,
}

impl Waiting {
    fn new(room: &Arc<Room>, unfinished: &Arc<Unfinished>, progress: &Arc<ConnectionProgress>) -> Self {
        lock(&unfinished.waiting).insert(room.number, Arc::clone(room));
        Self { number: room.number, unfinished: Arc::clone(unfinished), _awaits: AwaitsClient::new(progress) }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        lock(&self.unfinished.waiting).remove(&self.number);
    }
}

/// A body whose bytes are reserved as they arrive.
pub(super) struct CountedBody<B> {
    body: B,
    room: Arc<Room>,
    unfinished: Arc<Unfinished>,
    progress: Arc<ConnectionProgress>,
    waiting: Option<Waiting>,
}

impl<B> CountedBody<B> {
    pub(super) fn new(
        body: B,
        room: Arc<Room>,
        unfinished: Arc<Unfinished>,
        progress: Arc<ConnectionProgress>,
    ) -> Self {
        Self { body, room, unfinished, progress, waiting: None }
    }
}

impl<B> Drop for CountedBody<B> {
    fn drop(&mut self) {
        if self.waiting.is_some() {
            self.room.is_stalled.store(true, Relaxed);
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for CountedBody<B>
where
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        // The body of a rejected request is not read either.
        if self.room.is_abandoned() {
            self.waiting = None;
            return Poll::Ready(Some(Err(BodyError::Abandoned.into())));
        }
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            if !self.room.wait(cx.waker()) {
                self.waiting = None;
                return Poll::Ready(Some(Err(BodyError::Abandoned.into())));
            }
            if self.waiting.is_none() {
                self.waiting = Some(Waiting::new(&self.room, &self.unfinished, &self.progress));
            }
            return Poll::Pending;
        };
        self.waiting = None;
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map_err(Into::into)?;
            self.room.grow(frame.data_ref().map_or(0, Bytes::len), &self.unfinished)?;
            Ok(frame)
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use futures_util::FutureExt as _;
    use http_body_util::{BodyExt as _, Full, StreamBody};
    use std::{convert::Infallible, time::Duration};

    fn head(headers: usize) -> Parts {
        let mut request = Request::builder().uri("/session?x=1");
        for _ in 0..headers {
            request = request.header("a", "b");
        }
        request.body(()).expect("a request").into_parts().0
    }

    fn rejection(head: &Parts) -> Option<Rejection> {
        head.extensions.get::<Rejection>().copied()
    }

    fn counted<B>(body: B, room: &Arc<Room>, unfinished: &Arc<Unfinished>) -> CountedBody<B> {
        CountedBody::new(body, Arc::clone(room), Arc::clone(unfinished), Arc::default())
    }

    /// A body of which no bytes arrive.
    fn withheld(
        room: &Arc<Room>,
        unfinished: &Arc<Unfinished>,
    ) -> CountedBody<impl Body<Data = Bytes, Error = Infallible> + Unpin> {
        counted(StreamBody::new(futures_util::stream::pending()), room, unfinished)
    }

    fn used(budgets: &[Arc<Budget>], unfinished: &Unfinished) -> Vec<usize> {
        budgets.iter().chain([&unfinished.budget]).map(|budget| budget.used()).collect()
    }

    ///
    #[test]
    fn request_with_too_many_headers_is_rejected_and_drops_them() {
        let unfinished = Unfinished::new(MAX_PER_PROCESS);
        let (mut fits, mut too_many) = (head(100), head(101));
        let rooms = [&mut fits, &mut too_many].map(|head| admit(head, true, &[], &unfinished));
        assert_eq!((rejection(&fits), fits.headers.len()), (None, 100));
        assert_eq!((rejection(&too_many), too_many.headers.capacity()), (Some(Rejection::TooManyHeaders), 0));
        assert_eq!(too_many.uri, "/session");
        assert!(unfinished.budget.used() > REQUEST + 100 * HEADER);
        drop(rooms);
        assert_eq!(unfinished.budget.used(), 0);
    }

    ///
    #[test]
    fn last_eighth_of_each_budget_is_for_requests_without_a_body() {
        let (roomy, tight) = (MAX_PER_PROCESS, 8 * (REQUEST + 100));
        for (own, process) in [(tight, roomy), (roomy, tight)] {
            let (own, unfinished) = ([Budget::new(own)], Unfinished::new(process));
            let admitted = |has_body: bool| {
                let mut head = head(0);
                let room = admit(&mut head, has_body, &own, &unfinished);
                (rejection(&head), room)
            };
            let rooms: Vec<_> = (0..8).map(|_| admitted(true)).collect();
            let rejections: Vec<_> = rooms.iter().filter_map(|(rejection, _)| *rejection).collect();
            assert_eq!(rejections, [Rejection::NoRoom]);
            let used_now = used(&own, &unfinished);
            assert_eq!(used_now[0], used_now[1], "nothing is kept where one budget is used up");
            let (rejection, without) = admitted(false);
            assert_eq!(rejection, None);
            drop((rooms, without));
            assert_eq!(used(&own, &unfinished), [0, 0]);
        }
    }

    ///
    #[test]
    fn body_is_reserved_as_it_arrives_and_until_the_request_is_answered() {
        let (own, unfinished) = ([Budget::new(8 * REQUEST)], Unfinished::new(MAX_PER_PROCESS));
        let room = admit(&mut head(0), true, &own, &unfinished);
        let before = used(&own, &unfinished);
        let body = |bytes: usize| counted(Full::new(Bytes::from(vec![0; bytes])), &room, &unfinished);
        assert!(body(100).collect().now_or_never().expect("it is there").is_ok());
        assert_eq!(used(&own, &unfinished), before.iter().map(|bytes| bytes + 100).collect::<Vec<_>>());
        let error = body(7 * REQUEST).collect().now_or_never().expect("it is there").expect_err("no room");
        assert!(matches!(error.downcast_ref(), Some(BodyError::NoRoom)));
        drop(room);
        assert_eq!(used(&own, &unfinished), [0, 0]);
    }

    ///
    #[tokio::test]
    async fn oldest_waiting_request_is_abandoned_for_the_next() {
        // Bytes for three requests, and the eighth for requests without a body.
        let unfinished = Unfinished::new(4 * REQUEST);
        let admit_one = || {
            let mut head = head(0);
            let room = admit(&mut head, true, &[], &unfinished);
            (rejection(&head), room)
        };
        let [(_, busy), (_, old), (_, young)] = std::array::from_fn(|_| admit_one());
        // The order is that of the requests, not of the beginning of their waits.
        let (mut young_body, mut old_body) = (withheld(&young, &unfinished), withheld(&old, &unfinished));
        assert!(young_body.frame().now_or_never().is_none() && old_body.frame().now_or_never().is_none());
        let both = async { tokio::join!(old_body.frame(), async { admit_one() }) };
        let (ended, (rejected, next)) = tokio::time::timeout(Duration::from_mins(1), both).await.expect("an end");
        assert_eq!(rejected, None);
        let error = ended.expect("an end").expect_err("it is abandoned");
        assert!(matches!(error.downcast_ref(), Some(BodyError::Abandoned)) && old.is_stalled());
        assert!(young_body.frame().now_or_never().is_none() && !busy.is_abandoned());
        // A body that arrives needs bytes as well.
        let arrived = counted(Full::new(Bytes::from_static(&[0; REQUEST / 2])), &next, &unfinished);
        assert!(arrived.collect().await.is_ok() && young.is_abandoned());
        assert_eq!(admit_one().0, Some(Rejection::NoRoom), "no other request waits for its client");
        drop((old_body, young_body));
        assert!(lock(&unfinished.waiting).is_empty());
    }
}
