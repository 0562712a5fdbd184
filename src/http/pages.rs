//! The pages of the console and of GraphiQL with their assets: paths, content security policies and caching. All files are
//! embedded in the binary.
//!
//! Entity tags are compared by hand: `headers::IfNoneMatch` would be one more crate for one line.

use super::{
    error_response::{self, ErrorResponse},
    gzip,
    request_log::RequestLog,
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

/// The files that `script/console` built. A debug build reads them from the folder at each request.
#[derive(RustEmbed)]
#[folder = "console/dist"]
struct Built;

/// The extension of the license notices. All other assets have a hash of their content in their name.
const NOTICE_EXTENSION: &str = ".md";

/// The paths of the console. It is a single page, which does its routing in the browser.
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

/// The content security policy of a page, with additional directives.
macro_rules! policy {
    ($($more:literal)?) => {
        HeaderValue::from_static(concat!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; ",
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            $($more)?
        ))
    };
}

/// An HTML page and its content security policy.
struct Page {
    file: &'static str,
    policy: HeaderValue,
}

const INDEX: Page =
    Page { file: "index.html", policy: policy!("; require-trusted-types-for 'script'; trusted-types 'none'") };

/// Without Trusted Types, because GraphiQL renders documentation by `innerHTML`.
const GRAPHIQL: Page = Page { file: "graphiql.html", policy: policy!() };

/// Returns the page of the console.
pub(super) async fn console(headers: HeaderMap) -> Response {
    INDEX.render(&headers)
}

/// Returns the page of GraphiQL.
pub(super) async fn graphiql(headers: HeaderMap) -> Response {
    GRAPHIQL.render(&headers)
}

impl Page {
    fn render(self, headers: &HeaderMap) -> Response {
        let Some(file) = Built::get(self.file) else { return error_response::path_not_found().into_response() };
        let mut response = respond(self.file, file, "text/html; charset=utf-8", "no-cache", headers);
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, self.policy);
        response
    }
}

/// Handles paths without a route: returns a file at the root, such as the icon, or 404. A browser gets the console, which shows
/// the error.
pub(super) async fn other(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let Some((name, file, kind)) = root_file(uri.path()) else {
        if error_response::is_get_or_head(&method) && accepts_html(&headers) {
            let mut page = INDEX.render(&HeaderMap::new());
            *page.status_mut() = StatusCode::NOT_FOUND;
            return page;
        }
        return error_response::path_not_found().into_response();
    };
    if !error_response::is_get_or_head(&method) {
        return ErrorResponse::method_not_allowed("GET, HEAD").into_response();
    }
    respond(name, file, kind, "no-cache", &headers)
}

/// Returns whether the request accepts HTML: a browser does when it navigates, scripts and other clients do not.
fn accepts_html(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split([',', ';'])).any(|kind| kind.trim().eq_ignore_ascii_case("text/html"))
}

fn root_file(path: &str) -> Option<(&str, EmbeddedFile, &'static str)> {
    let name = path.strip_prefix('/').filter(|name| !name.contains('/'))?;
    Some((name, Built::get(name)?, content_type(name)?))
}

/// Returns an asset of a page.
pub(super) async fn asset(method: Method, name: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Response {
    // A name that is not UTF-8 is treated as an unknown name.
    let name = name.map(|Path(name)| format!("assets/{name}")).unwrap_or_default();
    let (Some(file), Some(kind)) = (Built::get(&name), content_type(&name)) else {
        return error_response::path_not_found().into_response();
    };
    if !error_response::is_get_or_head(&method) {
        return ErrorResponse::method_not_allowed("GET, HEAD").into_response();
    }
    let cache_control =
        if name.ends_with(NOTICE_EXTENSION) { "no-cache" } else { "public, max-age=31536000, immutable" };
    let mut response = respond(&name, file, kind, cache_control, &headers);
    response.extensions_mut().insert(RequestLog { quiet: true, ..RequestLog::default() });
    response
}

fn respond(
    name: &str,
    file: EmbeddedFile,
    kind: &'static str,
    cache_control: &'static str,
    headers: &HeaderMap,
) -> Response {
    // The tag is weak, because it is the same for the compressed and the uncompressed content.
    let tag = format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(file.metadata.sha256_hash()));
    let matches = headers.get_all(header::IF_NONE_MATCH).iter().any(|if_none_match| is_among(&tag, if_none_match));
    let head = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache_control)),
        (header::ETAG, HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ];
    if matches {
        return (StatusCode::NOT_MODIFIED, head, Body::empty()).into_response();
    }
    // Fonts are already compressed.
    let compresses = !kind.starts_with("font/") && gzip::accepts_gzip(headers);
    if let Some(content) = compresses.then(|| gzip::of(name, &file)).flatten() {
        let gzip = (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return (Extension(Resident), head, [gzip], content).into_response();
    }
    let content = match file.data {
        Cow::Borrowed(content) => Body::from(content),
        Cow::Owned(content) => Body::from(content),
    };
    (Extension(Resident), head, content).into_response()
}

