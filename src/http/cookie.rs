//! The cookie of a session: what it is called, which requests may bring it, and how a browser is told of it.
//!
//! A browser sends it along whoever wrote the page. So it counts only where a page of our own asks: with a header that no
//! form and no page of another origin can send, and from the origin that the operator named.

use super::error_response::ErrorResponse;
use crate::domain::session::MAX_LIFETIME;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use url::{Host, Url};

/// What only a page of our own can send.
const CONSOLE: &str = "x-tokenward-console";

/// The cookie, as this service is reached.
pub(super) struct Cookie {
    name: &'static str,
    attributes: &'static str,
    origin: String,
}

impl Cookie {
    /// For the address by which browsers reach the service.
    pub(super) fn of(public_url: &str) -> Self {
        let origin = public_url.to_owned();
        match Url::parse(public_url).ok().filter(|url| url.scheme() == "http") {
            Some(url) if is_loopback(&url) => {
                tracing::info!("public_url is plain http on this machine: the cookie of sessions is not Secure");
                Self { name: "tokenward", attributes: "Path=/; HttpOnly; SameSite=Lax", origin }
            }
            plain => {
                if plain.is_some() {
                    tracing::warn!("public_url is plain http: browsers keep no session; set it to an https address");
                }
                Self { name: "__Host-tokenward", attributes: "Path=/; Secure; HttpOnly; SameSite=Lax", origin }
            }
        }
    }

    /// What the request brings as our cookie. Beside an `Authorization` header it does not count.
    pub(super) fn read(&self, headers: &HeaderMap) -> Option<String> {
        if headers.contains_key(header::AUTHORIZATION) {
            return None;
        }
        // A byte that is no text is the matter of its own cookie alone.
        let pairs = headers.get_all(header::COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        let mut ours = pairs.filter_map(|pair| {
            let pair = String::from_utf8_lossy(pair);
            let (name, value) = pair.trim().split_once('=')?;
            (name == self.name).then(|| value.to_owned())
        });
        // Of two nobody knows who set which: neither leads anywhere.
        ours.next().map(|first| if ours.next().is_some() { String::new() } else { first })
    }

    /// Refuses what a page of somebody else's could have sent.
    pub(super) fn allows(&self, request: &Parts) -> Result<(), ErrorResponse> {
        let refuse = |why: String| Err(ErrorResponse::new(StatusCode::FORBIDDEN, why));
        let headers = &request.headers;
        let says = |name: &str, text: &str| headers.get_all(name).iter().any(|value| value == text);
        if says("sec-fetch-site", "cross-site") {
            return refuse("A page of another site may not use the session of this browser.".into());
        }
        if headers.get_all(header::ORIGIN).iter().any(|origin| origin != self.origin.as_str()) {
            return refuse(format!("The session of this browser is for pages of {}; open it there.", self.origin));
        }
        if !says(CONSOLE, "1") {
            return refuse("A request within a session needs the header X-Tokenward-Console: 1.".into());
        }
        Ok(())
    }

    /// Tells a browser the cookie.
    pub(super) fn issue(&self, value: &str) -> Option<HeaderValue> {
        self.encode(value, MAX_LIFETIME.as_secs())
    }

    /// Tells a browser to forget it.
    pub(super) fn clear(&self) -> Option<HeaderValue> {
        self.encode("", 0)
    }

    fn encode(&self, value: &str, seconds: u64) -> Option<HeaderValue> {
        let text = format!("{}={value}; {}; Max-Age={seconds}", self.name, self.attributes);
        let mut told = HeaderValue::from_str(&text).ok()?;
        told.set_sensitive(true);
        Some(told)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Parts {
        let mut request = axum::http::Request::builder().method("POST").uri("/graphql");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    ///
    #[test]
    fn the_cookie_is_bound_to_its_host_but_on_this_machine() {
        for (url, told) in [
            ("https://tokens.example.com", "__Host-tokenward=a; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=86400"),
            ("https://localhost", "__Host-tokenward=a; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=86400"),
            ("http://192.0.2.1", "__Host-tokenward=a; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=86400"),
            ("http://0.0.0.0:8080", "__Host-tokenward=a; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=86400"),
            (
                "http://localhost.evil.example",
                "__Host-tokenward=a; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=86400",
            ),
            ("http://127.0.0.1:8080", "tokenward=a; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400"),
            ("http://[::1]:8080", "tokenward=a; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400"),
            ("http://localhost:8080", "tokenward=a; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400"),
        ] {
            assert_eq!(Cookie::of(url).issue("a").expect("a value"), told, "{url}");
        }
        let taken = Cookie::of("https://tokens.example.com").clear().expect("a value");
        assert_eq!(taken, "__Host-tokenward=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
        assert!(taken.is_sensitive());
    }

    #[test]
    fn one_cookie_is_found_among_others_and_two_are_none() {
        let cookie = Cookie::of("https://tokens.example.com");
        let brought = |headers: &[(&str, &str)]| cookie.read(&request(headers).headers);
        assert_eq!(brought(&[]), None);
        assert_eq!(brought(&[("cookie", "a=b; __Host-tokenward=x; c=d")]), Some("x".into()));
        assert_eq!(brought(&[("cookie", "a=b"), ("cookie", "__Host-tokenward=x")]), Some("x".into()));
        assert_eq!(brought(&[("cookie", "tokenward=x; __Host-tokenward2=x; __host-tokenward=x")]), None);
        assert_eq!(brought(&[("cookie", "__Host-tokenward=x; __Host-tokenward=y")]), Some(String::new()));
        assert_eq!(brought(&[("cookie", "__Host-tokenward=x"), ("authorization", "Bearer y")]), None);
    }

    #[test]
    fn unreadable_cookie_of_another_does_not_hide_the_session() {
        let mut headers = HeaderMap::new();
        let line = HeaderValue::from_bytes(b"theirs=\xe9; __Host-tokenward=x").expect("a value");
        headers.insert(header::COOKIE, line);
        assert_eq!(Cookie::of("https://tokens.example.com").read(&headers), Some("x".into()));
    }

    ///
    #[test]
    fn what_another_page_could_have_sent_is_refused() {
        let cookie = Cookie::of("https://tokens.example.com");
        let ours = ("x-tokenward-console", "1");
        for good in [
            &[ours][..],
            &[ours, ("origin", "https://tokens.example.com")],
            &[ours, ("sec-fetch-site", "same-origin")],
            &[ours, ("sec-fetch-site", "none")],
        ] {
            assert!(cookie.allows(&request(good)).is_ok(), "{good:?}");
        }
        for bad in [
            &[][..],
            &[("x-tokenward-console", "true")],
            &[("origin", "https://tokens.example.com")],
            &[ours, ("origin", "https://evil.example")],
            &[ours, ("origin", "http://tokens.example.com")],
            &[ours, ("origin", "https://tokens.example.com:8443")],
            &[ours, ("origin", "null")],
            &[ours, ("origin", "")],
            &[ours, ("origin", "https://tokens.example.com"), ("origin", "https://evil.example")],
            &[ours, ("sec-fetch-site", "cross-site")],
        ] {
            assert_eq!(cookie.allows(&request(bad)).expect_err("a refusal").status, StatusCode::FORBIDDEN, "{bad:?}");
        }
    }
}
