//! From a request to its caller: the one place where time, address and credential enter.

use super::{HttpState, error_response::ErrorResponse};
use crate::{
    domain::{
        caller::{AuthMethod, Caller},
        decision::CheckRequest,
        ip_address::{canonical, parse_hop},
        network::network_of,
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

/// The number of unknown tokens a minute from one network.
const MAX_UNKNOWN_TOKENS: u32 = 60;

/// The credential of a request, as it came.
pub(super) enum Credential {
    /// There is no `Authorization` header.
    None,
    /// There is more than one.
    Doubled,
    /// It is of another scheme, empty, or not of the characters of RFC 6750.
    Malformed,
    /// What stands behind `Bearer`.
    Bearer(Bearer),
}

/// A bearer credential; it cannot be printed.
pub(super) struct Bearer(String);

impl Bearer {
    /// For whoever verifies it.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// The credential in the `Authorization` header, the only place where one counts.
pub(super) fn credential(headers: &HeaderMap) -> Credential {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Credential::None,
        (Some(_), Some(_)) => return Credential::Doubled,
        (Some(value), None) => value,
    };
    let bearer = value.to_str().ok().and_then(|text| {
        let (scheme, rest) = text.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
    });
    // The characters of a b64token, RFC 6750 section 2.1.
    let fits = |text: &&str| {
        (1..=8192).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte))
    };
    bearer.filter(fits).map_or(Credential::Malformed, |text| Credential::Bearer(Bearer(text.to_owned())))
}

/// The connection's own address.
pub(super) fn peer(request: &Parts) -> Option<IpAddr> {
    request.extensions.get::<SocketAddr>().map(|peer| canonical(peer.ip()))
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&address))
}

/// The client of the outermost trusted proxy: the right-most hop that is not trusted. What stands to the left of it was
/// written by the client, and is not read. Where a hop up to there is malformed, the list does not count.
pub(super) fn client_address(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = peer?;
    if !is_trusted(peer, trusted) {
        return Some(peer);
    }
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    let mut client = peer;
    for hop in hops {
        let Some(address) = std::str::from_utf8(hop).ok().and_then(parse_hop) else { return Some(peer) };
        client = address;
        if !is_trusted(client, trusted) {
            break;
        }
    }
    Some(client)
}

/// What the path of a gateway's question says of the path of the request that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Below<'question> {
    /// Nothing.
    Nothing,
    /// It was appended, and counts where no header names it.
    Appended(&'question str),
    /// It is this one, whatever a header names.
    Exactly(&'question str),
}

impl HttpState {
    /// The request itself, as the audit shows it.
    pub(super) fn observed(&self, request: &Parts) -> ObservedRequest {
        ObservedRequest {
            address: client_address(peer(request), &request.headers, &self.trusted),
            user_agent: self.user_agent(&request.headers),
            method: text::method(request.method.as_str()),
            path: self.path(&readable(request.uri.path().as_bytes())),
        }
    }

    /// The request that a gateway asks about. Without a trusted proxy it is the gateway's own; with one, a method or path
    /// that was not sent in a usable form is unknown, and never that of the question.
    pub(super) fn observed_behind(&self, request: &Parts, below: Below<'_>) -> ObservedRequest {
        let own = self.observed(request);
        if !peer(request).is_some_and(|peer| is_trusted(peer, &self.trusted)) {
            return own;
        }
        let said = |names: &[&str]| {
            let mut values = names.iter().map(|name| single_header(&request.headers, name));
            values.find_map(|value| value).map(readable)
        };
        let method = said(&["x-forwarded-method", "x-original-method"]).and_then(|name| text::method(&name));
        let named =
            || said(&["x-forwarded-uri", "x-original-uri", "x-original-url"]).and_then(|uri| self.path(path_of(&uri)?));
        let path = match below {
            Below::Nothing => named(),
            Below::Appended(path) => named().or_else(|| self.path(&readable(path.as_bytes()))),
            Below::Exactly(path) => self.path(&readable(path.as_bytes())),
        };
        ObservedRequest { method, path, ..own }
    }

    fn user_agent(&self, headers: &HeaderMap) -> Option<String> {
        self.masked_agent(&String::from_utf8_lossy(headers.get(header::USER_AGENT)?.as_bytes()))
    }

    /// What a client calls itself, without values of tokens.
    pub(super) fn masked_agent(&self, agent: &str) -> Option<String> {
        text::user_agent(&redacted(self.app.prefix(), agent))
    }

    /// Where a request went, without its query and values of tokens.
    pub(super) fn path(&self, path: &str) -> Option<String> {
        // A query is not kept, and so it is no reason to keep the path in another form.
        text::path(&redacted(self.app.prefix(), path.split(['?', '#']).next().unwrap_or_default()))
    }

    /// The name of a parameter that was sent, for the log.
    pub(super) fn shown_name(&self, name: &str) -> String {
        text::user_agent(&redacted(self.app.prefix(), name)).unwrap_or_default()
    }

    /// Somebody who came now, from there, through that.
    pub(super) fn caller(&self, observed: &ObservedRequest, through: AuthMethod) -> Caller {
        Caller {
            at: self.app.now(),
            address: observed.address,
            user_agent: observed.user_agent.clone(),
            auth_method: through,
        }
    }

    /// What may be one of our values.
    pub(super) fn secret(&self, text: &str) -> Option<Secret> {
        let secret = Secret::parse(self.app.prefix(), text);
        if secret.is_none() {
            self.app.metrics().checked(CheckOutcome::Malformed);
        }
        secret
    }

    /// Judges a token at a door where values may be guessed: an address that sends many unknown ones is refused.
    pub(super) async fn check_throttled(
        &self,
        secret: &Secret,
        ask: &CheckRequest,
        observed: ObservedRequest,
    ) -> Result<Option<CheckResult>, ErrorResponse> {
        let network = observed.address.and_then(network_of).map(|network| (network, MAX_UNKNOWN_TOKENS));
        let limits = network.as_slice();
        self.throttle.check(limits, Instant::now()).inspect_err(|_| self.app.metrics().throttled())?;
        let checked = self.app.verifier().check(secret, ask, observed).await?;
        if checked.is_none() {
            self.throttle.count(limits, Instant::now());
        }
        Ok(checked)
    }

    /// A question about a token, asked now.
    pub(super) fn ask(&self, organization: Option<String>, scopes: Vec<String>) -> CheckRequest {
        CheckRequest { at: self.app.now(), organization, scopes, ..CheckRequest::default() }
    }
}

/// The value of a header; empty where it came more than once, since then one may be the client's.
fn single_header<'headers>(headers: &'headers HeaderMap, name: &str) -> Option<&'headers [u8]> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.as_bytes();
    Some(if values.next().is_some() { b"" } else { first })
}