/// Returns whether an `If-None-Match` header has the tag, weak or strong, or `*`.
fn is_among(tag: &str, if_none_match: &HeaderValue) -> bool {
    let mut tags = if_none_match.to_str().unwrap_or_default().split(',').map(str::trim);
    tags.any(|candidate| candidate == "*" || candidate.trim_start_matches("W/") == tag.trim_start_matches("W/"))
}

fn content_type(name: &str) -> Option<&'static str> {
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

    /// Returns whether a name has the form `name-hash.extension` with a hash of eight characters.
    fn is_hashed(name: &str) -> bool {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let hash = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        stem.len()
            .checked_sub(9)
            .and_then(|at| stem.as_bytes().split_at_checked(at))
            .is_some_and(|(_, end)| end.first() == Some(&b'-') && end.iter().copied().all(hash))
    }

    #[test]
    fn every_asset_has_a_content_type_and_is_hashed_or_a_notice() {
        let assets: Vec<_> =
            Built::iter().filter_map(|path| path.strip_prefix("assets/").map(ToOwned::to_owned)).collect();
        let wrong: Vec<_> = assets
            .iter()
            .filter(|name| content_type(name).is_none() || !name.ends_with(NOTICE_EXTENSION) && !is_hashed(name))
            .collect();
        assert_eq!(wrong, [""; 0]);
        assert!(assets.len() > 20);
        assert!(is_hashed("brace-fold-DtRU8NO-.js") && !is_hashed("graphiql.js") && !is_hashed(".js"));
    }

    #[test]
    fn root_files_have_a_content_type_and_are_not_pages() {
        let names: Vec<_> = Built::iter().filter(|path| !path.contains('/') && !path.ends_with(".html")).collect();
        let wrong: Vec<_> = names.iter().filter(|name| root_file(&format!("/{name}")).is_none()).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        for path in ["/graphiql.html", "/index.html", "/", "", "/assets", "//graphiql.html", "/assets/licenses.md"] {
            assert!(root_file(path).is_none(), "{path}");
        }
    }

    #[tokio::test]
    async fn page_has_its_policy_or_is_not_found() {
        let graphiql = GRAPHIQL.render(&HeaderMap::new());
        assert_eq!(graphiql.status(), 200);
        let policy = |response: &Response| response.headers()[header::CONTENT_SECURITY_POLICY].clone();
        assert_eq!(policy(&graphiql), GRAPHIQL.policy);
        let other = Page { file: "graphiql.html", ..INDEX };
        let other = other.render(&HeaderMap::new());
        assert_eq!(other.status(), 200);
        assert!(policy(&other).to_str().expect("text").ends_with("; trusted-types 'none'"));
        let none = Page { file: "nothing.html", ..INDEX }.render(&HeaderMap::new());
        assert_eq!(none.status(), 404);
    }

    #[test]
    fn tag_is_found_in_a_list_weak_or_strong() {
        for (if_none_match, matches) in
            [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false), ("", false)]
        {
            assert_eq!(is_among("W/\"a\"", &HeaderValue::from_static(if_none_match)), matches, "{if_none_match}");
        }
    }
}
