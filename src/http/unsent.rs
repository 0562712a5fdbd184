//! Limits unsent responses: their bytes per connection and per process, and the time that a client has to receive each.
//!
//! Written by hand: hyper and h2 limit what they buffer of a response, not what a handler has produced, and neither limits the
//! time that a client takes to receive it. It can go as soon as hyper does both.

use super::{
    budget::{Budget, Reservation},
    slow_clients::ConnectionProgress,
};
use axum::{
    body::{Body, Bytes, HttpBody as _},
    response::Response,
};
use hyper::body::{Buf, Frame, SizeHint};
use hyper_util::rt::TokioExecutor;
use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use tokio::time::Instant;

/// The maximum number of unsent bytes of one connection.
pub(super) const MAX_PER_CONNECTION: usize = 8 * 1024 * 1024;
/// The maximum number of unsent bytes of the process.
pub(super) const MAX_PER_PROCESS: usize = 256 * 1024 * 1024;
/// The number of bytes that a streamed response reserves. Its producer yields smaller chunks, one at a time.
const STREAMED: usize = 256 * 1024;
/// The last eighth of a budget is for responses of this size or less and for results of mutations, the last sixteenth only for
/// the latter.
const SMALL: usize = 16 * 1024;
/// The maximum number of bytes of a response that the HTTP library buffers.
const PIECE: usize = 64 * 1024;
/// The time that a client has to receive a buffered response.
const BUFFERED_TIMEOUT: Duration = Duration::from_secs(30);
/// The time that a client has to receive each `MIN_PER_WINDOW` bytes of any other response.
const WINDOW: Duration = Duration::from_secs(15);
const MIN_PER_WINDOW: usize = 64 * 1024;
/// The maximum time between two checks of the transfers.
const INTERVAL: Duration = Duration::from_secs(5);

/// The budget of the connection, in the extensions of its requests.
#[derive(Debug, Clone)]
pub(super) struct ConnectionBudget(pub(super) Arc<Budget>);

/// Marks a response with a body that all clients share, so that it needs no reservation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resident;

