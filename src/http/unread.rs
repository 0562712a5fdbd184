//! Handles bodies that a handler did not read: the rest is discarded, or the response announces the end of the connection.
//!
//! Written by hand: hyper reads only the part that has already arrived and then closes the connection, and the client may get a
//! reset instead of the response. It can go as soon as hyper reads the rest within limits.

use super::body::MAX_BODY;
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

/// The time that the rest of a body may take. The response waits for it.
const TIMEOUT: Duration = Duration::from_millis(500);

/// A body for a handler, which returns to its [`Owner`] when the handler drops it.
#[derive(Debug)]
pub(super) struct Lent<B> {
    body: Option<B>,
    owner: Arc<Mutex<Option<B>>>,
}

/// Receives a lent body when the handler drops it.
#[derive(Debug)]
pub(super) struct Owner<B> {
    body: Arc<Mutex<Option<B>>>,
    /// Whether the client sends its body only after `100 Continue`.
    expects_continue: bool,
}

/// Lends the body of a request with these headers.
pub(super) fn lend<B>(headers: &HeaderMap, body: B) -> (Lent<B>, Owner<B>) {
    let owner = Arc::default();
    let lent = Lent { body: Some(body), owner: Arc::clone(&owner) };
    (lent, Owner { body: owner, expects_continue: headers.contains_key(header::EXPECT) })
}

impl<B: Body + Unpin> Owner<B>
where
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Reads the rest if it is small and arrives soon. Returns whether the next request can follow.
    pub(super) async fn finish(self) -> bool {
        let body = self.body.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(body) = body else { return false };
        if body.is_end_stream() {
            return true;
        }
        // The hint of the body itself: that of `Limited` is no more than its limit.
        let large = usize::try_from(body.size_hint().lower()).map_or(true, |size| size > MAX_BODY);
        if large || self.expects_continue {
            return false;
        }
        let mut body = Limited::new(body, MAX_BODY);
        let rest = async {
            while let Some(frame) = body.frame().await {
                frame?;
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        };
        matches!(tokio::time::timeout(TIMEOUT, rest).await, Ok(Ok(())))
    }
}

impl<B> Drop for Lent<B> {
    fn drop(&mut self) {
        *self.owner.lock().unwrap_or_else(PoisonError::into_inner) = self.body.take();
    }
}

impl<B: Body + Unpin> Body for Lent<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match &mut self.body {
            Some(body) => {
                let frame = Pin::new(body).poll_frame(cx);
                if let Poll::Ready(Some(Err(_))) = frame {
                    // The next request cannot follow a malformed body.
                    self.body = None;
                }
                frame
            }
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use futures_util::FutureExt as _;
    use std::convert::Infallible;

    /// A body of a declared size, of which no bytes arrive.
    struct Declared(u64);

    impl Body for Declared {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(self.0)
        }
    }

    ///
    #[tokio::test]
    async fn response_does_not_wait_for_a_body_that_is_declared_large() {
        let largest = u64::try_from(MAX_BODY).expect("a small number");
        for (size, finished) in [(largest, None), (largest + 1, Some(false)), (u64::MAX, Some(false))] {
            let (lent, owner) = lend(&HeaderMap::new(), Declared(size));
            drop(lent);
            assert_eq!(owner.finish().now_or_never(), finished, "{size}");
        }
    }

    ///
    #[tokio::test]
    async fn malformed_body_ends_the_connection() {
        for (malformed, finished) in [(false, true), (true, false)] {
            let frames = [Ok(Frame::data(Bytes::from_static(b"x"))), Err("malformed")];
            let frames = frames.into_iter().take(if malformed { 2 } else { 1 });
            let body = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
            let (lent, owner) = lend(&HeaderMap::new(), body);
            assert_eq!(lent.collect().await.is_err(), malformed);
            assert_eq!(owner.finish().await, finished);
        }
    }
}