/// The text of some bytes, those percent-encoded that are not readable in every log.
fn readable(bytes: &[u8]) -> Cow<'_, str> {
    percent_encode(bytes, CONTROLS).into()
}

/// Some gateways send the whole address, others the path; nothing for what is neither.
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
    fn addresses_count_as_far_as_the_trusted_proxies_go() {
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
    fn bytes_of_the_client_do_not_hide_its_address() {
        for left in [&b"\xe9"[..], b"\xff,\xfe", b"", b",,,", b"nonsense", b"10.1.2.3, \xe9", b"[[[", b"\t"] {
            assert_eq!(client_of("127.0.0.1", &[&[left, b", 1.2.3.4"].concat()]), "1.2.3.4", "{left:?}");
            assert_eq!(client_of("127.0.0.1", &[&[left, b",1.2.3.4 , 10.9.9.9"].concat()]), "1.2.3.4", "{left:?}");
            assert_eq!(client_of("127.0.0.1", &[left, b"1.2.3.4"]), "1.2.3.4", "{left:?}");
        }
        assert_eq!(client_of("127.0.0.1", &[b"1.2.3.4, \xe9"]), "127.0.0.1");
    }

    ///
    #[test]
    fn a_bearer_is_one_word_behind_one_scheme_in_one_header() {
        let of = |values: &[&[u8]]| {
            let headers: HeaderMap = values
                .iter()
                .map(|value| (header::AUTHORIZATION, axum::http::HeaderValue::from_bytes(value).expect("a value")))
                .collect();
            match credential(&headers) {
                Credential::None => "none".to_owned(),
                Credential::Doubled => "doubled".into(),
                Credential::Malformed => "malformed".into(),
                Credential::Bearer(bearer) => bearer.text().to_owned(),
            }
        };
        assert_eq!(of(&[]), "none");
        assert_eq!(of(&[b"bearer abc"]), "abc");
        assert_eq!(of(&[b"BEARER   abc "]), "abc");
        assert_eq!(of(&[b"Bearer abc", b"Bearer abc"]), "doubled");
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
    fn path_of_an_address_is_never_taken_from_its_query() {
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
        for neither in ["", "v1/builds", "api.example.com:443", "v1/a?next=https://a.example/harmless"] {
            assert_eq!(path_of(neither), None, "{neither}");
        }
    }

    #[test]
    fn unreadable_bytes_are_percent_encoded() {
        assert_eq!(readable("/v1/secret/é".as_bytes()), "/v1/secret/%C3%A9");
        assert_eq!(readable(b"/v1/\xe9\t/%20 x"), "/v1/%E9%09/%20 x");
    }
}