/// The reservations of a response, in its extensions.
#[derive(Debug, Clone)]
struct Reserved(#[expect(dead_code, reason = "it is returned when it is dropped")] Arc<[Reservation]>);

/// Reservations for the result of a mutation, made before its changes: the result may contain a token value, which cannot be
/// shown again. In the extensions of the response, which then always fits.
#[derive(Debug, Clone)]
pub(super) struct Held(#[expect(dead_code, reason = "it is returned when it is dropped")] Arc<[Reservation]>);

/// Reserves bytes in each budget for a result of at most this size; `None` if it does not fit in one of them.
pub(super) fn hold(bytes: usize, budgets: &[&Arc<Budget>]) -> Option<Held> {
    budgets.iter().map(|budget| budget.reserve(bytes)).collect::<Option<_>>().map(Held)
}

/// Reserves the size of a response in each budget. Returns false, and reserves no bytes, if it does not fit in one of them.
pub(super) fn reserve(response: &mut Response, budgets: &[&Arc<Budget>]) -> bool {
    if response.extensions().get::<Resident>().is_some() {
        return true;
    }
    let size = response.body().size_hint().exact();
    let bytes = size.map_or(STREAMED, |size| usize::try_from(size).unwrap_or(usize::MAX));
    // It is released after the new reservation, so that no other response can take its bytes.
    let held = response.extensions_mut().remove::<Held>();
    let reserved = budgets.iter().map(|budget| match &held {
        Some(_) => Some(budget.force(bytes)),
        None => reserve_response(budget, bytes),
    });
    let Some(reserved) = reserved.collect::<Option<_>>() else { return false };
    response.extensions_mut().insert(Reserved(reserved));
    true
}

/// Reserves the size of a response that can be replaced by an error. A response without a body always fits.
fn reserve_response(budget: &Arc<Budget>, bytes: usize) -> Option<Reservation> {
    match bytes {
        0 => Some(budget.force(0)),
        1..=SMALL => budget.reserve_but_a_sixteenth(bytes),
        _ => budget.reserve_but_an_eighth(bytes),
    }
}

/// The time that a client has to receive a response.
#[derive(Debug, Clone, Copy)]
enum Limit {
    /// For the whole response.
    Whole,
    /// For each `MIN_PER_WINDOW` bytes.
    Rate,
}

/// A response that a client receives. It has ended when its last byte was written to the socket or it was abandoned.
#[derive(Debug)]
struct Transfer {
    limit: Limit,
    progress: Mutex<Progress>,
    connection: Arc<ConnectionProgress>,
    _reserved: Option<Reserved>,
}

#[derive(Debug)]
struct Progress {
    since: Instant,
    taken: usize,
    /// The time since which the client waits for data from the service.
    produced_since: Option<Instant>,
    /// Whether a piece is not written yet. `waker` is the task that waits for it.
    piece: bool,
    waker: Option<Waker>,
}

impl Transfer {
    fn new(limit: Limit, connection: &Arc<ConnectionProgress>, reserved: Option<Reserved>) -> Self {
        let progress = Progress { since: Instant::now(), taken: 0, produced_since: None, piece: false, waker: None };
        connection.transfer_began();
        Self { limit, progress: Mutex::new(progress), connection: Arc::clone(connection), _reserved: reserved }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when to check again; `None` if the client is too slow.
    fn check(&self, now: Instant) -> Option<Duration> {
        let mut progress = self.progress();
        if progress.produced_since.is_some() {
            return Some(INTERVAL);
        }
        let elapsed = now.saturating_duration_since(progress.since);
        let left = |limit: Duration| limit.checked_sub(elapsed).filter(|left| !left.is_zero());
        match self.limit {
            Limit::Whole => left(BUFFERED_TIMEOUT),
            Limit::Rate => left(WINDOW).or_else(|| {
                let fast = progress.taken >= MIN_PER_WINDOW;
                (progress.since, progress.taken) = (now, 0);
                fast.then_some(WINDOW)
            }),
        }
    }

    /// Returns whether a piece is not written yet; if so, `cx` is woken when it is.
    fn awaits_piece(&self, cx: &Context<'_>) -> bool {
        let mut progress = self.progress();
        if progress.piece {
            progress.waker = Some(cx.waker().clone());
        }
        progress.piece
    }

    /// Records whether the body had data. The time without data does not count against the client.
    fn produced(&self, pending: bool) {
        let mut progress = self.progress();
        match (pending, progress.produced_since) {
            (true, None) => progress.produced_since = Some(Instant::now()),
            (false, Some(since)) => {
                progress.since += since.elapsed();
                progress.produced_since = None;
            }
            _ => {}
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.connection.transfer_ended();
    }
}

/// A part of a response that the HTTP library holds.
#[derive(Debug)]
pub(super) struct Piece {
    bytes: Bytes,
    transfer: Arc<Transfer>,
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, written: usize) {
        self.bytes.advance(written);
        let mut progress = self.transfer.progress();
        progress.taken = progress.taken.saturating_add(written);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let mut progress = self.transfer.progress();
        progress.piece = false;
        let waker = progress.waker.take();
        drop(progress);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A body that is sent in pieces, each after the previous one was written. A response then does not end while much of it is
/// unsent, neither in HTTP/1 nor in HTTP/2.
#[derive(Debug)]
pub(super) struct PacedBody {
    body: Body,
    rest: Bytes,
    transfer: Arc<Transfer>,
}

/// Makes the response be sent in pieces, with the time limits of `until_too_slow`.
pub(super) fn paced(mut response: Response, connection: &Arc<ConnectionProgress>) -> axum::http::Response<PacedBody> {
    let reserved = response.extensions_mut().remove::<Reserved>();
    let resident = response.extensions_mut().remove::<Resident>().is_some();
    let buffered = response.body().size_hint().exact().is_some();
    let limit = if buffered && !resident { Limit::Whole } else { Limit::Rate };
    let transfer = Arc::new(Transfer::new(limit, connection, reserved));
    let _ = TRANSFERS.try_with(|transfers| transfers.add(&transfer));
    response.map(|body| PacedBody { body, rest: Bytes::new(), transfer })
}

impl hyper::body::Body for PacedBody {
    type Data = Piece;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Piece>, Self::Error>>> {
        if self.transfer.awaits_piece(cx) {
            return Poll::Pending;
        }
        while self.rest.is_empty() {
            let frame = Pin::new(&mut self.body).poll_frame(cx);
            self.transfer.produced(frame.is_pending());
            match ready!(frame) {
                // No response has trailers.
                Some(Ok(frame)) => self.rest = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let length = self.rest.len().min(PIECE);
        let bytes = self.rest.split_to(length);
        self.transfer.progress().piece = true;
        let transfer = Arc::clone(&self.transfer);
        Poll::Ready(Some(Ok(Frame::data(Piece { bytes, transfer }))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream() && !self.transfer.progress().piece
    }

    fn size_hint(&self) -> SizeHint {
        match self.body.size_hint().exact() {
            Some(size) => SizeHint::with_exact(size + u64::try_from(self.rest.len()).unwrap_or(u64::MAX)),
            None => SizeHint::new(),
        }
    }
}

tokio::task_local! {
    /// The responses of the current task.
    static TRANSFERS: Arc<Transfers>;
}

/// The responses of one task: the response of an HTTP/2 stream, or all responses of an HTTP/1 connection.
#[derive(Debug, Default)]
struct Transfers(Mutex<Vec<Weak<Transfer>>>);

impl Transfers {
    fn add(&self, transfer: &Arc<Transfer>) {
        self.current().push(Arc::downgrade(transfer));
    }

    /// Returns the transfers that have not ended.
    fn current(&self) -> MutexGuard<'_, Vec<Weak<Transfer>>> {
        let mut transfers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        transfers.retain(|transfer| transfer.strong_count() > 0);
        transfers
    }

    async fn too_slow(&self) {
        loop {
            let transfers: Vec<_> = self.current().iter().filter_map(Weak::upgrade).collect();
            let now = Instant::now();
            let next = transfers.iter().try_fold(INTERVAL, |next, one| Some(next.min(one.check(now)?)));
            drop(transfers);
            match next {
                Some(next) => tokio::time::sleep(next).await,
                None => return,
            }
        }
    }
}

/// Runs a task that sends responses; `None` as soon as the client is too slow to receive one of them.
pub(super) async fn until_too_slow<T: Future>(task: T) -> Option<T::Output> {
    let transfers = Arc::<Transfers>::default();
    tokio::select! {
        output = TRANSFERS.scope(Arc::clone(&transfers), task) => Some(output),
        () = transfers.too_slow() => None,
    }
}

/// Runs HTTP/2 streams. If the client of a stream is too slow, only that stream is dropped and thus reset.
#[derive(Debug, Clone)]
pub(super) struct Streams;

impl<T> hyper::rt::Executor<T> for Streams
where
    T: Future + Send + 'static,
    T::Output: Send + 'static,
{
    fn execute(&self, stream: T) {
        TokioExecutor::new().execute(until_too_slow(stream));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse as _;
    use futures_util::stream;
    use http_body_util::BodyExt as _;
    use std::future::poll_fn;

    fn transfer(limit: Limit) -> Transfer {
        Transfer::new(limit, &Arc::default(), None)
    }

    /// F-14
    #[test]
    fn responses_leave_bytes_for_results_of_mutations() {
        let budget = Budget::new(MAX_PER_CONNECTION);
        assert!(reserve_response(&budget, MAX_PER_CONNECTION).is_none());
        let large = reserve_response(&budget, MAX_PER_CONNECTION / 8 * 7).expect("room");
        assert!(reserve_response(&budget, SMALL + 1).is_none());
        let small: Vec<_> = (0..32).map(|_| reserve_response(&budget, SMALL).expect("room")).collect();
        assert!(reserve_response(&budget, 1).is_none());
        let held = hold(MAX_PER_CONNECTION / 16, &[&budget]).expect("room");
        assert!(hold(1, &[&budget]).is_none());
        assert!(reserve_response(&budget, 0).is_some(), "a response without a body takes no room");
        drop((large, small, held));
        assert_eq!(budget.used(), 0);
    }

    /// F-14
    #[test]
    fn result_of_a_mutation_always_fits() {
        let (roomy, tight) = (Budget::new(MAX_PER_PROCESS), Budget::new(200));
        let mut result = vec![0; 100].into_response();
        result.extensions_mut().insert(hold(200, &[&roomy, &tight]).expect("room"));
        assert!(hold(1, &[&roomy, &tight]).is_none());
        assert_eq!(roomy.used(), 200, "nothing is held where one budget is used up");
        let mut other = vec![0; 1].into_response();
        assert!(!reserve(&mut other, &[&roomy, &tight]));
        assert!(reserve(&mut result, &[&roomy, &tight]));
        assert_eq!((roomy.used(), tight.used()), (100, 100));
        drop(result);
        assert_eq!((roomy.used(), tight.used()), (0, 0));
    }

    /// F-14
    #[test]
    fn response_is_reserved_in_all_budgets_or_in_none() {
        let (roomy, tight) = (Budget::new(MAX_PER_PROCESS), Budget::new(1));
        let mut response = vec![0; 100].into_response();
        assert!(!reserve(&mut response, &[&roomy, &tight]));
        assert_eq!(roomy.used(), 0);
        assert!(reserve(&mut response, &[&roomy]));
        assert_eq!(roomy.used(), 100);
        let mut streamed = Body::from_stream(stream::pending::<Result<Bytes, axum::Error>>()).into_response();
        assert!(reserve(&mut streamed, &[&roomy]));
        assert_eq!(roomy.used(), 100 + STREAMED);
        drop((response, streamed));
        assert_eq!(roomy.used(), 0);
        let mut resident = (axum::Extension(Resident), vec![0; 100]).into_response();
        assert!(reserve(&mut resident, &[&tight]), "a shared body needs no reservation");
    }

    /// F-14
    #[test]
    fn buffered_response_has_a_total_time_limit() {
        let transfer = transfer(Limit::Whole);
        let start = transfer.progress().since;
        transfer.progress().taken = usize::MAX;
        assert_eq!(transfer.check(start + Duration::from_secs(29)), Some(Duration::from_secs(1)));
        assert_eq!(transfer.check(start + BUFFERED_TIMEOUT), None);
    }

    /// F-14
    #[test]
    fn streamed_response_progresses_in_each_window() {
        let transfer = transfer(Limit::Rate);
        let start = transfer.progress().since;
        transfer.progress().taken = MIN_PER_WINDOW;
        assert_eq!(transfer.check(start + WINDOW), Some(WINDOW), "it moved");
        transfer.progress().taken = MIN_PER_WINDOW - 1;
        assert_eq!(transfer.check(start + WINDOW * 2 - Duration::from_secs(1)), Some(Duration::from_secs(1)));
        assert_eq!(transfer.check(start + WINDOW * 2), None, "it moved in the window before only");
    }

    #[test]
    fn time_without_data_does_not_count_against_the_client() {
        let transfer = transfer(Limit::Rate);
        let start = transfer.progress().since;
        transfer.produced(true);
        assert_eq!(transfer.check(start + WINDOW * 9), Some(INTERVAL));
        transfer.progress().produced_since = Some(Instant::now() - WINDOW);
        transfer.produced(false);
        assert!(transfer.progress().since >= start + WINDOW);
    }

    #[tokio::test]
    async fn piece_waits_until_the_previous_one_is_written() {
        let connection = Arc::<ConnectionProgress>::default();
        let mut body = paced(vec![7; PIECE + 1].into_response(), &connection).into_body();
        assert_eq!(body.size_hint().exact(), Some(PIECE as u64 + 1));
        let mut first = body.frame().await.expect("a frame").expect("no error").into_data().expect("data");
        assert_eq!(first.remaining(), PIECE);
        let next = poll_fn(|cx| Poll::Ready(Pin::new(&mut body).poll_frame(cx).is_pending())).await;
        assert!(next && !body.is_end_stream());
        first.advance(PIECE);
        assert_eq!(body.transfer.progress().taken, PIECE);
        drop(first);
        let last = body.frame().await.expect("a frame").expect("no error").into_data().expect("data");
        assert!(last.remaining() == 1 && !body.is_end_stream(), "HTTP/2 must not end a response that is not written");
        drop(last);
        assert!(body.is_end_stream() && body.frame().await.is_none());
    }
}
