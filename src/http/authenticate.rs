//! Reads the caller of a request: credential, client address and time.

use super::{HttpState, error_response::ErrorResponse};
use crate::{
    domain::{
        caller::{AuthMethod, Caller},
        decision::CheckRequest,
        ip_address::{canonical, parse_hop},
        network::{is_in, network_of},
        redact::redacted,
        secret::Secret,
        text,
    },
    telemetry::CheckOutcome,
    verify::{CheckResult, ObservedRequest},
};
use axum::http::{HeaderMap, header, request::Parts};
use ipnet::IpNet;
use percent_encoding::{CONTROLS, percent_encode};
use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    time::Instant,
};

/// The maximum number of checks of unknown tokens per minute from one network.
const MAX_UNKNOWN_TOKENS: u32 = 60;

/// The credential of a request, not yet verified.
pub(super) enum Credential {
    /// There is no `Authorization` header.
    None,
    /// There is more than one `Authorization` header.
    Multiple,
    /// The scheme is not `Bearer`, or the credential is empty, too long, or has characters that RFC 6750 does not allow.
    Malformed,
    /// The credential after `Bearer`.
    Bearer(Bearer),
}

/// A bearer credential. It implements neither `Debug` nor `Display`.
pub(super) struct Bearer(String);

impl Bearer {
    /// Returns the text of the credential, for its verification.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// Returns the credential in the `Authorization` header, the only place where one is accepted.
pub(super) fn credential(headers: &HeaderMap) -> Credential {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Credential::None,
        (Some(_), Some(_)) => return Credential::Multiple,
        (Some(value), None) => value,
    };
    let bearer = value.to_str().ok().and_then(|text| {
        let (scheme, rest) = text.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
    });
    // The characters of a b64token, RFC 6750 section 2.1.
    let is_b64token = |text: &&str| {
        (1..=8192).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte))
    };
    bearer.filter(is_b64token).map_or(Credential::Malformed, |text| Credential::Bearer(Bearer(text.to_owned())))
}

/// Returns the remote address of the connection.
pub(super) fn peer(request: &Parts) -> Option<IpAddr> {
    request.extensions.get::<SocketAddr>().map(|peer| canonical(peer.ip()))
}

/// Returns the client address: the rightmost hop of `X-Forwarded-For` that is not a trusted proxy. The client can forge the
/// hops to the left of it, so they are not read. If a hop up to there is malformed, the address of the connection is used.
pub(super) fn client_address(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = peer?;
    if !is_in(peer, trusted) {
        return Some(peer);
    }
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    let mut client = peer;
    for hop in hops {
        let Some(address) = std::str::from_utf8(hop).ok().and_then(parse_hop) else { return Some(peer) };
        client = address;
        if !is_in(client, trusted) {
            break;
        }
    }
    Some(client)
}

