//! From a request to its caller: the one place where time, address and credential enter.

use super::{Doors, problem::Problem, throttle::place};
use crate::{
    domain::{
        caller::{Caller, Through},
        decision::Ask,
        search::canonical,
        secret::{self, Secret},
        text,
    },
    telemetry::Check,
    verify::{Checked, Observed},
};
use axum::http::{HeaderMap, header, request::Parts};
use ipnet::IpNet;
use std::{
    net::{IpAddr, SocketAddr},
    time::Instant,
};

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

/// Whoever sent the request to the outermost trusted proxy: the right-most hop that is not one. What stands to the left
/// of that is whatever the client wrote. A malformed list counts for nothing.
pub(super) fn client_address(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = peer?;
    if !is_trusted(peer, trusted) {
        return Some(peer);
    }
    let mut client = peer;
    for value in headers.get_all("x-forwarded-for").iter().rev() {
        let Ok(hops) = value.to_str() else { return Some(peer) };
        for hop in hops.rsplit(',') {
            let Ok(address) = hop.trim().parse::<IpAddr>() else { return Some(peer) };
            client = canonical(address);
            if !is_trusted(client, trusted) {
                return Some(client);
            }
        }
    }
    Some(client)
}

impl Doors {
    /// The request itself, as the audit shows it.
    pub(super) fn observed(&self, request: &Parts) -> Observed {
        Observed {
            address: client_address(peer(request), &request.headers, &self.trusted),
            user_agent: self.user_agent(&request.headers),
            method: text::method(request.method.as_str()),
            path: self.path(request.uri.path()),
        }
    }

    /// The request that a gateway asks about. Without a trusted proxy it is the gateway's own.
    pub(super) fn observed_behind(&self, request: &Parts) -> Observed {
        let own = self.observed(request);
        if !peer(request).is_some_and(|peer| is_trusted(peer, &self.trusted)) {
            return own;
        }
        let said = |names: &[&str]| {
            names.iter().find_map(|name| request.headers.get(*name)).and_then(|value| value.to_str().ok())
        };
        let method = said(&["x-forwarded-method", "x-original-method"]).and_then(text::method);
        let path =
            said(&["x-forwarded-uri", "x-original-uri", "x-original-url"]).and_then(|uri| self.path(path_of(uri)));
        Observed { method: method.or(own.method), path: path.or(own.path), ..own }
    }

    fn user_agent(&self, headers: &HeaderMap) -> Option<String> {
        self.masked_agent(&String::from_utf8_lossy(headers.get(header::USER_AGENT)?.as_bytes()))
    }

    /// What a client calls itself, without values of tokens.
    pub(super) fn masked_agent(&self, agent: &str) -> Option<String> {
        text::user_agent(&secret::masked(self.app.prefix(), agent))
    }

    /// Where a request went, without its query and values of tokens.
    pub(super) fn path(&self, path: &str) -> Option<String> {
        text::path(&secret::masked(self.app.prefix(), path))
    }

    /// Somebody who came now, from there, through that.
    pub(super) fn caller(&self, observed: &Observed, through: Through) -> Caller {
        Caller { at: self.app.now(), address: observed.address, user_agent: observed.user_agent.clone(), through }
    }

    /// What may be one of our values.
    pub(super) fn secret(&self, text: &str) -> Option<Secret> {
        let secret = Secret::parse(self.app.prefix(), text);
        if secret.is_none() {
            self.app.metrics().checked(Check::Malformed);
        }
        secret
    }

    /// Judges a token at a door where values may be guessed: an address that sends many unknown ones is refused.
    pub(super) async fn guessed(
        &self,
        secret: &Secret,
        ask: &Ask,
        observed: Observed,
    ) -> Result<Option<Checked>, Problem> {
        let address = observed.address.map(place);
        self.throttle.check(address.as_ref(), Instant::now()).inspect_err(|_| self.app.metrics().throttled())?;
        let checked = self.app.verifier().check(secret, ask, observed).await?;
        if checked.is_none() {
            self.throttle.failed(address, Instant::now());
        }
        Ok(checked)
    }

    /// A question about a token, asked now.
    pub(super) fn ask(&self, organization: Option<String>, scopes: Vec<String>) -> Ask {
        Ask { at: self.app.now(), organization, scopes, ..Ask::default() }
    }
}

/// Some gateways tell the whole address, others the path.
fn path_of(uri: &str) -> &str {
    match uri.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/"),
        None => uri,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(forwarded: &[&str]) -> HeaderMap {
        forwarded
            .iter()
            .map(|value| ("x-forwarded-for".parse().expect("a name"), value.parse().expect("a value")))
            .collect()
    }

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let trusted = ["127.0.0.1/32", "10.0.0.0/8"].map(|net| net.parse().expect("a net"));
        let client = client_address(peer.parse().ok(), &headers(forwarded), &trusted);
        client.expect("a peer").to_string()
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
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
        for malformed in ["", "nonsense", "9.9.9.9, ", "9.9.9.9, 1.2.3.4:80", "1.2.3.4, unknown"] {
            assert_eq!(client("127.0.0.1", &[malformed]), "127.0.0.1", "{malformed}");
        }
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

    #[test]
    fn the_path_of_an_address_is_what_stands_behind_its_host() {
        assert_eq!(path_of("https://api.example.com/v1/builds?x=1"), "/v1/builds?x=1");
        assert_eq!(path_of("https://api.example.com"), "/");
        assert_eq!(path_of("/v1/builds"), "/v1/builds");
    }
}
