//! Bounds what requests hold until they are answered: the number of their headers, and their heads and bodies per connection
//! and per process.

use super::{
    slow_clients::{AwaitsClient, Pace},
    unsent::{Budget, Reservation},
};
use axum::http::{HeaderMap, HeaderValue, Uri, request::Parts};
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

/// The most headers of a request: as many as the library accepts by HTTP/1. By HTTP/2 a header may take one byte on the wire.
const MAX_HEADERS: usize = 100;
/// The most bytes that unfinished requests of one connection hold.
pub(super) const MAX_PER_CONNECTION: usize = 2 * 1024 * 1024;
/// The most bytes that unfinished requests of the process hold.
pub(super) const MAX_PER_PROCESS: usize = 256 * 1024 * 1024;
/// What a request takes besides its text, and each header of it.
const REQUEST: usize = 16 * 1024;
const HEADER: usize = 128;
/// How much of the path of a rejected request is kept: enough to know the endpoint.
const MAX_PATH: usize = 1024;

/// Why a request is rejected before anything of it is read, in its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejection {
    TooManyHeaders,
    /// Other requests of the connection or of the process hold too much.
    NoRoom,
}

/// The error of a body for which there is no room.
#[derive(Debug, thiserror::Error)]
#[error("unfinished requests hold too much")]
pub(super) struct NoRoom;

/// What a request has reserved until it is answered.
#[derive(Debug, Default)]
pub(super) struct Room {
    reserved: Mutex<Vec<Reservation>>,
    /// The service gave up waiting for the client's body.
    is_stalled: AtomicBool,
}

impl Room {
    /// Reserves more for a body. Returns false if one of the budgets is used up.
    fn grow(&self, bytes: usize) -> bool {
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        reserved.iter_mut().all(|reservation| reservation.grow(bytes))
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.is_stalled.load(Relaxed)
    }
}

/// Reserves the head of a request. Where it is rejected, the head is dropped at once, before another task looks at it.
///
/// The last eighth of each budget is for requests without a body: they wait for nothing that a client could hold back.
pub(super) fn admit(head: &mut Parts, has_body: bool, budgets: [&Arc<Budget>; 2]) -> Arc<Room> {
    let headers = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + HEADER);
    let bytes = REQUEST + head.uri.path_and_query().map_or(0, |text| text.as_str().len()) + headers.sum::<usize>();
    let reserved = || {
        let reserve = |budget: &Arc<Budget>| {
            if has_body { budget.reserve_but_an_eighth(bytes) } else { budget.reserve_all(bytes) }
        };
        budgets.into_iter().map(reserve).collect::<Option<Vec<_>>>().ok_or(Rejection::NoRoom)
    };
    let admitted = if head.headers.len() > MAX_HEADERS { Err(Rejection::TooManyHeaders) } else { reserved() };
    match admitted {
        Ok(reserved) => {
            detach(head);
            Arc::new(Room { reserved: Mutex::new(reserved), ..Room::default() })
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

/// Copies what shares its memory with larger buffers of the connection.
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

/// A body whose bytes are reserved as they come. It tells whether the service waits for the client.
pub(super) struct Counted<B> {
    body: B,
    room: Arc<Room>,
    pace: Arc<Pace>,
    awaits: Option<AwaitsClient>,
}

impl<B> Counted<B> {
    pub(super) fn new(body: B, room: Arc<Room>, pace: Arc<Pace>) -> Self {
        Self { body, room, pace, awaits: None }
    }
}

impl<B> Drop for Counted<B> {
    fn drop(&mut self) {
        if self.awaits.is_some() {
            self.room.is_stalled.store(true, Relaxed);
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Counted<B>
where
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            if self.awaits.is_none() {
                self.awaits = Some(AwaitsClient::new(&self.pace));
            }
            return Poll::Pending;
        };
        self.awaits = None;
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map_err(Into::into)?;
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            if self.room.grow(bytes) { Ok(frame) } else { Err(NoRoom.into()) }
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
    use http_body_util::{BodyExt as _, Full};

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

    ///
    #[test]
    fn request_with_more_than_a_hundred_headers_is_rejected_and_loses_them_at_once() {
        let budget = Budget::new(MAX_PER_PROCESS);
        let (mut fits, mut too_many) = (head(100), head(101));
        let rooms = [admit(&mut fits, true, [&budget; 2]), admit(&mut too_many, true, [&budget; 2])];
        assert_eq!((rejection(&fits), fits.headers.len()), (None, 100));
        assert_eq!((rejection(&too_many), too_many.headers.capacity()), (Some(Rejection::TooManyHeaders), 0));
        assert_eq!(too_many.uri, "/session");
        assert!(budget.used() > 2 * (REQUEST + 100 * HEADER));
        drop(rooms);
        assert_eq!(budget.used(), 0);
    }

    ///
    #[test]
    fn last_eighth_of_a_budget_is_for_requests_without_a_body() {
        let (roomy, tight) = (Budget::new(MAX_PER_PROCESS), Budget::new(8 * (REQUEST + 100)));
        let admitted = |has_body: bool| {
            let mut head = head(0);
            let room = admit(&mut head, has_body, [&roomy, &tight]);
            (rejection(&head), room)
        };
        let rooms: Vec<_> = (0..8).map(|_| admitted(true)).collect();
        let rejections: Vec<_> = rooms.iter().filter_map(|(rejection, _)| *rejection).collect();
        assert_eq!(rejections, [Rejection::NoRoom]);
        assert_eq!(roomy.used(), tight.used(), "nothing is kept where one budget is used up");
        let (rejection, without) = admitted(false);
        assert_eq!(rejection, None);
        drop((rooms, without));
        assert_eq!((roomy.used(), tight.used()), (0, 0));
    }

    ///
    #[test]
    fn body_is_reserved_as_it_comes_and_until_the_request_is_answered() {
        let budget = Budget::new(8 * REQUEST);
        let room = admit(&mut head(0), true, [&budget; 2]);
        let before = budget.used();
        let body =
            |bytes: usize| Counted::new(Full::new(Bytes::from(vec![0; bytes])), Arc::clone(&room), Arc::default());
        assert!(body(100).collect().now_or_never().expect("it is there").is_ok());
        assert_eq!(budget.used(), before + 200, "it counts in both budgets");
        let error = body(6 * REQUEST).collect().now_or_never().expect("it is there").expect_err("no room");
        assert!(error.is::<NoRoom>());
        drop(room);
        assert_eq!(budget.used(), 0);
    }
}