/// The part of the path of a gateway's check that names the path of the original request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OriginalPath<'request> {
    /// The path of the check names none.
    Unspecified,
    /// The gateway appended the path; it is used if no header names one.
    Appended(&'request str),
    /// The original path, whatever a header names.
    Exact(&'request str),
}

impl HttpState {
    /// Returns what the usage of a token records of this request.
    pub(super) fn observed(&self, request: &Parts) -> ObservedRequest {
        ObservedRequest {
            address: client_address(peer(request), &request.headers, &self.trusted),
            user_agent: self.user_agent(&request.headers),
            method: text::method(request.method.as_str()),
            path: self.path(&readable(request.uri.path().as_bytes())),
        }
    }

    /// Returns what the usage of a token records of the original request that a gateway checks. Without a trusted proxy, it is
    /// the check itself. With one, a missing or malformed method or path is unknown, and never that of the check.
    pub(super) fn observed_original(&self, request: &Parts, original_path: OriginalPath<'_>) -> ObservedRequest {
        let check = self.observed(request);
        if !peer(request).is_some_and(|peer| is_in(peer, &self.trusted)) {
            return check;
        }
        let header = |names: &[&str]| {
            let mut values = names.iter().map(|name| single_header(&request.headers, name));
            values.find_map(|value| value).map(readable)
        };
        let method = header(&["x-forwarded-method", "x-original-method"]).and_then(|name| text::method(&name));
        let forwarded_path = || {
            header(&["x-forwarded-uri", "x-original-uri", "x-original-url"]).and_then(|uri| self.path(path_of(&uri)?))
        };
        let path = match original_path {
            OriginalPath::Unspecified => forwarded_path(),
            OriginalPath::Appended(path) => forwarded_path().or_else(|| self.path(&readable(path.as_bytes()))),
            OriginalPath::Exact(path) => self.path(&readable(path.as_bytes())),
        };
        ObservedRequest { method, path, ..check }
    }

    fn user_agent(&self, headers: &HeaderMap) -> Option<String> {
        self.redacted_user_agent(&String::from_utf8_lossy(headers.get(header::USER_AGENT)?.as_bytes()))
    }

    /// Returns a user agent with token values redacted and its length limited; `None` if it is empty.
    pub(super) fn redacted_user_agent(&self, agent: &str) -> Option<String> {
        text::user_agent(&redacted(self.app.prefix(), agent))
    }

    /// Returns a path without its query and with token values redacted.
    pub(super) fn path(&self, path: &str) -> Option<String> {
        // The query is removed first, so that a token value in it does not change how the path is stored.
        text::path(&redacted(self.app.prefix(), path.split(['?', '#']).next().unwrap_or_default()))
    }

    /// Returns the name of a query parameter for the log, with token values redacted.
    pub(super) fn shown_name(&self, name: &str) -> String {
        text::user_agent(&redacted(self.app.prefix(), name)).unwrap_or_default()
    }

    /// Returns the caller of a request at the current time.
    pub(super) fn caller(&self, observed: &ObservedRequest, auth_method: AuthMethod) -> Caller {
        Caller { at: self.app.now(), address: observed.address, user_agent: observed.user_agent.clone(), auth_method }
    }

    /// Parses a token value; `None` if it is malformed.
    pub(super) fn secret(&self, text: &str) -> Option<Secret> {
        let secret = Secret::parse(self.app.prefix(), text);
        if secret.is_none() {
            self.app.metrics().checked(CheckOutcome::Malformed);
        }
        secret
    }

    /// Checks a token on an endpoint where a client could guess values: a network that sends many unknown tokens is limited.
    pub(super) async fn check_throttled<'limits>(
        &self,
        secret: &Secret,
        request: &CheckRequest<'limits>,
        observed: ObservedRequest,
    ) -> Result<Option<CheckResult<'limits>>, ErrorResponse> {
        let network = observed.address.and_then(network_of).map(|network| (network, MAX_UNKNOWN_TOKENS));
        let limits = network.as_slice();
        self.throttle.check(limits, Instant::now()).inspect_err(|_| self.app.metrics().throttled())?;
        let checked = self.app.verifier().check(secret, request, observed).await?;
        if checked.is_none() {
            self.throttle.count(limits, Instant::now());
        }
        Ok(checked)
    }

    /// Returns a check at the current time.
    pub(super) fn check_request<'a>(&self, organization: Option<&'a str>, scopes: &'a [String]) -> CheckRequest<'a> {
        CheckRequest { organization, scopes, ..CheckRequest::at(self.app.now()) }
    }
}

/// Returns the value of a header; empty if it is repeated, because one of the values may be that of the client.
fn single_header<'headers>(headers: &'headers HeaderMap, name: &str) -> Option<&'headers [u8]> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.as_bytes();
    Some(if values.next().is_some() { b"" } else { first })
}

/// Percent-encodes control characters and bytes that are not ASCII, so that the text is readable in any log.
fn readable(bytes: &[u8]) -> Cow<'_, str> {
    percent_encode(bytes, CONTROLS).into()
}

