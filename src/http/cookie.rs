//! The session cookie: its name, its attributes, and which requests may use it.
//!
//! A browser sends the cookie also with requests of other sites. Protection against CSRF: the cookie is accepted only with a
//! header that no form and no page of another origin can send, and only from the origin of the public URL.
//!
//! Written by hand: the crate `cookie` formats no shorter, reads only lines that are UTF-8 as a whole, and its jar keeps one of two
//! cookies of the same name, where both have to be rejected.

use super::error_response::ErrorResponse;
use crate::domain::session::MAX_LIFETIME;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use url::{Host, Url};

/// The header that only pages of this origin can send.
const CONSOLE: &str = "x-tokenward-console";

/// The session cookie for the public URL of the service.
pub(super) struct Cookie {
    name: &'static str,
    attributes: &'static str,
    origin: String,
}

impl Cookie {
    /// Returns the cookie for a public URL. Only plain HTTP on a loopback address allows a cookie that is not `Secure`.
    pub(super) fn of(public_url: &str) -> Self {
        let origin = public_url.to_owned();
        match Url::parse(public_url).ok().filter(|url| url.scheme() == "http") {
            Some(url) if is_loopback(&url) => {
                tracing::info!("public_url is plain HTTP on a loopback address, so the session cookie is not Secure");
                Self { name: "tokenward", attributes: "Path=/; HttpOnly; SameSite=Lax", origin }
            }
            plain => {
                if plain.is_some() {
                    tracing::warn!(
                        "public_url is plain HTTP, so browsers reject the session cookie; set it to an https address"
                    );
                }
                Self { name: "__Host-tokenward", attributes: "Path=/; Secure; HttpOnly; SameSite=Lax", origin }
            }
        }
    }

    /// Returns the value of the cookie in a request; `None` if there is none or if there is an `Authorization` header.
    pub(super) fn read(&self, headers: &HeaderMap) -> Option<String> {
        if headers.contains_key(header::AUTHORIZATION) {
            return None;
        }
        // An invalid byte affects only the cookie that contains it.
        let pairs = headers.get_all(header::COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        let mut values = pairs.filter_map(|pair| {
            let pair = String::from_utf8_lossy(pair);
            let (name, value) = pair.trim().split_once('=')?;
            (name == self.name).then(|| value.to_owned())
        });
        // A second cookie of the same name may come from an attacker: the empty value belongs to no session.
        values.next().map(|first| if values.next().is_some() { String::new() } else { first })
    }

    /// Rejects a request that a page of another origin could have sent.
    pub(super) fn allows(&self, request: &Parts) -> Result<(), ErrorResponse> {
        let reject = |message: String| Err(ErrorResponse::new(StatusCode::FORBIDDEN, message));
        let headers = &request.headers;
        let has = |name: &str, text: &str| headers.get_all(name).iter().any(|value| value == text);
        if has("sec-fetch-site", "cross-site") {
            return reject("A page of another site may not use the session of this browser.".into());
        }
        if headers.get_all(header::ORIGIN).iter().any(|origin| origin != self.origin.as_str()) {
            return reject(format!("The session of this browser is for pages of {}; open it there.", self.origin));
        }
        if !has(CONSOLE, "1") {
            return reject("A request within a session needs the header X-Tokenward-Console: 1.".into());
        }
        Ok(())
    }

    /// Returns the `Set-Cookie` value that sets the cookie.
    pub(super) fn issue(&self, value: &str) -> Option<HeaderValue> {
        self.encode(value, MAX_LIFETIME.as_secs())
    }

    /// Returns the `Set-Cookie` value that deletes the cookie.
    pub(super) fn clear(&self) -> Option<HeaderValue> {
        self.encode("", 0)
    }

    fn encode(&self, value: &str, seconds: u64) -> Option<HeaderValue> {
        let text = format!("{}={value}; {}; Max-Age={seconds}", self.name, self.attributes);
        let mut cookie = HeaderValue::from_str(&text).ok()?;
        cookie.set_sensitive(true);
        Some(cookie)
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
    fn cookie_is_secure_except_on_loopback() {
        for (url, expected) in [
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
            assert_eq!(Cookie::of(url).issue("a").expect("a value"), expected, "{url}");
        }
        let cleared = Cookie::of("https://tokens.example.com").clear().expect("a value");
        assert_eq!(cleared, "__Host-tokenward=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
        assert!(cleared.is_sensitive());
    }

    #[test]
    fn duplicate_cookie_has_an_empty_value() {
        let cookie = Cookie::of("https://tokens.example.com");
        let read = |headers: &[(&str, &str)]| cookie.read(&request(headers).headers);
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[("cookie", "a=b; __Host-tokenward=x; c=d")]), Some("x".into()));
        assert_eq!(read(&[("cookie", "a=b"), ("cookie", "__Host-tokenward=x")]), Some("x".into()));
        assert_eq!(read(&[("cookie", "tokenward=x; __Host-tokenward2=x; __host-tokenward=x")]), None);
        assert_eq!(read(&[("cookie", "__Host-tokenward=x; __Host-tokenward=y")]), Some(String::new()));
        assert_eq!(read(&[("cookie", "__Host-tokenward=x"), ("authorization", "Bearer y")]), None);
    }

    #[test]
    fn invalid_bytes_in_another_cookie_are_ignored() {
        let mut headers = HeaderMap::new();
        let line = HeaderValue::from_bytes(b"other=\xe9; __Host-tokenward=x").expect("a value");
        headers.insert(header::COOKIE, line);
        assert_eq!(Cookie::of("https://tokens.example.com").read(&headers), Some("x".into()));
    }

    ///
    #[test]
    fn requests_of_other_origins_are_rejected() {
        let cookie = Cookie::of("https://tokens.example.com");
        let console = ("x-tokenward-console", "1");
        for allowed in [
            &[console][..],
            &[console, ("origin", "https://tokens.example.com")],
            &[console, ("sec-fetch-site", "same-origin")],
            &[console, ("sec-fetch-site", "none")],
        ] {
            assert!(cookie.allows(&request(allowed)).is_ok(), "{allowed:?}");
        }
        for forbidden in [
            &[][..],
            &[("x-tokenward-console", "true")],
            &[("origin", "https://tokens.example.com")],
            &[console, ("origin", "https://evil.example")],
            &[console, ("origin", "http://tokens.example.com")],
            &[console, ("origin", "https://tokens.example.com:8443")],
            &[console, ("origin", "null")],
            &[console, ("origin", "")],
            &[console, ("origin", "https://tokens.example.com"), ("origin", "https://evil.example")],
            &[console, ("sec-fetch-site", "cross-site")],
        ] {
            assert_eq!(
                cookie.allows(&request(forbidden)).expect_err("an error").status,
                StatusCode::FORBIDDEN,
                "{forbidden:?}"
            );
        }
    }
}
