//! What holds for every request: its id, its limits, its headers, and the one line in the log that ends it.

use super::{
    Shared,
    caller::{client_address, peer},
    problem::{Problem, REQUEST_ID},
};
use crate::{
    domain::secret::{self, Prefix},
    store,
};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use tracing::Instrument as _;

/// The largest body of a request, in bytes.
pub(super) const LARGEST_BODY: usize = 64 * 1024;
const LONGEST_URI: usize = 8 * 1024;
const LARGEST_HEADERS: usize = 32 * 1024;
/// How long a request may take, its body included.
const LIMIT: Duration = Duration::from_secs(10);

/// What a door tells of a request, for the log.
#[derive(Debug, Clone, Default)]
pub(super) struct Note {
    /// As whom it was made: an id, never a name.
    pub(super) caller: Option<String>,
    /// The GraphQL operation's name.
    pub(super) operation: Option<String>,
    /// The record of a refusal is the use: its line is for debugging only.
    pub(super) quiet: bool,
}

/// Passes a request on, and ends it.
pub(super) async fn pass(State(doors): State<Shared>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let (head, body) = request.into_parts();
    let id = request_id(&head.headers, doors.app.prefix());
    // Whatever the client wrote may be a token's value.
    let masked = |text: &str| secret::masked(doors.app.prefix(), text);
    let (method, path) = (masked(head.method.as_str()), masked(head.uri.path()));
    let client = client_address(peer(&head), &head.headers, &doors.trusted);
    let matched = head.extensions.get::<MatchedPath>().cloned();
    let refused = too_large(&head);
    let counter = Arc::default();
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default());
    let work = async {
        match refused {
            Some(problem) => problem.into_response(),
            None => within_limit(next.run(Request::from_parts(head, body))).await,
        }
    };
    let mut response = store::counted(Arc::clone(&counter), work.instrument(span.clone())).await;
    doors.app.metrics().request(door(matched.as_ref()), response.status().as_u16(), started.elapsed());
    let note = response.extensions_mut().remove::<Note>().unwrap_or_default();
    let line = Line {
        method: &method,
        path: &path,
        status: response.status().as_u16(),
        caller: note.caller.as_deref().unwrap_or("-"),
        client: client.map_or_else(|| "-".into(), |client| client.to_string()),
        operation: &note.operation.as_deref().map_or_else(|| "-".into(), masked),
        statements: counter.load(Ordering::Relaxed),
        ms: (started.elapsed().as_secs_f64() * 1e6).round() / 1e3,
    };
    span.in_scope(|| line.write(note.quiet));
    finish(response.headers_mut(), id);
    response
}

/// The path as the router has it, without what stands for the client's part at its end.
fn door(matched: Option<&MatchedPath>) -> &str {
    let path = matched.map_or("none", MatchedPath::as_str);
    path.split("/{*").next().unwrap_or_default().trim_end_matches('/')
}

struct Line<'request> {
    method: &'request str,
    path: &'request str,
    status: u16,
    caller: &'request str,
    client: String,
    operation: &'request str,
    statements: u64,
    ms: f64,
}

impl Line<'_> {
    fn write(&self, quiet: bool) {
        let Self { method, path, status, caller, client, operation, statements, ms } = self;
        if quiet {
            tracing::debug!(method, path, status, caller, client, operation, statements, ms, "request");
        } else {
            tracing::info!(method, path, status, caller, client, operation, statements, ms, "request");
        }
    }
}

async fn within_limit(work: impl Future<Output = Response>) -> Response {
    tokio::time::timeout(LIMIT, work).await.unwrap_or_else(|_| Problem::later().into_response())
}

fn too_large(request: &Parts) -> Option<Problem> {
    let uri = request.uri.path_and_query().map_or(0, |uri| uri.as_str().len());
    if uri > LONGEST_URI {
        return Some(Problem::new(StatusCode::URI_TOO_LONG, "The address is too long; send at most 8 KiB."));
    }
    let headers: usize = request.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    (headers > LARGEST_HEADERS).then(|| {
        let message = "The headers are too large; send at most 32 KiB.";
        Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message)
    })
}

/// The caller's own id if it is a sane one, so that one id follows a request through several services.
/// One that may be a token's value is none: the log keeps it.
fn request_id(headers: &HeaderMap, prefix: &Prefix) -> HeaderValue {
    let sane = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=128).contains(&bytes.len())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
            && value.to_str().is_ok_and(|text| !secret::holds_a_value(prefix, text))
    };
    headers.get(REQUEST_ID).filter(sane).cloned().unwrap_or_else(|| {
        let id = uuid::Uuid::new_v4().to_string();
        HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("-"))
    })
}

fn finish(headers: &mut HeaderMap, id: HeaderValue) {
    headers.insert(REQUEST_ID, id);
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