/// Returns the path, with its query, of a URL or a path: gateways send either. `None` if the text is neither.
fn path_of(uri: &str) -> Option<&str> {
    if uri.starts_with('/') || uri == "*" {
        return Some(uri);
    }
    let (scheme, rest) = uri.split_once("://")?;
    let is_scheme = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let path = rest.get(at..).filter(|_| is_scheme)?;
    Some(if path.starts_with('/') { path } else { "/" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_of(peer: &str, forwarded: &[&[u8]]) -> String {
        let trusted = ["127.0.0.1/32", "10.0.0.0/8"].map(|net| net.parse().expect("a net"));
        let name = || "x-forwarded-for".parse::<axum::http::HeaderName>().expect("a name");
        let value = |bytes: &[u8]| axum::http::HeaderValue::from_bytes(bytes).expect("a value");
        let headers = forwarded.iter().map(|line| (name(), value(line))).collect();
        client_address(peer.parse().ok(), &headers, &trusted).expect("a peer").to_string()
    }

    fn client(peer: &str, forwarded: &[&str]) -> String {
        client_of(peer, &forwarded.iter().map(|line| line.as_bytes()).collect::<Vec<_>>())
    }

    ///
    #[test]
    fn client_address_is_the_rightmost_untrusted_hop() {
        assert_eq!(client("203.0.113.9", &["9.9.9.9"]), "203.0.113.9");
        assert_eq!(client("127.0.0.1", &["9.9.9.9, 1.2.3.4"]), "1.2.3.4");
        assert_eq!(client("127.0.0.1", &["9.9.9.9, 1.2.3.4, 10.1.2.3"]), "1.2.3.4");
        assert_eq!(client("127.0.0.1", &["9.9.9.9", "1.2.3.4", "10.1.2.3"]), "1.2.3.4");
        assert_eq!(client("127.0.0.1", &["10.1.2.3"]), "10.1.2.3");
        assert_eq!(client("127.0.0.1", &["::ffff:1.2.3.4"]), "1.2.3.4");
        assert_eq!(client("127.0.0.1", &["9.9.9.9, 1.2.3.4:80"]), "1.2.3.4");
        assert_eq!(client("127.0.0.1", &["[2001:db8::7]:51234, 10.1.2.3:80"]), "2001:db8::7");
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
        for malformed in ["", "nonsense", "9.9.9.9, ", "1.2.3.4, unknown", "1.2.3.4, unknown, 10.1.2.3"] {
            assert_eq!(client("127.0.0.1", &[malformed]), "127.0.0.1", "{malformed}");
        }
    }

    ///
    #[test]
    fn forged_hops_do_not_hide_the_client_address() {
        for forged in [&b"\xe9"[..], b"\xff,\xfe", b"", b",,,", b"nonsense", b"10.1.2.3, \xe9", b"[[[", b"\t"] {
            assert_eq!(client_of("127.0.0.1", &[&[forged, b", 1.2.3.4"].concat()]), "1.2.3.4", "{forged:?}");
            assert_eq!(client_of("127.0.0.1", &[&[forged, b",1.2.3.4 , 10.9.9.9"].concat()]), "1.2.3.4", "{forged:?}");
            assert_eq!(client_of("127.0.0.1", &[forged, b"1.2.3.4"]), "1.2.3.4", "{forged:?}");
        }
        assert_eq!(client_of("127.0.0.1", &[b"1.2.3.4, \xe9"]), "127.0.0.1");
    }

    ///
    #[test]
    fn bearer_is_one_word_in_one_header() {
        let of = |values: &[&[u8]]| {
            let headers: HeaderMap = values
                .iter()
                .map(|value| (header::AUTHORIZATION, axum::http::HeaderValue::from_bytes(value).expect("a value")))
                .collect();
            match credential(&headers) {
                Credential::None => "none".to_owned(),
                Credential::Multiple => "multiple".into(),
                Credential::Malformed => "malformed".into(),
                Credential::Bearer(bearer) => bearer.text().to_owned(),
            }
        };
        assert_eq!(of(&[]), "none");
        assert_eq!(of(&[b"bearer abc"]), "abc");
        assert_eq!(of(&[b"BEARER   abc "]), "abc");
        assert_eq!(of(&[b"Bearer abc", b"Bearer abc"]), "multiple");
        for malformed in [
            &b"Basic abc"[..],
            b"DPoP abc",
            b"Bearer",
            b"Bearer ",
            b"abc",
            b"Bearer a b",
            b"Bearer \xff",
            b"Bearer a,b",
        ] {
            assert_eq!(of(&[malformed]), "malformed");
        }
        assert_eq!(of(&[format!("Bearer {}", "x".repeat(9 * 1024)).as_bytes()]), "malformed");
    }

    ///
    #[test]
    fn path_of_a_url_is_never_taken_from_its_query() {
        for (uri, path) in [
            ("https://api.example.com/v1/builds?x=1", "/v1/builds?x=1"),
            ("https://api.example.com", "/"),
            ("https://api.example.com?next=/harmless", "/"),
            ("/v1/builds", "/v1/builds"),
            ("/v1/secret?next=https://a.example/harmless", "/v1/secret?next=https://a.example/harmless"),
            ("/v1/secret/a://b/harmless", "/v1/secret/a://b/harmless"),
            ("*", "*"),
        ] {
            assert_eq!(path_of(uri), Some(path), "{uri}");
        }
        for invalid in ["", "v1/builds", "api.example.com:443", "v1/a?next=https://a.example/harmless"] {
            assert_eq!(path_of(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn control_characters_and_other_bytes_are_percent_encoded() {
        assert_eq!(readable("/v1/secret/é".as_bytes()), "/v1/secret/%C3%A9");
        assert_eq!(readable(b"/v1/\xe9\t/%20 x"), "/v1/%E9%09/%20 x");
    }
}
