//! The pages for people, and all that they load: which addresses lead to them, and what a browser may do there. All of it
//! comes from this binary.

use super::{
    error_response::{self, ErrorResponse},
    front::RequestLog,
    gzip,
    unsent::Resident,
};
use axum::{
    Extension,
    body::Body,
    extract::{Path, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rust_embed::{EmbeddedFile, RustEmbed};
use std::borrow::Cow;

/// What `script/console` built. A debug build reads the folder when it is asked.
#[derive(RustEmbed)]
#[folder = "console/dist"]
struct Built;

/// How the licences of others end. All else has its content's hash in its name, so that another content has another name.
const NOTICE: &str = ".md";

/// Where the console is shown. It is one page, which reads its address itself.
pub(super) const CONSOLE: [&str; 12] = [
    "/",
    "/sign-in",
    "/tokens",
    "/tokens/new",
    "/tokens/{id}",
    "/settings",
    "/organizations/{slug}",
    "/organizations/{slug}/audit",
    "/organizations/{slug}/audit/{token}",
    "/organizations/{slug}/members",
    "/organizations/{slug}/log",
    "/organizations/{slug}/settings",
];

/// What pages may load, and from where.
macro_rules! policy {
    ($($more:literal)?) => {
        HeaderValue::from_static(concat!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; ",
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            $($more)?
        ))
    };
}

/// A document for people, and what it may do.
struct Page {
    file: &'static str,
    policy: HeaderValue,
}

const INDEX: Page =
    Page { file: "index.html", policy: policy!("; require-trusted-types-for 'script'; trusted-types 'none'") };

/// Without Trusted Types: GraphiQL shows documentation by `innerHTML`.
const GRAPHIQL: Page = Page { file: "graphiql.html", policy: policy!() };

/// Shows the console.
pub(super) async fn console(method: Method, headers: HeaderMap) -> Response {
    INDEX.shown(&method, &headers)
}

/// Shows the page on which the GraphQL API is tried out.
pub(super) async fn graphiql(method: Method, headers: HeaderMap) -> Response {
    GRAPHIQL.shown(&method, &headers)
}

impl Page {
    fn shown(self, method: &Method, headers: &HeaderMap) -> Response {
        if let Err(problem) = ErrorResponse::only_reads(method) {
            return problem.into_response();
        }
        let Some(file) = Built::get(self.file) else { return error_response::no_such_path().into_response() };
        let mut response = respond(self.file, file, "text/html; charset=utf-8", "no-cache", headers);
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, self.policy);
        response
    }
}

/// Whatever no other door answers: a file beside the pages, such as their icon, or nothing; a person is told so by the page.
pub(super) async fn other(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let Some((name, file, kind)) = beside_the_pages(uri.path()) else {
        if error_response::reads(&method) && wants_a_page(&headers) {
            let mut page = INDEX.shown(&method, &HeaderMap::new());
            *page.status_mut() = StatusCode::NOT_FOUND;
            return page;
        }
        return error_response::no_such_path().into_response();
    };
    if let Err(problem) = ErrorResponse::only_reads(&method) {
        return problem.into_response();
    }
    respond(name, file, kind, "no-cache", &headers)
}

/// A browser that goes somewhere names HTML; what runs in its pages, and other programs, do not.
fn wants_a_page(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split([',', ';'])).any(|kind| kind.trim().eq_ignore_ascii_case("text/html"))
}

fn beside_the_pages(path: &str) -> Option<(&str, EmbeddedFile, &'static str)> {
    let name = path.strip_prefix('/').filter(|name| !name.contains('/'))?;
    Some((name, Built::get(name)?, kind_of(name)?))
}

/// Gives one of the files that a page loads.
pub(super) async fn asset(method: Method, name: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Response {
    // What is no text is no name of ours.
    let name = name.map(|Path(name)| format!("assets/{name}")).unwrap_or_default();
    let (Some(file), Some(kind)) = (Built::get(&name), kind_of(&name)) else {
        return error_response::no_such_path().into_response();
    };
    if let Err(problem) = ErrorResponse::only_reads(&method) {
        return problem.into_response();
    }
    let keep = if name.ends_with(NOTICE) { "no-cache" } else { "public, max-age=31536000, immutable" };
    let mut response = respond(&name, file, kind, keep, &headers);
    response.extensions_mut().insert(RequestLog { quiet: true, ..RequestLog::default() });
    response
}

fn respond(name: &str, file: EmbeddedFile, kind: &'static str, keep: &'static str, asked: &HeaderMap) -> Response {
    // Weak, as it stands for the content however that is packed.
    let tag = format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(file.metadata.sha256_hash()));
    let same = asked.get_all(header::IF_NONE_MATCH).iter().any(|known| is_among(&tag, known));
    let head = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(keep)),
        (header::ETAG, HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ];
    if same {
        return (StatusCode::NOT_MODIFIED, head, Body::empty()).into_response();
    }
    // A font is packed as it is.
    let wants_it_packed = !kind.starts_with("font/") && gzip::accepts_gzip(asked);
    if let Some(content) = wants_it_packed.then(|| gzip::of(name, &file)).flatten() {
        let gzip = (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return (Extension(Resident), head, [gzip], content).into_response();
    }
    let content = match file.data {
        Cow::Borrowed(content) => Body::from(content),
        Cow::Owned(content) => Body::from(content),
    };
    (Extension(Resident), head, content).into_response()
}

/// Whether a header of `If-None-Match` names the tag, weak or not, or takes any.
fn is_among(tag: &str, known: &HeaderValue) -> bool {
    let mut tags = known.to_str().unwrap_or_default().split(',').map(str::trim);
    tags.any(|one| one == "*" || one.trim_start_matches("W/") == tag.trim_start_matches("W/"))
}

fn kind_of(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "md" => "text/markdown; charset=utf-8",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name-`, eight signs that stand for the content, and the kind.
    fn is_hashed(name: &str) -> bool {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let hash = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        stem.len()
            .checked_sub(9)
            .and_then(|at| stem.as_bytes().split_at_checked(at))
            .is_some_and(|(_, end)| end.first() == Some(&b'-') && end.iter().copied().all(hash))
    }

    #[test]
    fn every_built_file_has_a_kind_and_is_hashed_or_a_notice() {
        let assets: Vec<_> =
            Built::iter().filter_map(|path| path.strip_prefix("assets/").map(ToOwned::to_owned)).collect();
        let wrong: Vec<_> = assets
            .iter()
            .filter(|name| kind_of(name).is_none() || !name.ends_with(NOTICE) && !is_hashed(name))
            .collect();
        assert_eq!(wrong, [""; 0]);
        assert!(assets.len() > 20);
        assert!(is_hashed("brace-fold-DtRU8NO-.js") && !is_hashed("graphiql.js") && !is_hashed(".js"));
    }

    #[test]
    fn beside_the_pages_there_are_files_with_a_kind_and_no_pages() {
        let names: Vec<_> = Built::iter().filter(|path| !path.contains('/') && !path.ends_with(".html")).collect();
        let wrong: Vec<_> = names.iter().filter(|name| beside_the_pages(&format!("/{name}")).is_none()).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        for path in ["/graphiql.html", "/index.html", "/", "", "/assets", "//graphiql.html", "/assets/licenses.md"] {
            assert!(beside_the_pages(path).is_none(), "{path}");
        }
    }

    #[tokio::test]
    async fn a_page_is_shown_under_its_own_policy_or_is_not_there() {
        let graphiql = GRAPHIQL.shown(&Method::GET, &HeaderMap::new());
        assert_eq!(graphiql.status(), 200);
        let policy = |response: &Response| response.headers()[header::CONTENT_SECURITY_POLICY].clone();
        assert_eq!(policy(&graphiql), GRAPHIQL.policy);
        let other = Page { file: "graphiql.html", ..INDEX };
        let other = other.shown(&Method::GET, &HeaderMap::new());
        assert_eq!(other.status(), 200);
        assert!(policy(&other).to_str().expect("a text").ends_with("; trusted-types 'none'"));
        let none = Page { file: "nothing.html", ..INDEX }.shown(&Method::GET, &HeaderMap::new());
        assert_eq!(none.status(), 404);
    }

    #[test]
    fn a_tag_is_found_in_a_list_weak_or_not() {
        for (known, same) in
            [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false), ("", false)]
        {
            assert_eq!(is_among("W/\"a\"", &HeaderValue::from_static(known)), same, "{known}");
        }
    }
}
